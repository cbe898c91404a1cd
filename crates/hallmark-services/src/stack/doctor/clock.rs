//! Clocks: this machine's, the file system's, PostgreSQL's.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::scene::Scene;
use super::{Check, Verdict};
use crate::{Postgres, PostgresConfig, platform};

const MEND: &str = platform::here("sudo timedatectl set-ntp true", "w32tm /resync");

/// Milliseconds by which two clocks of one machine may differ; the file system's ticks are coarse.
const NEAR_MS: f64 = 2_000.0;

/// Milliseconds beyond which times in data contradict each other.
const FAR_MS: f64 = 300_000.0;

/// How long PostgreSQL may take to say what time it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Certificates carry dates: a clock that was never set would make them worthless.
pub(super) fn year(_: &Scene<'_>) -> Vec<Check> {
    let now = jiff::Timestamp::now();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    let verdict = if (2026..2100).contains(&year) { Verdict::Ok } else { Verdict::Fail };
    let check = Check::new("clock", "clock", verdict, format!("it says {now:.0}"));
    vec![if verdict == Verdict::Ok { check } else { check.mend(MEND) }]
}

/// A network file system and a virtual machine that slept have clocks of their own.
pub(super) fn file_system(scene: &Scene<'_>) -> Vec<Check> {
    let folder = scene.home.as_ref().map(|home| home.run()).filter(|run| run.is_dir());
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    let name = "clock of files";
    vec![match file_offset(&folder) {
        Ok(offset) => compared("clock.files", name, offset),
        Err(error) => {
            let detail = format!("no file could be written in {}: {error}", folder.display());
            Check::new("clock.files", name, Verdict::NotChecked, detail).mend(format!(
                "{} {}",
                platform::here("ls -ld", "icacls"),
                super::secrets::quoted(&folder)
            ))
        }
    }]
}

fn file_offset(folder: &Path) -> std::io::Result<f64> {
    let token = hallmark_core::random::token(8).map_err(|e| std::io::Error::other(e.message().to_owned()))?;
    let path = folder.join(format!(".hallmark-clock-{token}"));
    let begin = SystemTime::now();
    std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    let written = std::fs::metadata(&path).and_then(|facts| facts.modified());
    let _ = std::fs::remove_file(&path);
    Ok(millis(written?) - millis(begin))
}

fn millis(time: SystemTime) -> f64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(age) => age.as_secs_f64() * 1_000.0,
        Err(before) => before.duration().as_secs_f64() * -1_000.0,
    }
}

pub(super) fn postgres(scene: &Scene<'_>) -> Vec<Check> {
    let name = "clock of PostgreSQL";
    vec![match &scene.postgres_clock {
        Ok(offset) => compared("clock.postgres", name, *offset),
        Err(why) => Check::new("clock.postgres", name, Verdict::NotChecked, why.clone()),
    }]
}

fn compared(id: &str, name: &str, offset_ms: f64) -> Check {
    let (verdict, detail) = judge(offset_ms);
    let check = Check::new(id, name, verdict, detail);
    if verdict == Verdict::Ok { check } else { check.mend(MEND) }
}

fn judge(offset_ms: f64) -> (Verdict, String) {
    let way = if offset_ms < 0.0 { "behind" } else { "ahead of" };
    let size = offset_ms.abs();
    let verdict = match size {
        size if size <= NEAR_MS => Verdict::Ok,
        size if size <= FAR_MS => Verdict::Warn,
        _ => Verdict::Fail,
    };
    let detail = match verdict {
        Verdict::Ok => format!("within {:.0} s of ours", NEAR_MS / 1_000.0),
        _ => format!("{:.1} s {way} ours", size / 1_000.0),
    };
    (verdict, detail)
}

/// PostgreSQL's clock less ours in milliseconds; the answer is taken as given in the middle of the round trip.
pub(super) async fn ask_postgres(config: &PostgresConfig) -> Result<f64, String> {
    let ask = async {
        let client = Postgres::new(config).map_err(|e| text(&e))?.client().await.map_err(|e| text(&e))?;
        let begin = millis(SystemTime::now());
        let row = client
            .query_one("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8", &[])
            .await
            .map_err(|e| e.to_string())?;
        let end = millis(SystemTime::now());
        let theirs: f64 = row.try_get(0).map_err(|e| e.to_string())?;
        Ok(theirs - f64::midpoint(begin, end))
    };
    tokio::time::timeout(PATIENCE, ask)
        .await
        .unwrap_or_else(|_| Err(format!("PostgreSQL did not say within {} s", PATIENCE.as_secs())))
}

fn text(error: &hallmark_core::Error) -> String {
    error.message().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_judged_in_both_directions() {
        assert_eq!(judge(-1_500.0).0, Verdict::Ok);
        assert_eq!(judge(3_600.0), (Verdict::Warn, "3.6 s ahead of ours".to_owned()));
        assert_eq!(judge(-3_600_000.0), (Verdict::Fail, "3600.0 s behind ours".to_owned()));
    }

    #[test]
    fn this_machines_files_have_its_time_and_nothing_is_left() {
        let folder =
            std::env::temp_dir().join(format!("hallmark-clock-{}", hallmark_core::random::token(8).unwrap()));
        std::fs::create_dir(&folder).unwrap();
        assert!(file_offset(&folder).unwrap().abs() < NEAR_MS);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
        std::fs::remove_dir(&folder).unwrap();
        assert!(file_offset(&folder).is_err());
    }
}
