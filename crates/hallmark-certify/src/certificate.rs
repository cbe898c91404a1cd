//! The certificate: the requirements' fields, each derived from proven evidence, under one signature.

use std::collections::BTreeMap;

use hallmark_core::{Error, Result, digest};
use hallmark_evidence::{Evidence, Head, Keys, Signature, Verdict, rounded};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::codes;
use crate::limits::REVIEW_DAYS;
use crate::machine::{Commit, Machine};
use crate::score::{self, Level};
use crate::section::{Kind, Section, State};
use crate::tree::TreeDigest;

/// The version of the document; readers refuse a newer one.
pub const SCHEMA_VERSION: u32 = 1;

/// A signed certificate, granted or refused. `docs/schemas/certificate.schema.json` describes its JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Certificate {
    /// The version of this document's form.
    pub schema_version: u32,
    /// Its name, unique in the project: date and eight characters.
    pub certificate_id: String,
    /// What was certified.
    pub project: ProjectFacts,
    /// When: RFC 3339, UTC.
    pub certification_date: String,
    /// The proven figure, 0 to 1.
    pub production_readiness_score: f64,
    /// `excellent`, `good`, `acceptable` or `insufficient`.
    pub certification_level: Level,
    /// Whether it is granted: the score suffices, nothing refuses it by itself, every gate's instrument is proven.
    pub deployment_approved: bool,
    /// Whether the project can be operated: it is granted, and infrastructure and core operations are proven in full.
    pub operational_approval: bool,
    /// By requirement: what is proven of it.
    pub requirements_compliance: BTreeMap<String, Compliance>,
    /// The day on which it ends: RFC 3339, UTC.
    pub next_review_date: String,
    /// Why it is refused, most important first; empty if granted.
    pub refusals: Vec<String>,
    /// Claimed beside proven.
    pub claims: Vec<Claim>,
    /// The sections with their evidence and controls.
    pub sections: Vec<SectionRecord>,
    /// The five services as they were found.
    pub services: Vec<ServiceFact>,
    /// Findings of the scan, counted and the first of them listed.
    pub findings: Findings,
    /// What a reader should know: exemptions, inputs that could not be read, bounds that were hit.
    pub notes: Vec<String>,
    /// What it speaks of and rests on.
    pub digests: Digests,
    /// The machine that measured.
    pub machine: Machine,
    /// How long the certification took, in milliseconds.
    pub duration_ms: f64,
    /// The signature over everything else, in canonical JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
}

/// What was certified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectFacts {
    /// The folder's name.
    pub name: String,
    /// The commit, if it is under git.
    pub commit: Option<Commit>,
}

/// What is proven of one requirement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compliance {
    /// `proven` only if every check that is not exempted is.
    pub verdict: Verdict,
    /// The weight of its proven checks over that of all not exempted.
    pub share: f64,
    /// Checks with each verdict.
    pub proven: usize,
    /// Checks that failed.
    pub failed: usize,
    /// Checks that are left out.
    pub exempted: usize,
    /// Checks that were not measured.
    pub not_measured: usize,
}

/// One row of "claimed beside proven".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// `baseline` or the name of a gate.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What it can add.
    pub weight: f64,
    /// What is claimed, in points of the score; `null` where nothing is.
    pub claimed: Option<f64>,
    /// What is proven, in points of the score.
    pub proven: f64,
}

/// A section with what follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SectionRecord {
    /// The section itself.
    #[serde(flatten)]
    pub section: Section,
    /// Its state.
    pub state: State,
    /// Whether its instrument was seen to fail.
    pub instrument_proven: bool,
    /// Its share, 0 to 1.
    pub share: f64,
    /// What it adds to the score.
    pub points: f64,
}

/// One service as the probe found it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServiceFact {
    /// `postgres`, `neo4j`, `chromadb`, `redis`, `openai`.
    pub name: String,
    /// The state in words.
    pub state: String,
    /// Who answered.
    pub identity: String,
    /// In which version.
    pub version: String,
    /// The latency that the probe saw, in milliseconds.
    pub latency_ms: f64,
    /// What else is worth knowing: the reason, the notes.
    pub notes: Vec<String>,
    /// The next command, if something is wrong.
    pub next: Option<String>,
}

/// The scan in numbers, and its first findings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Files scanned.
    pub files: usize,
    /// Findings in all.
    pub count: usize,
    /// Findings by rule.
    pub by_rule: BTreeMap<String, usize>,
    /// The first of them, worst first.
    pub listed: Vec<FindingRow>,
    /// Inputs that could not be read or parsed.
    pub problems: Vec<FindingRow>,
}

/// A finding in one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRow {
    /// `file:line`.
    pub place: String,
    /// The rule's name or the problem's code.
    pub rule: String,
    /// Its severity.
    pub severity: String,
    /// What is wrong.
    pub message: String,
}

