//! Two at once, and one that is in the way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hallmark_dataflow::migrate::{Event, MigrateOptions, Patience};

use super::{Place, fresh, migrate, models, same};

const PART: &str = "\n@db.model\nclass Part:\n    name: str\n    amount: int = 0\n";
const MORE: &str = "\n@db.model\nclass Part:\n    name: str = Field(unique=True)\n    amount: int = 0\n    colour: str = 'red'\n    maker: Optional[str] = Field(max_length=20, default=None)\n    __indexes__ = [{'name': 'by', 'fields': ['amount']}]\n";
const ROWS: &str = "INSERT INTO {}.parts (name, amount) SELECT 'p' || n, n FROM generate_series(1, 3000) n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_migrators_exactly_one_does_each_step() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place.run(&[ROWS]).await;
    let (one, two) = (place.world(models(MORE)).await, place.world(models(MORE)).await);
    let steps = one.dataflow.plan(&MigrateOptions::default()).await.unwrap().steps.len();
    let (actions, waited) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let watch = |event: Event<'_>| {
        match event {
            Event::Action { .. } => actions.fetch_add(1, Ordering::SeqCst),
            Event::Waiting => waited.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
    };
    let options = MigrateOptions::default();
    let (a, b) = tokio::join!(one.dataflow.migrate(&options, &watch), two.dataflow.migrate(&options, &watch));
    let (a, b) = (a.unwrap(), b.unwrap());
    let mut done = [a.steps, b.steps];
    done.sort_unstable();
    assert_eq!(done, [0, steps]);
    assert_eq!(waited.load(Ordering::SeqCst), 1, "the other one waited");
    let all = one.dataflow.migrations().await.unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].steps.iter().map(|s| s.actions).sum::<usize>(), actions.load(Ordering::SeqCst));
    same(&place.fingerprint().await, &fresh(&models(MORE)).await, "both");
    place.drop().await;
}

#[tokio::test]
async fn a_lock_that_is_never_granted_ends_with_who_holds_it() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place.run(&[ROWS]).await;
    let more = place.world(models(MORE)).await;
    let mut reader = crate::support::witness().await;
    reader.batch_execute("SET application_name = 'a long report'").await.unwrap();
    let transaction = reader.transaction().await.unwrap();
    transaction.query(&format!("SELECT count(*) FROM {}.parts", place.schema), &[]).await.unwrap();
    let patience =
        Patience { lock_timeout: Duration::from_millis(100), lock_attempts: 2, ..Patience::default() };
    let options = MigrateOptions { patience, ..MigrateOptions::default() };
    let error = migrate(&more, &options).await.unwrap_err();
    assert_eq!(error.code().id, "HM-D106");
    assert!(error.causes().iter().any(|c| c.contains("a long report")), "{:?}", error.causes());
    transaction.commit().await.unwrap();
    // What was not done is done now.
    assert!(migrate(&more, &options).await.unwrap().resumed);
    same(&place.fingerprint().await, &fresh(&models(MORE)).await, "gone on with");
    place.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_come_to_break_a_rule_meanwhile_stop_it_cleanly() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place.run(&[ROWS]).await;
    let more = place.world(models(MORE)).await;
    let schema = place.schema.clone();
    let late = std::sync::Mutex::new(Some(crate::support::witness().await));
    // After the plan was made and found in order, a duplicate comes in just before the unique index is built.
    let watch = |event: Event<'_>| {
        if let Event::Action { summary, .. } = event
            && summary.contains("idx_parts_name")
            && let Some(client) = late.lock().unwrap().take()
        {
            let insert = format!("INSERT INTO {schema}.parts (name) VALUES ('p7')");
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current()
                    .block_on(async { client.batch_execute(&insert).await.unwrap() });
            });
        }
    };
    let error = more.dataflow.migrate(&MigrateOptions::default(), &watch).await.unwrap_err();
    assert_eq!(error.code().id, "HM-D105", "{error}");
    // Nothing half-built is left.
    assert_eq!(place.ask("SELECT count(*) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE NOT indisvalid AND c.relnamespace = '{}'::regnamespace").await, 0);
    assert_eq!(more.dataflow.start().await.unwrap_err().code().id, "HM-D090");
    place.run(&["DELETE FROM {}.parts WHERE id > 3000"]).await;
    assert!(migrate(&more, &MigrateOptions::default()).await.unwrap().resumed);
    more.dataflow.start().await.unwrap();
    same(&place.fingerprint().await, &fresh(&models(MORE)).await, "after the rows were mended");
    place.drop().await;
}

