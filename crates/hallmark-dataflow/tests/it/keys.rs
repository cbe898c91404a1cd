//! Keys of every name and type, one column and several, through table, schema and all nine kinds; the SDK's own names.

use hallmark_dataflow::exercise;
use serde_json::{Value, json};

use crate::support::{code, error, parse, with};

const KEYED: &str = r#"
@db.model
class Part:
    code: str = Field(primary_key=True, pattern="^[A-Z]{4}[0-9]+$", max_length=12)
    name: str
    weight: float = Field(default=1.5, ge=0, le=2000)

@db.model
class Session:
    token_id: UUID = Field(primary_key=True)
    note: str = ""

@db.model
class Counter:
    number: int = Field(primary_key=True, auto_increment=False)
    label: str

@db.model
class Membership:
    tenant: str = Field(primary_key=True)
    person: int = Field(primary_key=True)
    role: str = Field(default="member", choices=["member", "owner"])
    since: Optional[date] = None
    __dataflow__ = {"versioned": True, "soft_delete": True, "search_fields": ["tenant"]}

@db.model
class Price:
    amount: Decimal = Field(max_digits=10, decimal_places=2)
    at: datetime
    day: date
    stock: int = Field(ge=0, lt=1000)
    __primary_key__ = ["day", "amount", "at"]

@db.model
class Ledger:
    entry: UUID
    line: int
    text: str
    __primary_key__ = ("entry", "line")
    __dataflow__ = {"append_only": True, "multi_tenant": True}

@db.model
class Plain:
    title: str
"#;

#[tokio::test]
async fn all_nine_kinds_work_on_every_key() {
    with(parse(KEYED), |world| async move {
        let outcomes = exercise(&world.dataflow, &world.registry).await;
        let failed: Vec<String> =
            outcomes.iter().filter(|o| !o.ok).map(|o| format!("{}: {}", o.name, o.detail)).collect();
        assert_eq!(failed, Vec::<String>::new());
        assert_eq!(outcomes.len(), 63);
        let keys = "SELECT jsonb_object_agg(c.relname, pg_get_constraintdef(k.oid)) FROM pg_constraint k
            JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = '{}' AND k.contype = 'p'";
        let keys = world.ask(keys).await;
        assert_eq!(keys["memberships"], "PRIMARY KEY (tenant, person)");
        assert_eq!(keys["prices"], "PRIMARY KEY (day, amount, at)");
        assert_eq!(keys["parts"], "PRIMARY KEY (code)");
        assert_eq!(keys["plains"], "PRIMARY KEY (id)");
        let identities = world
            .ask("SELECT jsonb_agg(table_name || '.' || column_name) FROM information_schema.columns WHERE table_schema = '{}' AND is_identity = 'YES'")
            .await;
        assert_eq!(identities, json!(["plains.id"]));
    })
    .await;
}

#[tokio::test]
async fn one_shape_serves_create_and_update() {
    with(parse(KEYED), |world| async move {
        let node = "MembershipCRUDNode";
        let row = json!({"tenant": "a", "person": 1, "role": "owner"});
        world.call(node, json!({"operation": "create", "data": row})).await.unwrap();
        let taken = world.call(node, json!({"operation": "create", "data": row})).await;
        assert_eq!(code(taken), "HM-D020");
        // The same object updates.
        let mut changed = row.clone();
        changed["role"] = json!("member");
        let answer = world.call(node, json!({"operation": "update", "data": changed})).await.unwrap();
        assert_eq!((&answer["found"], &answer["row"]["role"]), (&json!(true), &json!("member")));
        assert_eq!(answer["row"]["row_version"], 2);
        let id = json!({"person": 1, "tenant": "a"});
        let read = world.call(node, json!({"operation": "read", "id": id})).await.unwrap();
        assert_eq!(read["row"]["role"], "member");
        let other = world
            .call(node, json!({"operation": "update", "id": id, "data": {"tenant": "b", "role": "owner"}}))
            .await;
        assert_eq!(code(other), "HM-D019");
        for (id, expected) in [
            (json!("a"), "HM-D011"),
            (json!({"tenant": "a"}), "HM-D018"),
            (json!({"tenant": "a", "person": "x"}), "HM-D011"),
            (json!({"tenant": "a", "person": 1, "role": "owner"}), "HM-D010"),
        ] {
            assert_eq!(
                code(world.call(node, json!({"operation": "read", "id": id})).await),
                expected,
                "{id}"
            );
        }
        let missing = error(world.call(node, json!({"operation": "create", "data": {"tenant": "a"}})).await);
        assert_eq!((missing.code().id, missing.place()), ("HM-D018", Some("person")));
        // The object form is taken for a key of one column too, and an identity is told apart from a key that callers give.
        world
            .call("CounterCRUDNode", json!({"operation": "create", "data": {"number": 7, "label": "x"}}))
            .await
            .unwrap();
        let read =
            world.call("CounterCRUDNode", json!({"operation": "read", "id": {"number": 7}})).await.unwrap();
        assert_eq!(read["row"]["label"], "x");
        assert_eq!(
            code(world.call("CounterCRUDNode", json!({"operation": "create", "data": {"label": "y"}})).await),
            "HM-D018"
        );
    })
    .await;
}

