//! The container provider: a compose file for the services that have images, used where an engine answers.

use std::path::{Path, PathBuf};

use hallmark_core::{Error, Project, Result, fs};
use tokio::process::Command;

use super::containers::{self, Composition};
use super::credentials::Credentials;
use super::home::Home;
use super::ports::Ports;
use super::{codes, exec, limits};
use crate::ServiceKind;

/// The compose file of a project.
pub(super) fn file(project: &Project) -> PathBuf {
    project.state_path().join("compose.yaml")
}

fn secrets(home: &Home) -> PathBuf {
    home.secrets().join("compose.env")
}

/// Writes the compose file of the services that containers provide, and the secrets that it asks for.
pub(super) fn write(
    project: &Project,
    home: &Home,
    provided: &[ServiceKind],
    ports: &Ports,
    credentials: &Credentials,
) -> Result<()> {
    let text = composition(&project.id(), ports).text(provided);
    fs::write_atomic(&file(project), text.as_bytes(), fs::Mode::Default)?;
    fs::write_atomic(&secrets(home), environment(credentials).as_bytes(), fs::Mode::Private)
}

/// Starts the containers of these services, out of the file that was written.
pub(super) async fn up(project: &Project, home: &Home, wanted: &[ServiceKind]) -> Result<()> {
    if wanted.contains(&ServiceKind::OpenAi) {
        return Err(Error::new(&codes::NO_ENGINE, "the model API has no container image")
            .next("set openai = \"native\" or \"external\" in [stack.providers] of hallmark.toml"));
    }
    let engine = engine().await.ok_or_else(|| {
        Error::new(&codes::NO_ENGINE, "the provider docker was chosen and no container engine answers")
            .next("start the engine (docker info must answer), or set provider = \"native\" in [stack] of hallmark.toml")
    })?;
    let mut command = compose_command(&engine, &file(project), &secrets(home));
    command.args(["up", "--detach"]).args(wanted.iter().map(|service| service.name()));
    exec::run(&mut command, limits::INSTALL_TIMEOUT).await.map(drop)
}

/// Stops the containers of the project if it has any; with `purge` their volumes go too.
pub(super) async fn down(project: &Project, home: &Home, purge: bool) -> Result<()> {
    let file = file(project);
    if !file.is_file() || !secrets(home).is_file() {
        return Ok(());
    }
    let Some(engine) = engine().await else { return Ok(()) };
    let mut command = compose_command(&engine, &file, &secrets(home));
    command.args(if purge { &["down", "--volumes"][..] } else { &["stop"][..] });
    exec::run(&mut command, limits::CONTROL_TIMEOUT).await.map(drop)
}

/// The engine's program, if its daemon answers.
pub(super) async fn engine() -> Option<PathBuf> {
    let program = exec::find("docker")?;
    exec::ask(&program, &["info", "--format", "{{.ServerVersion}}"]).await?;
    Some(program)
}

fn compose_command(engine: &Path, file: &Path, secrets: &Path) -> Command {
    let mut command = Command::new(engine);
    command.arg("compose").arg("--file").arg(file).arg("--env-file").arg(secrets);
    command
}

/// The secrets that the compose file asks for; never in that file, which people share.
fn environment(credentials: &Credentials) -> String {
    let each = [
        (ServiceKind::Postgres, &credentials.postgres),
        (ServiceKind::Neo4j, &credentials.neo4j),
        (ServiceKind::Redis, &credentials.redis),
    ];
    let lines = each.into_iter().filter_map(|(service, secret)| {
        Some(format!("{}={}\n", containers::variable(service)?, secret.expose()))
    });
    lines.collect()
}

/// The compose file: that of `hallmark compose` at the project's own ports, with the user and database of the native provider.
fn composition<'a>(id: &str, ports: &'a Ports) -> Composition<'a> {
    Composition {
        heading: "Written by hallmark; changes are lost at the next `hallmark up`.",
        name: format!("hallmark-{id}"),
        database: "postgres",
        user: "postgres",
        ports,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::ports::PortName;

    #[test]
    fn the_compose_file_has_the_ports_of_the_project_and_asks_for_its_secrets() {
        let ports = Ports::from([
            (PortName::Postgres, 1),
            (PortName::Neo4jBolt, 2),
            (PortName::Neo4jHttp, 3),
            (PortName::Chroma, 4),
            (PortName::Redis, 5),
        ]);
        let text = composition("abc", &ports).text(&ServiceKind::ALL);
        for port in ["1:5432", "2:7687", "3:7474", "4:8000", "5:6379"] {
            assert!(text.contains(&format!("\"127.0.0.1:{port}\"")), "{port} in {text}");
        }
        assert!(
            text.contains("name: hallmark-abc\n") && text.contains("POSTGRES_USER: postgres\n"),
            "{text}"
        );
        let secrets =
            environment(&Credentials { neo4j: hallmark_core::Secret::new("n"), ..Credentials::default() });
        assert_eq!(secrets, "POSTGRES_PASSWORD=\nNEO4J_PASSWORD=n\nREDIS_PASSWORD=\n");
        for line in secrets.lines() {
            assert!(text.contains(&format!("${{{}:?", line.split('=').next().unwrap())), "{line} in {text}");
        }
    }
}
