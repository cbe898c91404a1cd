//! `hallmark data` and `hallmark node explain` on the database of the test run.

use serde_json::json as value;

use crate::support::{Folder, all, code, json, out, run};

#[test]
fn rows_go_in_and_out_and_are_found() {
    let folder = Folder::new();
    let name = format!("Widget{}", hallmark_core::random::token(8).unwrap().to_lowercase());
    let text = format!(
        "from dataflow import DataFlow\n\ndb = DataFlow()\n\n\n@db.model\nclass {name}:\n    sku: str = Field(unique=True)\n    \
         colour: str\n    email: Optional[str] = None\n    stock: int = 0\n    __dataflow__ = {{'search_fields': ['sku', 'colour']}}\n"
    );
    folder.write("models.py", text.as_bytes());
    let made = run(&folder, &["models", "migrate", "--yes"]);
    assert_eq!(code(&made), 0, "{}", all(&made));

    folder.write("in.csv", b"Art,colour,stock,email\na1,dark red,3,x@y.z\na2,blue,,\na3,green,lots,\n");
    let refused = run(&folder, &["data", "import", &name, "in.csv", "--map", "Art=sku"]);
    let said = all(&refused);
    assert!(code(&refused) == 1 && said.contains("row 3 (line 4, stock)"), "{said}");
    assert!(said.contains("--skip-bad-rows"), "{said}");
    let some = run(
        &folder,
        &["data", "import", &name, "in.csv", "--map", "Art=sku", "--skip-bad-rows", "--errors", "bad.jsonl"],
    );
    assert_eq!(code(&some), 1, "{}", all(&some));
    assert!(out(&some).contains("2 imported, 1 refused of 3 rows"), "{}", out(&some));
    assert!(out(&some).lines().all(|line| line.chars().count() <= 80), "{}", out(&some));
    let bad = std::fs::read_to_string(folder.path().join("bad.jsonl")).unwrap();
    assert!(bad.contains("HM-D011") && bad.lines().count() == 1, "{bad}");

    let page = run(&folder, &["data", "query", &name, "--sort=-sku", "--limit", "1"]);
    assert!(code(&page) == 0 && out(&page).starts_with("ID  SKU"), "{}", all(&page));
    let words = json(&run(&folder, &["data", "query", &name, "red", "--output", "json"]));
    assert_eq!((&words["rows"][0]["sku"], words["rows"].as_array().map(Vec::len)), (&value!("a1"), Some(1)));

    let export =
        run(&folder, &["data", "export", &name, "out.csv", "--fields", "sku,email", "--sort", "sku"]);
    assert!(code(&export) == 0 && all(&export).contains("masked: email"), "{}", all(&export));
    let written = || std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert_eq!(written(), "sku,email\na1,********\na2,\n");
    let again = run(&folder, &["data", "export", &name, "out.csv"]);
    assert!(code(&again) == 2 && all(&again).contains("--force"), "{}", all(&again));
    let forced = ["data", "export", &name, "out.csv", "--fields", "sku,email", "--include-pii", "--force"];
    assert_eq!(code(&run(&folder, &forced)), 0);
    assert!(written().contains("x@y.z"));
    let lines = run(
        &folder,
        &["data", "export", &name, "--format", "jsonl", "--fields", "sku,stock", "--sort", "sku"],
    );
    assert_eq!(out(&lines), "{\"sku\":\"a1\",\"stock\":3}\n{\"sku\":\"a2\",\"stock\":0}\n");

    let node = format!("{name}CRUDNode");
    let plan = run(&folder, &["node", "explain", &node, "--input", r#"{"operation": "read", "id": 1}"#]);
    assert!(code(&plan) == 0 && out(&plan).contains("Index Scan"), "{}", all(&plan));
    let unknown = run(&folder, &["data", "query", "Nobody"]);
    assert!(code(&unknown) == 2 && all(&unknown).contains("hallmark models"), "{}", all(&unknown));
    let ending = run(&folder, &["data", "import", &name, "models.py"]);
    assert!(code(&ending) == 2 && all(&ending).contains("--format csv"), "{}", all(&ending));

    let back = ["models", "migrate", "--down", "9", "--yes", "--allow-destructive", "--accept-drift"];
    assert_eq!(code(&run(&folder, &back)), 0);
}
