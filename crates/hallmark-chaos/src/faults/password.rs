//! The password is rotated at the server, and the project still keeps the former one. The rotation is finished by writing
//! the new one into the project.

use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use hallmark_core::fs::{Mode, write_atomic};
use hallmark_services::stack::CauseKind;
use hallmark_services::{Endpoints, Handles, ServiceKind, postgres, redis as redis_service};
use serde_json::json;

use super::{Fault, Scene, Wound};
use crate::failure::{Failure, Outcome};
use crate::load::words;
use crate::random::Random;

pub(super) struct Password;

impl Fault for Password {
    fn name(&self) -> &'static str {
        "password"
    }

    fn about(&self) -> &'static str {
        "the password is rotated at the server and not in the project"
    }

    fn weight(&self, service: ServiceKind) -> u32 {
        match service {
            ServiceKind::Postgres | ServiceKind::Neo4j | ServiceKind::Redis => 4,
            ServiceKind::Chroma | ServiceKind::OpenAi => 0,
        }
    }

    fn meaningless(&self, service: ServiceKind) -> String {
        match service {
            ServiceKind::Chroma => "ChromaDB has no authentication".to_owned(),
            _ => "the key is fixed when the server starts".to_owned(),
        }
    }

    /// A new login is made with every twentieth check: every 5 s, and every 10 s with Neo4j.
    fn noticed_within(&self, service: ServiceKind) -> Duration {
        Duration::from_secs(if service == ServiceKind::Neo4j { 15 } else { 8 })
    }

    fn down_within(&self, service: ServiceKind) -> Option<Duration> {
        Some(self.noticed_within(service) + Duration::from_secs(1))
    }

    fn causes(&self) -> &'static [CauseKind] {
        &[CauseKind::Credentials]
    }

    fn inject<'a>(&'a self, scene: &'a Scene, _random: &'a mut Random) -> BoxFuture<'a, Outcome<Wound>> {
        Box::pin(async move {
            let new = hallmark_core::random::token(24)?;
            let mut wound = Wound::new("the password was rotated at the server alone");
            let endpoints = scene.stage.endpoints()?;
            wound.hurt_at = Instant::now();
            match scene.service {
                ServiceKind::Postgres => rotate_postgres(&endpoints, &new).await?,
                ServiceKind::Neo4j => rotate_neo4j(&endpoints, &new).await?,
                ServiceKind::Redis => rotate_redis(&endpoints, &new).await?,
                other => return Err(Failure(format!("{other} has no password"))),
            }
            wound.secret = Some(new);
            Ok(wound)
        })
    }

    fn heal<'a>(&'a self, scene: &'a Scene, wound: &'a mut Wound) -> BoxFuture<'a, Outcome> {
        Box::pin(async {
            let path = scene.stage.home.join("secrets").join(scene.service.name());
            if let Some(secret) = wound.secret.take() {
                write_atomic(&path, secret.as_bytes(), Mode::Private)?;
            }
            Ok(())
        })
    }
}

fn coded(error: &hallmark_core::Error) -> Failure {
    Failure(words(error))
}

async fn rotate_postgres(endpoints: &Endpoints, new: &str) -> Outcome {
    let handles = Handles::connect(endpoints)?;
    let client = handles.postgres.client().await.map_err(|e| coded(&e))?;
    // The statement takes no parameter; a token is letters and digits.
    let statement = format!("ALTER ROLE CURRENT_USER PASSWORD '{new}'");
    client.batch_execute(&statement).await.map_err(|e| coded(&postgres::error(e)))
}

async fn rotate_neo4j(endpoints: &Endpoints, new: &str) -> Outcome {
    let mut config = endpoints.neo4j.clone().ok_or_else(|| Failure("Neo4j has no address".to_owned()))?;
    config.database = Some("system".to_owned());
    let old = config.password.expose().to_owned();
    let handles = Handles::connect(&Endpoints { neo4j: Some(config), ..Endpoints::default() })?;
    let given = json!({"old": old, "new": new}).as_object().cloned().unwrap_or_default();
    let change = "ALTER CURRENT USER SET PASSWORD FROM $old TO $new";
    handles.neo4j.query(change, given).await.map(drop).map_err(|e| coded(&e))
}

async fn rotate_redis(endpoints: &Endpoints, new: &str) -> Outcome {
    let handles = Handles::connect(endpoints)?;
    let mut connection = handles.redis.connection().await.map_err(|e| coded(&e))?;
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg("requirepass").arg(new);
    let done: Result<(), _> = set.query_async(&mut connection).await;
    done.map_err(|e| coded(&redis_service::error(&e)))
}
