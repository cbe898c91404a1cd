//! What people see: data on the standard output, the rest on standard error; colours off when piped; ASCII twins.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Color, Style};
use hallmark_core::Error;
use hallmark_core::fs::write_failed;
use hallmark_diagnostics::render::{self, Syntax};

/// The widest line that tables and notes use.
pub(crate) const WIDTH_MAX: usize = 80;

/// The narrowest column that text is wrapped in.
const WRAP_MIN: usize = 24;

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How something stands; each has a symbol, an ASCII twin and a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Done, proven, usable.
    Ok,
    /// Works, with a remark.
    Warn,
    /// Does not work.
    Fail,
    /// Not measured, skipped or exempted: never green.
    Unknown,
    /// Under way.
    Busy,
}

/// The terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ui {
    color_out: bool,
    color_err: bool,
    /// Whether progress may be redrawn in place.
    pub(crate) live: bool,
    ascii: bool,
}

impl Ui {
    /// Reads the terminal, `NO_COLOR` and the locale.
    pub(crate) fn new(choice: ColorChoice, ascii: bool) -> Self {
        // A console of Windows takes escape sequences only once it was told to.
        let escapes = anstyle_query::windows::enable_ansi_colors().unwrap_or(true);
        let quiet = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let color = |terminal: bool| match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => terminal && !quiet && escapes,
        };
        Self {
            color_out: color(std::io::stdout().is_terminal()),
            color_err: color(std::io::stderr().is_terminal()),
            live: std::io::stderr().is_terminal() && escapes,
            ascii: ascii || !speaks_utf8(),
        }
    }

    /// Whether what goes to standard error is coloured.
    pub(crate) fn color_of_notes(&self) -> bool {
        self.color_err
    }

    /// Whether data on the standard output is coloured.
    pub(crate) fn color(&self) -> bool {
        self.color_out
    }

    /// Whether symbols outside ASCII are to be avoided.
    pub(crate) fn ascii(&self) -> bool {
        self.ascii
    }

    /// Writes data to the standard output. A closed pipe is a reader that has had enough, not an error.
    pub(crate) fn data(&self, text: &str) {
        let text = if self.ascii { Cow::Owned(to_ascii(text)) } else { Cow::Borrowed(text) };
        let mut out = std::io::stdout().lock();
        arrives(&out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    /// Writes a JSON document as a line of data; in ASCII by the escapes of JSON, so that it is the same document.
    pub(crate) fn json(&self, text: &str) {
        self.try_json(text);
    }

    /// The text in the characters that this terminal takes.
    pub(crate) fn plain(&self, text: &str) -> String {
        if self.ascii { to_ascii(text) } else { text.to_owned() }
    }

    /// Writes a line of data; `false` if nobody reads any more.
    pub(crate) fn try_line(&self, text: &str) -> bool {
        let mut out = std::io::stdout().lock();
        arrives(&writeln!(out, "{}", self.plain(text)).and_then(|()| out.flush()))
    }

    /// Writes a JSON document as a line; `false` if nobody reads any more.
    pub(crate) fn try_json(&self, text: &str) -> bool {
        let text = if self.ascii { render::ascii(text, Syntax::Json) } else { text.to_owned() };
        let mut out = std::io::stdout().lock();
        arrives(&writeln!(out, "{text}").and_then(|()| out.flush()))
    }

    /// Writes data that other programs read byte for byte, such as a diff: nothing is replaced by ASCII.
    pub(crate) fn verbatim(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        arrives(&out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }

    /// Empties the screen, if the standard output is one.
    pub(crate) fn clear(&self) {
        let mut out = std::io::stdout().lock();
        if out.is_terminal() {
            let _ = out.write_all(b"\x1b[2J\x1b[3J\x1b[H").and_then(|()| out.flush());
        }
    }

    /// Writes a line of data.
    pub(crate) fn line(&self, text: &str) {
        self.data(&format!("{text}\n"));
    }

    /// Writes a remark for the person, on standard error.
    pub(crate) fn note(&self, text: &str) {
        let text = if self.ascii { to_ascii(text) } else { text.to_owned() };
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{text}");
    }

    /// Shows what is under way: redrawn in place on a terminal, silent elsewhere.
    pub(crate) fn progress(&self, text: &str) {
        if self.live {
            self.redraw(text, "");
        }
    }

    /// Replaces what was under way by a line that stays.
    pub(crate) fn settle(&self, text: &str) {
        if self.live { self.redraw(text, "\n") } else { self.note(text) }
    }

    fn redraw(&self, text: &str, end: &str) {
        let text = if self.ascii { to_ascii(text) } else { text.to_owned() };
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "\r\u{1b}[2K{text}{end}").and_then(|()| err.flush());
    }

    /// Names the one next command.
    pub(crate) fn next(&self, command: &str) {
        let label = paint(self.color_err, bold(), "next:");
        self.note(&format!("{label} {command}"));
    }

    /// Writes an error: code, place and sentence, causes, next step.
    pub(crate) fn error(&self, error: &Error) {
        let head =
            paint(self.color_err, color(AnsiColor::Red).bold(), &format!("error[{}]", error.code().id));
        self.note(&format!("{head}: {error}"));
        for cause in error.causes() {
            self.note(&format!("  because: {cause}"));
        }
        let fallback = format!("hallmark explain {}", error.code().id);
        self.next(error.next_step().unwrap_or(&fallback));
    }

    /// The mark for the standard output.
    pub(crate) fn mark(&self, mark: Mark) -> String {
        self.painted_mark(mark, self.color_out)
    }

    /// The mark for the standard output, as wide as the widest one.
    pub(crate) fn padded_mark(&self, mark: Mark) -> String {
        let text = self.mark(mark);
        let room = if self.ascii { 6_usize } else { 1 };
        format!("{text}{}", " ".repeat(room.saturating_sub(visible(&text))))
    }

    /// The mark for standard error.
    pub(crate) fn note_mark(&self, mark: Mark) -> String {
        self.painted_mark(mark, self.color_err)
    }

    fn painted_mark(&self, mark: Mark, colored: bool) -> String {
        let (symbol, twin, shade) = match mark {
            Mark::Ok => ("✓", "[ok]", AnsiColor::Green),
            Mark::Warn => ("!", "[warn]", AnsiColor::Yellow),
            Mark::Fail => ("✗", "[fail]", AnsiColor::Red),
            Mark::Unknown => ("?", "[n/m]", AnsiColor::BrightBlack),
            Mark::Busy => ("…", "[..]", AnsiColor::Cyan),
        };
        paint(colored, color(shade), if self.ascii { twin } else { symbol })
    }

    /// Emphasised text for the standard output.
    pub(crate) fn strong(&self, text: &str) -> String {
        paint(self.color_out, bold(), text)
    }

    /// Code for the standard output.
    pub(crate) fn code(&self, text: &str) -> String {
        paint(self.color_out, color(AnsiColor::Cyan), text)
    }

    /// Rows under a header, columns as wide as their widest cell; the last column is wrapped at [`WIDTH_MAX`].
    pub(crate) fn table(&self, header: &[&str], rows: &[Vec<String>]) {
        let columns = header.len();
        let mut widths: Vec<usize> = header.iter().map(|h| h.chars().count()).collect();
        for row in rows {
            for (i, cell) in row.iter().enumerate().take(columns) {
                widths[i] = widths[i].max(visible(cell));
            }
        }
        let head: Vec<String> = header.iter().map(|h| self.strong(h)).collect();
        self.row(&head, &widths);
        for row in rows {
            self.row(row, &widths);
        }
    }

    fn row(&self, cells: &[String], widths: &[usize]) {
        let Some((last, cells)) = cells.split_last() else { return };
        let mut line = String::new();
        let mut indent = 0;
        for (cell, width) in cells.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width.saturating_sub(visible(cell)) + 2));
            indent += width + 2;
        }
        for (number, part) in wrap(last, WIDTH_MAX.saturating_sub(indent)).iter().enumerate() {
            let head = if number == 0 { line.clone() } else { " ".repeat(indent) };
            self.line(format!("{head}{part}").trim_end());
        }
    }
}

