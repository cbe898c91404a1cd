//! Models of a database, written and read again; the same model in every form of declaration.

use hallmark_dataflow::declare::{import, read_sql, read_toml, write_python, write_toml};
use hallmark_dataflow::{DataFlow, Model, ModelDecl};
use serde_json::json;

use crate::support::{World, models, parse, with, witness};

const DATABASE: &str = r#"
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE makers (code text PRIMARY KEY CHECK (char_length(code) <= 12), name text NOT NULL DEFAULT 'it''s "x" \y', country character(2));
CREATE TABLE parts (
    maker text NOT NULL REFERENCES makers ON DELETE CASCADE,
    number integer NOT NULL,
    id uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    price numeric(12,2) NOT NULL DEFAULT 1.50 CHECK (price >= 0),
    tags jsonb DEFAULT '["a", {"b": null}]', extra jsonb CHECK (jsonb_typeof(extra) = 'object'),
    vector double precision[] DEFAULT '{1,2.5}', data bytea, day date DEFAULT CURRENT_DATE, at timestamptz DEFAULT now(),
    hour time DEFAULT '08:30:00', ok boolean NOT NULL DEFAULT true, feeling mood DEFAULT 'ok', state text CHECK (state IN ('new', 'old')),
    ratio real DEFAULT 0.5, shape polygon, twice integer GENERATED ALWAYS AS (number * 2) STORED,
    PRIMARY KEY (number, maker), CONSTRAINT cheap CHECK (price < 1000 OR ok)
);
CREATE TABLE orders (id bigserial PRIMARY KEY, maker text, number integer, "from" text, FOREIGN KEY (number, maker) REFERENCES parts ON DELETE SET NULL);
CREATE INDEX by_price ON parts (price DESC) INCLUDE (ok) WHERE state = 'new';
CREATE INDEX by_tags ON parts USING gin (tags jsonb_path_ops);
CREATE INDEX by_lower ON parts (lower(maker));
CREATE TABLE counted (n bigint PRIMARY KEY);
"#;

/// Applies, imports, writes, reads: what is read is what was imported.
#[tokio::test]
async fn a_database_reads_back_as_it_was_imported() {
    let sql = witness().await;
    let schema = format!("it_import_{}", hallmark_core::random::token(8).unwrap());
    sql.batch_execute(&format!("CREATE SCHEMA \"{schema}\"; SET search_path = \"{schema}\"; {DATABASE}"))
        .await
        .unwrap();
    let imported = import(&sql, &schema).await;
    sql.batch_execute(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await.unwrap();
    let imported = imported.unwrap();
    let names: Vec<&str> = imported.models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["Counted", "Maker", "Order", "Part"]);
    let part = &imported.models[3];
    assert_eq!(part.key(), ["number", "maker"], "the key's own order, not that of the columns");
    assert_eq!(part.get("maker").unwrap().foreign_key.as_deref(), Some("makers.code"));
    assert!(part.get("shape").is_none() && part.get("twice").is_none());
    let feeling = part.get("feeling").unwrap();
    assert!(feeling.enum_type.is_some() && feeling.choices == [json!("sad"), json!("ok")], "{feeling:?}");
    assert_eq!(part.checks.len(), 2);
    assert_eq!(imported.models[0].get("n").unwrap().auto_increment, Some(false));
    assert_eq!(imported.models[2].get("id").unwrap().auto_increment, Some(true));
    assert_eq!(imported.models[2].foreign_keys[0].fields, ["number", "maker"]);
    let noted: Vec<&str> = imported.notes.iter().map(|n| n.subject.as_str()).collect();
    for subject in ["country", "number", "shape", "twice", "ratio", "by_lower", "by_price"] {
        assert!(noted.contains(&subject), "{subject} is not noted: {noted:?}");
    }
    same_in_toml(&imported.models);
    let refused = write_python(&imported.models).unwrap_err();
    assert_eq!((refused.code().id, refused.place()), ("HM-D096", Some("from")));
    let mut speakable = imported.models.clone();
    speakable[2].fields.retain(|f| f.name != "from");
    same_in_python(&speakable);
    // What was imported makes tables again.
    with(imported.models, |world| async move {
        let report = world.dataflow.apply_schema().await.unwrap();
        assert!(report.notes.is_empty() && !report.changed(), "{report:?}");
    })
    .await;
}