#[tokio::test]
async fn bounds_are_kept_by_the_node_and_by_the_database() {
    with(parse(KEYED), |world| async move {
        let create = |data: Value| json!({"operation": "create", "data": data});
        let part = |code: &str, weight: f64| create(json!({"code": code, "name": "n", "weight": weight}));
        assert_eq!(code(world.call("PartCRUDNode", part("abc", 1.0)).await), "HM-D013");
        assert_eq!(code(world.call("PartCRUDNode", part("ABCD1", -0.5)).await), "HM-D012");
        assert_eq!(code(world.call("PartCRUDNode", part("ABCD1", 2000.5)).await), "HM-D012");
        world.call("PartCRUDNode", part("ABCD1", 2000.0)).await.unwrap();
        let statement = format!("UPDATE {}.parts SET weight = -1", world.dataflow.schema());
        let refused = world.sql.execute(&statement, &[]).await.unwrap_err();
        assert_eq!(refused.code().map(|c| c.code()), Some("23514"));
    })
    .await;
}

#[tokio::test]
async fn many_rows_are_updated_and_upserted_by_their_keys() {
    with(parse(KEYED), |world| async move {
        let node = "MembershipCRUDNode";
        let rows: Vec<Value> = (0..4).map(|n| json!({"tenant": "a", "person": n})).collect();
        let answer = world.call(node, json!({"operation": "bulk_create", "rows": rows})).await.unwrap();
        assert_eq!(answer["ids"][3], json!({"tenant": "a", "person": 3}));
        let rows = json!([
            {"tenant": "a", "person": 1, "role": "owner"},
            {"tenant": "a", "person": 9, "role": "owner"},
            {"tenant": "a", "person": 2, "since": "2026-01-02"},
        ]);
        let answer = world.call(node, json!({"operation": "bulk_update", "rows": rows})).await.unwrap();
        assert_eq!((&answer["updated"], &answer["missing"]), (&json!(2), &json!([{"tenant": "a", "person": 9}])));
        let answer = world.call(node, json!({"operation": "bulk_upsert", "rows": rows})).await.unwrap();
        assert_eq!((&answer["created"], &answer["updated"]), (&json!(1), &json!(2)));
        let owners = "SELECT jsonb_agg(person ORDER BY person) FROM {}.memberships WHERE role = 'owner'";
        assert_eq!(world.ask(owners).await, json!([1, 9]));
        let answer = world
            .call(node, json!({"operation": "bulk_upsert", "on_conflict": "skip", "rows": [{"tenant": "a", "person": 1}, {"tenant": "b", "person": 1}]}))
            .await
            .unwrap();
        assert_eq!((&answer["created"], &answer["skipped"]), (&json!(1), &json!(1)));
        let twice = json!([{"tenant": "c", "person": 1}, {"tenant": "c", "person": 1}]);
        assert_eq!(code(world.call(node, json!({"operation": "bulk_upsert", "rows": twice})).await), "HM-D020");
        assert_eq!(world.ask("SELECT count(*) FROM {}.memberships WHERE tenant = 'c'").await, json!(0));
        let count = world.call(node, json!({"operation": "count", "filter": {"tenant": "a"}})).await.unwrap();
        assert_eq!(count["count"], 5);
    })
    .await;
}

