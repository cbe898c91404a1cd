//! What becomes of the values when a column's type changes.

use super::plan::Class;
use super::render::ident;

/// One change of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retype {
    /// How much it takes.
    pub(super) class: Class,
    /// Whether the rows are written anew, which nobody can read or write meanwhile.
    pub(super) rewrites: bool,
    /// The new value, as SQL over the column.
    pub(super) using: String,
    /// The old value from the new one, to see whether it survives.
    pub(super) back: String,
    /// Why it has this class.
    pub(super) why: String,
}

/// The name of a type without its modifiers, and these.
fn parts(kind: &str) -> (String, Vec<i64>) {
    let Some((before, rest)) = kind.split_once('(') else { return (kind.to_owned(), Vec::new()) };
    let (inside, after) = rest.split_once(')').unwrap_or((rest, ""));
    let numbers = inside.split(',').filter_map(|n| n.trim().parse().ok()).collect();
    (format!("{}{after}", before.trim_end()), numbers)
}

/// The digits before the point that every value of an integer type fits into.
fn digits(base: &str) -> Option<i64> {
    match base {
        "smallint" => Some(5),
        "integer" => Some(10),
        "bigint" => Some(19),
        _ => None,
    }
}

/// How a column of one type becomes one of another.
pub(super) fn retype(column: &str, from: &str, to: &str) -> Retype {
    let ((base, size), (new_base, new_size)) = (parts(from), parts(to));
    let name = ident(column);
    if (base == new_base || base == "character varying" && new_base == "text")
        && let Some(wider) = same_base(&base, &size, &new_size)
    {
        let (class, rewrites, why) = match wider {
            Wider::Label => (Class::Safe, false, "every value fits, and no row is written anew"),
            Wider::Rewrite => (Class::Slow, true, "every value fits, but every row is written anew"),
        };
        return Retype {
            class,
            rewrites,
            using: format!("{name}::{to}"),
            back: format!("({name}::{to})::{from}"),
            why: why.to_owned(),
        };
    }
    let (using, back) = conversion(&name, (from, &base), (to, &new_base));
    match widening((&base, &size), (&new_base, &new_size)) {
        true => Retype {
            class: Class::Slow,
            rewrites: true,
            using,
            back,
            why: "every value fits, but every row is written anew".to_owned(),
        },
        false => Retype {
            class: Class::Destructive,
            rewrites: true,
            using,
            back,
            why: format!("not every {from} is a {to}, and every row is written anew"),
        },
    }
}

enum Wider {
    Label,
    Rewrite,
}

/// Between sizes of one type: whether the new one holds all values of the old.
fn same_base(base: &str, old: &[i64], new: &[i64]) -> Option<Wider> {
    match (base, old, new) {
        ("numeric" | "character varying", _, []) => Some(Wider::Label),
        ("character varying", [n], [m]) if m >= n => Some(Wider::Label),
        ("numeric", [p, s], [q, t]) if s == t && q >= p => Some(Wider::Label),
        ("numeric", [p, s], [q, t]) if t > s && q - t >= p - s => Some(Wider::Rewrite),
        _ => None,
    }
}

/// Whether every value of the old type is one of the new.
fn widening((old, _): (&str, &[i64]), (new, size): (&str, &[i64])) -> bool {
    match (old, new) {
        ("smallint", "integer" | "bigint") | ("integer", "bigint") | ("real", "double precision") => true,
        ("smallint" | "integer", "double precision") | ("date", "timestamp with time zone") => true,
        ("smallint" | "integer" | "bigint", "numeric") => match size {
            [p, s] => digits(old).is_some_and(|d| p - s >= d),
            _ => true,
        },
        ("double precision" | "real", "numeric") => size.is_empty(),
        (_, "text") => old != "bytea",
        (_, "jsonb") => !matches!(old, "bytea" | "text" | "character varying"),
        _ => false,
    }
}

