//! The Markdown tests of the nodes: every page of `resources/nodes` is about one kind, and every call on it is made.
//!
//! - A heading `## …` starts anew: a schema of its own, with the models and rows that stand before the first one.
//! - A `python` or `toml` block declares models; one in a section takes the place of those before the first heading.
//! - A `sql` block runs on a connection of its own. A `text` block after it holds its rows, cells between `|`.
//! - A `json` block is a call: `node`, perhaps `tenant`, and the parameters. After it stands what it answers (`json`), or the code of
//!   the error, perhaps its place (`at …`), and on further lines what its message says (`error`).
//! - A `csv` or `jsonl` block whose first line is `# file: name` is a file in the folder of imports.
//! - In an answer `"<time>"`, `"<uuid>"`, `"<text>"`, `"<number>"`, `"<any>"` stand for values that differ, `"<name: x>"` for one that a
//!   later call names as `"<x>"`, and a member `"...": "..."` for members that do not matter. In a call `"<text of N>"` is a text of N bytes.
//!
//! `HALLMARK_MDTEST_ACCEPT=1` writes what is answered into the pages instead of comparing; read the difference before it is kept.

mod accept;
mod answers;
mod coverage;
mod page;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use hallmark_dataflow::ModelDecl;
use serde_json::Value;

use crate::support::{World, parse, with};
use answers::Names;
use page::{Block, Kind, Page};

/// The folder of the pages.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("resources/nodes")
}

/// The pages, by name.
fn pages() -> Vec<Page> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "md"));
    files.sort();
    files.iter().map(|f| Page::read(f)).collect()
}

fn models(blocks: &[&Block]) -> Vec<ModelDecl> {
    let mut models = Vec::new();
    for block in blocks {
        match block.kind {
            Kind::Python => models.extend(parse(&block.text)),
            Kind::Toml => {
                let (read, problems) = hallmark_dataflow::declare::read_toml("page.md", &block.text);
                assert!(problems.is_empty(), "{problems:?}");
                models.extend(read);
            }
            _ => {}
        }
    }
    models
}

/// What a section does that it should not, with the line; and the answers, for pages that are accepted.
#[derive(Default)]
struct Seen {
    wrong: Vec<String>,
    answers: Vec<(usize, Value)>,
}

/// A section of a page with what stands before the first heading, ready to be played.
pub(crate) struct Scene {
    /// The page's name and the line that it begins in.
    pub(crate) place: String,
    page: String,
    pub(crate) models: Vec<ModelDecl>,
    blocks: Vec<Block>,
}

/// A call of a page, with the names that the page gave filled in.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) line: usize,
    pub(crate) node: String,
    pub(crate) tenant: Option<String>,
    pub(crate) input: Value,
}

impl Scene {
    fn new(page: &Page, section: &[Block]) -> Self {
        let first: Vec<&Block> = page.sections[0].iter().collect();
        let own: Vec<&Block> = section.iter().collect();
        let mut declared = models(&own);
        let blocks: Vec<Block> = if declared.is_empty() {
            declared = models(&first);
            first.iter().filter(|b| b.is_setup()).chain(&own).map(|b| (*b).clone()).collect()
        } else {
            section.to_vec()
        };
        let line = section.first().map_or(0, |b| b.line);
        Self { place: format!("{}.md:{line}", page.name), page: page.name.clone(), models: declared, blocks }
    }

    /// Does what the section says in a schema of its own; gives its calls.
    pub(crate) async fn play(&self, world: &World) -> Vec<Called> {
        self.step_by_step(world, &Mutex::default()).await
    }

    async fn step_by_step(&self, world: &World, seen: &Mutex<Seen>) -> Vec<Called> {
        let search = format!("SET search_path TO \"{}\"", world.dataflow.schema());
        world.sql.batch_execute(&search).await.unwrap();
        let (mut names, mut calls) = (Names::default(), Vec::new());
        for (at, block) in self.blocks.iter().enumerate() {
            if let Ok((node, tenant, input)) = names.call(&block.text)
                && block.is_call()
            {
                calls.push(Called { line: block.line, node, tenant, input });
            }
            let expected = self.blocks.get(at + 1).filter(|b| b.is_expectation());
            let held = step(world, block, expected, &mut names, seen).await;
            if let Err(why) = held {
                seen.lock().unwrap().wrong.push(format!("{}.md:{}: {why}", self.page, block.line));
            }
        }
        calls
    }
}

