//! What the template needs beside the certificate: lengths of arcs and bars, words for numbers, the order of rows.

use hallmark_evidence::{Evidence, Verdict};
use serde::Serialize;
use serde_json::Value;

use crate::Certificate;
use crate::certificate::SectionRecord;
use crate::score::{ACCEPTABLE, EXCELLENT, GOOD};
use crate::section::{Kind, State};

/// The radius of the gauge, in the drawing's units.
const RADIUS: f64 = 84.0;

/// The gauge is three quarters of a circle.
const SWEEP: f64 = 0.75;

/// The longest a measured value may be shown, in characters; the whole of it is in the certificate.
const MEASURED_CHARS_MAX: usize = 260;

/// Steps that a reader is offered.
const STEPS_MAX: usize = 6;

#[derive(Debug, Serialize)]
pub(crate) struct View {
    score_percent: String,
    gauge: Gauge,
    claimed_total: String,
    bars: Vec<Bar>,
    sections: Vec<SectionView>,
    open: Vec<Row>,
    steps: Vec<Step>,
    controls_caught: usize,
    controls: usize,
    counts: [usize; 4],
    date: String,
    until: String,
    duration: String,
    commit: String,
}

#[derive(Debug, Serialize)]
struct Gauge {
    circumference: String,
    track: String,
    proven: String,
    marks: Vec<Mark>,
}

#[derive(Debug, Serialize)]
struct Mark {
    angle: String,
    name: &'static str,
}

#[derive(Debug, Serialize)]
struct Bar {
    title: String,
    weight: String,
    claimed: Option<String>,
    proven: String,
    width: String,
    claimed_width: String,
    proven_width: String,
}

#[derive(Debug, Serialize)]
struct SectionView {
    id: String,
    title: String,
    kind: &'static str,
    state: &'static str,
    state_class: String,
    weight: String,
    points: String,
    share: String,
    parts: Vec<Part>,
    rows: Vec<Row>,
    open: bool,
}

/// A part of a section's bar, in percent of its width.
#[derive(Debug, Serialize)]
struct Part {
    class: &'static str,
    words: String,
    percent: String,
}

#[derive(Clone, Debug, Serialize)]
struct Row {
    class: &'static str,
    words: &'static str,
    requirement: String,
    check: String,
    what: String,
    measured: String,
    threshold: String,
    reason: String,
    at: String,
    took: String,
    reproduce: String,
    section: String,
}

#[derive(Debug, Serialize)]
struct Step {
    check: String,
    section: String,
    gain: String,
    reproduce: String,
    reason: String,
}

impl View {
    pub(crate) fn of(certificate: &Certificate) -> Self {
        let sections: Vec<SectionView> = certificate.sections.iter().map(SectionView::of).collect();
        let all = || certificate.evidence();
        let controls = || certificate.sections.iter().flat_map(|s| &s.section.controls);
        let open = sections
            .iter()
            .flat_map(|s| &s.rows)
            .filter(|r| r.class == "not_measured" || r.class == "exempted");
        let claimed: f64 = certificate.claims.iter().filter_map(|c| c.claimed).sum();
        Self {
            score_percent: format!("{:.1}", certificate.production_readiness_score * 100.0),
            gauge: Gauge::of(certificate.production_readiness_score),
            claimed_total: percent(claimed),
            bars: bars(certificate),
            open: open.cloned().collect(),
            steps: steps(certificate),
            controls_caught: controls().filter(|c| c.caught).count(),
            controls: controls().count(),
            counts: Verdict::ALL.map(|v| all().filter(|e| e.verdict == v).count()),
            date: minute(&certificate.certification_date),
            until: certificate.next_review_date.chars().take(10).collect(),
            duration: duration(certificate.duration_ms),
            commit: certificate.project.commit.as_ref().map_or(String::new(), |c| {
                let id: String = c.id.chars().take(10).collect();
                if c.dirty { format!("{id}, with changes not committed") } else { id }
            }),
            sections,
        }
    }
}

impl Gauge {
    fn of(score: f64) -> Self {
        let circumference = std::f64::consts::TAU * RADIUS;
        let marks = [(ACCEPTABLE, "acceptable"), (GOOD, "good"), (EXCELLENT, "excellent")];
        Self {
            circumference: format!("{circumference:.2}"),
            track: format!("{:.2}", circumference * SWEEP),
            proven: format!("{:.2}", circumference * SWEEP * score),
            marks: marks.map(|(at, name)| Mark { angle: format!("{:.2}", at * SWEEP * 360.0), name }).into(),
        }
    }
}

impl SectionView {
    fn of(record: &SectionRecord) -> Self {
        let section = &record.section;
        let total: f64 = section.evidence.iter().map(|e| e.weight).sum();
        let part = |verdict: Verdict| {
            let weight: f64 =
                section.evidence.iter().filter(|e| e.verdict == verdict).map(|e| e.weight).sum();
            let percent = format!("{:.2}", if total > 0.0 { weight / total * 100.0 } else { 0.0 });
            Part {
                class: verdict.name(),
                words: format!("{} {}", section.count(verdict), words(verdict)),
                percent,
            }
        };
        let mut rows: Vec<Row> = section.evidence.iter().map(|e| Row::of(e, &section.title)).collect();
        // What needs a reader comes first.
        rows.sort_by_key(|r| {
            ["failed", "not_measured", "exempted", "proven"].iter().position(|c| *c == r.class)
        });
        let state = record.state;
        Self {
            id: section.id.clone(),
            title: section.title.clone(),
            kind: match section.kind {
                Kind::Gate => "gate",
                Kind::Baseline => "baseline",
                Kind::Seal => "seal",
            },
            state: state.words(),
            state_class: state.words().replace(' ', "_"),
            weight: percent(section.weight),
            points: percent(record.points),
            share: format!("{:.0}", (record.share * 100.0).floor()),
            parts: Verdict::ALL.map(part).into(),
            open: state != State::Proven,
            rows,
        }
    }
}

