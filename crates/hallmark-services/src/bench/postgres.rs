//! PostgreSQL: a shop of 100,000 products with orders, in a schema of its own.

use hallmark_core::Result;

use super::scene::{BRANDS, CATEGORIES, Scene, unexpected};
use super::target::{Bound, Capacity, Loaded, Subject, Target};
use crate::{ServiceKind, postgres};

/// Customers who placed them.
const CUSTOMERS: u32 = 5_000;

pub(super) static SUBJECT: Subject = Subject {
    service: ServiceKind::Postgres,
    load: |scene| Box::pin(load(scene)),
    purge: |scene| Box::pin(purge(scene)),
    targets: &[
        Target {
            id: "postgres.simple",
            what: "a product by its key",
            bounds: &[Bound::p95(10.0)],
            work: |scene, number| Box::pin(simple(scene, number)),
        },
        Target {
            id: "postgres.join",
            what: "a category's sales of 90 days by brand and segment, six tables",
            bounds: &[Bound::p95(50.0)],
            work: |scene, number| Box::pin(join(scene, number)),
        },
        Target {
            id: "postgres.insert",
            what: "one row, committed",
            bounds: &[Bound::mean(5.0), Bound::p95(15.0)],
            work: |scene, number| Box::pin(insert(scene, number)),
        },
        Target {
            id: "postgres.update",
            what: "one row by its key, committed",
            bounds: &[Bound::mean(10.0), Bound::p95(20.0)],
            work: |scene, number| Box::pin(update(scene, number)),
        },
        Target {
            id: "postgres.commit",
            what: "a transaction of an insert and an update",
            bounds: &[Bound::mean(15.0), Bound::p95(30.0)],
            work: |scene, number| Box::pin(commit(scene, number)),
        },
    ],
    capacity: Some(Capacity {
        id: "postgres.rate",
        target: "postgres.commit",
        callers: 32,
        bound: Bound::rate(1_000.0),
    }),
};

/// Everything in one transaction: the note is there exactly when all the data are.
async fn load(scene: &Scene) -> Result<Loaded> {
    let items = u64::from(scene.products + CATEGORIES + BRANDS + orders(scene) * 4 + CUSTOMERS);
    let client = scene.handles.postgres.client().await?;
    let schema = &scene.name;
    let there = "SELECT to_regclass($1) IS NOT NULL";
    let there: bool =
        client.query_one(there, &[&format!("{schema}.loaded")]).await.map_err(postgres::error)?.get(0);
    if there {
        let note = format!("SELECT fingerprint FROM {schema}.loaded");
        let note = client.query_opt(&note, &[]).await.map_err(postgres::error)?;
        if note.is_some_and(|row| row.get::<_, String>(0) == scene.fingerprint) {
            client.batch_execute(&format!("TRUNCATE {schema}.written")).await.map_err(postgres::error)?;
            return Ok(Loaded { items, made: false });
        }
    }
    let script = format!(
        "BEGIN; SET LOCAL statement_timeout = 0; DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}; \
         SET LOCAL search_path = {schema}; {TABLES} {rows} {INDEXES} \
         CREATE TABLE loaded AS SELECT '{print}'::text AS fingerprint; COMMIT",
        rows = rows(scene.products, orders(scene)),
        print = scene.fingerprint
    );
    let made = client.batch_execute(&script).await.map_err(postgres::error);
    if made.is_err() {
        let _ = client.batch_execute("ROLLBACK").await;
    }
    made?;
    for table in ["product", "category", "brand", "customer", "orders", "line"] {
        client.batch_execute(&format!("VACUUM ANALYZE {schema}.{table}")).await.map_err(postgres::error)?;
    }
    Ok(Loaded { items, made: true })
}

/// Orders, of three lines each on average.
fn orders(scene: &Scene) -> u32 {
    scene.products / 5 * 3
}