const AWKWARD: &str = r#"
CREATE TABLE nokey (a text, n integer NOT NULL);
CREATE TABLE unsure (id bigint PRIMARY KEY DEFERRABLE, n integer);
CREATE TABLE tagged (tags jsonb PRIMARY KEY);
CREATE TABLE stamped (id bigint PRIMARY KEY, updated_at timestamp NOT NULL);
CREATE TABLE needy (id bigint PRIMARY KEY, code character(3) NOT NULL);
CREATE TABLE makers (code text COLLATE "C" CONSTRAINT named_otherwise PRIMARY KEY, short character(3) UNIQUE, country character(2) CHECK (country <> 'xx'));
CREATE TABLE parts (
    id uuid PRIMARY KEY, maker text REFERENCES makers ON UPDATE CASCADE, other text CONSTRAINT later REFERENCES makers DEFERRABLE INITIALLY DEFERRED,
    short character(3) REFERENCES makers (short), needy bigint REFERENCES needy,
    created_at timestamp(3) with time zone NOT NULL DEFAULT now(), hour time(0), words text[], name text COLLATE "C", a integer, b integer,
    CONSTRAINT once UNIQUE NULLS NOT DISTINCT (a), CONSTRAINT carried UNIQUE (b) INCLUDE (a)
);
CREATE UNIQUE INDEX alike ON parts (name) NULLS NOT DISTINCT;
INSERT INTO makers VALUES ('m', 'abc', 'de'); INSERT INTO needy VALUES (1, 'abc');
INSERT INTO parts VALUES ('00000000-0000-4000-8000-000000000001', 'm', 'm', 'abc', 1, now(), '08:30', '{a,b}', 'n', 1, 2);
"#;