/// Two ways to write one key are one entry: a change through one must be seen through the other.
#[tokio::test]
async fn the_cache_knows_a_key_in_all_its_forms() {
    with(parse(KEYED), |world| async move {
        let id = json!("0123ABCD-0123-4123-8123-0123456789AB");
        world.call("SessionCRUDNode", json!({"operation": "create", "data": {"token_id": id, "note": "old"}})).await.unwrap();
        let get = json!({"operation": "get", "id": "0123abcd-0123-4123-8123-0123456789ab"});
        world.call("SessionCacheNode", get.clone()).await.unwrap();
        world.call("SessionCRUDNode", json!({"operation": "update", "id": id, "data": {"note": "new"}})).await.unwrap();
        assert_eq!(world.call("SessionCacheNode", get).await.unwrap()["row"]["note"], "new");
        let price = json!({"day": "2026-01-02", "amount": "1.50", "at": "2026-01-02T03:04:05Z", "stock": 1});
        world.call("PriceCRUDNode", json!({"operation": "create", "data": price})).await.unwrap();
        let get = |amount: &str| json!({"operation": "get", "id": {"day": "2026-01-02", "amount": amount, "at": "2026-01-02T04:04:05+01:00"}});
        assert_eq!(world.call("PriceCacheNode", get("1.5")).await.unwrap()["source"], "database");
        assert_eq!(world.call("PriceCacheNode", get("15e-1")).await.unwrap()["source"], "cache");
        world.call("PriceCRUDNode", json!({"operation": "bulk_update", "filter": {"stock": 1}, "data": {"stock": 2}})).await.unwrap();
        assert_eq!(world.call("PriceCacheNode", get("+1.500")).await.unwrap()["row"]["stock"], 2);
    })
    .await;
}

const SHOP: &str = r#"
@db.model
class User:
    id: str
    email: str = Field(unique=True)
    name: str = "x"
    age: Optional[int] = None
    tags: List[str] = Field(default_factory=list)
    __dataflow__ = {"soft_delete": True}
@db.model(append_only=True)
class Event:
    kind: str
@db.model
class Grade:
    pupil: str = Field(primary_key=True)
    course: str = Field(primary_key=True)
    mark: int
"#;

#[tokio::test]
async fn the_names_of_the_sdk_do_what_they_do_there() {
    with(parse(SHOP), |world| async move {
        assert_eq!((world.registry.len(), world.registry.aliases().count()), (27, 33));
        let made = world.call("UserCreateNode", json!({"id": "u1", "email": "a@b.c", "age": 30})).await.unwrap();
        assert_eq!((&made["id"], &made["name"], &made["tags"]), (&json!("u1"), &json!("x"), &json!([])));
        let rows = json!([{"id": "u2", "email": "b@b.c", "age": 20}, {"id": "u3", "email": "c@b.c"}]);
        let bulk = world.call("UserBulkCreateNode", json!({"data": rows, "return_ids": true})).await.unwrap();
        assert_eq!((&bulk["inserted"], &bulk["success"], &bulk["ids"]), (&json!(2), &json!(true), &json!(["u2", "u3"])));
        let read = world.call("UserReadNode", json!({"record_id": "u1"})).await.unwrap();
        assert_eq!((&read["found"], &read["email"]), (&json!(true), &json!("a@b.c")));
        assert_eq!(code(world.call("UserReadNode", json!({"id": "no"})).await), "HM-D026");
        world.call("EventCreateNode", json!({"kind": "kept"})).await.unwrap();
        for more in [json!({"create": {"kind": "x"}}), json!({})] {
            let mut upsert = json!({"where": {"id": 1}, "update": {"kind": "x"}});
            upsert.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(code(world.call("EventUpsertNode", upsert).await), "HM-D023", "{more}");
        }
        let none = world.call("UserReadNode", json!({"conditions": {"id": "no"}, "raise_on_not_found": false})).await.unwrap();
        assert_eq!(none, json!({"id": "no", "found": false}));
        let updated = world.call("UserUpdateNode", json!({"filter": {"id": "u1"}, "fields": {"name": "Ada"}})).await.unwrap();
        assert_eq!((&updated["updated"], &updated["name"]), (&json!(true), &json!("Ada")));
        let flat = world.call("UserUpdateNode", json!({"id": "u1", "age": 31})).await.unwrap();
        assert_eq!(flat["age"], 31);
        assert_eq!(world.call("UserUpdateNode", json!({"id": "no", "age": 1})).await.unwrap()["updated"], json!(false));
        let list = json!({"filter": {"age": {"$exists": true}, "email": {"$like": "%b.c"}}, "sort": [{"field": "age", "order": "desc"}], "limit": 1, "offset": 1});
        let list = world.call("UserListNode", list).await.unwrap();
        assert_eq!((&list["count"], &list["records"][0]["id"], &list["limit"]), (&json!(1), &json!("u2"), &json!(1)));
        assert_eq!(world.call("UserCountNode", json!({"filter": {"id": ["u1", "u2"]}})).await.unwrap(), json!({"count": 2}));
        assert_eq!(code(world.call("UserListNode", json!({"filter": {"name": {"$regex": "x"}}})).await), "HM-D015");
        let upsert = json!({"where": {"email": "d@b.c"}, "create": {"id": "u4", "name": "new"}, "update": {"name": "again"}});
        let first = world.call("UserUpsertNode", upsert.clone()).await.unwrap();
        assert_eq!((&first["action"], &first["record"]["name"]), (&json!("created"), &json!("new")));
        let second = world.call("UserUpsertNode", upsert).await.unwrap();
        assert_eq!((&second["created"], &second["record"]["name"]), (&json!(false), &json!("again")));
        assert_eq!(code(world.call("UserUpsertNode", json!({"where": {"name": "x"}})).await), "HM-D025");
        let rows = json!([{"id": "u4", "email": "d@b.c", "name": "third"}, {"id": "u5", "email": "e@b.c"}]);
        let bulk = world.call("UserBulkUpsertNode", json!({"data": rows})).await.unwrap();
        assert_eq!((&bulk["inserted"], &bulk["updated"], &bulk["upserted"]), (&json!(1), &json!(1), &json!(2)));
        let bulk = world.call("UserBulkUpdateNode", json!({"filter": {"age": {"$null": true}}, "fields": {"age": 1}})).await.unwrap();
        assert_eq!(bulk["updated"], 3);
        let bulk = world.call("UserBulkDeleteNode", json!({"data": [{"id": "u5"}, "u4"]})).await.unwrap();
        assert_eq!(bulk["deleted"], 2);
        assert_eq!(code(world.call("UserBulkDeleteNode", json!({})).await), "HM-D018");
        let gone = world.call("UserDeleteNode", json!({"id": "u1"})).await.unwrap();
        assert_eq!(gone, json!({"id": "u1", "deleted": true}));
        assert_eq!(world.ask("SELECT count(*) FROM {}.users WHERE deleted_at IS NOT NULL").await, json!(3));
        let all = world.call("UserListNode", json!({"include_deleted": true, "count_only": true})).await.unwrap();
        assert_eq!(all, json!({"count": 5}));
        assert_eq!(world.call("UserBulkDeleteNode", json!({"confirmed": true})).await.unwrap()["deleted"], 2);
        world.call("EventCreateNode", json!({"kind": "a"})).await.unwrap();
        assert_eq!(code(world.call("EventDeleteNode", json!({"id": 1})).await), "HM-D023");
        world.call("GradeCreateNode", json!({"pupil": "p", "course": "c", "mark": 1})).await.unwrap();
        let grade = world.call("GradeUpdateNode", json!({"pupil": "p", "course": "c", "mark": 2})).await.unwrap();
        assert_eq!((&grade["updated"], &grade["mark"]), (&json!(true), &json!(2)));
        assert_eq!(world.call("GradeReadNode", json!({"conditions": {"pupil": "p", "course": "c"}})).await.unwrap()["mark"], 2);
        assert_eq!(code(world.call("UserListNode", json!({"database_url": "x"})).await), "HM-D025");
    })
    .await;
}