/// What a certificate speaks of and rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// The certified tree.
    pub tree: TreeDigest,
    /// SHA-256 of `hallmark.toml` (of nothing, if there is none).
    pub configuration: String,
    /// SHA-256 of the names and versions of the rules.
    pub rule_set: String,
    /// SHA-256 over the fingerprints of the evidence, one a line, in order.
    pub evidence: String,
    /// The number of the first entry of this certification in the log.
    pub log_first: u64,
    /// The entry of the log at which it was issued.
    pub log_head: Head,
}

/// What [`Certificate::new`] is made of.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What was certified.
    pub project: ProjectFacts,
    /// What was measured.
    pub sections: Vec<Section>,
    /// What is claimed, by section, as a share of its weight.
    pub claims: BTreeMap<String, f64>,
    /// The services.
    pub services: Vec<ServiceFact>,
    /// The findings.
    pub findings: Findings,
    /// The notes.
    pub notes: Vec<String>,
    /// The digests; that of the evidence is computed.
    pub digests: Digests,
    /// How long it took.
    pub duration: std::time::Duration,
}

impl Certificate {
    /// Draws the conclusions. Not yet signed.
    ///
    /// # Errors
    /// `HM-C099` if the system's clock gives no date.
    pub fn new(draft: Draft) -> Result<Self> {
        let score = score::score(&draft.sections);
        let now = jiff::Timestamp::now();
        let review = now.to_zoned(jiff::tz::TimeZone::UTC).checked_add(jiff::Span::new().days(REVIEW_DAYS));
        let review = review.map_err(|e| {
            Error::new(&hallmark_core::codes::INTERNAL, "the clock gives no date").because(&e)
        })?;
        let certification_date = hallmark_core::clock::now();
        let operable = ["infrastructure", "operations"]
            .iter()
            .all(|id| draft.sections.iter().any(|s| s.id == *id && s.state() == State::Proven));
        let digests = Digests { evidence: evidence_digest(&draft.sections), ..draft.digests };
        Ok(Self {
            schema_version: SCHEMA_VERSION,
            certificate_id: format!("{}-{}", &certification_date[..10], hallmark_core::random::token(8)?),
            project: draft.project,
            certification_date,
            production_readiness_score: score.total,
            certification_level: score.level,
            deployment_approved: score.passed,
            operational_approval: score.passed && operable,
            requirements_compliance: compliance(&draft.sections),
            next_review_date: format!(
                "{:.3}",
                review.timestamp().round(jiff::Unit::Millisecond).unwrap_or(review.timestamp())
            ),
            refusals: score.refusals,
            claims: claims(&draft.sections, &draft.claims),
            sections: draft.sections.into_iter().map(SectionRecord::of).collect(),
            services: draft.services,
            findings: draft.findings,
            notes: draft.notes,
            digests,
            machine: Machine::here(),
            duration_ms: draft.duration.as_secs_f64() * 1000.0,
            signature: None,
        })
    }

    /// The JSON without the signature: what is signed.
    ///
    /// # Errors
    /// `HM-C099` if it has no JSON form.
    pub fn content(&self) -> Result<Value> {
        let bare = Self { signature: None, ..self.clone() };
        to_json(&bare)
    }

    /// Signs everything but the signature.
    ///
    /// # Errors
    /// As [`Certificate::content`].
    pub fn sign(&mut self, keys: &Keys) -> Result<()> {
        self.signature = Some(keys.sign(&self.content()?));
        Ok(())
    }

    /// The whole document as JSON.
    ///
    /// # Errors
    /// As [`Certificate::content`].
    pub fn to_json(&self) -> Result<Value> {
        to_json(self)
    }

    /// Reads a document; says what is wrong with one that is none.
    ///
    /// # Errors
    /// `HM-Z001` if it is no certificate, or one of a newer Hallmark.
    pub fn parse(value: &Value) -> Result<Self> {
        let version = value.get("schema_version").and_then(Value::as_u64);
        if version.is_some_and(|v| v > u64::from(SCHEMA_VERSION)) {
            return Err(Error::new(
                &codes::NOT_A_CERTIFICATE,
                format!("its schema version {} is newer", version.unwrap_or(0)),
            )
            .next("use a newer Hallmark"));
        }
        serde_json::from_value(value.clone())
            .map_err(|e| Error::new(&codes::NOT_A_CERTIFICATE, "the document is no certificate").because(&e))
    }

    /// The bare sections: what the conclusions are recomputed from.
    #[must_use]
    pub fn bare_sections(&self) -> Vec<Section> {
        self.sections.iter().map(|r| r.section.clone()).collect()
    }

