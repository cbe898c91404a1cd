//! What a start does with tables that are there, and what others changed.

use hallmark_dataflow::migrate::{Agreed, MigrateOptions, Origin, State};

use serde_json::{Value, json};

use super::{Place, fresh, migrate, models, same};

const PART: &str = "\n@db.model\nclass Part:\n    name: str\n    amount: int = 0\n";

#[tokio::test]
async fn an_empty_schema_is_filled_once_and_put_on_record() {
    let place = Place::new().await;
    let (one, two) = (place.world(models(PART)).await, place.world(models(PART)).await);
    let (a, b) = tokio::join!(one.dataflow.start(), two.dataflow.start());
    assert!(a.unwrap().created != b.unwrap().created, "exactly one of two creates");
    same(&place.fingerprint().await, &fresh(&models(PART)).await, "created");
    let all = one.dataflow.migrations().await.unwrap();
    assert_eq!(
        all.iter().map(|m| (m.origin, m.state)).collect::<Vec<_>>(),
        [(Origin::Created, State::Applied)]
    );
    let again = one.dataflow.start().await.unwrap();
    assert!(!again.created && again.differences.is_empty());
    place.drop().await;
}

#[tokio::test]
async fn a_start_refuses_what_nodes_would_fail_on_and_says_the_rest() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    let more = place.world(models(&format!("{PART}    colour: str = 'red'\n"))).await;
    let refused = more.dataflow.start().await.unwrap_err();
    assert_eq!(refused.code().id, "HM-D090");
    assert!(refused.to_string().contains("column parts.colour is missing"), "{refused}");
    assert!(refused.next_step().unwrap().contains("hallmark models migrate"));
    migrate(&more, &MigrateOptions::default()).await.unwrap();
    more.dataflow.start().await.unwrap();
    // A server of yesterday's models goes on: it does not need the new column.
    let yesterday = place.world(models(PART)).await.dataflow.start().await.unwrap();
    assert_eq!(
        yesterday.differences.iter().map(|d| d.message.as_str()).collect::<Vec<_>>(),
        ["column parts.colour is more than expected"]
    );
    // One that needs a value in every row would break it.
    place.run(&["ALTER TABLE {}.parts ALTER COLUMN colour DROP DEFAULT"]).await;
    let refused = place.world(models(PART)).await.dataflow.start().await.unwrap_err();
    assert_eq!(refused.code().id, "HM-D090");
    place.drop().await;
}

#[tokio::test]
async fn pages_hold_rows_without_a_value_that_others_let_in() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place
        .run(&[
            "ALTER TABLE {}.parts ALTER COLUMN amount DROP NOT NULL",
            "INSERT INTO {}.parts (name, amount) SELECT 'p' || n, nullif(n % 3, 0) FROM generate_series(1, 20) n",
        ])
        .await;
    let world = place.world(models(PART)).await;
    let differences = world.dataflow.start().await.unwrap().differences;
    assert_eq!(differences[0].message, "column parts.amount takes nulls");
    for sort in ["amount", "-amount"] {
        let (mut seen, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let input =
                json!({"operation": "list", "sort": [sort], "limit": 3, "cursor": cursor, "fields": ["id"]});
            let page = world.call("PartCRUDNode", input).await.unwrap();
            seen.extend(page["rows"].as_array().unwrap().iter().map(|row| row["id"].as_i64().unwrap()));
            cursor = page["next_cursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=20).collect::<Vec<_>>(), "{sort}");
    }
    place.drop().await;
}

#[tokio::test]
async fn tables_without_a_record_are_adopted_and_what_others_change_is_noticed() {
    let place = Place::new().await;
    let world = place.world(models(PART)).await;
    // As the version before this one left them: no record.
    world.dataflow.apply_schema().await.unwrap();
    assert!(!world.dataflow.plan(&MigrateOptions::default()).await.unwrap().recorded);
    world.dataflow.start().await.unwrap();
    assert_eq!(world.dataflow.migrations().await.unwrap()[0].origin, Origin::Adopted);
    assert_eq!(
        world.dataflow.migrate_down(1, &MigrateOptions::default(), &|_| {}).await.unwrap_err().code().id,
        "HM-D100"
    );

    place
        .run(&[
            "CREATE INDEX by_hand ON {}.parts (amount)",
            "ALTER TABLE {}.parts ADD COLUMN extra text",
            "CREATE TABLE {}.strangers (id int)",
        ])
        .await;
    let plan = world.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    assert_eq!(plan.drift.len(), 2, "{:?}", plan.drift);
    assert_eq!(plan.strangers, ["strangers"]);
    let before = place.fingerprint().await;
    let refused = migrate(&world, &MigrateOptions { allow_destructive: true, ..MigrateOptions::default() })
        .await
        .unwrap_err();
    assert_eq!(refused.code().id, "HM-D092");
    assert!(refused.to_string().contains("by_hand") && refused.to_string().contains("extra"), "{refused}");
    same(&place.fingerprint().await, &before, "a refusal changes nothing");
    // Taken as it is, the flag for losses is still needed.
    let taken = MigrateOptions { accept_drift: true, ..MigrateOptions::default() };
    assert_eq!(migrate(&world, &taken).await.unwrap_err().code().id, "HM-D091");
    migrate(&world, &MigrateOptions { allow_destructive: true, ..taken }).await.unwrap();
    // The table that is nobody's was never touched.
    assert_eq!(
        place.ask("SELECT count(*) FROM pg_tables WHERE schemaname = '{}' AND tablename = 'strangers'").await,
        1
    );
    place.run(&["DROP TABLE {}.strangers"]).await;
    same(&place.fingerprint().await, &fresh(&models(PART)).await, "as the models say");
    place.drop().await;
}

#[tokio::test]
async fn what_was_agreed_to_is_what_is_done() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    let more = place.world(models(&format!("{PART}    colour: str = 'red'\n"))).await;
    let plan = more.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    let agreed = MigrateOptions { agreed: Some(Agreed::from(&plan)), ..MigrateOptions::default() };
    // Meanwhile somebody else adds the column, without a default.
    place.run(&["ALTER TABLE {}.parts ADD COLUMN colour text"]).await;
    let other = migrate(&more, &MigrateOptions { accept_drift: true, ..agreed.clone() }).await.unwrap_err();
    assert_eq!(other.code().id, "HM-D087");
    place.run(&["ALTER TABLE {}.parts DROP COLUMN colour"]).await;
    assert_eq!(migrate(&more, &agreed).await.unwrap().steps, plan.steps.len());
    place.drop().await;
}

