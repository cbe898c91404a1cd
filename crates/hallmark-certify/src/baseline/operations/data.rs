//! Data of our own on each service: a schema, a label, a collection and a key prefix with one random name, removed again.

use std::collections::BTreeMap;

use hallmark_core::{Result, random};
use hallmark_services::chroma::{CollectionId, Records};
use hallmark_services::{Handles, ServiceKind, postgres};
use serde_json::{Map, Value, json};

/// Rows of the larger table; the smaller has a tenth.
const ROWS: i32 = 2_000;

/// Vectors in the collection, and their length.
const VECTORS: usize = 500;
const DIMENSIONS: usize = 64;

/// Nodes of the graph's chain.
const NODES: usize = 200;

/// What operations work on.
pub(super) struct Data {
    pub(super) handles: Handles,
    /// The random name: letters and digits only, so that it may stand in an identifier.
    pub(super) name: String,
    pub(super) collection: Option<CollectionId>,
    missing: BTreeMap<ServiceKind, String>,
}

impl Data {
    /// Handles without any data: what a control works on.
    pub(super) fn bare(handles: &Handles) -> Self {
        Self {
            handles: handles.clone(),
            name: "hallmark_control".to_owned(),
            collection: None,
            missing: BTreeMap::new(),
        }
    }

    /// Prepares what can be prepared; a service where that fails is left out with the reason.
    pub(super) async fn prepare(handles: &Handles) -> Self {
        let name = format!("hallmark_bench_{}", random::token(10).unwrap_or_else(|_| "x".to_owned()));
        let mut data = Self { handles: handles.clone(), name, collection: None, missing: BTreeMap::new() };
        let prepared = [
            (ServiceKind::Postgres, data.postgres().await),
            (ServiceKind::Neo4j, data.neo4j().await),
            (ServiceKind::Redis, data.redis().await),
        ];
        for (kind, result) in prepared {
            data.note(kind, result.err());
        }
        match data.chroma().await {
            Ok(collection) => data.collection = Some(collection),
            Err(error) => data.note(ServiceKind::Chroma, Some(error)),
        }
        let model = data.handles.openai.models().err();
        data.note(ServiceKind::OpenAi, model);
        data
    }

    /// Why nothing can be measured on this service, if so.
    pub(super) fn missing(&self, kind: ServiceKind) -> Option<&str> {
        self.missing.get(&kind).map(String::as_str)
    }

    fn note(&mut self, kind: ServiceKind, error: Option<hallmark_core::Error>) {
        if let Some(error) = error {
            self.missing.insert(kind, format!("{}: {error}", error.code().id));
        }
    }

    /// The vector of record `n`: fixed, spread over the space, never twice the same.
    pub(super) fn vector(n: usize) -> Vec<f32> {
        (0..DIMENSIONS).map(|d| ((n * 31 + d * 17) as f32 * 0.618_034).sin()).collect()
    }

    async fn postgres(&self) -> Result<()> {
        let schema = &self.name;
        let client = self.handles.postgres.client().await?;
        let statement = format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE {schema}.category (id int PRIMARY KEY, name text NOT NULL);
             CREATE TABLE {schema}.product (id int PRIMARY KEY, category_id int NOT NULL, name text NOT NULL, price numeric NOT NULL);
             CREATE INDEX ON {schema}.product (category_id);
             INSERT INTO {schema}.category SELECT n, 'category ' || n FROM generate_series(0, {ROWS} / 10 - 1) n;
             INSERT INTO {schema}.product SELECT n, n % ({ROWS} / 10), 'product ' || n, n * 1.25 FROM generate_series(0, {ROWS} - 1) n;
             ANALYZE {schema}.category; ANALYZE {schema}.product;"
        );
        client.batch_execute(&statement).await.map_err(postgres::error)
    }

    async fn neo4j(&self) -> Result<()> {
        let label = &self.name;
        let nodes = format!("UNWIND range(0, $last) AS n CREATE (:{label} {{n: n}})");
        self.handles.neo4j.query(&nodes, params(json!({"last": NODES - 1}))).await?;
        let index = format!("CREATE INDEX {label} IF NOT EXISTS FOR (x:{label}) ON (x.n)");
        self.handles.neo4j.query(&index, Map::new()).await?;
        let chain = format!(
            "MATCH (a:{label}), (b:{label}) WHERE b.n = a.n + 1 OR b.n = a.n + 7 CREATE (a)-[:NEXT]->(b)"
        );
        self.handles.neo4j.query(&chain, Map::new()).await.map(drop)
    }

    async fn redis(&self) -> Result<()> {
        let mut connection = self.handles.redis.connection().await?;
        let set = redis::cmd("SET").arg(self.key("hit")).arg("value").arg("EX").arg(600).to_owned();
        set.query_async::<()>(&mut connection).await.map_err(|e| hallmark_services::redis::error(&e))
    }

    async fn chroma(&self) -> Result<CollectionId> {
        let chroma = &self.handles.chroma;
        let metadata = params(json!({"hnsw:space": "cosine"}));
        let id = chroma.get_or_create_collection(&self.name, metadata).await?;
        let records = Records {
            ids: (0..VECTORS).map(|n| format!("v{n}")).collect(),
            embeddings: (0..VECTORS).map(Self::vector).collect(),
            ..Records::default()
        };
        chroma.upsert(&id, records).await?;
        Ok(id)
    }

    /// A key under our own prefix.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.name)
    }

    /// Removes all of it. What cannot be removed carries our name and, on Redis, ends by itself.
    pub(super) async fn remove(&self) {
        let name = &self.name;
        if let Ok(client) = self.handles.postgres.client().await {
            let _ = client.batch_execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE")).await;
        }
        if self.missing(ServiceKind::Neo4j).is_none() {
            let _ = self.handles.neo4j.query(&format!("MATCH (x:{name}) DETACH DELETE x"), Map::new()).await;
            let _ = self.handles.neo4j.query(&format!("DROP INDEX {name} IF EXISTS"), Map::new()).await;
        }
        if let Ok(mut connection) = self.handles.redis.connection().await {
            let _ = redis::cmd("DEL").arg(self.key("hit")).query_async::<()>(&mut connection).await;
        }
        if self.collection.is_some() {
            let _ = self.handles.chroma.delete_collection(name).await;
        }
    }
}

/// The members of a JSON object; of anything else, none.
pub(super) fn params(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