#[tokio::test]
async fn a_view_in_the_way_is_named_and_nothing_is_lost() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place.run(&[ROWS, "CREATE VIEW {}.report AS SELECT sum(amount) FROM {}.parts"]).await;
    let text = "\n@db.model\nclass Part:\n    name: str\n    amount: Decimal = Decimal('0')\n";
    let world = place.world(models(text)).await;
    let refused = migrate(&world, &MigrateOptions::default()).await.unwrap_err();
    assert_eq!(refused.code().id, "HM-D098");
    assert!(refused.causes().iter().any(|c| c.contains("report")), "{:?}", refused.causes());
    place.run(&["DROP VIEW {}.report"]).await;
    assert!(migrate(&world, &MigrateOptions::default()).await.unwrap().resumed);
    assert_eq!(place.ask("SELECT sum(amount) FROM {}.parts").await, 3000 * 3001 / 2);
    place.drop().await;
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_and_leaves_nothing() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    place
        .run(&["INSERT INTO {}.parts (name, amount) SELECT 'p' || n, n FROM generate_series(1, 60000) n"])
        .await;
    let text = format!("{PART}    __indexes__ = [{{'name': 'by', 'fields': ['name', 'amount']}}]\n");
    let world = place.world(models(&text)).await;
    let patience = Patience { statement_timeout: Duration::from_millis(3), ..Patience::default() };
    let error = migrate(&world, &MigrateOptions { patience, ..MigrateOptions::default() }).await.unwrap_err();
    assert_eq!(error.code().id, "HM-D099", "{error}");
    assert_eq!(
        place.ask("SELECT count(*) FROM pg_indexes WHERE schemaname = '{}' AND indexname = 'by'").await,
        0
    );
    assert!(migrate(&world, &MigrateOptions::default()).await.unwrap().resumed);
    place.drop().await;
}

#[tokio::test]
async fn a_role_without_the_right_to_create_schemas_is_told_which_right() {
    let place = Place::new().await;
    place.world(models(PART)).await.dataflow.start().await.unwrap();
    let role = format!("reader_{}", place.schema);
    place
        .run(&[
            &format!("CREATE ROLE {role} LOGIN PASSWORD 'reader'"),
            &format!("GRANT USAGE ON SCHEMA {{}} TO {role}"),
            &format!("GRANT SELECT ON ALL TABLES IN SCHEMA {{}} TO {role}"),
        ])
        .await;
    let mut endpoints = hallmark_services::Endpoints::from_env().unwrap();
    let postgres = endpoints.postgres.as_mut().unwrap();
    postgres.user = role.clone();
    postgres.password = hallmark_core::Secret::new("reader");
    let handles = hallmark_services::Handles::connect(&endpoints).unwrap();
    let dataflow = hallmark_dataflow::DataFlow::configure(hallmark_dataflow::Settings {
        guarded: hallmark_services::Guarded::bare(&handles),
        handles,
        schema: place.schema.clone(),
        models: models(PART),
        project_prefix: "test".to_owned(),
        export_dir: std::env::temp_dir(),
        slow: None,
    })
    .unwrap();
    let refused = dataflow.plan(&MigrateOptions::default()).await.unwrap_err();
    assert!(refused.next_step().unwrap().contains("GRANT CREATE ON DATABASE"), "{refused}");
    place.run(&[&format!("DROP OWNED BY {role}"), &format!("DROP ROLE {role}")]).await;
    place.drop().await;
}
