//! Around the campaign: the project is made and installed with the machine's network, then the campaign runs in a network
//! and a mount namespace of its own, and at last everything is taken away.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;

use hallmark_services::ServiceKind;
use tokio::process::Command;

use crate::failure::{Failure, Outcome, say};
use crate::faults;
use crate::options::Options;
use crate::stage::{self, hallmark, run};

/// The variable by which the inner part knows that it runs in namespaces of its own.
const ALONE: &str = "CHAOS_NAMESPACES";

/// Prints the kinds of fault.
pub(crate) fn list() {
    for fault in faults::ALL {
        let services = ServiceKind::ALL.into_iter().filter(|service| fault.weight(*service) > 0);
        let names: Vec<&str> = services.map(ServiceKind::name).collect();
        say(&format!("{:<9}{}\n         {}", fault.name(), fault.about(), names.join(", ")));
    }
}

/// Makes the project, runs the campaign, and takes the project away.
pub(crate) async fn campaign(options: &Options) -> Outcome<bool> {
    let root = std::env::temp_dir().join(format!("hallmark-chaos-{}", hallmark_core::random::token(6)?));
    stage::make(&root)?;
    say(&format!("project {}, seed {}", root.display(), options.seed));
    let held = within(&root, options).await;
    if options.keep {
        say(&format!("kept: {}", root.display()));
        return held;
    }
    let down = run(&mut hallmark(&options.binary, &root, &["down", "--purge"])).await;
    let removed = std::fs::remove_dir_all(&root);
    let held = held?;
    down?;
    removed?;
    Ok(held)
}

async fn within(root: &Path, options: &Options) -> Outcome<bool> {
    // What is missing is installed now: the campaign's own network leads nowhere.
    run(&mut hallmark(&options.binary, root, &["up", "--yes"])).await?;
    run(&mut hallmark(&options.binary, root, &["down"])).await?;
    let program = std::env::current_exe()?;
    let mut command = if can_unshare().await {
        let mut command = Command::new("unshare");
        command.args(["--net", "--mount", "--"]).arg(&program).env(ALONE, "1");
        command
    } else {
        Command::new(&program)
    };
    let status = command.args(options.inner(root)).stdin(Stdio::null()).status().await?;
    match status.code() {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => Err(Failure(format!("the campaign ended with {status}"))),
    }
}

async fn can_unshare() -> bool {
    let arguments = ["--net", "--mount", "--", "true"].map(OsStr::new);
    stage::program("unshare", &arguments).await.is_ok()
}

/// Brings the own network's loopback up; why nothing can be cut, if that is so.
pub(crate) async fn network() -> Option<String> {
    if std::env::var_os(ALONE).is_none() {
        return Some("no network namespace may be made here (it needs root)".to_owned());
    }
    let steps: [(&str, &[&str]); 3] = [
        ("ip", &["link", "set", "lo", "up"]),
        ("ss", &["-H", "-t", "state", "connected"]),
        ("iptables", &["-w", "-L", "INPUT", "-n"]),
    ];
    for (name, arguments) in steps {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        if let Err(Failure(reason)) = stage::program(name, &arguments).await {
            return Some(reason);
        }
    }
    None
}
