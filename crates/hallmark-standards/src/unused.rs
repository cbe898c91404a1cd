//! Deleting imports that nothing uses.

use hallmark_diagnostics::{Edit, Fix};
use hallmark_python::facts::Import;

use crate::Context;

/// The fix that deletes what is unused of the statement, offered at its first such name. None where the statement is spelled
/// so that comments may stand in between, or stands under a condition.
pub(crate) fn deletion(
    context: &Context<'_>,
    import: &Import,
    is_unused: impl Fn(&Import) -> bool,
) -> Option<Fix> {
    let lines = import.lines?;
    let statement = |i: &&Import| i.statement == import.statement;
    let whole: Vec<&Import> = context.module().imports.iter().filter(statement).collect();
    if whole.iter().find(|i| is_unused(i))?.span != import.span {
        return None;
    }
    let prefix = match &import.name {
        Some(_) => format!("from {} import ", written_module(import)?),
        None => "import ".to_owned(),
    };
    // Spelled otherwise, as over several lines, there may be comments in between.
    let all: Vec<String> = whole.iter().map(|i| alias(i)).collect();
    let length = prefix.len() + all.join(", ").len();
    if length as u64 != u64::from(import.statement.end - import.statement.start) {
        return None;
    }
    let rest: Vec<String> = whole.iter().filter(|i| !is_unused(i)).map(|i| alias(i)).collect();
    let edit = if rest.is_empty() {
        Edit { start: lines.start, end: lines.end, content: String::new() }
    } else {
        let content = format!("{prefix}{}", rest.join(", "));
        Edit { start: import.statement.start, end: import.statement.end, content }
    };
    Some(Fix::safe("Delete the unused import", vec![edit]))
}

/// The module as the statement names it; relative ones are left alone.
fn written_module(import: &Import) -> Option<&str> {
    (import.level == 0).then_some(&*import.module)
}

/// An imported name as the statement writes it.
fn alias(import: &Import) -> String {
    let written = import.name.as_ref().unwrap_or(&import.module);
    let plain = match import.name {
        Some(_) => *import.bound == **written,
        None => written.split('.').next() == Some(&*import.bound),
    };
    if plain { written.to_string() } else { format!("{written} as {}", import.bound) }
}
