//! Reaching the project's supervisor, and starting one.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use hallmark_core::{Error, Result};
use process_wrap::tokio::CommandWrap;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::protocol::{Answer, Request};
use super::server::SUPERVISE;
use crate::platform::{self, LocalStream};
use crate::stack::home::Home;
use crate::stack::{codes, limits, logs};

/// The command that runs [`super::supervise`]; the project's root is its last argument.
#[derive(Clone, Debug)]
pub struct SupervisorCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments before the project's root.
    pub arguments: Vec<OsString>,
    /// Variables that it gets besides the environment.
    pub environment: Vec<(String, String)>,
    /// Whether the root is the last argument; else it is in the variable `HALLMARK_SUPERVISE`.
    pub root_as_argument: bool,
}

impl SupervisorCommand {
    /// The binary that runs now, with the hidden command.
    ///
    /// # Errors
    /// `HM-S062` if the binary's path is not known.
    pub fn this_binary() -> Result<Self> {
        let program = std::env::current_exe().map_err(|e| {
            Error::new(&codes::SUPERVISOR, "the path of this program is not known").because(&e)
        })?;
        Ok(Self {
            program,
            arguments: vec![SUPERVISE.into()],
            environment: Vec::new(),
            root_as_argument: true,
        })
    }
}

/// A connection to a supervisor.
pub(crate) struct Link {
    stream: BufReader<LocalStream>,
}

/// The project's supervisor; `None` if none listens.
pub(crate) async fn connect(home: &Home) -> Option<Link> {
    let stream = platform::connect_local(&home.socket()).await.ok()?;
    Some(Link { stream: BufReader::new(stream) })
}

impl Link {
    /// Asks, and waits for the answer.
    pub(crate) async fn ask(&mut self, request: &Request) -> Result<Answer> {
        let talk = async {
            let mut line = serde_json::to_vec(request).unwrap_or_default();
            line.push(b'\n');
            self.stream.get_mut().write_all(&line).await?;
            let mut answer = String::new();
            self.stream.read_line(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let text = tokio::time::timeout(limits::CONTROL_TIMEOUT, talk)
            .await
            .map_err(|_| {
                Error::new(&codes::SUPERVISOR, "the supervisor does not answer")
                    .next("hallmark down, then: hallmark up")
            })?
            .map_err(|e| {
                Error::new(&codes::SUPERVISOR, "the connection to the supervisor broke")
                    .because(&e)
                    .next("hallmark up")
            })?;
        serde_json::from_str(&text).map_err(|e| {
            Error::new(&codes::SUPERVISOR, "the supervisor's answer was not understood")
                .because(&e)
                .next("hallmark down, then: hallmark up")
        })
    }
}

/// Starts a supervisor in a session of its own and waits until it listens. An orphan by design: it outlives this command.
pub(crate) async fn start(command: &SupervisorCommand, root: &Path, home: &Home) -> Result<Link> {
    let log_path = home.logs().join("supervisor.log");
    let log = logs::open(&log_path)?;
    let failed =
        |e: &std::io::Error| Error::new(&codes::SUPERVISOR, "the supervisor could not be started").because(e);
    let second = log.try_clone().map_err(|e| failed(&e))?;
    let mut wrapped = CommandWrap::with_new(&command.program, |process| {
        process.args(&command.arguments).current_dir("/");
        process.envs(command.environment.iter().map(|(name, value)| (name, value)));
        if command.root_as_argument {
            process.arg(root);
        } else {
            process.env("HALLMARK_SUPERVISE", root);
        }
        process.stdin(Stdio::null()).stdout(log).stderr(second);
    });
    platform::detach(&mut wrapped);
    let mut child = wrapped.spawn().map_err(|e| failed(&e))?;
    let start = Instant::now();
    loop {
        if let Some(link) = connect(home).await {
            return Ok(link);
        }
        let ended = child.inner_mut().try_wait().ok().flatten();
        if ended.is_some() || start.elapsed() > limits::SUPERVISOR_TIMEOUT {
            let how = ended.map_or_else(|| "it does not listen".to_owned(), |status| status.to_string());
            return Err(Error::new(&codes::SUPERVISOR, format!("the supervisor did not start: {how}"))
                .because_text(logs::tail(&log_path, limits::REASON_LINES).join("\n"))
                .next("hallmark doctor"));
        }
        tokio::time::sleep(limits::USABLE_PAUSE / 5).await;
    }
}
