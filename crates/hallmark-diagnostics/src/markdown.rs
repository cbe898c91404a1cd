//! The Markdown that rule pages and error pages are written in, read into blocks: headings, paragraphs, lists, tables, code.
//!
//! Not all of Markdown: what the pages use. What is not understood is a paragraph, so nothing is ever lost.

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block<'a> {
    /// `# text`: its level from 1 and its text.
    Heading(usize, &'a str),
    /// Lines that belong together, joined by spaces.
    Paragraph(String),
    /// `- text` or `1. text`: the marker and the joined text.
    Item(&'a str, String),
    /// A fenced block: its language and its lines as they are.
    Code(&'a str, Vec<&'a str>),
    /// Rows of cells, the header first, without the line of dashes.
    Table(Vec<Vec<&'a str>>),
}

/// The blocks of a text, in order.
#[must_use]
pub fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut out = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            continue;
        }
        if let Some(language) = trimmed.strip_prefix("```") {
            let code = lines.by_ref().take_while(|l| l.trim() != "```").collect();
            out.push(Block::Code(language, code));
        } else if let Some((level, title)) = heading(trimmed) {
            out.push(Block::Heading(level, title));
        } else if trimmed.starts_with('|') {
            let mut rows = vec![cells(trimmed)];
            while let Some(row) = lines.next_if(|l| l.trim_start().starts_with('|')) {
                if row.contains(|c: char| !matches!(c, '|' | '-' | ':' | ' ')) {
                    rows.push(cells(row.trim()));
                }
            }
            out.push(Block::Table(rows));
        } else {
            let (marker, first) = marker(trimmed).unwrap_or(("", trimmed));
            let mut joined = first.to_owned();
            while let Some(more) = lines.next_if(|l| goes_on(l)) {
                joined.push(' ');
                joined.push_str(more.trim());
            }
            out.push(if marker.is_empty() { Block::Paragraph(joined) } else { Block::Item(marker, joined) });
        }
    }
    out
}

fn heading(line: &str) -> Option<(usize, &str)> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    (level > 0).then(|| title.strip_prefix(' ').map(|t| (level, t))).flatten()
}

fn marker(line: &str) -> Option<(&str, &str)> {
    if let Some(text) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        return Some(("-", text));
    }
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let text = line[digits..].strip_prefix(". ")?;
    (digits > 0).then(|| (&line[..=digits], text))
}

/// Whether a line goes on with the paragraph or item above it.
fn goes_on(line: &str) -> bool {
    let trimmed = line.trim();
    let starts_block = trimmed.starts_with("```") || trimmed.starts_with('|');
    !trimmed.is_empty() && !starts_block && heading(trimmed).is_none() && marker(trimmed).is_none()
}

fn cells(row: &str) -> Vec<&str> {
    row.trim_matches('|').split('|').map(str::trim).collect()
}

/// A piece of a line: plain text, or text between backticks, or text between double asterisks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span<'a> {
    /// As it is.
    Plain(&'a str),
    /// Code.
    Code(&'a str),
    /// Emphasised.
    Strong(&'a str),
}

/// The pieces of a line, in order; a mark without its twin is plain text.
#[must_use]
pub fn spans(text: &str) -> Vec<Span<'_>> {
    let mut out = Vec::new();
    let (mut plain, mut at) = (0, 0);
    while at < text.len() {
        let rest = &text[at..];
        let mark = if rest.starts_with('`') {
            "`"
        } else if rest.starts_with("**") {
            "**"
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
            continue;
        };
        let inner = at + mark.len();
        match text[inner..].find(mark).filter(|length| *length > 0) {
            Some(length) => {
                if plain < at {
                    out.push(Span::Plain(&text[plain..at]));
                }
                let piece = &text[inner..inner + length];
                out.push(if mark == "`" { Span::Code(piece) } else { Span::Strong(piece) });
                at = inner + length + mark.len();
                plain = at;
            }
            None => at = inner,
        }
    }
    if plain < text.len() {
        out.push(Span::Plain(&text[plain..]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_into_blocks() {
        let text = "# Title\n\nOne\ntwo.\n- a\n  b\n1. c\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n\n```python\nf()\n\ng()\n```\nend";
        let wanted = vec![
            Block::Heading(1, "Title"),
            Block::Paragraph("One two.".to_owned()),
            Block::Item("-", "a b".to_owned()),
            Block::Item("1.", "c".to_owned()),
            Block::Table(vec![vec!["x", "y"], vec!["1", "2"]]),
            Block::Code("python", vec!["f()", "", "g()"]),
            Block::Paragraph("end".to_owned()),
        ];
        assert_eq!(blocks(text), wanted);
    }

    #[test]
    fn marks_without_a_twin_are_text() {
        assert_eq!(
            spans("`a` **b** c"),
            [Span::Code("a"), Span::Plain(" "), Span::Strong("b"), Span::Plain(" c")]
        );
        assert_eq!(spans("**kwargs and `x"), [Span::Plain("**kwargs and `x")]);
        assert_eq!(spans("é `ü`"), [Span::Plain("é "), Span::Code("ü")]);
    }
}
