//! What single lines of Python say about platforms.

/// Modules of the standard library that exist on one platform only.
const ONE_PLATFORM: &[&str] = &[
    "_winapi",
    "crypt",
    "curses",
    "fcntl",
    "grp",
    "msvcrt",
    "nis",
    "ossaudiodev",
    "posix",
    "pty",
    "pwd",
    "readline",
    "resource",
    "spwd",
    "syslog",
    "termios",
    "tty",
    "winreg",
    "winsound",
];

/// Characters that cp1252 has beyond Latin-1.
const CP1252_EXTRA: &str = "€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ";

/// The lines on which a one-platform module is imported at the outermost level. A guarded import stands deeper: under `try`, under
/// `if`, in a function.
pub(super) fn unguarded_imports(text: &str) -> impl Iterator<Item = usize> {
    code_lines(text).filter(|(_, line)| imports(line)).map(|(number, _)| number)
}

fn imports(line: &str) -> bool {
    let first = |names: &str| {
        let mut modules = names.split(',').map(|n| n.split_whitespace().next().unwrap_or_default());
        modules.any(|m| ONE_PLATFORM.contains(&m.split('.').next().unwrap_or_default()))
    };
    match (line.strip_prefix("import "), line.strip_prefix("from ")) {
        (Some(names), _) => first(names),
        (_, Some(rest)) => first(rest.split(" import").next().unwrap_or_default()),
        _ => false,
    }
}

/// The lines that print a character which a cp1252 console cannot show: the program would end there with `UnicodeEncodeError`.
pub(super) fn unsafe_outputs(text: &str) -> impl Iterator<Item = usize> {
    let prints = |line: &str| {
        let call = line.find("print(").or_else(|| line.find("sys.stdout.write("));
        call.is_some_and(|at| {
            line[at..].chars().any(|c| !in_cp1252(c)) && !line.trim_start().starts_with('#')
        })
    };
    code_lines(text).filter(move |(_, line)| prints(line)).map(|(number, _)| number)
}

fn in_cp1252(c: char) -> bool {
    u32::from(c) < 0x80 || (0xA0..=0xFF).contains(&u32::from(c)) || CP1252_EXTRA.contains(c)
}

/// Whether the file makes its own output UTF-8.
pub(super) fn sets_encoding(text: &str) -> bool {
    text.contains("reconfigure(encoding=") || text.contains("TextIOWrapper(sys.stdout")
}

/// Whether a path is that of a test.
pub(super) fn is_test(path: &str) -> bool {
    path.split('/').any(|s| s == "tests" || s == "test" || s.starts_with("test_") || s == "conftest.py")
}

/// Lines outside of triple-quoted texts, numbered from 1.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut open: Option<&'static str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let inside = open.is_some();
        let mut rest = line;
        while let Some((quote, at)) = next_quote(rest, open) {
            open = if open.is_some() { None } else { Some(quote) };
            rest = &rest[at + 3..];
        }
        (!inside).then_some((index + 1, line))
    })
}

/// The next triple quote of a line: the one that closes, or whichever opens first.
fn next_quote(line: &str, open: Option<&'static str>) -> Option<(&'static str, usize)> {
    let found = |quote: &'static str| line.find(quote).map(|at| (quote, at));
    match open {
        Some(quote) => found(quote),
        None => ["\"\"\"", "'''"].into_iter().filter_map(found).min_by_key(|(_, at)| *at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_unguarded_only_at_the_outermost_level() {
        let text = "import os, fcntl\nfrom resource import getrusage\nimport pwdlib\n\ntry:\n    import grp\nexcept ImportError:\n    grp = None\n\"\"\"\nimport termios\n\"\"\"\nimport pty as p\n";
        assert_eq!(unguarded_imports(text).collect::<Vec<_>>(), [1, 2, 12]);
    }

    #[test]
    fn what_cp1252_has_may_be_printed() {
        let text = "print('grün € – ok')\nprint('✓ done')\n# print('✓')\nname = '✓'\nsys.stdout.write('→')\n";
        assert_eq!(unsafe_outputs(text).collect::<Vec<_>>(), [2, 5]);
        assert!(is_test("tests/unit/test_a.py") && is_test("src/test_b.py") && !is_test("src/testing.py"));
    }
}
