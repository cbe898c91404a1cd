//! One file from disk to facts; what goes wrong is a problem and never an error.

use std::borrow::Cow;
use std::io::Read as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use hallmark_diagnostics::Problem;
use hallmark_python::source::{self, Undecodable};
use hallmark_python::{Module, limits};
use rustc_hash::FxHashSet;

use crate::codes;

/// What became of one file.
pub(crate) struct Loaded {
    pub(crate) module: Option<Module>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) bytes: u64,
}

/// Reads and parses one file.
pub(crate) fn load(root: &Path, path: &str, packages: &FxHashSet<&str>) -> Loaded {
    let bytes = match read(&root.join(path), path) {
        Ok(bytes) => bytes,
        Err(problem) => return Loaded { module: None, problems: vec![problem], bytes: 0 },
    };
    let size = bytes.len() as u64;
    let text = match decode(&bytes, path) {
        Ok(text) => text,
        Err(problem) => return Loaded { module: None, problems: vec![problem], bytes: size },
    };
    let name = module_name(path, packages);
    let caught = catch_unwind(AssertUnwindSafe(|| hallmark_python::read(path, &name, &text)));
    let Ok(module) = caught else {
        return Loaded { module: None, problems: vec![panicked(path)], bytes: size };
    };
    let problems = module.errors.iter().map(|error| Problem {
        path: path.to_owned(),
        line: Some(error.line),
        code: error.code.id,
        message: error.message.clone(),
    });
    Loaded { problems: problems.collect(), module: Some(module), bytes: size }
}

/// The problem of a file whose analysis panicked.
pub(crate) fn panicked(path: &str) -> Problem {
    let message =
        "the analysis of this file stopped: a defect of Hallmark, please report it with the file".to_owned();
    Problem { path: path.to_owned(), line: None, code: codes::PANICKED.id, message }
}

/// The decoded text of a file, again, for lines and columns; `None` if it can no longer be read as before.
pub(crate) fn reread(root: &Path, module: &Module) -> Option<String> {
    let bytes = read(&root.join(&*module.path), &module.path).ok()?;
    let text = decode(&bytes, &module.path).ok()?;
    (text.len() == module.length as usize).then(|| text.into_owned())
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
fn module_name(path: &str, packages: &FxHashSet<&str>) -> String {
    let stem = path.strip_suffix(".py").unwrap_or(path);
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
