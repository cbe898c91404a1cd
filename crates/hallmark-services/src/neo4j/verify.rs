//! Whether a Neo4j is real.
//!
//! What a server that only answers scripts lacks: paths in a graph that is fresh in every run, transactions that do not see
//! each other and wait for each other, constraints that refuse and own an index.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use serde_json::{Map, Value, json};

use super::health::row;
use super::{Neo4j, Neo4jConfig, error, plan};
use crate::recorder::nonce;
use crate::verify::{Fresh, Shown, Trials, refuted};
use crate::{codes, limits};

/// The label of every node that a verification makes; its own label begins with it, then the second it was made.
const LABEL: &str = "HallmarkVerify";

/// Nodes of the graph whose paths are compared.
const NODES: usize = 24;

pub(crate) async fn verify(config: &Neo4jConfig, trials: &mut Trials) {
    let connected = trials.make("connects", async {
        let neo4j = Neo4j::new(config)?;
        neo4j.query("RETURN 1 AS one", Map::new()).await?;
        Ok((neo4j, format!("{} may run queries", config.user)))
    });
    let Some(neo4j) = connected.await else { return };
    let now = jiff::Timestamp::now().as_second();
    let Ok(label) = nonce().map(|word| format!("{LABEL}_{now}_{word}")) else { return };
    trials.make("account_of_itself", account(&neo4j)).await;
    trials.make("paths", paths(&neo4j, &label)).await;
    trials.make("isolation", isolation(&neo4j, &label)).await;
    trials.make("constraint", constraint(&neo4j, &label)).await;
    if config.tls {
        trials.show("plans", plan::plans(config, &neo4j, &label)).await;
    } else {
        trials.make("plans", plan::plans(config, &neo4j, &label)).await;
    }
    trials.make("transactions", transactions(&neo4j, &label)).await;
    trials.make("leaves_nothing", removed(&neo4j, &label)).await;
    trials.show("pool_limit", pool_is_bounded(config)).await;
}

fn named(pairs: &[(&str, Value)]) -> Map<String, Value> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A statement that every Neo4j understands; a server that calls it wrong is none.
async fn ask(neo4j: &Neo4j, cypher: &str, params: Map<String, Value>) -> Result<Vec<Map<String, Value>>> {
    neo4j.query(cypher, params).await.map_err(judged)
}

fn judged(failure: Error) -> Error {
    let state = failure.causes().last().map(ToString::to_string).unwrap_or_default();
    let unknown = ["SyntaxError", "ProcedureNotFound", "ParameterMissing", "TypeError"];
    if failure.is(&codes::CYPHER) && unknown.iter().any(|word| state.contains(word)) {
        return refuted(format!("it refuses what every Neo4j does: {}", failure.message()));
    }
    failure
}

/// Version and uptime of the process; the clock behind it runs as ours does.
async fn account(neo4j: &Neo4j) -> Shown<()> {
    let components = "CALL dbms.components() YIELD name, versions, edition \
        WHERE name = 'Neo4j Kernel' RETURN versions[0] AS version, edition";
    let seen = row(neo4j, components, Map::new()).await.map_err(judged)?;
    let version = seen.get("version").and_then(Value::as_str).unwrap_or_default().to_owned();
    if version.split('.').next().and_then(|major| major.parse::<u32>().ok()).is_none() {
        return Err(refuted(format!("its kernel is of version \"{version}\"")));
    }
    let uptime =
        "CALL dbms.queryJmx('java.lang:type=Runtime') YIELD attributes RETURN attributes.Uptime.value AS ms";
    let first = row(neo4j, uptime, Map::new()).await.map_err(judged)?;
    let started = Instant::now();
    tokio::time::sleep(Duration::from_millis(60)).await;
    let second = row(neo4j, uptime, Map::new()).await.map_err(judged)?;
    let waited = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    let ms = |row: &Map<String, Value>| row.get("ms").and_then(Value::as_i64).unwrap_or_default();
    let passed = ms(&second) - ms(&first);
    // The first reading may have been on its way while the clock went on.
    if passed < 30 || passed > waited + 10_000 {
        return Err(refuted(format!("{waited} ms passed, and its process aged by {passed}")));
    }
    Ok(((), format!("kernel {version}, up for {} s", ms(&second) / 1_000)))
}

