//! What copied rows refer to: a `COPY` into the table does not say which rows it made, so the values of references that are guarded
//! ([`referable`]) are kept on their way, each once, and looked for behind it.

use std::collections::HashSet;

use bytes::{BufMut as _, BytesMut};
use hallmark_core::Result;
use hallmark_workflow::Context;
use tokio_postgres::GenericClient;
use tokio_postgres::types::{IsNull, Kind, ToSql, Type, to_sql_checked};

use crate::engine::Engine;
use crate::limits;
use crate::referable::{self, guarded};
use crate::slow::Clock;
use crate::sql::{Sql, failure};
use crate::table::{Column, Role};

/// The values that one reference has, in their binary form, each cell behind its length as in a `COPY`.
#[derive(Default)]
struct Values {
    /// Where the cells stand among those of a row.
    cells: Vec<usize>,
    seen: HashSet<Box<[u8]>>,
}

/// The values of the guarded references of a table, in their order.
#[derive(Default)]
pub(super) struct Referred {
    of: Vec<Values>,
    bytes: usize,
}

impl Referred {
    /// Of the engine's table, whose rows come with these columns, and the tenant's behind them.
    pub(super) fn new(engine: &Engine, columns: &[usize]) -> Self {
        let table = &engine.table;
        let at = |column: &Column| match column.role {
            Role::Tenant => Some(columns.len()),
            _ => columns.iter().position(|i| table.columns[*i].name() == column.name()),
        };
        let values = |from: &[&Column]| Values {
            // A column that no row gives is null.
            cells: from.iter().map(|c| at(c)).collect::<Option<_>>().unwrap_or_default(),
            seen: HashSet::new(),
        };
        let references = guarded(table, &engine.shared.tables);
        Self { of: references.iter().map(|(from, _, _)| values(from)).collect(), bytes: 0 }
    }

    /// Keeps what a row of a `COPY` refers to.
    pub(super) fn note(&mut self, row: &[u8]) {
        for values in self.of.iter_mut().filter(|values| !values.cells.is_empty()) {
            let cells: Option<Vec<&[u8]>> = values.cells.iter().map(|at| cell(row, *at)).collect();
            // Where one is null, the row refers to nothing.
            let Some(cells) = cells else { continue };
            let key = cells.concat();
            if !values.seen.contains(&*key) {
                self.bytes += key.len() + size_of::<Box<[u8]>>();
                values.seen.insert(key.into());
            }
        }
    }

