//! One certification from beginning to end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use hallmark_core::{Error, Project, Result, canonical, digest, fs};
use hallmark_dataflow::DataFlow;
use hallmark_diagnostics::{Finding, Problem};
use hallmark_evidence::{Head, Keys, Log};
use hallmark_services::{Endpoints, Handles};
use hallmark_standards::{Report, ScanOptions};
use hallmark_workflow::Registry;
use serde_json::json;
use tokio::sync::OnceCell;

use crate::certificate::{Certificate, Digests, Draft, FindingRow, Findings, ProjectFacts, ServiceFact};
use crate::channels::Deployment;
use crate::config::CertifyConfig;
use crate::context::{Context, Instrument};
use crate::limits::FINDINGS_LISTED_MAX;
use crate::machine::Commit;
use crate::mask::Masker;
use crate::progress::{Event, Progress};
use crate::scratch::Scratch;
use crate::section::Section;
use crate::{LOG_CERTIFICATE, LOG_EVIDENCE, baseline, exempt, gates, report, seal, tree};

/// The folder of certificates inside the state folder.
pub const FOLDER: &str = "certificates";

/// The name of the signed document.
pub const CERTIFICATE_FILE: &str = "certificate.json";

/// The name of the page.
pub const REPORT_FILE: &str = "report.html";

/// What a certification needs. The binary fills it.
pub struct Input {
    /// The project.
    pub project: Project,
    /// Its section `[certify]`.
    pub config: CertifyConfig,
    /// How its sources are scanned; `root` is the project's.
    pub scan: ScanOptions,
    /// Where the services are.
    pub endpoints: Endpoints,
    /// Handles on them.
    pub handles: Handles,
    /// Every node that the project has, generated ones included.
    pub registry: Arc<Registry>,
    /// The project's models; `None` if it declares none.
    pub dataflow: Option<DataFlow>,
    /// Where the project is served; without one, channels and tools are not measured.
    pub deployment: Option<Deployment>,
    /// The server program that controls may start as a scratch instance; without one, `redis-server` on the path.
    pub redis_server: Option<PathBuf>,
    /// Where the certificate and the report are also written; without one, `.hallmark/certificates/latest`.
    pub output: Option<PathBuf>,
    /// Receives the steps.
    pub progress: Progress,
}

/// What a certification gave: granted or refused, it is written and signed.
#[derive(Debug)]
pub struct Outcome {
    /// The certificate.
    pub certificate: Certificate,
    /// The signed document.
    pub certificate_path: PathBuf,
    /// The page.
    pub report_path: PathBuf,
}

impl Outcome {
    /// The verdict for a terminal, with the next command.
    #[must_use]
    pub fn text(&self, symbols: report::text::Symbols) -> String {
        report::text::verdict(&self.certificate, symbols, Some(&self.report_path))
    }

    /// `Ok` if the certificate is granted.
    ///
    /// # Errors
    /// `HM-Z003` with the first reason.
    pub fn granted(&self) -> Result<()> {
        if self.certificate.deployment_approved {
            return Ok(());
        }
        let reason = self.certificate.refusals.first().cloned().unwrap_or_default();
        Err(Error::new(&crate::codes::REFUSED, reason)
            .next(report::text::next_command(&self.certificate, Some(&self.report_path))))
    }
}

