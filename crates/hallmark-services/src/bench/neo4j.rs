//! Neo4j: the same products as a graph with tasks and skills, under labels of its own.

use hallmark_core::Result;
use serde_json::{Map, Value, json};

use super::scene::{BRANDS, CATEGORIES, Scene, unexpected};
use super::target::{Bound, Capacity, Loaded, Subject, Target};
use crate::{Neo4j, ServiceKind};

const TASKS: u32 = 500;
const SKILLS: u32 = 50;

/// Nodes that one statement makes or removes: it must fit the server's memory.
const BATCH: u32 = 10_000;

/// Labels of the graph, each with a constraint on `id`.
const KINDS: [&str; 5] = ["Product", "Category", "Brand", "Task", "Skill"];

pub(super) static SUBJECT: Subject = Subject {
    service: ServiceKind::Neo4j,
    load: |scene| Box::pin(load(scene)),
    purge: |scene| Box::pin(purge(scene)),
    targets: &[
        Target {
            id: "neo4j.lookup",
            what: "a product by its key",
            bounds: &[Bound::mean(20.0), Bound::p95(50.0)],
            work: |scene, number| Box::pin(lookup(scene, number)),
        },
        Target {
            id: "neo4j.relationship",
            what: "the tasks of a product and the skills they require",
            bounds: &[Bound::mean(100.0), Bound::p95(200.0)],
            work: |scene, number| Box::pin(relationship(scene, number)),
        },
        Target {
            id: "neo4j.traversal",
            what: "all products compatible over one to three steps",
            bounds: &[Bound::p95(100.0)],
            work: |scene, number| Box::pin(traversal(scene, number)),
        },
        Target {
            id: "neo4j.pattern",
            what: "products for the same tasks, ranked by shared tasks and what fits them",
            bounds: &[Bound::p95(500.0)],
            work: |scene, number| Box::pin(pattern(scene, number)),
        },
    ],
    capacity: Some(Capacity {
        id: "neo4j.rate",
        target: "neo4j.lookup",
        callers: 16,
        bound: Bound::rate(500.0),
    }),
};

