//! How long others wait: measured while a table of 200,000 rows is migrated, beside a lock that is known to be held.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hallmark_dataflow::migrate::{Class, Event, MigrateOptions, Patience};

use super::{Place, fresh, models, same};

const FROM: &str = "
@db.model
class Maker:
    name: str
@db.model
class Part:
    name: str
    code: Optional[str] = None
    maker_id: Optional[int] = None
    old: Optional[str] = None
";
const TO: &str = "
@db.model
class Maker:
    name: str
@db.model
class Part:
    name: str = Field(unique=True, max_length=60)
    code: str = 'none'
    maker_id: Optional[int] = Field(foreign_key='Maker.id', null=True)
    colour: str = 'red'
    token: UUID = Field(default_factory=uuid4)
    __indexes__ = [{'name': 'by', 'fields': ['code'], 'include': ['maker_id']}, {'name': 'few', 'fields': ['maker_id'], 'condition': 'maker_id > 5'}]
";

/// What passes by on a machine that does other things too.
const NOISE: Duration = Duration::from_millis(400);

/// Writes all the time, and keeps the longest that one write took.
struct Writer {
    stop: Arc<AtomicBool>,
    longest_ms: Arc<AtomicU64>,
    writes: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Writer {
    async fn start(schema: &str, tag: &'static str) -> Self {
        let client = crate::support::witness().await;
        let writer = Self {
            stop: Arc::default(),
            longest_ms: Arc::default(),
            writes: Arc::default(),
            task: tokio::spawn(async {}),
        };
        let (stop, longest, writes) =
            (Arc::clone(&writer.stop), Arc::clone(&writer.longest_ms), Arc::clone(&writer.writes));
        let schema = schema.to_owned();
        let task = tokio::spawn(async move {
            let mut n = 0_u64;
            while !stop.load(Ordering::SeqCst) {
                n += 1;
                let insert =
                    format!("INSERT INTO {schema}.parts (name, code, maker_id) VALUES ('{tag} {n}', 'w', 3)");
                let update =
                    format!("UPDATE {schema}.parts SET code = 'u{n}' WHERE id = {}", 1 + n * 37 % 200_000);
                for sql in [insert, update] {
                    let began = Instant::now();
                    client.batch_execute(&sql).await.unwrap();
                    let took = u64::try_from(began.elapsed().as_millis()).unwrap();
                    longest.fetch_max(took, Ordering::SeqCst);
                    writes.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self { task, ..writer }
    }

    async fn end(self) -> (Duration, u64) {
        self.stop.store(true, Ordering::SeqCst);
        self.task.await.unwrap();
        (Duration::from_millis(self.longest_ms.load(Ordering::SeqCst)), self.writes.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_wait_no_longer_than_the_lock_timeout() {
    let place = Place::new().await;
    place.world(models(FROM)).await.dataflow.start().await.unwrap();
    place
        .run(&[
            "INSERT INTO {}.makers (name) SELECT 'm' || n FROM generate_series(1, 10) n",
            "INSERT INTO {}.parts (name, code, maker_id, old) SELECT 'p' || n, nullif(n % 4, 0)::text, 1 + n % 10, 'gone' FROM generate_series(1, 200000) n",
            "ANALYZE {}.parts",
        ])
        .await;
    let lock_timeout = Duration::from_millis(300);
    let world = place.world(models(TO)).await;

    // Negative control: the instrument must see a lock that is held for a second.
    let writer = Writer::start(&place.schema, "control").await;
    let hold = format!(
        "BEGIN; LOCK TABLE {}.parts IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(1); COMMIT",
        place.schema
    );
    place.sql.batch_execute(&hold).await.unwrap();
    let (seen, _) = writer.end().await;
    assert!(seen >= Duration::from_millis(950), "a lock of one second was seen as {seen:?}");

    // A reader with a long transaction keeps the strongest lock from being granted for a while: writers queue behind who waits.
    let mut reader = crate::support::witness().await;
    let report = reader.transaction().await.unwrap();
    report.query(&format!("SELECT count(*) FROM {}.parts", place.schema), &[]).await.unwrap();
    let writer = Writer::start(&place.schema, "during").await;
    let busy = AtomicU64::new(0);
    let watch = |event: Event<'_>| {
        if let Event::LockBusy { .. } = event {
            busy.fetch_add(1, Ordering::SeqCst);
        }
    };
    let patience = Patience { lock_timeout, ..Patience::default() };
    let options = MigrateOptions { patience, allow_destructive: true, ..MigrateOptions::default() };
    let plan = world.dataflow.plan(&options).await.unwrap();
    assert!(plan.steps.iter().all(|s| s.class != Class::Slow && !s.blocks), "{}", plan.sql());
    let migration = world.dataflow.migrate(&options, &watch);
    let release = async {
        // Until the migration met it; how soon that is, the machine decides.
        let began = Instant::now();
        while busy.load(Ordering::SeqCst) < 2 && began.elapsed() < Duration::from_secs(30) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        report.commit().await.unwrap();
    };
    let (done, ()) = tokio::join!(migration, release);
    let (longest, writes) = writer.end().await;
    done.unwrap();
    println!(
        "{writes} writes, the longest {longest:?}; the lock was busy {} times",
        busy.load(Ordering::SeqCst)
    );
    assert!(busy.load(Ordering::SeqCst) > 0, "the reader was in the way");
    assert!(writes > 100, "{writes} writes only");
    assert!(longest <= lock_timeout + NOISE, "a write took {longest:?}");
    same(&place.fingerprint().await, &fresh(&models(TO)).await, "while others wrote");
    place.drop().await;
}

#[tokio::test]
async fn a_large_table_is_closed_only_if_somebody_says_so() {
    let place = Place::new().await;
    let text = |kind: &str| format!("\n@db.model\nclass Part:\n    name: str\n    amount: {kind} = 0\n");
    place.world(models(&text("int"))).await.dataflow.start().await.unwrap();
    place.run(&["INSERT INTO {}.parts (name, amount) SELECT repeat('x', 100) || n, n FROM generate_series(1, 60000) n"]).await;
    let world = place.world(models(&text("Decimal"))).await;
    let refused = super::migrate(&world, &MigrateOptions::default()).await.unwrap_err();
    assert_eq!(refused.code().id, "HM-D086");
    super::migrate(&world, &MigrateOptions { allow_blocking: true, ..MigrateOptions::default() })
        .await
        .unwrap();
    place.drop().await;
}
