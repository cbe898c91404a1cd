"""Ties tests to what they reached: real connections, doubles, patches and skips, test by test.

`hallmark test` loads it and listens to it; `pytest -p hallmark_pytest` alone shows a summary at the end, and writes one JSON object
a line to the file that HALLMARK_PYTEST_RECORD names. It needs nothing but the standard library and pytest 7 or newer, changes no
result, and falls silent for good when its listener goes.
"""

import collections
import functools
import json
import os
import socket
import sys
import threading
import types
import weakref

import pytest

FORMAT = 1

# Items in one message about what was collected; a message is one line.
ITEMS_IN_MESSAGE = 200
# Different notes kept of one phase; more are counted only.
NOTES_IN_PHASE = 200
# How long the listener may take to answer, in seconds.
ANSWER_S = 30
# Sockets with an address of their own that are remembered.
BOUND_MAX = 256
REASON_CHARS = 400

LIBRARIES = {
    # module: [(what is wrapped, kind, name shown)]
    "responses": [("RequestsMock.start", "stub-library", "responses")],
    "respx.router": [("MockRouter.start", "stub-library", "respx")],
    "requests_mock.mocker": [("MockerCore.start", "stub-library", "requests_mock")],
    "aioresponses.core": [("aioresponses.start", "stub-library", "aioresponses")],
    "httpretty.core": [("httpretty.enable", "stub-library", "httpretty")],
    "pytest_httpx._httpx_mock": [("HTTPXMock.add_callback", "stub-library", "pytest_httpx")],
    "vcr.cassette": [("CassetteContextDecorator.__enter__", "stub-library", "vcr")],
    "moto.core.models": [
        ("MockAWS.start", "stub-library", "moto"),
        ("BaseMockAWS.start", "stub-library", "moto"),
    ],
    "fakeredis": [
        ("FakeServer.__init__", "stub-library", "fakeredis"),
        ("FakeRedis.__init__", "stub-library", "fakeredis"),
        ("FakeStrictRedis.__init__", "stub-library", "fakeredis"),
        ("FakeAsyncRedis.__init__", "stub-library", "fakeredis"),
    ],
    "mockredis.client": [("MockRedis.__init__", "stub-library", "mockredis")],
    "mongomock.mongo_client": [("MongoClient.__init__", "stub-library", "mongomock")],
    "pytest_httpserver.httpserver": [("HTTPServerBase.start", "stub-library", "pytest_httpserver")],
    "freezegun.api": [("_freeze_time.start", "clock", "freezegun")],
    "time_machine": [("travel.start", "clock", "time_machine")],
}
MOCK_MODULES = ("unittest.mock", "mock.mock")
# Replacing one of these is about time or the process, not about a service.
NO_DOUBLES = ("os.", "sys.", "time.", "datetime.", "random.", "builtins.", "logging.", "warnings.", "posixpath.", "pathlib.", "unittest.mock.")


# Who patches on behalf of others, and who runs a test that is patched as a whole.
GO_BETWEENS = ("hallmark_pytest", "unittest.mock", "mock.", "pytest_mock", "contextlib", "functools")
RUNNERS = ("_pytest.", "pluggy", "unittest.", "asyncio.", "pytest_asyncio", "anyio.", "threading", "concurrent.")
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep


def _key(kind, name):
    return kind + " " + str(name)[:200]


