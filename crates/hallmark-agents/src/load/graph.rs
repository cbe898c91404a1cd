//! The safety graph and the catalogue in Neo4j.
//!
//! `(Category)-[:HAS_HAZARD]->(Hazard)-[:MITIGATED_BY]->(Equipment)-[:REQUIRED_BY]->(Standard)`, `(Hazard)-[:COVERED_BY]->(Standard)`,
//! `(Equipment)-[:CONFORMS_TO]->(Standard)`, `(Context)-[:ADDS_HAZARD]->(Hazard)`, `(Category)-[:COMPLEMENTS]->(Category)`,
//! `(Product)-[:IN_CATEGORY]->(Category)`. Labels begin with `Hallmark`; the property `space` is the project and the version.

use hallmark_core::Result;
use serde_json::{Value, json};

use super::members;
use crate::limits;
use crate::store::Store;

/// The labels of the graph, all of ours.
const LABELS: [&str; 7] = [
    "HallmarkCategory",
    "HallmarkHazard",
    "HallmarkEquipment",
    "HallmarkStandard",
    "HallmarkContext",
    "HallmarkProduct",
    "HallmarkAgentsVersion",
];

/// One statement of the load: its rows arrive as `$rows`.
struct Batch {
    cypher: &'static str,
    rows: Vec<Value>,
}

impl Store {
    /// Writes the graph of a version unless it is marked complete; tells whether it wrote.
    pub(super) async fn load_graph(&self, version: &str) -> Result<bool> {
        let space = self.space(version);
        let marker = "MATCH (v:HallmarkAgentsVersion {space: $space}) RETURN v.space AS space";
        if !self.graph(marker, members(json!({"space": space}))).await?.is_empty() {
            return Ok(false);
        }
        for statement in indexes() {
            self.graph(&statement, serde_json::Map::new()).await?;
        }
        for batch in self.nodes().into_iter().chain(self.relations()).chain(self.further_relations()) {
            for rows in batch.rows.chunks(limits::GRAPH_BATCH) {
                self.graph(batch.cypher, members(json!({"space": space, "rows": rows}))).await?;
            }
        }
        let mark = "MERGE (v:HallmarkAgentsVersion {space: $space}) SET v.prefix = $prefix, v.id = $space";
        self.graph(mark, members(json!({"space": space, "prefix": self.prefix}))).await?;
        Ok(true)
    }

    /// Removes the graphs of this prefix but that of `keep`, each in one transaction; names their spaces.
    pub(super) async fn remove_graphs(&self, keep: Option<&str>) -> Result<Vec<String>> {
        let keep = keep.map(|v| self.space(v)).unwrap_or_default();
        let params = members(json!({"prefix": format!("{}@", self.prefix), "keep": keep}));
        let mut removed = Vec::new();
        for label in LABELS {
            // Only the labels above are put into the text; the prefix ends with @, so `a` never matches `ab`.
            let cypher = format!(
                "MATCH (n:{label}) WHERE n.space STARTS WITH $prefix AND n.space <> $keep \
                 WITH n, n.space AS space DETACH DELETE n RETURN DISTINCT space"
            );
            for row in self.graph(&cypher, params.clone()).await? {
                let name = format!("graph {}", row.get("space").and_then(Value::as_str).unwrap_or_default());
                if !removed.contains(&name) {
                    removed.push(name);
                }
            }
        }
        Ok(removed)
    }

    fn nodes(&self) -> Vec<Batch> {
        let (data, safety) = (&self.data, &self.data.safety);
        vec![
            Batch {
                cypher: "UNWIND $rows AS row MERGE (n:HallmarkCategory {space: $space, id: row.id}) SET n += row",
                rows: data
                    .categories
                    .iter()
                    .map(|c| json!({"id": c.id, "name": c.name, "department": c.department}))
                    .collect(),
            },
            Batch {
                cypher: "UNWIND $rows AS row MERGE (n:HallmarkHazard {space: $space, id: row.id}) SET n += row",
                rows: safety
                    .hazards
                    .iter()
                    .map(|h| json!({"id": h.id, "name": h.name, "description": h.description}))
                    .collect(),
            },
            Batch {
                cypher: "UNWIND $rows AS row MERGE (n:HallmarkEquipment {space: $space, id: row.id}) SET n += row",
                rows: safety
                    .equipment
                    .iter()
                    .map(|e| json!({"id": e.id, "name": e.name, "category": e.category}))
                    .collect(),
            },
            Batch {
                cypher: "UNWIND $rows AS row MERGE (n:HallmarkStandard {space: $space, id: row.id}) SET n += row",
                rows: safety
                    .standards
                    .iter()
                    .map(|s| {
                        json!({"id": s.id, "name": s.name, "title": s.title, "body": s.body, "scope": s.scope,
                               "kind": s.kind, "source": s.source})
                    })
                    .collect(),
            },
            Batch {
                cypher: "UNWIND $rows AS row MERGE (n:HallmarkContext {space: $space, id: row.id}) SET n += row",
                rows: safety
                    .settings
                    .iter()
                    .map(|x| json!({"id": x.id, "name": x.name, "scope": x.scope}))
                    .collect(),
            },
            Batch {
                cypher: "UNWIND $rows AS row MATCH (c:HallmarkCategory {space: $space, id: row.category}) \
                         MERGE (n:HallmarkProduct {space: $space, id: row.id}) SET n.name = row.name, n.price = row.price \
                         MERGE (n)-[:IN_CATEGORY]->(c)",
                rows: data
                    .products
                    .iter()
                    .map(|p| json!({"id": p.sku, "name": p.name, "price": p.price, "category": p.category}))
                    .collect(),
            },
        ]
    }

