//! Values followed to where they are made: through fixtures of pytest, and through functions that give what they make.

use hallmark_python::index::View;
use hallmark_python::interface::{FunctionFace, Interface};

use crate::sdk;

/// How many fixtures and functions are followed from one to the next.
const STEPS: usize = 4;

/// The path in its last form: re-exports followed, core names of the SDK spelled by their own module, and what a function of
/// the project or, in tests, a fixture makes in the place of its call.
pub(crate) fn canonical(view: &View<'_>, path: &str, in_test: bool) -> String {
    from(view, path, view.from(), (in_test, STEPS))
}

fn from<'a>(view: &View<'a>, path: &str, home: &'a Interface, (in_test, steps): (bool, usize)) -> String {
    let next = (in_test, steps.saturating_sub(1));
    if let Some(rest) = path.strip_prefix('$') {
        let (name, tail) = rest.split_at(rest.find(['.', '(', '[']).unwrap_or(rest.len()));
        if in_test
            && steps > 0
            && let Some((home, fixture)) = view.fixture(name)
            && let Some(made) = made(fixture)
        {
            return from(view, made, home, next) + tail;
        }
        return path.to_owned();
    }
    let last = sdk::normalise(&view.canonical_from(path, home));
    if steps > 0
        && let Some((head, tail)) = last.split_once("()")
        && let Some((home, function)) = function(view, head)
        && let Some(made) = made(function).filter(|made| !made.starts_with('$'))
    {
        return from(view, made, home, next) + tail;
    }
    last
}

/// The one thing that a function makes and gives.
fn made(function: &FunctionFace) -> Option<&str> {
    match function.returns.as_slice() {
        [one] if one.contains("()") || one.starts_with('$') => Some(one),
        _ => None,
    }
}

/// The function of the project that a path names.
fn function<'a>(view: &View<'a>, path: &str) -> Option<(&'a Interface, &'a FunctionFace)> {
    let (module, name) = path.rsplit_once('.')?;
    let home = if *module == *view.from().name { view.from() } else { view.module(module)? };
    let is_it = |f: &&FunctionFace| f.top_level && &*f.name == name && f.fixture.is_none();
    home.functions.iter().find(is_it).map(|function| (home, function))
}