class Channel:
    """The way to the listener: a Unix socket, or a file, or nowhere."""

    def __init__(self):
        self.path = os.environ.get("HALLMARK_PYTEST_SOCKET")
        self.file = None if self.path else os.environ.get("HALLMARK_PYTEST_RECORD")
        self.lock = threading.RLock()
        self.stream = None
        # Sockets that belong to a parent: kept, because one that is forgotten is a warning, and a warning may fail a test.
        self.inherited = []
        self.pid = None
        self.hello = {}

    def introduce(self, **hello):
        self.hello = hello
        with self.lock:
            self.pid = None
            self._ready()

    def _ready(self):
        pid = os.getpid()
        if self.pid == pid:
            return self.stream is not None
        # After a fork the parent's socket stays the parent's.
        self.inherited.append(self.stream)
        self.pid, self.stream = pid, None
        if not self.path:
            return False
        try:
            self.stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.stream.settimeout(ANSWER_S)
            with watch.silence():
                self.stream.connect(self.path)
            self._put(dict(self.hello, event="hello", format=FORMAT, pid=pid))
        except OSError:
            self.close()
        return self.stream is not None

    def close(self):
        """Falls silent."""
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()

    def _put(self, event):
        self.stream.sendall(json.dumps(event).encode("ascii") + b"\n")

    def send(self, event, **members):
        """Tells the listener; never fails."""
        members["event"] = event
        with self.lock:
            try:
                if self._ready():
                    self._put(members)
                elif self.file:
                    with watch.silence(), open(self.file, "a", encoding="ascii") as stream:
                        stream.write(json.dumps(members) + "\n")
            except (OSError, ValueError):
                self.close()

    def ask(self, event, **members):
        """Tells the listener and waits until it has taken note: what follows is counted after it."""
        with self.lock:
            self.send(event, **members)
            try:
                if self.stream is not None and not self.stream.recv(1):
                    self.close()
            except OSError:
                self.close()


class Watch:
    """What happens in this process, from one phase of a test to the next."""

    def __init__(self):
        self.lock = threading.RLock()
        self.quiet = threading.local()
        self.notes = {}
        self.test = None
        self.phase = "collect"
        self.inner = None

    def silence(self):
        return _Silence(self.quiet)

    def note(self, kind, name):
        if getattr(self.quiet, "depth", 0):
            return
        with self.lock:
            key = _key(kind, name)
            if key in self.notes or len(self.notes) < NOTES_IN_PHASE:
                self.notes[key] = self.notes.get(key, 0) + 1

    def enter(self, test, phase):
        """Hands over what was noted, and says what comes next."""
        with self.lock:
            notes, self.notes = self.notes, {}
            before = (self.test, self.phase)
            self.test, self.phase = test, phase
        summary.take(before[0], before[1], notes)
        channel.ask("phase", id=test, phase=phase, of=before[0], was=before[1], notes=notes)


class _Silence:
    def __init__(self, quiet):
        self.quiet = quiet

    def __enter__(self):
        self.quiet.depth = getattr(self.quiet, "depth", 0) + 1

    def __exit__(self, *_):
        self.quiet.depth -= 1


class Summary:
    """What is shown where nobody listens."""

    def __init__(self):
        self.connected = {}
        self.doubled = {}

    def take(self, test, phase, notes):
        if test is None or phase not in ("setup", "call"):
            return
        for key in notes:
            kind, _, name = key.partition(" ")
            if kind == "connect":
                self.connected.setdefault(name, set()).add(test)
            elif kind in ("mock", "patch", "monkeypatch", "stub-library", "sqlite-memory", "sys-modules"):
                self.doubled.setdefault(kind, set()).add(test)

    def write(self, reporter):
        if not self.connected and not self.doubled:
            return
        reporter.section("what the tests reached (hallmark)")
        for name, tests in sorted(self.connected.items()):
            reporter.write_line("connected to {}: {} tests".format(name, len(tests)))
        for kind, tests in sorted(self.doubled.items()):
            reporter.write_line("used {}: {} tests".format(kind, len(tests)))


watch = Watch()
summary = Summary()
channel = Channel()


def _audit(event, arguments):
    if event == "socket.connect":
        watch.note("connect", _address(arguments[1]))
        if _is_own(arguments[1]):
            watch.note("own-server", _address(arguments[1]))
    elif event == "socket.bind":
        _bound.append(weakref.ref(arguments[0]))
    elif event == "subprocess.Popen":
        program = arguments[0] or (arguments[1] or [""])[0]
        watch.note("subprocess", os.path.basename(os.fsdecode(program)))
    elif event == "sqlite3.connect":
        name = str(arguments[0])
        if ":memory:" in name or "mode=memory" in name:
            watch.note("sqlite-memory", name)


