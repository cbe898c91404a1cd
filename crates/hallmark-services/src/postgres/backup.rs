//! Dumps of whole databases in one snapshot each, and how they come back: into new databases that change names at the end.

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Result, fs};
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio_postgres::Client;

use super::{Postgres, PostgresConfig, content, error, roles};
use crate::stack::backup::limits as bounds;
use crate::stack::backup::{Content, codes};
use crate::stack::exec;

/// The file that says what the dumps are of.
const FACTS: &str = "databases.json";

/// How databases are called that a restore fills and nobody uses yet.
const NEW: &str = "hallmark_restore_";

/// The database from which others are renamed: nobody works in it.
const ASIDE: &str = "template1";

/// What a dump is of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Facts {
    roles: roles::Roles,
    databases: Vec<Database>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Database {
    name: String,
    file: String,
    /// The options of `CREATE DATABASE`, quoted.
    options: String,
    owner: String,
    /// Statements after it was made, where `%DB%` stands for its quoted name.
    after: Vec<String>,
}

/// What was taken.
pub(crate) struct Dumped {
    pub(crate) version: String,
    pub(crate) position: String,
    pub(crate) content: Content,
    /// The databases that take no connections: nobody can read them.
    pub(crate) left_out: Vec<String>,
}

/// A database that takes another's name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rename {
    /// The name that it gets.
    pub(crate) name: String,
    /// The name that it was filled under.
    pub(crate) new: String,
    /// The name that the one before it gets, until it is dropped.
    pub(crate) old: String,
}

/// A connection of its own without a limit of time for a statement.
pub(super) async fn open(config: &PostgresConfig, database: &str) -> Result<deadpool_postgres::Object> {
    let config = PostgresConfig { pool_size: 1, statement_timeout_ms: 0, ..config.with_database(database) };
    let client = Postgres::new(&config)?.client().await?;
    content::plain(&client).await?;
    Ok(client)
}

/// A program of PostgreSQL's with the address; the password stands in its environment.
fn program(bin: &Path, name: &str, config: &PostgresConfig) -> Command {
    let mut command = Command::new(bin.join(name));
    command.args(["--host", &config.host, "--port", &config.port.to_string(), "--username", &config.user]);
    command.arg("--no-password").env("PGPASSWORD", config.password.expose()).env("PGAPPNAME", "hallmark");
    if config.require_tls {
        command.env("PGSSLMODE", "verify-full");
        command.env("PGSSLROOTCERT", config.root_certificate.as_deref().unwrap_or("system"));
    }
    command
}

/// The server's major version.
pub(crate) async fn major(config: &PostgresConfig) -> Result<u32> {
    let client = open(config, &config.database).await?;
    let row = client.query_one("SELECT current_setting('server_version_num')::int4", &[]).await;
    Ok(u32::try_from(row.map_err(error)?.get::<_, i32>(0)).unwrap_or(0) / 10_000)
}

/// Dumps every database into the folder, or only the given one.
pub(crate) async fn take(
    bin: &Path,
    config: &PostgresConfig,
    only_own: bool,
    folder: &Path,
) -> Result<Dumped> {
    let client = open(config, &config.database).await?;
    let row = client
        .query_one(
            "SELECT current_setting('server_version'), CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() \
             ELSE pg_current_wal_lsn() END::text",
            &[],
        )
        .await
        .map_err(error)?;
    let mut dumped = Dumped {
        version: row.get(0),
        position: format!("log {}", row.get::<_, String>(1)),
        content: Content::new(),
        left_out: Vec::new(),
    };
    let mut facts = Facts { roles: roles::read(&client).await?, databases: Vec::new() };
    let found = client.query(DATABASES, &[&NEW]).await.map_err(error)?;
    for (number, row) in found.iter().enumerate() {
        let facts_of: serde_json::Value = row.get(0);
        let database = Database {
            name: facts_of["datname"].as_str().unwrap_or_default().to_owned(),
            file: format!("{number}.dump"),
            options: row.get(1),
            owner: row.get(2),
            after: row.get(3),
        };
        if only_own && database.name != config.database {
            continue;
        }
        if !row.get::<_, bool>(4) {
            dumped.left_out.push(database.name);
            continue;
        }
        dumped.content.extend(dump(bin, config, &database, folder).await?);
        facts.databases.push(database);
    }
    let text = serde_json::to_string_pretty(&facts).unwrap_or_default();
    fs::write_atomic(&folder.join(FACTS), text.as_bytes(), fs::Mode::Private)?;
    Ok(dumped)
}

