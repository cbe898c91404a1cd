//! What endangers whoever uses a product, what protects them, and which standard says so: a path in the graph.
//!
//! An answer holds only what the graph holds. A standard appears with the nodes and relationships that led to it; equipment is
//! `required` only where a relationship `REQUIRED_BY` leads to a standard that applies at the place of use (construction has
//! its own part of the regulations), else `recommended`.

use std::collections::BTreeMap;

use hallmark_core::Result;
use serde_json::{Map, Value, json};

use crate::data::Setting;
use crate::load::members;
use crate::store::{Store, not_loaded};
use crate::text;

const HAZARDS: &str = "
CALL {
  MATCH (o:HallmarkCategory {space: $space, id: $category})-[r:HAS_HAZARD]->(h:HallmarkHazard)
  RETURN 'Category' AS kind, o.id AS origin, 'HAS_HAZARD' AS relation, r.severity AS severity, r.why AS why, h
  UNION ALL
  MATCH (o:HallmarkContext {space: $space, id: $context})-[r:ADDS_HAZARD]->(h:HallmarkHazard)
  RETURN 'Context' AS kind, o.id AS origin, 'ADDS_HAZARD' AS relation, r.severity AS severity, r.why AS why, h
}
RETURN kind, origin, relation, severity, why, h.id AS id, h.name AS name, h.description AS description,
  [(h)-[v:COVERED_BY]->(s) WHERE s.scope IN $scopes | {standard: s.id, why: v.why}] AS covered_by,
  [(h)-[m:MITIGATED_BY]->(e) | {id: e.id, name: e.name, category: e.category, level: m.level, why: m.why,
    required_by: [(e)-[q:REQUIRED_BY]->(s) WHERE q.hazard = h.id AND s.scope IN $scopes | s.id],
    elsewhere: [(e)-[q:REQUIRED_BY]->(s) WHERE q.hazard = h.id AND NOT s.scope IN $scopes | s.name],
    conforms_to: [(e)-[:CONFORMS_TO]->(s) | s.id]}] AS equipment
ORDER BY kind, id";

const STANDARDS: &str = "
MATCH (s:HallmarkStandard {space: $space}) WHERE s.id IN $ids
RETURN s.id AS id, s.name AS name, s.title AS title, s.body AS body, s.scope AS scope, s.kind AS kind, s.source AS source
ORDER BY id";

const DISCLAIMER: &str = "A guide to where to read, not legal advice: the hazard assessment at the workplace and the current text \
of each standard decide.";

