//! One decorated class as a model: its own statements, and those of the classes that it is made of.

use std::collections::BTreeSet;

use ruff_python_ast::{DictItem, Expr, Keyword, Stmt, StmtClassDef};
use ruff_text_size::{Ranged as _, TextRange};

use super::annotation::{self, Outcome};
use super::ir::{Field, FieldDefault, ModelDecl, Relation};
use super::scope::File;
use super::{Problem, Severity, codes, column, field, literal, table_level, validators};

/// How deep bases of bases are followed.
const BASES_DEPTH_MAX: usize = 16;

/// Bases that have no fields: where models come from, and Python's own.
const EMPTY_BASES: [&str; 17] = [
    "object",
    "ABC",
    "Base",
    "base",
    "BaseModel",
    "DataFlowModel",
    "DeclarativeBase",
    "DeclarativeMeta",
    "Generic",
    "Model",
    "NamedTuple",
    "Protocol",
    "Schema",
    "SQLModel",
    "Struct",
    "TypedDict",
    "declarative_base",
];

/// Reads one class; the model is `None` if a field has an unknown type or there is no field.
pub(super) fn read(
    class: &StmtClassDef,
    keywords: &[Keyword],
    file: &File<'_>,
) -> (Option<ModelDecl>, Vec<Problem>) {
    let mut reader = Reader::new(class.name.as_str(), class.name.range(), file);
    reader.class(class, file, &BTreeSet::new(), 0);
    for keyword in keywords {
        if let Some(name) = &keyword.arg {
            reader.option(name.as_str(), &keyword.value, file);
        }
    }
    for decorator in &class.decorator_list {
        if file.decorator(&decorator.expression).is_none() {
            validators::decorator(&mut reader.model, &decorator.expression, file);
        }
    }
    reader.finish(class.name.range(), file)
}

/// Reads `type("Name", bases, {"__annotations__": {…}, …})` as the class that it makes; `None` if it is another expression or
/// not literal enough.
pub(super) fn read_type_call(
    expr: &Expr,
    keywords: &[Keyword],
    file: &File<'_>,
) -> Option<(Option<ModelDecl>, Vec<Problem>)> {
    let Expr::Call(call) = expr else { return None };
    let [name, Expr::Tuple(bases), Expr::Dict(body)] = &*call.arguments.args else { return None };
    if literal::last_name(&call.func) != Some("type") || bases.elts.iter().any(|b| !empty_base(b)) {
        return None;
    }
    let name = file.constant(name)?.as_str()?.to_owned();
    let key = |item: &DictItem| Some(literal::value(item.key.as_ref()?)?.as_str()?.to_owned());
    let members: Vec<(String, &Expr)> =
        body.items.iter().map(|i| Some((key(i)?, &i.value))).collect::<Option<_>>()?;
    let (_, annotations) = members.iter().find(|(name, _)| name == "__annotations__")?;
    let annotations = match annotations {
        Expr::Name(name) => file.assigned(name.id.as_str())?,
        other => other,
    };
    let Expr::Dict(annotations) = annotations else { return None };
    let mut reader = Reader::new(&name, call.range(), file);
    for item in &annotations.items {
        let field = key(item)?;
        let default = members.iter().find(|(name, _)| *name == field).map(|(_, value)| *value);
        reader.field(&field, &item.value, default, file);
    }
    for (name, value) in members.iter().filter(|(name, _)| name.starts_with("__")) {
        table_level::attribute(&mut reader, name, value, file);
    }
    for keyword in keywords {
        if let Some(name) = &keyword.arg {
            reader.option(name.as_str(), &keyword.value, file);
        }
    }
    Some(reader.finish(call.range(), file))
}

fn empty_base(base: &Expr) -> bool {
    literal::last_name(base).is_some_and(|n| EMPTY_BASES.contains(&n))
}

pub(super) struct Reader {
    pub(super) model: ModelDecl,
    problems: Vec<Problem>,
    broken: bool,
    /// Classes that were read, by file and place: two bases may share one.
    seen: BTreeSet<(String, u32)>,
}

impl Reader {
    fn new(name: &str, range: TextRange, file: &File<'_>) -> Self {
        file.library.begin();
        let source = Some(file.unit.place(range));
        Self {
            model: ModelDecl { name: name.to_owned(), source, ..ModelDecl::default() },
            problems: Vec::new(),
            broken: false,
            seen: BTreeSet::new(),
        }
    }