    /// Whether they are to be looked for before more are kept.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= limits::IMPORT_REFERRED_BYTES_MAX
    }

    /// Takes them out.
    pub(super) fn take(&mut self) -> Self {
        let empty = |values: &Values| Values { cells: values.cells.clone(), seen: HashSet::new() };
        let next = Self { of: self.of.iter().map(empty).collect(), bytes: 0 };
        std::mem::replace(self, next)
    }

    /// Whether each leads to a row of the caller.
    ///
    /// # Errors
    /// Those of PostgreSQL.
    pub(super) async fn are_of(
        &self,
        client: &impl GenericClient,
        engine: &Engine,
        context: &Context,
    ) -> Result<bool> {
        let references = guarded(&engine.table, &engine.shared.tables);
        for (values, (from, to, there)) in self.of.iter().zip(references).filter(|(v, _)| !v.seen.is_empty())
        {
            let mut sql = Sql::new("SELECT NOT EXISTS (SELECT FROM unnest(");
            let owners = to.owned(context);
            for (n, column) in from.iter().enumerate() {
                let comma = if n > 0 { ", " } else { "" };
                sql.push(&format!("{comma}${}::{}[]", owners.len() + n + 1, column.sql_type));
            }
            let names: Vec<String> = (0..from.len()).map(|n| format!("v{n}")).collect();
            // By their keys, one by one: of how many there are PostgreSQL knows nothing, and would compare all with all.
            sql.push(&format!(
                ") AS given ({}) WHERE NOT EXISTS (SELECT FROM (SELECT * FROM ",
                names.join(", ")
            ));
            let same = names.iter().zip(&there).map(|(name, key)| format!("r.{} = given.{name}", key.ident));
            let same = same.collect::<Vec<_>>().join(" AND ");
            sql.push(&to.qualified).push(" r WHERE ").push(&same).push(" OFFSET 0) r WHERE ");
            to.push_owned(&mut sql, context);
            sql.push("))");
            let arrays: Vec<Array<'_>> = (0..from.len()).map(|n| Array { of: values, cell: n }).collect();
            let mut parameters: Vec<&(dyn ToSql + Sync)> = Vec::new();
            parameters.extend(owners.iter().map(|(_, value)| value as &(dyn ToSql + Sync)));
            parameters.extend(arrays.iter().map(|array| array as &(dyn ToSql + Sync)));
            let clock = Clock::start(sql.text(), &[]);
            let row = client.query_one(sql.text(), &parameters).await.map_err(failure);
            let row = clock.end(row, |_| 1)?;
            if !row.try_get::<_, bool>(0).map_err(failure)? {
                tracing::debug!(fields = referable::listed(&from), "a reference is not the caller's");
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A cell of a row with its length; `None` if it is null. A row is the number of its cells, and the cells.
fn cell(row: &[u8], at: usize) -> Option<&[u8]> {
    let mut rest = row.get(2..)?;
    for _ in 0..at {
        rest = rest.get(4 + length(rest)?.unwrap_or(0)..)?;
    }
    rest.get(..4 + length(rest)??)
}

/// How long the first cell is; `Some(None)` for null.
fn length(rest: &[u8]) -> Option<Option<usize>> {
    let bytes = rest.first_chunk()?;
    Some(usize::try_from(i32::from_be_bytes(*bytes)).ok())
}

/// One cell of all values as an array, as `array_send` in PostgreSQL's sources writes it.
#[derive(Debug)]
struct Array<'a> {
    of: &'a Values,
    cell: usize,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // They may be personal.
        write!(f, "{} values", self.seen.len())
    }
}

impl ToSql for Array<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Kind::Array(of) = ty.kind() else { return Err(format!("{ty} is no array").into()) };
        // One dimension, no nulls, counted from 1.
        out.put_i32(1);
        out.put_i32(0);
        out.put_u32(of.oid());
        out.put_i32(i32::try_from(self.of.seen.len())?);
        out.put_i32(1);
        for value in &self.of.seen {
            let mut rest = &**value;
            for _ in 0..self.cell {
                rest = &rest[4 + length(rest).flatten().ok_or("a value is cut off")?..];
            }
            out.put_slice(&rest[..4 + length(rest).flatten().ok_or("a value is cut off")?]);
        }
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        matches!(ty.kind(), Kind::Array(_))
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_found_in_rows_and_nulls_refer_to_nothing() {
        let row = [&[0, 3][..], &[0, 0, 0, 1, 7], &[0xff; 4], &[0, 0, 0, 2, 8, 9]].concat();
        assert_eq!(cell(&row, 0), Some(&[0, 0, 0, 1, 7][..]));
        assert_eq!(cell(&row, 1), None);
        assert_eq!(cell(&row, 2), Some(&[0, 0, 0, 2, 8, 9][..]));
        assert_eq!(cell(&row, 3), None);
        let values = |cells: &[usize]| Values { cells: cells.to_vec(), ..Values::default() };
        let mut referred = Referred { of: vec![values(&[0]), values(&[1, 2]), values(&[2, 0])], bytes: 0 };
        referred.note(&row);
        referred.note(&row);
        let seen: Vec<usize> = referred.of.iter().map(|values| values.seen.len()).collect();
        assert_eq!(seen, [1, 0, 1]);
        let mut out = BytesMut::new();
        let array = Array { of: &referred.of[2], cell: 1 };
        assert!(array.to_sql(&Type::INT8_ARRAY, &mut out).is_ok());
        assert_eq!(out[20..], [0, 0, 0, 1, 7]);
    }
}
