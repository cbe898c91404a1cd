//! An aggregation in both forms.

use hallmark_dataflow::FieldType;
use serde_json::{Value, json};

use super::model::Shape;
use super::ops::Groups;
use super::shadow::column;
use super::values::selected;

impl Groups {
    /// As the node takes it.
    pub(super) fn input(&self) -> Value {
        let by: Value = self
            .by
            .iter()
            .map(|(field, step)| match step {
                Some(step) => json!({"field": field, "bucket": step}),
                None => json!(field),
            })
            .collect();
        let measures: Value = self
            .measures
            .iter()
            .map(|(function, field, name)| json!({"function": function, "field": field, "as": name}))
            .collect();
        let sort: Vec<String> = self
            .sort
            .iter()
            .map(|(i, descending)| format!("{}{}", if *descending { "-" } else { "" }, self.measures[*i].2))
            .collect();
        let mut input = json!({
            "group_by": by, "measures": measures, "filter": self.filter.as_ref().map(|f| &f.json), "sort": sort,
            "rollup": self.rollup, "limit": self.limit,
        });
        if let Some((i, operator, value)) = &self.having {
            input["having"] = json!({&self.measures[*i].2: {*operator: value.json}});
        }
        input
    }

    /// The names of groups and measures in the answer.
    pub(super) fn names(&self) -> Vec<String> {
        let group = |(n, step): &(String, Option<&str>)| step.map_or(n.clone(), |s| format!("{n}_{s}"));
        self.by.iter().map(group).chain(self.measures.iter().map(|m| m.2.clone())).collect()
    }

    /// The types of their values.
    pub(super) fn kinds(&self, shape: &Shape) -> Vec<FieldType> {
        let group = |(n, step): &(String, Option<&str>)| {
            if step.is_some() { FieldType::Timestamp } else { shape.col(n).kind }
        };
        let measure = |(function, field, _): &(&str, Option<String>, String)| {
            let of = field.as_ref().map(|f| shape.col(f).kind);
            match (*function, of) {
                ("sum" | "avg", Some(FieldType::Float)) => FieldType::Float,
                ("sum" | "avg", _) => FieldType::Decimal,
                ("min" | "max", Some(kind)) => kind,
                _ => FieldType::Integer,
            }
        };
        self.by.iter().map(group).chain(self.measures.iter().map(measure)).collect()
    }

    /// The statement for the groups over all fields but the last `level`.
    pub(super) fn statement(&self, shape: &Shape, table: &str, condition: &str, level: usize) -> String {
        let by: Vec<String> = self
            .by
            .iter()
            .map(|(name, step)| {
                let c = column(name);
                match (step, shape.col(name).kind) {
                    (Some(step), FieldType::Date) => {
                        format!("(date_trunc('{step}', {c}::timestamp) AT TIME ZONE 'UTC')")
                    }
                    (Some(step), _) => {
                        format!("(date_trunc('{step}', {c} AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')")
                    }
                    _ => c,
                }
            })
            .collect();
        let kinds = self.kinds(shape);
        let kept = by.len() - level;
        let measure = |(function, field, _): &(&str, Option<String>, String)| {
            let c = field.as_ref().map_or("*".to_owned(), |f| column(f));
            match *function {
                "count_distinct" => format!("count(DISTINCT {c})"),
                // An average is a sum shared out.
                function => format!("{function}({c})"),
            }
        };
        let measures: Vec<String> = self.measures.iter().map(measure).collect();
        let mut list: Vec<String> = by
            .iter()
            .enumerate()
            .map(|(i, e)| if i < kept { selected(kinds[i], e) } else { "NULL".to_owned() })
            .collect();
        list.extend(measures.iter().zip(&kinds[by.len()..]).map(|(m, k)| selected(*k, m)));
        let mut text = format!("SELECT {} FROM {table} WHERE {condition}", list.join(", "));
        if kept > 0 {
            text += &format!(" GROUP BY {}", by[..kept].join(", "));
        }
        if let Some((i, operator, value)) = &self.having {
            let symbol = match *operator {
                "eq" => "=",
                "ne" => "<>",
                "lt" => "<",
                "lte" => "<=",
                "gt" => ">",
                _ => ">=",
            };
            text += &format!(" HAVING {} {symbol} {}", measures[*i], value.sql);
        }
        let mut order: Vec<String> = self
            .sort
            .iter()
            .map(|(i, descending)| {
                format!("{0} IS NULL, {0} {1}", measures[*i], if *descending { "DESC" } else { "ASC" })
            })
            .collect();
        order.extend(by[..kept].iter().map(|e| format!("{e} IS NULL, {e}")));
        if !order.is_empty() {
            text += &format!(" ORDER BY {}", order.join(", "));
        }
        text
    }
}
