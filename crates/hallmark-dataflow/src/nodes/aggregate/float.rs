//! Means and deviations of doubles, with very large ones among them: PostgreSQL ends the statement where squares or sums on the way
//! overflow, and with it all that was asked for beside. Where there are such doubles they are computed in a smaller scale, a power of two, so
//! that no digit changes; a result that no double holds is null.

use hallmark_core::Result;

use crate::sql::Sql;

/// The largest double.
const MOST: &str = "1.7976931348623157e308";

/// How a function is kept within bounds.
struct Scale {
    /// The size from which on a double is large.
    large: &'static str,
    /// What large ones are multiplied by.
    down: &'static str,
    /// The size below which the result fits when it is multiplied back.
    fits: &'static str,
    /// What the result is multiplied by, one after the other.
    up: &'static str,
}

impl Scale {
    fn of(function: &str) -> Self {
        match function {
            // Sums of more than 10^17 rows fit; by 2^64.
            "avg" => Self {
                large: "1e290",
                down: "5.421010862427522e-20",
                fits: "9.745e288",
                up: "1.8446744073709552e19",
            },
            // Squares of the differences of 10^9 rows fit; by 2^600.
            "var_samp" => Self {
                large: "1e140",
                down: "2.409919865102884e-181",
                fits: "1.044e-53",
                up: "4.149515568880993e180::double precision * 4.149515568880993e180",
            },
            _ => Self {
                large: "1e140",
                down: "2.409919865102884e-181",
                fits: "4.33e127",
                up: "4.149515568880993e180",
            },
        }
    }
}

/// Appends `avg`, `stddev_samp` or `var_samp` of the doubles that an expression gives, perhaps of different ones only (`of` is then
/// `DISTINCT `); `push_filter` appends the `FILTER` of its rows.
pub(in crate::nodes) fn push(
    sql: &mut Sql,
    (function, of): (&str, &str),
    expression: &str,
    push_filter: &dyn Fn(&mut Sql) -> Result<()>,
) -> Result<()> {
    let Scale { large, down, fits, up } = Scale::of(function);
    let x = format!("{expression}::double precision");
    let is_large = format!("abs({x}) BETWEEN {large} AND {MOST}");
    sql.push(&format!("CASE WHEN bool_or({is_large})"));
    let start = sql.text().len();
    push_filter(sql)?;
    // The same text with the same parameters is the same condition.
    let filter = sql.text()[start..].to_owned();
    let computed = |x: &str| match function {
        // As avg() gives it, which overflows by the squares that it does not need.
        "avg" => format!("(sum({of}{x}){filter} / nullif(count({of}{x}){filter}, 0))"),
        _ => format!("{function}({of}{x}){filter}"),
    };
    let scaled = computed(&format!("({x} * {down}::double precision)"));
    let plain = computed(&format!("(CASE WHEN {is_large} THEN NULL ELSE {x} END)"));
    sql.push(&format!(
        " THEN CASE WHEN abs({scaled}) < {fits}::double precision THEN {scaled} * {up}::double precision END ELSE {plain} END"
    ));
    Ok(())
}
