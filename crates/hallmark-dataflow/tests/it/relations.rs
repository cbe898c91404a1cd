//! Rows of several models: read along, created together, in circles; and the SDK's upsert by many at once.

use hallmark_dataflow::migrate::MigrateOptions;
use serde_json::{Value, json};

use crate::support::{code, parse, with};

const CIRCLE: &str = "
@db.model
class Team:
    name: str
    lead_id: Optional[int] = Field(default=None, foreign_key='members.id', on_delete='set_null')
    __dataflow__ = {'soft_delete': True}

@db.model
class Member:
    name: str
    secret_token: str = 'k'
    team_id: int = Field(foreign_key='teams.id')
    mentor_id: Optional[int] = Field(default=None, foreign_key='members.id')
";

#[tokio::test]
async fn circles_of_references_are_made_filled_followed_and_removed() {
    with(parse(CIRCLE), |world| async move {
        let plan = world.dataflow.plan(&MigrateOptions::default()).await.unwrap();
        assert!(plan.steps.is_empty(), "{}", plan.sql());
        let members = json!([{"name": "Ada"}, {"name": "Bob", "mentor_id": 1}]);
        let team = json!({"operation": "create", "data": {"name": "A", "members": members}});
        let created = world.call("TeamCRUDNode", team).await.unwrap();
        assert_eq!(created["row"]["members"][1]["mentor_id"], json!(1));
        assert_eq!(created["row"]["members"][0]["secret_token"], json!("********"));
        let lead = json!({"operation": "update", "id": 1, "data": {"lead_id": 2}});
        world.call("TeamCRUDNode", lead).await.unwrap();
        let include = json!({"id": 1, "include": ["lead", "members"], "fields": ["name"]});
        let read = world.call("TeamCRUDNode", include).await.unwrap();
        assert_eq!(
            (&read["row"]["lead"]["name"], read["row"]["members"].as_array().unwrap().len()),
            (&json!("Bob"), 2)
        );
        // A row that is referred to stays; one whose reference may be null goes.
        let delete = |id: u64| json!({"operation": "delete", "id": id});
        assert_eq!(code(world.call("MemberCRUDNode", delete(1)).await), "HM-D021");
        world.call("MemberCRUDNode", delete(2)).await.unwrap();
        assert_eq!(world.ask("SELECT lead_id FROM {}.teams").await, Value::Null);
        // A deleted row is not read along either.
        world.call("TeamCRUDNode", delete(1)).await.unwrap();
        let read = world.call("MemberCRUDNode", json!({"id": 1, "include": ["team"]})).await.unwrap();
        assert_eq!(read["row"]["team"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn what_is_created_together_is_created_whole_or_not_at_all() {
    with(parse(CIRCLE), |world| async move {
        let create =
            |members: Value| json!({"operation": "create", "data": {"name": "A", "members": members}});
        for (members, expected) in [
            (json!([{"name": "Ada"}, {"name": 5}]), "HM-D011"),
            (json!([{"name": "Ada", "team_id": 9}]), "HM-D019"),
            (json!([{"name": "Ada", "mentor_id": 77}]), "HM-D021"),
            (json!(["Ada"]), "HM-D011"),
            (json!({"name": "Ada"}), "HM-D011"),
            (json!(vec![json!({"name": "x"}); 1_001]), "HM-D011"),
        ] {
            let shown = members.to_string();
            assert_eq!(code(world.call("TeamCRUDNode", create(members)).await), expected, "{shown:.80}");
        }
        assert_eq!(world.ask("SELECT count(*) FROM {}.teams").await, json!(0));
        assert_eq!(world.ask("SELECT count(*) FROM {}.members").await, json!(0));
    })
    .await;
}

const PASSING: &str = "
@db.model
class Desk:
    name: str
    tickets: List['Ticket']

@db.model
class Ticket:
    code: str = Field(unique=True)
    desk_id: int = Field(foreign_key='desks.id')
    __dataflow__ = {'ttl': 60}
";

#[tokio::test]
async fn rows_created_together_take_what_rows_held_whose_time_is_over() {
    with(parse(PASSING), |world| async move {
        let create = json!({"operation": "create", "data": {"name": "d", "tickets": [{"code": "x"}]}});
        world.call("DeskCRUDNode", create.clone()).await.unwrap();
        assert_eq!(code(world.call("DeskCRUDNode", create.clone()).await), "HM-D020");
        let pass =
            format!("UPDATE {}.tickets SET created_at = now() - interval '1 hour'", world.dataflow.schema());
        world.sql.batch_execute(&pass).await.unwrap();
        world.call("DeskCRUDNode", create).await.unwrap();
        assert_eq!(world.ask("SELECT count(*) FROM {}.tickets").await, json!(1));
    })
    .await;
}

const KEYED: &str = "
@db.model
class Thing:
    code: str = Field(unique=True)
    hits: int = 0
    note: Optional[str] = None
    __dataflow__ = {'versioned': True, 'soft_delete': True}
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upserts_of_the_sdk_by_many_at_once_make_one_row() {
    with(parse(KEYED), |world| async move {
        let upsert =
            |n: u64| json!({"where": {"code": "x"}, "update": {"hits": n}, "create": {"note": "new"}});
        let all: Vec<_> = (1..=8)
            .map(|n| {
                let (world, input) = (world.clone(), upsert(n));
                tokio::spawn(async move { world.call("ThingUpsertNode", input).await })
            })
            .collect();
        let mut created = 0;
        for one in all {
            let answer = one.await.unwrap().unwrap();
            created += u32::from(answer["created"] == json!(true));
            assert_eq!(answer["record"]["note"], json!("new"));
        }
        assert_eq!(created, 1);
        assert_eq!(world.ask("SELECT row_version FROM {}.things").await, json!(8));
        // Without an update the row stays as it is, and is given.
        let look = json!({"where": {"code": "x"}, "create": {"hits": 99}});
        let answer = world.call("ThingUpsertNode", look).await.unwrap();
        assert_eq!((&answer["created"], &answer["record"]["row_version"]), (&json!(false), &json!(8)));
        // A deleted one comes back.
        world
            .call("ThingCRUDNode", json!({"operation": "delete", "id": answer["record"]["id"]}))
            .await
            .unwrap();
        let answer = world.call("ThingUpsertNode", upsert(7)).await.unwrap();
        assert_eq!((&answer["created"], &answer["record"]["hits"]), (&json!(false), &json!(7)));
        assert_eq!(answer["record"]["deleted_at"], Value::Null);
        let managed = json!({"where": {"code": "x"}, "update": {"row_version": 1}});
        assert_eq!(code(world.call("ThingUpsertNode", managed).await), "HM-D019");
    })
    .await;
}

const OLD: &str = "
@db.model
class Thing:
    nr: int = Field(primary_key=True)
    name: str

@db.model
class Note:
    thing: int = Field(foreign_key='things.nr')
";

const NEW: &str = "
@db.model
class Thing:
    number: int = Field(primary_key=True)
    name: str
    __dataflow__ = {'renamed_from': {'number': 'nr'}}

@db.model
class Note:
    thing: int = Field(foreign_key='things.number')
";

#[tokio::test]
async fn a_model_renames_its_key_and_keeps_rows_and_references() {
    let place = crate::migrations::Place::new().await;
    let old = place.world(parse(OLD)).await;
    old.dataflow.start().await.unwrap();
    old.call("ThingCRUDNode", json!({"operation": "create", "data": {"name": "a"}})).await.unwrap();
    old.call("NoteCRUDNode", json!({"operation": "create", "data": {"thing": 1}})).await.unwrap();
    let new = place.world(parse(NEW)).await;
    new.dataflow.migrate(&MigrateOptions::default(), &|_| {}).await.unwrap();
    let read = new.call("ThingCRUDNode", json!({"id": 1})).await.unwrap();
    assert_eq!(read["row"]["name"], json!("a"));
    let next =
        new.call("ThingCRUDNode", json!({"operation": "create", "data": {"name": "b"}})).await.unwrap();
    assert_eq!(next["row"]["number"], json!(2), "the key goes on counting");
    let orphan = new.call("NoteCRUDNode", json!({"operation": "create", "data": {"thing": 9}})).await;
    assert_eq!(code(orphan), "HM-D021");
    let plan = new.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    assert!(plan.steps.is_empty(), "{}", plan.sql());
    place.drop().await;
}
