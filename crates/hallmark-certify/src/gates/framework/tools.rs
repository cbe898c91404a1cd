//! The three tools of the requirements: listed by MCP, and answering the requirements' own requests.

use std::time::Instant;

use hallmark_core::Result;
use hallmark_evidence::Evidence;
use serde_json::{Value, json};

use super::{TOOLS, settle};
use crate::channels::{Channel, Wire};

/// The name of the first of them.
pub(super) const CLASSIFICATION: &str = "product_classification";

/// A tool, the requirements' request to it, and what its answer must hold.
struct Tool {
    name: &'static str,
    what: &'static str,
    request: fn() -> Value,
    answers: fn(&Value) -> bool,
}

static REQUESTS: [Tool; 3] = [
    Tool {
        name: CLASSIFICATION,
        what: "\"Safety Hammer\" in \"Tools\" is classified, with a confidence",
        request: || json!({"product_name": "Safety Hammer", "category": "Tools"}),
        answers: |a| find(a, "category").is_some_and(Value::is_object) && positive(find(a, "confidence")),
    },
    Tool {
        name: "safety_analysis",
        what: "\"Industrial Safety Goggles\" are analysed: hazards or equipment, or that nothing is known, said",
        request: || json!({"product_name": "Industrial Safety Goggles"}),
        answers: |a| {
            find(a, "known") == Some(&json!(true))
                && (filled(find(a, "hazards")) || filled(find(a, "required_equipment")))
        },
    },
    Tool {
        name: "recommendation_engine",
        what: "\"Personal Protective Equipment\" on a construction site gets recommendations",
        request: || json!({"product_name": "Personal Protective Equipment", "context": "construction site"}),
        answers: |a| filled(find(a, "recommendations")),
    },
];

/// The call that channels are compared by.
pub(super) fn classification() -> Value {
    json!({"workflow": CLASSIFICATION, "input": {"product_name": "Safety Hammer", "category": "Tools"}})
}

pub(super) async fn measure(wire: Result<&Wire, &String>) -> Vec<Evidence> {
    let mut evidence = vec![listed(wire).await];
    for tool in &REQUESTS {
        let started = Instant::now();
        let row = Evidence::new(TOOLS, format!("mcp.{}", tool.name), tool.what)
            .threshold("an answer with content, over MCP on HTTP and on WebSocket")
            .reproduce(format!("hallmark run {} --input '{}'", tool.name, (tool.request)()));
        evidence.push(match wire {
            Ok(wire) => settle(row, started, asked(wire, tool).await),
            Err(reason) => row.because(reason),
        });
    }
    evidence
}

async fn listed(wire: Result<&Wire, &String>) -> Evidence {
    let started = Instant::now();
    let row = Evidence::new(TOOLS, "mcp.listed", "MCP lists the three tools of the requirements")
        .threshold("3 of 3")
        .reproduce("hallmark mcp");
    let wire = match wire {
        Ok(wire) => wire,
        Err(reason) => return row.because(reason),
    };
    let found = wire.tools().await.map(|tools| {
        let missing: Vec<&str> =
            REQUESTS.iter().map(|t| t.name).filter(|name| !tools.iter().any(|t| t == name)).collect();
        (
            json!({"tools": tools.len(), "missing": missing}),
            missing.is_empty(),
            format!("not listed: {}", missing.join(", ")),
        )
    });
    settle(row, started, found)
}

async fn asked(wire: &Wire, tool: &Tool) -> Result<(Value, bool, String)> {
    let mut measured = serde_json::Map::new();
    let mut wrong = Vec::new();
    for channel in [Channel::McpHttp, Channel::McpWebSocket] {
        let started = Instant::now();
        let reply = wire.call_tool(channel, tool.name, &(tool.request)()).await?;
        let code = reply.code().to_owned();
        let answers = reply.result().is_ok_and(|result| (tool.answers)(&result));
        measured.insert(
            channel.id().to_owned(),
            json!({"answered": answers, "ms": (started.elapsed().as_secs_f64() * 1e4).round() / 10.0}),
        );
        if !answers {
            wrong.push(format!(
                "{}: {}",
                channel.title(),
                if code.starts_with("HM-") { code } else { "the answer lacks its content".to_owned() }
            ));
        }
    }
    Ok((Value::Object(measured), wrong.is_empty(), wrong.join("; ")))
}

/// The member of this name nearest to the top: a workflow may wrap what its last node says.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let mut level = vec![value];
    while !level.is_empty() {
        if let Some(found) = level.iter().find_map(|v| v.get(name)) {
            return Some(found);
        }
        level = level
            .into_iter()
            .flat_map(|v| v.as_object().into_iter().flat_map(serde_json::Map::values))
            .collect();
    }
    None
}

fn positive(value: Option<&Value>) -> bool {
    value.and_then(Value::as_f64).is_some_and(|n| n > 0.0)
}

fn filled(value: Option<&Value>) -> bool {
    value.and_then(Value::as_array).is_some_and(|items| !items.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_content_is_none() {
        let [classification, safety, recommendation] = &REQUESTS;
        assert!((classification.answers)(
            &json!({"answer": {"category": {"id": "hammers"}, "confidence": 0.8}})
        ));
        assert!(!(classification.answers)(&json!({"category": null, "confidence": 0})));
        assert!(!(safety.answers)(&json!({"known": false, "hazards": []})));
        assert!(!(recommendation.answers)(&json!({"recommendations": []})));
    }
}
