//! `hallmark compose` and `hallmark kubernetes`: the services for other machines.

use hallmark_core::{Error, ExitClass, Result, fs};
use hallmark_services::ServiceKind;
use hallmark_services::stack::containers::{self, WITH_IMAGES};

use crate::app::App;
use crate::args::ContainersArgs;
use crate::commands::{codes, logs};

pub(crate) fn compose(app: &App<'_>, args: &ContainersArgs) -> Result<ExitClass> {
    let services = services(args)?;
    write(app, args, &containers::compose(&app.project.name(), &services))?;
    let wanted: Vec<&str> = services.iter().filter_map(|service| containers::variable(*service)).collect();
    if !wanted.is_empty() {
        app.ui.note(&format!("it takes from the environment: {}", wanted.join(", ")));
    }
    app.ui.next("docker compose up --detach --wait");
    Ok(ExitClass::Ok)
}

/// `hallmark kubernetes`.
pub(crate) fn kubernetes(app: &App<'_>, args: &ContainersArgs) -> Result<ExitClass> {
    let services = services(args)?;
    write(app, args, &containers::kubernetes(&app.project.name(), &services))?;
    let wanted: Vec<&str> =
        services.iter().filter_map(|service| containers::secret_key(*service)).map(|(key, _)| key).collect();
    if !wanted.is_empty() {
        app.ui.note(&format!("it takes from the Secret hallmark-secrets: {}", wanted.join(", ")));
        app.ui.next("kubectl create secret generic hallmark-secrets --from-env-file=FILE");
    }
    Ok(ExitClass::Ok)
}

fn services(args: &ContainersArgs) -> Result<Vec<ServiceKind>> {
    if args.services.is_empty() {
        return Ok(WITH_IMAGES.to_vec());
    }
    let chosen = args.services.iter().map(|name| logs::service(name)).collect::<Result<Vec<_>>>()?;
    if chosen.contains(&ServiceKind::OpenAi) {
        return Err(Error::new(&codes::UNKNOWN_VALUE, "the model API has no container image")
            .next("name postgres, neo4j, chromadb or redis"));
    }
    Ok(chosen)
}

fn write(app: &App<'_>, args: &ContainersArgs, text: &str) -> Result<()> {
    let Some(path) = &args.out else {
        app.ui.verbatim(text);
        return Ok(());
    };
    fs::write_atomic(path, text.as_bytes(), fs::Mode::Keep)?;
    app.ui.note(&format!("wrote {}", path.display()));
    Ok(())
}
