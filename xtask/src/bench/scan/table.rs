//! Medians, spreads and ratios, and whether a limit is kept.

use std::fmt::Write as _;

use super::{Case, Cost};

/// One of the figures of a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Measure {
    Wall,
    Cpu,
    Memory,
}

impl Measure {
    fn of(self, cost: &Cost) -> f64 {
        match self {
            Self::Wall => cost.wall,
            Self::Cpu => cost.cpu,
            Self::Memory => cost.rss,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Cpu => "CPU",
            Self::Memory => "peak memory",
        }
    }
}

/// What one case costs in terms of another, and the most that it may; none where it is only to be seen.
pub(super) struct Limit {
    pub(super) of: &'static str,
    pub(super) to: &'static str,
    pub(super) measure: Measure,
    pub(super) most: Option<f64>,
}

/// Figures of all turns, sorted.
struct Spread(Vec<f64>);

impl Spread {
    fn new(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    /// The figure below which this many quarters of all lie.
    fn quarter(&self, quarters: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get(last * quarters / 4).copied().unwrap_or(f64::NAN)
    }
}

/// The medians of all cases, with the smallest and the largest figure.
pub(super) fn costs(cases: &[Case]) -> String {
    let mut text = format!("\n{:<28}{:<26}{:<26}{}\n", "", "wall, s", "CPU, s", "peak memory, MB");
    for case in cases {
        let _ = write!(text, "{:<28}", case.name);
        for (measure, digits) in [(Measure::Wall, 3), (Measure::Cpu, 3), (Measure::Memory, 0)] {
            let spread = Spread::new(case.costs.iter().map(|cost| measure.of(cost)).collect());
            let (least, median, most) = (spread.quarter(0), spread.quarter(2), spread.quarter(4));
            let cell = format!("{median:.digits$} ({least:.digits$} to {most:.digits$})");
            let _ = write!(text, "{cell:<26}");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

/// The ratios that limits are about, each of two runs in the same turn; and the limits that are missed outside the noise: by the
/// median, and by all but the best quarter of the turns.
pub(super) fn limits(limits: &[Limit], cases: &[Case]) -> (String, Vec<String>) {
    let mut text =
        String::from("\nratio                                              median (quartiles)     at most\n");
    let mut missed = Vec::new();
    for limit in limits {
        let costs = |name: &str| cases.iter().find(|case| case.name == name).map(|case| &case.costs);
        let (Some(of), Some(to)) = (costs(limit.of), costs(limit.to)) else { continue };
        let ratios = of.iter().zip(to).map(|(of, to)| limit.measure.of(of) / limit.measure.of(to));
        let spread = Spread::new(ratios.collect());
        let (low, median, high) = (spread.quarter(1), spread.quarter(2), spread.quarter(3));
        let verdict = match limit.most {
            None => "",
            Some(most) if median <= most => "kept",
            Some(most) if low <= most => "not told from the noise",
            Some(_) => "MISSED",
        };
        let name = format!("{} / {}, {}", limit.of, limit.to, limit.measure.name());
        let figures = format!("{median:.2} ({low:.2} to {high:.2})");
        let most = limit.most.map_or_else(|| "-".to_owned(), |most| format!("{most:.1}"));
        let _ = writeln!(text, "{}", format!("{name:<51}{figures:<23}{most:<5}{verdict}").trim_end());
        if verdict == "MISSED" {
            missed.push(format!("{name} is {median:.2}, more than {most}"));
        }
    }
    (text, missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &'static str, walls: &[f64]) -> Case {
        let costs = walls.iter().map(|wall| Cost { wall: *wall, cpu: 1.0, rss: 1.0 }).collect();
        Case { name, command: Vec::new(), costs }
    }

    #[test]
    fn a_limit_is_missed_only_outside_the_noise() {
        let wall = Limit { of: "a", to: "b", measure: Measure::Wall, most: Some(1.0) };
        let missed = |walls: &[f64]| limits(&[Limit { ..wall }], &[case("a", walls), case("b", &[1.0; 5])]).1;
        assert!(missed(&[0.9, 0.9, 1.0, 2.0, 3.0]).is_empty());
        assert!(missed(&[0.9, 1.0, 1.1, 2.0, 3.0]).is_empty());
        assert_eq!(missed(&[0.9, 1.1, 1.1, 2.0, 3.0]).len(), 1);
    }

    #[test]
    fn runs_of_the_same_turn_are_compared() {
        let wall = Limit { of: "a", to: "b", measure: Measure::Wall, most: Some(1.0) };
        // The machine was busy in some turns, for both.
        let cases = [case("a", &[1.0, 9.0, 1.0, 9.0]), case("b", &[2.0, 10.0, 2.0, 10.0])];
        assert!(limits(&[wall], &cases).1.is_empty());
    }
}
