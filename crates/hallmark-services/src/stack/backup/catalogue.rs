//! The folder of backups: which there are, and which may go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::config::BackupConfig;
use super::manifest::{FILE, Manifest};
use super::{codes, fault, limits};
use crate::ServiceKind;

/// How the folder of a backup is called that is not complete yet.
pub(super) const PARTIAL: &str = ".partial-";

/// A backup in its folder.
#[derive(Clone, Debug)]
pub struct Backup {
    /// Its folder.
    pub folder: PathBuf,
    /// What it says of itself.
    pub manifest: Manifest,
}

/// The backups in the folder, oldest first; a folder whose manifest cannot be read is left out.
pub(super) fn list(folder: &Path) -> Vec<Backup> {
    let mut all: Vec<Backup> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .filter(|entry| entry.path().join(FILE).is_file())
        .filter_map(|entry| {
            Some(Backup { manifest: Manifest::load(&entry.path()).ok()?, folder: entry.path() })
        })
        .collect();
    all.sort_by(|a, b| (&a.manifest.taken_at, &a.manifest.id).cmp(&(&b.manifest.taken_at, &b.manifest.id)));
    all
}

/// The backup of this name in the folder, or at this path; the newest verified one without a name. Copies of what a restore
/// or a reset replaced come back by their names alone: the newest is what somebody just got rid of.
pub(super) fn find(folder: &Path, project: &str, name: Option<&str>) -> Result<Backup> {
    let missing = |what: String| {
        Error::new(&codes::NO_BACKUP, what).at(folder.display().to_string()).next("hallmark backup --list")
    };
    let Some(name) = name else {
        let mut ours = list(folder).into_iter().filter(|backup| backup.manifest.project == project);
        return ours
            .rfind(|backup| backup.manifest.verified.is_some() && backup.manifest.reason.is_ordinary())
            .ok_or_else(|| missing("there is no verified backup of this project".to_owned()));
    };
    let inside = folder.join(name);
    let is_name = !name.contains('/') && !name.starts_with('.');
    let path = if is_name && inside.join(FILE).is_file() { inside } else { PathBuf::from(name) };
    if !path.join(FILE).is_file() {
        return Err(missing(format!("there is no backup {name}")));
    }
    Ok(Backup { manifest: Manifest::load(&path)?, folder: path })
}

/// Removes the folders of backups that were killed. The caller holds the lock.
pub(super) fn sweep(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PARTIAL) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// Removes what the configuration no longer keeps; called only after a new verified backup. Only verified backups of
/// this project count and only they go. Answers the names of those that went.
pub(super) fn prune(folder: &Path, project: &str, config: &BackupConfig) -> Result<Vec<String>> {
    if !config.prunes() {
        return Ok(Vec::new());
    }
    let ours: Vec<Backup> = list(folder)
        .into_iter()
        .filter(|backup| backup.manifest.project == project && backup.manifest.verified.is_some())
        .collect();
    let manifests: Vec<&Manifest> = ours.iter().map(|backup| &backup.manifest).collect();
    let kept = needed(&manifests, config);
    let mut removed = Vec::new();
    for backup in ours.iter().enumerate().filter(|(index, _)| !kept.contains(index)).map(|(_, b)| b) {
        // Its name goes first: a removal that is killed leaves no half backup behind.
        let aside = folder.join(format!("{PARTIAL}{}", backup.manifest.id));
        std::fs::rename(&backup.folder, &aside)
            .and_then(|()| std::fs::remove_dir_all(&aside))
            .map_err(|e| fault(&backup.folder.display().to_string(), &e))?;
        removed.push(backup.manifest.id.clone());
    }
    Ok(removed)
}

/// Which of these, oldest first, stay: for each service what the numbers keep of those that hold it, and the copies that a
/// restore or a reset made of what it replaced apart from the others.
fn needed(all: &[&Manifest], config: &BackupConfig) -> BTreeSet<usize> {
    let mut stay = BTreeSet::new();
    for service in ServiceKind::ALL {
        for ordinary in [true, false] {
            let holds = |manifest: &Manifest| {
                manifest.reason.is_ordinary() == ordinary
                    && manifest.kept(service).is_some_and(|kept| kept.packed.is_some())
            };
            let own: Vec<usize> = all
                .iter()
                .enumerate()
                .filter(|(_, manifest)| holds(manifest))
                .map(|(index, _)| index)
                .collect();
            let of = |index: &usize| all.get(*index).map_or("", |manifest| manifest.taken_at.as_str());
            let times: Vec<&str> = own.iter().map(of).collect();
            stay.extend(kept(&times, config).iter().filter_map(|place| own.get(*place)));
        }
    }
    stay
}

