//! What the console can show.

use std::path::PathBuf;

use hallmark_core::platform::WINDOWS;

use super::scene::Scene;
use super::surroundings::is_wsl;
use super::{Check, Verdict};
use crate::platform;
use crate::stack::exec;

/// The code page of Windows that is UTF-8.
const UTF_8: u32 = 65_001;

pub(super) fn encoding(_: &Scene<'_>) -> Vec<Check> {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let (id, name) = ("console", "console encoding");
    vec![match set {
        Some(value) if is_utf_8(&value) => Check::new(id, name, Verdict::Ok, value),
        other => {
            let seen = other.unwrap_or_else(|| "no locale set".to_owned());
            Check::new(id, name, Verdict::Warn, format!("{seen}: symbols are shown in ASCII"))
                .mend(platform::here("export LANG=C.UTF-8", "setx LANG C.UTF-8"))
        }
    }]
}

/// Whether a locale such as `de_DE.UTF-8@euro` writes UTF-8.
fn is_utf_8(locale: &str) -> bool {
    let set = locale.split('@').next().and_then(|head| head.split_once('.')).map(|(_, set)| set);
    set.is_some_and(|set| set.to_ascii_lowercase().replace('-', "") == "utf8")
}

/// What Windows' own program says; `None` outside of Windows.
pub(super) async fn ask_code_page(release: &str) -> Option<String> {
    if !is_wsl(release) && !WINDOWS {
        return None;
    }
    let usual = PathBuf::from("/mnt/c/Windows/System32/chcp.com");
    let program = exec::find("chcp.com").or_else(|| exec::is_executable(&usual).then_some(usual))?;
    exec::ask(&program, &[]).await
}

/// The console of Windows has an encoding of its own, beside the locale.
pub(super) fn code_page(scene: &Scene<'_>) -> Vec<Check> {
    let (id, name) = ("console.code-page", "Windows code page");
    if WINDOWS {
        return vec![judge_own_page(scene.code_page.as_deref().and_then(parse_code_page))];
    }
    if !is_wsl(&scene.release) {
        return vec![Check::new(id, name, Verdict::NotChecked, "this is no part of Windows")];
    }
    vec![match scene.code_page.as_deref().and_then(parse_code_page) {
        Some(UTF_8) => Check::new(id, name, Verdict::Ok, "65001 (UTF-8)"),
        Some(page) => {
            Check::new(id, name, Verdict::Warn, format!("{page}: symbols may be shown as other letters"))
                .mend("chcp.com 65001")
        }
        None => Check::new(id, name, Verdict::NotChecked, "chcp.com does not answer").mend("chcp.com"),
    }]
}

/// On Windows itself no code page is in the way of a console: it is written to in UTF-16. Pipes are.
fn judge_own_page(page: Option<u32>) -> Check {
    let (id, name) = ("console.code-page", "Windows code page");
    match page {
        Some(UTF_8) => Check::new(id, name, Verdict::Ok, "65001 (UTF-8)"),
        Some(page) if page > 0 => {
            let detail = "consoles show every letter; who reads a pipe in this page needs --ascii";
            Check::new(id, name, Verdict::Ok, format!("{page}: {detail}"))
        }
        _ => Check::new(id, name, Verdict::NotChecked, "there is no console"),
    }
}

/// The number at the end of `Active code page: 1252`, in whatever language.
fn parse_code_page(said: &str) -> Option<u32> {
    let said = said.trim().trim_end_matches('.');
    let digits = said.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_tells_its_encoding() {
        for locale in ["C.UTF-8", "en_US.utf8", "de_DE.UTF-8@euro"] {
            assert!(is_utf_8(locale), "{locale}");
        }
        for locale in ["C", "POSIX", "en_US.CP1252", "de_DE.ISO-8859-15@euro", "utf8", "en_US@utf8"] {
            assert!(!is_utf_8(locale), "{locale}");
        }
    }

    #[test]
    fn no_console_is_no_code_page() {
        assert_eq!(judge_own_page(Some(1_252)).verdict, Verdict::Ok);
        assert_eq!(judge_own_page(Some(0)).verdict, Verdict::NotChecked);
        assert_eq!(judge_own_page(None).verdict, Verdict::NotChecked);
    }

    #[test]
    fn a_code_page_is_read_in_every_language() {
        assert_eq!(parse_code_page("Active code page: 65001\r\n"), Some(UTF_8));
        assert_eq!(parse_code_page("Aktive Codepage: 1252.\r\n"), Some(1_252));
        assert_eq!(parse_code_page("nothing"), None);
    }
}
