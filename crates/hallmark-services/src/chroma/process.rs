//! A private ChromaDB: the server is one library in the wheel, started without its Python client. It has no
//! authentication, so it listens on loopback only, and `status` says so.

use std::ffi::OsString;

use hallmark_core::Result;

use crate::stack::home::make_folder;
use crate::stack::ports::{self, PortName};
use crate::stack::process::{Launch, Process, Site, not_installed};

const START: &str = "import sys, chromadb_rust_bindings as b; b.cli(['chroma'] + sys.argv[1:])";

pub(crate) fn prepare(site: &Site) -> Result<()> {
    make_folder(&site.home.data(Process::Chroma), 0o700)
}

pub(crate) fn launch(site: &Site) -> Result<Launch> {
    let folder = site.home.data(Process::Chroma);
    let entry = site.tools.chroma.as_ref().ok_or_else(|| not_installed("ChromaDB 1.x"))?;
    let port = ports::get(&site.ports, PortName::Chroma)?;
    let mut arguments: Vec<OsString> =
        ["-c", START, "run", "--host", "127.0.0.1", "--port"].map(OsString::from).into();
    arguments.extend([port.to_string().into(), "--path".into(), folder.clone().into_os_string()]);
    Ok(Launch {
        program: entry.join("venv/bin/python"),
        arguments,
        environment: vec![("ANONYMIZED_TELEMETRY", "False".into())],
        folder,
        user: None,
    })
}
