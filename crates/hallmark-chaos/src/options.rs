//! What the campaign is asked to do.

use std::path::PathBuf;

use hallmark_services::ServiceKind;

use crate::failure::{Failure, Outcome};
use crate::faults;

/// How the campaign is called.
pub(crate) const HELP: &str = "\
cargo xtask chaos [OPTION…]

  --faults N         how many faults in all, over the services (default 200)
  --seed N           the schedule and every choice; printed, so that a failed campaign can be had again
  --service NAME     only this service: postgres, neo4j, chromadb, redis, openai (may be repeated)
  --kind NAME        only this kind of fault (may be repeated)
  --hallmark FILE    the program under test (default: beside this one)
  --out FOLDER       where the report and the ledgers go (default: the target folder's chaos)
  --keep             leave the project and its logs
  --list             the kinds of fault, and on which services they are tried
";

/// Faults of a full campaign.
const FAULTS: usize = 200;

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) faults: usize,
    pub(crate) seed: u64,
    pub(crate) services: Vec<ServiceKind>,
    /// Empty: all.
    pub(crate) kinds: Vec<String>,
    pub(crate) binary: PathBuf,
    pub(crate) out: PathBuf,
    pub(crate) keep: bool,
    pub(crate) list: bool,
    /// The project's folder, if this is the part of the campaign that runs in namespaces of its own.
    pub(crate) inside: Option<PathBuf>,
}

impl Options {
    /// Reads the arguments; `None` if help was asked for.
    pub(crate) fn read(arguments: &[String]) -> Outcome<Option<Self>> {
        let target = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_nanos();
        let mut options = Self {
            faults: FAULTS,
            seed: u64::try_from(nanos % 1_000_000_007)?,
            services: Vec::new(),
            kinds: Vec::new(),
            binary: target.join("hallmark"),
            out: target.join("../chaos"),
            keep: false,
            list: false,
            inside: None,
        };
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let mut value = || rest.next().ok_or_else(|| Failure(format!("{flag} takes a value")));
            match flag.as_str() {
                "--faults" => options.faults = value()?.parse()?,
                "--seed" => options.seed = value()?.parse()?,
                "--service" => {
                    let name = value()?;
                    let known = ServiceKind::from_name(name);
                    options.services.push(known.ok_or_else(|| Failure(format!("no such service: {name}")))?);
                }
                "--kind" => {
                    let name = value()?;
                    if !faults::ALL.iter().any(|fault| fault.name() == name) {
                        return Err(Failure(format!("no such kind of fault: {name}")));
                    }
                    options.kinds.push(name.clone());
                }
                "--hallmark" => options.binary = value()?.into(),
                "--out" => options.out = value()?.into(),
                "--inside" => options.inside = Some(value()?.into()),
                "--keep" => options.keep = true,
                "--list" => options.list = true,
                "--help" => return Ok(None),
                other => return Err(Failure(format!("{other} is not understood"))),
            }
        }
        if options.services.is_empty() {
            options.services = ServiceKind::ALL.to_vec();
        }
        Ok(Some(options))
    }

    /// The arguments with which the inner part is started.
    pub(crate) fn inner(&self, root: &std::path::Path) -> Vec<std::ffi::OsString> {
        let mut all: Vec<std::ffi::OsString> = vec!["--inside".into(), root.into()];
        all.extend(["--faults".into(), self.faults.to_string().into()]);
        all.extend(["--seed".into(), self.seed.to_string().into()]);
        all.extend(["--hallmark".into(), self.binary.clone().into()]);
        all.extend(["--out".into(), self.out.clone().into()]);
        for service in &self.services {
            all.extend(["--service".into(), service.name().into()]);
        }
        for kind in &self.kinds {
            all.extend(["--kind".into(), kind.into()]);
        }
        all
    }
}