/// The first failure to write data, other than to a reader that has had enough.
static LOST: OnceLock<Error> = OnceLock::new();

/// Whether data reached the standard output. Where they did not, the command goes on, and its end tells.
fn arrives(written: &io::Result<()>) -> bool {
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // The first failure says it; those that follow say the same.
        let _ = LOST.set(write_failed("the standard output", error));
    }
    written.is_ok()
}

/// Why data did not reach the standard output, if they were meant to and did not.
pub(crate) fn lost() -> Option<&'static Error> {
    LOST.get()
}

/// The text in lines of at most `width` characters, broken at spaces; a longer word stays whole, and so does painted text.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(WRAP_MIN);
    if visible(text) <= width || text.contains('\u{1b}') {
        return vec![text.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// The number of characters that a terminal shows: escape sequences take no room.
pub(crate) fn visible(text: &str) -> usize {
    let mut count = 0;
    let mut escaped = false;
    for c in text.chars() {
        match c {
            '\u{1b}' => escaped = true,
            'm' if escaped => escaped = false,
            _ if escaped => {}
            _ => count += 1,
        }
    }
    count
}

fn bold() -> Style {
    Style::new().bold()
}

fn color(shade: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(shade)))
}

fn paint(colored: bool, style: Style, text: &str) -> String {
    if colored { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

/// Whether the locale says that the terminal takes UTF-8; Windows consoles are written ASCII unless they say so.
fn speaks_utf8() -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|n| std::env::var(n).ok().filter(|v| !v.is_empty()));
    match locale {
        Some(name) => name.to_ascii_lowercase().replace('-', "").contains("utf8"),
        None => false,
    }
}

/// Every character outside ASCII replaced by its twin, so that no console fails on it.
fn to_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '✓' => out.push_str("[ok]"),
            '✗' => out.push_str("[fail]"),
            '…' => out.push_str("..."),
            '→' => out.push_str("->"),
            '–' | '—' | '─' => out.push('-'),
            '═' => out.push('='),
            '│' => out.push('|'),
            '·' => out.push('|'),
            '×' => out.push('x'),
            '≥' => out.push_str(">="),
            '≤' => out.push_str("<="),
            '“' | '”' => out.push('"'),
            '‘' | '’' => out.push('\''),
            other => out.extend(other.escape_unicode()),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_output_is_ascii() {
        let text = to_ascii("✓ done → “ok” … 日本 ≥ 0.95");
        assert!(text.is_ascii(), "{text}");
        assert!(text.starts_with("[ok] done -> \"ok\" ..."));
    }

    #[test]
    fn long_cells_are_wrapped_at_spaces() {
        assert_eq!(wrap(&"word ".repeat(8), 24), ["word word word word word", "word word word"]);
    }

    #[test]
    fn escape_sequences_take_no_room() {
        assert_eq!(visible(&paint(true, bold(), "abc")), 3);
    }
}
