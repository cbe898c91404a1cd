//! The agents as nodes of the registry.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hallmark_core::{Error, Result};
use hallmark_services::{Guarded, Handles};
use hallmark_workflow::{Context, Group, Input, Node, NodeSpec, Param};
use serde_json::Value;

use crate::coordinate;
use crate::data::Data;
use crate::request::{Request, context_params, product_params, ranking_params};
use crate::store::Store;
use crate::{codes, limits};

/// What the node of the classifier is called.
pub(crate) const CLASSIFIER: &str = "ProductClassificationNode";
/// What the node of the safety analysis is called.
pub(crate) const SAFETY: &str = "SafetyAnalysisNode";
/// What the node of the recommender is called.
pub(crate) const RECOMMENDER: &str = "RecommendationEngineNode";
/// What the node that coordinates them is called.
pub(crate) const COORDINATION: &str = "AgentCoordinationNode";

/// The agents as nodes: `ProductClassificationNode`, `SafetyAnalysisNode`, `RecommendationEngineNode` and
/// `AgentCoordinationNode`. Nothing is contacted; they read what [`crate::load`] put under the same prefix.
///
/// # Errors
/// `HM-A004` if the prefix cannot name collections and keys.
pub fn nodes(handles: &Handles, guarded: &Guarded, data: &Data, prefix: &str) -> Result<Vec<Arc<dyn Node>>> {
    let store = Arc::new(Store::new(handles, guarded, data, prefix)?);
    let node = |agent: Agent| -> Arc<dyn Node> {
        Arc::new(AgentNode { spec: agent.spec(), agent, store: store.clone() })
    };
    Ok(vec![
        node(Agent::Classifier),
        node(Agent::Safety),
        node(Agent::Recommender),
        node(Agent::Coordination),
    ])
}

#[derive(Clone, Copy)]
enum Agent {
    Classifier,
    Safety,
    Recommender,
    Coordination,
}

impl Agent {
    fn spec(self) -> NodeSpec {
        let handed = Param::object("classification")
            .describe("The result of ProductClassificationNode; without it the product is classified here");
        let (name, summary) = match self {
            Self::Classifier => {
                (CLASSIFIER, "Classifies a product, with confidence, alternatives and the evidence")
            }
            Self::Safety => (
                SAFETY,
                "Names the hazards of a product, the equipment against them and the standards, with the path to each",
            ),
            Self::Recommender => {
                (RECOMMENDER, "Recommends products by vector, graph and price, and shows each part's share")
            }
            Self::Coordination => (
                COORDINATION,
                "Runs agents one after the other, each with the results before it, and joins their answers",
            ),
        };
        let spec =
            NodeSpec::new(name, summary).group(Group::Agent).read_only().timeout_ms(limits::NODE_TIMEOUT_MS);
        match self {
            Self::Classifier => spec.params(product_params()),
            Self::Safety => spec.params(product_params()).params(context_params()).param(handed),
            Self::Recommender => spec.params(product_params()).params(ranking_params()).param(handed),
            Self::Coordination => spec
                .params(coordinate::params())
                .params(product_params())
                .params(context_params())
                .params(ranking_params()),
        }
    }
}

struct AgentNode {
    spec: NodeSpec,
    agent: Agent,
    store: Arc<Store>,
}

impl Node for AgentNode {
    fn spec(&self) -> &NodeSpec {
        &self.spec
    }

    fn run<'a>(&'a self, _context: &'a Context, input: Input) -> BoxFuture<'a, Result<Value>> {
        Box::pin(async move {
            let mut request = Request::read(&input);
            let handed = input.get("classification").filter(|v| !v.is_null());
            match self.agent {
                Agent::Classifier => self.store.run_classifier(&request).await,
                Agent::Safety => self.store.run_safety(&request, handed).await,
                Agent::Recommender => self.store.run_recommender(&mut request, handed).await,
                Agent::Coordination => self.store.coordinate(&mut request, &input).await,
            }
        })
    }
}

impl Store {
    pub(crate) async fn run_classifier(&self, request: &Request) -> Result<Value> {
        match self.classify(request).await {
            Ok(result) => self.classification_json(request, &result),
            Err(error) if self.words_may_answer(&error) => self.classification_by_words(request),
            Err(error) => Err(error),
        }
    }

    /// Classification, if it was not handed over, then the graph.
    pub(crate) async fn run_safety(&self, request: &Request, handed: Option<&Value>) -> Result<Value> {
        let classification = match handed {
            Some(value) => self.check_classification(value)?.clone(),
            None => self.run_classifier(request).await?,
        };
        let place = self.place(request.context.as_deref());
        let mut answer = if classification["known"] == true {
            self.safety(&classification["category"], &place).await?
        } else {
            let reason = format!(
                "the product fits no known category: {}",
                classification["reason"].as_str().unwrap_or("no reason was given")
            );
            self.unknown(
                &Value::Null,
                &place,
                &reason,
                "describe the product, or name its category; do not infer that it is safe",
            )
        };
        answer["product"] = classification["product"].clone();
        answer["confidence"] = classification["confidence"].clone();
        Ok(answer)
    }

    pub(crate) async fn run_recommender(
        &self,
        request: &mut Request,
        handed: Option<&Value>,
    ) -> Result<Value> {
        if let Some(value) = handed {
            let product = &self.check_classification(value)?["product"]["name"];
            if request.name.is_empty() {
                request.name = product.as_str().unwrap_or_default().to_owned();
            }
        }
        self.recommend(request, handed).await
    }

    /// A classification from outside counts only if it names a category of this data.
    fn check_classification<'a>(&self, value: &'a Value) -> Result<&'a Value> {
        let known = value.get("known").and_then(Value::as_bool);
        let category = value["category"]["id"].as_str().and_then(|id| self.data.category(id));
        match (known, category) {
            (Some(false), _) | (Some(true), Some(_)) => Ok(value),
            _ => Err(Error::new(
                &codes::BAD_CLASSIFICATION,
                "it has no `known`, or a category that the data does not have",
            )
            .at("classification")
            .next("hand over the whole result of ProductClassificationNode, or leave it out")),
        }
    }
}
