//! The machine: system, memory and how it is promised, open files, load, disk.

use std::path::Path;

use super::scene::Scene;
use super::{Check, Verdict};
use crate::stack::{limits, users};
use crate::{ServiceKind, platform};

/// Memory in MB that must be left once the services run.
const SPARE_MB: u64 = 200;

/// Open files that Redis wants for its 10 000 clients; Neo4j and Java take what is there.
const OPEN_FILES: u64 = 10_032;

/// A load per processor beyond which slowness is no wonder.
const BUSY: f64 = 2.0;

pub(super) fn system(_: &Scene<'_>) -> Vec<Check> {
    let user = platform::user_label();
    let detail = format!("{} {}, {user}", std::env::consts::OS, std::env::consts::ARCH);
    if users::is_root() && users::postgres().is_none() {
        let detail = format!("{detail}: root, and no user postgres for the server yet");
        return vec![Check::new("system", "system", Verdict::Warn, detail).mend("hallmark up --yes")];
    }
    vec![Check::new("system", "system", Verdict::Ok, detail)]
}

pub(super) fn memory(scene: &Scene<'_>) -> Vec<Check> {
    let Ok(mut facts) = sysinfo::System::new() else {
        return vec![Check::new("memory", "memory", Verdict::NotChecked, "this system does not tell")];
    };
    facts.refresh_memory();
    let available = facts.available_memory() / (1024 * 1024);
    let running = scene.records.iter().filter(|record| record.alive().is_some()).count();
    let (needed, why) = if running > 0 {
        (SPARE_MB, format!("{running} processes of the stack have theirs, {SPARE_MB} MB should be left"))
    } else {
        (limits::MEMORY_MB, format!("the five services need about {} MB", limits::MEMORY_MB))
    };
    let detail = format!("{available} MB available, {why}");
    if available >= needed {
        return vec![Check::new("memory", "memory", Verdict::Ok, detail)];
    }
    let mend = if super::surroundings::is_wsl(&scene.release) {
        "set memory=4GB in [wsl2] of %UserProfile%\\.wslconfig, then: wsl --shutdown"
    } else {
        "end other programs, or use fewer services: openai = \"off\" in [stack.providers] of hallmark.toml"
    };
    vec![Check::new("memory", "memory", Verdict::Warn, detail).mend(mend)]
}

/// Redis saves in a child that shares its memory: where the kernel counts that memory twice, saving fails early.
pub(super) fn overcommit(scene: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("memory.overcommit", "memory overcommit");
    if !scene.is_native(ServiceKind::Redis) {
        return vec![Check::new(id, name, Verdict::NotChecked, "no Redis of this project's own needs it")];
    }
    let Some(text) = platform::kernel_says("sys/vm/overcommit_memory") else {
        return vec![Check::new(id, name, Verdict::NotChecked, "this system does not tell")];
    };
    let (verdict, detail) = judge_overcommit(text.trim());
    let check = Check::new(id, name, verdict, detail);
    vec![if verdict == Verdict::Ok { check } else { check.mend("sudo sysctl vm.overcommit_memory=1") }]
}

fn judge_overcommit(value: &str) -> (Verdict, String) {
    match value {
        "1" => (Verdict::Ok, "always: Redis can save at any size".to_owned()),
        "0" => {
            (Verdict::Warn, "guessed by the kernel: Redis may fail to save when memory is short".to_owned())
        }
        "2" => (Verdict::Warn, "never: Redis fails to save when it holds half of the memory".to_owned()),
        other => (Verdict::Warn, format!("unknown setting {other:?}")),
    }
}

pub(super) fn open_files(_: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("open-files", "open files");
    let Some((soft, hard)) = platform::open_files() else {
        return vec![Check::new(id, name, Verdict::NotChecked, "this system sets no limit")];
    };
    let (verdict, detail) = judge_files(soft, hard);
    let check = Check::new(id, name, verdict, detail);
    vec![if verdict == Verdict::Ok { check } else { check.mend("ulimit -Hn 40000; ulimit -Sn 40000") }]
}

/// Servers raise the soft limit to the hard one themselves; no limit at all is `None`.
fn judge_files(soft: Option<u64>, hard: Option<u64>) -> (Verdict, String) {
    let show = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), |n| n.to_string());
    let detail = format!("{} now, {} at most; Redis wants {OPEN_FILES}", show(soft), show(hard));
    (if hard.is_none_or(|n| n >= OPEN_FILES) { Verdict::Ok } else { Verdict::Warn }, detail)
}

pub(super) fn load(_: &Scene<'_>) -> Vec<Check> {
    let text = platform::kernel_says("loadavg").unwrap_or_default();
    let Some(load) = text.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()) else {
        return vec![Check::new("load", "load", Verdict::NotChecked, "this system does not tell")];
    };
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let detail = format!("{load:.1} on {processors} processors");
    if load / processors as f64 >= BUSY {
        return vec![Check::new("load", "load", Verdict::Warn, detail).mend("top -o %CPU")];
    }
    vec![Check::new("load", "load", Verdict::Ok, detail)]
}

/// Downloads and data may lie on two disks.
pub(super) fn disk(scene: &Scene<'_>) -> Vec<Check> {
    let data = scene.home.as_ref().map_or_else(|| scene.stack.project.root(), |home| home.root());
    vec![room("disk.downloads", "disk of downloads", &scene.cache), room("disk.data", "disk of data", data)]
}

fn room(id: &str, name: &str, folder: &Path) -> Check {
    let Some(place) = folder.ancestors().find(|path| path.exists()) else {
        return Check::new(id, name, Verdict::NotChecked, "no folder to look at");
    };
    let room = match platform::disk(place) {
        Ok(room) => room,
        Err(error) => return Check::new(id, name, Verdict::NotChecked, error.to_string()),
    };
    let free = room.free / (1024 * 1024);
    let detail = format!("{free} MB free at {}", place.display());
    if free >= limits::DISK_MB {
        return Check::new(id, name, Verdict::Ok, detail);
    }
    let detail = format!("{detail}; {} MB are wanted", limits::DISK_MB);
    Check::new(id, name, Verdict::Warn, detail).mend(
        platform::here("du -xh --max-depth=1 PLACE | sort -h", "cleanmgr")
            .replace("PLACE", &super::secrets::quoted(place)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_setting_that_redis_asks_for_is_ok() {
        assert_eq!(judge_overcommit("1").0, Verdict::Ok);
        for value in ["0", "2", "", "x"] {
            assert_eq!(judge_overcommit(value).0, Verdict::Warn, "{value}");
        }
    }

    #[test]
    fn the_hard_limit_decides() {
        assert_eq!(judge_files(Some(1_024), Some(1_048_576)).0, Verdict::Ok);
        assert_eq!(judge_files(Some(1_024), None).0, Verdict::Ok);
        let (verdict, detail) = judge_files(Some(1_024), Some(4_096));
        assert_eq!(verdict, Verdict::Warn);
        assert!(detail.contains("4096"), "{detail}");
    }
}
