//! One execution of one node: governed, timed, bounded, and never able to take its caller down.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use hallmark_core::{Error, Result};
use hallmark_services::postgres::cancelling;
use serde_json::Value;

use crate::govern::{govern, mask_input, measure, scrub_error};
use crate::{Context, Input, Node, codes, limits};

/// Governs the input, runs the node under its time limit and checks the result; the value comes with its size.
pub(crate) async fn call(
    node: &dyn Node,
    context: &Context,
    input: Input,
    timeout: Duration,
) -> Result<(Value, usize)> {
    let spec = node.spec();
    let input = govern(spec, input)?;
    context.secrets.note(spec, &input);
    if tracing::enabled!(tracing::Level::DEBUG) {
        let masked = Value::Object(mask_input(spec, &input));
        tracing::debug!(node = spec.name, run = context.run_id, input = %masked, "node starts");
    }
    // A node that panics before it gives its future, or while it is polled, fails alone.
    // So does one whose caller goes away or whose time is over: what it asked of the database ends with it.
    let work = cancelling(async { node.run(context, input).await });
    let result = match tokio::time::timeout(timeout, AssertUnwindSafe(work).catch_unwind()).await {
        Err(_) => Err(Error::new(
            &codes::NODE_TIMEOUT,
            format!("{} did not finish in {} ms", spec.name, timeout.as_millis()),
        )),
        Ok(Err(panic)) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text =
                text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned())).unwrap_or_default();
            Err(Error::new(&codes::NODE_PANICKED, format!("{} broke off", spec.name)).because_text(text))
        }
        Ok(Ok(result)) => result.and_then(|value| checked(&spec.name, value)),
    };
    result.map_err(|error| scrub_error(error, &context.secrets.all()))
}

fn checked(name: &str, value: Value) -> Result<(Value, usize)> {
    if !value.is_object() {
        return Err(Error::new(
            &codes::RESULT_NOT_OBJECT,
            format!("{name} gave something other than a JSON object"),
        ));
    }
    match measure(&value, limits::RESULT_MAX_BYTES) {
        Ok(bytes) => Ok((value, bytes)),
        Err(why) => Err(Error::new(&codes::RESULT_TOO_LARGE, format!("the result of {name} {why}"))
            .next("ask for less: a smaller page, fewer columns")),
    }
}