/// Shortest paths and degrees in a random graph are those that a search here finds.
async fn paths(neo4j: &Neo4j, label: &str) -> Shown<()> {
    let mut fresh = Fresh::new()?;
    let mut pick = || usize::try_from(fresh.below(NODES as u64)).unwrap_or_default();
    let mut edges: Vec<(usize, usize)> = (1..NODES).map(|n| (n - 1, n)).collect();
    edges.extend((0..NODES / 2).map(|_| (pick(), pick())).filter(|(a, b)| a != b));
    let create =
        format!("UNWIND range(0, {}) AS n CREATE (:{label}:{LABEL} {{n: n, at: timestamp()}})", NODES - 1);
    ask(neo4j, &create, Map::new()).await?;
    let connect = format!(
        "UNWIND $edges AS e MATCH (a:{label} {{n: e[0]}}), (b:{label} {{n: e[1]}}) CREATE (a)-[:NEXT]->(b)"
    );
    ask(neo4j, &connect, named(&[("edges", json!(edges))])).await?;
    let lengths = format!(
        "MATCH (a:{label} {{n: 0}}), (b:{label}) WHERE b.n > 0 \
         MATCH p = shortestPath((a)-[:NEXT*..{NODES}]-(b)) RETURN b.n AS n, length(p) AS length"
    );
    let rows = ask(neo4j, &lengths, Map::new()).await?;
    let number = |row: &Map<String, Value>, name: &str| row.get(name).and_then(Value::as_u64);
    let there: BTreeMap<u64, u64> =
        rows.iter().filter_map(|row| Some((number(row, "n")?, number(row, "length")?))).collect();
    let here = distances(&edges);
    if there != here {
        return Err(refuted(format!(
            "the lengths of {} shortest paths are not those of the graph",
            here.len()
        )));
    }
    let far = here.values().max().copied().unwrap_or_default();
    Ok(((), format!("{} shortest paths, up to {far} steps, in a graph made for this run", here.len())))
}

/// Steps from node 0 to each other node, over edges without direction.
fn distances(edges: &[(usize, usize)]) -> BTreeMap<u64, u64> {
    let mut steps: BTreeMap<usize, u64> = BTreeMap::from([(0, 0)]);
    let mut queue = VecDeque::from([0]);
    while let Some(at) = queue.pop_front() {
        let next = steps.get(&at).copied().unwrap_or_default() + 1;
        for (a, b) in edges {
            for (from, to) in [(*a, *b), (*b, *a)] {
                if from == at && !steps.contains_key(&to) {
                    steps.insert(to, next);
                    queue.push_back(to);
                }
            }
        }
    }
    steps.into_iter().filter(|(n, _)| *n > 0).map(|(n, step)| (n as u64, step)).collect()
}

/// What a transaction has not committed others do not see; what it takes back was never there; two that change one node wait.
async fn isolation(neo4j: &Neo4j, label: &str) -> Shown<()> {
    let count = format!("MATCH (n:{label} {{kind: 'open'}}) RETURN count(n) AS count");
    let counted = async || -> Result<u64> {
        let seen = row(neo4j, &count, Map::new()).await.map_err(judged)?;
        Ok(seen.get("count").and_then(Value::as_u64).unwrap_or(u64::MAX))
    };
    let mut open = neo4j.begin().await?;
    let create = format!("CREATE (:{label}:{LABEL} {{kind: 'open', at: timestamp()}})");
    open.txn.run(neo4rs::query(&create)).await.map_err(|e| judged(error(&e)))?;
    let uncommitted = counted().await?;
    open.txn.rollback().await.map_err(|e| error(&e))?;
    let taken_back = counted().await?;
    if uncommitted != 0 || taken_back != 0 {
        return Err(refuted("a node is seen that no transaction has committed"));
    }
    let mut holder = neo4j.begin().await?;
    let change = format!("MATCH (n:{label} {{n: 0}}) SET n.held = $by RETURN n.n");
    holder.txn.run(neo4rs::query(&change).param("by", "first")).await.map_err(|e| judged(error(&e)))?;
    let second = neo4j.clone();
    let waits = change.clone();
    let waiting =
        tokio::spawn(async move { second.query(&waits, named(&[("by", json!("second"))])).await.map(drop) });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let too_early = waiting.is_finished();
    holder.txn.commit().await.map_err(|e| error(&e))?;
    waiting.await.map_err(|e| refuted("the transaction that waited broke").because(&e))??;
    let last = format!("MATCH (n:{label} {{n: 0}}) RETURN n.held AS held");
    let last = row(neo4j, &last, Map::new()).await.map_err(judged)?;
    if too_early || last.get("held") != Some(&json!("second")) {
        return Err(refuted("two transactions changed one node at the same time"));
    }
    Ok(((), "uncommitted nodes are not seen, and a second writer waited for the first".to_owned()))
}

