//! Channels: the same run reads the same everywhere, a bad call is refused with the same code, a session is one.

use std::collections::BTreeMap;
use std::time::Instant;

use hallmark_core::{Result, canonical, digest};
use hallmark_evidence::Evidence;
use serde_json::{Value, json};

use super::{CHANNELS, SESSION, settle, tools};
use crate::channels::{Channel, Wire};

/// What a check gives: a fact, whether it holds, and why not.
type Found = Result<(Value, bool, String)>;

pub(super) async fn measure(wire: Result<&Wire, &String>) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    let reference = match wire {
        Ok(wire) => Reference::make(wire).await.map_err(|e| e.to_string()),
        Err(reason) => Err(reason.clone()),
    };
    for channel in Channel::ALL {
        let started = Instant::now();
        let row = Evidence::new(
            CHANNELS,
            format!("channels.{}", channel.id()),
            format!("{} reads a run, and runs a workflow, byte for byte as REST does", channel.title()),
        )
        .threshold("the same canonical result")
        .reproduce("hallmark certify");
        evidence.push(match (&reference, wire) {
            (Ok(reference), Ok(wire)) if wire.channels().contains(&channel) => {
                settle(row, started, reference.compare(wire, channel).await)
            }
            (Ok(_), _) => row.because("the deployment has no such channel"),
            (Err(reason), _) => row.because(reason),
        });
    }
    evidence.push(parity(wire).await);
    evidence.push(session(wire).await);
    evidence
}

/// A run made on REST, and what it gave.
struct Reference {
    run_id: String,
    run: String,
    result: String,
}

impl Reference {
    async fn make(wire: &Wire) -> Result<Self> {
        let answer = wire.call(Channel::Rest, "workflow.run", &tools::classification()).await?.answer()?;
        let run_id = answer["run_id"].as_str().unwrap_or_default().to_owned();
        let run = wire.call(Channel::Rest, "runs.get", &json!({"run_id": run_id})).await?.result()?;
        Ok(Self { run_id, run: fingerprint(&run), result: fingerprint(&answer["result"]) })
    }

    async fn compare(&self, wire: &Wire, channel: Channel) -> Found {
        let run = wire.call(channel, "runs.get", &json!({"run_id": self.run_id})).await?.result()?;
        let result = wire.call(channel, "workflow.run", &tools::classification()).await?.result()?;
        let (run, result) = (fingerprint(&run), fingerprint(&result));
        let (same_run, same_result) = (run == self.run, result == self.result);
        let measured = json!({"run_digest": run, "same_run": same_run, "result_digest": result, "same_result": same_result});
        let reason = if same_run {
            "the workflow's result differs from REST's"
        } else {
            "the run reads otherwise than on REST"
        };
        Ok((measured, same_run && same_result, reason.to_owned()))
    }
}

fn fingerprint(value: &Value) -> String {
    digest::sha256(canonical::to_string(value).as_bytes())
}

/// Calls that must be refused, each for a reason of its own.
fn bad_calls() -> [(&'static str, &'static str, Value); 4] {
    [
        ("a run that does not exist", "runs.get", json!({"run_id": "run-that-does-not-exist"})),
        ("a node that does not exist", "node.run", json!({"node": "NoSuchNode", "input": {}})),
        (
            "a parameter that does not exist",
            "workflow.run",
            json!({"workflow": tools::CLASSIFICATION, "input": {"no_such_parameter": 1}}),
        ),
        (
            "a parameter of the wrong type",
            "workflow.run",
            json!({"workflow": tools::CLASSIFICATION, "input": {"product_name": 7}}),
        ),
    ]
}

async fn parity(wire: Result<&Wire, &String>) -> Evidence {
    let started = Instant::now();
    let row = Evidence::new(
        CHANNELS,
        "channels.error_codes",
        "a bad call is refused with the same code on every channel",
    )
    .threshold("one code a call")
    .reproduce("hallmark certify");
    match wire {
        Ok(wire) => settle(row, started, same_codes(wire).await),
        Err(reason) => row.because(reason),
    }
}

async fn same_codes(wire: &Wire) -> Found {
    let mut seen = serde_json::Map::new();
    let mut differ = Vec::new();
    for (what, operation, input) in bad_calls() {
        let mut codes: BTreeMap<&str, String> = BTreeMap::new();
        for channel in wire.channels() {
            codes.insert(channel.id(), wire.call(channel, operation, &input).await?.code().to_owned());
        }
        let first = codes.values().next().cloned().unwrap_or_default();
        let same = first.starts_with("HM-") && codes.values().all(|c| *c == first);
        if !same {
            let each: Vec<String> = codes.iter().map(|(channel, code)| format!("{channel} {code}")).collect();
            differ.push(format!("{what}: {}", each.join(", ")));
        }
        seen.insert(what.to_owned(), if same { json!(first) } else { json!(codes) });
    }
    Ok((Value::Object(seen), differ.is_empty(), differ.join("; ")))
}

async fn session(wire: Result<&Wire, &String>) -> Evidence {
    let started = Instant::now();
    let row =
        Evidence::new(SESSION, "channels.session", "a session made on any channel is found on every other")
            .threshold("made on each, found on all")
            .reproduce("hallmark certify");
    match wire {
        Ok(wire) => settle(row, started, shared(wire).await),
        Err(reason) => row.because(reason),
    }
}

async fn shared(wire: &Wire) -> Found {
    let channels = wire.channels();
    let (mut found, mut missed) = (0_usize, Vec::new());
    for made_on in &channels {
        let new = json!({"label": "hallmark certify", "data": {"made_on": made_on.id()}, "ttl_s": 600});
        let made = wire.call(*made_on, "sessions.create", &new).await?.result()?;
        let handle = json!({"session": made["id"]});
        for channel in &channels {
            let read = wire.call(*channel, "sessions.get", &handle).await?;
            if read
                .result()
                .is_ok_and(|s| s["id"] == made["id"] && s["data"]["made_on"] == json!(made_on.id()))
            {
                found += 1;
            } else {
                missed.push(format!("made on {}, not found on {}", made_on.title(), channel.title()));
            }
        }
        wire.call(*made_on, "sessions.revoke", &handle).await?;
    }
    let measured =
        json!({"channels": channels.len(), "found": found, "pairs": channels.len() * channels.len()});
    Ok((measured, missed.is_empty() && channels.len() > 1, missed.join("; ")))
}
