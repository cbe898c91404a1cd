//! What changes rows: once through the CRUD node, once in plain SQL, and both must end alike.

use std::collections::BTreeSet;

use hallmark_core::Result as Answered;
use hallmark_dataflow::FieldType;
use serde_json::{Value, json};

use super::Run;
use super::conditions::Filter;
use super::model::Col;
use super::ops::{Row, object};
use super::shadow::{Refused, column, same};
use super::values::{Val, ident, quoted};

/// The codes of values that no column keeps.
const BAD: [&str; 4] = ["HM-D011", "HM-D012", "HM-D013", "HM-D014"];
const MISSING: &str = "HM-D018";
const TAKEN: &str = "HM-D020";

type Held = Result<(), String>;

fn given<'r>(row: &'r Row, name: &str) -> Option<&'r Val> {
    row.iter().find(|(n, _)| n == name).map(|(_, v)| v)
}

/// An answer that must be an error of one of these codes.
fn refused(answer: &Answered<Value>, codes: &[&str]) -> Held {
    match answer {
        Err(error) if codes.contains(&error.code().id) => Ok(()),
        Err(error) => Err(format!("{error} {:?}, not one of {codes:?}", error.causes())),
        Ok(value) => Err(format!("one of {codes:?} was expected, got {value}")),
    }
}

fn went(answer: &Answered<Value>) -> Result<&Value, String> {
    answer.as_ref().map_err(|e| format!("plain SQL does it, the node says {e} {:?}", e.causes()))
}

