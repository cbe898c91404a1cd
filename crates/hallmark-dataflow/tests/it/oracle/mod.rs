//! CRUD, Search and Aggregate against an oracle: random models, rows and operations, once through the nodes and once in plain
//! SQL that is written here, on a connection and in tables of its own. After every change both tables must hold the same.

mod conditions;
mod groups;
mod model;
mod ops;
mod reads;
mod shadow;
mod values;
mod writes;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use futures_util::StreamExt as _;
use serde_json::Value;

use crate::dice::Dice;
use crate::support::{World, with, witness};
use model::Shape;
use ops::{Act, Op};
use shadow::Shadow;
use values::{of_json, of_text};

/// How many cases are tried; `HALLMARK_ORACLE_CASES` says another number for a long run, `HALLMARK_ORACLE_SEED` the first seed.
const CASES: u64 = 14;
/// Operations of one case.
const OPS: u64 = 40;
/// How often a case that failed is run again to find out which operations it needs.
const SHRINKS_MAX: usize = 120;

/// One case under way.
struct Run<'a> {
    world: &'a World,
    shape: &'a Shape,
    shadow: Shadow<'a>,
}

impl Run<'_> {
    /// Holds a row that a node gave against that of plain SQL: exactly these fields (all, if none are named).
    fn equal(&self, row: &Value, texts: &[Option<String>], fields: &[String]) -> Result<(), String> {
        let Some(row) = row.as_object() else {
            return Err(format!("no row: {row}, plain SQL has {texts:?}"));
        };
        for (col, text) in self.shape.cols.iter().zip(texts) {
            let wanted = fields.is_empty() || fields.contains(&col.name);
            match row.get(&col.name) {
                Some(_) if !wanted => return Err(format!("{} was not asked for: {row:?}", col.name)),
                None if wanted => return Err(format!("{} is not there: {row:?}", col.name)),
                None => {}
                Some(value) => {
                    let (theirs, mine) = (of_json(col.kind, value), of_text(col.kind, text.as_deref()));
                    if theirs != mine {
                        return Err(format!("{}: {theirs:?}, by plain SQL {mine:?}", col.name));
                    }
                }
            }
        }
        Ok(())
    }

    async fn step(&self, op: &Op) -> Result<(), String> {
        let tenant = op.tenant;
        match &op.act {
            Act::Read { key, deleted, fields } => return self.read(tenant, key, *deleted, fields).await,
            Act::Query { node, filter, sort, limit, deleted, fields } => {
                let (filter, limit, deleted) = (filter.as_ref(), *limit, *deleted);
                let query = reads::Query { filter, sort, limit, deleted, fields };
                return self.query(tenant, node, &query).await;
            }
            Act::Count { node, filter, deleted } => {
                return self.count(tenant, node, filter.as_ref(), *deleted).await;
            }
            Act::Facets { field, filter, limit } => {
                return self.facets(tenant, field, filter.as_ref(), *limit).await;
            }
            Act::Aggregate(groups) => return self.aggregate(tenant, groups).await,
            _ => {}
        }
        self.shadow.begin().await;
        let held = match &op.act {
            Act::Create { row } => self.create(tenant, row).await,
            Act::Update { key, row, expected, inside } => {
                self.update(tenant, (key, row), *expected, *inside).await
            }
            Act::Delete { key } => self.delete(tenant, key).await,
            Act::Upsert { row, match_on, named } => self.upsert(tenant, row, match_on, *named).await,
            Act::BulkCreate { rows } => self.bulk_create(tenant, rows).await,
            Act::BulkUpdate { filter, row } => self.bulk_update(tenant, filter, row).await,
            Act::BulkUpdateRows { rows } => self.bulk_update_rows(tenant, rows).await,
            Act::BulkUpsert { rows, match_on, skip } => self.bulk_upsert(tenant, rows, match_on, *skip).await,
            Act::BulkDelete { filter } => self.bulk_delete(tenant, filter).await,
            _ => Ok(()),
        };
        // Of a transaction in which a statement was refused nothing is left, whatever it is ended with.
        self.shadow.end(held.is_ok()).await;
        held?;
        let (theirs, mine) = self.shadow.both().await;
        if theirs == mine {
            return Ok(());
        }
        let only = |a: &[shadow::Texts], b: &[shadow::Texts]| {
            a.iter().filter(|r| !b.contains(r)).map(|r| format!("{r:?}")).collect::<Vec<_>>().join("\n")
        };
        Err(format!(
            "only in the nodes' table:\n{}\nonly in plain SQL's:\n{}",
            only(&theirs, &mine),
            only(&mine, &theirs)
        ))
    }
}

/// Runs the operations on a fresh schema; an error names the first that does not hold.
async fn run(shape: &Shape, ops: &[Op]) -> Result<(), String> {
    let outcome = Arc::new(Mutex::new(Ok(())));
    let (shape, ops, out) = (shape.clone(), ops.to_vec(), Arc::clone(&outcome));
    with(vec![shape.decl.clone()], |world| async move {
        let client = witness().await;
        let shadow = Shadow::create(&client, &shape, world.dataflow.schema()).await;
        let run = Run { world: &world, shape: &shape, shadow };
        let mut held = Ok(());
        for (n, op) in ops.iter().enumerate() {
            held = run.step(op).await.map_err(|why| format!("operation {n}: {op:?}\n{why}"));
            if held.is_err() {
                break;
            }
        }
        run.shadow.drop().await;
        *out.lock().unwrap() = held;
    })
    .await;
    let mut held = outcome.lock().unwrap();
    std::mem::replace(&mut *held, Ok(()))
}

/// The fewest operations that were found to fail, and how.
async fn shrink(shape: &Shape, ops: Vec<Op>, why: String) -> (Vec<Op>, String) {
    let (mut least, mut why, mut tries) = (ops, why, 0);
    let mut size = least.len() / 2;
    while size > 0 && tries < SHRINKS_MAX {
        let mut at = 0;
        while at < least.len() && tries < SHRINKS_MAX {
            let mut fewer = least.clone();
            fewer.drain(at..(at + size).min(least.len()));
            tries += 1;
            match run(shape, &fewer).await {
                Err(still) => (least, why) = (fewer, still),
                Ok(()) => at += size,
            }
        }
        size /= 2;
    }
    (least, why)
}

async fn case(seed: u64) -> Option<String> {
    let mut dice = Dice::new(seed);
    let shape = model::shape(&mut dice);
    let ops = ops::all(&mut dice, &shape, OPS);
    let why = run(&shape, &ops).await.err()?;
    let (ops, why) = shrink(&shape, ops, why).await;
    let mut said = format!("seed {seed}: {why}\nthe model: {:#?}\nthe operations:\n", shape.decl);
    for op in ops {
        writeln!(said, "  {op:?}").unwrap();
    }
    Some(said)
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |n| n.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_do_what_plain_sql_does() {
    let (first, cases) = (number("HALLMARK_ORACLE_SEED", 0), number("HALLMARK_ORACLE_CASES", CASES));
    let all = futures_util::stream::iter((first..first + cases).map(case));
    let failed: Vec<String> = all.buffer_unordered(4).filter_map(|f| async { f }).collect().await;
    assert!(failed.is_empty(), "{} of {cases} cases\n{}", failed.len(), failed.join("\n"));
}