/// What is known about the place of use.
pub(crate) enum Place<'a> {
    /// Nothing was said.
    NotGiven,
    /// A place that the data knows.
    Known(&'a Setting),
    /// A place that it does not know.
    Unknown(&'a str),
}

impl Store {
    /// The place that a context names: one of its aliases, or one that occurs in it as whole words, the longest first.
    pub(crate) fn place<'a>(&'a self, context: Option<&'a str>) -> Place<'a> {
        let Some(given) = context else { return Place::NotGiven };
        let folded = format!(" {} ", text::fold(given));
        let best = self.data.safety.settings.iter().filter_map(|setting| {
            let names =
                setting.aliases.iter().chain([&setting.name, &setting.id]).map(|name| text::fold(name));
            let longest =
                names.filter(|name| folded.contains(&format!(" {name} "))).map(|name| name.len()).max()?;
            Some((longest, setting))
        });
        best.max_by_key(|(length, _)| *length)
            .map_or(Place::Unknown(given), |(_, setting)| Place::Known(setting))
    }

    /// The safety answer for a category at a place.
    pub(crate) async fn safety(&self, category: &Value, place: &Place<'_>) -> Result<Value> {
        let space = self.space(&self.version()?);
        let id = category.get("id").and_then(Value::as_str).unwrap_or_default();
        let (context, scope) = match place {
            Place::Known(setting) => (setting.id.as_str(), setting.scope.as_str()),
            _ => ("", "general"),
        };
        let scopes = if scope == "construction" { ["construction", "any"] } else { ["general", "any"] };
        let params = json!({"space": space, "category": id, "context": context, "scopes": scopes});
        let rows = self.ask(HAZARDS, members(params)).await?;
        if !rows.iter().any(|row| text_of(row, "kind") == "Category") {
            self.check_graph(&space).await?;
            let next = "add the category's hazards to hazards.toml, then load again";
            return Ok(self.unknown(category, place, "the graph holds no hazards for this category", next));
        }
        let parts = Parts::of(&rows);
        let standards = self
            .ask(STANDARDS, members(json!({"space": space, "ids": parts.paths.keys().collect::<Vec<_>>()})))
            .await?;
        let standards: Vec<Value> = standards
            .into_iter()
            .map(|mut standard| {
                let paths = parts.paths.get(text_of(&standard, "id")).cloned().unwrap_or_default();
                standard.insert("paths".to_owned(), Value::Array(paths));
                Value::Object(standard)
            })
            .collect();
        let of_level = |level: &str| {
            parts.equipment.values().filter(|e| e["level"] == level).cloned().collect::<Vec<_>>()
        };
        let (required, recommended) = (of_level("required"), of_level("recommended"));
        Ok(json!({
            "known": true,
            "reason": null,
            "next": null,
            "category": category,
            "context": place_json(place),
            "summary": format!(
                "{}: {} hazards, {} kinds of equipment required under the stated conditions, {} recommended, {} standards",
                category.get("name").and_then(Value::as_str).unwrap_or(id), parts.hazards.len(), required.len(),
                recommended.len(), standards.len(),
            ),
            "hazards": parts.hazards,
            "required_equipment": required,
            "recommended_equipment": recommended,
            "standards": standards,
            "disclaimer": DISCLAIMER,
            "data_version": self.version()?,
        }))
    }

    /// The answer when there is none.
    pub(crate) fn unknown(&self, category: &Value, place: &Place<'_>, reason: &str, next: &str) -> Value {
        json!({
            "known": false, "reason": reason, "next": next, "category": category, "context": place_json(place),
            "summary": format!("not known: {reason}"),
            "hazards": [], "required_equipment": [], "recommended_equipment": [], "standards": [], "disclaimer": DISCLAIMER,
            "data_version": self.version().unwrap_or_default(),
        })
    }

    /// An empty answer of the graph must not be taken for "no hazards" when the graph is not there.
    async fn check_graph(&self, space: &str) -> Result<()> {
        let marker = "MATCH (v:HallmarkAgentsVersion {space: $space}) RETURN v.id AS id";
        if self.ask(marker, members(json!({"space": space}))).await?.is_empty() {
            return Err(not_loaded(&format!("the graph has no complete version {space}")));
        }
        Ok(())
    }
}

fn place_json(place: &Place<'_>) -> Value {
    match place {
        Place::NotGiven => {
            json!({"known": false, "given": null, "note": "no place of use given: general industry assumed"})
        }
        Place::Known(s) => json!({"known": true, "id": s.id, "name": s.name, "scope": s.scope}),
        Place::Unknown(given) => json!({
            "known": false, "given": given,
            "note": "this place of use is not in the data: only the product's own hazards are given, general industry assumed",
        }),
    }
}

fn text_of<'a>(row: &'a Map<String, Value>, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The answer's parts, gathered from the rows of the graph.
#[derive(Default)]
struct Parts {
    hazards: Vec<Value>,
    equipment: BTreeMap<String, Value>,
    paths: BTreeMap<String, Vec<Value>>,
}

impl Parts {
    fn of(rows: &[Map<String, Value>]) -> Self {
        let mut parts = Self::default();
        for row in rows {
            parts.add_hazard(row);
            let start =
                [node(text_of(row, "kind"), text_of(row, "origin")), node("Hazard", text_of(row, "id"))];
            for covered in list(row, "covered_by") {
                let standard = str_in(covered, "standard");
                let nodes = [&start[..], &[node("Standard", standard)]].concat();
                parts.add_path(
                    standard,
                    &nodes,
                    &[text_of(row, "relation"), "COVERED_BY"],
                    str_in(covered, "why"),
                );
            }
            for equipment in list(row, "equipment") {
                parts.add_equipment(row, equipment, &start);
            }
        }
        parts.hazards.sort_by_key(|h| (std::cmp::Reverse(severity_rank(h)), h["id"].to_string()));
        parts
    }

    /// One entry for a hazard, whichever way it is reached; the graver severity counts.
    fn add_hazard(&mut self, row: &Map<String, Value>) {
        let origin = json!({"kind": text_of(row, "kind"), "id": text_of(row, "origin"), "severity": text_of(row, "severity"), "why": text_of(row, "why")});
        if let Some(known) = self.hazards.iter_mut().find(|h| h["id"] == row["id"]) {
            if severity_rank(&origin) > severity_rank(known) {
                known["severity"] = origin["severity"].clone();
            }
            if let Some(all) = known["from"].as_array_mut() {
                all.push(origin);
            }
            return;
        }
        self.hazards.push(json!({
            "id": text_of(row, "id"), "name": text_of(row, "name"), "description": text_of(row, "description"),
            "severity": text_of(row, "severity"), "from": [origin],
        }));
    }

    fn add_equipment(&mut self, row: &Map<String, Value>, equipment: &Value, start: &[String]) {
        let id = str_in(equipment, "id");
        let why = str_in(equipment, "why");
        let rules: Vec<&str> = strings(equipment, "required_by");
        let with = [start, &[node("Equipment", id)]].concat();
        let relation = text_of(row, "relation");
        for standard in &rules {
            let nodes = [&with[..], &[node("Standard", standard)]].concat();
            self.add_path(standard, &nodes, &[relation, "MITIGATED_BY", "REQUIRED_BY"], why);
        }
        for standard in strings(equipment, "conforms_to") {
            let nodes = [&with[..], &[node("Standard", standard)]].concat();
            self.add_path(
                standard,
                &nodes,
                &[relation, "MITIGATED_BY", "CONFORMS_TO"],
                "the equipment is made to this standard",
            );
        }
        let required = !rules.is_empty();
        let elsewhere = strings(equipment, "elsewhere");
        let reason = json!({
            "hazard": text_of(row, "id"), "level": if required { "required" } else { "recommended" }, "why": why, "required_by": rules,
            // A rule of another scope is named, so that nobody takes the recommendation for its absence.
            "required_elsewhere_by": if required { Vec::new() } else { elsewhere },
        });
        let entry = self.equipment.entry(id.to_owned()).or_insert_with(|| {
            json!({"id": id, "name": equipment["name"], "category": equipment["category"], "level": "recommended",
                   "conforms_to": equipment["conforms_to"], "reasons": []})
        });
        if required {
            entry["level"] = json!("required");
        }
        if let Some(reasons) = entry["reasons"].as_array_mut().filter(|all| !all.contains(&reason)) {
            reasons.push(reason);
        }
    }

    fn add_path(&mut self, standard: &str, nodes: &[String], relationships: &[&str], why: &str) {
        let path = json!({"nodes": nodes, "relationships": relationships, "why": why});
        let all = self.paths.entry(standard.to_owned()).or_default();
        if !all.contains(&path) {
            all.push(path);
        }
    }
}

fn node(kind: &str, id: &str) -> String {
    format!("{kind}:{id}")
}

fn list<'a>(row: &'a Map<String, Value>, name: &str) -> impl Iterator<Item = &'a Value> {
    row.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn str_in<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a list, sorted: the graph gives no order.
