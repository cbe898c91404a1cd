//! What the rules said of a file: at hand, or as it lies in a cache file, put together when somebody asks.

use std::borrow::Cow;
use std::sync::Arc;

use hallmark_diagnostics::{Acceptance, Excerpt, Finding, Fix, Position, Severity, Suppressed};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::pack::Part;
use crate::tier::Tier;
use crate::{ScanOptions, rules};

/// The findings of a file, in the order of their places.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Findings {
    /// What is reported.
    pub(crate) reported: Vec<Finding>,
    /// What a comment accepts.
    pub(crate) accepted: Vec<Suppressed>,
}

/// The findings of a file, in whatever form.
pub(crate) enum Said {
    Held(Findings),
    Packed(Part),
}

impl Default for Said {
    fn default() -> Self {
        Self::Held(Findings::default())
    }
}

impl Said {
    /// The findings of the file of this path, under the options that they were found with; `None` if the bytes make no sense.
    pub(crate) fn open(&self, path: &str, options: &ScanOptions) -> Option<Cow<'_, Findings>> {
        match self {
            Self::Held(findings) => Some(Cow::Borrowed(findings)),
            Self::Packed(part) => unpack(part, path, options).map(Cow::Owned),
        }
    }

    /// [`Said::open`], where nobody else will ask.
    pub(crate) fn take(self, path: &str, options: &ScanOptions) -> Option<Findings> {
        match self {
            Self::Held(findings) => Some(findings),
            Self::Packed(part) => unpack(&part, path, options),
        }
    }

    /// The bytes that stand for it in a cache file.
    pub(crate) fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        match self {
            Self::Held(findings) => pack(findings).map(Cow::Owned),
            Self::Packed(part) => Some(Cow::Borrowed(part)),
        }
    }
}

/// What is written: texts once for a file, everything else by what it is made of.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    texts: Vec<&'a str>,
    #[serde(borrow)]
    reported: Vec<StoredFinding<'a>>,
    accepted: Vec<StoredSuppressed<'a>>,
}

/// A finding without what its rule, its file and the options say. Texts are places in [`Stored::texts`].
#[derive(Serialize, Deserialize)]
struct StoredFinding<'a> {
    /// The place of the rule among all.
    rule: usize,
    severity: Severity,
    message: usize,
    /// `None` where it is the rule's own.
    action: Option<usize>,
    start: Position,
    end: Position,
    tier: Tier,
    fingerprint: &'a str,
    fix: Option<Fix>,
    excerpt: (usize, usize, usize),
    label: Option<usize>,
}

/// A finding that a comment accepts.
#[derive(Serialize, Deserialize)]
struct StoredSuppressed<'a> {
    #[serde(borrow)]
    finding: StoredFinding<'a>,
    reason: &'a str,
    owner: &'a str,
    until: &'a str,
}

/// Texts, each once.
#[derive(Default)]
struct Texts<'a> {
    all: Vec<&'a str>,
    places: FxHashMap<&'a str, usize>,
}

impl<'a> Texts<'a> {
    fn place(&mut self, text: &'a str) -> usize {
        *self.places.entry(text).or_insert_with(|| {
            self.all.push(text);
            self.all.len() - 1
        })
    }
}

fn pack(findings: &Findings) -> Option<Vec<u8>> {
    let mut texts = Texts::default();
    let reported = findings.reported.iter().map(|f| stored(f, &mut texts)).collect::<Option<_>>()?;
    let accepted = findings.accepted.iter().map(|one| {
        let finding = stored(&one.finding, &mut texts)?;
        Some(StoredSuppressed { finding, reason: &one.reason, owner: &one.owner, until: &one.until })
    });
    let accepted = accepted.collect::<Option<_>>()?;
    postcard::to_allocvec(&Stored { texts: texts.all, reported, accepted }).ok()
}

fn stored<'f>(finding: &'f Finding, texts: &mut Texts<'f>) -> Option<StoredFinding<'f>> {
    let place = rules::place(finding.rule)?;
    let excerpt = &finding.excerpt;
    Some(StoredFinding {
        rule: place,
        severity: finding.severity,
        message: texts.place(&finding.message),
        action: (finding.action != rules::all()[place].action).then(|| texts.place(&finding.action)),
        start: finding.start,
        end: finding.end,
        tier: Tier::parse(finding.tier)?,
        fingerprint: &finding.fingerprint,
        fix: finding.fix.as_deref().cloned(),
        excerpt: (texts.place(&excerpt.text), excerpt.start, excerpt.end),
        label: (!excerpt.label.is_empty()).then(|| texts.place(&excerpt.label)),
    })
}

fn unpack(bytes: &[u8], path: &str, options: &ScanOptions) -> Option<Findings> {
    let stored: Stored<'_> = postcard::from_bytes(bytes).ok()?;
    let file: Arc<str> = path.into();
    let texts = stored.texts;
    let text = |place: usize| texts.get(place).map(|text| (*text).to_owned());
    let finding = |stored: StoredFinding<'_>| {
        let rule = rules::all().get(stored.rule)?;
        let (excerpt, start, end) = stored.excerpt;
        Some(Finding {
            rule: rule.name,
            severity: stored.severity,
            message: text(stored.message)?,
            why: rule.why,
            action: match stored.action {
                Some(action) => Cow::Owned(text(action)?),
                None => Cow::Borrowed(rule.action),
            },
            path: file.clone(),
            start: stored.start,
            end: stored.end,
            tier: stored.tier.name(),
            edition: options.edition.name(),
            sdk_version: options.edition.sdk_version(),
            family: rule.family.name(),
            requirement: rule.family.requirement(),
            fingerprint: stored.fingerprint.to_owned(),
            fix: stored.fix.map(Box::new),
            excerpt: Excerpt {
                text: text(excerpt)?,
                start,
                end,
                label: match stored.label {
                    Some(label) => text(label)?,
                    None => String::new(),
                },
            },
        })
    };
    let accepted = |stored: StoredSuppressed<'_>| {
        Some(Suppressed {
            finding: finding(stored.finding)?,
            by: Acceptance::InSource,
            reason: stored.reason.to_owned(),
            owner: stored.owner.to_owned(),
            until: stored.until.to_owned(),
        })
    };
    Some(Findings {
        reported: stored.reported.into_iter().map(finding).collect::<Option<_>>()?,
        accepted: stored.accepted.into_iter().map(accepted).collect::<Option<_>>()?,
    })
}
