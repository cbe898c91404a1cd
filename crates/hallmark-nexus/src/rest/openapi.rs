//! The OpenAPI 3.1 document, built from the operation table and from the description of every node.

use hallmark_workflow::{NodeSpec, Param};
use serde_json::{Map, Value, json};

use crate::Operations;
use crate::operations::{Effect, Operation, answer_schema, group};

/// The document of this registry.
pub(super) fn document(operations: &Operations) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations.table() {
        for (at, (method, path)) in operation.routes.iter().enumerate() {
            let item = paths.entry((*path).to_owned()).or_insert_with(|| json!({}));
            item[method.to_lowercase()] = of_operation(operation, path, at);
        }
    }
    for spec in operations.registry().specs() {
        paths.insert(format!("/api/v1/nodes/{}/run", spec.name), json!({ "post": of_node(spec) }));
    }
    paths.insert("/health".into(), json!({ "get": {
        "operationId": "health", "summary": "Whether the server is alive.", "security": [], "tags": ["server"],
        "responses": { "200": { "description": "It is.", "content": { "application/json": { "schema": { "type": "object" } } } } },
    }}));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": format!("Hallmark: {}", operations.project()),
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The operations of one project. The same calls exist as MCP tools and on the command line; `result` is the same everywhere.",
        },
        "servers": [{ "url": "/" }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer", "description": "The token in .hallmark/token" } },
            "schemas": { "Answer": answer_schema(), "Problem": problem_schema() },
        },
    })
}

fn of_operation(operation: &Operation, path: &str, at: usize) -> Value {
    let in_path = |param: &&Param| path.contains(&format!("{{{}}}", param.name));
    let reads = operation.effect == Effect::Reads;
    let parameters: Vec<Value> = operation
        .spec
        .params
        .iter()
        .filter(|param| reads || in_path(param))
        .map(|param| {
            let path = in_path(&param);
            json!({
                "name": param.name,
                "in": if path { "path" } else { "query" },
                "required": path || param.required,
                "description": param.description,
                "schema": param.schema(),
            })
        })
        .collect();
    let name = operation.name();
    let mut value = json!({
        // Each route has an id of its own.
        "operationId": if at == 0 { name.to_owned() } else { format!("{name}.{at}") },
        "summary": operation.spec.summary,
        "tags": [name.split('.').next().unwrap_or(name)],
        "parameters": parameters,
        "responses": responses(),
    });
    if !reads {
        let mut rest = operation.spec.clone();
        rest.params.retain(|param| !in_path(&param));
        value["requestBody"] = json_body(&rest.input_schema(), rest.params.iter().any(|p| p.required));
    }
    value
}

fn of_node(spec: &NodeSpec) -> Value {
    let body = json!({
        "type": "object",
        "properties": {
            "input": spec.input_schema(),
            "session": { "type": "string", "description": "The handle of a session of yours" },
            "idempotency_key": { "type": "string", "description": "The same key again gives the first run" },
        },
        "additionalProperties": false,
    });
    json!({
        "operationId": format!("node.run.{}", spec.name),
        "summary": spec.summary,
        "tags": [group(spec)],
        "requestBody": json_body(&body, spec.params.iter().any(|p| p.required)),
        "responses": responses(),
    })
}

fn json_body(schema: &Value, required: bool) -> Value {
    json!({ "required": required, "content": { "application/json": { "schema": schema } } })
}

fn responses() -> Value {
    json!({
        "200": {
            "description": "The answer.",
            "headers": { "Hallmark-Source": {
                "description": "Who answered: `primary`, or what did in a service's place, with its age in seconds (RFC 9651).",
                "schema": { "type": "string", "examples": ["fallback;service=redis;name=\"local-cache\";age=3"] },
            } },
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Answer" } } },
        },
        "default": {
            "description": "What went wrong, with a code and a next step.",
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        },
    })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "format": "uri-reference", "description": "The page of the code" },
            "status": { "type": "integer" },
            "code": { "type": "string", "examples": ["HM-N020"] },
            "title": { "type": "string" },
            "detail": { "type": "string" },
            "causes": { "type": "array", "items": { "type": "string" } },
            "place": { "type": ["string", "null"] },
            "next": { "type": "string", "description": "What to do next" },
        },
        "required": ["type", "status", "code", "title", "detail"],
    })
}
