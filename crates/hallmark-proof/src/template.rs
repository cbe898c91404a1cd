//! Environment variables that a project reads under names of its own, filled from the addresses of the stack.

use hallmark_core::{Error, Result, Secret};
use hallmark_services::Endpoints;

use crate::codes;

/// The names that a template may hold in braces.
pub const NAMES: &[&str] = &[
    "postgres.url",
    "postgres.host",
    "postgres.port",
    "postgres.user",
    "postgres.password",
    "postgres.database",
    "redis.url",
    "redis.host",
    "redis.port",
    "redis.password",
    "redis.database",
    "neo4j.url",
    "neo4j.host",
    "neo4j.port",
    "neo4j.user",
    "neo4j.password",
    "chromadb.url",
    "chromadb.host",
    "chromadb.port",
    "openai.url",
    "openai.embeddings-url",
    "openai.api-key",
    "openai.model",
    "openai.embedding-model",
];

/// Puts the addresses in the place of `{postgres.url}` and its like; two braces stand for one.
///
/// # Errors
/// `HM-T004` if a name is none of [`NAMES`] or its service has no address.
pub fn fill(template: &str, endpoints: &Endpoints) -> Result<Secret> {
    let mut out = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            out.push_str(brace);
            rest = after;
        } else if let (true, Some((name, after))) = (brace == "{", rest.split_once('}')) {
            out.push_str(&value(name, endpoints)?);
            rest = after;
        } else {
            out.push_str(brace);
        }
    }
    out.push_str(rest);
    Ok(Secret::new(out))
}

fn value(name: &str, endpoints: &Endpoints) -> Result<String> {
    let Endpoints { postgres, neo4j, chroma, redis, openai } = endpoints;
    let (service, part) = name.split_once('.').unwrap_or((name, ""));
    let found = match service {
        "postgres" => postgres.as_ref().and_then(|c| match part {
            "url" => Some(c.url().expose().to_owned()),
            "host" => Some(c.host.clone()),
            "port" => Some(c.port.to_string()),
            "user" => Some(c.user.clone()),
            "password" => Some(c.password.expose().to_owned()),
            "database" => Some(c.database.clone()),
            _ => None,
        }),
        "redis" => redis.as_ref().and_then(|c| match part {
            "url" => Some(c.url().expose().to_owned()),
            "host" => Some(c.host.clone()),
            "port" => Some(c.port.to_string()),
            "password" => Some(c.password.expose().to_owned()),
            "database" => Some(c.database.to_string()),
            _ => None,
        }),
        "neo4j" => neo4j.as_ref().and_then(|c| match part {
            "url" => Some(c.url.clone()),
            "host" => Some(c.host.clone()),
            "port" => Some(c.port.to_string()),
            "user" => Some(c.user.clone()),
            "password" => Some(c.password.expose().to_owned()),
            _ => None,
        }),
        "chromadb" => chroma.as_ref().and_then(|c| match part {
            "url" => Some(c.url.clone()),
            "host" => Some(c.host.clone()),
            "port" => Some(c.port.to_string()),
            _ => None,
        }),
        "openai" => openai.as_ref().and_then(|c| match part {
            "url" => Some(c.base_url.clone()),
            "embeddings-url" => Some(c.embeddings_url().to_owned()),
            "api-key" => Some(c.api_key.expose().to_owned()),
            "model" => Some(c.model.clone()),
            "embedding-model" => Some(c.embedding_model.clone()),
            _ => None,
        }),
        _ => None,
    };
    found.ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    if NAMES.contains(&name) {
        return Error::new(&codes::TEMPLATE, format!("{{{name}}} has no value: its service has no address"))
            .next("hallmark up");
    }
    let near = hallmark_core::nearest(name, NAMES.iter().copied());
    let next = near.map_or_else(|| NAMES.join(", "), |near| format!("write {{{near}}}"));
    Error::new(&codes::TEMPLATE, format!("{{{name}}} is no address of the stack")).next(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_and_wrong_ones_refused() {
        let endpoints = Endpoints {
            postgres: Some(hallmark_services::PostgresConfig::from_url("postgres://u:p%40@h:1/d").unwrap()),
            ..Endpoints::default()
        };
        let filled = fill("x {{y}} {postgres.host}:{postgres.port}/{postgres.password}", &endpoints).unwrap();
        assert_eq!(filled.expose(), "x {y} h:1/p@");
        assert!(
            fill("{postgres.prot}", &endpoints).unwrap_err().next_step().unwrap().contains("{postgres.port}")
        );
        assert_eq!(fill("{redis.url}", &endpoints).unwrap_err().next_step(), Some("hallmark up"));
    }
}
