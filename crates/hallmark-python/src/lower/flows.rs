//! What workflows are made of: who a builder is given to, results that are used in the wrong form, code in texts.

use ruff_python_ast::{Expr, ExprAttribute, ExprCall, ExprSubscript, PySourceType};
use ruff_text_size::Ranged as _;

use super::{Lowerer, span};
use crate::facts::{Given, Literal, Name, NodeCode, ScopeKind, Value};
use crate::limits;

/// The path that every builder ends in, whatever module it is imported from.
const BUILDER: &str = "WorkflowBuilder()";

/// What dictionaries have; an attribute of another name is asked of something else.
const DICT: &[&str] =
    &["clear", "copy", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"];

impl<'a> Lowerer<'a> {
    /// The name of the variable that a chain of calls begins with: `b` of `b.add_node(..).add_node`, `self.b` of `self.b.build`.
    pub(super) fn receiver(&mut self, callee: &Expr) -> Option<Name> {
        let Expr::Attribute(method) = callee else { return None };
        let mut expr = &*method.value;
        loop {
            match expr {
                Expr::Call(call) => match &*call.func {
                    Expr::Attribute(inner) => expr = &inner.value,
                    // A chain that begins with a construction is an object of its own.
                    _ => return Some(self.name(&format!("@{}", call.range().start().to_u32()))),
                },
                Expr::Await(awaited) => expr = &awaited.value,
                Expr::Name(name) => return Some(self.name(name.id.as_str())),
                Expr::Attribute(attribute) if attribute.value.is_name_expr() => {
                    let holder = attribute.value.as_name_expr().map_or("", |n| n.id.as_str());
                    return Some(self.joined(&[holder, ".", attribute.attr.as_str()]));
                }
                _ => return None,
            }
        }
    }

    /// Keeps the builders that are given to something other than a builder's own methods, and notes the parameters that a
    /// function executes.
    pub(super) fn note_given(&mut self, call: &'a ExprCall, method: &str) {
        if method == "execute"
            && let Some(Expr::Name(first)) = call.arguments.args.first()
        {
            self.note_executed_parameter(first.id.as_str());
        }
        for (position, arg) in call.arguments.args.iter().enumerate() {
            if !matches!(arg, Expr::Name(_) | Expr::Attribute(_)) {
                continue;
            }
            let Some(path) = self.path_if(arg, |_, path| path.ends_with(BUILDER)) else { continue };
            let to = self.path(&call.func);
            let position = u32::try_from(position).unwrap_or(u32::MAX);
            let (place, scope) = (span(arg.range()), self.scope);
            self.module.given.push(Given { builder: path, to, position, span: place, scope });
        }
    }

    fn note_executed_parameter(&mut self, name: &str) {
        let index = self.module.walk(self.scope).find_map(|kind| match kind {
            ScopeKind::Function(index) => Some(index as usize),
            _ => None,
        });
        let Some(function) = index.and_then(|index| self.module.functions.get_mut(index)) else { return };
        let place = function.params.iter().position(|p| &*p.name == name);
        if let Some(place) = place.and_then(|place| u32::try_from(place).ok())
            && !function.executes.contains(&place)
        {
            function.executes.push(place);
        }
    }

    /// `results["node"].attribute`, where results are those of an execution.
    pub(super) fn note_result_attribute(&mut self, attribute: &ExprAttribute) {
        let Expr::Subscript(subscript) = &*attribute.value else { return };
        if !subscript.slice.is_string_literal_expr() || DICT.contains(&attribute.attr.as_str()) {
            return;
        }
        if let Some(path) = self.path_if(&subscript.value, |_, path| path.ends_with("execute()[0]")) {
            let (place, scope) = (span(attribute.range()), self.scope);
            self.module.result_attributes.push(Literal { text: path, span: place, scope });
        }
    }

    /// `outcome["node"]`, where the outcome is the pair that an execution gives.
    pub(super) fn note_pair_subscript(&mut self, subscript: &ExprSubscript) {
        if !subscript.slice.is_string_literal_expr() {
            return;
        }
        if let Some(path) = self.path_if(&subscript.value, |_, path| gives_pair(path)) {
            let (place, scope) = (span(subscript.range()), self.scope);
            self.module.pair_subscripts.push(Literal { text: path, span: place, scope });
        }
    }

    /// The code of a node that runs Python from a text.
    pub(super) fn note_code(&mut self, call: &'a ExprCall, method: &str) {
        let code = match method {
            "add_node" => {
                let kind = match call.arguments.args.first() {
                    Some(Expr::StringLiteral(kind)) => kind.value.to_str(),
                    Some(Expr::Name(kind)) => kind.id.as_str(),
                    _ => return,
                };
                if !matches!(kind, "PythonCodeNode" | "AsyncPythonCodeNode") {
                    return;
                }
                let config = call
                    .arguments
                    .args
                    .get(2)
                    .or_else(|| call.arguments.find_keyword("config").map(|keyword| &keyword.value));
                let in_config = config.and_then(|config| match config {
                    Expr::Dict(dict) => dict
                        .items
                        .iter()
                        .find(|item| matches!(&item.key, Some(Expr::StringLiteral(key)) if key.value.to_str() == "code"))
                        .map(|item| &item.value),
                    _ => None,
                });
                in_config.or_else(|| call.arguments.find_keyword("code").map(|keyword| &keyword.value))
            }
            "PythonCodeNode" => call.arguments.find_keyword("code").map(|keyword| &keyword.value),
            _ => return,
        };
        let Some(code) = code else { return };
        let (place, scope) = (span(code.range()), self.scope);
        let mut fact = NodeCode { span: place, scope, ..NodeCode::default() };
        match code {
            Expr::StringLiteral(text) => read_code(text.value.to_str(), &mut fact),
            Expr::FString(text) => {
                fact.formatted = self.value(code) == Value::Formatted;
                let parts = text.value.elements().filter_map(|element| element.as_literal());
                let lines = |part: &str| part.lines().filter(|line| !line.trim().is_empty()).count();
                let lines: usize = parts.map(|part| lines(&part.value)).sum();
                fact.lines = u32::try_from(lines).unwrap_or(u32::MAX);
            }
            _ => fact.formatted = self.value(code) == Value::Formatted,
        }
        self.module.codes.push(fact);
    }
}

/// Whether a path ends in a call that gives a pair of results and run id.
fn gives_pair(path: &str) -> bool {
    path.ends_with(".execute()") || path.ends_with(".execute_workflow_async()")
}

/// Reads a text as the module that the node would run.
fn read_code(text: &str, fact: &mut NodeCode) {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    fact.lines = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    if text.len() > limits::CODE_BYTES {
        return;
    }
    let indent = lines.iter().map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let dedented: String =
        text.lines().map(|line| format!("{}\n", line.get(indent..).unwrap_or_default())).collect();
    let parsed = ruff_python_parser::parse_unchecked_source(&dedented, PySourceType::Python);
    // What stands alone in such a text may return and await.
    fact.error = parsed.errors().first().map(|error| error.error.to_string());
    let names: Vec<&str> = words(&dedented).collect();
    fact.binds_result = names.contains(&"result");
    fact.reads_inputs = dedented.contains("inputs.get(") || dedented.contains("inputs[");
    if fact.reads_inputs {
        // A text that makes its own `inputs` reads its own.
        fact.reads_inputs = !dedented
            .lines()
            .any(|line| line.trim_start().starts_with("inputs =") || line.contains("for inputs in"));
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}
