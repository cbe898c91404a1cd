//! Sessions: explicit handles that are valid on every channel and authorised on every call.
//!
//! PostgreSQL is the truth, so that a session survives a restart and is found by every process of the project; Redis answers
//! first where it can. A handle is a name, not a credential: it opens nothing without its owner's token.

mod cache;
mod store;

use hallmark_core::{Error, Result, canonical, random};
use hallmark_services::{Guarded, Postgres, Redis};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Caller, codes, limits, wire};
use cache::Cache;
pub use cache::CacheState;
use store::Store;

/// What every handle begins with.
const PREFIX: &str = "hs_";

/// The schema that sessions and runs are kept in.
const SCHEMA: &str = "hallmark";

/// One session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// The handle.
    pub id: String,
    /// The principal that it belongs to.
    pub owner: String,
    /// What a person calls it.
    pub label: String,
    /// What the owner keeps with it.
    pub data: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

/// What a new session is made of.
#[derive(Clone, Debug, Default)]
pub struct NewSession {
    /// What a person calls it.
    pub label: String,
    /// What the owner keeps with it.
    pub data: Map<String, Value>,
    /// How long it lives, in seconds.
    pub ttl_s: Option<u64>,
}

/// All sessions of a project.
pub struct Sessions {
    store: Store,
    cache: Cache,
}

impl Sessions {
    /// The sessions kept in this database; Redis is optional and only ever a cache. Nothing is connected yet.
    #[must_use]
    pub fn new(postgres: Postgres, redis: Option<Redis>) -> Self {
        Self::over(postgres, redis, SCHEMA)
    }

    /// As [`Sessions::new`], in a schema of the caller's: for scratch work that leaves nothing behind.
    ///
    /// # Errors
    /// `HM-N003` if the name is not made of lower-case letters, digits and underscores.
    pub fn in_schema(postgres: Postgres, redis: Option<Redis>, schema: &str) -> Result<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if schema.is_empty()
            || schema.len() > 63
            || !schema.bytes().all(plain)
            || schema.as_bytes()[0].is_ascii_digit()
        {
            let error = Error::new(
                &codes::BAD_REQUEST,
                format!("{} cannot be the name of a schema", wire::quoted(schema)),
            );
            return Err(error.next("use lower-case letters, digits and underscores"));
        }
        Ok(Self::over(postgres, redis, schema))
    }

    /// The same sessions, which a replica answers for while PostgreSQL does not.
    #[must_use]
    pub fn guarded(mut self, guarded: &Guarded) -> Self {
        self.store.guarded = Some(guarded.clone());
        self
    }

    fn over(postgres: Postgres, redis: Option<Redis>, schema: &str) -> Self {
        Self { store: Store::new(postgres, schema.to_owned()), cache: Cache::new(redis, schema) }
    }

    /// Makes a session that belongs to the caller.
    ///
    /// # Errors
    /// `HM-N023` if the data is too large, `HM-N024` if the caller has too many, `HM-N025`.
    pub async fn create(&self, caller: &Caller, new: NewSession) -> Result<Session> {
        check_data(&new.data)?;
        let ttl_s = new.ttl_s.unwrap_or(limits::SESSION_TTL_DEFAULT_S).clamp(1, limits::SESSION_TTL_MAX_S);
        let created_at = now();
        let lifetime = jiff::SignedDuration::from_secs(i64::try_from(ttl_s).unwrap_or(i64::MAX));
        let session = Session {
            id: format!("{PREFIX}{}", random::token(limits::SESSION_HANDLE_CHARS)?),
            owner: caller.principal.clone(),
            label: new.label,
            data: new.data,
            created_at,
            expires_at: created_at
                .saturating_add(lifetime)
                .map_err(|e| store::failed("a session's end", &e))?,
            revoked_at: None,
        };
        self.store.insert(&session).await?;
        self.cache.put(&session).await;
        Ok(session)
    }

    /// The session of this handle, if it is the caller's and alive.
    ///
    /// # Errors
    /// `HM-N020` if there is none or it is another's (the answer is the same), `HM-N021` expired, `HM-N022` revoked, `HM-N025`.
    pub async fn get(&self, caller: &Caller, id: &str) -> Result<Session> {
        let session = match self.cache.get(id).await {
            Some(session) => session,
            None => {
                let session = self.store.get(id).await?.ok_or_else(|| unknown(id))?;
                self.cache.fill(&session).await;
                session
            }
        };
        alive(caller, session)
    }

    /// The caller's sessions, the newest first; dead ones only when asked for.
    ///
    /// # Errors
    /// `HM-N025`.
    pub async fn list(&self, caller: &Caller, all: bool, most: usize) -> Result<Vec<Session>> {
        self.store.list(&caller.principal, all, most.min(limits::PAGE_MAX)).await
    }

    /// Merges members into the session's data; `null` removes one.
    ///
    /// # Errors
    /// As [`Sessions::get`], and `HM-N023` if the data would be too large.
    pub async fn update(&self, caller: &Caller, id: &str, changes: Map<String, Value>) -> Result<Session> {
        check_data(&changes)?;
        let merge = |session: Session| -> Result<Session> {
            let mut session = alive(caller, session)?;
            for (name, value) in changes {
                match value {
                    Value::Null => session.data.remove(&name),
                    value => session.data.insert(name, value),
                };
            }
            check_data(&session.data)?;
            Ok(session)
        };
        let session = self.store.change(id, merge).await?.ok_or_else(|| unknown(id))?;
        self.cache.put(&session).await;
        Ok(session)
    }

    /// Ends the session now, on every channel.
    ///
    /// # Errors
    /// As [`Sessions::get`].
    pub async fn revoke(&self, caller: &Caller, id: &str) -> Result<Session> {
        let end = |session: Session| -> Result<Session> {
            let mut session = alive(caller, session)?;
            session.revoked_at = Some(now());
            Ok(session)
        };
        let session = self.store.change(id, end).await?.ok_or_else(|| unknown(id))?;
        self.cache.put(&session).await;
        Ok(session)
    }

    /// How the cache is: sessions work without it, and say so.
    pub async fn cache_state(&self) -> CacheState {
        self.cache.state().await
    }
}

fn alive(caller: &Caller, session: Session) -> Result<Session> {
    if session.owner != caller.principal {
        // The same answer as for a handle that does not exist: a handle's existence is the owner's business.
        return Err(unknown(&session.id));
    }
    if let Some(at) = session.revoked_at {
        return Err(Error::new(
            &codes::SESSION_REVOKED,
            format!("the session {} was revoked at {at}", session.id),
        )
        .next("make another: hallmark session create"));
    }
    if session.expires_at <= now() {
        return Err(Error::new(
            &codes::SESSION_EXPIRED,
            format!("the session {} ended at {}", session.id, session.expires_at),
        )
        .next("make another: hallmark session create"));
    }
    Ok(session)
}

fn unknown(id: &str) -> Error {
    Error::new(&codes::NO_SESSION, format!("there is no session {}", wire::quoted(id)))
        .next("list yours with: hallmark session list")
}

fn check_data(data: &Map<String, Value>) -> Result<()> {
    let bytes = canonical::to_string(&Value::Object(data.clone())).len();
    if bytes <= limits::SESSION_DATA_BYTES_MAX {
        return Ok(());
    }
    Err(Error::new(
        &codes::SESSION_TOO_LARGE,
        format!("the session's data has {bytes} bytes; it may have {}", limits::SESSION_DATA_BYTES_MAX),
    )
    .next("keep large values in a model, and their identifiers in the session"))
}

/// Now, to the millisecond: what is stored, cached and shown is then the same.
fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now)
}