/// Certifies the project: measures every section, plants a defect for every instrument, concludes, signs, writes.
///
/// What cannot be measured is evidence of `not_measured`; it does not end the certification.
///
/// # Errors
/// `HM-Z004` for an incomplete exemption; `HM-E001`, `HM-E002`, `HM-E011`, `HM-E012` if log or key cannot be used; `HM-C010`,
/// `HM-C011` if the result cannot be written: what was measured is then in the log, and the earlier certificate is as it was.
pub async fn certify(input: Input) -> Result<Outcome> {
    let started = Instant::now();
    let state = input.project.state()?;
    let keys = Keys::open(&state)?;
    let mut log = Log::open_in(&state)?;
    let tree = tree::digest_of(input.project.root())?;
    let (output, progress) = (input.output.clone(), input.progress.clone());
    let context = Context::of(input)?;
    let mut work = Work::default();
    let instruments: Vec<&Instrument> = baseline::PARTS.iter().chain(gates::GATES).copied().collect();
    progress(&Event::Planned { titles: instruments.iter().map(|i| i.title).collect() });
    for instrument in instruments {
        work.run(instrument, &context, &progress).await;
    }
    let exemptions = &context.config.exempt;
    work.notes.extend(exempt::apply(&mut work.sections, exemptions, jiff::Zoned::now().date())?);
    work.notes.extend(log.recovered().map(str::to_owned));
    progress(&Event::Writing);
    let configuration =
        std::fs::read(context.project.root().join(hallmark_core::config::FILE_NAME)).unwrap_or_default();
    let mut draft = Draft {
        project: ProjectFacts {
            name: context.project.name(),
            commit: Commit::of(context.project.root()).await,
        },
        sections: work.sections,
        claims: context.config.claims.clone(),
        services: work.services,
        findings: findings(context.scan().await),
        notes: work.notes,
        digests: Digests {
            tree,
            configuration: digest::sha256(&configuration),
            rule_set: rule_set(context.scan().await),
            evidence: String::new(),
            log_first: 0,
            log_head: Head::default(),
        },
        duration: started.elapsed(),
    };
    draft.sections.push(seal::seal(&draft, &keys, &log, &context.scratch));
    keep(&mut draft, &mut log)?;
    conclude(Draft { duration: started.elapsed(), ..draft }, &keys, &mut log, &Places::of(&state, output))
}

/// The findings that a certificate lists: errors first, then by place.
fn findings(report: &Report) -> Findings {
    let mut worst: Vec<&Finding> = report.findings.iter().collect();
    worst.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.path, a.start).cmp(&(&b.path, b.start)))
    });
    let mut by_rule = std::collections::BTreeMap::new();
    for finding in &worst {
        *by_rule.entry(finding.rule.to_owned()).or_insert(0) += 1;
    }
    let row = |f: &&Finding| FindingRow {
        place: format!("{}:{}", f.path, f.start.line),
        rule: f.rule.to_owned(),
        severity: f.severity.name().to_owned(),
        message: f.message.clone(),
    };
    let problem = |p: &Problem| FindingRow {
        place: format!("{}:{}", p.path, p.line.unwrap_or(1)),
        rule: p.code.to_owned(),
        severity: "problem".to_owned(),
        message: p.message.clone(),
    };
    Findings {
        files: report.files,
        count: worst.len(),
        by_rule,
        listed: worst.iter().take(FINDINGS_LISTED_MAX).map(row).collect(),
        problems: report.problems.iter().take(FINDINGS_LISTED_MAX).map(problem).collect(),
    }
}

/// SHA-256 over what decides which rules apply and how: edition, profile, the SDK's version, Hallmark's version, the families.
fn rule_set(report: &Report) -> String {
    let families: Vec<_> = report.families.iter().map(|f| (f.family, f.requirement)).collect();
    let value =
        json!([report.edition, report.profile, report.sdk_version, env!("CARGO_PKG_VERSION"), families]);
    digest::sha256(canonical::to_string(&value).as_bytes())
}

/// What the instruments have given so far.
#[derive(Default)]
struct Work {
    sections: Vec<Section>,
    services: Vec<ServiceFact>,
    notes: Vec<String>,
}

impl Work {
    async fn run(&mut self, instrument: &Instrument, context: &Context, progress: &Progress) {
        let started = Instant::now();
        let (section, title) = (instrument.id, instrument.title);
        progress(&Event::Measuring { section, title });
        let measured = (instrument.measure)(context).await;
        progress(&Event::Controlling { section, title });
        let mut result = Section {
            id: section.to_owned(),
            title: title.to_owned(),
            kind: instrument.kind,
            weight: instrument.weight,
            evidence: measured.evidence,
            controls: (instrument.control)(context).await,
            hard_failures: measured.hard_failures,
        };
        context.masker.section(&mut result);
        let proven = result.count(hallmark_evidence::Verdict::Proven);
        progress(&Event::Measured {
            section,
            title,
            state: result.state(),
            checks: [proven, result.evidence.len()],
            controls: [result.controls.iter().filter(|c| c.caught).count(), result.controls.len()],
            duration_ms: started.elapsed().as_secs_f64() * 1000.0,
        });
        self.sections.push(result);
        self.services.extend(measured.services.into_iter().map(|s| context.masker.service(s)));
    }
}

