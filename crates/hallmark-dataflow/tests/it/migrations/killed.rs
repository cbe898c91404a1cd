//! Killed between any two actions, and in the middle of an index: the next run goes on.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt as _;
use hallmark_dataflow::migrate::{Agreed, Event, MigrateOptions, State};

use super::{Place, fresh, migrate, models, same};

const FROM: &str = "
@db.model
class Maker:
    name: str
@db.model
class Part:
    name: str
    code: Optional[str] = None
    maker_id: Optional[int] = None
    price: Decimal = Field(max_digits=8, decimal_places=2, default=Decimal('1.00'))
    __indexes__ = [{'name': 'by', 'fields': ['code']}]
";
const TO: &str = "
@db.model
class Maker:
    name: str
@db.model
class Colour:
    name: str
@db.model
class Part:
    title: str = Field(unique=True, max_length=30)
    code: str = 'none'
    maker_id: Optional[int] = Field(foreign_key='Maker.id', null=True)
    price: Decimal = Field(max_digits=12, decimal_places=2, default=Decimal('1.00'))
    token: UUID = Field(default_factory=uuid4)
    __indexes__ = [{'name': 'by', 'fields': ['code'], 'include': ['price']}]
    __dataflow__ = {'renamed_from': {'title': 'name'}}
";
const ROWS: &[&str] = &[
    "INSERT INTO {}.makers (name) SELECT 'm' || n FROM generate_series(1, 10) n",
    "INSERT INTO {}.parts (name, code, maker_id) SELECT 'p' || n, nullif(n % 7, 0)::text, 1 + n % 10 FROM generate_series(1, 4000) n",
];

/// The variable that makes this program a migrator that stops at an action.
const CHILD: &str = "HALLMARK_TEST_MIGRATOR";

/// Not a test when it is run as one: the other process of the tests below, which is killed.
#[test]
fn the_migrator_that_is_killed() {
    let Ok(orders) = std::env::var(CHILD) else { return };
    let (schema, stop) = orders.split_once('|').unwrap();
    let stop: usize = stop.parse().unwrap();
    let (schema, count) = (schema.to_owned(), std::sync::atomic::AtomicUsize::new(0));
    tokio::runtime::Runtime::new().unwrap().block_on(async move {
        let place = Place { schema, sql: crate::support::witness().await };
        let world = place.world(models(TO)).await;
        let watch = |event: Event<'_>| {
            if let Event::Action { summary, .. } = event {
                let number = 1 + count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                println!("\naction {number} {summary}");
                if number == stop {
                    // Waits to be killed, or for a word to go on.
                    std::io::stdin().read_line(&mut String::new()).unwrap();
                }
            }
        };
        world.dataflow.migrate(&MigrateOptions::default(), &watch).await.unwrap();
    });
    println!("\nended");
}