#[tokio::test]
async fn constraints_over_several_fields_are_the_databases() {
    let text = r#"
@db.model
class Room:
    house: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    low: int
    high: int
    __constraints__ = [{"type": "check", "name": "low_below_high", "condition": "low < high"}, {"type": "check", "condition": "nonsense > 1"}]
@db.model
class Booking:
    house: str
    number: int
    guest: str
    class Meta:
        unique_together = [("house", "guest")]
        constraints = [{"type": "foreign_key", "fields": ["house", "number"], "references": "Room", "on_delete": "cascade"}]
"#;
    with(parse(text), |world| async move {
        let report = world.dataflow.apply_schema().await.unwrap();
        let refused: Vec<_> = report.with_code(&hallmark_dataflow::codes::CONSTRAINT_REFUSED).collect();
        assert_eq!(refused.len(), 1, "{report:?}");
        assert!(!report.changed(), "{report:?}");
        let create = |data: Value| json!({"operation": "create", "data": data});
        let room = |low: i64| create(json!({"house": "a", "number": 1, "low": low, "high": 5}));
        assert_eq!(code(world.call("RoomCRUDNode", room(9)).await), "HM-D011");
        world.call("RoomCRUDNode", room(1)).await.unwrap();
        let booking = |number: i64| create(json!({"house": "a", "number": number, "guest": "g"}));
        assert_eq!(code(world.call("BookingCRUDNode", booking(2)).await), "HM-D021");
        world.call("BookingCRUDNode", booking(1)).await.unwrap();
        assert_eq!(code(world.call("BookingCRUDNode", booking(1)).await), "HM-D020");
        world
            .call("RoomCRUDNode", json!({"operation": "delete", "id": {"house": "a", "number": 1}}))
            .await
            .unwrap();
        assert_eq!(world.ask("SELECT count(*) FROM {}.bookings").await, json!(0));
    })
    .await;
}