fn strings<'a>(value: &'a Value, name: &str) -> Vec<&'a str> {
    let mut all: Vec<&str> =
        value.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    all.sort_unstable();
    all
}

fn severity_rank(value: &Value) -> usize {
    ["low", "medium", "high", "critical"].iter().position(|s| value["severity"] == *s).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, severity: &str, rules: &[&str]) -> Map<String, Value> {
        members(json!({
            "kind": kind, "origin": "x", "relation": "HAS_HAZARD", "severity": severity, "why": "because", "id": "noise",
            "name": "Noise", "description": "loud", "covered_by": [{"standard": "s1", "why": "covers"}],
            "equipment": [{"id": "muffs", "name": "Muffs", "category": "hearing", "level": "required", "why": "ears",
                           "required_by": rules, "elsewhere": ["OSHA elsewhere"], "conforms_to": ["s2"]}],
        }))
    }

    #[test]
    fn a_hazard_reached_twice_is_one_with_the_graver_severity() {
        let parts = Parts::of(&[row("Category", "low", &["s3"]), row("Context", "high", &["s3"])]);
        assert_eq!((parts.hazards.len(), &parts.hazards[0]["severity"]), (1, &json!("high")));
        assert_eq!(parts.hazards[0]["from"].as_array().unwrap().len(), 2);
        assert_eq!(parts.paths.keys().collect::<Vec<_>>(), ["s1", "s2", "s3"]);
        assert_eq!(parts.equipment["muffs"]["level"], "required");
    }

    #[test]
    fn without_a_rule_of_the_scope_equipment_is_recommended_only() {
        let parts = Parts::of(&[row("Category", "low", &[])]);
        assert_eq!(parts.equipment["muffs"]["level"], "recommended");
        assert_eq!(
            parts.equipment["muffs"]["reasons"][0]["required_elsewhere_by"],
            json!(["OSHA elsewhere"])
        );
    }
}
