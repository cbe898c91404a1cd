//! Nodes for the tests: real ones, written as users write them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hallmark_core::{Error, Result, Secret};
use hallmark_workflow::{Context, Node, codes, register_node};
use serde_json::{Map, Value, json};

/// How often `CountNode` was executed.
pub(crate) static COUNTED: AtomicU64 = AtomicU64::new(0);

pub(crate) fn all() -> Vec<Arc<dyn Node>> {
    vec![
        Arc::new(SleepNode),
        Arc::new(FailNode),
        Arc::new(PanicNode),
        Arc::new(CountNode),
        Arc::new(EchoNode),
        Arc::new(LoginNode),
        Arc::new(WordNode),
        Arc::new(LeakNode),
        Arc::new(HvacSuitability),
    ]
}

/// Sleeps, then gives back what it was given.
#[register_node(read_only)]
async fn SleepNode(ms: u64, value: Option<Value>) -> Result<Value> {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Ok(json!({"slept_ms": ms, "value": value}))
}

/// Fails after a while.
#[register_node(read_only)]
async fn FailNode(
    #[param(default = 0)] ms: u64,
    #[param(default = "as asked")] why: String,
    value: Option<Value>,
) -> Result<Value> {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    drop(value);
    Err(Error::new(&codes::RUN_NOT_FOUND, why))
}

/// Panics.
#[register_node(read_only)]
async fn PanicNode(value: Option<Value>) -> Result<Value> {
    panic!("the node panics on {value:?}")
}

/// Counts its executions.
#[register_node]
async fn CountNode(value: Option<Value>) -> Result<Value> {
    Ok(json!({"count": COUNTED.fetch_add(1, Ordering::SeqCst) + 1, "value": value}))
}

/// Gives back what it was given.
#[register_node(read_only)]
async fn EchoNode(context: &Context, value: Option<Value>) -> Result<Value> {
    Ok(json!({"value": value, "caller": context.caller}))
}

/// Exchanges a password for a token.
#[register_node(read_only)]
async fn LoginNode(
    #[param(pii)] user: String,
    #[param(secret, max_length = 100)] password: Secret,
) -> Result<Map<String, Value>> {
    let mut members = Map::new();
    members.insert("token".into(), format!("token-of-{}", password.expose().len()).into());
    members.insert("greeting".into(), format!("welcome {} letters", user.len()).into());
    Ok(members)
}

/// Uses a token, and repeats it where it should not.
#[register_node(read_only)]
async fn LeakNode(#[param(secret)] token: String, #[param(default = false)] fail: bool) -> Result<Value> {
    if fail {
        return Err(
            Error::new(&codes::RUN_NOT_FOUND, format!("the token {token} was refused")).because_text(token)
        );
    }
    let mut members = Map::new();
    members.insert(token.clone(), json!([{"deep": format!("<{token}>")}]));
    Ok(json!({"ok": true, "leak": members}))
}

/// Takes one word.
#[register_node(read_only)]
async fn WordNode(#[param(max_length = 10_000)] word: String) -> Result<Value> {
    Ok(json!({"word": word, "length": word.chars().count()}))
}

/// Says whether a heat pump suits a building.
///
/// The rest of the comment is for people who read the source.
#[register_node(read_only, group = "agent", timeout_ms = 2_000)]
pub(crate) async fn HvacSuitability(
    context: &Context,
    /// Floor area in square metres
    #[param(min = 1, max = 100)]
    area_m2: f64,
    #[param(default = "temperate", choices = ["cold", "temperate", "hot"])] climate: String,
    #[param(describe = "A token of the weather service", secret)] token: Option<String>,
    #[param(default = 2, max = 9, name = "floor-count")] floors: u8,
    rooms: Option<Vec<String>>,
) -> Result<Value> {
    Ok(json!({
        "suitable": climate != "cold" || area_m2 < 50.0,
        "area_m2": area_m2,
        "floors": floors,
        "rooms": rooms.map_or(0, |rooms| rooms.len()),
        "authorised": token.is_some(),
        "caller": context.caller,
    }))
}
