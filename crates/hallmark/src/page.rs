//! A page of Markdown on the terminal: wrapped, with headings and code set apart.

use std::fmt::Write as _;

use hallmark_diagnostics::markdown::{Block, Span, blocks, spans};

use crate::app::App;
use crate::ui::{Ui, WIDTH_MAX, wrap};

/// The widest a column of a table grows before its cells are wrapped.
const CELL_MAX: usize = 36;

/// Prints a page.
pub(crate) fn print(app: &App<'_>, markdown: &str) {
    app.ui.data(&render(app.ui, markdown));
}

/// The page as text, a blank line between its blocks.
fn render(ui: &Ui, markdown: &str) -> String {
    let mut out = String::new();
    let blocks = blocks(markdown);
    for (index, block) in blocks.iter().enumerate() {
        let before = index.checked_sub(1).and_then(|i| blocks.get(i));
        let goes_on = matches!((before, block), (Some(Block::Item(..)), Block::Item(..)));
        if index > 0 && !goes_on {
            out.push('\n');
        }
        match block {
            Block::Heading(level, title) => heading(ui, &mut out, *level, title),
            Block::Paragraph(text) => paragraph(ui, &mut out, "", text),
            Block::Item(marker, text) => paragraph(ui, &mut out, &format!("  {marker} "), text),
            Block::Code(_, lines) => {
                for line in lines {
                    let _ = writeln!(out, "{}", format!("    {}", ui.code(line)).trim_end());
                }
            }
            Block::Table(rows) => table(ui, &mut out, rows),
        }
    }
    out
}

fn heading(ui: &Ui, out: &mut String, level: usize, title: &str) {
    let title = plain(title);
    let _ = writeln!(out, "{}", ui.strong(&title));
    if level == 1 {
        let _ = writeln!(out, "{}", "═".repeat(title.chars().count().min(WIDTH_MAX)));
    }
}

/// Wraps the text behind a marker, then dresses its code: the marks take no room.
fn paragraph(ui: &Ui, out: &mut String, marker: &str, text: &str) {
    let indent = marker.chars().count();
    for (number, line) in wrap(&by_word(text), WIDTH_MAX - indent).iter().enumerate() {
        let head = if number == 0 { marker.to_owned() } else { " ".repeat(indent) };
        let _ = writeln!(out, "{head}{}", dress(ui, line));
    }
}

/// The text with emphasis on each word by itself, so that it may be wrapped between them.
fn by_word(text: &str) -> String {
    let piece = |span: Span<'_>| match span {
        Span::Plain(text) => text.to_owned(),
        Span::Code(text) => format!("`{text}`"),
        Span::Strong(text) => text.split(' ').map(|w| format!("**{w}**")).collect::<Vec<_>>().join(" "),
    };
    spans(text).into_iter().map(piece).collect()
}

/// Code in colour without its marks; where there are no colours the marks stay, since nothing else tells code apart.
fn dress(ui: &Ui, line: &str) -> String {
    let dressed = |span: Span<'_>| match span {
        Span::Plain(text) => text.to_owned(),
        Span::Code(text) if ui.color() => ui.code(text),
        Span::Code(text) => format!("`{text}`"),
        Span::Strong(text) => ui.strong(text),
    };
    spans(line).into_iter().map(dressed).collect()
}

fn plain(line: &str) -> String {
    let text = |span: Span<'_>| match span {
        Span::Plain(text) | Span::Code(text) | Span::Strong(text) => text.to_owned(),
    };
    spans(line).into_iter().map(text).collect()
}

/// Columns as wide as their cells, up to a bound; the last takes what is left of the line.
fn table(ui: &Ui, out: &mut String, rows: &[Vec<&str>]) {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|c| plain(c).chars().count()).max().unwrap_or(0).min(CELL_MAX)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for (number, row) in rows.iter().enumerate() {
        let left: usize = widths.iter().take(columns.saturating_sub(1)).map(|w| w + 2).sum();
        let cells: Vec<Vec<String>> = (0..columns)
            .map(|column| {
                let text = plain(row.get(column).unwrap_or(&""));
                let room =
                    if column + 1 == columns { WIDTH_MAX.saturating_sub(left) } else { widths[column] };
                wrap(&text, room)
            })
            .collect();
        for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            let mut text = String::new();
            for (cell, width) in cells.iter().zip(&widths) {
                let part = cell.get(line).map_or("", String::as_str);
                let _ = write!(text, "{part:<width$}  ");
            }
            let text = text.trim_end();
            let _ = writeln!(out, "{}", if number == 0 { ui.strong(text) } else { text.to_owned() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::ColorChoice;

    #[test]
    fn a_page_keeps_to_eighty_columns() {
        let text = "# A\n\nLong words ".to_owned()
            + &"word ".repeat(40)
            + "\n\n- item `code`\n- two\n\n```python\nx = 1\n```\n\n| a | b |\n| --- | --- |\n| one | "
            + &"cell ".repeat(30)
            + "|\n";
        let page = render(&Ui::new(ColorChoice::Never, true), &text);
        assert!(page.lines().all(|l| l.chars().count() <= 80), "{page}");
        assert!(page.contains("\n  - item `code`\n  - two\n\n    x = 1\n"), "{page}");
    }
}
