//! What the front end says of small projects: names followed through scopes, files and re-exports.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by failing")]

use hallmark_python::index::{ClassRef, Index, Resolved};
use hallmark_python::{Interface, read};

/// Reads files given as `(path, dotted name, text)`.
fn project(files: &[(&str, &str, &str)]) -> Index {
    Index::new(files.iter().map(|(path, name, text)| read(path, name, text).interface).collect())
}

fn callees(text: &str) -> Vec<String> {
    read("app/a.py", "app.a", text).calls.iter().map(|c| c.callee.to_string()).collect()
}

fn module<'a>(index: &'a Index, path: &str) -> &'a Interface {
    index.modules().iter().find(|m| &*m.path == path).unwrap()
}

#[test]
fn aliases_and_bindings_are_followed() {
    let text = "import unittest.mock as um\nfrom unittest import mock\nfrom unittest.mock import patch as p\n\
                um.Mock()\nmock.patch('x')\np('y')\nbuild = um.MagicMock\nbuild()\n";
    let expected =
        ["unittest.mock.Mock", "unittest.mock.patch", "unittest.mock.patch", "unittest.mock.MagicMock"];
    assert_eq!(callees(text), expected);
}

#[test]
fn objects_keep_the_path_of_their_construction() {
    let text = "from lib import Builder\n\nclass Service:\n    def __init__(self):\n        self.builder = Builder()\n\n    \
                def run(self, other: Builder):\n        self.builder.add()\n        other.build().go()\n        \
                with Builder() as b:\n            b.add()\n";
    let found = callees(text);
    for path in ["lib.Builder().add", "lib.Builder().build().go", "lib.Builder().build"] {
        assert!(found.iter().any(|f| f == path), "{path} is missing in {found:?}");
    }
}

#[test]
fn a_name_of_an_inner_scope_hides_the_outer_one() {
    let text = "from lib import run\n\ndef f(run):\n    run.execute()\n\ndef g():\n    run = 1\n    run.execute()\n\nrun()\n";
    assert_eq!(callees(text), ["lib.run", "$run.execute"]);
}

#[test]
fn a_fallback_in_a_handler_does_not_hide_the_import() {
    let text = "try:\n    from lib import run\nexcept ImportError:\n    run = None\n\nrun()\n";
    assert_eq!(callees(text), ["lib.run"]);
}

#[test]
fn what_an_import_call_gives_is_the_module() {
    let text = "import pytest\nasyncpg = pytest.importorskip('asyncpg')\nasyncpg.connect()\n";
    assert_eq!(callees(text).last().unwrap(), "asyncpg.connect");
}

#[test]
fn imports_know_whether_they_are_used() {
    let text =
        "from a import one, two, three, four\n__all__ = ['two']\n\ndef f(x: 'three'):\n    return one\n";
    let module = read("m.py", "m", text);
    let unused: Vec<&str> = module.imports.iter().filter(|i| !i.used).map(|i| &*i.bound).collect();
    assert_eq!(unused, ["four"]);
}

#[test]
fn re_exports_lead_to_the_class_and_its_ancestors() {
    let index = project(&[
        ("lib/__init__.py", "lib", "from lib.core import *\n"),
        ("lib/core.py", "lib.core", "from sdk.nodes import Node\n\nclass Base(Node):\n    pass\n"),
        ("app/__init__.py", "app", "from lib import Base as Root\n"),
        ("app/nodes.py", "app.nodes", "from app import Root\n\nclass Mine(Root):\n    pass\n"),
    ]);
    let nodes = module(&index, "app/nodes.py");
    let view = index.view(nodes);
    let ancestors = view.ancestors(ClassRef { module: nodes, class: &nodes.classes[0] });
    let paths: Vec<String> = ancestors
        .iter()
        .map(|a| match a {
            Resolved::Class(found) => found.class.path.to_string(),
            Resolved::Path(path) => path.clone(),
        })
        .collect();
    assert_eq!(paths, ["lib.core.Base", "sdk.nodes.Node"]);
    let seen: Vec<&str> = view.seen().into_iter().map(|id| &*index.modules()[id as usize].path).collect();
    assert_eq!(seen, ["lib/__init__.py", "lib/core.py", "app/__init__.py"]);
}

#[test]
fn circles_of_imports_and_bases_end() {
    let index = project(&[
        ("a.py", "a", "from b import X\n\nclass A(X):\n    pass\n"),
        ("b.py", "b", "from a import X\n\nclass B(B):\n    pass\n"),
    ]);
    assert!(matches!(index.view(module(&index, "a.py")).resolve("a.X"), Resolved::Path(_)));
    let b = module(&index, "b.py");
    assert!(index.view(b).ancestors(ClassRef { module: b, class: &b.classes[0] }).len() < 100);
}

#[test]
fn a_folder_with_a_hyphen_is_no_package_and_a_proper_root_comes_first() {
    let index = project(&[
        ("src/kailash/__init__.py", "kailash", "X = 1\n"),
        ("tests/__init__.py", "tests", ""),
        ("tests/kailash/__init__.py", "tests.kailash", "X = 1\n"),
        ("tests/test_a.py", "tests.test_a", "from kailash import X\n"),
        ("my-lib/__init__.py", "my-lib", ""),
    ]);
    let test = module(&index, "tests/test_a.py");
    let view = index.view(test);
    assert_eq!(&*view.module("kailash").unwrap().path, "src/kailash/__init__.py");
    assert!(!view.is_package_folder("my-lib") && view.is_package_folder("tests"));
}

#[test]
fn any_text_gives_facts() {
    for text in [
        "",
        "\0",
        "def",
        "class (:",
        "((((",
        "f'{",
        "'''",
        "\\",
        "\u{feff}x",
        "if x:\n\tpass\n  pass",
        "match x:\n case",
    ] {
        let module = read("a.py", "a", text);
        assert_eq!(&*module.path, "a.py");
    }
}

#[test]
fn an_edit_inside_a_body_leaves_the_outside_as_it_was() {
    let digest = |text: &str| read("a.py", "a", text).interface.digest();
    let before = digest("import x\n\ndef f(a):\n    return x.y\n");
    assert_eq!(before, digest("import x\n\n\ndef f(a):\n    a.go()\n    return x.y\n"));
    assert_ne!(before, digest("import x\n\ndef f(a):\n    return x.z\n"));
    assert_ne!(before, digest("import x\n\ndef f(a, b):\n    return x.y\n"));
}
