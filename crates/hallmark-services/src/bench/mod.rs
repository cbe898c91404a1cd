//! `bench`: the targets of the requirements, measured on the services of a stack with data of a realistic size.
//!
//! The data are made from their numbers, the same everywhere, under names of the project's own; they stay until they change or
//! are purged, except on a service that others run: there they are removed at the end. Every target stands in one file for each
//! service, in `SUBJECTS`.

mod chroma;
pub mod limits;
mod load;
mod machine;
mod measure;
mod neo4j;
mod openai;
mod postgres;
mod redis;
mod report;
mod scene;
pub(crate) mod statistics;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hallmark_core::{Result, clock};

pub use machine::Machine;
pub use report::{Absent, Data, Figure, Judged, Load, Report, SCHEMA};
pub use scene::PRODUCTS;
pub use statistics::{Interval, Statistic, Verdict};
pub use target::Bound;

use crate::{Endpoints, ServiceKind};
use report::Subtitle;
use scene::Scene;
use target::{Subject, Target};

/// Every service with its data and targets.
static SUBJECTS: [&Subject; 5] =
    [&postgres::SUBJECT, &neo4j::SUBJECT, &chroma::SUBJECT, &redis::SUBJECT, &openai::SUBJECT];

/// What is measured, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// The services.
    pub services: Vec<ServiceKind>,
    /// The services whose data are removed at the end: those that others run.
    pub leave_nothing: Vec<ServiceKind>,
    /// User counts of the load.
    pub users: Vec<usize>,
    /// Products of the data set; [`PRODUCTS`] unless the limits are not what it is about.
    pub products: u32,
    /// How long each measurement takes.
    pub duration: Duration,
    /// The project, in hexadecimal digits: its names on the services.
    pub project: String,
}

/// Loads what is missing, measures every target of the services, and judges.
///
/// A service that cannot be used is in [`Report::not_measured`]. `progress` is told what is under way.
///
/// # Errors
/// `HM-S002` if an address cannot be used, `HM-S023` for a project's identifier that is none.
pub async fn run(
    endpoints: &Endpoints,
    options: &Options,
    progress: &(dyn Fn(&str) + Sync),
) -> Result<Report> {
    let began = Instant::now();
    let scene = Arc::new(Scene::new(endpoints, &options.project, options.products)?);
    let mut report = Report {
        schema: SCHEMA,
        measured_at: String::new(),
        seconds: 0.0,
        confidence: limits::CONFIDENCE,
        duration_s: options.duration.as_secs_f64(),
        machine: Machine::here(),
        fingerprint: scene.fingerprint.clone(),
        data: Vec::new(),
        figures: Vec::new(),
        load: Vec::new(),
        not_measured: Vec::new(),
    };
    let wanted: Vec<&'static Subject> =
        SUBJECTS.into_iter().filter(|subject| options.services.contains(&subject.service)).collect();
    let ready = prepare(&scene, endpoints, &wanted, &mut report, progress).await;
    for subject in &ready {
        alone(&scene, subject, options, &mut report, progress).await;
    }
    together(&scene, &ready, options, &mut report, progress).await;
    for subject in ready.iter().filter(|subject| options.leave_nothing.contains(&subject.service)) {
        progress(&format!("{}: removing the data", subject.service));
        (subject.purge)(&scene).await?;
    }
    report.seconds = began.elapsed().as_secs_f64();
    report.measured_at = clock::now();
    Ok(report)
}

/// Removes everything that measurements of the project left on these services.
///
/// # Errors
/// Those of the services' handles.
pub async fn purge(endpoints: &Endpoints, services: &[ServiceKind], project: &str) -> Result<()> {
    let scene = Scene::new(endpoints, project, PRODUCTS)?;
    for subject in SUBJECTS.into_iter().filter(|subject| services.contains(&subject.service)) {
        if endpoints.has(subject.service) {
            (subject.purge)(&scene).await?;
        }
    }
    Ok(())
}