    fn relations(&self) -> Vec<Batch> {
        let safety = &self.data.safety;
        let exposure = |from: &str, e: &crate::data::Exposure| json!({"from": from, "to": e.hazard, "severity": e.severity, "why": e.why});
        vec![
            Batch {
                cypher: "UNWIND $rows AS row MATCH (a:HallmarkCategory {space: $space, id: row.from}), \
                         (b:HallmarkHazard {space: $space, id: row.to}) \
                         MERGE (a)-[r:HAS_HAZARD]->(b) SET r.severity = row.severity, r.why = row.why",
                rows: safety
                    .category_hazards
                    .iter()
                    .flat_map(|(c, all)| all.iter().map(move |e| exposure(c, e)))
                    .collect(),
            },
            Batch {
                cypher: "UNWIND $rows AS row MATCH (a:HallmarkContext {space: $space, id: row.from}), \
                         (b:HallmarkHazard {space: $space, id: row.to}) \
                         MERGE (a)-[r:ADDS_HAZARD]->(b) SET r.severity = row.severity, r.why = row.why",
                rows: safety
                    .settings
                    .iter()
                    .flat_map(|x| x.hazards.iter().map(|e| exposure(&x.id, e)))
                    .collect(),
            },
            Batch {
                cypher: "UNWIND $rows AS row MATCH (a:HallmarkHazard {space: $space, id: row.from}), \
                         (b:HallmarkEquipment {space: $space, id: row.to}) \
                         MERGE (a)-[r:MITIGATED_BY {level: row.level}]->(b) SET r.why = row.why",
                rows: self.mitigations(|hazard, m| {
                    vec![json!({"from": hazard, "to": m.equipment, "level": m.level, "why": m.why})]
                }),
            },
            Batch {
                cypher: "UNWIND $rows AS row MATCH (a:HallmarkEquipment {space: $space, id: row.from}), \
                         (b:HallmarkStandard {space: $space, id: row.to}) \
                         MERGE (a)-[r:REQUIRED_BY {hazard: row.hazard}]->(b) SET r.why = row.why",
                rows: self.mitigations(|hazard, m| {
                    m.by.iter()
                        .map(|s| json!({"from": m.equipment, "to": s, "hazard": hazard, "why": m.why}))
                        .collect()
                }),
            },
            Batch {
                cypher: "UNWIND $rows AS row MATCH (a:HallmarkHazard {space: $space, id: row.from}), \
                         (b:HallmarkStandard {space: $space, id: row.to}) MERGE (a)-[r:COVERED_BY]->(b) SET r.why = row.why",
                rows: safety
                    .hazards
                    .iter()
                    .flat_map(|h| {
                        h.covered_by.iter().map(|c| json!({"from": h.id, "to": c.standard, "why": c.why}))
                    })
                    .collect(),
            },
        ]
    }

    /// What equipment is made to, and what is bought together.
    fn further_relations(&self) -> Vec<Batch> {
        let (data, safety) = (&self.data, &self.data.safety);
        vec![
            Batch {
                cypher: "UNWIND $rows AS row MATCH (a:HallmarkEquipment {space: $space, id: row.from}), \
                         (b:HallmarkStandard {space: $space, id: row.to}) MERGE (a)-[:CONFORMS_TO]->(b)",
                rows: safety
                    .equipment
                    .iter()
                    .flat_map(|e| e.conforms_to.iter().map(|s| json!({"from": e.id, "to": s})))
                    .collect(),
            },
            Batch {
                cypher: "UNWIND $rows AS row MATCH (a:HallmarkCategory {space: $space, id: row.from}), \
                         (b:HallmarkCategory {space: $space, id: row.to}) MERGE (a)-[:COMPLEMENTS]->(b)",
                rows: data
                    .categories
                    .iter()
                    .flat_map(|c| c.complements.iter().map(|other| json!({"from": c.id, "to": other})))
                    .collect(),
            },
        ]
    }

    fn mitigations(&self, row: impl Fn(&str, &crate::data::Mitigation) -> Vec<Value>) -> Vec<Value> {
        self.data
            .safety
            .hazards
            .iter()
            .flat_map(|h| h.mitigated_by.iter().flat_map(|m| row(&h.id, m)).collect::<Vec<_>>())
            .collect()
    }
}

/// An index on space and id for each label, so that a lookup does not read other projects' nodes.
fn indexes() -> Vec<String> {
    LABELS
        .iter()
        .map(|label| {
            format!("CREATE INDEX {label}_space_id IF NOT EXISTS FOR (n:{label}) ON (n.space, n.id)")
                .replace("INDEX H", "INDEX h")
        })
        .collect()
}
