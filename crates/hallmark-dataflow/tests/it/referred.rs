//! References to rows of others: refused in every way of writing, in the words that are said of a row that is not there.

use std::sync::Arc;

use hallmark_core::Result;
use hallmark_core::fs::write_unsynced;
use hallmark_workflow::{Caller, Context};
use serde_json::{Value, json};

use crate::support::{World, code, error, parse, with};

const MODELS: &str = r#"
@db.model
class Team:
    name: str
    persons: List['Person']
    lead_id: Optional[int] = Field(default=None, foreign_key='persons.id')
    __dataflow__ = {'multi_tenant': True, 'soft_delete': True}

@db.model
class Person:
    name: str = Field(unique=True)
    team_id: Optional[int] = Field(default=None, foreign_key='teams.id')
    mentor_id: Optional[int] = Field(default=None, foreign_key='persons.id')
    hits: int = 0
    __dataflow__ = {'multi_tenant': True}

@db.model
class Desk:
    label: str
    team_id: Optional[int] = Field(default=None, foreign_key='teams.id')

@db.model
class Diary:
    owner: str
    title: str
    __dataflow__ = {'row_rules': {'owner': 'caller'}}

@db.model
class Page:
    text: str
    diary_id: int = Field(foreign_key='diaries.id')
"#;

struct Two {
    world: Arc<World>,
    /// Teams and persons of each tenant.
    teams: [i64; 2],
    persons: [i64; 2],
}

/// Two tenants with a team and a person in it each; those of `a` come first.
async fn seed(world: Arc<World>) -> Two {
    let (mut teams, mut persons) = ([0; 2], [0; 2]);
    for (i, tenant) in ["a", "b"].into_iter().enumerate() {
        let data = json!({"name": format!("team of {tenant}")});
        let made = world.tenant(tenant, "TeamCRUDNode", json!({"operation": "create", "data": data})).await;
        teams[i] = made.unwrap()["row"]["id"].as_i64().unwrap();
        let data = json!({"name": format!("first of {tenant}"), "team_id": teams[i]});
        let made = world.tenant(tenant, "PersonCRUDNode", json!({"operation": "create", "data": data})).await;
        persons[i] = made.unwrap()["row"]["id"].as_i64().unwrap();
    }
    Two { world, teams, persons }
}

/// Every way of writing one row of `Person` that refers to this team, or to this person as its mentor: with its node.
fn ways(own: i64, field: &str, to: i64) -> Vec<(&'static str, Value)> {
    let row = |name: &str| json!({"name": name, field: to});
    let changed = json!({field: to});
    let keyed = json!({"id": own, field: to});
    let csv = format!("name,{field}\nnew,{to}\n");
    let update_csv = format!("id,name,{field}\n{own},renamed,{to}\n");
    let lines = format!("{}\n", row("new"));
    vec![
        ("CRUD", json!({"operation": "create", "data": row("new")})),
        ("CRUD", json!({"operation": "update", "id": own, "data": changed})),
        ("CRUD", json!({"operation": "upsert", "data": row("new"), "match_on": ["name"]})),
        ("CRUD", json!({"operation": "upsert", "data": row("first of a"), "match_on": ["name"]})),
        ("CRUD", json!({"operation": "bulk_create", "rows": [{"name": "other"}, row("new")]})),
        ("CRUD", json!({"operation": "bulk_update", "rows": [keyed]})),
        ("CRUD", json!({"operation": "bulk_update", "filter": {"id": own}, "data": changed})),
        ("CRUD", json!({"operation": "bulk_upsert", "rows": [row("first of a")], "match_on": ["name"]})),
        (
            "CRUD",
            json!({"operation": "bulk_upsert", "rows": [row("new"), {"name": "first of a", "hits": 1}], "match_on": ["name"]}),
        ),
        (
            "CRUD",
            json!({"operation": "bulk_upsert", "rows": [row("new")], "match_on": ["name"], "on_conflict": "skip"}),
        ),
        ("Cache", json!({"operation": "put", "id": own, "data": changed})),
        ("Create", row("new")),
        ("Update", json!({"filter": {"id": own}, "fields": changed})),
        ("Upsert", json!({"where": {"name": "new"}, "create": changed, "update": {}})),
        ("Upsert", json!({"where": {"name": "first of a"}, "create": {}, "update": changed})),
        ("BulkCreate", json!({"data": [row("new")]})),
        ("BulkUpdate", json!({"filter": {"id": own}, "fields": changed})),
        ("BulkUpsert", json!({"data": [{"id": own, "name": "first of a", field: to}]})),
        ("Import", json!({"content": csv})),
        ("Import", json!({"content": csv, "dry_run": true})),
        ("Import", json!({"content": csv, "commit_every": 100})),
        ("Import", json!({"content": csv, "on_conflict": "skip"})),
        ("Import", json!({"content": update_csv, "on_conflict": "update"})),
        ("Import", json!({"content": update_csv, "on_conflict": "update", "commit_every": 100})),
        ("Import", json!({"content": lines, "format": "jsonl"})),
    ]
}