# Sockets that this process gave an address; the system chooses the port of most of them only then.
_bound = collections.deque(maxlen=BOUND_MAX)


def _is_own(address):
    """Whether a server listens there that was opened by this very process."""
    for reference in list(_bound):
        bound = reference()
        try:
            name = bound.getsockname() if bound is not None and bound.fileno() >= 0 else None
        except OSError:
            continue
        if isinstance(name, tuple) and isinstance(address, tuple):
            if name[1] == address[1] and str(address[0]) in ("127.0.0.1", "localhost", "::1", str(name[0])):
                return True
        elif name and name == address:
            return True
    return False


def audit(event, arguments):
    if event in ("socket.connect", "socket.bind", "subprocess.Popen", "sqlite3.connect"):
        try:
            _audit(event, arguments)
        except Exception:  # an audit hook that fails would fail the test
            pass


def _address(address):
    if isinstance(address, tuple) and len(address) >= 2:
        host = str(address[0])
        return "[{}]:{}".format(host, address[1]) if ":" in host else "{}:{}".format(host, address[1])
    return "unix:" + os.fsdecode(address) if isinstance(address, (str, bytes)) else str(address)


# --- doubles -----------------------------------------------------------------------------------------------------------------


def _replace(owner, name, make):
    """Puts a wrapper in the place of a function, once."""
    original = vars(owner).get(name) if isinstance(owner, type) else None
    original = getattr(owner, name, None) if original is None else original
    function = getattr(original, "__func__", original)
    if function in (None, object.__init__) or getattr(function, "_hallmark", False):
        return
    wrapper = functools.wraps(function)(make(function))
    wrapper._hallmark = True
    if isinstance(original, (staticmethod, classmethod)):
        wrapper = type(original)(wrapper)
    setattr(owner, name, wrapper)


def _is_library(file):
    return "site-packages" in file or "dist-packages" in file or file.startswith((_STANDARD_LIBRARY, "<frozen"))


def _goes_between(frame):
    name = frame.f_globals.get("__name__", "")
    # unittest's enterContext and its kin enter what somebody else made.
    entering = name == "unittest.case" and frame.f_code.co_name.lower().startswith(("enter", "_enter"))
    return entering or name.startswith(GO_BETWEENS)


def _by_library():
    """Whether a library patches something for an end of its own: neither the test nor what the test asked for."""
    frame = sys._getframe(2)
    through = False
    while frame is not None and _goes_between(frame):
        through = through or frame.f_globals.get("__name__") != __name__
        frame = frame.f_back
    # A decorated test is patched on its way from the runner to its body; a runner that patches by itself is a library like others.
    if frame is None or (through and frame.f_globals.get("__name__", "").startswith(RUNNERS)):
        return False
    return _is_library(frame.f_code.co_filename)


def _noting(kind, shown):
    def make(function):
        def wrapper(*args, **kwargs):
            watch.note(kind, shown)
            return function(*args, **kwargs)

        return wrapper

    return make


def _wrap_library(module, wanted):
    for path, kind, shown in wanted:
        owner = module
        *owners, name = path.split(".")
        for part in owners:
            owner = getattr(owner, part, None)
        if owner is not None:
            _replace(owner, name, _noting(kind, shown))


def _named(target, attribute):
    if isinstance(target, str):
        return target + ("." + attribute if attribute else "")
    if isinstance(target, types.ModuleType):
        head = target.__name__
    else:
        owner = target if hasattr(target, "__qualname__") else type(target)
        head = "{}.{}".format(owner.__module__, owner.__qualname__)
    return "{}.{}".format(head, attribute)


