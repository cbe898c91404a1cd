//! REST: the route that the deployment lists, with path, query and body made of one input.

use hallmark_core::Result;
use hallmark_services::http;
use serde_json::{Map, Value};

use super::{Channel, Reply, Route, Wire, code_of, failed};
use crate::limits::CHANNEL_BYTES_MAX;

impl Wire {
    pub(super) async fn rest(&self, route: &Route, input: &Value) -> Result<Reply> {
        let mut rest = input.as_object().cloned().unwrap_or_default();
        let path = fill(&route.path, &mut rest);
        let method =
            reqwest::Method::from_bytes(route.method.as_bytes()).map_err(|e| failed(Channel::Rest, e))?;
        let base = self.deployment.rest_url.trim_end_matches('/');
        let mut url = reqwest::Url::parse(&format!("{base}{path}")).map_err(|e| failed(Channel::Rest, e))?;
        let reads = method == reqwest::Method::GET;
        if reads && !rest.is_empty() {
            url.query_pairs_mut().extend_pairs(rest.iter().map(|(name, value)| (name, plain(value))));
        }
        let mut request = self.http.request(method, url).bearer_auth(self.deployment.token.expose());
        if !reads {
            request = request.json(&rest);
        }
        let response = request.send().await.map_err(|e| http::error(&e))?;
        let status = response.status();
        let body = http::body(response, CHANNEL_BYTES_MAX).await?;
        let value: Value = serde_json::from_slice(&body)
            .map_err(|e| failed(Channel::Rest, format!("{status}, and no JSON: {e}")))?;
        if status.is_success() {
            return Ok(Reply::Answer(value));
        }
        let code =
            code_of(&value).ok_or_else(|| failed(Channel::Rest, format!("{status} without a code")))?;
        Ok(Reply::Refused(code.to_owned()))
    }
}

/// Puts members of the input into the path's braces, and takes them out of the input.
fn fill(path: &str, input: &mut Map<String, Value>) -> String {
    let segment = |part: &str| match part.strip_prefix('{').and_then(|p| p.strip_suffix('}')) {
        Some(name) => encoded(&input.remove(name).map_or(String::new(), |v| plain(&v))),
        None => part.to_owned(),
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn encoded(text: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_takes_its_members_and_leaves_the_rest() {
        let mut input = json!({"node": "A/B", "input": {"limit": 1}}).as_object().unwrap().clone();
        assert_eq!(fill("/api/v1/nodes/{node}/run", &mut input), "/api/v1/nodes/A%2FB/run");
        assert_eq!(Value::Object(input), json!({"input": {"limit": 1}}));
    }
}
