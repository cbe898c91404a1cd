//! A report on the rows that are there: how many break each rule, and which.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::{Map, Value, json};

use super::rules::FieldRule;
use super::{Call, Reference};
use crate::codes;
use crate::input::masking;
use crate::schema::wanted_indexes;
use crate::sql::{Sql, failure};
use crate::table::{Column, Role};

/// Appends the condition that a row breaks a rule.
type Broken<'a> = Box<dyn Fn(&mut Sql) -> Result<()> + Send + Sync + 'a>;

/// One line of the report, still to be counted.
struct Line<'a> {
    rule: String,
    fields: Vec<&'a str>,
    detail: Value,
    broken: Broken<'a>,
}

#[expect(clippy::cast_precision_loss, reason = "a share needs no more than a double holds")]
fn share(part: i64, whole: i64) -> Value {
    if whole > 0 { json!(part as f64 / whole as f64) } else { Value::Null }
}

impl Call<'_> {
    /// The operation `quality`.
    pub(super) async fn quality(&self) -> Result<Value> {
        let columns: Vec<&Column> = self.table().shown().filter(|c| c.role == Role::Data).collect();
        let (rules, conditions, references) = (self.all_rules()?, self.conditions()?, self.references()?);
        let mut lines: Vec<Line<'_>> = rules.iter().map(field_line).collect();
        for condition in &conditions {
            lines.push(Line {
                rule: condition.name.clone(),
                fields: Vec::new(),
                detail: json!(condition.text),
                broken: Box::new(|sql| condition.push_broken(sql, self)),
            });
        }
        lines.extend(references.iter().map(|reference| self.reference_line(reference)));
        if self.ask.truth("check_unique") {
            lines.extend(self.unique_lines()?);
        }
        let (total, counts) = self.counts(&columns, &lines).await?;
        let (holes, fields) = holes(&columns, &counts);
        let mut report = Vec::new();
        for (line, count) in lines.iter().zip(&counts[2 * columns.len()..]) {
            let keys = if *count > 0 { self.samples(line).await? } else { Vec::new() };
            report.push(json!({
                "rule": line.rule, "fields": line.fields, "detail": line.detail, "count": count,
                "share": share(*count, total), "samples": keys,
            }));
        }
        let mut dangling = Map::new();
        let first = rules.len() + conditions.len();
        for (reference, line) in references.iter().zip(&report[first..]) {
            let to = &reference.target.table.model.name;
            dangling.insert(reference.fields(), json!({"refers_to": to, "missing": line["count"]}));
        }
        let cells = total * i64::try_from(columns.len()).unwrap_or(i64::MAX);
        let complete = if cells > 0 { share(cells - holes, cells) } else { Value::Null };
        report.sort_by_key(|line| std::cmp::Reverse(line["count"].as_i64()));
        Ok(json!({
            "operation": "quality", "rows": total, "completeness": complete, "fields": fields, "references": dangling,
            "rules": report,
        }))
    }

    /// The rules for fields: those of the model and those of the call.
    fn all_rules(&self) -> Result<Vec<FieldRule<'_>>> {
        let mut rules = FieldRule::declared(self.table());
        let given = self.rules()?;
        for rule in &given {
            // How many rows break it would tell a secret, piece by piece; that there is none is no secret.
            if rule.name != "required" && masking(self.ask.0).hides(rule.column.sensitivity) {
                let message = format!("{} is masked, and cannot be compared with", rule.column.name());
                return Err(Error::new(&codes::BAD_RULE, message)
                    .at("rules")
                    .next("ask with include_pii: true if you may"));
            }
        }
        rules.extend(given);
        Ok(rules)
    }

    fn reference_line<'b>(&'b self, reference: &'b Reference<'b>) -> Line<'b> {
        let target = &reference.target;
        let broken = |sql: &mut Sql| {
            for column in &reference.columns {
                sql.push(&column.ident).push(" IS NOT NULL AND ");
            }
            sql.push("NOT EXISTS (SELECT 1 FROM ").push(&target.table.qualified).push(" AS referred WHERE ");
            reference.push_same(sql, &self.table().qualified, "referred");
            sql.push(" AND ");
            // What the caller may not see is not there; a row that was deleted is still referred to.
            target.table.push_scope(sql, self.context, true);
            sql.push(")");
            Ok(())
        };
        Line {
            rule: "reference".to_owned(),
            fields: reference.columns.iter().map(|column| column.name()).collect(),
            detail: json!(format!("{}.{}", target.table.model.name, reference.keys())),
            broken: Box::new(broken),
        }
    }

    /// Values that should be unique: the database may not say so, as where an index could not be made.
    fn unique_lines(&self) -> Result<Vec<Line<'_>>> {
        let table = self.table();
        let mut lines = Vec::new();
        for index in wanted_indexes(table).into_iter().filter(|i| i.unique && i.condition.is_none()) {
            let columns = index.fields.iter().map(|f| table.column(f)).collect::<Result<Vec<_>>>()?;
            let fields: Vec<&str> = columns.iter().map(|c| c.name()).collect();
            let broken = move |sql: &mut Sql| {
                let idents: Vec<&str> = columns.iter().map(|c| c.ident.as_str()).collect();
                let list = idents.join(", ");
                sql.push(&format!("({list}) IN (SELECT {list} FROM {} WHERE ", table.qualified));
                self.engine.push_scope(sql, self.context, true);
                sql.push(&format!(" GROUP BY {list} HAVING count(*) > 1)"));
                Ok(())
            };
            lines.push(Line {
                rule: "unique".to_owned(),
                fields,
                detail: Value::Null,
                broken: Box::new(broken),
            });
        }
        Ok(lines)
    }

    /// All rows, and the counts of one pass over them: nulls and placeholders of each column, then each line.
    async fn counts(&self, columns: &[&Column], lines: &[Line<'_>]) -> Result<(i64, Vec<i64>)> {
        let mut sql = Sql::new("SELECT count(*)");
        for column in columns {
            sql.push(&format!(
                ", count(*) FILTER (WHERE {} IS NULL), {}",
                column.ident,
                placeholders(column)
            ));
        }
        for line in lines {
            sql.push(", count(*) FILTER (WHERE ");
            (line.broken)(&mut sql)?;
            sql.push(")");
        }
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        let row = self.engine.read(&sql).await?.into_iter().next();
        let row =
            row.ok_or_else(|| Error::new(&hallmark_core::codes::INTERNAL, "an aggregate gave no row"))?;
        let count = |at: usize| row.try_get::<_, i64>(at).map_err(failure);
        let counts = (1..=2 * columns.len() + lines.len()).map(count).collect::<Result<Vec<_>>>()?;
        Ok((count(0)?, counts))
    }

    /// The keys of some rows that break a rule.
    async fn samples(&self, line: &Line<'_>) -> Result<Vec<Value>> {
        let table = self.table();
        let wanted = self.ask.get("samples").and_then(Value::as_u64).unwrap_or(5);
        if wanted == 0 || table.keys().iter().any(|k| masking(self.ask.0).hides(k.sensitivity)) {
            return Ok(Vec::new());
        }
        let mut sql = Sql::new(format!("SELECT {}", table.key_selected()));
        self.engine.push_from(&mut sql, self.context, self.ask.filter(), false)?;
        sql.push(" AND (");
        (line.broken)(&mut sql)?;
        sql.push(&format!(") ORDER BY {} LIMIT {wanted}", table.key_idents("")));
        self.engine.read(&sql).await?.iter().map(|row| table.key_of(row, 0)).collect()
    }
}