const TABLES: &str = "
CREATE TABLE category (id int4 PRIMARY KEY, name text NOT NULL, parent int4);
CREATE TABLE brand (id int4 PRIMARY KEY, name text NOT NULL);
CREATE TABLE product (id int4 PRIMARY KEY, sku text NOT NULL UNIQUE, name text NOT NULL, description text NOT NULL,
    category int4 NOT NULL REFERENCES category, brand int4 NOT NULL REFERENCES brand, price numeric(10, 2) NOT NULL,
    stock int4 NOT NULL, rating float4 NOT NULL, created timestamptz NOT NULL);
CREATE TABLE customer (id int4 PRIMARY KEY, name text NOT NULL, country text NOT NULL, segment text NOT NULL);
CREATE TABLE orders (id int4 PRIMARY KEY, customer int4 NOT NULL REFERENCES customer, placed timestamptz NOT NULL,
    status text NOT NULL);
CREATE TABLE line (order_id int4 NOT NULL REFERENCES orders, position int4 NOT NULL, product int4 NOT NULL REFERENCES product,
    quantity int4 NOT NULL, price numeric(10, 2) NOT NULL, PRIMARY KEY (order_id, position));
CREATE TABLE written (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, product int4 NOT NULL, note text NOT NULL,
    at timestamptz NOT NULL DEFAULT now());";

const INDEXES: &str = "
CREATE INDEX ON product (category); CREATE INDEX ON product (brand); CREATE INDEX ON product (price);
CREATE INDEX ON orders (customer); CREATE INDEX ON orders (placed); CREATE INDEX ON line (product);";

/// The rows, made by the server from their numbers: the same on every server. Few products are sold often, most seldom.
fn rows(count: u32, orders: u32) -> String {
    let (products, orders, customers) = (count - 1, orders - 1, CUSTOMERS - 1);
    format!(
        "INSERT INTO category SELECT n, 'Category ' || n, CASE WHEN n >= 25 THEN n / 10 END FROM generate_series(0, {}) n;
         INSERT INTO brand SELECT n, 'Brand ' || chr(65 + n % 26) || n FROM generate_series(0, {}) n;
         INSERT INTO product SELECT n, 'SKU-' || lpad(n::text, 7, '0'),
             (ARRAY['Cordless','Heavy duty','Compact','Insulated','Stainless','Adjustable','Digital','Safety'])[1 + n % 8] || ' ' ||
             (ARRAY['drill','wrench','glove','goggles','cleaner','saw','sander','respirator','lamp','ladder','meter'])[1 + n / 8 % 11]
             || ' ' || n, 'For work on site and in the shop. ' || repeat(md5(n::text) || ' ', 4),
             n % {CATEGORIES}, (n::int8 * 7919 % {BRANDS})::int4, 1 + (n::int8 * 48271 % 99900) / 100.0,
             (n::int8 * 69621 % 500)::int4, 1 + (n::int8 * 16807 % 401) / 100.0,
             timestamptz '2023-01-01 00:00+00' + n % 900 * interval '1 day' FROM generate_series(0, {products}) n;
         INSERT INTO customer SELECT n, 'Customer ' || n, (ARRAY['SG','DE','US','JP','BR','IN'])[1 + n % 6],
             (ARRAY['retail','trade','public','industry'])[1 + n / 6 % 4] FROM generate_series(0, {customers}) n;
         INSERT INTO orders SELECT n, (n::int8 * 48271 % {CUSTOMERS})::int4,
             timestamptz '2024-01-01 00:00+00' + (n::int8 * 69621 % 1051200) * interval '1 minute',
             (ARRAY['open','paid','sent','closed'])[1 + n % 4] FROM generate_series(0, {orders}) n;
         INSERT INTO line SELECT n, k,
             least({products}, floor({count} * power((((n::int8 * 5 + k) * 2654435761) % 4294967296) / 4294967296.0, 3)))::int4,
             1 + (n + k) % 9, 1 + ((n::int8 + k) * 48271 % 99900) / 100.0
             FROM generate_series(0, {orders}) n, generate_series(1, 1 + n % 5) k;",
        CATEGORIES - 1,
        BRANDS - 1,
    )
}

async fn purge(scene: &Scene) -> Result<()> {
    let client = scene.handles.postgres.client().await?;
    client
        .batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", scene.name))
        .await
        .map_err(postgres::error)
}