/// The databases, how they are made, and what is set for them.
const DATABASES: &str = "SELECT to_jsonb(d) - 'datacl', \
    format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype) || \
    CASE WHEN d.datlocprovider = 'i' THEN format(' LOCALE_PROVIDER icu ICU_LOCALE %L', \
      coalesce(to_jsonb(d)->>'daticulocale', to_jsonb(d)->>'datlocale')) ELSE '' END, \
    pg_get_userbyid(d.datdba)::text, \
    ARRAY(SELECT format('%s SET %I TO %s', CASE WHEN r.setrole = 0 THEN 'ALTER DATABASE %DB%' \
          ELSE format('ALTER ROLE %I IN DATABASE %%DB%%', pg_get_userbyid(r.setrole)) END, split_part(s, '=', 1), \
        CASE WHEN split_part(s, '=', 1) IN ('search_path', 'temp_tablespaces', 'session_preload_libraries', \
          'local_preload_libraries') THEN substr(s, strpos(s, '=') + 1) \
        ELSE quote_literal(substr(s, strpos(s, '=') + 1)) END) \
      FROM pg_db_role_setting r, unnest(r.setconfig) AS s WHERE r.setdatabase = d.oid) \
    || CASE WHEN d.datconnlimit < 0 THEN ARRAY[]::text[] \
      ELSE ARRAY[format('ALTER DATABASE %%DB%% CONNECTION LIMIT %s', d.datconnlimit)] END \
    || ARRAY(SELECT format('COMMENT ON DATABASE %%DB%% IS %L', c.description) FROM pg_shdescription c \
      WHERE c.objoid = d.oid AND c.classoid = 'pg_database'::regclass) \
    || CASE WHEN d.datacl IS NULL THEN ARRAY[]::text[] ELSE ARRAY['REVOKE ALL ON DATABASE %DB% FROM PUBLIC'] || \
      ARRAY(SELECT format('GRANT %s ON DATABASE %%DB%% TO %s%s', a.privilege_type, \
        CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END, \
        CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) FROM aclexplode(d.datacl) AS a) END \
    || CASE WHEN d.datistemplate THEN ARRAY['ALTER DATABASE %DB% IS_TEMPLATE true'] ELSE ARRAY[]::text[] END, \
    d.datallowconn \
    FROM pg_database d WHERE d.datname NOT IN ('template0', 'template1') AND NOT starts_with(d.datname, $1) ORDER BY d.datname";

/// One database: a reading and a dump of the same snapshot.
async fn dump(bin: &Path, config: &PostgresConfig, database: &Database, folder: &Path) -> Result<Content> {
    let client = open(config, &database.name).await?;
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(error)?;
    let snapshot: String = client.query_one("SELECT pg_export_snapshot()", &[]).await.map_err(error)?.get(0);
    let content = content::content(&client, &database.name).await?;
    let mut command = program(bin, "pg_dump", config);
    command
        .args(["--format=custom", "--compress=0", "--exclude-schema=hallmark_canary_*"])
        .arg(format!("--snapshot={snapshot}"))
        .arg(format!("--lock-wait-timeout={}", bounds::LOCK_WAIT_MS))
        .arg(format!("--file={}", folder.join(&database.file).display()))
        .arg(format!("--dbname={}", connection_name(&database.name)))
        .current_dir(folder);
    exec::run(&mut command, bounds::PROGRAM_TIMEOUT).await.map_err(|e| {
        Error::new(&codes::BACKUP_FAILED, format!("the database {} could not be dumped", database.name))
            .because_text(e.to_string())
            .because_text(e.causes().join("; "))
            .next("hallmark explain HM-S101")
    })?;
    client.batch_execute("COMMIT").await.map_err(error)?;
    Ok(content)
}

/// What every database holds now, each in a snapshot of its own.
pub(crate) async fn content(config: &PostgresConfig) -> Result<Content> {
    let client = open(config, &config.database).await?;
    let names = "SELECT datname FROM pg_database WHERE datname NOT IN ('template0', 'template1') AND datallowconn \
        AND NOT starts_with(datname, $1)";
    let mut all = Content::new();
    for row in client.query(names, &[&NEW]).await.map_err(error)? {
        let name: String = row.get(0);
        let client = open(config, &name).await?;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(error)?;
        all.extend(content::content(&client, &name).await?);
        client.batch_execute("COMMIT").await.map_err(error)?;
    }
    Ok(all)
}