/// What no model declares is noted, and what nodes cannot work on is left out: the project starts.
#[tokio::test]
async fn what_is_lost_is_noted_and_keeps_nothing_from_starting() {
    let sql = witness().await;
    let schema = format!("it_awkward_{}", hallmark_core::random::token(8).unwrap());
    sql.batch_execute(&format!("CREATE SCHEMA \"{schema}\"; SET search_path = \"{schema}\"; {AWKWARD}"))
        .await
        .unwrap();
    let imported = import(&sql, &schema).await.unwrap();
    let world = World::named(imported.models.clone(), &schema, witness().await);
    let started = world.dataflow.start().await;
    let listed = world.call("PartCRUDNode", json!({"operation": "list"})).await;
    let made = json!({"operation": "create", "data": {"code": "k"}});
    let made = world.call("MakerCRUDNode", made).await;
    sql.batch_execute(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await.unwrap();
    let names: Vec<&str> = imported.models.iter().map(|m| m.name.as_str()).collect();
    assert_eq!(names, ["Maker", "Part"]);
    let told: Vec<String> =
        imported.notes.iter().map(|n| format!("{}.{}: {}", n.model, n.subject, n.message)).collect();
    for expected in [
        "Nokey.nokey: the table is left out: it has no primary key",
        "Unsure.unsure: the table is left out: it has no primary key that a model can have",
        "Unsure.unsure_pkey: no upsert works on a primary key that is DEFERRABLE",
        "Tagged.tagged: the table is left out: its primary key is ",
        "Needy.needy: the table is left out: its column code was left out and takes no nulls",
        "Stamped.stamped: the table is left out: nodes leave updated_at to the database",
        "Maker.code: COLLATE \"C\" is left out",
        "Maker.country: nodes do not work on character(2): the column is left out",
        "Maker.makers_country_check: it needs the column country",
        "Part.words: nodes do not work on text[]: the column is left out",
        "Part.parts_maker_fkey: ON UPDATE CASCADE of (maker) is left out",
        "Part.later: DEFERRABLE INITIALLY DEFERRED of (other) is left out",
        "Part.parts_short_fkey: it needs the column short",
        "Part.parts_needy_fkey: it refers to needy, which was left out",
        "Part.once: NULLS NOT DISTINCT of (a) is left out",
        "Part.alike: NULLS NOT DISTINCT of (name) is left out",
        "Part.carried: INCLUDE of (b) is left out",
    ] {
        assert!(told.iter().any(|t| t.starts_with(expected)), "{expected}\n{told:#?}");
    }
    started.unwrap();
    let row = &listed.unwrap()["rows"][0];
    assert_eq!((&row["maker"], &row["hour"], &row["name"]), (&json!("m"), &json!("08:30:00"), &json!("n")));
    assert_eq!(made.unwrap()["row"]["code"], "k");
    let part = &imported.models[1];
    assert_eq!(part.get("id").unwrap().auto_increment, Some(false), "nobody makes it");
    same_in_toml(&imported.models);
    same_in_python(&imported.models);
}

fn same_in_toml(models: &[ModelDecl]) {
    let text = write_toml(models);
    let (read, problems) = read_toml("m.toml", &text);
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    assert_eq!(plain(read), plain(models.to_vec()), "{text}");
}

fn same_in_python(models: &[ModelDecl]) {
    let text = write_python(models).unwrap();
    let (read, problems) = hallmark_python::models::read("m.py", &text);
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    assert_eq!(plain(read), plain(models.to_vec()), "{text}");
}

fn plain(models: Vec<ModelDecl>) -> Vec<ModelDecl> {
    models.into_iter().map(ModelDecl::without_places).collect()
}

/// The thirteen of the fixture, with options and indexes, in both forms; and from their tables too.
#[tokio::test]
async fn the_thirteen_survive_every_form() {
    let thirteen = models();
    same_in_toml(&thirteen);
    same_in_python(&thirteen);
    with(thirteen, |world| async move {
        let imported = import(&world.sql, world.dataflow.schema()).await.unwrap();
        assert_eq!(imported.models.len(), 13);
        same_in_toml(&imported.models);
        same_in_python(&imported.models);
        again(&world, imported.models).await;
    })
    .await;
}

/// The imported models find their own tables as they are: nothing to create, no type that differs.
async fn again(world: &World, models: Vec<ModelDecl>) {
    let twin = World::named(models, world.dataflow.schema(), witness().await);
    let report = DataFlow::apply_schema(&twin.dataflow).await.unwrap();
    assert_eq!(report.columns_added, Vec::<String>::new());
    let types: Vec<_> = report.with_code(&hallmark_dataflow::codes::TYPE_CHANGE).collect();
    assert!(types.is_empty() && report.tables_created.is_empty(), "{report:?}");
}

/// A table made by others, with narrower types than a model's: its rows are worked on as they are.
#[tokio::test]
async fn a_table_with_narrower_types_is_worked_on() {
    let sql = witness().await;
    let schema = format!("it_narrow_{}", hallmark_core::random::token(8).unwrap());
    let table = "CREATE TABLE stock (shelf smallint, place varchar(5), count integer NOT NULL DEFAULT 0, ratio real, seen timestamp, info json,
        PRIMARY KEY (shelf, place)); INSERT INTO stock VALUES (1, 'a', 3, 0.1, '2026-01-02 03:04:05', '{\"k\": 1}')";
    sql.batch_execute(&format!("CREATE SCHEMA \"{schema}\"; SET search_path = \"{schema}\"; {table}"))
        .await
        .unwrap();
    let imported = import(&sql, &schema).await.unwrap();
    let world = World::named(imported.models, &schema, witness().await);
    let result = futures_util::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(narrow(&world))).await;
    sql.batch_execute(&format!("DROP SCHEMA \"{schema}\" CASCADE")).await.unwrap();
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

