//! One error type for every crate and channel: a code with a page, a sentence, a cause chain and a next step.

use std::fmt;

use serde_json::{Value, json};

/// The result of every fallible function of Hallmark.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The class of exit code an error maps to; the highest class wins (see `hallmark explain exit-codes`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ExitClass {
    /// Everything asked for was done: 0.
    Ok,
    /// Findings exist or a gate failed: 1.
    Findings,
    /// Some inputs were unreadable or unparsable: 3.
    Unreadable,
    /// A required service is unavailable: 4.
    Unavailable,
    /// The command line or the configuration is wrong: 2.
    Usage,
    /// A defect of Hallmark itself: 101.
    Internal,
}

impl ExitClass {
    /// The process exit code of this class.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Unreadable => 3,
            Self::Unavailable => 4,
            Self::Internal => 101,
        }
    }
}

/// An error code: a stable identifier with a page that `hallmark explain` prints offline.
#[derive(Debug)]
pub struct Code {
    /// The identifier, for example `HM-S012`.
    pub id: &'static str,
    /// What went wrong in general, a phrase in lower case.
    pub title: &'static str,
    /// The Markdown page of the code.
    pub page: &'static str,
    /// The exit class of a command that ends with this error.
    pub exit: ExitClass,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// Declares a table of error codes; each code must have its page in `docs/errors/<id>.md`.
///
/// Gives a module with one `static` per code and `ALL`, the table in declaration order.
#[macro_export]
macro_rules! codes {
    ($(#[$doc:meta])* pub mod $module:ident { $($name:ident = $id:literal, $title:literal, $exit:ident;)* }) => {
        $(#[$doc])*
        pub mod $module {
            $(
                #[doc = concat!("`", $id, "`: ", $title, ".")]
                pub static $name: $crate::Code = $crate::Code {
                    id: $id,
                    title: $title,
                    page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors/", $id, ".md")),
                    exit: $crate::ExitClass::$exit,
                };
            )*
            /// Every code of this table.
            pub static ALL: &[&$crate::Code] = &[$(&$name),*];
        }
    };
}

/// What failed, why, and what to do next. Cheap to move: one pointer.
pub struct Error(Box<Inner>);

struct Inner {
    code: &'static Code,
    message: String,
    causes: Vec<String>,
    next: Option<String>,
    place: Option<String>,
}

impl Error {
    /// An error of this code, with the sentence that says what happened here.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { code, message: message.into(), causes: Vec::new(), next: None, place: None }))
    }

    /// Adds the error that led here, with the errors behind it.
    #[must_use]
    pub fn because(mut self, cause: &(dyn std::error::Error + 'static)) -> Self {
        let mut link = Some(cause);
        while let Some(error) = link {
            let text = error.to_string();
            if self.0.causes.last() != Some(&text) {
                self.0.causes.push(text);
            }
            link = error.source();
        }
        self
    }

    /// Adds a cause that is known as text only.
    #[must_use]
    pub fn because_text(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    /// Names the command or the step that mends it.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.0.next = Some(step.into());
        self
    }

    /// Names the place, as `file:line:column`, a URL or a parameter path.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.0.place = Some(place.into());
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &'static Code {
        self.0.code
    }

    /// The sentence, without code, place or causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The causes, nearest first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.0.causes
    }

    /// The next step, if the error knows a better one than its page.
    #[must_use]
    pub fn next_step(&self) -> Option<&str> {
        self.0.next.as_deref()
    }

    /// The place, if known.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.0.place.as_deref()
    }

    /// Whether this is an error of that code.
    #[must_use]
    pub fn is(&self, code: &'static Code) -> bool {
        self.0.code == code
    }

    /// The shape every channel sends: REST adds a status (problem+json), MCP puts it in `data`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "code": self.0.code.id,
            "title": self.0.code.title,
            "detail": self.0.message,
            "causes": self.0.causes,
            "place": self.0.place,
            "next": self.0.next.clone().unwrap_or_else(|| format!("hallmark explain {}", self.0.code.id)),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.0.place {
            write!(f, "{place}: ")?;
        }
        write!(f, "{}", self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {self}", self.0.code.id)?;
        for cause in &self.0.causes {
            write!(f, "\n  because: {cause}")?;
        }
        if let Some(next) = &self.0.next {
            write!(f, "\n  next: {next}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
