//! What the tests share: the services of the environment and the whole data, loaded once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use hallmark_agents::{Data, load, nodes, workflows};
use hallmark_core::{Result, fs};
use hallmark_services::{Endpoints, Guarded, Handles};
use hallmark_workflow::{Caller, Context, Registry};
use serde_json::Value;
use tokio::sync::OnceCell;

/// The whole data stays loaded under this prefix: loading it again costs two look-ups.
pub(crate) const PREFIX: &str = "it-agents";

pub(crate) fn endpoints() -> Endpoints {
    let endpoints = Endpoints::from_env().unwrap();
    for kind in
        ["HALLMARK_NEO4J_URL", "HALLMARK_CHROMA_URL", "HALLMARK_REDIS_URL", "HALLMARK_OPENAI_BASE_URL"]
    {
        assert!(std::env::var(kind).is_ok(), "set {kind}: run `hallmark up` and `eval $(hallmark env)`");
    }
    endpoints
}

pub(crate) fn handles() -> Handles {
    Handles::connect(&endpoints()).unwrap()
}

/// A registry with the agents and their workflows under a prefix.
pub(crate) fn registry(handles: &Handles, data: &Data, prefix: &str) -> Arc<Registry> {
    let mut registry = Registry::with_builtins().unwrap();
    registry.register_all(nodes(handles, &Guarded::bare(handles), data, prefix).unwrap()).unwrap();
    workflows(&mut registry).unwrap();
    Arc::new(registry)
}

/// The whole data, loaded once for all tests of this process.
pub(crate) async fn whole() -> Arc<Registry> {
    static LOADED: OnceCell<()> = OnceCell::const_new();
    let (handles, data) = (handles(), Data::load(None).unwrap());
    LOADED
        .get_or_init(|| async {
            load(&handles, &data, PREFIX).await.unwrap();
        })
        .await;
    registry(&handles, &data, PREFIX)
}

pub(crate) async fn attempt(registry: &Registry, name: &str, input: Value) -> Result<Value> {
    registry.call(name, &Context::new(&Caller::new("it")), input.as_object().cloned().unwrap()).await
}

pub(crate) async fn call(registry: &Registry, name: &str, input: Value) -> Value {
    attempt(registry, name, input).await.unwrap()
}

/// A copy of the small data that a test may change.
pub(crate) fn small(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("hallmark-agents-it-{name}-{}", std::process::id()));
    for file in ["categories.toml", "hazards.toml", "products.csv"] {
        let text =
            fs::read_text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/small").join(file)).unwrap();
        fs::write_atomic(&folder.join(file), text.as_bytes(), fs::Mode::Default).unwrap();
    }
    folder
}

/// The names in a list of an answer.
pub(crate) fn names(answer: &Value, list: &str, member: &str) -> Vec<String> {
    answer[list].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}
