//! Bad input: a coded error or a problem, the rest goes on, nothing is lost.

use std::net::TcpListener;

use crate::support::{Folder, all, code, command, json, run};

#[test]
fn what_cannot_be_read_is_a_problem_and_the_rest_is_scanned() {
    let folder = Folder::new();
    folder.write("latin.py", b"name = '\xe9t\xe9'\n");
    folder.write("broken.py", b"def f(:\n    pass\n");
    let mut large = b"x = 1\n".to_vec();
    large.resize(50 * 1024 * 1024, b'#');
    folder.write("large.py", &large);
    folder.write(
        "tests/integration/test_a.py",
        b"from unittest.mock import MagicMock\n\n\ndef test_a():\n    assert MagicMock()()\n",
    );
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    let checked = run(&folder, &["check", "--format", "json"]);
    assert_eq!(code(&checked), 3, "{}", all(&checked));
    let report = json(&checked);
    for file in ["latin.py", "broken.py", "large.py"] {
        let problem = report["problems"].as_array().unwrap().iter().find(|p| p["path"] == file);
        assert!(problem.is_some_and(|p| p["code"].as_str().unwrap().starts_with("HM-")), "{file}: {report}");
    }
    assert!(
        report["findings"].as_array().unwrap().iter().any(|f| f["path"] == "tests/integration/test_a.py")
    );
}

#[test]
fn a_model_with_an_unknown_type_is_named_with_its_place_and_the_others_go_on() {
    let folder = Folder::new();
    folder.write(
        "models.py",
        b"from dataflow import DataFlow\n\ndb = DataFlow()\n\n\n@db.model\nclass Good:\n    name: str\n\n\n@db.model\nclass Bad:\n    shape: Polygon\n",
    );
    let models = run(&folder, &["models", "--format", "json"]);
    assert_eq!(code(&models), 3, "{}", all(&models));
    let answer = json(&models);
    assert_eq!(answer["models"].as_array().unwrap().len(), 1);
    let problem = &answer["problems"][0];
    assert_eq!((&problem["code"], &problem["place"]["line"]), (&"HM-P101".into(), &13.into()), "{answer}");
}

#[test]
fn a_taken_port_names_its_holder() {
    let folder = Folder::example("catalog");
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let refused = run(&folder, &["serve", "--port", &port, "--mcp-port", "0"]);
    assert_eq!(code(&refused), 4, "{}", all(&refused));
    let said = all(&refused);
    assert!(said.contains("HM-N030") && said.contains(&std::process::id().to_string()), "{said}");
}

#[test]
fn a_wrong_password_is_said_without_the_password() {
    let folder = Folder::new();
    let url = std::env::var("HALLMARK_POSTGRES_URL").unwrap();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, host) = rest.split_once('@').unwrap();
    let wrong = format!("{scheme}://postgres:not-the-password@{host}");
    let status = command(&folder)
        .args(["status", "--format", "json"])
        .env("HALLMARK_POSTGRES_URL", &wrong)
        .output()
        .unwrap();
    assert_eq!(code(&status), 4, "{}", all(&status));
    assert!(!all(&status).contains("not-the-password"));
    let answer = json(&status);
    let postgres =
        answer["services"].as_array().unwrap().iter().find(|s| s["service"] == "postgres").unwrap();
    assert_eq!(postgres["state"], "down", "{postgres}");
    assert!(postgres["reason"].as_str().unwrap().contains("password"), "{postgres}");
}

#[test]
fn a_configuration_that_no_command_takes_is_not_shown_as_the_one_in_force() {
    let folder = Folder::new();
    for (text, place, wanted) in [
        ("[stack]\nprovder = \"native\"\n", "hallmark.toml:2:1", "did you mean provider?"),
        ("[stack]\nprovider = \"podman\"\n", "hallmark.toml:2:12", "unknown variant `podman`"),
        ("[stack.ports]\nredis = 70000\n", "hallmark.toml:2:1", "a whole number from 1 to 65535"),
        ("[stack.postgres]\nreplicas = 5\n", "hallmark.toml:2:1", "a whole number from 0 to 2"),
        (
            "[services.redis]\nurl = \"redis://h\"\npassword = \"pw-in-clear\"\n",
            "hallmark.toml:3:12",
            "{ env = ",
        ),
    ] {
        folder.write("hallmark.toml", text.as_bytes());
        for command in [&["config"][..], &["config", "stack"], &["config", "--format", "json"], &["status"]] {
            let refused = run(&folder, command);
            let said = all(&refused);
            assert_eq!(code(&refused), 2, "{command:?}: {said}");
            assert!(said.contains("HM-C002") && said.contains(place) && said.contains(wanted), "{said}");
            assert!(!said.contains("pw-in-clear"), "{said}");
        }
    }
    folder.write("hallmark.toml", b"[stack.postgres]\nreplicas = 2\n");
    assert_eq!(code(&run(&folder, &["config"])), 0);
}

#[test]
fn usage_errors_name_the_next_step() {
    let folder = Folder::new();
    for (arguments, wanted) in [
        (vec!["check", "no-such-folder"], "HM-C004"),
        (vec!["check", "--edition", "1999"], "HM-B003"),
        (vec!["check", "--select", "no-such-rule"], "HM-G010"),
        (vec!["logs", "oracle"], "HM-B002"),
        (vec!["nodes", "NoSuchNode"], "HM-B001"),
        (vec!["node", "run", "MergeNode", "--input", "{nope"], "HM-C020"),
        (vec!["node", "run", "MergeNode", "--input", "{\"a\": 12345678901234567890.123}"], "HM-C021"),
        (vec!["verify-certificate", "no-such-file.json"], "HM-C012"),
    ] {
        let refused = run(&folder, &arguments);
        let said = all(&refused);
        assert!(said.contains(wanted) && said.contains("next:"), "{arguments:?}: {said}");
        assert!([2, 3].contains(&code(&refused)), "{arguments:?}: {}", code(&refused));
    }
    folder.write("hallmark.toml", b"[standards]\nedition = 7\n");
    let refused = run(&folder, &["check"]);
    assert!(all(&refused).contains("hallmark.toml:2:11"), "{}", all(&refused));
    assert_eq!(code(&refused), 2);
}
