"""Writes down what pytest collects and executes, one JSON object a line, as it happens."""

import json
import os

_path = os.environ["HALLMARK_PYTEST_REPORT"]
_phases = {}


def _write(**event):
    with open(_path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(event) + "\n")


def _reason(report):
    text = str(getattr(report, "longrepr", "") or "").strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def pytest_collectreport(report):
    if report.failed:
        _write(event="collection_error", id=report.nodeid, reason=_reason(report))


def pytest_deselected(items):
    _write(event="deselected", count=len(items))


def pytest_collection_finish(session):
    _write(event="collected", count=len(session.items))


def pytest_runtest_logreport(report):
    expected_failure = hasattr(report, "wasxfail")
    outcome = None
    if report.when == "call":
        if expected_failure:
            outcome = "xpassed" if report.passed else "xfailed"
        else:
            outcome = report.outcome
    elif report.failed:
        outcome = "error"
    elif report.skipped:
        outcome = "skipped"
    if outcome is not None:
        _phases[report.nodeid] = outcome
        _write(
            event="test",
            id=report.nodeid,
            outcome=outcome,
            ms=round(report.duration * 1000, 3),
            reason="" if report.passed else _reason(report),
        )


def pytest_sessionfinish(session, exitstatus):
    _write(event="finished", status=int(exitstatus))
