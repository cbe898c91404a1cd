//! A backup is tried: it comes up in a scratch instance, and what is found there is compared with what was taken.

use std::path::Path;

use hallmark_core::{Error, Result};

use super::manifest::{Content, Kept, differences};
use super::scratch::Scratch;
use super::{came_back_other, codes, fault};
use crate::stack::process::Process;
use crate::{ServiceKind, chroma, neo4j, postgres, redis};

/// Brings the unpacked data up in the scratch instance and answers what it holds. The instance still runs afterwards.
pub(super) async fn bring_up(scratch: &mut Scratch, kept: &Kept, unpacked: &Path) -> Result<Content> {
    let endpoints = scratch.endpoints()?;
    let missing = || Error::new(&codes::TEST_FAILED, "a scratch instance has no address");
    let home = scratch.site.home.clone();
    match kept.service {
        ServiceKind::Postgres => {
            let config = endpoints.postgres.ok_or_else(missing)?;
            scratch.prepare(Process::Postgres).await?;
            scratch.start(Process::Postgres)?;
            let major = scratch.answers(Process::Postgres, || postgres::backup::major(&config)).await?;
            let bin = scratch.site.tools.postgres(Some(major))?;
            postgres::backup::load(bin, &config, unpacked, &kept.content).await?;
            Ok(kept.content.clone())
        }
        ServiceKind::Redis => {
            let config = endpoints.redis.ok_or_else(missing)?;
            scratch.prepare(Process::Redis).await?;
            redis::backup::place(unpacked, &home.data(Process::Redis).join("data"))?;
            scratch.start(Process::Redis)?;
            scratch.answers(Process::Redis, || redis::backup::counts(&config)).await?;
            redis::backup::content(&config).await
        }
        ServiceKind::Chroma => {
            let config = endpoints.chroma.ok_or_else(missing)?;
            // The folder itself becomes the server's.
            move_folder(unpacked, &home.data(Process::Chroma))?;
            scratch.start(Process::Chroma)?;
            scratch.answers(Process::Chroma, || chroma::backup::version(&config)).await?;
            chroma::backup::content(&config).await
        }
        ServiceKind::Neo4j => {
            let config = endpoints.neo4j.ok_or_else(missing)?;
            scratch.prepare(Process::Neo4j).await?;
            let data = home.data(Process::Neo4j).join("data");
            for folder in neo4j::backup::FOLDERS {
                move_folder(&unpacked.join(folder), &data.join(folder))?;
            }
            scratch.start(Process::Neo4j)?;
            scratch.answers(Process::Neo4j, || neo4j::backup::version(&config)).await?;
            neo4j::backup::indexes_online(&config).await?;
            neo4j::backup::content(&config).await
        }
        ServiceKind::OpenAi => Ok(Content::new()),
    }
}

/// The same, compared with what the manifest says.
pub(super) async fn rehearse(scratch: &mut Scratch, kept: &Kept, unpacked: &Path) -> Result<()> {
    let found = bring_up(scratch, kept, unpacked).await?;
    // A backup that was never tried may know less than is found, or nothing.
    let tried = kept.content.values().any(|part| part.digest.is_some());
    let known = found.iter().filter(|(name, _)| tried || kept.content.contains_key(*name));
    let known = known.map(|(name, part)| (name.clone(), part.clone())).collect();
    let differences = differences(&kept.content, &known);
    // A backup that was never verified may know less than is found.
    if differences.is_empty() { Ok(()) } else { Err(came_back_other(&differences)) }
}

fn move_folder(from: &Path, to: &Path) -> Result<()> {
    if let Some(parent) = to.parent() {
        crate::stack::home::make_folder(parent, 0o700)?;
    }
    std::fs::rename(from, to).map_err(|e| fault(&to.display().to_string(), &e))
}
