//! One file from disk to facts; what goes wrong is a problem and never an error.

use std::borrow::Cow;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use hallmark_diagnostics::Problem;
use hallmark_python::source::{self, Undecodable};
use hallmark_python::{Module, limits};
use rustc_hash::FxHashSet;

use crate::codes;

/// The bytes of a file, or the text that stands for them.
pub(crate) struct Source {
    content: Result<Content, Problem>,
    path: String,
}

enum Content {
    Bytes(Vec<u8>),
    Overlay(Arc<str>),
}

impl Content {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Overlay(text) => text.as_bytes(),
        }
    }
}

impl Source {
    /// Reads a file, or takes its overlay.
    pub(crate) fn read(root: &Path, path: &str, overlay: Option<&Arc<str>>) -> Self {
        let content = match overlay {
            Some(text) => Ok(Content::Overlay(text.clone())),
            None => read(&root.join(path), path).map(Content::Bytes),
        };
        Self { content, path: path.to_owned() }
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.content.as_ref().map_or(0, |content| content.bytes().len() as u64)
    }

    /// The digest of its bytes, if they could be read.
    pub(crate) fn digest(&self) -> Option<u128> {
        self.content.as_ref().ok().map(|content| xxhash_rust::xxh3::xxh3_128(content.bytes()))
    }

    /// The decoded text.
    pub(crate) fn text(&self) -> Result<Cow<'_, str>, Problem> {
        match &self.content {
            Ok(Content::Bytes(bytes)) => decode(bytes, &self.path),
            Ok(Content::Overlay(text)) => Ok(Cow::Borrowed(text)),
            Err(problem) => Err(problem.clone()),
        }
    }
}

/// What became of one file.
pub(crate) struct Loaded {
    pub(crate) module: Option<Module>,
    pub(crate) problems: Vec<Problem>,
}

/// Parses one file.
pub(crate) fn parse(path: &str, name: &str, source: &Source) -> Loaded {
    let text = match source.text() {
        Ok(text) => text,
        Err(problem) => return Loaded { module: None, problems: vec![problem] },
    };
    let caught = catch_unwind(AssertUnwindSafe(|| hallmark_python::read(path, name, &text)));
    let Ok(module) = caught else {
        return Loaded { module: None, problems: vec![panicked(path)] };
    };
    let problems = module.errors.iter().map(|error| Problem {
        path: path.to_owned(),
        line: Some(error.line),
        code: error.code.id,
        message: error.message.clone(),
    });
    Loaded { problems: problems.collect(), module: Some(module) }
}

/// The problem of a file whose analysis panicked.
pub(crate) fn panicked(path: &str) -> Problem {
    let message =
        "the analysis of this file stopped: a defect of Hallmark, please report it with the file".to_owned();
    Problem { path: path.to_owned(), line: None, code: codes::PANICKED.id, message }
}

fn read(file: &Path, path: &str) -> Result<Vec<u8>, Problem> {
    let unreadable = |error: std::io::Error| Problem {
        path: path.to_owned(),
        line: None,
        code: codes::UNREADABLE.id,
        message: format!("could not be read: {error}"),
    };
    let handle = std::fs::File::open(file).map_err(unreadable)?;
    let size = handle.metadata().map_err(unreadable)?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(limits::SOURCE_BYTES)).unwrap_or(0) + 1);
    // One byte more than the bound tells a file that is too large, even one that grows while it is read.
    handle.take(limits::SOURCE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > limits::SOURCE_BYTES {
        let megabytes = limits::SOURCE_BYTES / 1024 / 1024;
        let message = format!("larger than {megabytes} MB ({} MB): not scanned", size / 1024 / 1024);
        return Err(Problem { path: path.to_owned(), line: None, code: codes::TOO_LARGE.id, message });
    }
    Ok(bytes)
}

fn decode<'a>(bytes: &'a [u8], path: &str) -> Result<Cow<'a, str>, Problem> {
    source::decode(bytes).map_err(|error| {
        let (line, message) = match error {
            Undecodable::Invalid { encoding, line } => {
                (Some(line), format!("not valid {encoding} from this line on"))
            }
            Undecodable::Unknown { encoding } => {
                (Some(1), format!("declares the encoding {encoding}, which is not read"))
            }
        };
        Problem { path: path.to_owned(), line, code: hallmark_python::codes::ENCODING.id, message }
    })
}

/// The dotted name by which Python would import a file: from the topmost package folder around it.
pub(crate) fn module_name(path: &str, packages: &FxHashSet<&str>) -> String {
    let stem = path.strip_suffix(".py").or_else(|| path.strip_suffix(".pyw")).unwrap_or(path);
    let stem = stem.strip_suffix("/__init__").unwrap_or(stem);
    let mut start = stem.rfind('/').map_or(0, |at| at + 1);
    while start > 0 {
        let folder = &stem[..start - 1];
        if !packages.contains(folder) {
            break;
        }
        start = folder.rfind('/').map_or(0, |at| at + 1);
    }
    stem[start..].replace('/', ".")
}

/// The problem of a file that changed between its two readings.
pub(crate) fn changed(path: &str) -> Problem {
    let message = "changed while it was scanned: run the command again".to_owned();
    Problem { path: path.to_owned(), line: None, code: codes::CHANGED.id, message }
}