/// What names no table and no column would say nothing.
#[tokio::test]
async fn what_is_given_has_to_name_what_there_is() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    let world = place.world(models(&PART.replace("name:", "title:"))).await;
    let rename = |text: &str| MigrateOptions { renames: vec![text.to_owned()], ..super::bold() };
    let backfill = |text: &str| MigrateOptions { backfill: vec![text.to_owned()], ..super::bold() };
    for (text, at, next) in [
        ("nonsense", None, "write OLD_TABLE="),
        ("parts.nope=title", Some("parts.nope"), "the columns of parts are: name, amount, id"),
        ("parts.name=nope", Some("parts.name"), "the columns of parts are: title, amount, id"),
        ("pieces.name=title", Some("pieces.name"), "the tables of the models are: parts"),
        ("parts=pieces", Some("parts"), "the tables of the models are: parts"),
    ] {
        let error = world.dataflow.plan(&rename(text)).await.unwrap_err();
        assert_eq!((error.code().id, error.place()), ("HM-D085", at), "{text}");
        assert!(error.next_step().unwrap().starts_with(next), "{error:?}");
    }
    for (text, at, next) in [
        ("parts=1", None, "write TABLE.COLUMN=VALUE"),
        ("parts.nope=1", Some("parts.nope"), "the columns of parts are: title, amount, id"),
        ("pieces.name=1", Some("pieces.name"), "the tables of the models are: parts"),
    ] {
        let error = world.dataflow.plan(&backfill(text)).await.unwrap_err();
        assert_eq!((error.code().id, error.place()), ("HM-D084", at), "{text}");
        assert!(error.next_step().unwrap().starts_with(next), "{error:?}");
    }
    // What was made already may be said again.
    migrate(&world, &rename("parts.name=title")).await.unwrap();
    assert!(world.dataflow.plan(&rename("parts.name=title")).await.unwrap().is_empty());
    let down = world.dataflow.plan_down(1, &backfill("parts.nope=1")).await.unwrap_err();
    assert_eq!((down.code().id, down.place()), ("HM-D084", Some("parts.nope")));
    world.dataflow.plan_down(1, &backfill("parts.name=x")).await.unwrap();
    place.drop().await;
}

