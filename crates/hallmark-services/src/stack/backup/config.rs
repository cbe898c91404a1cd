//! The section `[stack.backup]`: where backups go, how many stay, when they are taken.

use std::path::PathBuf;
use std::time::Duration;

use hallmark_core::{Error, Project, Result, Secret, codes as core_codes, fs};
use serde::Deserialize;

use super::{codes, limits};
use crate::ServiceKind;
use crate::section::SecretSource;

/// `[stack.backup]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BackupConfig {
    /// The folder of the backups, relative to the project; `.hallmark/backups` if not given.
    pub to: Option<PathBuf>,
    /// The services; all that are provided if not given.
    pub services: Vec<ServiceKind>,
    /// Takes a backup whenever this much time has passed: `30m`, `6h`, `1d`.
    pub every: Option<String>,
    /// Takes a backup each day at this time of the machine's clock: `03:30`.
    pub at: Option<String>,
    /// How many of the newest backups stay.
    pub keep_last: Option<u32>,
    /// Of how many days the newest backup stays.
    pub keep_daily: Option<u32>,
    /// Of how many weeks the newest backup stays.
    pub keep_weekly: Option<u32>,
    /// Where the passphrase comes from; with one, every backup is encrypted.
    pub passphrase: SecretSource,
}

/// When backups are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// Whenever this much time has passed since the last one.
    Every(Duration),
    /// Each day at this hour and minute.
    At(i8, i8),
}

impl BackupConfig {
    /// The schedule; `None` if there is none.
    pub(crate) fn when(&self) -> Result<Option<When>> {
        let refuse = |key: &str, text: &str, wanted: &str| {
            Err(Error::new(
                &core_codes::CONFIG_VALUE,
                format!("stack.backup.{key} is {text:?}, which is not {wanted}"),
            )
            .next(format!("hallmark config stack.backup.{key}")))
        };
        match (&self.every, &self.at) {
            (None, None) => Ok(None),
            (Some(_), Some(at)) => refuse("at", at, "allowed beside stack.backup.every"),
            (Some(every), None) => match duration(every) {
                Some(time) if time >= limits::SCHEDULE_SHORTEST => Ok(Some(When::Every(time))),
                _ => refuse("every", every, "a number of minutes, hours or days such as 30m, 6h or 1d"),
            },
            (None, Some(at)) => match clock(at) {
                Some((hour, minute)) => Ok(Some(When::At(hour, minute))),
                None => refuse("at", at, "a time of day such as 03:30"),
            },
        }
    }

    /// Whether old backups are removed: only where a number or a schedule says so.
    pub(crate) fn prunes(&self) -> bool {
        let numbers = [self.keep_last, self.keep_daily, self.keep_weekly];
        numbers.iter().any(Option::is_some) || self.every.is_some() || self.at.is_some()
    }

    /// The passphrase that the configuration names.
    pub(crate) fn secret(&self, project: &Project) -> Result<Option<Secret>> {
        if let Some(name) = &self.passphrase.env {
            return from_env(name).map(Some);
        }
        let Some(file) = &self.passphrase.file else { return Ok(None) };
        from_file(&project.root().join(file)).map(Some)
    }
}

/// The passphrase in an environment variable.
///
/// # Errors
/// `HM-S104` if it is not set or empty.
pub fn from_env(name: &str) -> Result<Secret> {
    let text = std::env::var(name).unwrap_or_default();
    checked(text, &format!("the environment variable {name}"))
}

/// The passphrase in a file, without the white space at its ends.
///
/// # Errors
/// `HM-S104` if it is empty, `HM-C012` if it cannot be read.
pub fn from_file(path: &std::path::Path) -> Result<Secret> {
    checked(fs::read_text(path)?.trim().to_owned(), &path.display().to_string())
}

fn checked(text: String, place: &str) -> Result<Secret> {
    if text.is_empty() {
        return Err(Error::new(&codes::PASSPHRASE, format!("{place} holds no passphrase"))
            .next("put the passphrase there, or take a backup that is not encrypted"));
    }
    Ok(Secret::new(text))
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

fn clock(text: &str) -> Option<(i8, i8)> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| (text.len() == 2).then(|| text.parse::<i8>().ok()).flatten();
    let (hour, minute) = (two(hour)?, two(minute)?);
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some((hour, minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(every: Option<&str>, at: Option<&str>) -> Result<Option<When>> {
        let (every, at) = (every.map(ToOwned::to_owned), at.map(ToOwned::to_owned));
        BackupConfig { every, at, ..BackupConfig::default() }.when()
    }

    #[test]
    fn a_schedule_is_read_or_refused() {
        assert_eq!(when(None, None).unwrap(), None);
        assert_eq!(when(Some("6h"), None).unwrap(), Some(When::Every(Duration::from_secs(21_600))));
        assert_eq!(when(None, Some("03:30")).unwrap(), Some(When::At(3, 30)));
        for bad in ["", "6", "h", "6w", "-1h", "1s", "99999999999999999999d", "6 h", "ü"] {
            assert!(when(Some(bad), None).unwrap_err().is(&core_codes::CONFIG_VALUE), "{bad}");
        }
        for bad in ["", "3:30", "24:00", "03:60", "03-30", "0330"] {
            assert!(when(None, Some(bad)).unwrap_err().is(&core_codes::CONFIG_VALUE), "{bad}");
        }
        assert!(when(Some("6h"), Some("03:30")).is_err());
    }
}