async fn simple(scene: &Scene, number: u64) -> Result<()> {
    let client = scene.handles.postgres.client().await?;
    let sql = format!(
        "SELECT id, sku, name, description, category, brand, price::float8, stock FROM {}.product WHERE id = $1",
        scene.name
    );
    let statement = client.prepare_cached(&sql).await.map_err(postgres::error)?;
    let id = scene.product(number);
    let row = client.query_one(&statement, &[&id]).await.map_err(postgres::error)?;
    if row.get::<_, i32>(0) != id { Err(unexpected(format!("product {id} is another one"))) } else { Ok(()) }
}

async fn join(scene: &Scene, number: u64) -> Result<()> {
    let client = scene.handles.postgres.client().await?;
    let sql = format!(
        "SELECT b.name, k.name, c.segment, count(DISTINCT o.id), sum(l.quantity * l.price)::float8 AS sales, avg(p.rating)::float8 \
         FROM {0}.product p JOIN {0}.category k ON k.id = p.category JOIN {0}.brand b ON b.id = p.brand \
         JOIN {0}.line l ON l.product = p.id JOIN {0}.orders o ON o.id = l.order_id JOIN {0}.customer c ON c.id = o.customer \
         WHERE p.category = $1 AND o.placed >= timestamptz '2024-01-01 00:00+00' + $2 * interval '1 day' \
         AND o.placed < timestamptz '2024-01-01 00:00+00' + ($2 + 90) * interval '1 day' \
         GROUP BY 1, 2, 3 ORDER BY sales DESC LIMIT 20",
        scene.name
    );
    let statement = client.prepare_cached(&sql).await.map_err(postgres::error)?;
    let day = f64::from(u16::try_from(number % 600).unwrap_or_default());
    let rows = client.query(&statement, &[&scene.category(number), &day]).await.map_err(postgres::error)?;
    let sales = |row: &tokio_postgres::Row| row.try_get::<_, f64>(4).map_err(postgres::error);
    let sales = rows.iter().map(sales).collect::<Result<Vec<f64>>>()?;
    if sales.is_sorted_by(|a, b| a >= b) { Ok(()) } else { Err(unexpected("sales are not in their order")) }
}

async fn insert(scene: &Scene, number: u64) -> Result<()> {
    let client = scene.handles.postgres.client().await?;
    let sql = format!("INSERT INTO {}.written (product, note) VALUES ($1, $2)", scene.name);
    let statement = client.prepare_cached(&sql).await.map_err(postgres::error)?;
    let note = format!("written by call {number}");
    client.execute(&statement, &[&scene.product(number), &note]).await.map_err(postgres::error).map(drop)
}

async fn update(scene: &Scene, number: u64) -> Result<()> {
    let client = scene.handles.postgres.client().await?;
    let sql = format!("UPDATE {}.product SET stock = (stock + 1) % 500 WHERE id = $1", scene.name);
    let statement = client.prepare_cached(&sql).await.map_err(postgres::error)?;
    match client.execute(&statement, &[&scene.product(number)]).await.map_err(postgres::error)? {
        1 => Ok(()),
        other => Err(unexpected(format!("one product was changed, {other} were counted"))),
    }
}

async fn commit(scene: &Scene, number: u64) -> Result<()> {
    let mut client = scene.handles.postgres.client().await?;
    let (insert, update) = (
        format!("INSERT INTO {}.written (product, note) VALUES ($1, 'ordered')", scene.name),
        format!("UPDATE {}.product SET stock = (stock + 499) % 500 WHERE id = $1", scene.name),
    );
    let insert = client.prepare_cached(&insert).await.map_err(postgres::error)?;
    let update = client.prepare_cached(&update).await.map_err(postgres::error)?;
    let transaction = client.transaction().await.map_err(postgres::error)?;
    let id = scene.product(number);
    transaction.execute(&insert, &[&id]).await.map_err(postgres::error)?;
    transaction.execute(&update, &[&id]).await.map_err(postgres::error)?;
    transaction.commit().await.map_err(postgres::error)
}