def _wrap_mock(module):
    here = module.__name__

    def construct(function):
        def __new__(cls, *args, **kwargs):
            # The module's own constructions belong to a mock or a patch that is noted already.
            if sys._getframe(1).f_globals.get("__name__") != here and not _by_library():
                spec = kwargs.get("spec") or kwargs.get("spec_set") or (args[0] if args else None)
                of = " of " + (getattr(spec, "__qualname__", None) or type(spec).__qualname__) if spec is not None else ""
                watch.note("mock", cls.__name__ + of)
            return function(cls, *args, **kwargs)

        return __new__

    def enter(function):
        def __enter__(self):
            replaced = function(self)
            if _by_library():
                return replaced
            try:
                name = _named(self.target if self.target is not None else self.getter(), self.attribute)
                if not name.startswith(NO_DOUBLES):
                    watch.note("patch", name)
            except Exception:  # a note is never worth a failing test
                watch.note("patch", self.attribute)
            return replaced

        return __enter__

    def enter_dict(function):
        def _patch_dict(self):
            result = function(self)
            if self.in_dict is sys.modules:
                watch.note("sys-modules", ", ".join(map(str, self.values)))
            return result

        return _patch_dict

    base = getattr(module, "NonCallableMock", None)
    if base is not None:
        _replace(base, "__new__", lambda original: construct(original))
    patching = getattr(module, "_patch", None)
    if patching is not None:
        _replace(patching, "__enter__", enter)
    patching = getattr(module, "_patch_dict", None)
    if patching is not None:
        _replace(patching, "_patch_dict", enter_dict)
    if hasattr(module, "create_autospec"):
        _replace(module, "create_autospec", _noting("mock", "create_autospec"))


def _wrap_monkeypatch():
    def setattr_(function):
        def wrapper(self, target, name, *args, **kwargs):
            try:
                if not _by_library():
                    _note_monkeypatch(target, name, args, kwargs)
            except Exception:  # a note is never worth a failing test
                pass
            return function(self, target, name, *args, **kwargs)

        return wrapper

    def setitem(function):
        def wrapper(self, dic, name, value, *args, **kwargs):
            if dic is sys.modules:
                watch.note("sys-modules", name)
            return function(self, dic, name, value, *args, **kwargs)

        return wrapper

    _replace(pytest.MonkeyPatch, "setattr", setattr_)
    _replace(pytest.MonkeyPatch, "setitem", setitem)


def _note_monkeypatch(target, name, args, kwargs):
    dotted = isinstance(target, str) and not args and "value" not in kwargs
    value = name if dotted else (args[0] if args else kwargs.get("value"))
    shown = target if dotted else _named(target, name)
    # A constant or a setting is configuration; a function, class or object with methods stands in for something.
    old = None if dotted or isinstance(target, str) else getattr(target, name, None)
    if (callable(value) or callable(old)) and not shown.startswith(NO_DOUBLES):
        watch.note("monkeypatch", shown)


def _imported(module):
    try:
        if module.__name__ in MOCK_MODULES:
            _wrap_mock(module)
        else:
            _wrap_library(module, LIBRARIES[module.__name__])
    except Exception:  # a library of another version is left as it is
        pass


class Finder:
    """Wraps the libraries of doubles as they are imported; finds nothing else and loads nothing itself."""

    def find_spec(self, name, path=None, target=None):
        if name not in LIBRARIES and name not in MOCK_MODULES:
            return None
        others = (finder for finder in list(sys.meta_path) if finder is not self)
        found = (finder.find_spec(name, path, target) for finder in others if hasattr(finder, "find_spec"))
        spec = next((spec for spec in found if spec is not None), None)
        loader = getattr(spec, "loader", None)
        if loader is None or not hasattr(loader, "exec_module"):
            return None
        execute = loader.exec_module

        def exec_module(module):
            execute(module)
            _imported(module)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            return None
        return spec