/// Whether nodes work on a column of one type where the model has the other: each reads narrower types as its own, and what such a
/// column cannot hold is refused by the database.
pub(crate) fn serves(found: &str, wanted: &str) -> bool {
    let ((old, _), (new, _)) = (parts(found), parts(wanted));
    matches!(
        (old.as_str(), new.as_str()),
        ("smallint" | "integer", "bigint")
            | ("real", "double precision")
            | ("json", "jsonb")
            | ("text" | "character varying", "text" | "character varying")
            | ("timestamp without time zone" | "timestamp with time zone", "timestamp with time zone")
            // Fewer digits of a second.
            | ("time without time zone", "time without time zone")
    )
}

/// The new value from the old, and the old from the new (over the same column). Instants are read and written in UTC: the
/// time zone of a session must not have a say in it.
fn conversion(name: &str, (from, old): (&str, &str), (to, new): (&str, &str)) -> (String, String) {
    let (instant, day) = ("timestamp with time zone", "date");
    let through = |value: &str, kind: &str| format!("({value})::text::{kind}");
    let one = |value: &str, from: &str, to: &str, full: &str| -> String {
        let number = |k: &str| matches!(k, "smallint" | "integer" | "bigint" | "numeric" | "real");
        match (from, to) {
            (f, t) if f == instant && t == day => format!("(({value}) AT TIME ZONE 'UTC')::date"),
            (f, t) if f == day && t == instant => format!("(({value})::timestamp AT TIME ZONE 'UTC')"),
            (f, "text") if f == instant => {
                format!("to_char(({value}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')")
            }
            ("text", "bytea") => format!("convert_to({value}, 'UTF8')"),
            ("bytea", "text") => format!("convert_from({value}, 'UTF8')"),
            ("text" | "character varying", "jsonb") => format!("({value})::jsonb"),
            ("jsonb", "text") => format!("({value})::text"),
            ("jsonb", "double precision[]") => format!("translate(({value})::text, '[]', '{{}}')::{full}"),
            ("jsonb", _) => format!("({value} #>> '{{}}')::{full}"),
            (_, "jsonb") => format!("to_jsonb({value})"),
            ("boolean", t) if number(t) || t == "double precision" => {
                format!("({value})::integer::{full}")
            }
            (f, "boolean") if number(f) || f == "double precision" => format!("(({value}) <> 0)"),
            (f, t) if number(f) && (number(t) || t == "double precision") => format!("({value})::{full}"),
            _ => through(value, full),
        }
    };
    let forth = one(name, old, new, to);
    let back = one(&forth, new, old, from);
    (forth, back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_types_lose_nothing_and_narrower_ones_say_so() {
        let class = |from, to| retype("c", from, to).class;
        for (from, to) in [
            ("character varying(10)", "text"),
            ("character varying(10)", "character varying(20)"),
            ("numeric(10,2)", "numeric(12,2)"),
            ("numeric(10,2)", "numeric"),
        ] {
            assert_eq!(class(from, to), Class::Safe, "{from} to {to}");
            assert!(!retype("c", from, to).rewrites);
        }
        for (from, to) in [
            ("bigint", "numeric"),
            ("integer", "bigint"),
            ("bigint", "numeric(21,2)"),
            ("numeric(10,2)", "numeric(12,4)"),
            ("uuid", "text"),
            ("date", "timestamp with time zone"),
            ("double precision", "numeric"),
            ("bigint", "jsonb"),
        ] {
            assert_eq!(class(from, to), Class::Slow, "{from} to {to}");
        }
        for (from, to) in [
            ("text", "bigint"),
            ("numeric", "numeric(10,2)"),
            ("numeric(12,2)", "numeric(10,2)"),
            ("numeric(10,2)", "numeric(10,4)"),
            ("bigint", "numeric(10,0)"),
            ("bigint", "double precision"),
            ("timestamp with time zone", "date"),
            ("text", "character varying(5)"),
            ("bytea", "text"),
            ("boolean", "uuid"),
            ("text", "jsonb"),
        ] {
            assert_eq!(class(from, to), Class::Destructive, "{from} to {to}");
        }
    }

    #[test]
    fn names_are_quoted_in_expressions() {
        assert_eq!(retype("or\"der", "text", "bigint").using, "(\"or\"\"der\")::text::bigint");
    }
}