/// Which of these times, oldest first, stay: the newest ones, and the newest one of each of the last days and weeks that
/// have one.
fn kept(times: &[&str], config: &BackupConfig) -> BTreeSet<usize> {
    let number = |configured: Option<u32>, usual: u32| {
        usize::try_from(configured.unwrap_or(usual)).unwrap_or(usize::MAX)
    };
    let newest_first: Vec<usize> = (0..times.len()).rev().collect();
    let mut kept: BTreeSet<usize> =
        newest_first.iter().copied().take(number(config.keep_last, limits::KEEP_LAST).max(1)).collect();
    let date = |index: usize| {
        let time: Option<Timestamp> = times.get(index).and_then(|text| text.parse().ok());
        time.map(|time| time.to_zoned(TimeZone::UTC).date())
    };
    let day = |index: usize| date(index).map(|date| date.to_string());
    let week = |index: usize| {
        date(index).map(|date| {
            let week = date.iso_week_date();
            format!("{}-{}", week.year(), week.week())
        })
    };
    for (period, limit) in [
        (&day as &dyn Fn(usize) -> Option<String>, number(config.keep_daily, limits::KEEP_DAILY)),
        (&week, number(config.keep_weekly, limits::KEEP_WEEKLY)),
    ] {
        let mut seen = BTreeSet::new();
        for index in &newest_first {
            match period(*index) {
                // A time that cannot be read is no reason to remove anything.
                None => drop(kept.insert(*index)),
                Some(name) if seen.len() < limit && seen.insert(name.clone()) => drop(kept.insert(*index)),
                Some(_) => {}
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::backup::manifest::{How, Kept, PackedFile, Reason, Verified};

    fn manifest(number: u32, reason: Reason, services: &[ServiceKind]) -> Manifest {
        let mut manifest = Manifest::new(number.to_string(), "p".to_owned(), reason, false);
        manifest.taken_at = format!("2026-11-26T0{number}:00:00.000Z");
        let packed = || Some(PackedFile { file: "f".to_owned(), bytes: 1, sha256: String::new() });
        let kept = |service| Kept { packed: packed(), ..Kept::without_data(service, How::Dump, "") };
        manifest.services = services.iter().copied().map(kept).collect();
        manifest.verified = Some(Verified { at: String::new(), duration_ms: 1 });
        manifest
    }

    fn config(last: u32, daily: u32, weekly: u32) -> BackupConfig {
        let (keep_last, keep_daily, keep_weekly) = (Some(last), Some(daily), Some(weekly));
        BackupConfig { keep_last, keep_daily, keep_weekly, ..BackupConfig::default() }
    }

    #[test]
    fn the_newest_stay_and_one_for_each_day_and_week() {
        let times = [
            "2026-11-09T10:00:00.000Z", // 0: the week before the last
            "2026-11-16T10:00:00.000Z", // 1: last week, Monday
            "2026-11-22T10:00:00.000Z", // 2: last week, Sunday
            "2026-11-24T08:00:00.000Z", // 3: two days ago, morning
            "2026-11-24T20:00:00.000Z", // 4: two days ago, evening
            "2026-11-26T08:00:00.000Z", // 5
            "2026-11-26T09:00:00.000Z", // 6
        ];
        let stay = |last, daily, weekly| -> Vec<usize> {
            kept(&times, &config(last, daily, weekly)).into_iter().collect()
        };
        assert_eq!(stay(2, 0, 0), [5, 6]);
        assert_eq!(stay(1, 2, 0), [4, 6]);
        assert_eq!(stay(1, 0, 3), [0, 2, 6]);
        assert_eq!(stay(1, 3, 2), [2, 4, 6]);
        assert_eq!(stay(0, 0, 0), [6], "the newest always stays");
        assert_eq!(stay(100, 0, 0).len(), 7);
    }

    #[test]
    fn what_stays_is_counted_for_each_service_and_copies_of_a_restore_apart() {
        use ServiceKind::{Postgres, Redis};
        let stay = |all: &[Manifest]| -> Vec<usize> {
            needed(&all.iter().collect::<Vec<_>>(), &config(1, 0, 0)).into_iter().collect()
        };
        let both = manifest(1, Reason::Asked, &[Postgres, Redis]);
        let redis = |number| manifest(number, Reason::Scheduled, &[Redis]);
        assert_eq!(stay(&[both.clone(), redis(2)]), [0, 1], "the only one of PostgreSQL stays");
        assert_eq!(stay(&[both.clone(), redis(2), redis(3)]), [0, 2]);
        assert_eq!(stay(&[both.clone(), manifest(2, Reason::Asked, &[Postgres, Redis])]), [1]);
        let safety = |number| manifest(number, Reason::BeforeRestore, &[Postgres, Redis]);
        assert_eq!(stay(&[both, safety(2), safety(3)]), [0, 2], "a copy pushes out copies alone");
    }

    #[test]
    fn without_a_name_no_copy_of_what_was_replaced_comes_back() {
        let folder = std::env::temp_dir().join(format!("hallmark-list-{}", uuid::Uuid::new_v4().simple()));
        let save = |number, reason| {
            let manifest = manifest(number, reason, &[ServiceKind::Redis]);
            std::fs::create_dir_all(folder.join(&manifest.id)).unwrap();
            manifest.save(&folder.join(&manifest.id)).unwrap();
        };
        save(2, Reason::BeforeRestore);
        save(3, Reason::BeforeReset);
        assert!(find(&folder, "p", None).unwrap_err().is(&codes::NO_BACKUP));
        save(1, Reason::Asked);
        assert_eq!(find(&folder, "p", None).unwrap().manifest.id, "1");
        assert_eq!(find(&folder, "p", Some("2")).unwrap().manifest.id, "2");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_time_that_cannot_be_read_keeps_its_backup() {
        assert_eq!(kept(&["nonsense", "2026-11-26T09:00:00.000Z"], &config(1, 1, 0)).len(), 2);
    }
}
