//! `hallmark data` and `hallmark node explain` on the database of the test run.

use serde_json::json as value;

use crate::support::{Folder, all, code, json, model_name, out, run};

#[test]
fn rows_go_in_and_out_and_are_found() {
    let folder = Folder::new();
    let name = model_name("Widget");
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

#[test]
fn slow_statements_are_listed_and_explained() {
    let folder = Folder::new();
    folder.write("hallmark.toml", b"[dataflow]\nslow-statement-ms = 1\n");
    let name = model_name("Gadget");
    let text = format!(
        "from dataflow import DataFlow\n\ndb = DataFlow()\n\n\n@db.model\nclass {name}:\n    sku: str\n    colour: str\n"
    );
    folder.write("models.py", text.as_bytes());
    assert_eq!(code(&run(&folder, &["models", "migrate", "--yes"])), 0);
    let none = run(&folder, &["data", "slow"]);
    assert!(code(&none) == 0 && out(&none).starts_with("no statement of a node took 1 ms"), "{}", all(&none));
    let rows: String = (0..40_000).map(|n| format!("s{n},shade-{}\n", n % 4_000)).collect();
    folder.write("in.csv", format!("sku,colour\n{rows}").as_bytes());
    assert_eq!(code(&run(&folder, &["data", "import", &name, "in.csv"])), 0);
    for colour in ["shade-7", "shade-8", "shade-9"] {
        let filter = format!("{{\"colour\": \"{colour}\"}}");
        assert_eq!(code(&run(&folder, &["data", "query", &name, "--filter", &filter])), 0);
    }
    let list = run(&folder, &["data", "slow"]);
    assert!(code(&list) == 0 && out(&list).lines().all(|line| line.chars().count() <= 80), "{}", all(&list));
    assert!(out(&list).contains("SearchNode") && out(&list).contains("\"colour\" = ?"), "{}", all(&list));
    let document = json(&run(&folder, &["data", "slow", "--format", "json", "--explain", "--since", "1h"]));
    let statements = document["statements"].as_array().unwrap();
    let search = statements.iter().find(|s| s["operation"] == "search").unwrap();
    assert_eq!((&search["calls"], &document["threshold_ms"]), (&value!(3), &value!(1)), "{document}");
    assert!(
        search["plan"].to_string().contains("Node Type") && !document.to_string().contains("shade-"),
        "{document}"
    );
    let copy = statements.iter().find(|s| s["operation"] == "import");
    let refused = copy.is_none_or(|s| s["no_plan"]["code"] == value!("HM-D081"));
    assert!(refused, "{document}");
    let later = json(&run(&folder, &["data", "slow", "--format", "json", "--since", "2999-01-01"]));
    assert_eq!(later["statements"], value!([]));
    let wrong = run(&folder, &["data", "slow", "--since", "lately"]);
    assert!(code(&wrong) == 2 && all(&wrong).contains("HM-D025"), "{}", all(&wrong));
    let back = ["models", "migrate", "--down", "9", "--yes", "--allow-destructive", "--accept-drift"];
    assert_eq!(code(&run(&folder, &back)), 0);
}