/// The services whose data are there.
async fn prepare(
    scene: &Scene,
    endpoints: &Endpoints,
    wanted: &[&'static Subject],
    report: &mut Report,
    progress: &(dyn Fn(&str) + Sync),
) -> Vec<&'static Subject> {
    let mut ready = Vec::new();
    for subject in wanted {
        let service = subject.service;
        if !endpoints.has(service) {
            let reason = format!("{} has no address", service.title());
            report.not_measured.push(Absent { service, reason, code: None });
            continue;
        }
        progress(&format!("{service}: {} products, loaded unless they are there (minutes)", scene.products));
        let began = Instant::now();
        match (subject.load)(scene).await {
            Ok(loaded) => {
                let seconds = began.elapsed().as_secs_f64();
                if loaded.items > 0 {
                    report.data.push(Data { service, items: loaded.items, loaded: loaded.made, seconds });
                }
                ready.push(*subject);
            }
            Err(error) => {
                let code = Some(error.code().id);
                report.not_measured.push(Absent { service, reason: error.to_string(), code });
            }
        }
    }
    ready
}

/// Every target of a service by one caller, then its rate.
async fn alone(
    scene: &Arc<Scene>,
    subject: &'static Subject,
    options: &Options,
    report: &mut Report,
    progress: &(dyn Fn(&str) + Sync),
) {
    let service = Some(subject.service);
    for target in subject.targets {
        progress(&format!("{}: {}", target.id, target.what));
        let samples = measure::alone(scene, target, options.duration).await;
        let title = Subtitle { id: target.id, service, what: target.what, users: 1 };
        report.figures.push(Figure::of(&title, &samples, target.bounds));
    }
    let Some(capacity) = &subject.capacity else { return };
    let Some(target) = subject.targets.iter().find(|target| target.id == capacity.target) else { return };
    progress(&format!("{}: {} by {} callers", capacity.id, target.what, capacity.callers));
    let rates = measure::capacity(scene, target, capacity, options.duration).await;
    let title = Subtitle { id: capacity.id, service, what: target.what, users: capacity.callers };
    report.figures.push(Figure::of_rate(&title, &rates, capacity.bound));
}

/// The mix of requests where all its services are there, else each target by so many users.
async fn together(
    scene: &Arc<Scene>,
    ready: &[&'static Subject],
    options: &Options,
    report: &mut Report,
    progress: &(dyn Fn(&str) + Sync),
) {
    let mixed = load::NEEDED.iter().all(|needed| ready.iter().any(|subject| subject.service == *needed));
    for users in options.users.iter().copied() {
        if mixed {
            progress(&format!("load: {users} users, 60/25/10/5 %"));
            mix(scene, ready, options, users, report).await;
            continue;
        }
        for subject in ready {
            for target in subject.targets {
                progress(&format!("{}: {users} users", target.id));
                let samples = measure::together(scene, target, users, options.duration).await;
                let service = Some(subject.service);
                let title = Subtitle { id: target.id, service, what: target.what, users };
                report.figures.push(Figure::of(&title, &samples, target.bounds));
            }
        }
    }
}

async fn mix(
    scene: &Arc<Scene>,
    ready: &[&'static Subject],
    options: &Options,
    users: usize,
    report: &mut Report,
) {
    let targets: BTreeMap<&'static str, &'static Target> =
        ready.iter().flat_map(|subject| subject.targets).map(|target| (target.id, target)).collect();
    // Twice as long as one target: the load is made of several.
    let seen = load::run(scene, &targets, users, options.duration * 2).await;
    report.load.push(Load {
        users,
        offered_per_second: users as f64 * limits::USER_PACE,
        answered_per_second: seen.per_second,
    });
    for request in load::REQUESTS {
        let samples = seen.by_id.get(request.id).cloned().unwrap_or_default();
        let title = Subtitle { id: request.id, service: None, what: request.what, users };
        report.figures.push(Figure::of(&title, &samples, request.bounds));
    }
    for subject in ready {
        for target in subject.targets {
            let Some(samples) = seen.by_id.get(target.id) else { continue };
            let title = Subtitle { id: target.id, service: Some(subject.service), what: target.what, users };
            report.figures.push(Figure::of(&title, samples, target.bounds));
        }
    }
}
