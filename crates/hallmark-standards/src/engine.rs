//! Runs the rules over one file. Which rule wants which kind of fact is worked out once for a scan; then each fact is shown to
//! the rules that want it.

use hallmark_diagnostics::Severity;
use hallmark_python::Module;
use hallmark_python::facts::{
    Assign, Bound, Call, Class, Function, Handler, Import, Literal, Setting, Span, SqlText, Suppression,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::context::{Context, File, Raw};
use crate::limits;
use crate::rule::{Check, Rule};
use crate::scope::Scope;
use crate::suppress::{self, Effect};

/// A rule and the function that looks at a fact of this kind.
type Wants<F> = Vec<(&'static Rule, fn(&mut Context<'_>, &F))>;

/// A function that looks at a suppression comment and what became of it.
type Judge = fn(&mut Context<'_>, &Suppression, &Effect);

/// Which rules want which facts.
#[derive(Default)]
pub(crate) struct Plan {
    imports: Wants<Import>,
    calls_to: FxHashMap<&'static str, Wants<Call>>,
    classes: Wants<Class>,
    functions: Wants<Function>,
    handlers: Wants<Handler>,
    assigns: Wants<Assign>,
    urls: Wants<Literal>,
    settings: FxHashMap<&'static str, Wants<Setting>>,
    invented: Wants<Bound>,
    statements: Wants<SqlText>,
    suppressions: Wants<Suppression>,
    modules: Wants<Module>,
    effects: Vec<(&'static Rule, Judge)>,
    /// Every rule that runs, by name.
    rules: FxHashSet<&'static str>,
}

impl Plan {
    pub(crate) fn new(rules: &[&'static Rule]) -> Self {
        let mut plan = Self::default();
        for &rule in rules {
            plan.rules.insert(rule.name);
            for check in rule.checks {
                match *check {
                    Check::Import(run) => plan.imports.push((rule, run)),
                    Check::CallTo(names, run) => {
                        for name in names {
                            plan.calls_to.entry(name).or_default().push((rule, run));
                        }
                    }
                    Check::Class(run) => plan.classes.push((rule, run)),
                    Check::Function(run) => plan.functions.push((rule, run)),
                    Check::Handler(run) => plan.handlers.push((rule, run)),
                    Check::Assign(run) => plan.assigns.push((rule, run)),
                    Check::Url(run) => plan.urls.push((rule, run)),
                    Check::Setting(names, run) => {
                        for name in names {
                            plan.settings.entry(name).or_default().push((rule, run));
                        }
                    }
                    Check::Bound(run) => plan.invented.push((rule, run)),
                    Check::Sql(run) => plan.statements.push((rule, run)),
                    Check::Suppression(run) => plan.suppressions.push((rule, run)),
                    Check::Module(run) => plan.modules.push((rule, run)),
                    Check::Effect(run) => plan.effects.push((rule, run)),
                }
            }
        }
        plan
    }

    /// Whether a rule is one of those that run.
    pub(crate) fn runs(&self, rule: &Rule) -> bool {
        self.rules.contains(rule.name)
    }

    /// Shows every fact of the file to the rules that want it.
    fn run(&self, context: &mut Context<'_>) {
        let module = context.module();
        show(&self.imports, &module.imports, context);
        show(&self.classes, &module.classes, context);
        show(&self.functions, &module.functions, context);
        show(&self.handlers, &module.handlers, context);
        show(&self.assigns, &module.assigns, context);
        show(&self.urls, &module.urls, context);
        show(&self.invented, &module.invented, context);
        show(&self.statements, &module.statements, context);
        show(&self.suppressions, &module.suppressions, context);
        show(&self.modules, std::slice::from_ref(module), context);
        for setting in &module.settings {
            for (rule, run) in self.settings.get(&*setting.name).into_iter().flatten() {
                context.rule = rule;
                run(context, setting);
            }
        }
        // Whether a path leads into a file of the project.
        let mut own: FxHashMap<&str, bool> = FxHashMap::default();
        for call in &module.calls {
            let name = last_name(&call.callee);
            self.show_call(name, call, context);
            // What a file re-exports under another name is still what it was.
            let Some((holder, _)) = call.callee.rsplit_once('.') else { continue };
            if holder.starts_with('$') || call.callee.contains("()") {
                continue;
            }
            let leads = || {
                let index = context.index();
                index.is_own(holder) || holder.rsplit_once('.').is_some_and(|(up, _)| index.is_own(up))
            };
            if !*own.entry(holder).or_insert_with(leads) {
                continue;
            }
            let canonical = context.canonical(&call.callee);
            let other = last_name(&canonical);
            if other != name {
                self.show_call(other, call, context);
            }
        }
    }

    fn show_call(&self, name: &str, call: &Call, context: &mut Context<'_>) {
        for (rule, run) in self.calls_to.get(name).into_iter().flatten() {
            context.rule = rule;
            run(context, call);
        }
    }
}

/// What follows the last dot of a path.
fn last_name(path: &str) -> &str {
    path.rsplit(['.', '$']).next().unwrap_or_default()
}

fn show<F>(wants: &Wants<F>, facts: &[F], context: &mut Context<'_>) {
    for fact in facts {
        for (rule, run) in wants {
            context.rule = rule;
            run(context, fact);
        }
    }
}

/// The findings of one file in the order of their places, those that a comment accepts marked as such.
pub(crate) fn check(file: &File<'_>, plan: &Plan, scope: &Scope) -> Vec<Raw> {
    let mut context = Context { file, rule: &Rule::STABLE, found: Vec::new() };
    plan.run(&mut context);
    let mut all = std::mem::take(&mut context.found);
    sort(&mut all);
    scope.weigh(&file.module.path, &mut all);
    if !file.module.suppressions.is_empty() {
        let effects = suppress::apply(file, |rule| scope.runs(plan, &file.module.path, rule), &mut all);
        for (suppression, effect) in file.module.suppressions.iter().zip(&effects) {
            for (rule, run) in &plan.effects {
                context.rule = rule;
                run(&mut context, suppression, effect);
            }
        }
        let mut said = context.found;
        scope.weigh(&file.module.path, &mut said);
        all.append(&mut said);
        sort(&mut all);
    }
    bounded(file, &mut all);
    all
}

fn sort(all: &mut Vec<Raw>) {
    all.sort_by(|a, b| (a.span, a.rule.name, &a.message).cmp(&(b.span, b.rule.name, &b.message)));
    all.dedup_by(|a, b| a.span == b.span && a.rule.name == b.rule.name);
}

/// Keeps a generated file from drowning the report: what is over the bound becomes one finding that says how many.
fn bounded(file: &File<'_>, all: &mut Vec<Raw>) {
    if all.len() <= limits::FINDINGS_PER_RULE_AND_FILE {
        return;
    }
    // For each rule: how many there are, and the worst of those that are left out.
    let mut seen: FxHashMap<&'static str, (usize, Severity, &'static Rule)> = FxHashMap::default();
    all.retain(|raw| {
        if raw.accepted.is_some() {
            return true;
        }
        let entry = seen.entry(raw.rule.name).or_insert((0, Severity::Info, raw.rule));
        entry.0 += 1;
        entry.1 = entry.1.max(raw.severity);
        entry.0 <= limits::FINDINGS_PER_RULE_AND_FILE
    });
    let mut over: Vec<_> =
        seen.into_values().filter(|(count, ..)| *count > limits::FINDINGS_PER_RULE_AND_FILE).collect();
    over.sort_unstable_by_key(|(_, _, rule)| rule.name);
    let end = Span { start: file.module.length, end: file.module.length };
    for (count, severity, rule) in over {
        let left_out = count - limits::FINDINGS_PER_RULE_AND_FILE;
        let message = format!("{left_out} more findings of this rule in this file are not listed one by one");
        let mut context = Context { file, rule, found: Vec::new() };
        context.report(end, 0, message).severity(severity);
        all.append(&mut context.found);
    }
}
