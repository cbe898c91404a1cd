//! Client libraries that everybody knows, and the services they talk to.

use crate::facts::Names;

/// The service that a module belongs to, by the first part of its name.
#[must_use]
pub fn service_of_library(root: &str) -> Option<&'static str> {
    Some(match root {
        "aiobotocore" | "aioboto3" | "boto3" | "botocore" => "AWS",
        "aiohttp" | "httpx" | "requests" => "an HTTP service",
        "aiokafka" | "confluent_kafka" | "kafka" => "Kafka",
        "aiomysql" | "asyncmy" | "mysql" | "pymysql" => "MySQL",
        "aio_pika" | "pika" => "RabbitMQ",
        "aiopg" | "asyncpg" | "pg8000" | "psycopg" | "psycopg2" | "psycopg_pool" | "sqlalchemy" => {
            "PostgreSQL"
        }
        "aioredis" | "redis" => "Redis",
        "aiosmtplib" | "smtplib" => "an SMTP server",
        "anthropic" => "Anthropic API",
        "chromadb" => "ChromaDB",
        "cohere" => "Cohere API",
        "elasticsearch" => "Elasticsearch",
        "litellm" => "a language model's API",
        "minio" => "an object store",
        "motor" | "pymongo" => "MongoDB",
        "neo4j" => "Neo4j",
        "ollama" => "Ollama",
        "openai" => "OpenAI API",
        "opensearchpy" => "OpenSearch",
        "pinecone" => "Pinecone",
        "qdrant_client" => "Qdrant",
        "stripe" => "Stripe API",
        "weaviate" => "Weaviate",
        _ => return None,
    })
}

/// The service that a dotted path names in one of its parts, upper and lower case alike.
#[must_use]
pub fn service_of(path: &str) -> Option<&'static str> {
    path.split(['.', '(']).find_map(|part| service_of_library(&part.to_ascii_lowercase()))
}

/// The service that a call of this path talks to.
pub(crate) fn called(callee: &str) -> Option<&'static str> {
    let end = callee.find(['.', '(']).unwrap_or(callee.len());
    service_of_library(&callee[..end])
}

/// Adds a service to a list of a few, once.
pub(crate) fn add(services: &mut Names, service: &'static str) {
    if !services.iter().any(|known| **known == *service) {
        services.push(service.into());
    }
}
