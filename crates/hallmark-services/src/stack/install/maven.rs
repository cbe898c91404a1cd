//! Neo4j with APOC and the open Graph Data Science library: jars of Maven Central, each checked against its checksum.

use std::collections::BTreeMap;
use std::path::Path;

use hallmark_core::{Error, Result, digest, fs};
use tokio::process::Command;

use super::{Cache, Item, Registry, Tools, checksum};
use crate::ServiceKind;
use crate::stack::home::make_folder;
use crate::stack::{exec, limits, process};

const POM: &str = include_str!("../../../assets/neo4j-pom.xml");
const CHECKSUMS: &str = include_str!("../../../assets/neo4j-jars.sha256");
const PLUGIN_GROUPS: &str = "org.neo4j.gds,org.neo4j.procedure";

/// The name of the entry: another list of jars is another entry.
pub(super) fn key() -> String {
    format!("neo4j-5.26.30-{}", &digest::sha256(CHECKSUMS.as_bytes())[..12])
}

pub(super) fn item() -> Item {
    Item {
        services: vec![ServiceKind::Neo4j],
        name: "Neo4j 5.26.30, APOC 5.26.19, Graph Data Science 2.13.9".to_owned(),
        registry: Registry::Maven,
        download_mb: 145,
        licence: "GPL-3.0 (Neo4j, Graph Data Science), Apache-2.0 (APOC)",
        target: "the cache".to_owned(),
        packages: Vec::new(),
    }
}

pub(super) async fn install(cache: &Cache, tools: &Tools) -> Result<()> {
    let key = key();
    let _lock = cache.lock(&key).await?;
    if cache.find(&key).is_some() {
        return Ok(());
    }
    let maven = tools.maven.as_deref().ok_or_else(|| process::not_installed("Maven"))?;
    let work = cache.workspace(&key)?;
    let done = fill(maven, &work).await.and_then(|()| cache.place(&work.join("neo4j"), &key));
    // The local repository goes with the workspace: the jars in the entry are all that is kept.
    let _ = std::fs::remove_dir_all(&work);
    done
}

async fn fill(maven: &Path, work: &Path) -> Result<()> {
    let pom = work.join("pom.xml");
    fs::write_atomic(&pom, POM.as_bytes(), fs::Mode::Default)?;
    let (lib, plugins) = (work.join("neo4j/lib"), work.join("neo4j/plugins"));
    make_folder(&lib, 0o755)?;
    make_folder(&plugins, 0o755)?;
    copy_dependencies(maven, work, &lib, &[]).await?;
    copy_dependencies(maven, work, &plugins, &["-o", &format!("-DincludeGroupIds={PLUGIN_GROUPS}")]).await?;
    for plugin in names(&plugins)? {
        let _ = std::fs::remove_file(lib.join(plugin));
    }
    verify(&work.join("neo4j"))
}

async fn copy_dependencies(maven: &Path, work: &Path, target: &Path, more: &[&str]) -> Result<()> {
    let mut command = Command::new(maven);
    command
        .args(["-B", "-q"])
        .args(more)
        .arg("-f")
        .arg(work.join("pom.xml"))
        .arg(format!("-Dmaven.repo.local={}", work.join("repository").display()))
        .arg("dependency:copy-dependencies")
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", target.display()))
        .current_dir(work);
    exec::run(&mut command, limits::INSTALL_TIMEOUT).await.map(drop)
}

/// Each pinned jar must be there with its checksum, and no other: all of them go on the class path.
fn verify(folder: &Path) -> Result<()> {
    let mut pinned: BTreeMap<&str, &str> = CHECKSUMS
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(digest, name)| (name, digest))
        .collect();
    for part in ["lib", "plugins"] {
        for name in names(&folder.join(part))? {
            let name = format!("{part}/{name}");
            let path = folder.join(&name);
            let bytes = std::fs::read(&path).map_err(|e| {
                Error::new(&hallmark_core::codes::READ_FAILED, format!("could not read {}", path.display()))
                    .because(&e)
            })?;
            match pinned.remove(name.as_str()) {
                Some(expected) if digest::sha256(&bytes) == expected => {}
                _ => return Err(checksum(&name)),
            }
        }
    }
    match pinned.keys().next() {
        Some(absent) => Err(checksum(absent)),
        None => Ok(()),
    }
}

fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder).map_err(|e| {
        Error::new(&hallmark_core::codes::READ_FAILED, format!("could not read {}", folder.display()))
            .because(&e)
    })?;
    Ok(entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pins_name_every_jar_once() {
        let names: std::collections::BTreeSet<_> =
            CHECKSUMS.lines().filter_map(|l| l.split_once("  ")).collect();
        assert_eq!(names.len(), 350);
        assert!(names.iter().all(|(digest, _)| digest.len() == 64));
    }

    #[test]
    fn a_changed_jar_is_refused() {
        let folder =
            std::env::temp_dir().join(format!("hallmark-jars-{}", hallmark_core::random::token(8).unwrap()));
        let (_, name) = CHECKSUMS.lines().next().unwrap().split_once("  ").unwrap();
        fs::write_atomic(&folder.join(name), b"changed", fs::Mode::Default).unwrap();
        make_folder(&folder.join("plugins"), 0o755).unwrap();
        let error = verify(&folder).unwrap_err();
        assert!(error.message().contains(name), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
