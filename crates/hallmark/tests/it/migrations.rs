//! `hallmark models diff|migrate` on the database of the test run, beside the tables of others.

use crate::support::{Folder, all, code, json, model_name, out, run};

/// A project with one model of a name that nobody else has.
struct Project {
    folder: Folder,
    name: String,
    table: String,
}

impl Project {
    fn new() -> Self {
        let name = model_name("Gadget");
        let table = format!("{}s", name.to_lowercase());
        Self { folder: Folder::new(), name, table }
    }

    fn models(&self, fields: &str) {
        let text = format!(
            "from dataflow import DataFlow\n\ndb = DataFlow()\n\n\n@db.model\nclass {}:\n{fields}",
            self.name
        );
        self.folder.write("models.py", text.as_bytes());
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        run(
            &self.folder,
            &["models", "migrate", "--down", "9", "--yes", "--allow-destructive", "--accept-drift"],
        );
    }
}

/// A model that cannot be read is not one that was removed.
#[test]
fn no_plan_is_made_while_models_cannot_be_read() {
    let project = Project::new();
    let folder = &project.folder;
    project.models("    name: str\n");
    assert_eq!(code(&run(folder, &["models", "migrate", "--yes"])), 0);
    let good = std::fs::read(folder.path().join("models.py")).unwrap();
    let spoilt: [(&str, Vec<u8>); 5] = [
        ("too large", [good.as_slice(), b"# long\n".repeat(700_000).as_slice()].concat()),
        ("a field that cannot be one", [good.as_slice(), b"    k: Literal[\"a\", 3]\n"].concat()),
        ("not in its encoding", [good.as_slice(), b"# caf\xe9\n"].concat()),
        ("no Python", [good.as_slice(), b"class (:\n"].concat()),
        ("no table", [good.as_slice(), b"    tags: List[str] = Field(primary_key=True)\n"].concat()),
    ];
    for (what, text) in spoilt {
        folder.write("models.py", &text);
        for arguments in [&["models", "diff"][..], &["models", "migrate", "--yes", "--allow-destructive"]] {
            let refused = run(folder, arguments);
            let said = all(&refused);
            assert!(code(&refused) == 3 && said.contains("HM-B011"), "{what}: {said}");
            assert!(said.contains("models.py:") || said.contains(&project.name), "{what}: {said}");
        }
        let listed = run(folder, &["models"]);
        assert_eq!(code(&listed), 3, "{what}: {}", all(&listed));
    }
    folder.write("models.py", &[b"# -*- coding: latin-1 -*-\n# caf\xe9\n".as_slice(), &good].concat());
    let clean = run(folder, &["models", "diff"]);
    assert_eq!(code(&clean), 0, "{}", all(&clean));
}

#[test]
fn tables_follow_their_models_and_back() {
    let project = Project::new();
    let folder = &project.folder;
    project.models("    name: str\n    old: str = 'x'\n");
    let diff = run(folder, &["models", "diff"]);
    assert_eq!(code(&diff), 1, "{}", all(&diff));
    assert!(out(&diff).lines().all(|l| l.chars().count() <= 80), "{}", out(&diff));
    let unasked = run(folder, &["models", "migrate"]);
    assert!(code(&unasked) == 2 && all(&unasked).contains("HM-B010"), "{}", all(&unasked));
    let made = run(folder, &["models", "migrate", "--yes"]);
    assert_eq!(code(&made), 0, "{}", all(&made));
    let clean = run(folder, &["models", "diff", "--format", "json"]);
    assert_eq!(code(&clean), 0, "{}", all(&clean));
    let clean = json(&clean);
    assert_eq!(
        (&clean["schema"], &clean["steps"]),
        (&"hallmark.models.diff/1".into(), &serde_json::json!([]))
    );

    project.models("    name: str = Field(unique=True)\n    colour: str = 'red'\n");
    let sql = run(folder, &["models", "diff", "--sql"]);
    assert_eq!(code(&sql), 1, "{}", all(&sql));
    assert!(
        out(&sql).contains(&format!("ALTER TABLE \"dataflow\".\"{}\" DROP COLUMN \"old\";", project.table))
    );
    // What nodes would fail on refuses a start, and says what to do.
    let refused = run(folder, &["serve", "--port", "0", "--mcp-port", "0"]);
    let said = all(&refused);
    assert!(
        code(&refused) == 2 && said.contains("HM-D090") && said.contains("hallmark models migrate"),
        "{said}"
    );
    let lossy = run(folder, &["models", "migrate", "--yes"]);
    assert!(code(&lossy) == 2 && all(&lossy).contains("HM-D091"), "{}", all(&lossy));
    let dry = run(folder, &["models", "migrate", "--dry-run", "--allow-destructive", "--format", "json"]);
    assert_eq!(code(&dry), 1, "{}", all(&dry));
    let dry = json(&dry);
    assert_eq!(dry["counts"], serde_json::json!({"safe": 2, "slow": 0, "destructive": 1}));
    let done = run(folder, &["models", "migrate", "--yes", "--allow-destructive", "--format", "json"]);
    assert_eq!(code(&done), 0, "{}", all(&done));
    assert_eq!(json(&done)["migrations"][0]["steps"], 3, "a dry run does nothing");

    let status = json(&run(folder, &["models", "migrate", "--status", "--format", "json"]));
    let states: Vec<&str> =
        status["migrations"].as_array().unwrap().iter().filter_map(|m| m["state"].as_str()).collect();
    assert_eq!(states, ["applied", "applied"], "{status}");
    let refused = run(folder, &["models", "migrate", "--down", "--yes", "--lock-attempts", "7"]);
    let next = "hallmark models migrate --down 1 --lock-attempts 7 --allow-destructive";
    assert!(code(&refused) == 2 && all(&refused).contains(next), "{}", all(&refused));
    let unasked = run(folder, &["models", "migrate", "--down", "--allow-destructive"]);
    let next = "hallmark models migrate --down 1 --allow-destructive --yes";
    assert!(code(&unasked) == 2 && all(&unasked).contains(next), "{}", all(&unasked));
    let renamed = run(folder, &["models", "migrate", "--down", "--rename", "a=b"]);
    assert!(code(&renamed) == 2 && all(&renamed).contains("--rename"), "{}", all(&renamed));
    let back = run(folder, &["models", "migrate", "--down", "--yes", "--allow-destructive"]);
    assert_eq!(code(&back), 0, "{}", all(&back));
    project.models("    name: str\n    old: str = 'x'\n");
    assert_eq!(code(&run(folder, &["models", "diff"])), 0, "taken back");
    for (arguments, expected) in [
        (vec!["models", "diff", "--rename", "nonsense"], "HM-D085"),
        (vec!["models", "migrate", "--dry-run", "--backfill", "nonsense"], "HM-D084"),
    ] {
        let wrong = run(folder, &arguments);
        assert!(code(&wrong) == 2 && all(&wrong).contains(expected), "{}", all(&wrong));
    }
}