    /// Every piece of evidence, section by section.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.sections.iter().flat_map(|r| &r.section.evidence)
    }

    /// Where the conclusions do not follow from the evidence; empty if all do.
    #[must_use]
    pub fn contradictions(&self) -> Vec<String> {
        let sections = self.bare_sections();
        let score = score::score(&sections);
        let mut wrong = Vec::new();
        let mut check = |holds: bool, what: &str| {
            if !holds {
                wrong.push(what.to_owned());
            }
        };
        check(score.total == self.production_readiness_score, "the score does not follow from the evidence");
        check(score.level == self.certification_level, "the level does not follow from the evidence");
        check(score.passed == self.deployment_approved, "the approval does not follow from the evidence");
        check(
            !self.operational_approval || self.deployment_approved,
            "operation is approved and deployment is not",
        );
        check(
            compliance(&sections) == self.requirements_compliance,
            "the compliance does not follow from the evidence",
        );
        check(
            evidence_digest(&sections) == self.digests.evidence,
            "the digest of the evidence does not match the evidence",
        );
        let records: Vec<SectionRecord> = sections.into_iter().map(SectionRecord::of).collect();
        check(records == self.sections, "a section's state or share does not follow from its evidence");
        wrong
    }
}

impl SectionRecord {
    fn of(section: Section) -> Self {
        let share = round6(section.share());
        Self {
            state: section.state(),
            instrument_proven: section.instrument_proven(),
            share,
            points: round6(section.weight * section.share()),
            section,
        }
    }
}

fn to_json(certificate: &Certificate) -> Result<Value> {
    serde_json::to_value(certificate).map(rounded).map_err(|e| {
        Error::new(&hallmark_core::codes::INTERNAL, "the certificate has no JSON form").because(&e)
    })
}

/// SHA-256 over the fingerprints of the evidence, one a line.
#[must_use]
pub fn evidence_digest(sections: &[Section]) -> String {
    let lines =
        sections.iter().flat_map(|s| &s.evidence).fold(String::new(), |all, e| all + &e.fingerprint() + "\n");
    digest::sha256(lines.as_bytes())
}

fn compliance(sections: &[Section]) -> BTreeMap<String, Compliance> {
    let mut by_requirement: BTreeMap<String, Vec<(&Evidence, bool)>> = BTreeMap::new();
    for section in sections {
        for evidence in &section.evidence {
            by_requirement
                .entry(evidence.requirement.clone())
                .or_default()
                .push((evidence, section.instrument_proven()));
        }
    }
    by_requirement.into_iter().map(|(id, rows)| (id, comply(&rows))).collect()
}

/// Evidence of an instrument that is not proven does not count as proven here either.
fn comply(rows: &[(&Evidence, bool)]) -> Compliance {
    let count = |v| rows.iter().filter(|(e, _)| e.verdict == v).count();
    let proven = rows.iter().filter(|(e, instrument)| e.verdict.is_green() && *instrument);
    let all: f64 = rows.iter().filter(|(e, _)| e.verdict != Verdict::Exempted).map(|(e, _)| e.weight).sum();
    let green: f64 = proven.clone().map(|(e, _)| e.weight).sum();
    let (proven, failed, exempted) = (proven.count(), count(Verdict::Failed), count(Verdict::Exempted));
    let not_measured = rows.len() - proven - failed - exempted;
    let verdict = match (proven, failed, not_measured) {
        (_, failed, _) if failed > 0 => Verdict::Failed,
        (_, _, open) if open > 0 => Verdict::NotMeasured,
        (0, ..) => Verdict::Exempted,
        _ => Verdict::Proven,
    };
    let share = if all > 0.0 { round6(green / all) } else { 0.0 };
    Compliance { verdict, share, proven, failed, exempted, not_measured }
}

/// One row for the baseline as a whole, one for each gate. Without a word of the project the baseline is claimed in full:
/// that is how the requirements state it.
fn claims(sections: &[Section], claimed: &BTreeMap<String, f64>) -> Vec<Claim> {
    let points = |kind: &dyn Fn(&Section) -> bool| -> (f64, f64) {
        let some = sections.iter().filter(|s| kind(s));
        some.fold((0.0, 0.0), |(weight, proven), s| (weight + s.weight, proven + s.weight * s.share()))
    };
    let row = |id: &str, title: &str, (weight, proven): (f64, f64), default: Option<f64>| Claim {
        id: id.to_owned(),
        title: title.to_owned(),
        weight: round6(weight),
        claimed: claimed.get(id).copied().or(default).map(|share| round6(share.clamp(0.0, 1.0) * weight)),
        proven: round6(proven),
    };
    let mut rows = vec![row("baseline", "Baseline", points(&|s| s.kind == Kind::Baseline), Some(1.0))];
    for gate in sections.iter().filter(|s| s.kind == Kind::Gate) {
        rows.push(row(&gate.id, &gate.title, points(&|s| s.id == gate.id), None));
    }
    rows
}

fn round6(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}
