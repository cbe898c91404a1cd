//! The modes of the secrets' folder and files.

use std::path::Path;

use hallmark_core::platform;

use super::scene::Scene;
use super::{Check, Verdict};
use crate::ServiceKind;
use crate::stack::credentials::{emptied, readable_by_others, way_out};

pub(super) fn folder(scene: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("credentials.folder", "credentials' folder");
    let Some(home) = &scene.home else { return vec![none(id, name)] };
    let folder = home.secrets();
    let mode = match std::fs::metadata(&folder) {
        Ok(facts) => match platform::mode(&facts) {
            Some(mode) => mode,
            None => return vec![inherited(id, name)],
        },
        Err(error) => {
            let detail = format!("{}: {error}", folder.display());
            return vec![Check::new(id, name, Verdict::Fail, detail).mend("hallmark up")];
        }
    };
    if mode & 0o077 == 0 {
        return vec![Check::new(id, name, Verdict::Ok, format!("mode {mode:04o}"))];
    }
    let detail = format!("{} has mode {mode:04o}: others may look in", folder.display());
    vec![Check::new(id, name, Verdict::Fail, detail).mend(format!("chmod 700 {}", quoted(&folder)))]
}

pub(super) fn files(scene: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("credentials.files", "credentials' files");
    let Some(home) = &scene.home else { return vec![none(id, name)] };
    if std::fs::metadata(home.secrets()).is_ok_and(|facts| platform::mode(&facts).is_none()) {
        return vec![inherited(id, name)];
    }
    let lost = |service: ServiceKind| Some((service, emptied(home, service)?));
    if let Some((service, file)) = ServiceKind::ALL.into_iter().find_map(lost) {
        let detail = format!("{} is empty: the password of {} is lost", file.display(), service.title());
        return vec![Check::new(id, name, Verdict::Fail, detail).mend(way_out(service, &file))];
    }
    let open = readable_by_others(home);
    if open.is_empty() {
        return vec![Check::new(id, name, Verdict::Ok, "their owner alone may read them")];
    }
    let seen: Vec<String> =
        open.iter().map(|(path, mode)| format!("{} has mode {mode:04o}", path.display())).collect();
    let paths: Vec<String> = open.iter().map(|(path, _)| quoted(path)).collect();
    vec![
        Check::new(id, name, Verdict::Fail, format!("{}: others may read", seen.join(", ")))
            .mend(format!("chmod 600 {}", paths.join(" "))),
    ]
}

fn none(id: &str, name: &str) -> Check {
    Check::new(id, name, Verdict::NotChecked, "none was made yet").mend("hallmark up")
}

/// Where access is a matter of lists that a folder hands down, nothing can be said of single files.
fn inherited(id: &str, name: &str) -> Check {
    Check::new(id, name, Verdict::NotChecked, "access is inherited from the project's folder on this system")
}

/// The path as a shell takes it, whatever it holds.
pub(super) fn quoted(path: &Path) -> String {
    platform::shell_word(&path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_for_a_shell() {
        for name in ["plain", "with space", "it's", "$(id)"] {
            let output = std::process::Command::new("sh")
                .args(["-c", &format!("printf %s {}", quoted(Path::new(name)))])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), name);
        }
    }
}
