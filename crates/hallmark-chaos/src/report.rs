//! What the campaign found: a table of 80 columns, and JSON.

use std::collections::BTreeMap;

use hallmark_core::fs::{Mode, write_atomic};
use serde::Serialize;

use crate::control::Control;
use crate::failure::{Outcome, say};
use crate::lane::Told;
use crate::options::Options;
use crate::schedule::NotTried;

/// The format of the report as JSON.
const SCHEMA: &str = "hallmark.chaos/1";

/// Everything that the campaign found.
pub(crate) struct Report<'a> {
    pub(crate) options: &'a Options,
    pub(crate) planned: usize,
    pub(crate) told: Vec<Told>,
    pub(crate) not_tried: &'a [NotTried],
    pub(crate) control: Control,
    pub(crate) acknowledged: BTreeMap<String, u64>,
    /// Failures that belong to no fault.
    pub(crate) failures: Vec<String>,
    pub(crate) seconds: u64,
    pub(crate) load: (f64, f64),
}

/// The faults of one kind on one service.
#[derive(Debug, Default, Serialize)]
struct Row {
    kind: String,
    service: String,
    count: usize,
    noticed_p50_ms: Option<u64>,
    noticed_p95_ms: Option<u64>,
    noticed_max_ms: Option<u64>,
    bound_ms: u64,
    recovered_p50_ms: Option<u64>,
    recovered_max_ms: Option<u64>,
    lost: usize,
    wrong: usize,
    failed: usize,
}

impl Row {
    fn of(kind: &str, service: &str, all: &[&Told]) -> Self {
        let noticed = sorted(all.iter().filter_map(|told| told.noticed_ms));
        let recovered = sorted(all.iter().filter_map(|told| told.recovered_ms));
        Self {
            kind: kind.to_owned(),
            service: service.to_owned(),
            count: all.len(),
            noticed_p50_ms: quantile(&noticed, 50),
            noticed_p95_ms: quantile(&noticed, 95),
            noticed_max_ms: noticed.last().copied(),
            bound_ms: all.iter().map(|told| told.bound_ms).max().unwrap_or(0),
            recovered_p50_ms: quantile(&recovered, 50),
            recovered_max_ms: recovered.last().copied(),
            lost: all.iter().map(|told| told.lost).sum(),
            wrong: all.iter().map(|told| told.wrong).sum(),
            failed: all.iter().filter(|told| !told.failures.is_empty()).count(),
        }
    }
}

fn sorted(values: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut all: Vec<u64> = values.collect();
    all.sort_unstable();
    all
}

/// The smallest value that so many of a hundred do not exceed.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied()
}

impl Report<'_> {
    /// Whether everything held.
    pub(crate) fn holds(&self) -> bool {
        self.told.len() == self.planned
            && self.told.iter().all(|told| told.failures.is_empty() && told.lost + told.wrong == 0)
            && self.failures.is_empty()
            && self.control.holds()
    }

    fn rows(&self) -> Vec<Row> {
        let mut groups: BTreeMap<(&str, &str), Vec<&Told>> = BTreeMap::new();
        for told in &self.told {
            groups.entry((told.kind, &told.service)).or_default().push(told);
        }
        groups.into_iter().map(|((kind, service), all)| Row::of(kind, service, &all)).collect()
    }

    /// Prints the table and writes the JSON beside the ledgers.
    pub(crate) fn tell(&self) -> Outcome {
        let rows = self.rows();
        say(&table(&rows));
        for left in self.not_tried {
            say(&format!("not tried: {} on {}: {}", left.kind, left.service, left.reason));
        }
        for (service, count) in &self.acknowledged {
            say(&format!("{service}: {count} acknowledged"));
        }
        say(&format!("control: {}", self.control));
        for failure in &self.failures {
            say(&format!("FAILED: {failure}"));
        }
        let failed = self.told.iter().filter(|told| !told.failures.is_empty()).count();
        say(&format!(
            "{} faults of {}, {failed} failed, in {} s; seed {}; load {:.1} to {:.1}",
            self.told.len(),
            self.planned,
            self.seconds,
            self.options.seed,
            self.load.0,
            self.load.1
        ));
        let path = self.options.out.join("report.json");
        let not_tried: Vec<_> = self
            .not_tried
            .iter()
            .map(
                |left| serde_json::json!({"kind": left.kind, "service": left.service, "reason": left.reason}),
            )
            .collect();
        let document = serde_json::json!({
            "schema": SCHEMA,
            "seed": self.options.seed,
            "planned": self.planned,
            "holds": self.holds(),
            "seconds": self.seconds,
            "load": {"least": self.load.0, "most": self.load.1},
            "rows": rows,
            "not_tried": not_tried,
            "acknowledged": self.acknowledged,
            "control": self.control,
            "failures": self.failures,
            "faults": self.told,
        });
        write_atomic(&path, format!("{document:#}\n").as_bytes(), Mode::Default)?;
        say(&format!("report: {}", path.display()));
        Ok(())
    }
}

/// At most 80 columns wide.
fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "\ntimes in seconds\n{:<8} {:<8} {:>2} {:>12} {:>5} {:>5} {:>5} {:>9} {:>6} {:>4} {:>5}\n",
        "kind", "service", "n", "noticed: p50", "p95", "max", "bound", "back: p50", "max", "lost", "wrong"
    );
    let seconds = |ms: Option<u64>| match ms {
        Some(ms) => format!("{}.{:02}", ms / 1000, ms % 1000 / 10),
        None => "-".to_owned(),
    };
    for row in rows {
        text.push_str(&format!(
            "{:<8} {:<8} {:>2} {:>12} {:>5} {:>5} {:>5} {:>9} {:>6} {:>4} {:>5}{}\n",
            row.kind,
            row.service,
            row.count,
            seconds(row.noticed_p50_ms),
            seconds(row.noticed_p95_ms),
            seconds(row.noticed_max_ms),
            seconds(Some(row.bound_ms)),
            seconds(row.recovered_p50_ms),
            seconds(row.recovered_max_ms),
            row.lost,
            row.wrong,
            if row.failed > 0 { "!" } else { "" }
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_nearest_rank() {
        let all: Vec<u64> = (1..=20).collect();
        assert_eq!(
            (quantile(&all, 50), quantile(&all, 95), quantile(&all, 100)),
            (Some(10), Some(19), Some(20))
        );
        assert_eq!(quantile(&[7], 95), Some(7));
        assert_eq!(quantile(&[], 50), None);
    }

    #[test]
    fn the_table_fits_eighty_columns() {
        let told = Told {
            noticed_ms: Some(15_230),
            recovered_ms: Some(199_990),
            lost: 9_999,
            wrong: 9_999,
            failures: vec!["x".to_owned()],
            bound_ms: 15_000,
            ..Told::default()
        };
        let text = table(&[Row::of("password", "postgres", &[&told])]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}
