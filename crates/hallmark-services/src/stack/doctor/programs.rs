//! The servers' programs: which are there, and whether they run. Installed is not usable.

use std::path::{Path, PathBuf};

use super::scene::Scene;
use super::{Check, Verdict};
use crate::stack::config::Provider;
use crate::stack::install::{self, Tools};
use crate::stack::{Stack, exec};
use crate::{ServiceKind, platform};

/// What a program said when it was run.
pub(super) struct Answer {
    id: &'static str,
    name: &'static str,
    /// The services that need it.
    services: &'static [ServiceKind],
    program: Option<PathBuf>,
    /// The first line of its answer; `None` if it failed.
    said: Option<String>,
    mend: String,
}

/// Imports the server's own library, which fails if it was built for another machine.
const CHROMA: &str =
    "import importlib.metadata as m, chromadb_rust_bindings; print('chromadb', m.version('chromadb'))";
const MODELS: &str = "import importlib.metadata as m, xllamacpp; print('xllamacpp', m.version('xllamacpp'))";
const PYTHON: &str = "import sys; print('Python ' + sys.version.split()[0])";

pub(super) fn installed(scene: &Scene<'_>) -> Vec<Check> {
    ServiceKind::ALL.map(|service| installed_one(scene, service)).into()
}

fn installed_one(scene: &Scene<'_>, service: ServiceKind) -> Check {
    let (id, name) = (format!("installed.{service}"), format!("{} installed", service.title()));
    let provider = scene.stack.provider(service);
    if provider != Provider::Native {
        return Check::new(id, &name, Verdict::NotChecked, format!("its provider is {provider}"));
    }
    if let Err(error) = platform::refuse_native(service.title()) {
        let check = Check::new(id, &name, Verdict::Fail, error.message());
        return check.mend(error.next_step().unwrap_or_default());
    }
    match missing(&scene.tools, service) {
        None => Check::new(id, &name, Verdict::Ok, place(service, &scene.tools)),
        Some(missing) => Check::new(id, &name, Verdict::Fail, missing).mend("hallmark up --yes"),
    }
}

/// What a native server still lacks, in words.
pub(super) fn missing(tools: &Tools, service: ServiceKind) -> Option<String> {
    let plan = install::plan(tools, &[service]);
    let names: Vec<&str> = plan.items.iter().map(|item| item.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("missing: {}", names.join(", ")))
}

fn newest_postgres(tools: &Tools) -> Option<PathBuf> {
    tools.postgres.iter().max_by_key(|(version, _)| *version).map(|(_, folder)| folder.clone())
}

fn place(service: ServiceKind, tools: &Tools) -> String {
    let path = match service {
        ServiceKind::Postgres => newest_postgres(tools),
        ServiceKind::Neo4j => tools.neo4j.clone(),
        ServiceKind::Chroma => tools.chroma.clone(),
        ServiceKind::Redis => tools.redis.clone(),
        ServiceKind::OpenAi => tools.models.clone(),
    };
    path.map(|path| path.display().to_string()).unwrap_or_default()
}