fn named(pairs: &[(&str, Value)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn number_of(rows: &[Map<String, Value>], name: &str) -> Option<u64> {
    rows.first()?.get(name)?.as_u64()
}

async fn load(scene: &Scene) -> Result<Loaded> {
    let (neo4j, label) = (&scene.handles.neo4j, &scene.label);
    let items = u64::from(scene.products + CATEGORIES + BRANDS + TASKS + SKILLS);
    let note = format!("MATCH (n:{label}Loaded {{fingerprint: $print}}) RETURN count(n) AS there");
    let there = neo4j.query(&note, named(&[("print", json!(scene.fingerprint))])).await?;
    if number_of(&there, "there") == Some(1) {
        return Ok(Loaded { items, made: false });
    }
    purge(scene).await?;
    for kind in KINDS {
        let constraint =
            format!("CREATE CONSTRAINT {label}{kind} FOR (n:{label}{kind}) REQUIRE n.id IS UNIQUE");
        neo4j.query(&constraint, Map::new()).await?;
    }
    neo4j.query("CALL db.awaitIndexes(60)", Map::new()).await?;
    for (kind, count) in [("Category", CATEGORIES), ("Brand", BRANDS), ("Task", TASKS), ("Skill", SKILLS)] {
        let make = format!("CREATE (:{label}{kind} {{id: n, name: '{kind} ' + n}})");
        ranged(neo4j, &make, count).await?;
    }
    let make = format!(
        "CREATE (:{label}Product {{id: n, name: 'Product ' + n, price: 1.0 + (n * 48271 % 99900) / 100.0}})"
    );
    ranged(neo4j, &make, scene.products).await?;
    for make in relationships(label, scene.products) {
        ranged(neo4j, &make.1, make.0).await?;
    }
    let note = format!("CREATE (:{label}Loaded {{fingerprint: $print}})");
    neo4j.query(&note, named(&[("print", json!(scene.fingerprint))])).await?;
    Ok(Loaded { items, made: true })
}

/// Statements that relate what `n` numbers, and how many `n` there are.
fn relationships(label: &str, products: u32) -> Vec<(u32, String)> {
    vec![
        (
            TASKS,
            format!(
                "UNWIND [1, 2, 3] AS k MATCH (t:{label}Task {{id: n}}), (s:{label}Skill {{id: (n * 7 + k * 11) % {SKILLS}}}) \
                 CREATE (t)-[:REQUIRES]->(s)"
            ),
        ),
        (
            products,
            format!(
                "MATCH (p:{label}Product {{id: n}}), (c:{label}Category {{id: n % {CATEGORIES}}}), \
                 (b:{label}Brand {{id: n * 7919 % {BRANDS}}}) CREATE (p)-[:IN_CATEGORY]->(c), (p)-[:MADE_BY]->(b)"
            ),
        ),
        (
            products,
            format!(
                "UNWIND [1, 2] AS k MATCH (p:{label}Product {{id: n}}), (t:{label}Task {{id: (n * 48271 + k * 211) % {TASKS}}}) \
                 CREATE (p)-[:USED_FOR]->(t)"
            ),
        ),
        (
            products,
            format!(
                "UNWIND [1, 2, 3] AS k MATCH (p:{label}Product {{id: n}}), \
                 (q:{label}Product {{id: (n * 69621 + k * 7907) % {products}}}) CREATE (p)-[:COMPATIBLE_WITH]->(q)"
            ),
        ),
    ]
}

/// Does the statement for each `n` from 0 up to `count`, some thousands in one transaction.
async fn ranged(neo4j: &Neo4j, statement: &str, count: u32) -> Result<()> {
    for from in (0..count).step_by(BATCH as usize) {
        let to = count.min(from + BATCH) - 1;
        let cypher = format!("UNWIND range($from, $to) AS n {statement}");
        neo4j.query(&cypher, named(&[("from", json!(from)), ("to", json!(to))])).await?;
    }
    Ok(())
}

async fn purge(scene: &Scene) -> Result<()> {
    let (neo4j, label) = (&scene.handles.neo4j, &scene.label);
    for kind in KINDS.into_iter().chain(["Loaded"]) {
        loop {
            let some = format!(
                "MATCH (n:{label}{kind}) WITH n LIMIT {} DETACH DELETE n RETURN count(n) AS gone",
                BATCH / 4
            );
            if number_of(&neo4j.query(&some, Map::new()).await?, "gone").unwrap_or(0) == 0 {
                break;
            }
        }
        neo4j.query(&format!("DROP CONSTRAINT {label}{kind} IF EXISTS"), Map::new()).await?;
    }
    Ok(())
}

async fn asked(scene: &Scene, cypher: &str, number: u64) -> Result<Vec<Map<String, Value>>> {
    scene.handles.neo4j.query(cypher, named(&[("id", json!(scene.product(number)))])).await
}

async fn lookup(scene: &Scene, number: u64) -> Result<()> {
    let cypher = format!(
        "MATCH (p:{}Product {{id: $id}}) RETURN p.id AS id, p.name AS name, p.price AS price",
        scene.label
    );
    let rows = asked(scene, &cypher, number).await?;
    if number_of(&rows, "id") == u64::try_from(scene.product(number)).ok() {
        Ok(())
    } else {
        Err(unexpected("a product is not in the graph"))
    }
}

async fn relationship(scene: &Scene, number: u64) -> Result<()> {
    let cypher = format!(
        "MATCH (:{}Product {{id: $id}})-[:USED_FOR]->(t)-[:REQUIRES]->(s) RETURN t.name AS task, collect(s.name) AS skills",
        scene.label
    );
    let rows = asked(scene, &cypher, number).await?;
    if rows.is_empty() { Err(unexpected("a product without a task")) } else { Ok(()) }
}

async fn traversal(scene: &Scene, number: u64) -> Result<()> {
    let cypher = format!(
        "MATCH (:{}Product {{id: $id}})-[:COMPATIBLE_WITH*1..3]->(q) RETURN DISTINCT q.id AS id, q.name AS name",
        scene.label
    );
    let rows = asked(scene, &cypher, number).await?;
    if rows.is_empty() { Err(unexpected("a product that nothing fits")) } else { Ok(()) }
}

async fn pattern(scene: &Scene, number: u64) -> Result<()> {
    let label = &scene.label;
    let cypher = format!(
        "MATCH (p:{label}Product {{id: $id}})-[:USED_FOR]->(t:{label}Task)<-[:USED_FOR]-(q:{label}Product) \
         WHERE q <> p AND q.price < p.price * 1.5 WITH p, q, count(DISTINCT t) AS tasks \
         MATCH (q)-[:MADE_BY]->(b:{label}Brand) \
         OPTIONAL MATCH (q)-[:COMPATIBLE_WITH]->(r:{label}Product)-[:IN_CATEGORY]->(:{label}Category)<-[:IN_CATEGORY]-(p) \
         RETURN q.id AS id, b.name AS brand, tasks, count(r) AS fits ORDER BY tasks DESC, fits DESC, id LIMIT 10"
    );
    let rows = asked(scene, &cypher, number).await?;
    if rows.len() > 10 { Err(unexpected("more rows than were asked for")) } else { Ok(()) }
}
