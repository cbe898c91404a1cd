//! Agents that work on one task, one after the other, each with what those before it found.

use std::time::Instant;

use hallmark_core::{Error, Result};
use hallmark_workflow::{Input, Param};
use serde_json::{Value, json};

use crate::codes;
use crate::limits;
use crate::nodes::{CLASSIFIER, RECOMMENDER, SAFETY};
use crate::request::Request;
use crate::store::Store;

/// The agents by the names that a task uses, in their natural order.
const AGENTS: [(&str, &str); 3] =
    [("classifier", CLASSIFIER), ("safety", SAFETY), ("recommender", RECOMMENDER)];

/// The parameters of the coordination itself.
pub(crate) fn params() -> Vec<Param> {
    let names = AGENTS.map(|(name, _)| name);
    vec![
        Param::array("agents")
            .describe(format!("Which agents, in which order: {}; all of them if not given", names.join(", ")))
            .default(json!(names))
            .max_length(AGENTS.len()),
        Param::string("task")
            .describe("The task in words; stands for the product's name where none is given")
            .max_length(limits::NAME_MAX_CHARS),
    ]
}

impl Store {
    /// Runs the agents and joins what they found.
    pub(crate) async fn coordinate(&self, request: &mut Request, input: &Input) -> Result<Value> {
        let agents = read(input.get("agents"))?;
        let task = input.get("task").and_then(Value::as_str).unwrap_or_default();
        if request.name.is_empty() {
            request.name = task.trim().to_owned();
        }
        request.product()?;
        let (mut steps, mut classification, mut combined) = (Vec::new(), None::<Value>, json!({}));
        for (agent, node) in agents {
            let begun = Instant::now();
            let given = classification.as_ref().filter(|_| agent != "classifier");
            let result = match agent {
                "classifier" => self.run_classifier(request).await,
                "safety" => self.run_safety(request, given).await,
                _ => self.run_recommender(request, given).await,
            };
            let result = result.map_err(|e| failed(agent, &e))?;
            join(&mut combined, agent, &result);
            steps.push(json!({
                "agent": agent,
                "node": node,
                "received": if given.is_some() { vec!["classification"] } else { Vec::new() },
                "duration_ms": u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                "contribution": contribution(agent, &result),
                "result": result,
            }));
            if agent == "classifier" {
                classification = steps.last().map(|step| step["result"].clone());
            }
        }
        Ok(json!({"task": task, "product": {"name": request.name}, "steps": steps, "combined": combined}))
    }
}

fn read(value: Option<&Value>) -> Result<Vec<(&'static str, &'static str)>> {
    let wrong = |sentence: String| {
        Error::new(&codes::BAD_AGENTS, sentence)
            .at("agents")
            .next("for example: [\"classifier\", \"safety\", \"recommender\"]")
    };
    let Some(names) = value.and_then(Value::as_array).filter(|all| !all.is_empty()) else {
        return Ok(AGENTS.to_vec());
    };
    let mut agents: Vec<(&'static str, &'static str)> = Vec::new();
    for name in names {
        let known = AGENTS.iter().find(|(agent, node)| name == agent || name == node);
        let Some(agent) = known else { return Err(wrong(format!("{name} is not an agent"))) };
        if agents.contains(agent) {
            return Err(wrong(format!("{name} occurs twice")));
        }
        agents.push(*agent);
    }
    Ok(agents)
}

fn failed(agent: &str, cause: &Error) -> Error {
    let error = Error::new(&codes::AGENT_FAILED, format!("the agent {agent} failed: {}", cause.message()));
    let error = error.because_text(format!("[{}] {cause}", cause.code().id)).at(format!("agents.{agent}"));
    cause.causes().iter().fold(error, |e, text| e.because_text(text.clone())).next("hallmark status")
}

/// What an agent added, in a sentence.
fn contribution(agent: &str, result: &Value) -> String {
    if result["known"] != true {
        return format!("does not know: {}", result["reason"].as_str().unwrap_or("no reason was given"));
    }
    match agent {
        "classifier" => format!(
            "{} with a confidence of {:.2}",
            result["category"]["name"].as_str().unwrap_or_default(),
            result["confidence"].as_f64().unwrap_or_default()
        ),
        "safety" => result["summary"].as_str().unwrap_or_default().to_owned(),
        _ => format!("{} products", result["recommendations"].as_array().map_or(0, Vec::len)),
    }
}

/// Takes what the whole answer needs from one agent's result.
fn join(combined: &mut Value, agent: &str, result: &Value) {
    let names = |list: &str| -> Vec<Value> {
        result[list].as_array().into_iter().flatten().map(|item| item["name"].clone()).collect()
    };
    match agent {
        "classifier" => {
            combined["known"] = result["known"].clone();
            combined["category"] = result["category"].clone();
            combined["confidence"] = result["confidence"].clone();
        }
        "safety" => {
            combined["hazards"] = json!(names("hazards"));
            combined["required_equipment"] = json!(names("required_equipment"));
            combined["recommended_equipment"] = json!(names("recommended_equipment"));
            combined["standards"] = json!(names("standards"));
        }
        _ => combined["recommendations"] = json!(names("recommendations")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_are_known_distinct_and_in_the_order_given() {
        let names =
            |value: Value| read(Some(&value)).map(|all| all.iter().map(|(n, _)| *n).collect::<Vec<_>>());
        assert_eq!(names(json!(["recommender", "classifier"])).unwrap(), ["recommender", "classifier"]);
        assert_eq!(names(json!([])).unwrap().len(), 3);
        assert_eq!(names(json!([SAFETY])).unwrap(), ["safety"]);
        for bad in [json!(["classifier", "classifier"]), json!(["oracle"]), json!([7])] {
            assert!(names(bad).unwrap_err().is(&codes::BAD_AGENTS));
        }
    }
}
