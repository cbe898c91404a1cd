//! How many different values there are, estimated without keeping them: HyperLogLog in SQL.
//!
//! Each value is hashed to 64 bits. Twelve of them choose one of 4,096 registers, and a register keeps the longest run of
//! zeros that the other 52 began with. The harmonic mean of the registers tells the number with a standard error of
//! 1.04 / √4096 = 1.6 %; small numbers are counted by the registers that stayed empty. Memory is that of the registers of each
//! group, however many rows there are.

use hallmark_core::Result;

use super::Grouping;
use super::measure::Measure;
use crate::engine::Engine;
use crate::filter;
use crate::sql::Sql;

/// Registers: 2 to the power of twelve.
const REGISTERS: u32 = 4_096;

/// Appends a subquery with the groups' columns `g0 …`, `_grouping` and the estimate `_n`.
pub(super) fn push(
    sql: &mut Sql,
    engine: &Engine,
    grouping: &Grouping<'_>,
    measure: &Measure<'_>,
    rows: &dyn Fn(&mut Sql) -> Result<()>,
) -> Result<()> {
    let groups = grouping.keys.len();
    let names: Vec<String> = (0..groups).map(|i| format!("g{i}")).collect();
    let listed = |after: &str| names.iter().map(|n| format!("{n}{after}, ")).collect::<String>();
    let ident = measure.column.map_or("", |c| c.ident.as_str());
    let registers = f64::from(REGISTERS);
    // With its fraction: whole numbers would be divided as such.
    let m = format!("{registers:.1}");
    let alpha = 0.7213 / (1.0 + 1.079 / registers);
    let raw = format!("{alpha} * {m} * {m} / (sum(power(2.0::double precision, -_r)) + {m} - count(*))");
    sql.push(&format!("(SELECT {}_grouping, ", listed("")));
    sql.push(&format!(
        "CASE WHEN {raw} <= 2.5 * {m} AND count(*) < {m} THEN {m} * ln({m} / ({m} - count(*))) ELSE {raw} END AS _n FROM ("
    ));
    sql.push(&format!(
        "SELECT {}{} AS _grouping, _b, max(_r) AS _r FROM (SELECT ",
        listed(""),
        grouping.bits(&names)
    ));
    for (key, name) in grouping.keys.iter().zip(&names) {
        key.push(sql);
        sql.push(&format!(" AS {name}, "));
    }
    sql.push(&format!("_h & {} AS _b, ", REGISTERS - 1));
    sql.push("coalesce(nullif(position(B'1' IN (_h >> 12)::bit(52)), 0), 53) AS _r");
    sql.push(&format!(" FROM {}", engine.table.qualified));
    sql.push(&format!(", LATERAL (SELECT hashtextextended({ident}::text, 0) AS _h) AS _hash WHERE "));
    rows(sql)?;
    sql.push(" AND ");
    filter::push(sql, &engine.table, measure.filter())?;
    sql.push(&format!(" AND {ident} IS NOT NULL) AS _hashed GROUP BY "));
    sql.push(&grouping.sets(&names, Some("_b")));
    sql.push(&format!(") AS _registers GROUP BY {}_grouping)", listed("")));
    Ok(())
}