impl Row {
    fn of(evidence: &Evidence, section: &str) -> Self {
        Self {
            class: evidence.verdict.name(),
            words: words(evidence.verdict),
            requirement: evidence.requirement.clone(),
            check: evidence.check.clone(),
            what: evidence.what.clone(),
            measured: shown(&evidence.measured),
            threshold: evidence.threshold.clone(),
            reason: evidence.reason.clone(),
            at: minute(&evidence.at),
            took: duration(evidence.duration_ms),
            reproduce: evidence.reproduce.clone(),
            section: section.to_owned(),
        }
    }
}

/// The words for a verdict.
pub(crate) const fn words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Proven => "proven",
        Verdict::Failed => "failed",
        Verdict::Exempted => "exempted",
        Verdict::NotMeasured => "not measured",
    }
}

fn bars(certificate: &Certificate) -> Vec<Bar> {
    let width = |points: f64| format!("{:.2}", points * 100.0);
    let widest = certificate.claims.iter().map(|c| c.weight).fold(f64::EPSILON, f64::max);
    let bar = |c: &crate::certificate::Claim| Bar {
        title: c.title.clone(),
        weight: percent(c.weight),
        claimed: c.claimed.map(percent),
        proven: percent(c.proven),
        width: width(c.weight / widest),
        claimed_width: width(c.claimed.unwrap_or(0.0) / c.weight.max(f64::EPSILON)),
        proven_width: width(c.proven / c.weight.max(f64::EPSILON)),
    };
    certificate.claims.iter().map(bar).collect()
}

/// What proving one check more would add, the most first.
fn steps(certificate: &Certificate) -> Vec<Step> {
    let mut steps: Vec<(f64, Step)> = Vec::new();
    for (gain, record, evidence) in gains(certificate) {
        let step = Step {
            check: evidence.check.clone(),
            section: record.section.title.clone(),
            gain: format!("{:.2}", gain * 100.0),
            reproduce: evidence.reproduce.clone(),
            reason: evidence.reason.clone(),
        };
        steps.push((gain, step));
    }
    steps.sort_by(|a, b| b.0.total_cmp(&a.0));
    steps.into_iter().take(STEPS_MAX).map(|(_, step)| step).collect()
}

/// Each check that is neither proven nor exempted, with what it would add to the score.
pub(crate) fn gains(certificate: &Certificate) -> impl Iterator<Item = (f64, &SectionRecord, &Evidence)> {
    certificate.sections.iter().flat_map(|record| {
        let counted = record.section.evidence.iter().filter(|e| e.verdict != Verdict::Exempted);
        let total: f64 = counted.clone().map(|e| e.weight).sum();
        counted
            .filter(|e| !e.verdict.is_green())
            .map(move |e| (record.section.weight * e.weight / total.max(f64::EPSILON), record, e))
    })
}

/// A measured value on one line: `collected 120 · errors 0`.
pub(crate) fn shown(value: &Value) -> String {
    let text = match value {
        Value::Object(members) => {
            let member = |(k, v): (&String, &Value)| format!("{} {}", k.replace('_', " "), inner(v));
            members.iter().map(member).collect::<Vec<_>>().join(" · ")
        }
        other => inner(other),
    };
    if text.chars().count() <= MEASURED_CHARS_MAX {
        return text;
    }
    text.chars().take(MEASURED_CHARS_MAX).collect::<String>() + " …"
}

fn inner(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        // Whole digests are in the certificate; here they only tell apart.
        Value::String(text) if is_digest(text) => text[..12].to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(inner).collect::<Vec<_>>().join(", "),
        Value::Object(members) => {
            let text: Vec<String> = members.iter().map(|(k, v)| format!("{k} {}", inner(v))).collect();
            format!("({})", text.join(", "))
        }
        other => other.to_string(),
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn percent(points: f64) -> String {
    let text = format!("{:.2}", points * 100.0);
    text.strip_suffix(".00").unwrap_or(&text).to_owned()
}

/// `2026-11-24 21:14 UTC`.
fn minute(at: &str) -> String {
    if at.len() < 16 || !at.is_ascii() {
        return at.to_owned();
    }
    format!("{} {} UTC", &at[..10], &at[11..16])
}

/// A duration in the unit that a person would use.
pub(crate) fn duration(ms: f64) -> String {
    if ms < 1.0 {
        format!("{ms:.2} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else if ms < 90_000.0 {
        format!("{:.1} s", ms / 1000.0)
    } else {
        format!("{:.1} min", ms / 60_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_read_as_a_line_and_durations_as_people_say_them() {
        assert_eq!(
            shown(&json!({"p95_ms": 3.5, "first": [], "who": null})),
            "first none · p95 ms 3.5 · who –"
        );
        assert_eq!([0.25, 12.4, 2345.0, 600_000.0].map(duration), ["0.25 ms", "12 ms", "2.3 s", "10.0 min"]);
        assert_eq!(percent(0.1625), "16.25");
        assert_eq!(percent(0.65), "65");
    }
}
