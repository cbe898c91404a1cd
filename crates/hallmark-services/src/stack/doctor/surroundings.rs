//! What this system runs in and beside: WSL, container engines, Docker Desktop.

use std::path::Path;

use super::scene::Scene;
use super::{Check, Verdict};
use crate::stack::config::Provider;
use crate::stack::exec;
use crate::{ServiceKind, platform};

/// Whether this kernel is that of the Windows Subsystem for Linux, by its release.
pub(super) fn is_wsl(release: &str) -> bool {
    release.to_ascii_lowercase().contains("microsoft")
}

/// The second generation has a Linux kernel; the first only its calls.
fn is_wsl_2(release: &str) -> bool {
    let release = release.to_ascii_lowercase();
    release.contains("wsl2") || release.contains("microsoft-standard")
}

pub(super) fn wsl(scene: &Scene<'_>) -> Vec<Check> {
    vec![judge_wsl(&scene.release, scene.stack.project.root())]
}

fn judge_wsl(release: &str, root: &Path) -> Check {
    let (id, name) = ("wsl", "WSL");
    if !is_wsl(release) {
        return Check::new(id, name, Verdict::NotChecked, format!("this is no WSL: kernel {release}"));
    }
    if !is_wsl_2(release) {
        return Check::new(id, name, Verdict::Warn, format!("WSL 1: kernel {release}"))
            .mend("in PowerShell: wsl --set-version $env:WSL_DISTRO_NAME 2");
    }
    if is_windows_drive(root) {
        let detail = "the project lies on a drive of Windows: slow, and modes of files do not hold there";
        return Check::new(id, name, Verdict::Warn, detail)
            .mend(format!("cp -r {} ~/", super::secrets::quoted(root)));
    }
    Check::new(id, name, Verdict::Ok, format!("WSL 2: kernel {release}"))
}

/// `/mnt/c` and its like.
fn is_windows_drive(path: &Path) -> bool {
    let Ok(rest) = path.strip_prefix("/mnt") else { return false };
    let drive = rest.components().next().and_then(|part| part.as_os_str().to_str());
    drive.is_some_and(|drive| drive.len() == 1 && drive.bytes().all(|b| b.is_ascii_alphabetic()))
}

pub(super) fn engine(scene: &Scene<'_>) -> Vec<Check> {
    let chosen =
        ServiceKind::ALL.into_iter().any(|service| scene.stack.provider(service) == Provider::Docker);
    let (id, name) = ("engine", "container engine");
    vec![match (&scene.engine, chosen) {
        (Some(program), _) => Check::new(id, name, Verdict::Ok, format!("{} answers", program.display())),
        (None, true) => {
            Check::new(id, name, Verdict::Fail, "none answers, and the provider docker is chosen").mend(
                platform::here(
                    "set provider = \"native\" in [stack] of hallmark.toml",
                    "start Docker Desktop; docker info must answer",
                ),
            )
        }
        (None, false) => Check::new(id, name, Verdict::NotChecked, "none answers, and none is needed"),
    }]
}

pub(super) fn docker_desktop(scene: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("docker-desktop", "Docker Desktop");
    if exec::find("docker").is_none() {
        return vec![Check::new(id, name, Verdict::NotChecked, "there is no program docker")];
    }
    vec![match (scene.context.as_deref(), scene.engine.is_some()) {
        (Some(context), answers) if is_desktop(context) => {
            if answers {
                Check::new(id, name, Verdict::Ok, format!("context {context} answers"))
            } else {
                let mend = if is_wsl(&scene.release) {
                    "start Docker Desktop; Settings > Resources > WSL integration: this distribution"
                } else {
                    platform::here("systemctl --user start docker-desktop", "start Docker Desktop")
                };
                Check::new(id, name, Verdict::Warn, format!("context {context} does not answer")).mend(mend)
            }
        }
        (Some(context), _) => Check::new(
            id,
            name,
            Verdict::NotChecked,
            format!("the context is {context}, not Docker Desktop's"),
        ),
        (None, _) => Check::new(id, name, Verdict::NotChecked, "docker names no context"),
    }]
}

fn is_desktop(context: &str) -> bool {
    context == "desktop" || context.starts_with("desktop-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_told_apart() {
        let home = Path::new("/home/me/p");
        assert_eq!(judge_wsl("6.1.0-28-amd64", home).verdict, Verdict::NotChecked);
        assert_eq!(judge_wsl("5.15.153.1-microsoft-standard-WSL2", home).verdict, Verdict::Ok);
        let first = judge_wsl("4.4.0-19041-Microsoft", home);
        assert_eq!((first.verdict, first.mend.is_some()), (Verdict::Warn, true));
        let drive = judge_wsl("5.15.153.1-microsoft-standard-WSL2", Path::new("/mnt/c/Users/me/p"));
        assert_eq!(
            (drive.verdict, drive.mend.as_deref()),
            (Verdict::Warn, Some("cp -r '/mnt/c/Users/me/p' ~/"))
        );
        assert!(!is_windows_drive(Path::new("/mnt/data/p")) && !is_windows_drive(Path::new("/mnt")));
    }

    #[test]
    fn the_context_names_docker_desktop() {
        assert!(is_desktop("desktop-linux") && !is_desktop("default") && !is_desktop("colima"));
    }
}