/// A database's name in a connection string, where `postgres://` and `=` would be read as more than a name.
fn connection_name(name: &str) -> String {
    format!("dbname='{}'", name.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn facts(folder: &Path) -> Result<Facts> {
    serde_json::from_str(&fs::read_text(&folder.join(FACTS))?).map_err(|e| {
        Error::new(&codes::DAMAGED, "what the backup says of its databases cannot be read").because(&e)
    })
}

/// Fills new databases from the dumps and compares them with `expected`. Nobody's database changes. Those that a failure
/// leaves are removed by [`sweep`].
pub(crate) async fn load(
    bin: &Path,
    config: &PostgresConfig,
    folder: &Path,
    expected: &Content,
) -> Result<Vec<Rename>> {
    let facts = facts(folder)?;
    let client = open(config, ASIDE).await?;
    roles::make(&client, &facts.roles).await?;
    let mut renames = Vec::new();
    let mut found = Content::new();
    for database in &facts.databases {
        let token = hallmark_core::random::token(8)?;
        let rename = Rename {
            name: database.name.clone(),
            new: format!("{NEW}{token}_new"),
            old: format!("{NEW}{token}_old"),
        };
        let quoted = quote(&rename.new);
        let owner = quote(&database.owner);
        let make = format!("CREATE DATABASE {quoted} TEMPLATE template0 OWNER {owner} {}", database.options);
        client.batch_execute(&make).await.map_err(error)?;
        let mut command = program(bin, "pg_restore", config);
        command
            .args(["--exit-on-error", "--single-transaction"])
            .arg(format!("--dbname={}", connection_name(&rename.new)))
            .arg(file_of(folder, &database.file)?)
            .current_dir(folder);
        exec::run(&mut command, bounds::PROGRAM_TIMEOUT).await?;
        for statement in &database.after {
            client.batch_execute(&statement.replacen("%DB%", &quoted, 1)).await.map_err(error)?;
        }
        let reader = open(config, &rename.new).await?;
        found.extend(content::content(&reader, &database.name).await?);
        renames.push(rename);
    }
    content::forgive_sequences(expected, &mut found);
    let differences = crate::stack::backup::differences(expected, &found);
    if differences.is_empty() {
        Ok(renames)
    } else {
        Err(crate::stack::backup::came_back_other(&differences))
    }
}

/// A file of the backup by its name, which must not lead elsewhere.
fn file_of(folder: &Path, name: &str) -> Result<PathBuf> {
    if name.contains('/') || name.starts_with('.') {
        return Err(Error::new(&codes::DAMAGED, format!("{name:?} is no dump of the backup")));
    }
    Ok(folder.join(name))
}

/// Gives the new databases their names, all in one transaction; the ones before them keep other names until they are
/// dropped. Who works in them loses the connection. Calling it again after a part of it was done finishes the rest.
pub(crate) async fn rename(config: &PostgresConfig, renames: &[Rename]) -> Result<()> {
    let client = open(config, ASIDE).await?;
    let mut statements = Vec::new();
    for rename in renames {
        if !exists(&client, &rename.new).await? {
            continue; // an earlier call has done it
        }
        if exists(&client, &rename.name).await? {
            statements.push(format!(
                "ALTER DATABASE {} RENAME TO {}",
                quote(&rename.name),
                quote(&rename.old)
            ));
        }
        statements.push(format!("ALTER DATABASE {} RENAME TO {}", quote(&rename.new), quote(&rename.name)));
    }
    if statements.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = renames.iter().flat_map(|r| [r.name.as_str(), r.new.as_str()]).collect();
    allow_connections(&client, &names, false).await?;
    let done = async {
        client
            .execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = ANY($1)",
                &[&names],
            )
            .await
            .map_err(error)?;
        client.batch_execute(&format!("BEGIN; {}; COMMIT", statements.join("; "))).await.map_err(error)
    };
    let done = done.await;
    if done.is_err() {
        let _ = client.batch_execute("ROLLBACK").await;
    }
    allow_connections(&client, &names, true).await?;
    done
}

/// Whether a new database has not got its name yet. Who was cut off for that by a call that was killed may come in again.
pub(crate) async fn is_pending(config: &PostgresConfig, renames: &[Rename]) -> Result<bool> {
    let client = open(config, ASIDE).await?;
    let names: Vec<&str> = renames.iter().flat_map(|r| [r.name.as_str(), r.new.as_str()]).collect();
    allow_connections(&client, &names, true).await?;
    for rename in renames {
        if exists(&client, &rename.new).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn allow_connections(client: &Client, names: &[&str], allow: bool) -> Result<()> {
    for name in names {
        if exists(client, name).await? {
            let statement = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {allow}", quote(name));
            client.batch_execute(&statement).await.map_err(error)?;
        }
    }
    Ok(())
}

async fn exists(client: &Client, name: &str) -> Result<bool> {
    let row = client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&name]).await;
    Ok(row.map_err(error)?.is_some())
}

/// Drops every database that restores left: those that were never used, and those that were replaced.
pub(crate) async fn sweep(config: &PostgresConfig) -> Result<()> {
    let client = open(config, ASIDE).await?;
    let left = client.query("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", &[&NEW]).await;
    for row in left.map_err(error)? {
        let name = quote(row.get(0));
        // The server drops no template.
        for statement in
            [format!("ALTER DATABASE {name} IS_TEMPLATE false"), format!("DROP DATABASE {name} WITH (FORCE)")]
        {
            client.batch_execute(&statement).await.map_err(error)?;
        }
    }
    Ok(())
}

/// An identifier in quotes.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