/// A uniqueness constraint refuses the second node, and owns an index that comes online and finds the first.
async fn constraint(neo4j: &Neo4j, label: &str) -> Shown<()> {
    let create = format!("CREATE CONSTRAINT {label} FOR (n:{label}) REQUIRE n.key IS UNIQUE");
    ask(neo4j, &create, Map::new()).await?;
    let word = nonce()?;
    let add = format!("CREATE (:{label}:{LABEL} {{key: $key, at: timestamp()}})");
    ask(neo4j, &add, named(&[("key", json!(word))])).await?;
    let twin = neo4j.query(&add, named(&[("key", json!(word))])).await;
    let refused = match &twin {
        Err(e) => e.causes().last().is_some_and(|c| c.to_string().contains("ConstraintValidationFailed")),
        Ok(_) => false,
    };
    if !refused {
        return match twin {
            Err(e) if !e.is(&codes::CYPHER) => Err(e),
            _ => Err(refuted("a second node with a key that is unique was not refused as such")),
        };
    }
    ask(neo4j, "CALL db.awaitIndexes(30)", Map::new()).await?;
    let owned =
        "SHOW INDEXES YIELD name, state, owningConstraint WHERE owningConstraint = $name RETURN state";
    let index = row(neo4j, owned, named(&[("name", json!(label))])).await.map_err(judged)?;
    if index.get("state") != Some(&json!("ONLINE")) {
        return Err(refuted("a constraint's index does not come online"));
    }
    let hinted =
        format!("MATCH (n:{label}) USING INDEX n:{label}(key) WHERE n.key = $key RETURN count(n) AS count");
    let found = row(neo4j, &hinted, named(&[("key", json!(word))])).await.map_err(judged)?;
    if found.get("count") != Some(&json!(1)) {
        return Err(refuted("a node is not found over the index of its key"));
    }
    Ok(((), "a twin was refused, and the node is found over the constraint's index".to_owned()))
}

/// A statement that fails takes its whole transaction with it; what is committed together is seen together.
async fn transactions(neo4j: &Neo4j, label: &str) -> Shown<()> {
    let count = format!("MATCH (n:{label} {{kind: 'both'}}) RETURN count(n) AS count");
    let counted = async || -> Result<Option<u64>> {
        Ok(row(neo4j, &count, Map::new()).await.map_err(judged)?.get("count").and_then(Value::as_u64))
    };
    let add = |key: &str| {
        let cypher = format!("CREATE (:{label}:{LABEL} {{kind: 'both', key: $key, at: timestamp()}})");
        neo4rs::query(&cypher).param("key", key)
    };
    let (first, second) = (nonce()?, nonce()?);
    let mut failing = neo4j.begin().await?;
    failing.txn.run(add(&first)).await.map_err(|e| judged(error(&e)))?;
    let twin = failing.txn.run(add(&first)).await;
    let _ = failing.txn.rollback().await;
    if twin.is_ok() || counted().await? != Some(0) {
        return Err(refuted("a transaction whose statement was refused left something"));
    }
    let mut whole = neo4j.begin().await?;
    whole.txn.run(add(&first)).await.map_err(|e| judged(error(&e)))?;
    whole.txn.run(add(&second)).await.map_err(|e| judged(error(&e)))?;
    let before = counted().await?;
    whole.txn.commit().await.map_err(|e| error(&e))?;
    if before != Some(0) || counted().await? != Some(2) {
        return Err(refuted("two nodes of one transaction are not seen together"));
    }
    Ok(((), "a refused statement took its transaction along; two writes came together".to_owned()))
}

/// Our own pool refuses in time, with a code.
async fn pool_is_bounded(config: &Neo4jConfig) -> Shown<()> {
    let small = Neo4jConfig { pool_size: 1, pool_wait: Duration::from_millis(200), ..config.clone() };
    let neo4j = Neo4j::new(&small)?;
    let held = neo4j.begin().await?;
    let refused = neo4j.query("RETURN 1 AS one", Map::new()).await.err();
    held.txn.rollback().await.map_err(|e| error(&e))?;
    match refused {
        Some(e) if e.is(&codes::POOL_EXHAUSTED) => {
            Ok(((), format!("a pool of one refused a second caller ({})", e.code().id)))
        }
        Some(e) => Err(e),
        None => Err(Error::new(&codes::CANARY, "a pool of one connection gave two")),
    }
}

/// Takes back what this run made, and what a killed one left.
async fn removed(neo4j: &Neo4j, label: &str) -> Shown<()> {
    let ttl = i64::try_from(limits::CANARY_TTL_S).unwrap_or(i64::MAX);
    let names = "SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH $prefix RETURN name";
    let stale = |name: &str| {
        let made = name.split('_').nth(1).and_then(|second| second.parse::<i64>().ok());
        made.is_some_and(|made| made < jiff::Timestamp::now().as_second() - ttl)
    };
    for constraint in neo4j.query(names, named(&[("prefix", json!(format!("{LABEL}_")))])).await? {
        let name = constraint.get("name").and_then(Value::as_str).unwrap_or_default();
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if plain && (name == label || stale(name)) {
            neo4j.query(&format!("DROP CONSTRAINT {name} IF EXISTS"), Map::new()).await?;
        }
    }
    neo4j.query(&format!("MATCH (n:{label}) DETACH DELETE n"), Map::new()).await?;
    let old = format!("MATCH (n:{LABEL}) WHERE n.at < timestamp() - $ttl_ms DETACH DELETE n");
    neo4j.query(&old, named(&[("ttl_ms", json!(ttl * 1_000))])).await?;
    Ok(((), "its nodes and its constraint are gone".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_counted_over_edges_without_direction() {
        let steps = distances(&[(0, 1), (1, 2), (3, 0), (3, 2)]);
        assert_eq!(steps, BTreeMap::from([(1, 1), (2, 2), (3, 1)]));
    }
}
