//! Connections are cut in the midst of the load's transactions: in the campaign's own network namespace a rule resets
//! whatever goes to the server's ports, and the kernel destroys the connections that are open.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_services::ServiceKind;
use hallmark_services::stack::{CauseKind, Process};
use tokio::process::Command;

use super::{Fault, Scene, Wound};
use crate::failure::Outcome;
use crate::random::Random;
use crate::stage::{Stage, run};

/// How old the server must be: a connection that breaks sooner breaks because of its start.
const SETTLED: Duration = Duration::from_secs(11);

pub(super) struct Cut;

impl Fault for Cut {
    fn name(&self) -> &'static str {
        "cut"
    }

    fn about(&self) -> &'static str {
        "connections are cut mid-transaction, and new ones are reset"
    }

    fn weight(&self, service: ServiceKind) -> u32 {
        match service {
            ServiceKind::Postgres | ServiceKind::Redis => 8,
            ServiceKind::Neo4j => 15,
            ServiceKind::Chroma => 9,
            ServiceKind::OpenAi => 13,
        }
    }

    fn impossible(&self, stage: &Stage) -> Option<String> {
        stage.no_network.clone()
    }

    fn noticed_within(&self, _service: ServiceKind) -> Duration {
        Duration::from_secs(2)
    }

    fn lasts(&self) -> Duration {
        Duration::from_millis(2_500)
    }

    fn causes(&self) -> &'static [CauseKind] {
        &[CauseKind::Cut]
    }

    fn inject<'a>(&'a self, scene: &'a Scene, _random: &'a mut Random) -> BoxFuture<'a, Outcome<Wound>> {
        Box::pin(async move {
            settle(scene).await;
            let ports = scene.stage.ports(scene.service)?;
            let mut wound = Wound::new(format!("connections to {ports:?} are cut"));
            for port in &ports {
                let rule = ["INPUT", "-p", "tcp", "--dport", &port.to_string(), "-j", "REJECT"];
                let rule = rule.into_iter().chain(["--reject-with", "tcp-reset"]);
                wound.rules.push(rule.map(str::to_owned).collect());
            }
            for rule in &wound.rules {
                run(Command::new("iptables").args(["-w", "-I"]).args(rule)).await?;
            }
            wound.hurt_at = Instant::now();
            for port in &ports {
                let open = format!("( sport = :{port} or dport = :{port} )");
                run(Command::new("ss").args(["-H", "-K", "-t", "state", "connected", &open])).await?;
            }
            Ok(wound)
        })
    }

    fn heal<'a>(&'a self, _scene: &'a Scene, wound: &'a mut Wound) -> BoxFuture<'a, Outcome> {
        Box::pin(async {
            for rule in std::mem::take(&mut wound.rules) {
                run(Command::new("iptables").args(["-w", "-D"]).args(rule)).await?;
            }
            Ok(())
        })
    }
}

async fn settle(scene: &Scene) {
    let records = scene.stage.records();
    let young = |process: &Process| {
        let age = records.get(process).map_or(0, |r| hallmark_services::monitor::age_ms(&r.since));
        SETTLED.saturating_sub(Duration::from_millis(age))
    };
    if let Some(rest) = Process::of(scene.service).iter().map(young).max() {
        tokio::time::sleep(rest).await;
    }
}
