//! The file system under the server's data is filled to its last block.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_services::ServiceKind;
use hallmark_services::stack::{CauseKind, Process};
use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::{Fault, Scene, Wound};
use crate::failure::Outcome;
use crate::random::Random;
use crate::stage::Stage;

/// The file that takes the room; as another system user's log would.
const FILLER: &str = "chaos-filler";

/// The largest piece that is taken at once, and the smallest.
const PIECE: u64 = 64 * 1024 * 1024;
const BLOCK: u64 = 4 * 1024;

pub(super) struct Disk;

impl Fault for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn about(&self) -> &'static str {
        "not one block free on the file system under the server's data"
    }

    fn weight(&self, service: ServiceKind) -> u32 {
        match service {
            ServiceKind::Postgres | ServiceKind::Chroma => 4,
            ServiceKind::Neo4j => 2,
            ServiceKind::Redis => 3,
            ServiceKind::OpenAi => 0,
        }
    }

    fn meaningless(&self, _service: ServiceKind) -> String {
        "the model servers write nothing".to_owned()
    }

    fn impossible(&self, stage: &Stage) -> Option<String> {
        stage.no_disks.clone()
    }

    /// The disk is looked at every two seconds.
    fn noticed_within(&self, _service: ServiceKind) -> Duration {
        Duration::from_secs(4)
    }

    /// So long that the load meets it.
    fn lasts(&self) -> Duration {
        Duration::from_secs(5)
    }

    fn causes(&self) -> &'static [CauseKind] {
        &[CauseKind::DiskFull]
    }

    fn inject<'a>(&'a self, scene: &'a Scene, _random: &'a mut Random) -> BoxFuture<'a, Outcome<Wound>> {
        Box::pin(async move {
            let process = Process::of(scene.service)[0];
            let path = scene.stage.data(process).join(FILLER);
            let mut wound = Wound::new(format!("the disk of {process} is full"));
            wound.path = Some(path.clone());
            wound.hurt_at = Instant::now();
            tokio::task::spawn_blocking(move || fill(&path)).await??;
            Ok(wound)
        })
    }

    fn heal<'a>(&'a self, _scene: &'a Scene, wound: &'a mut Wound) -> BoxFuture<'a, Outcome> {
        Box::pin(async {
            if let Some(path) = &wound.path {
                std::fs::remove_file(path)?;
            }
            Ok(())
        })
    }
}

/// Takes every free block.
fn fill(path: &Path) -> Outcome {
    let file = File::create(path)?;
    let (mut end, mut piece) = (0, PIECE);
    while piece >= BLOCK {
        match fallocate(&file, FallocateFlags::empty(), end, piece) {
            Ok(()) => end += piece,
            // What could be had of the piece was had: ask for the rest in smaller ones.
            Err(Errno::NOSPC) => {
                end = end.max(file.metadata()?.len());
                piece /= 2;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
