//! Finds the model classes of a file.

use ruff_python_ast::{Expr, Keyword, StmtClassDef};
use ruff_text_size::{Ranged as _, TextSize};

use super::class;
use super::ir::ModelDecl;
use super::scope::{File, Library, Modules, Unit};
use super::{Problem, Severity, codes};

/// Reads every model of a file.
pub(super) fn read(path: &str, text: &str, modules: &dyn Modules) -> (Vec<ModelDecl>, Vec<Problem>) {
    // Most files of a project declare no model; not parsing them is what makes reading a whole tree quick.
    if memchr::memmem::find(text.as_bytes(), b"model").is_none() {
        return (Vec::new(), Vec::new());
    }
    let unit = Unit::new(path, text);
    let library = Library::new(modules);
    let mut problems = Vec::new();
    if let Some(error) = unit.parsed.errors().first() {
        problems.push(Problem {
            code: codes::FILE_SYNTAX.id,
            severity: Severity::Error,
            message: format!("the file is not valid Python: {}", error.error),
            place: unit.place(error.location),
            model: None,
        });
    }
    let file = File::of(&unit, &library);
    let mut models: Vec<ModelDecl> = Vec::new();
    for declared in found(&file, &mut problems) {
        let (model, mut of_class) = match declared {
            Declared::Class(class, keywords) => class::read(class, keywords, &file),
            Declared::TypeCall(read) => *read,
        };
        problems.append(&mut of_class);
        models.extend(model);
    }
    problems.sort_by_key(|p| (p.place.line, p.place.column));
    (models, problems)
}

/// A class that is a model.
enum Declared<'a> {
    /// A class statement, with the keywords of its decorator or call.
    Class(&'a StmtClassDef, &'a [Keyword]),
    /// A class made by `type(…)`, as read.
    TypeCall(Box<(Option<ModelDecl>, Vec<Problem>)>),
}

/// The model classes in source order.
fn found<'a>(file: &File<'a>, problems: &mut Vec<Problem>) -> Vec<Declared<'a>> {
    let mut models: Vec<(TextSize, Declared<'a>)> = Vec::new();
    for class in &file.classes {
        if let Some(keywords) = file.model_keywords(class) {
            models.push((class.start(), Declared::Class(class, keywords)));
        }
    }
    for call in &file.calls {
        let (argument, keywords) = match &*call.arguments.args {
            [argument] => (argument, &*call.arguments.keywords),
            _ => continue,
        };
        let name = argument.as_name_expr().map(|n| n.id.as_str());
        if let Some(class) = name.and_then(|n| file.class(n, Some(call.start()))) {
            if models.iter().all(|(at, _)| *at != class.start()) {
                models.push((class.start(), Declared::Class(class, keywords)));
            }
            continue;
        }
        let made = name.map_or(Some(argument), |n| file.assigned_before(n, call.start()));
        if let Some(made) = made
            && let Some(read) = class::read_type_call(made, keywords, file)
        {
            models.push((call.start(), Declared::TypeCall(Box::new(read))));
            continue;
        }
        let receiver = match &*call.func {
            Expr::Attribute(attribute) => file.is_dataflow(&attribute.value),
            _ => false,
        };
        // Anything can have a method called `model`; of what is no data flow only a name that could be a class is told.
        if receiver || name.is_some_and(|n| n.starts_with(char::is_uppercase)) {
            problems.push(Problem {
                code: codes::NO_CLASS.id,
                severity: Severity::Note,
                message: format!(
                    "`{}` is passed to a model call: it is no class of this file that can be read without running it",
                    file.unit.slice(argument)
                ),
                place: file.unit.place(call.range()),
                model: None,
            });
        }
    }
    models.sort_by_key(|(at, _)| *at);
    models.into_iter().map(|(_, declared)| declared).collect()
}