/// What there is to see of all rows.
async fn all(world: &World) -> Value {
    let rows = "SELECT jsonb_build_array((SELECT jsonb_agg(to_jsonb(p) - 'updated_at' ORDER BY id) FROM {}.persons p),
                (SELECT jsonb_agg(to_jsonb(t) - 'updated_at' ORDER BY id) FROM {}.teams t))";
    world.ask(rows).await
}

/// The refusal in words, in which no value is repeated.
fn words(result: Result<Value>) -> String {
    let refused = match result {
        // A dry run tells what it would refuse.
        Ok(answer) if answer["dry_run"] == json!(true) => return answer["errors"].to_string(),
        result => error(result),
    };
    format!("{} {} {:?} {:?}", refused.code().id, refused.message(), refused.place(), refused.causes())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_way_of_writing_reaches_rows_of_another_tenant() {
    with(parse(MODELS), |world| async move {
        let two = seed(world).await;
        let before = all(&two.world).await;
        for (field, other) in [("team_id", two.teams[1]), ("mentor_id", two.persons[1])] {
            let nowhere = 987_654;
            let strange = ways(two.persons[0], field, other);
            for ((kind, input), (_, missing)) in strange.into_iter().zip(ways(two.persons[0], field, nowhere))
            {
                let (node, shown) = (format!("Person{kind}Node"), input.to_string());
                let refused = words(two.world.tenant("a", &node, input).await);
                assert!(
                    refused.contains("HM-D021") || refused.contains("HM-D05"),
                    "{node} {shown}: {refused}"
                );
                assert!(
                    refused.contains(field) && refused.contains("has this id"),
                    "{node} {shown}: {refused}"
                );
                // Nobody learns that there is such a row.
                let not_there = words(two.world.tenant("a", &node, missing).await);
                assert_eq!(refused, not_there, "{node} {shown}");
                assert_eq!(before, all(&two.world).await, "{node} {shown}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_of_writing_reaches_rows_of_ones_own() {
    with(parse(MODELS), |world| async move {
        let two = seed(world).await;
        for (field, own) in [("team_id", two.teams[0]), ("mentor_id", two.persons[0])] {
            for (kind, input) in ways(two.persons[0], field, own) {
                let (node, shown) = (format!("Person{kind}Node"), input.to_string());
                let done = two.world.tenant("a", &node, input).await;
                done.unwrap_or_else(|e| panic!("{node} {shown}: {e}"));
                let clean = "DELETE FROM {}.persons WHERE name IN ('new', 'other')"
                    .replace("{}", two.world.dataflow.schema());
                two.world.sql.batch_execute(&clean).await.unwrap();
                let reset = format!(
                    "UPDATE {}.persons SET name = 'first of a' WHERE name = 'renamed'",
                    two.world.dataflow.schema()
                );
                two.world.sql.batch_execute(&reset).await.unwrap();
            }
        }
    })
    .await;
}

#[tokio::test]
async fn rows_created_together_refer_to_ones_own_rows_only() {
    with(parse(MODELS), |world| async move {
        let two = seed(world).await;
        let before = all(&two.world).await;
        for (lead, mentor) in [(Value::from(two.persons[1]), Value::Null), (Value::Null, Value::from(two.persons[1]))] {
            let members = json!([{"name": "x"}, {"name": "y", "mentor_id": mentor}]);
            let data = json!({"name": "new", "lead_id": lead, "persons": members});
            let input = json!({"operation": "create", "data": data});
            let refused = error(two.world.tenant("a", "TeamCRUDNode", input).await);
            assert_eq!((refused.code().id, refused.message()), ("HM-D021", "no Person has this id"));
            let place = if lead.is_null() { "persons[1].mentor_id" } else { "lead_id" };
            assert_eq!(refused.place(), Some(place));
            assert_eq!(before, all(&two.world).await);
        }
        let members = json!([{"name": "x"}, {"name": "y", "mentor_id": two.persons[0]}]);
        let input = json!({"operation": "create", "data": {"name": "new", "lead_id": two.persons[0], "persons": members}});
        two.world.tenant("a", "TeamCRUDNode", input).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn rows_of_all_keep_what_another_tenant_put_into_them() {
    with(parse(MODELS), |world| async move {
        let two = seed(world).await;
        let desk = |input: Value| {
            let world = two.world.clone();
            async move { world.tenant("b", "DeskCRUDNode", input).await }
        };
        let create = json!({"operation": "create", "data": {"label": "shared", "team_id": two.teams[0]}});
        let made = two.world.tenant("a", "DeskCRUDNode", create.clone()).await.unwrap();
        let id = &made["row"]["id"];
        assert_eq!(code(desk(create).await), "HM-D021");
        // What b does not touch is none of b's business; what b writes is.
        let changed =
            desk(json!({"operation": "update", "id": id, "data": {"label": "b was here"}})).await.unwrap();
        assert_eq!(changed["row"]["label"], json!("b was here"));
        let same = json!({"operation": "upsert", "data": {"id": id, "label": "and again"}});
        assert_eq!(desk(same).await.unwrap()["created"], json!(false));
        let again = json!({"operation": "update", "id": id, "data": {"team_id": two.teams[0]}});
        assert_eq!(code(desk(again).await), "HM-D021");
        desk(json!({"operation": "update", "id": id, "data": {"team_id": two.teams[1]}})).await.unwrap();
        desk(json!({"operation": "update", "id": id, "data": {"team_id": null}})).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn imports_leave_out_the_rows_that_refer_to_others() {
    with(parse(MODELS), |world| async move {
        let two = seed(world).await;
        let [own, other] = two.teams;
        // Rows that refer to each other are in order, before and behind the row that they refer to.
        let content = format!(
            "id,name,team_id,mentor_id\n900,p,{own},901\n901,q,,\n902,r,{other},\n903,s,{own},{}\n904,t,77777,\n905,u,,902\n906,v,,906\n",
            two.persons[1]
        );
        for more in [json!({}), json!({"on_conflict": "skip"}), json!({"commit_every": 100})] {
            let mut input = json!({"content": content, "on_error": "skip"});
            input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let answer = two.world.tenant("a", "PersonImportNode", input).await.unwrap();
            assert_eq!(answer["imported"], json!(3), "{more} {answer}");
            let refused: Vec<(u64, &str)> = answer["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|e| (e["row"].as_u64().unwrap(), e["column"].as_str().unwrap()))
                .collect();
            let expected = [(3, "team_id"), (4, "mentor_id"), (5, "team_id"), (6, "mentor_id")];
            assert_eq!(refused, expected, "{more} {answer}");
            let clean = format!("DELETE FROM {}.persons WHERE id >= 900", two.world.dataflow.schema());
            two.world.sql.batch_execute(&clean).await.unwrap();
        }
        // A row that is skipped because another tenant has its key is not what another row may refer to.
        let content = format!("id,name,mentor_id\n{},taken,\n910,w,{0}\n", two.persons[1]);
        let input = json!({"content": content, "on_conflict": "skip"});
        assert_eq!(code(two.world.tenant("a", "PersonImportNode", input).await), "HM-D053");
        assert_eq!(two.world.ask("SELECT count(*) FROM {}.persons WHERE id >= 900").await, json!(0));
    })
    .await;
}

const WORDS: &str = r#"
@db.model
class Word:
    text: str = Field(primary_key=True)
    __dataflow__ = {'multi_tenant': True}

@db.model
class Use:
    word: str = Field(foreign_key='words.text')
    __dataflow__ = {'multi_tenant': True}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn large_imports_look_at_references_on_their_way() {
    with(parse(WORDS), |world| async move {
        // More bytes than are kept at once: they are looked for in several goes of one transaction.
        let (many, schema) = (10_000, world.dataflow.schema());
        let fill = format!(
            "INSERT INTO {schema}.words (text, tenant_id) SELECT n || repeat('x', 2000), 'a' FROM generate_series(1, {many}) n;
             INSERT INTO {schema}.words (text, tenant_id) VALUES ('other', 'b')"
        );
        world.sql.batch_execute(&fill).await.unwrap();
        let long = "x".repeat(2_000);
        let import = |content: &str| {
            write_unsynced(&world.folder.join("many.csv"), content.as_bytes()).unwrap();
            let world = world.clone();
            async move { world.tenant("a", "UseImportNode", json!({"path": "many.csv"})).await }
        };
        let mut content = String::from("word\n");
        for n in (1..=many).chain(1..=10) {
            content.push_str(&format!("{n}{long}\n"));
        }
        assert_eq!(import(&content).await.unwrap()["imported"], json!(many + 10));
        // The last row refers to a row of another tenant: nothing is kept.
        content.push_str("other\n");
        let refused = error(import(&content).await);
        assert_eq!(refused.code().id, "HM-D053");
        assert!(refused.causes()[0].contains("row 10011"), "{:?}", refused.causes());
        assert_eq!(world.ask("SELECT count(*) FROM {}.uses").await, json!(many + 10));
    })
    .await;
}

#[tokio::test]
async fn rows_of_another_owner_are_not_referred_to() {
    with(parse(MODELS), |world| async move {
        let call = |who: &str, node: &str, input: Value| {
            let (world, context, node) = (world.clone(), Context::new(&Caller::new(who)), node.to_owned());
            async move { world.registry.call(&node, &context, input.as_object().cloned().unwrap()).await }
        };
        let diary = json!({"operation": "create", "data": {"title": "mine"}});
        let id = call("ann", "DiaryCRUDNode", diary).await.unwrap()["row"]["id"].clone();
        let page = json!({"operation": "create", "data": {"text": "dear diary", "diary_id": id}});
        call("ann", "PageCRUDNode", page.clone()).await.unwrap();
        assert_eq!(code(call("bob", "PageCRUDNode", page).await), "HM-D021");
        let content = format!("text,diary_id\nx,{id}\n");
        let import = json!({"content": content});
        assert_eq!(code(call("bob", "PageImportNode", import.clone()).await), "HM-D053");
        call("ann", "PageImportNode", import).await.unwrap();
        assert_eq!(world.ask("SELECT count(*) FROM {}.pages").await, json!(2));
    })
    .await;
}

const PARTS: &str = r#"
@db.model
class Part:
    maker: str
    number: int
    __primary_key__ = ['maker', 'number']
    __dataflow__ = {'multi_tenant': True}

@db.model
class Order:
    code: str = Field(unique=True)
    maker: Optional[str] = None
    number: Optional[int] = None
    __constraints__ = [ForeignKeyConstraint(['maker', 'number'], ['parts.maker', 'parts.number'])]
"#;

#[tokio::test]
async fn references_of_several_fields_are_looked_at_as_they_are_in_the_row() {
    with(parse(PARTS), |world| async move {
        assert_eq!(world.dataflow.tables().iter().map(|t| t.model.foreign_keys.len()).sum::<usize>(), 1);
        for (tenant, maker, number) in [("a", "x", 1), ("a", "x", 2), ("b", "x", 3), ("b", "y", 1)] {
            let data = json!({"maker": maker, "number": number});
            world.tenant(tenant, "PartCRUDNode", json!({"operation": "create", "data": data})).await.unwrap();
        }
        let order = |input: Value| {
            let world = world.clone();
            async move { world.tenant("a", "OrderCRUDNode", input).await }
        };
        let create = |maker: &str, number: u64| json!({"operation": "create", "data": {"code": "c", "maker": maker, "number": number}});
        let refused = error(order(create("y", 1)).await);
        assert_eq!((refused.code().id, refused.place()), ("HM-D021", Some("maker,number")));
        assert_eq!(code(order(create("x", 3)).await), "HM-D021");
        let id = order(create("x", 1)).await.unwrap()["row"]["id"].clone();
        // A part of the reference is given; the other part is that of the row.
        for (data, expected) in [(json!({"number": 3}), None), (json!({"maker": "y"}), None), (json!({"number": 2}), Some(2))] {
            let mut upsert = data.clone();
            upsert["code"] = json!("c");
            let upserted = json!({"operation": "upsert", "data": upsert, "match_on": ["code"]});
            let bulk = json!({"operation": "bulk_upsert", "rows": [upsert], "match_on": ["code"]});
            let all = json!({"operation": "bulk_update", "filter": {"code": "c"}, "data": data});
            let one = json!({"operation": "update", "id": id, "data": data});
            for input in [one, upserted, bulk, all] {
                let (shown, done) = (input.to_string(), order(input).await);
                match expected {
                    None => assert_eq!(code(done), "HM-D021", "{shown}"),
                    Some(number) => {
                        done.unwrap_or_else(|e| panic!("{shown}: {e}"));
                        assert_eq!(world.ask("SELECT number FROM {}.orders").await, json!(number), "{shown}");
                        let back = format!("UPDATE {}.orders SET number = 1", world.dataflow.schema());
                        world.sql.batch_execute(&back).await.unwrap();
                    }
                }
            }
        }
        let import = |number: u64| json!({"content": format!("code,maker,number\ni{number},x,{number}\n")});
        assert_eq!(code(world.tenant("a", "OrderImportNode", import(3)).await), "HM-D053");
        world.tenant("a", "OrderImportNode", import(2)).await.unwrap();
    })
    .await;
}

const DEFAULTS: &str = r#"
@db.model
class Team:
    label: str
    __dataflow__ = {'row_rules': {'label': 'caller'}}

@db.model
class Coach:
    name: str = Field(unique=True)
    owner: str
    team_id: Optional[int] = Field(default=1, foreign_key='teams.id')
    hits: int = 0
    __dataflow__ = {'row_rules': {'owner': 'caller'}, 'soft_delete': True}

@db.model
class Ticket:
    code: str = Field(unique=True)
    team_id: Optional[int] = Field(default=1, foreign_key='teams.id')
    hits: int = 0
    __dataflow__ = {'ttl': 3600}

@db.model
class Maker:
    region: str
    number: int
    __primary_key__ = ['region', 'number']
    __dataflow__ = {'multi_tenant': True}

@db.model
class Goods:
    sku: str = Field(primary_key=True)
    region: Optional[str] = None
    number: Optional[int] = None
    __constraints__ = [ForeignKeyConstraint(['region', 'number'], ['makers.region', 'makers.number'])]
"#;

/// Callers `nobody`, `ann` and `bob` have the teams 1, 2 and 3.
async fn teams(world: &World) {
    let schema = world.dataflow.schema();
    let fill = format!("INSERT INTO {schema}.teams (label) VALUES ('nobody'), ('ann'), ('bob')");
    world.sql.batch_execute(&fill).await.unwrap();
}

async fn by(world: &World, who: &str, node: &str, input: Value) -> Result<Value> {
    let context = Context::new(&Caller::new(who).tenant("t"));
    world.registry.call(node, &context, input.as_object().cloned().unwrap()).await
}

#[tokio::test]
async fn what_an_upsert_does_not_give_is_no_reference_that_it_makes() {
    with(parse(DEFAULTS), |world| async move {
        teams(&world).await;
        let bob = async |node: &str, input: Value| by(&world, "bob", node, input).await;
        bob("CoachCRUDNode", json!({"operation": "create", "data": {"name": "c", "team_id": 3}})).await.unwrap();
        // The row is there, and keeps its own team; the default would be another's.
        for (node, input) in [
            ("CoachCRUDNode", json!({"operation": "upsert", "data": {"name": "c", "hits": 1}, "match_on": ["name"]})),
            ("CoachCRUDNode", json!({"operation": "bulk_upsert", "rows": [{"name": "c", "hits": 2}], "match_on": ["name"]})),
            ("CoachBulkUpsertNode", json!({"data": [{"name": "c", "hits": 3}], "conflict_on": ["name"]})),
            ("CoachUpsertNode", json!({"where": {"name": "c"}, "update": {"hits": 4}, "create": {}})),
            ("CoachImportNode", json!({"content": "name,hits\nc,5\n", "on_conflict": "update", "match_on": ["name"]})),
        ] {
            let shown = input.to_string();
            bob(node, input).await.unwrap_or_else(|e| panic!("{node} {shown}: {e} {:?}", e.causes()));
        }
        assert_eq!(world.ask("SELECT jsonb_build_array(team_id, hits) FROM {}.coaches").await, json!([3, 5]));
        // New rows would get it.
        for (node, input) in [
            ("CoachCRUDNode", json!({"operation": "upsert", "data": {"name": "d"}, "match_on": ["name"]})),
            ("CoachCRUDNode", json!({"operation": "bulk_upsert", "rows": [{"name": "c"}, {"name": "d"}], "match_on": ["name"]})),
            ("CoachUpsertNode", json!({"where": {"name": "d"}, "update": {}, "create": {}})),
            ("CoachImportNode", json!({"content": "name,hits\nc,5\nd,5\n", "on_conflict": "update", "match_on": ["name"]})),
        ] {
            let refused = error(bob(node, input.clone()).await);
            let said = format!("{} {:?} {:?}", refused.code().id, refused.place(), refused.causes());
            assert!(said.contains("HM-D021") && said.contains("team_id"), "{node} {input}: {said}");
            if input["operation"] == json!("bulk_upsert") {
                assert_eq!(refused.place(), Some("rows[1].team_id"));
            }
            if node == "CoachImportNode" {
                assert!(refused.causes().len() == 1 && refused.causes()[0].contains("row 2"), "{said}");
            }
        }
        assert_eq!(world.ask("SELECT count(*) FROM {}.coaches").await, json!(1));
    })
    .await;
}

#[tokio::test]
async fn rows_that_are_passed_over_refer_to_nothing() {
    with(parse(DEFAULTS), |world| async move {
        teams(&world).await;
        let bob = async |node: &str, input: Value| by(&world, "bob", node, input).await;
        bob("CoachCRUDNode", json!({"operation": "create", "data": {"name": "c", "team_id": 3}}))
            .await
            .unwrap();
        let rows = json!([{"name": "c", "team_id": 2}, {"name": "e", "team_id": 3}]);
        let skip =
            json!({"operation": "bulk_upsert", "rows": rows, "match_on": ["name"], "on_conflict": "skip"});
        assert_eq!(bob("CoachCRUDNode", skip).await.unwrap()["created"], json!(1));
        let import = |content: &str| json!({"content": content, "on_conflict": "skip", "on_error": "skip"});
        let answer = bob("CoachImportNode", import("name,team_id\nc,2\nf,3\ng,2\ne,1\n")).await.unwrap();
        assert_eq!(
            (&answer["imported"], &answer["skipped"], &answer["refused"]),
            (&json!(1), &json!(2), &json!(1)),
            "{answer}"
        );
        assert_eq!(answer["errors"][0]["row"], json!(3));
    })
    .await;
}

#[tokio::test]
async fn live_rows_with_a_term_keep_what_is_not_given_and_renewed_ones_do_not() {
    with(parse(DEFAULTS), |world| async move {
        teams(&world).await;
        let create = json!({"operation": "create", "data": {"code": "live", "team_id": 2}});
        by(&world, "ann", "TicketCRUDNode", create).await.unwrap();
        let upsert = |node: &str| match node {
            "TicketUpsertNode" => json!({"where": {"code": "live"}, "update": {"hits": 2}, "create": {}}),
            "TicketImportNode" => {
                json!({"content": "code,hits\nlive,3\n", "on_conflict": "update", "match_on": ["code"]})
            }
            _ => json!({"operation": "upsert", "data": {"code": "live", "hits": 1}, "match_on": ["code"]}),
        };
        for node in ["TicketCRUDNode", "TicketUpsertNode", "TicketImportNode"] {
            by(&world, "bob", node, upsert(node))
                .await
                .unwrap_or_else(|e| panic!("{node}: {e} {:?}", e.causes()));
        }
        assert_eq!(world.ask("SELECT jsonb_build_array(team_id, hits) FROM {}.tickets").await, json!([2, 3]));
        let pass =
            format!("UPDATE {}.tickets SET created_at = now() - interval '2 hours'", world.dataflow.schema());
        world.sql.batch_execute(&pass).await.unwrap();
        for node in ["TicketCRUDNode", "TicketUpsertNode"] {
            assert_eq!(code(by(&world, "bob", node, upsert(node)).await), "HM-D021", "{node}");
        }
    })
    .await;
}

#[tokio::test]
async fn imports_list_rows_that_give_a_part_of_a_reference() {
    with(parse(DEFAULTS), |world| async move {
        for (tenant, number) in [("t", 3), ("t", 7), ("u", 2)] {
            let data = json!({"region": "eu", "number": number});
            world
                .tenant(tenant, "MakerCRUDNode", json!({"operation": "create", "data": data}))
                .await
                .unwrap();
        }
        for sku in ["g1", "g2"] {
            let data = json!({"sku": sku, "region": "eu", "number": 3});
            world.tenant("t", "GoodsCRUDNode", json!({"operation": "create", "data": data})).await.unwrap();
        }
        let content = "sku,number\ng1,2\ng2,7\nnew,\n";
        let input = json!({"content": content, "on_conflict": "update", "on_error": "skip"});
        let answer = world.tenant("t", "GoodsImportNode", input).await.unwrap();
        assert_eq!(
            (&answer["imported"], &answer["updated"], &answer["refused"]),
            (&json!(1), &json!(1), &json!(1)),
            "{answer}"
        );
        assert_eq!(
            (&answer["errors"][0]["row"], &answer["errors"][0]["column"]),
            (&json!(1), &json!("region,number"))
        );
        let rows = json!([{"sku": "g2", "number": 3}, {"sku": "g1", "number": 2}]);
        let refused = error(
            world.tenant("t", "GoodsCRUDNode", json!({"operation": "bulk_upsert", "rows": rows})).await,
        );
        assert_eq!((refused.code().id, refused.place()), ("HM-D021", Some("rows[1].region,number")));
    })
    .await;
}

const CHAIN: &str = "
@db.model
class Node:
    parent_id: Optional[int] = Field(default=None, foreign_key='nodes.id')
    twin_id: Optional[int] = Field(default=None, foreign_key='nodes.id')
";

#[tokio::test(flavor = "multi_thread")]
async fn a_long_chain_behind_a_bad_row_is_left_out_at_once() {
    with(parse(CHAIN), |world| async move {
        // The rows of the chain refer to the one before by two fields in turn; those of another one are in order.
        let mut content = String::from("id,parent_id,twin_id\n1,999999,\n");
        for n in 2..=4_000 {
            content.push_str(&if n % 2 == 0 {
                format!("{n},{},\n", n - 1)
            } else {
                format!("{n},,{}\n", n - 1)
            });
        }
        content.push_str("5001,5002,\n5002,,5003\n5003,,\n");
        let answer =
            world.call("NodeImportNode", json!({"content": content, "on_error": "skip"})).await.unwrap();
        assert_eq!((&answer["imported"], &answer["refused"]), (&json!(3), &json!(4_000)));
        assert_eq!(answer["errors"][1]["message"], json!("no Node has this id"));
    })
    .await;
}
