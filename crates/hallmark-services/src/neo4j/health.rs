//! Whether Neo4j is usable.

use std::time::Instant;

use hallmark_core::{Error, Result, Secret};
use serde_json::{Map, Value, json};

use super::{Neo4j, Neo4jConfig};
use crate::recorder::{
    Recorder, Sample, Seen, Stopped, canary_lost, first_bytes, judge_wrong_password, nonce, tcp, wrong_server,
};
use crate::{ServiceKind, codes, limits};

/// The oldest version that Hallmark is tested on.
const OLDEST: (u32, u32) = (5, 26);

/// Bolt's magic bytes, then the four versions that a client proposes: 4.4 down to 4.0 is what the driver speaks.
const BOLT_OPENING: [u8; 20] = [0x60, 0x60, 0xB0, 0x17, 0, 4, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

const COMPONENTS: &str = "CALL dbms.components() YIELD name, versions, edition \
    WHERE name = 'Neo4j Kernel' RETURN versions[0] AS version, edition";

/// The start of the Java process and the identifier of the database: a restart changes the one, another store the other.
const IDENTITY: &str = "CALL db.info() YIELD id \
    CALL dbms.queryJmx('java.lang:type=Runtime') YIELD attributes \
    RETURN id, attributes.StartTime.value AS started";

pub(crate) async fn probe(config: &Neo4jConfig, recorder: &mut Recorder) -> Result<(), Stopped> {
    recorder.step("tcp", tcp(&config.host, config.port)).await?;
    recorder.step("handshake", handshake(config)).await?;
    let neo4j = recorder
        .step("authentication", async {
            let neo4j = Neo4j::new(config)?;
            neo4j.query("RETURN 1 AS one", Map::new()).await?;
            Ok((neo4j, format!("{} may run queries", config.user)))
        })
        .await?;
    if recorder.verifies_authentication() {
        recorder.lesser_step("refuses_wrong_password", wrong_password(config)).await;
    }
    let (identity, version) = recorder.step("identity", identity(&neo4j)).await?;
    recorder.identify(identity, version);
    recorder.step("extensions", apoc(&neo4j)).await?;
    recorder.lesser_step("extensions", gds(&neo4j)).await;
    recorder.step("canary", canary(config, &neo4j)).await?;
    recorder.stable(|| sample(config)).await
}

async fn handshake(config: &Neo4jConfig) -> Seen<()> {
    if config.tls {
        return Ok(((), "Bolt over TLS: left to the driver".to_owned()));
    }
    let answer = first_bytes(&config.host, config.port, &BOLT_OPENING, 4).await?;
    match answer.as_slice() {
        [0, 0, 0, 0] => {
            Err(Error::new(&codes::VERSION, "the server speaks Bolt, but none of the versions 4.0 to 4.4"))
        }
        [0, 0, minor, major @ 4..=5] => Ok(((), format!("speaks Bolt {major}.{minor}"))),
        other => Err(wrong_server(ServiceKind::Neo4j, other)),
    }
}

async fn wrong_password(config: &Neo4jConfig) -> Seen<()> {
    let wrong = Neo4jConfig { password: Secret::new(nonce()?), ..config.clone() };
    let attempt = Neo4j::new(&wrong)?.query("RETURN 1 AS one", Map::new()).await.map(drop);
    judge_wrong_password(ServiceKind::Neo4j, attempt)
}

/// The one row that the query returns.
pub(super) async fn row(
    neo4j: &Neo4j,
    cypher: &str,
    params: Map<String, Value>,
) -> Result<Map<String, Value>> {
    let rows = neo4j.query(cypher, params).await?;
    let count = rows.len();
    rows.into_iter().next().filter(|_| count == 1).ok_or_else(|| {
        Error::new(&codes::ANSWER_INVALID, format!("a query that returns one row returned {count}"))
    })
}

fn text(row: &Map<String, Value>, name: &str) -> String {
    match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

async fn identity(neo4j: &Neo4j) -> Seen<(String, String)> {
    let components = row(neo4j, COMPONENTS, Map::new()).await?;
    let (version, edition) = (text(&components, "version"), text(&components, "edition"));
    let mut numbers = version.split(['.', '-']).map(|n| n.parse::<u32>().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST {
        return Err(Error::new(&codes::VERSION, format!("Neo4j {version} is older than 5.26")));
    }
    let identity = running(neo4j).await?;
    let detail = format!("Neo4j {version} {edition}, {identity}");
    Ok(((identity, format!("{version} {edition}")), detail))
}

async fn running(neo4j: &Neo4j) -> Result<String> {
    let seen = row(neo4j, IDENTITY, Map::new()).await?;
    let started =
        seen.get("started").and_then(Value::as_i64).and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let (id, started) = (text(&seen, "id"), started.map(|t| t.to_string()).unwrap_or_default());
    if id.is_empty() || started.is_empty() {
        return Err(Error::new(
            &codes::ANSWER_INVALID,
            "the server does not tell its start and its database's identifier",
        ));
    }
    Ok(format!("database {}, started {started}", id.get(..12).unwrap_or(&id)))
}

async fn apoc(neo4j: &Neo4j) -> Seen<()> {
    let seen = row(neo4j, "RETURN apoc.version() AS version", Map::new()).await.map_err(|e| {
        Error::new(&codes::EXTENSION_MISSING, "apoc.version() does not answer")
            .because_text(e.message().to_owned())
    })?;
    Ok(((), format!("APOC {}", text(&seen, "version"))))
}

async fn gds(neo4j: &Neo4j) -> Seen<()> {
    let seen = row(neo4j, "RETURN gds.version() AS version", Map::new()).await.map_err(|e| {
        Error::new(&codes::EXTENSION_MISSING, "gds.version() does not answer")
            .because_text(e.message().to_owned())
    })?;
    Ok(((), format!("Graph Data Science {}", text(&seen, "version"))))
}

/// Writes on one pool and reads on another, under a label and a token of this probe's own.
async fn canary(config: &Neo4jConfig, writer: &Neo4j) -> Seen<()> {
    let reader = Neo4j::new(config)?;
    let token = nonce()?;
    let named = |token: &str| Map::from_iter([("token".to_owned(), json!(token))]);
    let sweep = "MATCH (n:HallmarkCanary) WHERE n.at < timestamp() - $ttl_ms DELETE n";
    writer.query(sweep, Map::from_iter([("ttl_ms".to_owned(), json!(limits::CANARY_TTL_S * 1000))])).await?;
    writer.query("CREATE (:HallmarkCanary {token: $token, at: timestamp()})", named(&token)).await?;
    let count = "MATCH (n:HallmarkCanary {token: $token}) RETURN count(n) AS count";
    let read = row(&reader, count, named(&token)).await;
    writer.query("MATCH (n:HallmarkCanary {token: $token}) DELETE n", named(&token)).await?;
    if read?.get("count") != Some(&json!(1)) {
        return Err(canary_lost("a node was written, and another connection did not read it back"));
    }
    if row(&reader, count, named(&token)).await?.get("count") != Some(&json!(0)) {
        return Err(canary_lost("a deleted node is still there"));
    }
    Ok(((), "a node written on one connection was read on another, and removed".to_owned()))
}

async fn sample(config: &Neo4jConfig) -> Result<Sample> {
    let neo4j = Neo4j::new(config)?;
    let identity = running(&neo4j).await?;
    let start = Instant::now();
    neo4j.query("RETURN 1 AS one", Map::new()).await?;
    Ok(Sample { identity, round_trip: start.elapsed() })
}
