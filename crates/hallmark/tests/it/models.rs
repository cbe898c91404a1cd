//! `hallmark models`: what is read, what acts, what is refused; and the SDK's node names on the command line.

use crate::support::{Folder, all, code, json, run};

const MODELS: &[u8] = br#"from dataflow import DataFlow
from .mixins import Named

db = DataFlow()


@db.model
class Part(Named):
    maker: str = Field(primary_key=True, max_length=20)
    number: int = Field(primary_key=True)
    note: Optional[str] = None
    __dataflow__ = {"soft_delete": True, "hierarchical": True}


@db.model
class Broken:
    tags: List[str] = Field(primary_key=True)
"#;

fn project() -> Folder {
    let folder = Folder::new();
    folder.write("shop/models.py", MODELS);
    folder.write("shop/mixins.py", b"class Named:\n    title: str = 'x'\n");
    folder.write(
        "shop/tests/test_models.py",
        b"@db.model\nclass Part:\n    x: int\n\n\n@db.model\nclass Tested:\n    x: int\n",
    );
    folder.write("models.sql", b"CREATE TABLE crates (id uuid PRIMARY KEY, weight numeric(8, 2));\n");
    folder
}

#[test]
fn every_form_is_listed_with_what_acts_and_what_does_not() {
    let folder = project();
    let listed = run(&folder, &["models", "--format", "json"]);
    assert_eq!(code(&listed), 3, "{}", all(&listed));
    let answer = json(&listed);
    assert_eq!(answer["schema"], "hallmark.models/2");
    let names: Vec<&str> =
        answer["models"].as_array().unwrap().iter().filter_map(|m| m["name"].as_str()).collect();
    assert_eq!(names, ["Crate", "Part"]);
    let part = &answer["models"][1];
    assert_eq!(part["key"], serde_json::json!(["maker", "number"]));
    assert_eq!(part["options"]["honoured"], serde_json::json!(["soft_delete"]));
    assert_eq!(part["options"]["not_enforced"], serde_json::json!(["hierarchical"]));
    let fields: Vec<&str> =
        part["fields"].as_array().unwrap().iter().filter_map(|f| f["name"].as_str()).collect();
    assert_eq!(fields, ["title", "maker", "number", "note", "created_at", "updated_at", "deleted_at"]);
    let refused = &answer["refused"][0];
    assert_eq!((&refused["name"], &refused["code"]), (&"Broken".into(), &"HM-D004".into()));
    assert_eq!(refused["place"], "shop/models.py:17:11");

    let text = run(&folder, &["models"]);
    let said = all(&text);
    assert!(said.lines().all(|l| l.chars().count() <= 80), "{said}");
    assert!(
        said.contains("declared, not enforced: hierarchical") && said.contains("key: {maker, number}"),
        "{said}"
    );
    assert!(said.contains("2 models in 2 files, 1 refused, 0 unreadable, 18 nodes"), "{said}");
}

#[test]
fn a_path_with_tests_lists_every_declaration() {
    let folder = project();
    let shop = folder.path().join("shop");
    let count = |arguments: &[&str]| {
        let listed =
            run(&folder, &[&["models", shop.to_str().unwrap(), "--format", "json"], arguments].concat());
        json(&listed)["models"].as_array().unwrap().len()
    };
    assert_eq!((count(&[]), count(&["--all"])), (1, 3));
    let missing = run(&folder, &["models", "nowhere.py"]);
    assert_ne!(code(&missing), 0);
    assert!(all(&missing).contains("HM-"), "{}", all(&missing));
}

#[test]
fn a_database_is_written_as_models_that_are_read_again() {
    let folder = project();
    let maker = hallmark_core::random::token(12).unwrap();
    let input = serde_json::json!({"maker": maker, "number": 7}).to_string();
    let made = run(&folder, &["node", "run", "PartCreateNode", "--input", &input]);
    assert_eq!(code(&made), 0, "{}", all(&made));
    assert!(all(&made).contains("\"title\""), "{}", all(&made));
    for (format, file) in [("python", "imported.py"), ("toml", "imported.toml")] {
        let written = run(
            &folder,
            &["models", "import-db", "--schema", "dataflow", "--format", format, "--output", file],
        );
        assert_eq!(code(&written), 0, "{}", all(&written));
        let listed = run(&folder, &["models", file, "--format", "json"]);
        assert_eq!(code(&listed), 0, "{}", all(&listed));
        let answer = json(&listed);
        let part = answer["models"].as_array().unwrap().iter().find(|m| m["table"] == "parts").unwrap();
        assert_eq!(part["key"], serde_json::json!(["maker", "number"]), "{format}");
    }
    let described = run(&folder, &["nodes", "PartCreateNode"]);
    assert!(code(&described) == 0 && all(&described).contains("maker"), "{}", all(&described));
    let none = run(&folder, &["models", "import-db", "--schema", "no_such_schema"]);
    assert_eq!(code(&none), 2, "{}", all(&none));
}

/// Tables that were there before their models are worked on where they are.
#[test]
fn imported_tables_are_worked_on_in_their_own_schema() {
    let schema = format!("it_{}", hallmark_core::random::token(8).unwrap());
    let settings = format!("[dataflow]\nschema = \"{schema}\"\n");
    let owner = Folder::new();
    owner.write("hallmark.toml", settings.as_bytes());
    owner.write("models.sql", b"CREATE TABLE crates (id uuid PRIMARY KEY, weight numeric(8, 2));\n");
    let input = r#"{"operation": "create", "data": {"weight": "2.50"}}"#;
    let made = run(&owner, &["node", "run", "CrateCRUDNode", "--input", input]);
    assert_eq!(code(&made), 0, "{}", all(&made));

    let other = Folder::new();
    let imported = run(&other, &["models", "import-db", "--schema", &schema, "--output", "models.py"]);
    assert!(all(&imported).contains(&format!("schema = \"{schema}\"")), "{}", all(&imported));
    other.write("hallmark.toml", settings.as_bytes());
    let listed = run(&other, &["node", "run", "CrateCRUDNode", "--input", r#"{"operation": "list"}"#]);
    assert!(code(&listed) == 0 && all(&listed).contains("2.50"), "{}", all(&listed));
    run(&owner, &["models", "migrate", "--down", "9", "--yes", "--allow-destructive", "--accept-drift"]);
}