#[tokio::test]
async fn several_are_taken_back_one_after_the_other() {
    let place = Place::new().await;
    let texts = [
        PART.to_owned(),
        format!("{PART}    a: str = 'a'\n"),
        format!("{PART}    a: str = 'a'\n    b: Optional[int] = None\n"),
    ];
    for text in &texts {
        let world = place.world(models(text)).await;
        if world.dataflow.start().await.is_err() {
            migrate(&world, &MigrateOptions::default()).await.unwrap();
        }
    }
    place.run(&["INSERT INTO {}.parts (name) SELECT 'p' || n FROM generate_series(1, 20) n"]).await;
    let world = place.world(models(&texts[2])).await;
    let lossy = world.dataflow.migrate_down(2, &MigrateOptions::default(), &|_| {}).await.unwrap_err();
    assert_eq!(lossy.code().id, "HM-D091");
    // Followed, the next step goes the same way.
    let next = lossy.next_step().unwrap();
    assert!(next.starts_with("hallmark models migrate --down 2 --allow-destructive,"), "{next}");
    let done = world.dataflow.migrate_down(2, &super::bold(), &|_| {}).await.unwrap();
    assert_eq!(done.iter().map(|m| m.id).collect::<Vec<_>>(), [Some(3), Some(2)]);
    same(&place.fingerprint().await, &fresh(&models(PART)).await, "two taken back");
    assert_eq!(place.ask("SELECT count(*) FROM {}.parts").await, 20);
    // And forward again: a new migration.
    migrate(&world, &MigrateOptions::default()).await.unwrap();
    same(&place.fingerprint().await, &fresh(&models(&texts[2])).await, "forward again");
    let states: Vec<State> = world.dataflow.migrations().await.unwrap().iter().map(|m| m.state).collect();
    assert_eq!(states, [State::Applied, State::Reverted, State::Reverted, State::Applied]);
    place.drop().await;
}

#[tokio::test]
async fn two_projects_in_one_schema_leave_each_other_alone() {
    let place = Place::new().await;
    let other = "\n@db.model\nclass Tree:\n    height: int = 1\n";
    let (parts, trees) = (place.world(models(PART)).await, place.world(models(other)).await);
    assert!(parts.dataflow.start().await.unwrap().created);
    assert!(trees.dataflow.start().await.unwrap().created);
    assert_eq!(parts.dataflow.plan(&MigrateOptions::default()).await.unwrap().strangers, ["trees"]);
    migrate(
        &place.world(models(&format!("{PART}    colour: str = 'red'\n"))).await,
        &MigrateOptions::default(),
    )
    .await
    .unwrap();
    trees.dataflow.migrate_down(1, &super::bold(), &|_| {}).await.unwrap();
    same(
        &place.fingerprint().await,
        &fresh(&models(&format!("{PART}    colour: str = 'red'\n"))).await,
        "the others' are there",
    );
    place.drop().await;
}

#[test]
fn options_that_name_no_field_are_refused() {
    for option in [
        "'renamed_from': {'nowhere': 'name'}",
        "'renamed_from': {'name': 7}",
        "'renamed_from': 7",
        "'backfill': {'nowhere': 1}",
        "'backfill': {'name': [1]}",
    ] {
        let model = models(&format!("{PART}    __dataflow__ = {{{option}}}\n")).remove(0);
        let error = hallmark_dataflow::Table::resolve(&model, "s").unwrap_err();
        assert_eq!(error.code().id, "HM-D004", "{option}");
    }
    for option in [
        "'renamed_from': 'old_parts'",
        "'renamed_from': {'name': 'title'}",
        "'backfill': {'amount': 3, 'name': 'x'}",
    ] {
        let model = models(&format!("{PART}    __dataflow__ = {{{option}}}\n")).remove(0);
        let table = hallmark_dataflow::Table::resolve(&model, "s").unwrap();
        assert!(table.options.not_enforced.is_empty(), "{option}");
    }
}

/// Also what is wrong with a model as a whole.
#[test]
fn what_cannot_be_a_table_says_where() {
    let long = "x".repeat(64);
    for (rest, code, at) in [
        ("    __dataflow__ = {'ttl': 'soon'}\n".to_owned(), "HM-D004", "m.py:3:7"),
        ("    __dataflow__ = {'search_fields': ['nowhere']}\n".to_owned(), "HM-D004", "m.py:3:7"),
        ("    __dataflow__ = {'ttl': 5, 'ttl_field': 'name'}\n".to_owned(), "HM-D004", "m.py:3:7"),
        ("    __dataflow__ = {'row_rules': {'amount': 'caller'}}\n".to_owned(), "HM-D004", "m.py:3:7"),
        (format!("    __tablename__ = '{long}'\n"), "HM-D003", "m.py:3:7"),
        (format!("    {long}: int = 1\n"), "HM-D003", "m.py:6:71"),
        ("    xmin: int = 1\n".to_owned(), "HM-D003", "m.py:6:11"),
        ("    ctid: str\n".to_owned(), "HM-D003", "m.py:6:11"),
    ] {
        let model = models(&format!("{PART}{rest}")).remove(0);
        let error = hallmark_dataflow::Table::resolve(&model, "s").unwrap_err();
        assert_eq!((error.code().id, error.place()), (code, Some(at)), "{rest} {error:?}");
        let is_told = error.is(&hallmark_dataflow::codes::BAD_MODEL) || error.next_step().is_some();
        assert!(is_told, "{error:?}");
    }
}