fn field_line<'a>(rule: &'a FieldRule<'a>) -> Line<'a> {
    Line {
        rule: rule.name.to_owned(),
        fields: vec![rule.column.name()],
        detail: rule.shown.clone(),
        broken: Box::new(|sql| rule.push_broken(sql)),
    }
}

/// Counts what stands for nothing without being null.
fn placeholders(column: &Column) -> String {
    match column.field.kind {
        FieldType::Text => {
            format!("count(*) FILTER (WHERE btrim({0}) IN ('', '-', 'n/a', 'N/A', 'null'))", column.text())
        }
        FieldType::Float => {
            format!("count(*) FILTER (WHERE {0} IN ('NaN', 'Infinity', '-Infinity'))", column.ident)
        }
        _ => "0::bigint".to_owned(),
    }
}

/// How many cells say nothing, and the nulls and placeholders of each field.
fn holes(columns: &[&Column], counts: &[i64]) -> (i64, Map<String, Value>) {
    let (mut holes, mut fields) = (0, Map::new());
    for (column, pair) in columns.iter().zip(counts.chunks(2)) {
        if let [nulls, blank] = pair {
            holes += nulls + blank;
            fields.insert(column.name().to_owned(), json!({"nulls": nulls, "placeholders": blank}));
        }
    }
    (holes, fields)
}