/// Starts the migrator and waits until it says a line that contains this.
fn child(schema: &str, stop: usize, until: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["migrations::killed::the_migrator_that_is_killed", "--exact", "--nocapture"])
        .env(CHILD, format!("{schema}|{stop}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let said = lines.by_ref().map_while(std::result::Result::ok).any(|line| line.contains(until));
    if !said {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("the migrator ended without {until:?}");
    }
    child
}

/// The actions that the migration consists of.
async fn actions() -> usize {
    let place = Place::new().await;
    place.world(models(FROM)).await.dataflow.start().await.unwrap();
    place.run(ROWS).await;
    let plan = place.world(models(TO)).await.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    place.drop().await;
    plan.steps.iter().map(|s| s.actions.len()).sum()
}

/// Killed right before this action; then gone on with, or taken back.
async fn killed_at(number: usize, former: &[String], wanted: &[String]) {
    let place = Place::new().await;
    place.world(models(FROM)).await.dataflow.start().await.unwrap();
    place.run(ROWS).await;
    let world = place.world(models(TO)).await;
    // What another one agreed to before the first began: the rest of that is no other plan, wherever it was cut off.
    let agreed = Agreed::from(&world.dataflow.plan(&MigrateOptions::default()).await.unwrap());
    let schema = place.schema.clone();
    let killed = move || {
        let mut child = child(&schema, number, &format!("action {number} "));
        child.kill().unwrap();
        child.wait().unwrap();
    };
    tokio::task::spawn_blocking(killed).await.unwrap();
    let last = &world.dataflow.migrations().await.unwrap()[0];
    assert_eq!(last.state, State::Running);
    assert_eq!(last.steps.iter().map(|s| s.actions).sum::<usize>(), number - 1, "what was done is on record");
    // A start in between refuses, rather than to serve half of it.
    let refused = world.dataflow.start().await.unwrap_err();
    assert!(["HM-D090", "HM-D107"].contains(&refused.code().id), "{refused}");
    if number.is_multiple_of(3) {
        // Taken back from where it ended.
        world.dataflow.migrate_down(1, &super::bold(), &|_| {}).await.unwrap();
        same(&place.fingerprint().await, former, &format!("killed at action {number}, taken back"));
        assert_eq!(place.ask("SELECT count(DISTINCT name) FROM {}.parts").await, 4000);
    } else {
        let options = MigrateOptions { agreed: Some(agreed), ..MigrateOptions::default() };
        let done = migrate(&world, &options).await.unwrap();
        assert!(done.resumed && done.id == Some(last.id));
        same(&place.fingerprint().await, wanted, &format!("killed at action {number}"));
        assert_eq!(place.ask("SELECT count(*) FROM {}.parts WHERE code = 'none'").await, 571);
        assert_eq!(place.ask("SELECT count(DISTINCT token) FROM {}.parts").await, 4000);
        if number % 3 == 1 {
            world.dataflow.migrate_down(1, &super::bold(), &|_| {}).await.unwrap();
            same(&place.fingerprint().await, former, &format!("killed at action {number}, then taken back"));
        }
    }
    place.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_action() {
    let (former, wanted) = (fresh(&models(FROM)).await, fresh(&models(TO)).await);
    let actions = actions().await;
    assert!(actions > 12, "{actions} actions");
    let all = futures_util::stream::iter((1..=actions).map(|number| killed_at(number, &former, &wanted)));
    all.buffer_unordered(4).collect::<Vec<()>>().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_an_index() {
    let place = Place::new().await;
    place.world(models(FROM)).await.dataflow.start().await.unwrap();
    place.run(ROWS).await;
    let world = place.world(models(TO)).await;
    let plan = world.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    let index = plan.steps.iter().position(|s| s.summary == "replace index by on parts").unwrap();
    let before: usize = plan.steps[..index].iter().map(|s| s.actions.len()).sum();
    let mut migrator = child(&place.schema, before + 1, &format!("action {} ", before + 1));
    // A transaction that wrote: the build of an index waits for it.
    let mut writer = crate::support::witness().await;
    let transaction = writer.transaction().await.unwrap();
    let insert = format!("INSERT INTO {}.parts (title, code) VALUES ('late', 'x')", place.schema);
    transaction.batch_execute(&insert).await.unwrap();
    migrator.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    let building = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONCURRENTLY%{}%' AND state = 'active' AND pid <> pg_backend_pid()";
    while place.ask(building).await == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    migrator.kill().unwrap();
    migrator.wait().unwrap();
    // The server notices within a second that nobody waits for the index any more.
    let invalid = "SELECT count(*) FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE NOT indisvalid AND c.relnamespace = '{}'::regnamespace";
    for _ in 0..100 {
        if place.ask(building).await == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(place.ask(building).await, 0, "the dead migrator's statement was ended");
    assert_eq!(place.ask(invalid).await, 1, "its index was left unfinished");
    transaction.rollback().await.unwrap();
    let plan = world.dataflow.plan(&MigrateOptions::default()).await.unwrap();
    assert!(plan.unfinished.is_some());
    assert!(migrate(&world, &MigrateOptions::default()).await.unwrap().resumed);
    assert_eq!(place.ask(invalid).await, 0);
    same(&place.fingerprint().await, &fresh(&models(TO)).await, "the index was built again");
    place.drop().await;
}
