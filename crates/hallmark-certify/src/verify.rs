//! Checking a certificate offline: its signature, its arithmetic, its log, its age, its tree.

use std::path::Path;

use hallmark_core::{Error, Project, Result};
use hallmark_evidence::{Keys, Log, Verdict};
use serde::Serialize;
use serde_json::Value;

use crate::certificate::Certificate;
use crate::limits::CERTIFICATE_BYTES_MAX;
use crate::{codes, tree};

/// What was checked of a certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// The certificate, as far as it could be read.
    pub certificate: Certificate,
    /// Each check with its verdict: `proven`, `failed`, or `not_measured` with what it would take.
    pub checks: Vec<Check>,
}

/// One check of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `signature`, `conclusions`, `expiry`, `log`, `tree`, `key`.
    pub name: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was found, a sentence.
    pub detail: String,
}

impl Verification {
    /// Whether nothing failed. What was not measured is listed, and is no failure.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.checks.iter().all(|c| c.verdict != Verdict::Failed)
    }

    /// Whether it holds and says that the project may be deployed.
    #[must_use]
    pub fn approves(&self) -> bool {
        self.holds() && self.certificate.deployment_approved
    }

    /// The same as a result.
    ///
    /// # Errors
    /// `HM-Z002` with the first check that failed.
    pub fn into_result(self) -> Result<Self> {
        match self.checks.iter().find(|c| c.verdict == Verdict::Failed) {
            None => Ok(self),
            Some(check) => {
                Err(Error::new(&codes::CERTIFICATE_INVALID, check.detail.clone()).at(check.name.clone()))
            }
        }
    }
}

/// Checks the certificate in this file. With the project at hand, also its key, its log and its tree.
///
/// # Errors
/// `HM-C012`, `HM-C020` or `HM-Z001` if the file is no certificate; a check that fails is an answer, not an error.
pub fn verify_certificate(path: &Path, project: Option<&Project>) -> Result<Verification> {
    let length = std::fs::metadata(path).map_or(0, |m| m.len());
    if length > CERTIFICATE_BYTES_MAX {
        return Err(Error::new(&codes::NOT_A_CERTIFICATE, format!("{length} bytes are too many"))
            .at(path.display().to_string()));
    }
    let text = hallmark_core::fs::read_text(path)?;
    let value: Value = serde_json::from_str(&text).map_err(|e| {
        Error::new(&hallmark_core::codes::JSON_INPUT, "the certificate is not JSON")
            .because(&e)
            .at(path.display().to_string())
    })?;
    verify_value(&value, project, jiff::Timestamp::now())
}

/// As [`verify_certificate`] for a document that is already read, as of this moment.
///
/// # Errors
/// `HM-Z001` if it is no certificate.
pub fn verify_value(value: &Value, project: Option<&Project>, now: jiff::Timestamp) -> Result<Verification> {
    let certificate = Certificate::parse(value)?;
    let mut checks =
        vec![signature(&certificate, value), conclusions(&certificate), expiry(&certificate, now)];
    match project {
        Some(project) => checks.extend([
            key(&certificate, project),
            log(&certificate, project),
            tree(&certificate, project),
        ]),
        None => checks
            .extend(["key", "log", "tree"].map(|name| {
                check(name, Verdict::NotMeasured, "the project is not at hand: name its folder")
            })),
    }
    Ok(Verification { certificate, checks })
}

fn check(name: &str, verdict: Verdict, detail: impl Into<String>) -> Check {
    Check { name: name.to_owned(), verdict, detail: detail.into() }
}

/// Over the document as it was read, not as it was understood: an unknown member is covered too.
fn signature(certificate: &Certificate, value: &Value) -> Check {
    let Some(signature) = &certificate.signature else {
        return check("signature", Verdict::Failed, "the certificate is not signed");
    };
    let mut content = value.clone();
    if let Some(members) = content.as_object_mut() {
        members.remove("signature");
    }
    match signature.verify(&content) {
        Ok(()) => check("signature", Verdict::Proven, format!("signed by key {}", signature.key_id)),
        Err(error) => check("signature", Verdict::Failed, error.message()),
    }
}

fn conclusions(certificate: &Certificate) -> Check {
    match certificate.contradictions().first() {
        None => check("conclusions", Verdict::Proven, "score, level and approvals follow from the evidence"),
        Some(what) => check("conclusions", Verdict::Failed, what.clone()),
    }
}

