//! What a rule is: a name, a family, and checks of the kinds of facts it wants to see. The engine dispatches by those kinds.

use hallmark_diagnostics::{RuleInfo, Severity};
use hallmark_python::Module;
use hallmark_python::facts::{
    Assign, Bound, Call, Class, Function, Handler, Import, Literal, Setting, SqlText, Suppression,
};
use serde::Serialize;

use crate::context::Context;
use crate::suppress::Effect;

/// A family of rules: a part of what one requirement asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// How the SDK and the project's own modules are imported.
    Imports,
    /// How nodes are written and registered.
    Registration,
    /// How parameters are declared.
    Parameters,
    /// What a parameter, a secret or a person's data must be protected from.
    Security,
    /// How workflows are built and executed.
    Workflow,
    /// How models are declared and their nodes called.
    Dataflow,
    /// How Nexus and MCP are used.
    Channels,
    /// What works on one operating system only.
    Platform,
    /// What stands in for a real service.
    Mocking,
    /// Whether tests can fail, and belong to a tier.
    Testing,
    /// Whether a failure is seen.
    Errors,
    /// Rules about Hallmark's own comments.
    Meta,
}

impl Family {
    /// Every family, in the order of reports.
    pub const ALL: [Self; 12] = [
        Self::Imports,
        Self::Registration,
        Self::Parameters,
        Self::Security,
        Self::Workflow,
        Self::Dataflow,
        Self::Channels,
        Self::Platform,
        Self::Mocking,
        Self::Testing,
        Self::Errors,
        Self::Meta,
    ];

    /// The word used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Imports => "imports",
            Self::Registration => "registration",
            Self::Parameters => "parameters",
            Self::Security => "security",
            Self::Workflow => "workflow",
            Self::Dataflow => "dataflow",
            Self::Channels => "channels",
            Self::Platform => "platform",
            Self::Mocking => "mocking",
            Self::Testing => "testing",
            Self::Errors => "errors",
            Self::Meta => "meta",
        }
    }

    /// The family of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// The requirement that the family checks.
    #[must_use]
    pub const fn requirement(self) -> &'static str {
        match self {
            Self::Imports => "REQ-GS-001",
            Self::Registration => "REQ-GS-002",
            Self::Parameters | Self::Security => "REQ-GS-003",
            Self::Workflow | Self::Dataflow | Self::Channels => "REQ-GS-004",
            Self::Mocking | Self::Testing => "NO-MOCKING",
            Self::Platform | Self::Errors => "PRODUCTION",
            Self::Meta => "HALLMARK",
        }
    }

    /// The weight of the family in the score; `docs/score.md` says why. They sum up to 1.
    #[must_use]
    pub const fn weight(self) -> f64 {
        match self {
            Self::Imports | Self::Workflow => 0.12,
            Self::Registration => 0.15,
            Self::Parameters | Self::Security => 0.10,
            Self::Dataflow | Self::Testing => 0.05,
            Self::Channels | Self::Platform | Self::Errors => 0.03,
            Self::Mocking => 0.22,
            Self::Meta => 0.0,
        }
    }
}

/// How settled a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Runs unless it is turned off.
    Stable,
    /// Runs only where preview rules are asked for, or the rule is selected by its name.
    Preview,
}

impl Status {
    /// The word used in every output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stable => "stable",
            Self::Preview => "preview",
        }
    }
}