impl Run<'_> {
    async fn crud(&self, tenant: &str, input: Value) -> Answered<Value> {
        self.world.tenant(tenant, "ThingCRUDNode", input).await
    }

    /// The codes that a row to create or change is refused with for itself.
    fn flaws(&self, row: &Row, whole: bool) -> Vec<&'static str> {
        let mut codes = Vec::new();
        if row.iter().any(|(_, v)| v.bad) {
            codes.extend(BAD);
        }
        let no_key = |c: &&Col| given(row, &c.name).is_none_or(Val::is_null) && !self.shape.made;
        let missing = self.shape.data().any(|c| c.required() && given(row, &c.name).is_none());
        if whole && (missing || self.shape.keys().iter().any(no_key)) || !whole && row.is_empty() {
            codes.push(MISSING);
        }
        codes
    }

    /// The value of a field as it will be: given, by default, or none.
    fn effective(&self, row: &Row, name: &str) -> Val {
        let default = || self.shape.col(name).default.clone().unwrap_or_else(Val::null);
        given(row, name).cloned().unwrap_or_else(default)
    }

    /// The row with a key: the one that was made, or one that nobody has.
    fn with_key(&self, row: &Row, made: Option<&Value>) -> Row {
        let key = self.shape.keys()[0];
        let mut row = row.clone();
        if !self.shape.made || given(&row, &key.name).is_some_and(|v| !v.is_null()) {
            return row;
        }
        row.retain(|(n, _)| *n != key.name);
        let sql = match made {
            Some(id) if id.is_string() => quoted(id.as_str().unwrap_or_default()) + "::uuid",
            Some(id) => id.to_string(),
            None if key.kind == FieldType::Uuid => "gen_random_uuid()".to_owned(),
            None => {
                format!("(SELECT coalesce(max({0}), 0) + 1 FROM {1})", column(&key.name), self.shadow.name)
            }
        };
        row.push((key.name.clone(), Val::new(made.cloned().unwrap_or_default(), sql)));
        row
    }

    fn key_of(&self, row: &Row) -> Row {
        row.iter().filter(|(n, _)| self.shape.col(n).key).cloned().collect()
    }

    /// The key as a caller names it.
    pub(super) fn named(&self, key: &Row) -> Value {
        match key.as_slice() {
            [(_, one)] => one.json.clone(),
            _ => object(key),
        }
    }

    /// Holds the answered row against that of plain SQL.
    async fn answered(&self, row: &Value, condition: &str) -> Held {
        let rows = self.shadow.rows(&format!("WHERE {condition}")).await;
        match rows.as_slice() {
            [one] => self.equal(row, one, &[]),
            _ => Err(format!("{} rows of plain SQL have this key: {condition}", rows.len())),
        }
    }

    pub(super) async fn create(&self, tenant: &str, row: &Row) -> Held {
        let answer = self.crud(tenant, json!({"operation": "create", "data": object(row)})).await;
        let flaws = self.flaws(row, true);
        if !flaws.is_empty() {
            return refused(&answer, &flaws);
        }
        let made = answer.as_ref().ok().map(|a| a["row"][&self.shape.keys()[0].name].clone());
        let row = self.with_key(row, made.as_ref());
        match self.shadow.insert(tenant, &row).await {
            Ok(()) => self.answered(&went(&answer)?["row"], &self.matched(&self.key_of(&row))).await,
            Err(Refused::Taken) => refused(&answer, &[TAKEN]),
            Err(Refused::Other(why)) => Err(why),
        }
    }

    pub(super) async fn update(
        &self,
        tenant: &str,
        (key, row): (&Row, &Row),
        expected: Option<i64>,
        inside: bool,
    ) -> Held {
        let mut input = json!({"operation": "update", "data": object(row)});
        if inside {
            input["data"].as_object_mut().unwrap().extend(object(key).as_object().cloned().unwrap());
        } else {
            input["id"] = self.named(key);
        }
        if let Some(version) = expected {
            input["expected_version"] = version.into();
        }
        let answer = self.crud(tenant, input).await;
        let row_there = format!("{} AND {}", self.shadow.scope(tenant, false), same(key));
        let there = !self.shadow.rows(&format!("WHERE {row_there}")).await.is_empty();
        let flaws = self.flaws(row, false);
        if !flaws.is_empty() {
            // Of a value that only PostgreSQL can refuse nothing is said where no row would get it.
            let nothing = answer.as_ref().is_ok_and(|a| a["found"] == json!(false));
            return if nothing && !there { Ok(()) } else { refused(&answer, &flaws) };
        }
        let version = expected.map(|v| format!(" AND {} = {v}", column("row_version"))).unwrap_or_default();
        match self.shadow.update(row, &format!("{row_there}{version}"), &[]).await {
            Ok(0) if expected.is_some() && there => refused(&answer, &["HM-D022"]),
            Ok(0) if went(&answer)?["found"] == json!(false) => Ok(()),
            Ok(1) => self.answered(&went(&answer)?["row"], &row_there).await,
            Ok(n) => Err(format!("plain SQL changes {n} rows, the node says {answer:?}")),
            Err(Refused::Taken) => refused(&answer, &[TAKEN]),
            Err(Refused::Other(why)) => Err(why),
        }
    }

    pub(super) async fn delete(&self, tenant: &str, key: &Row) -> Held {
        let answer = self.crud(tenant, json!({"operation": "delete", "id": self.named(key)})).await;
        let condition = format!("{} AND {}", self.shadow.scope(tenant, false), same(key));
        let gone = self.shadow.remove(&condition).await.map_err(|e| format!("{e:?}"))?;
        let expected =
            json!({"operation": "delete", "found": gone > 0, "deleted": gone > 0, "soft": self.shape.soft});
        if *went(&answer)? == expected { Ok(()) } else { Err(format!("{answer:?}, not {expected}")) }
    }

    /// The condition that a row has these values in the form in which its columns keep them.
    fn matched(&self, row: &[(String, Val)]) -> String {
        let cast =
            |(n, v): &(String, Val)| format!("{} = ({})::{}", column(n), v.sql, self.shape.col(n).sql_type());
        row.iter().map(cast).collect::<Vec<_>>().join(" AND ")
    }

    fn targets(&self, row: &Row, match_on: &[String]) -> Vec<(String, Val)> {
        match_on.iter().map(|n| (n.clone(), self.effective(row, n))).collect()
    }

    /// The match values as texts, unless one of them is null.
    async fn identity(&self, target: &[(String, Val)]) -> Option<Vec<Option<String>>> {
        let cast = |(n, v): &(String, Val)| format!("(({})::{})::text", v.sql, self.shape.col(n).sql_type());
        let list: Vec<String> = target.iter().map(cast).collect();
        let texts = self.shadow.texts(&format!("SELECT {}", list.join(", "))).await.pop()?;
        texts.iter().all(Option::is_some).then_some(texts)
    }

    /// Creates the row, or changes the one with the same match values; gives whether it is new.
    async fn plain_upsert(&self, tenant: &str, row: &Row, match_on: &[String]) -> Result<bool, Refused> {
        let target = self.targets(row, match_on);
        let by_key = match_on.iter().all(|n| self.shape.col(n).key);
        let mut condition = self.matched(&target);
        if !by_key {
            condition += &format!(" AND {}", self.shadow.scope(tenant, true));
        }
        let found =
            self.shadow.texts(&format!("SELECT tenant FROM {} WHERE {condition}", self.shadow.name)).await;
        match found.first() {
            None => self.shadow.insert(tenant, row).await.map(|()| true),
            // The key of another tenant is taken.
            Some(of) if of[0].as_deref() != Some(tenant) => {
                self.shadow.run("DO $$ BEGIN RAISE unique_violation; END $$").await.map(|_| false)
            }
            Some(_) => {
                let changes: Row = row
                    .iter()
                    .filter(|(n, _)| !self.shape.col(n).key && !match_on.contains(n))
                    .cloned()
                    .collect();
                self.shadow.update(&changes, &condition, &["deleted = false"]).await.map(|_| false)
            }
        }
    }

    pub(super) async fn upsert(&self, tenant: &str, row: &Row, match_on: &[String], named: bool) -> Held {
        let mut input = json!({"operation": "upsert", "data": object(row)});
        if named {
            input["match_on"] = match_on.into();
        }
        let answer = self.crud(tenant, input).await;
        let flaws = self.flaws(row, true);
        if !flaws.is_empty() {
            return refused(&answer, &flaws);
        }
        let target = self.targets(row, match_on);
        let made = answer.as_ref().ok().map(|a| a["row"][&self.shape.keys()[0].name].clone());
        let row = self.with_key(row, made.as_ref());
        match self.plain_upsert(tenant, &row, match_on).await {
            Ok(created) => {
                let answer = went(&answer)?;
                if answer["created"] != json!(created) {
                    return Err(format!("created: {created} by plain SQL, {answer}"));
                }
                let key = self.key_of(&row);
                let by = if created || self.identity(&target).await.is_none() { key } else { target };
                let condition = format!("{} AND {}", self.matched(&by), self.shadow.scope(tenant, false));
                self.answered(&answer["row"], &condition).await
            }
            Err(Refused::Taken) => refused(&answer, &[TAKEN]),
            Err(Refused::Other(why)) => Err(why),
        }
    }

    pub(super) async fn bulk_create(&self, tenant: &str, rows: &[Row]) -> Held {
        let input: Value = rows.iter().map(object).collect();
        let answer = self.crud(tenant, json!({"operation": "bulk_create", "rows": input})).await;
        let flaws: Vec<&str> = rows.iter().flat_map(|r| self.flaws(r, true)).collect();
        if !flaws.is_empty() {
            return refused(&answer, &flaws);
        }
        for (i, row) in rows.iter().enumerate() {
            let made = answer.as_ref().ok().map(|a| a["ids"][i].clone());
            match self.shadow.insert(tenant, &self.with_key(row, made.as_ref())).await {
                Ok(()) => {}
                Err(Refused::Taken) => return refused(&answer, &[TAKEN]),
                Err(Refused::Other(why)) => return Err(why),
            }
        }
        let answer = went(&answer)?;
        let right = answer["created"] == json!(rows.len())
            && answer["ids"].as_array().map(Vec::len) == Some(rows.len());
        if right { Ok(()) } else { Err(format!("{} rows, and {answer}", rows.len())) }
    }

    pub(super) async fn bulk_update_rows(&self, tenant: &str, rows: &[(Row, Row)]) -> Held {
        let whole = |(key, row): &(Row, Row)| object(&key.iter().chain(row).cloned().collect::<Row>());
        let input: Value = rows.iter().map(whole).collect();
        let answer = self.crud(tenant, json!({"operation": "bulk_update", "rows": input})).await;
        let flaws: Vec<&str> = rows.iter().flat_map(|(_, r)| self.flaws(r, false)).collect();
        if answer.is_err() && !flaws.is_empty() {
            return refused(&answer, &[&flaws[..], &[TAKEN]].concat());
        }
        // One call does not change a row twice.
        let mut seen = BTreeSet::new();
        if rows.iter().any(|(key, _)| !seen.insert(self.named(key).to_string())) {
            return refused(&answer, &[&flaws[..], &[TAKEN]].concat());
        }
        let (mut updated, mut missing) = (0, Vec::new());
        for (key, row) in rows {
            let condition = format!("{} AND {}", self.shadow.scope(tenant, false), same(key));
            let bad = row.iter().any(|(_, v)| v.bad);
            if bad && self.shadow.rows(&format!("WHERE {condition}")).await.is_empty() {
                missing.push(self.named(key));
                continue;
            }
            match self.shadow.update(row, &condition, &[]).await {
                Ok(0) => missing.push(self.named(key)),
                Ok(_) => updated += 1,
                Err(Refused::Taken) => return refused(&answer, &[TAKEN]),
                Err(Refused::Other(why)) => return Err(why),
            }
        }
        let expected = json!({"operation": "bulk_update", "updated": updated, "missing": missing});
        if *went(&answer)? == expected { Ok(()) } else { Err(format!("{answer:?}, not {expected}")) }
    }

    pub(super) async fn bulk_update(&self, tenant: &str, filter: &Filter, row: &Row) -> Held {
        let input = json!({"operation": "bulk_update", "filter": filter.json, "data": object(row)});
        let answer = self.crud(tenant, input).await;
        let condition = format!("{} AND {}", self.shadow.scope(tenant, false), filter.sql);
        let flaws = self.flaws(row, false);
        if !flaws.is_empty() {
            let nothing = answer.as_ref().is_ok_and(|a| a["updated"] == json!(0));
            let none = self.shadow.rows(&format!("WHERE {condition}")).await.is_empty();
            return if nothing && none { Ok(()) } else { refused(&answer, &flaws) };
        }
        match self.shadow.update(row, &condition, &[]).await {
            Ok(n) if went(&answer)?["updated"] == json!(n) => Ok(()),
            Ok(n) => Err(format!("plain SQL changes {n}, the node {answer:?}")),
            Err(Refused::Taken) => refused(&answer, &[TAKEN]),
            Err(Refused::Other(why)) => Err(why),
        }
    }

    pub(super) async fn bulk_delete(&self, tenant: &str, filter: &Filter) -> Held {
        let input = json!({"operation": "bulk_delete", "filter": filter.json});
        let answer = self.crud(tenant, input).await;
        let condition = format!("{} AND {}", self.shadow.scope(tenant, false), filter.sql);
        let gone = self.shadow.remove(&condition).await.map_err(|e| format!("{e:?}"))?;
        let answer = went(&answer)?;
        if answer["deleted"] == json!(gone) { Ok(()) } else { Err(format!("{answer}, not {gone}")) }
    }

    /// The key that the node made for a row of a bulk upsert, read from its table by the match values.
    async fn made_for(&self, tenant: &str, row: &Row, match_on: &[String]) -> Option<Value> {
        let key = self.shape.keys()[0];
        if !self.shape.made || given(row, &key.name).is_some_and(|v| !v.is_null()) {
            return None;
        }
        let mut conditions: Vec<String> = self
            .targets(row, match_on)
            .iter()
            .map(|(n, v)| format!("{} = ({})::{}", ident(n), v.sql, self.shape.col(n).sql_type()))
            .collect();
        if self.shape.tenant {
            conditions.push(format!("tenant_id = {}", quoted(tenant)));
        }
        let text = format!(
            "SELECT {}::text FROM {} WHERE {}",
            ident(&key.name),
            self.shadow.theirs,
            conditions.join(" AND ")
        );
        let id = self.shadow.texts(&text).await.pop()?.pop()??;
        Some(if key.kind == FieldType::Uuid { json!(id) } else { json!(id.parse::<i64>().unwrap()) })
    }

    pub(super) async fn bulk_upsert(
        &self,
        tenant: &str,
        rows: &[Row],
        match_on: &[String],
        skip: bool,
    ) -> Held {
        let input: Value = rows.iter().map(object).collect();
        let input = json!({
            "operation": "bulk_upsert", "rows": input, "match_on": match_on,
            "on_conflict": if skip { "skip" } else { "update" },
        });
        let answer = self.crud(tenant, input).await;
        let flaws: Vec<&str> = rows.iter().flat_map(|r| self.flaws(r, true)).collect();
        let (mut seen, mut is_twice) = (BTreeSet::new(), false);
        for row in rows {
            let target = self.targets(row, match_on);
            if target.iter().all(|(_, v)| !v.bad) {
                let identity = self.identity(&target).await;
                is_twice |= identity.is_some_and(|identity| !seen.insert(identity));
            }
        }
        if !flaws.is_empty() || is_twice {
            // Of several flaws the first that is met is told.
            let told: Vec<&str> = flaws.into_iter().chain(is_twice.then_some(TAKEN)).collect();
            return refused(&answer, &told);
        }
        let (mut created, mut updated, mut skipped) = (0, 0, 0);
        for row in in_turn(rows, skip) {
            let made = self.made_for(tenant, row, match_on).await;
            let row = self.with_key(row, made.as_ref());
            if skip {
                match self.shadow.insert_or_skip(tenant, &row).await {
                    Ok(true) => created += 1,
                    Ok(false) => skipped += 1,
                    Err(why) => return Err(format!("{why:?}")),
                }
                continue;
            }
            match self.plain_upsert(tenant, &row, match_on).await {
                Ok(true) => created += 1,
                Ok(false) => updated += 1,
                Err(Refused::Taken) => return refused(&answer, &[TAKEN]),
                Err(Refused::Other(why)) => return Err(why),
            }
        }
        let answer = went(&answer)?;
        let told = [&answer["created"], &answer["updated"], &answer["skipped"]];
        if told == [&json!(created), &json!(updated), &json!(skipped)] {
            return Ok(());
        }
        Err(format!("created {created}, updated {updated}, skipped {skipped} by plain SQL; {answer}"))
    }
}

/// Rows that give the same fields go together, in the order in which the first of each kind comes.
fn in_turn(rows: &[Row], skip: bool) -> Vec<&Row> {
    let names = |row: &Row| row.iter().map(|(n, _)| n.clone()).collect::<BTreeSet<_>>();
    let mut groups: Vec<(BTreeSet<String>, Vec<&Row>)> = Vec::new();
    for row in rows {
        let of = if skip { BTreeSet::new() } else { names(row) };
        match groups.iter_mut().find(|(n, _)| *n == of) {
            Some((_, members)) => members.push(row),
            None => groups.push((of, vec![row])),
        }
    }
    groups.into_iter().flat_map(|(_, members)| members).collect()
}
