//! The fault campaign, `cargo xtask chaos`: a real stack under load is broken on purpose, again and again. Every fault must
//! be noticed in time and named, everything that was acknowledged must be there afterwards, and nothing wrong may be
//! served as fresh.

mod control;
mod failure;
mod faults;
mod lane;
mod ledger;
mod load;
mod options;
mod outer;
mod random;
mod report;
mod schedule;
mod stage;
mod watch;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use control::Control;
use failure::{Failure, Outcome, say};
use futures_util::future::join_all;
use hallmark_services::ServiceKind;
use lane::{Lane, Told};
use options::Options;
use report::Report;
use schedule::Schedule;
use stage::Stage;
use watch::Watch;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match Options::read(&arguments) {
        Ok(Some(options)) if options.list => {
            outer::list();
            Ok(true)
        }
        Ok(Some(options)) => match options.inside.clone() {
            Some(root) => campaign(&root, &options).await,
            None => outer::campaign(&options).await,
        },
        Ok(None) => {
            say(options::HELP);
            return ExitCode::from(2);
        }
        Err(failure) => Err(failure),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Failure(message)) => {
            say(&format!("error: {message}"));
            ExitCode::FAILURE
        }
    }
}

/// The campaign itself, in the namespaces that were made for it.
async fn campaign(root: &Path, options: &Options) -> Outcome<bool> {
    let began = Instant::now();
    let no_network = outer::network().await;
    let mut stage = Stage::open(root, options, no_network).await?;
    stage.mount_disks().await;
    let stage = Arc::new(stage);
    stage.up(None).await?;
    let watch = Watch::begin(&stage);
    let schedule = Schedule::draw(&stage, &options.services, &options.kinds, options.faults, options.seed);
    let planned = schedule.lanes.iter().map(|(_, faults)| faults.len()).sum();
    say(&format!("{planned} faults, seed {}, load {:.1}", options.seed, lane::load()));
    let mut ready = Vec::new();
    for (service, faults) in schedule.lanes {
        ready.push((Lane::begin(&stage, &watch, service, options.seed).await?, faults));
    }
    let running = join_all(ready.into_iter().map(|(lane, faults)| tokio::spawn(lane.run(faults)))).await;
    let mut lanes = Vec::new();
    let mut told: Vec<Told> = Vec::new();
    for ran in running {
        let (lane, of_lane) = ran?;
        lanes.push(lane);
        told.extend(of_lane);
    }
    let failures = at_last(&mut lanes).await;
    let acknowledged: BTreeMap<String, u64> =
        lanes.iter().map(|lane| (lane.scene.service.name().to_owned(), lane.load.acknowledged())).collect();
    let control = Control::of(lanes.iter_mut().find(|lane| lane.scene.service == ServiceKind::Redis)).await;
    for lane in &mut lanes {
        lane.load.end().await;
    }
    let loads = told.iter().map(|told| told.load);
    let load = loads.fold((f64::INFINITY, 0.0_f64), |(least, most), load| (least.min(load), most.max(load)));
    let report = Report {
        options,
        planned,
        told,
        not_tried: &schedule.not_tried,
        control,
        acknowledged,
        failures,
        seconds: began.elapsed().as_secs(),
        load,
    };
    report.tell()?;
    Ok(report.holds())
}

/// Everything once more, when nothing hurts any longer.
async fn at_last(lanes: &mut [Lane]) -> Vec<String> {
    let mut failures = Vec::new();
    for lane in lanes {
        let service = lane.scene.service;
        match lane.load.verify().await {
            Ok(found) => {
                failures
                    .extend(found.iter().take(5).map(|violation| format!("{service}, at last: {violation}")));
            }
            Err(Failure(reason)) => failures.push(format!("{service}, at last: {reason}")),
        }
    }
    failures
}