def install():
    if os.environ.get("HALLMARK_PYTEST_OFF"):
        return
    sys.addaudithook(audit)
    sys.meta_path.insert(0, Finder())
    for name in list(LIBRARIES) + list(MOCK_MODULES):
        if name in sys.modules:
            _imported(sys.modules[name])
    _wrap_monkeypatch()


# --- what pytest tells -------------------------------------------------------------------------------------------------------


def _is_worker(config):
    return hasattr(config, "workerinput")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config):
    if _is_worker(config):
        channel.path = channel.path or config.workerinput.get("hallmark_socket")
    worker = config.workerinput.get("workerid", "worker") if _is_worker(config) else "main"
    channel.introduce(
        worker=worker,
        parent=os.getppid(),
        python=".".join(map(str, sys.version_info[:3])),
        pytest=pytest.__version__,
        root=str(config.rootpath),
        start=str(config.invocation_params.dir),
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    # A conftest may have emptied the environment before pytest-xdist starts its workers.
    node.workerinput["hallmark_socket"] = channel.path


def pytest_collectstart(collector):
    # What a module makes while it is imported belongs to the file.
    if isinstance(collector, pytest.Module):
        watch.enter(collector.nodeid, "collect")


def pytest_collectreport(report):
    if report.failed:
        channel.send("collection_error", id=report.nodeid, reason=_reason(report))
    elif report.skipped:
        channel.send("collection_skip", id=report.nodeid, reason=_reason(report))


def pytest_deselected(items):
    channel.send("deselected", ids=[item.nodeid for item in items])


def pytest_collection_finish(session):
    watch.enter(None, "idle")
    items = [_item(item) for item in session.items]
    for start in range(0, len(items), ITEMS_IN_MESSAGE):
        channel.send("collected", items=items[start : start + ITEMS_IN_MESSAGE])


def _item(item):
    return {
        "id": item.nodeid,
        "path": str(getattr(item, "path", "")),
        "line": (item.location[1] or 0) + 1,
        "marks": sorted({mark.name for mark in item.iter_markers()}),
    }


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_setup(item):
    watch.enter(item.nodeid, "setup")
    yield


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_call(item):
    watch.enter(item.nodeid, "call")
    yield
    watch.enter(item.nodeid, "after")


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_teardown(item, nextitem):
    watch.enter(item.nodeid, "teardown")
    yield


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_fixture_setup(fixturedef, request):
    # What a fixture of many tests does is not what this one test does.
    wider = getattr(fixturedef, "scope", "function") != "function" and watch.phase == "setup"
    if wider:
        watch.enter(watch.test, "shared")
    yield
    if wider:
        watch.enter(watch.test, "setup")


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish(nodeid, location):
    if watch.test is not None:
        watch.enter(None, "idle")


def pytest_runtest_logreport(report):
    # The controller of pytest-xdist hears every report, also of a worker that died.
    if getattr(channel, "config_is_worker", False):
        return
    channel.send(
        "report",
        id=report.nodeid,
        when=report.when,
        outcome=report.outcome,
        expected=hasattr(report, "wasxfail"),
        ms=round(report.duration * 1000, 3) if getattr(report, "duration", None) else 0.0,
        reason="" if report.passed else _reason(report),
    )


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session):
    channel.config_is_worker = _is_worker(session.config)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    watch.enter(None, "idle")
    if not _is_worker(session.config):
        channel.send("finished", status=int(exitstatus))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    with channel.lock:
        channel.close()


def pytest_terminal_summary(terminalreporter):
    if not channel.path:
        summary.write(terminalreporter)


def _reason(report):
    longrepr = getattr(report, "longrepr", None)
    if isinstance(longrepr, tuple) and len(longrepr) == 3:
        text = str(longrepr[2])
    else:
        crash = getattr(longrepr, "reprcrash", None)
        text = str(getattr(crash, "message", "") or longrepr or "").strip()
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        text = (lines[0] if crash else lines[-1]) if lines else ""
    return text[:REASON_CHARS]


install()
