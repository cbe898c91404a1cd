//! The local model servers: llama.cpp's HTTP server, once for text and once for embeddings. The key comes by the
//! environment.

use std::ffi::OsString;

use hallmark_core::Result;

use super::config::{DEFAULT_EMBEDDING_MODEL, DEFAULT_MODEL};
use crate::stack::home::make_folder;
use crate::stack::install::{EMBEDDINGS_FILE, MODEL_SERVER_FILE};
use crate::stack::ports::{self, PortName};
use crate::stack::process::{Launch, Process, Site, not_installed};

pub(crate) fn prepare(process: Process, site: &Site) -> Result<()> {
    make_folder(&site.home.data(process), 0o700)
}

pub(crate) fn launch(process: Process, site: &Site) -> Result<Launch> {
    let entry = site.tools.models.as_ref().ok_or_else(|| not_installed("the model server"))?;
    let (role, alias, port) = match process {
        Process::OpenAiEmbeddings => ("embeddings", DEFAULT_EMBEDDING_MODEL, PortName::OpenAiEmbeddings),
        _ => ("chat", DEFAULT_MODEL, PortName::OpenAiChat),
    };
    let port = ports::get(&site.ports, port)?;
    let mut arguments: Vec<OsString> = vec!["-I".into(), entry.join(MODEL_SERVER_FILE).into_os_string()];
    arguments.extend(["--role", role, "--alias", alias, "--port"].map(OsString::from));
    arguments.push(port.to_string().into());
    if process == Process::OpenAiEmbeddings {
        arguments.extend(["--model".into(), entry.join(EMBEDDINGS_FILE).into_os_string()]);
    }
    Ok(Launch {
        program: entry.join("venv/bin/python"),
        arguments,
        environment: vec![("HALLMARK_MODEL_SERVER_KEY", site.credentials.openai.expose().into())],
        folder: site.home.data(process),
        user: None,
    })
}