/// A kind of fact and the function that looks at each one.
#[derive(Clone, Copy)]
pub enum Check {
    /// Every imported name.
    Import(fn(&mut Context<'_>, &Import)),
    /// Every call whose callee ends in one of these names, by its own name or, if it is a function of the project, by the
    /// name that re-exports lead to.
    CallTo(&'static [&'static str], fn(&mut Context<'_>, &Call)),
    /// Every class.
    Class(fn(&mut Context<'_>, &Class)),
    /// Every function and method.
    Function(fn(&mut Context<'_>, &Function)),
    /// Every exception handler.
    Handler(fn(&mut Context<'_>, &Handler)),
    /// Every assignment of interest.
    Assign(fn(&mut Context<'_>, &Assign)),
    /// Every URL with user information.
    Url(fn(&mut Context<'_>, &Literal)),
    /// Every value given to one of the names that are watched.
    Setting(&'static [&'static str], fn(&mut Context<'_>, &Setting)),
    /// Every variable whose name says that its value is made up.
    Bound(fn(&mut Context<'_>, &Bound)),
    /// Every SQL statement built by formatting.
    Sql(fn(&mut Context<'_>, &SqlText)),
    /// Every suppression comment.
    Suppression(fn(&mut Context<'_>, &Suppression)),
    /// Every suppression comment, with what became of it: shown when all other rules have run.
    Effect(fn(&mut Context<'_>, &Suppression, &Effect)),
    /// The file as a whole.
    Module(fn(&mut Context<'_>, &Module)),
}

/// A gold standard as code.
pub struct Rule {
    /// The name, in kebab-case: what is wrong, not what to do.
    pub name: &'static str,
    /// The family.
    pub family: Family,
    /// How much a finding weighs unless the check says otherwise.
    pub severity: Severity,
    /// Why the standard forbids it: the middle of every message.
    pub why: &'static str,
    /// What to do unless the check knows better.
    pub action: &'static str,
    /// The rule's own source file, whose module comment is its page.
    pub source: &'static str,
    /// What it looks at.
    pub checks: &'static [Check],
    /// How settled it is.
    pub status: Status,
    /// Whether a comment may suppress it.
    pub suppressible: bool,
}

impl Rule {
    /// What most rules leave as it is: `..Rule::STABLE` ends their declaration.
    pub const STABLE: Self = Self {
        name: "",
        family: Family::Meta,
        severity: Severity::Error,
        why: "",
        action: "",
        source: "",
        checks: &[],
        status: Status::Stable,
        suppressible: true,
    };

    /// [`Rule::STABLE`] for a rule that has still to prove itself.
    pub const PREVIEW: Self = Self { status: Status::Preview, ..Self::STABLE };

    /// The name, in kebab-case.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The requirement that its family checks.
    #[must_use]
    pub const fn requirement(&self) -> &'static str {
        self.family.requirement()
    }

    /// How much a finding weighs unless the check says otherwise.
    #[must_use]
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// The rule's Markdown page, taken from its source.
    #[must_use]
    pub fn page(&self) -> String {
        let mut page = format!("# {}\n\n", self.name);
        for line in self.source.lines() {
            let Some(text) = line.strip_prefix("//!") else { break };
            page.push_str(text.strip_prefix(' ').unwrap_or(text));
            page.push('\n');
        }
        page
    }

    /// The first sentence under "What it does", without its full stop.
    #[must_use]
    pub fn summary(&self) -> String {
        let page = self.page();
        let text = page.split("## What it does").nth(1).unwrap_or_default().trim_start();
        let paragraph = text.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        // A full stop ends the sentence only if a capital follows: `from . import x` holds none.
        let is_end =
            |at: usize| paragraph[at + 2..].starts_with(|c: char| c.is_ascii_uppercase() || c == '`');
        let end = paragraph.match_indices(". ").map(|(at, _)| at).find(|at| is_end(*at));
        paragraph[..end.unwrap_or(paragraph.trim_end_matches(['.', ' ']).len())].to_owned()
    }

    /// Whether it offers an edit for some of its findings, as its own source tells.
    #[must_use]
    pub fn has_fix(&self) -> bool {
        self.source.contains(".fix(")
    }

    /// What the machine formats say about it.
    #[must_use]
    pub fn info(&self) -> RuleInfo {
        RuleInfo {
            name: self.name,
            family: self.family.name(),
            requirement: self.requirement(),
            severity: self.severity,
            why: self.why,
            summary: self.summary(),
            page: self.page(),
        }
    }
}
