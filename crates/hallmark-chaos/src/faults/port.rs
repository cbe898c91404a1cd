//! The server dies, and another process listens on its port before it is back. The stranger takes connections and says
//! nothing, or hangs up.

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_services::ServiceKind;
use hallmark_services::stack::CauseKind;
use rustix::process::Signal;
use tokio_util::task::AbortOnDropHandle;

use super::{Fault, Scene, Wound, signal, some_process};
use crate::failure::{Failure, Outcome};
use crate::random::Random;

/// How long the port is tried to be had: the supervisor waits half a second before it starts the server again.
const RACE: Duration = Duration::from_secs(3);

pub(super) struct Port;

impl Fault for Port {
    fn name(&self) -> &'static str {
        "port"
    }

    fn about(&self) -> &'static str {
        "the server is killed, and a stranger listens on its port"
    }

    fn weight(&self, service: ServiceKind) -> u32 {
        if service == ServiceKind::Neo4j { 1 } else { 4 }
    }

    fn noticed_within(&self, _service: ServiceKind) -> Duration {
        Duration::from_secs(1)
    }

    fn down_within(&self, _service: ServiceKind) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }

    fn causes(&self) -> &'static [CauseKind] {
        &[CauseKind::PortTaken]
    }

    fn inject<'a>(&'a self, scene: &'a Scene, random: &'a mut Random) -> BoxFuture<'a, Outcome<Wound>> {
        Box::pin(async move {
            let (place, process) = some_process(scene.service, random);
            let (pid, ports) = (scene.stage.pid(process)?, scene.stage.ports(scene.service)?);
            let port = ports[place.min(ports.len() - 1)];
            let silent = random.below(2) == 0;
            let manner = if silent { "says nothing" } else { "hangs up" };
            let mut wound = Wound::new(format!("a stranger holds port {port} of {process} and {manner}"));
            wound.hurt_at = Instant::now();
            signal(pid, Signal::KILL)?;
            let listener = tokio::net::TcpListener::from_std(taken(port).await?)?;
            let task = tokio::spawn(async move {
                let mut held = Vec::new();
                while let Ok((stream, _)) = listener.accept().await {
                    if silent {
                        held.push(stream);
                    }
                }
            });
            wound._task = Some(AbortOnDropHandle::new(task));
            Ok(wound)
        })
    }

    fn heal<'a>(&'a self, _scene: &'a Scene, wound: &'a mut Wound) -> BoxFuture<'a, Outcome> {
        Box::pin(async {
            if let Some(task) = wound._task.take() {
                task.abort();
                let _ = task.await;
            }
            Ok(())
        })
    }
}

async fn taken(port: u16) -> Outcome<TcpListener> {
    let began = Instant::now();
    loop {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => {
                listener.set_nonblocking(true)?;
                return Ok(listener);
            }
            Err(error) if began.elapsed() > RACE => {
                return Err(Failure(format!("port {port} could not be stolen: {error}")));
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
}
