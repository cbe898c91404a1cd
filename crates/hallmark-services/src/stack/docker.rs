//! The container provider: a compose file for the services that have images, used where an engine answers.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use hallmark_core::{Error, Project, Result, fs};
use tokio::process::Command;

use super::credentials::Credentials;
use super::home::Home;
use super::ports::{self, PortName, Ports};
use super::{codes, exec, limits};
use crate::ServiceKind;

/// The compose file of a project.
pub(super) fn file(project: &Project) -> PathBuf {
    project.state_path().join("compose.yaml")
}

fn secrets(home: &Home) -> PathBuf {
    home.secrets().join("compose.env")
}

/// Writes the files and starts the containers.
pub(super) async fn up(
    project: &Project,
    home: &Home,
    services: &[ServiceKind],
    ports: &Ports,
    credentials: &Credentials,
) -> Result<()> {
    if services.contains(&ServiceKind::OpenAi) {
        return Err(Error::new(&codes::NO_ENGINE, "the model API has no container image")
            .next("set openai = \"native\" or \"external\" in [stack.providers] of hallmark.toml"));
    }
    let text = compose(&project.id(), &secrets(home), services, ports)?;
    fs::write_atomic(&file(project), text.as_bytes(), fs::Mode::Default)?;
    fs::write_atomic(&secrets(home), environment(credentials).as_bytes(), fs::Mode::Private)?;
    let engine = engine().await.ok_or_else(|| {
        Error::new(&codes::NO_ENGINE, "the provider docker was chosen and no container engine answers")
            .next("start the engine (docker info must answer), or set provider = \"native\" in [stack] of hallmark.toml")
    })?;
    let mut command = compose_command(&engine, &file(project));
    command.args(["up", "--detach"]);
    exec::run(&mut command, limits::INSTALL_TIMEOUT).await.map(drop)
}

/// Stops the containers of the project if it has any; with `purge` their volumes go too.
pub(super) async fn down(project: &Project, home: &Home, purge: bool) -> Result<()> {
    let file = file(project);
    if !file.is_file() || !secrets(home).is_file() {
        return Ok(());
    }
    let Some(engine) = engine().await else { return Ok(()) };
    let mut command = compose_command(&engine, &file);
    command.args(if purge { &["down", "--volumes"][..] } else { &["stop"][..] });
    exec::run(&mut command, limits::CONTROL_TIMEOUT).await.map(drop)
}

/// The engine's program, if its daemon answers.
pub(super) async fn engine() -> Option<PathBuf> {
    let program = exec::find("docker")?;
    exec::ask(&program, &["info", "--format", "{{.ServerVersion}}"]).await?;
    Some(program)
}

fn compose_command(engine: &Path, file: &Path) -> Command {
    let mut command = Command::new(engine);
    command.arg("compose").arg("--file").arg(file);
    command
}

/// The secrets, for the containers' environment; never in the compose file, which people share.
fn environment(credentials: &Credentials) -> String {
    format!(
        "POSTGRES_PASSWORD={}\nNEO4J_AUTH=neo4j/{}\nREDIS_PASSWORD={}\n",
        credentials.postgres.expose(),
        credentials.neo4j.expose(),
        credentials.redis.expose(),
    )
}

/// The text of the compose file.
fn compose(id: &str, secrets: &Path, services: &[ServiceKind], ports: &Ports) -> Result<String> {
    let port = |name| ports::get(ports, name);
    let env_file = serde_json::Value::String(secrets.display().to_string());
    let mut text = format!(
        "# Written by hallmark; changes are lost at the next `hallmark up`.\nname: hallmark-{id}\nservices:\n"
    );
    let mut volumes = String::from("volumes:\n");
    for service in services {
        let body = match service {
            ServiceKind::Postgres => format!(
                "    image: postgres:15\n    ports: [\"127.0.0.1:{}:5432\"]\n    volumes: [\"postgres:/var/lib/postgresql/data\"]\n",
                port(PortName::Postgres)?
            ),
            ServiceKind::Neo4j => format!(
                "    image: neo4j:5.26-community\n    ports: [\"127.0.0.1:{}:7687\", \"127.0.0.1:{}:7474\"]\n    \
                 volumes: [\"neo4j:/data\"]\n    environment:\n      NEO4J_PLUGINS: '[\"apoc\", \"graph-data-science\"]'\n      \
                 NEO4J_dbms_usage__report_enabled: \"false\"\n",
                port(PortName::Neo4jBolt)?,
                port(PortName::Neo4jHttp)?
            ),
            ServiceKind::Chroma => format!(
                "    image: chromadb/chroma:1.5.9\n    ports: [\"127.0.0.1:{}:8000\"]\n    volumes: [\"chromadb:/data\"]\n    \
                 environment:\n      ANONYMIZED_TELEMETRY: \"False\"\n",
                port(PortName::Chroma)?
            ),
            // The password reaches the server by its standard input: an argument would show in the process list.
            ServiceKind::Redis => format!(
                "    image: redis:7\n    ports: [\"127.0.0.1:{}:6379\"]\n    volumes: [\"redis:/data\"]\n    \
                 command: [\"sh\", \"-c\", \"printf 'requirepass %s\\\\nappendonly yes\\\\ndir /data\\\\n' \\\"$$REDIS_PASSWORD\\\" | exec redis-server -\"]\n",
                port(PortName::Redis)?
            ),
            ServiceKind::OpenAi => continue,
        };
        let _ = write!(text, "  {service}:\n{body}    env_file: [{env_file}]\n    restart: unless-stopped\n");
        let _ = writeln!(volumes, "  {service}: {{}}");
    }
    Ok(text + &volumes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compose_file_binds_loopback_and_holds_no_secret() {
        let ports = Ports::from([
            (PortName::Postgres, 1),
            (PortName::Neo4jBolt, 2),
            (PortName::Neo4jHttp, 3),
            (PortName::Chroma, 4),
            (PortName::Redis, 5),
        ]);
        let four = &ServiceKind::ALL[..4];
        let text = compose("abc", Path::new("/p/secrets/compose.env"), four, &ports).unwrap();
        for port in [
            "127.0.0.1:1:5432",
            "127.0.0.1:2:7687",
            "127.0.0.1:3:7474",
            "127.0.0.1:4:8000",
            "127.0.0.1:5:6379",
        ] {
            assert!(text.contains(port), "{port} in {text}");
        }
        assert_eq!(text.matches("env_file: [\"/p/secrets/compose.env\"]").count(), 4);
        assert!(text.contains("name: hallmark-abc\n"));
        assert!(text.contains(r#"command: ["sh", "-c", "printf 'requirepass %s\\nappendonly yes\\ndir /data\\n' \"$$REDIS_PASSWORD\" | exec redis-server -"]"#), "{text}");
    }
}
