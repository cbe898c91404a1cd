//! `hallmark check --watch`: scans again whenever a file of the project changes.

use std::path::Path;
use std::time::Duration;

use hallmark_core::config::{Config, FILE_NAME, PYPROJECT};
use hallmark_core::{Error, ExitClass, Result, codes};
use hallmark_standards::{ScanOptions, Survey, Workspace};
use notify::{Config as Settings, PollWatcher, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::app::App;
use crate::args::CheckArgs;

/// How long nothing must change before a scan begins: an editor's save is several events.
const QUIET: Duration = Duration::from_millis(80);

/// How long changes may go on before a scan begins all the same.
const PATIENCE: Duration = Duration::from_millis(1000);

/// How often files are looked at where the system cannot tell of changes.
const POLL: Duration = Duration::from_secs(2);

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// A source file.
    Source,
    /// A configuration or a list of ignored files: what is scanned, and how, may be another.
    Settings,
}

/// Scans until it is interrupted, which is a success.
pub(super) fn run(app: &App<'_>, args: &CheckArgs, options: ScanOptions) -> Result<ExitClass> {
    app.block_on(async {
        let interrupted = tokio::spawn(tokio::signal::ctrl_c());
        let (sender, mut changes) = channel(CHANGES);
        let root = options.root.clone();
        let _watcher = watcher(&root, sender)?;
        tokio::select! {
            _ = interrupted => Ok(ExitClass::Ok),
            ended = watch(app, args, options, &mut changes) => ended,
        }
    })
}

/// The number of changes that wait; more say nothing new.
const CHANGES: usize = 16;

async fn watch(
    app: &App<'_>,
    args: &CheckArgs,
    options: ScanOptions,
    changes: &mut Receiver<Change>,
) -> Result<ExitClass> {
    let mut workspace = Workspace::new(options);
    loop {
        tokio::task::block_in_place(|| scan(app, args, &mut workspace));
        let Some(mut change) = changes.recv().await else { return Ok(ExitClass::Ok) };
        let patience = tokio::time::Instant::now() + PATIENCE;
        while let Ok(Some(more)) = tokio::time::timeout(QUIET, changes.recv()).await {
            change = change.max(more);
            if tokio::time::Instant::now() > patience {
                break;
            }
        }
        if change == Change::Settings {
            match again(app, args) {
                Ok(options) => workspace = Workspace::new(options),
                // A configuration that is being written: the last one that could be read goes on.
                Err(error) => app.ui.error(&error),
            }
        }
    }
}

/// The options that the configuration on disk now asks for.
fn again(app: &App<'_>, args: &CheckArgs) -> Result<ScanOptions> {
    let config = Config::load(app.project.root())?;
    let survey = Survey::of(app.project.root());
    super::asked(&App { ui: app.ui, project: app.project.clone(), config }, args, &survey)
}

/// One scan and its report, on a cleared screen if it is one.
fn scan(app: &App<'_>, args: &CheckArgs, workspace: &mut Workspace) {
    let began = std::time::Instant::now();
    workspace.refresh();
    let mut report = workspace.report();
    report.duration_ms = (began.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    let shown = super::known::hide(app, args, workspace.options(), &mut report).and_then(|()| {
        app.ui.clear();
        super::show(app, args, &report)
    });
    if let Err(error) = shown {
        app.ui.error(&error);
    }
    app.ui.note(&format!("watching {}; Ctrl-C ends", super::summary::count(report.files, "file")));
}

/// Tells of changes below the root: by the system's own means, or, where these have run out, by looking.
fn watcher(root: &Path, sender: Sender<Change>) -> Result<Box<dyn Watcher>> {
    let told = {
        let (root, sender) = (root.to_path_buf(), sender.clone());
        move |event| tell(&root, &sender, event)
    };
    let own = RecommendedWatcher::new(told, Settings::default()).and_then(|mut watcher| {
        watcher.watch(root, RecursiveMode::Recursive)?;
        Ok(watcher)
    });
    if let Ok(watcher) = own {
        return Ok(Box::new(watcher));
    }
    let looking = {
        let root = root.to_path_buf();
        move |event| tell(&root, &sender, event)
    };
    let polled = PollWatcher::new(looking, Settings::default().with_poll_interval(POLL));
    polled
        .and_then(|mut watcher| {
            watcher.watch(root, RecursiveMode::Recursive)?;
            Ok(Box::new(watcher) as Box<dyn Watcher>)
        })
        .map_err(|e| Error::new(&codes::READ_FAILED, "the project cannot be watched").because(&e))
}

/// Passes on what a scan could see. A full queue holds the news already.
fn tell(root: &Path, sender: &Sender<Change>, event: notify::Result<notify::Event>) {
    let Ok(event) = event else { return };
    if event.kind.is_access() {
        return;
    }
    if let Some(change) = event.paths.iter().filter_map(|path| of_interest(root, path)).max() {
        let _ = sender.try_send(change);
    }
}

/// Whether a scan would look at this path.
fn of_interest(root: &Path, path: &Path) -> Option<Change> {
    let below = path.strip_prefix(root).unwrap_or(path);
    let skipped = [".git", ".hallmark", ".venv", "__pycache__", "node_modules", "site-packages"];
    if below.components().any(|c| skipped.iter().any(|name| c.as_os_str() == *name)) {
        return None;
    }
    let name = below.file_name()?.to_str()?;
    if [FILE_NAME, PYPROJECT, ".gitignore", ".ignore"].contains(&name) {
        return Some(Change::Settings);
    }
    // A folder that was moved or removed takes its files along; it has no extension to go by.
    let is_folder = path.extension().is_none();
    let is_source = path.extension().is_some_and(|e| e == "py") || name.ends_with("baseline.json");
    (is_source || is_folder).then_some(Change::Source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_scan_looks_at_is_news() {
        let of = |path: &str| of_interest(Path::new("/p"), &Path::new("/p").join(path));
        assert_eq!(of("a/b.py"), Some(Change::Source));
        assert_eq!(of("a"), Some(Change::Source));
        assert_eq!(of("a/hallmark.toml"), Some(Change::Settings));
        assert_eq!(
            (of(".hallmark/cache/standards"), of("a/__pycache__/b.py"), of("notes.txt")),
            (None, None, None)
        );
    }
}