fn expiry(certificate: &Certificate, now: jiff::Timestamp) -> Check {
    let dates = (certificate.certification_date.parse(), certificate.next_review_date.parse());
    let (Ok(from), Ok(until)) =
        (dates.0 as Result<jiff::Timestamp, _>, dates.1 as Result<jiff::Timestamp, _>)
    else {
        return check("expiry", Verdict::Failed, "its dates are no dates");
    };
    let until_text = &certificate.next_review_date;
    if now >= until {
        check("expiry", Verdict::Failed, format!("it expired at {until_text}: certify again"))
    } else if now < from {
        check(
            "expiry",
            Verdict::Failed,
            format!("it is dated {}, which is yet to come", certificate.certification_date),
        )
    } else {
        check("expiry", Verdict::Proven, format!("valid until {until_text}"))
    }
}

fn key(certificate: &Certificate, project: &Project) -> Check {
    let state = project.state_path();
    if !state.join("keys").is_dir() {
        return check(
            "key",
            Verdict::NotMeasured,
            "the project keeps no key: compare the key's name with the one you know",
        );
    }
    match (Keys::open(&state), &certificate.signature) {
        (Ok(keys), Some(signature)) if keys.public_key() == signature.public_key => {
            check("key", Verdict::Proven, format!("the project's own key {}", signature.key_id))
        }
        (Ok(keys), Some(_)) => check(
            "key",
            Verdict::Failed,
            format!("signed by another key than the project's own, {}", keys.key_id()),
        ),
        (Err(error), _) => check("key", Verdict::NotMeasured, error.to_string()),
        (_, None) => check("key", Verdict::Failed, "the certificate is not signed"),
    }
}

fn log(certificate: &Certificate, project: &Project) -> Check {
    let path = project.state_path().join(hallmark_evidence::log::FILE_NAME);
    if !path.is_file() {
        return check("log", Verdict::NotMeasured, "the project keeps no evidence log");
    }
    let verification = match Log::verify_from(&path, &certificate.digests.log_head) {
        Ok(verification) => verification,
        Err(error) => return check("log", Verdict::NotMeasured, error.to_string()),
    };
    if let Some(defect) = verification.defect {
        return check("log", Verdict::Failed, format!("{}:{}: {}", path.display(), defect.line, defect.what));
    }
    match logged(certificate, &path) {
        Ok(count) => {
            check("log", Verdict::Proven, format!("the chain holds, and has all {count} pieces of evidence"))
        }
        Err(what) => check("log", Verdict::Failed, what),
    }
}

/// Every piece of evidence in the certificate is the one that the log kept when it was measured.
fn logged(certificate: &Certificate, path: &Path) -> Result<usize, String> {
    let entries = Log::read(path).map_err(|e| e.to_string())?;
    let range = certificate.digests.log_first..=certificate.digests.log_head.seq;
    let mut kept: Vec<hallmark_evidence::Evidence> = Vec::new();
    for entry in entries.into_iter().filter(|e| range.contains(&e.seq) && e.kind == crate::LOG_EVIDENCE) {
        kept.push(
            serde_json::from_value(entry.body)
                .map_err(|_| format!("entry {} holds no evidence", entry.seq))?,
        );
    }
    let prints: std::collections::BTreeSet<String> =
        kept.iter().map(hallmark_evidence::Evidence::fingerprint).collect();
    let missing = certificate.evidence().find(|e| !prints.contains(&e.fingerprint()));
    match missing {
        Some(evidence) => Err(format!(
            "the log does not hold the evidence of {} as the certificate shows it",
            evidence.check
        )),
        None => Ok(prints.len()),
    }
}

fn tree(certificate: &Certificate, project: &Project) -> Check {
    match tree::digest_of(project.root()) {
        Ok(found) if found.digest == certificate.digests.tree.digest => {
            check("tree", Verdict::Proven, format!("the certified tree, {} files", found.files))
        }
        Ok(found) => {
            let (was, is) = (certificate.digests.tree.files, found.files);
            check(
                "tree",
                Verdict::Failed,
                format!(
                    "the tree has changed since it was certified ({was} files then, {is} now): certify again"
                ),
            )
        }
        Err(error) => check("tree", Verdict::NotMeasured, error.to_string()),
    }
}