/// The sections of all pages that call something.
pub(crate) fn scenes() -> Vec<Scene> {
    let scenes = |page: &Page| {
        let sections = page.sections.iter().enumerate();
        let sections = sections.filter(|(n, s)| *n > 0 || s.iter().any(Block::is_call));
        sections.map(|(_, section)| Scene::new(page, section)).collect::<Vec<_>>()
    };
    pages().iter().flat_map(scenes).collect()
}

async fn run(scene: Scene) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let out = Arc::clone(&seen);
    with(scene.models.clone(), |world| async move {
        scene.step_by_step(&world, &out).await;
    })
    .await;
    std::mem::take(&mut *seen.lock().unwrap())
}

async fn step(
    world: &World,
    block: &Block,
    expected: Option<&Block>,
    names: &mut Names,
    seen: &Mutex<Seen>,
) -> Result<(), String> {
    match block.kind {
        Kind::Sql => {
            let rows = rows(world, &block.text).await?;
            match expected {
                Some(text) if text.kind == Kind::Text && text.text.trim() != rows.trim() => {
                    Err(format!("the rows are\n{rows}"))
                }
                _ => Ok(()),
            }
        }
        Kind::File => {
            let (head, body) = block.text.split_once('\n').unwrap_or((&block.text, ""));
            let name = head.trim_start_matches("# file: ");
            hallmark_core::fs::write_unsynced(&world.folder.join(name), body.as_bytes())
                .map_err(|e| e.to_string())
        }
        Kind::Call => {
            let (node, tenant, input) = names.call(&block.text)?;
            let answer = match tenant {
                Some(tenant) => world.tenant(&tenant, &node, input).await,
                None => world.call(&node, input).await,
            };
            match (answer, expected) {
                (Ok(answer), Some(json)) if json.kind == Kind::Answer => {
                    seen.lock().unwrap().answers.push((json.line, answer.clone()));
                    names.compare(&json.text, &answer)
                }
                (Ok(_), None) => Ok(()),
                (Err(error), Some(text)) if text.kind == Kind::Error => answers::error(&text.text, &error),
                (Ok(answer), _) => Err(format!("an error was expected, got {answer}")),
                (Err(error), _) => {
                    Err(format!("{} {:?}: {error} {:?}", error.code().id, error.place(), error.causes()))
                }
            }
        }
        _ => Ok(()),
    }
}

/// The rows of statements, as the pages write them.
async fn rows(world: &World, statements: &str) -> Result<String, String> {
    let messages = world.sql.simple_query(statements).await.map_err(|e| format!("{e:?}"))?;
    let mut out = String::new();
    for message in &messages {
        if let tokio_postgres::SimpleQueryMessage::Row(row) = message {
            let cells: Vec<&str> = (0..row.len()).map(|i| row.get(i).unwrap_or("null")).collect();
            writeln!(out, "{}", cells.join(" | ")).unwrap();
        }
    }
    Ok(out)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_of_the_pages_answers_as_they_say() {
    let scenes = scenes();
    assert!(!scenes.is_empty());
    let only = std::env::var("HALLMARK_MDTEST_PAGE").ok();
    let mut wrong = Vec::new();
    let mut pages: Vec<String> = scenes.iter().map(|s| s.page.clone()).collect();
    pages.dedup();
    let mut scenes = scenes.into_iter().peekable();
    for page in pages {
        let of_page: Vec<Scene> = std::iter::from_fn(|| scenes.next_if(|s| s.page == page)).collect();
        if only.as_ref().is_some_and(|o| *o != page) {
            continue;
        }
        let runs = of_page.into_iter().map(run);
        let seen: Vec<Seen> = futures_util::stream::iter(runs).buffered(3).collect().await;
        let answers: Vec<(usize, Value)> = seen.iter().flat_map(|s| s.answers.clone()).collect();
        if std::env::var("HALLMARK_MDTEST_ACCEPT").is_ok() {
            accept::write(&folder().join(format!("{page}.md")), &answers);
        }
        wrong.extend(seen.into_iter().flat_map(|s| s.wrong));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