async fn narrow(world: &World) {
    let started = world.dataflow.start().await.unwrap();
    let said: Vec<&str> = started.differences.iter().map(|d| d.message.as_str()).collect();
    assert!(!started.created && said.iter().any(|m| m.contains("smallint instead of bigint")), "{said:?}");
    let node = "StockCRUDNode";
    let id = json!({"shelf": 1, "place": "a"});
    let read = world.call(node, json!({"operation": "read", "id": id})).await.unwrap();
    let row = json!({"shelf": 1, "place": "a", "count": 3, "ratio": 0.1, "seen": "2026-01-02T03:04:05Z", "info": {"k": 1}});
    assert_eq!(read["row"], row);
    let changed = json!({"operation": "update", "data": {"shelf": 1, "place": "a", "count": 4, "ratio": 0.25, "info": [1]}});
    let changed = world.call(node, changed).await.unwrap();
    assert_eq!((&changed["row"]["count"], &changed["row"]["info"]), (&json!(4), &json!([1])));
    let rows =
        json!([{"shelf": 2, "place": "b"}, {"shelf": 3, "place": "c", "seen": "2026-05-06T07:08:09Z"}]);
    let made = world.call(node, json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
    assert_eq!(made["ids"][1], json!({"shelf": 3, "place": "c"}));
    let seen = world.ask("SELECT to_jsonb(seen) FROM {}.stock WHERE shelf = 3").await;
    assert_eq!(seen, json!("2026-05-06T07:08:09"));
    let listed = world
        .call(node, json!({"operation": "list", "filter": {"shelf": {"gte": 2}, "count": 0}}))
        .await
        .unwrap();
    assert_eq!(listed["count"], 2);
    let sums = json!({"measures": [{"function": "sum", "field": "count", "as": "n"}]});
    let sums = world.call("StockAggregateNode", sums).await.unwrap();
    assert_eq!(sums["groups"][0]["n"].to_string().trim_matches('"'), "4");
    // What a field holds and this column does not is an error of the value, not of the server.
    let wide = world
        .call(
            node,
            json!({"operation": "update", "data": {"shelf": 1, "place": "a", "count": 5_000_000_000_i64}}),
        )
        .await;
    assert_eq!(crate::support::code(wide), "HM-D012");
}

#[derive(Model)]
#[model(table = "parts", primary_key = ["number", "maker"], index(fields = ["price"], name = "by_price", condition = "price > 1"))]
#[expect(dead_code, reason = "only the description is looked at")]
struct Part {
    #[field(max_length = 20, references = "makers.code", on_delete = "cascade")]
    maker: String,
    number: i64,
    #[field(kind = "decimal", max_digits = 12, decimal_places = 2, default = "0.50")]
    price: Option<String>,
}

#[test]
fn one_model_is_the_same_in_python_toml_sql_and_rust() {
    let python = parse(
        r#"
@db.model
class Part:
    maker: str = Field(max_length=20, foreign_key="makers.code", on_delete="cascade")
    number: int
    price: Optional[Decimal] = Field(max_digits=12, decimal_places=2, default="0.50")
    __tablename__ = "parts"
    __primary_key__ = ("number", "maker")
    __indexes__ = [{"name": "by_price", "fields": ["price"], "condition": "price > 1"}]
"#,
    );
    let toml = r#"
[[model]]
name = "Part"
table = "parts"
primary_key = ["number", "maker"]
[[model.field]]
name = "maker"
type = "text"
max_length = 20
references = "makers.code"
on_delete = "cascade"
[[model.field]]
name = "number"
type = "integer"
[[model.field]]
name = "price"
type = "decimal"
max_digits = 12
decimal_places = 2
nullable = true
default = "0.50"
[[model.index]]
name = "by_price"
fields = ["price"]
condition = "price > 1"
"#;
    let sql = "CREATE TABLE parts (maker varchar(20) NOT NULL REFERENCES makers(code) ON DELETE CASCADE, number bigint NOT NULL,
        price numeric(12,2) DEFAULT 0.50, PRIMARY KEY (number, maker)); CREATE INDEX by_price ON parts (price) WHERE price > 1;";
    let python = plain(python);
    assert_eq!(plain(read_toml("m.toml", toml).0), python);
    assert_eq!(plain(read_sql("m.sql", sql).0), python);
    assert_eq!(vec![Part::declaration()], python);
}

#[test]
fn toml_errors_have_their_place() {
    let at = |text: &str| {
        let (models, problems) = read_toml("m.toml", text);
        assert!(models.is_empty());
        problems.first().map(|p| (p.code, p.place.line, p.place.column)).unwrap()
    };
    assert_eq!(at("[[model]]\nname = \"A\"\ncolour = 1\n"), ("HM-D095", 3, 1));
    assert_eq!(
        at("[[model]]\nname = \"A\"\n[[model.field]]\nname = \"x\"\ntype = \"colour\"\n"),
        ("HM-D095", 5, 8)
    );
    assert_eq!(
        at(
            "[[model]]\nname = \"A\"\nprimary_key = [\"y\"]\n[[model.field]]\nname = \"x\"\ntype = \"text\"\n"
        ),
        ("HM-D095", 3, 16)
    );
    assert_eq!(at("[[model]]\nname = \"A\"\n"), ("HM-D095", 2, 8));
    assert_eq!(at("[[model]\n").1, 1);
}