/// Runs each program that a native service needs, all at once.
pub(super) async fn ask(stack: &Stack, tools: &Tools) -> Vec<Answer> {
    let wanted = |service| platform::HAS_NATIVE_PROVIDER && stack.provider(service) == Provider::Native;
    let venv = |folder: &Option<PathBuf>| folder.as_ref().map(|f| f.join("venv/bin/python"));
    let postgres = newest_postgres(tools).map(|folder| folder.join("postgres"));
    let (chroma, models) = (venv(&tools.chroma), venv(&tools.models));
    let python = async {
        if wanted(ServiceKind::Chroma) || wanted(ServiceKind::OpenAi) {
            environment(tools.python.as_deref()?).await
        } else {
            None
        }
    };
    let (postgres_said, redis_said, java_said, python_said, chroma_said, models_said) = tokio::join!(
        say(postgres.as_deref(), &["--version"]),
        say(tools.redis.as_deref(), &["--version"]),
        say(tools.java.as_deref(), &["-version"]),
        python,
        say(chroma.as_deref(), &["-I", "-c", CHROMA]),
        say(models.as_deref(), &["-I", "-c", MODELS]),
    );
    let again = |packages: &str| format!("sudo apt-get install --reinstall {packages}");
    let afresh = |folder: &Option<PathBuf>| match folder {
        Some(folder) => format!("rm -r {} && hallmark up --yes", super::secrets::quoted(folder)),
        None => "hallmark up --yes".to_owned(),
    };
    let answer = |id, name, services, program, said, mend| Answer { id, name, services, program, said, mend };
    use ServiceKind::{Chroma, Neo4j, OpenAi, Postgres, Redis};
    let all = vec![
        answer(
            "runs.postgres",
            "postgres runs",
            &[Postgres],
            postgres,
            postgres_said,
            again("'postgresql-[0-9]+'"),
        ),
        answer(
            "runs.redis",
            "redis-server runs",
            &[Redis],
            tools.redis.clone(),
            redis_said,
            again("redis-server"),
        ),
        answer(
            "runs.java",
            "java runs",
            &[Neo4j],
            tools.java.clone(),
            java_said,
            again("openjdk-17-jre-headless"),
        ),
        answer(
            "runs.python",
            "python makes a venv",
            &[Chroma, OpenAi],
            tools.python.clone(),
            python_said,
            again("python3 python3-venv"),
        ),
        answer("runs.chromadb", "chromadb loads", &[Chroma], chroma, chroma_said, afresh(&tools.chroma)),
        answer("runs.openai", "xllamacpp loads", &[OpenAi], models, models_said, afresh(&tools.models)),
    ];
    all.into_iter().filter(|answer| answer.services.iter().copied().any(wanted)).collect()
}

async fn say(program: Option<&Path>, arguments: &[&str]) -> Option<String> {
    exec::ask(program?, arguments).await.and_then(|text| first_line(&text))
}

/// The first line that says something; the Java launcher first repeats its options.
fn first_line(text: &str) -> Option<String> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.find(|line| !line.starts_with("Picked up ")).map(ToOwned::to_owned)
}

/// Makes a virtual environment and runs the Python in it: some systems ship the module and not what it needs.
async fn environment(python: &Path) -> Option<String> {
    let token = hallmark_core::random::token(8).ok()?;
    let folder = std::env::temp_dir().join(format!("hallmark-venv-{token}"));
    let made = exec::ask(python, &["-I", "-m", "venv", "--without-pip", folder.to_str()?]).await;
    let said = match made {
        Some(_) => say(Some(&folder.join("bin/python")), &["-I", "-c", PYTHON]).await,
        None => None,
    };
    let _ = std::fs::remove_dir_all(&folder);
    said
}

pub(super) fn run(scene: &Scene<'_>) -> Vec<Check> {
    scene.answers.iter().map(judge).collect()
}

fn judge(answer: &Answer) -> Check {
    let Some(program) = &answer.program else {
        return Check::new(answer.id, answer.name, Verdict::NotChecked, "not installed")
            .mend("hallmark up --yes");
    };
    match &answer.said {
        Some(said) => Check::new(answer.id, answer.name, Verdict::Ok, said.clone()),
        None => {
            let detail = format!("{} is there and does not run", program.display());
            Check::new(answer.id, answer.name, Verdict::Fail, detail).mend(answer.mend.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_launchers_own_words_are_no_version() {
        let text = "Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version \"17.0.16\" 2025-07-15\n";
        assert_eq!(first_line(text).as_deref(), Some("openjdk version \"17.0.16\" 2025-07-15"));
        assert_eq!(first_line("\n \n"), None);
    }

    #[test]
    fn there_and_not_running_fails() {
        let program = Some(PathBuf::from("/bin/false"));
        let answer = |program, said: Option<&str>| Answer {
            id: "runs.redis",
            name: "redis-server runs",
            services: &[ServiceKind::Redis],
            program,
            said: said.map(ToOwned::to_owned),
            mend: "again".to_owned(),
        };
        let check = judge(&answer(program.clone(), None));
        assert_eq!((check.verdict, check.mend.as_deref()), (Verdict::Fail, Some("again")));
        assert_eq!(judge(&answer(program, Some("v=7"))).verdict, Verdict::Ok);
        assert_eq!(judge(&answer(None, None)).verdict, Verdict::NotChecked);
    }
}