/// Puts all evidence into the log, and the log's head into the draft.
fn keep(draft: &mut Draft, log: &mut Log) -> Result<()> {
    let evidence = draft.sections.iter().flat_map(|s| &s.evidence);
    let entries = log.append_all(evidence.map(|e| (LOG_EVIDENCE.to_owned(), json!(e))).collect())?;
    if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
        draft.digests.log_first = first.seq;
        draft.digests.log_head = Head { seq: last.seq, hash: last.hash.clone() };
    }
    Ok(())
}

/// Where the result goes: a folder of its own that stays, and one that always shows the last.
struct Places {
    kept: PathBuf,
    shown: PathBuf,
}

impl Places {
    fn of(state: &Path, output: Option<PathBuf>) -> Self {
        let kept = state.join(FOLDER);
        Self { shown: output.unwrap_or_else(|| kept.join("latest")), kept }
    }
}

fn conclude(draft: Draft, keys: &Keys, log: &mut Log, places: &Places) -> Result<Outcome> {
    let mut certificate = Certificate::new(draft)?;
    certificate.sign(keys)?;
    let document = certificate.to_json()?;
    let text = serde_json::to_string_pretty(&document).map_err(|e| {
        Error::new(&hallmark_core::codes::INTERNAL, "the certificate has no JSON form").because(&e)
    })?;
    let page = report::html(&certificate)?;
    let kept = places.kept.join(&certificate.certificate_id);
    for folder in [&kept, &places.shown] {
        fs::write_atomic(
            &folder.join(CERTIFICATE_FILE),
            (text.clone() + "\n").as_bytes(),
            fs::Mode::Default,
        )?;
        fs::write_atomic(&folder.join(REPORT_FILE), page.as_bytes(), fs::Mode::Default)?;
    }
    let body = json!({
        "certificate_id": certificate.certificate_id,
        "digest": digest::sha256(canonical::to_string(&document).as_bytes()),
        "deployment_approved": certificate.deployment_approved,
        "production_readiness_score": certificate.production_readiness_score,
    });
    log.append(LOG_CERTIFICATE, body)?;
    let (certificate_path, report_path) =
        (places.shown.join(CERTIFICATE_FILE), places.shown.join(REPORT_FILE));
    Ok(Outcome { certificate, certificate_path, report_path })
}

impl Context {
    fn of(input: Input) -> Result<Self> {
        let variables = input.endpoints.to_env();
        let masker = Masker::new(
            variables
                .iter()
                .filter(|v| v.sensitive)
                .map(|v| v.value.expose().to_owned())
                .chain(passwords(&input.endpoints)),
        );
        let own = input.config.tests.environment.iter().map(|(name, template)| {
            let value = hallmark_proof::template::fill(template, &input.endpoints);
            Ok((name.clone(), value.map_err(|e| e.at(name.clone()))?.expose().to_owned()))
        });
        let stack = variables.iter().map(|v| Ok((v.name.to_owned(), v.value.expose().to_owned())));
        let environment = stack.chain(own).collect::<Result<Vec<_>>>()?;
        Ok(Self {
            project: input.project,
            config: input.config,
            scan_options: input.scan,
            report: OnceCell::new(),
            environment,
            endpoints: input.endpoints,
            handles: input.handles,
            registry: input.registry,
            dataflow: input.dataflow,
            deployment: input.deployment,
            scratch: Scratch::new()?,
            redis_server: input.redis_server,
            masker,
        })
    }
}

/// The bare passwords: a URL that holds one is masked as a whole, but a message may repeat the password alone.
fn passwords(endpoints: &Endpoints) -> Vec<String> {
    let postgres = endpoints.postgres.as_ref().map(|c| c.password.expose().to_owned());
    let redis = endpoints.redis.as_ref().map(|c| c.password.expose().to_owned());
    postgres.into_iter().chain(redis).collect()
}