    pub(super) fn problem(
        &mut self,
        code: &'static hallmark_core::Code,
        severity: Severity,
        (range, file): (TextRange, &File<'_>),
        message: String,
    ) {
        self.problems.push(Problem {
            code: code.id,
            severity,
            message,
            place: file.unit.place(range),
            model: Some(self.model.name.clone()),
        });
    }

    /// The bases first, as Python's own order has it, then the class; what a nearer class says of the table hides what a
    /// farther one says.
    fn class(&mut self, class: &StmtClassDef, file: &File<'_>, hidden: &BTreeSet<String>, depth: usize) {
        let place = file.unit.place(class.range());
        if depth > BASES_DEPTH_MAX || !self.seen.insert((place.path, class.start().to_u32())) {
            return;
        }
        let mut hidden_below = hidden.clone();
        hidden_below.extend(class.body.iter().filter_map(table_level_name));
        for base in class.arguments.iter().flat_map(|a| a.args.iter()).rev() {
            self.base(base, class, (file, &hidden_below), depth);
        }
        // The fields first: what is said of the table may name any of them, wherever it stands.
        for statement in class.body.iter().filter(|s| table_level_name(s).is_none()) {
            self.statement(statement, file);
        }
        for statement in &class.body {
            if table_level_name(statement).is_some_and(|name| !hidden.contains(&name)) {
                self.statement(statement, file);
            }
        }
    }

    fn base(
        &mut self,
        base: &Expr,
        class: &StmtClassDef,
        (file, hidden): (&File<'_>, &BTreeSet<String>),
        depth: usize,
    ) {
        let base = if let Expr::Subscript(subscript) = base { &*subscript.value } else { base };
        let name = literal::last_name(base).unwrap_or_default();
        if base.is_name_expr()
            && let Some(found) = file.class(name, Some(class.start())).filter(|c| c.range() != class.range())
        {
            return self.class(found, file, hidden, depth + 1);
        }
        let read = file.elsewhere(base, |other, name| {
            let found = other.class(name, None)?;
            self.class(found, other, hidden, depth + 1);
            Some(())
        });
        let factory = base.is_call_expr() || file.assigned(name).is_some_and(Expr::is_call_expr);
        if read.is_none() && !EMPTY_BASES.contains(&name) && !factory {
            let shown = file.unit.slice(base);
            let message = format!(
                "the base `{shown}` of {} cannot be found, so fields that it declares are not read",
                class.name
            );
            self.problem(&codes::BASE_UNREAD, Severity::Warning, (base.range(), file), message);
        }
    }

    fn statement(&mut self, statement: &Stmt, file: &File<'_>) {
        match statement {
            Stmt::AnnAssign(assign) => match &*assign.target {
                Expr::Name(name) if name.id.starts_with("__") => {
                    if let Some(value) = &assign.value {
                        table_level::attribute(self, name.id.as_str(), value, file);
                    }
                }
                // The SDK passes over such names, and so do dataclasses of pydantic.
                Expr::Name(name) if name.id.starts_with('_') => {}
                Expr::Name(name) => {
                    self.field(name.id.as_str(), &assign.annotation, assign.value.as_deref(), file);
                }
                _ => {}
            },
            Stmt::Assign(assign) => {
                for target in &assign.targets {
                    if let Expr::Name(name) = target {
                        self.assignment(name.id.as_str(), target.range(), &assign.value, file);
                    }
                }
            }
            Stmt::ClassDef(inner) => table_level::inner_class(self, inner, file),
            _ => {}
        }
    }

    fn assignment(&mut self, name: &str, range: TextRange, value: &Expr, file: &File<'_>) {
        if name == "__annotations__"
            && let Expr::Dict(dict) = value
        {
            for item in &dict.items {
                if let Some(serde_json::Value::String(field)) = item.key.as_ref().and_then(literal::value) {
                    self.field(&field, &item.value, None, file);
                }
            }
            return;
        }
        if name.starts_with("__") {
            return table_level::attribute(self, name, value, file);
        }
        if name.starts_with('_') {
            return;
        }
        if let Expr::Call(call) = value
            && matches!(
                literal::last_name(&call.func),
                Some("relationship" | "has_many" | "has_one" | "belongs_to")
            )
        {
            return self.relationship(name, range, call, file);
        }
        match column::read(name, value, file) {
            Some(field) => self.add(field, range, file),
            // `model_config = ConfigDict(…)` of pydantic and the like: kept as an option, so that it is listed.
            None if name == "model_config" => self.option(name, value, file),
            None => {
                let message =
                    format!("`{name}` has no annotation, so it is no field; write `{name}: TYPE = …`");
                self.problem(&codes::NO_ANNOTATION, Severity::Note, (range, file), message);
            }
        }
    }

    fn relationship(
        &mut self,
        name: &str,
        range: TextRange,
        call: &ruff_python_ast::ExprCall,
        file: &File<'_>,
    ) {
        let target = call.arguments.args.first().and_then(|e| field::target(e, file));
        let word = literal::last_name(&call.func).unwrap_or_default();
        let uselist = call.arguments.keywords.iter().find(|k| k.arg.as_ref().is_some_and(|a| a == "uselist"));
        let one = matches!(word, "has_one" | "belongs_to")
            || uselist.is_some_and(|k| literal::value(&k.value) == Some(false.into()));
        self.relation(name, target.unwrap_or_default(), !one, (range, file));
    }

    fn relation(&mut self, name: &str, target: String, many: bool, (range, file): (TextRange, &File<'_>)) {
        self.model.relations.retain(|r| r.name != name);
        let line = file.unit.place(range).line;
        self.model.relations.push(Relation { name: name.to_owned(), target, many, line });
    }

    fn field(&mut self, name: &str, annotation: &Expr, value: Option<&Expr>, file: &File<'_>) {
        let range = annotation.range();
        let read = match annotation::read(annotation, file) {
            Outcome::NotAField => return,
            Outcome::Field(read) => read,
            Outcome::Unknown => {
                self.broken = true;
                let shown = file.unit.slice(annotation);
                let message = format!(
                    "field `{name}` of {} has the type `{shown}`, which has no column type",
                    self.model.name
                );
                self.problem(&codes::UNKNOWN_TYPE, Severity::Error, (range, file), message);
                return;
            }
        };
        match &read.relation {
            Some((target, many)) => self.relation(name, target.clone(), *many, (range, file)),
            None => self.add(field::build(name, read, value, file), range, file),
        }
    }

    fn add(&mut self, mut field: Field, range: TextRange, file: &File<'_>) {
        let place = file.unit.place(range);
        (field.line, field.column) = (place.line, place.column);
        if let Some(FieldDefault::Computed(text)) = &field.default {
            let message = format!(
                "the default of `{}` is `{text}`, which only Python could evaluate: a value must be given",
                field.name
            );
            self.problem(&codes::COMPUTED_DEFAULT, Severity::Warning, (range, file), message);
        }
        let same_place = |before: &Field, of: &File<'_>| {
            // A field of a base that the class declares again is what inheritance is for.
            self.model
                .source
                .as_ref()
                .is_some_and(|s| s.path == of.unit.place(range).path && before.line > s.line)
        };
        match self.model.fields.iter().position(|f| f.name == field.name) {
            Some(at) => {
                let twice = same_place(&self.model.fields[at], file);
                let message = format!(
                    "field `{}` is declared twice; the last declaration counts, as in Python",
                    field.name
                );
                self.model.fields[at] = field;
                if twice {
                    self.problem(&codes::DECLARED_TWICE, Severity::Warning, (range, file), message);
                }
            }
            None => self.model.fields.push(field),
        }
    }

    pub(super) fn option(&mut self, key: &str, value: &Expr, file: &File<'_>) {
        let read = file.constant(value).unwrap_or_else(|| {
            let shown = file.unit.slice(value);
            let message = format!("option `{key}` is `{shown}`, not a literal");
            self.problem(&codes::OPTION_UNREADABLE, Severity::Warning, (value.range(), file), message);
            serde_json::json!({ "expression": shown })
        });
        self.model.options.insert(key.to_owned(), read);
    }

    fn finish(mut self, range: TextRange, file: &File<'_>) -> (Option<ModelDecl>, Vec<Problem>) {
        if self.broken {
            return (None, self.problems);
        }
        if self.model.fields.is_empty() {
            let message = format!("{} declares no annotated field", self.model.name);
            self.problem(&codes::NO_FIELDS, Severity::Warning, (range, file), message);
            return (None, self.problems);
        }
        table_level::settle(&mut self.model);
        (Some(self.model), self.problems)
    }
}

/// The name of a statement that says something of the whole table: the nearest class that has it decides.
fn table_level_name(statement: &Stmt) -> Option<String> {
    let name = match statement {
        Stmt::Assign(assign) => literal::last_name(assign.targets.first()?)?,
        Stmt::AnnAssign(assign) => literal::last_name(&assign.target)?,
        Stmt::ClassDef(inner) => inner.name.as_str(),
        _ => return None,
    };
    (name.starts_with("__") || statement.is_class_def_stmt()).then(|| name.to_owned())
}
