//! Values that do harm wherever a text of a caller is taken for something else than a value.

use serde_json::{Map, Value, json};

/// A text that says whose it is: if an error repeats it where it may be personal, it is found.
const MARK: &str = "hm-canary-7731";
/// The same as a number.
const NUMBER: i64 = 77_315_599_331;

/// Everything that is tried. `other` is a schema that the nodes know nothing of; `table` one of its own tables.
pub(super) fn all(other: &str, table: &str) -> Vec<Value> {
    let mut all = statements(other, table);
    all.extend(characters());
    all.extend(forms());
    all.extend(pieces());
    all.extend(files(other));
    all.extend(numbers());
    all.extend(trees());
    all.extend(large());
    all
}

/// Pieces of statements, of every quoting that PostgreSQL knows; names of tables, columns and functions that no model has.
fn statements(other: &str, table: &str) -> Vec<Value> {
    let drop = format!("DROP TABLE \"{other}\".canary");
    let mut texts = vec![
        format!("'; {drop}; --"),
        format!("\"; {drop}; --"),
        format!("'); {drop}; --"),
        format!("\\'; {drop}; --"),
        format!("$$; {drop}; --"),
        format!("1; {drop}"),
        format!("{MARK}' || (SELECT {MARK:?})"),
        format!("id\" = 1; DELETE FROM \"{other}\".canary; --"),
        format!("id) FROM {table}; UPDATE \"{other}\".canary SET kept = 'gone'; --"),
        format!("{other}.canary"),
        format!("\"{other}\".\"canary\""),
        table.to_owned(),
        format!("{table}.id"),
        format!("(SELECT kept FROM \"{other}\".canary)"),
    ];
    let fixed = [
        "pg_catalog.pg_class",
        "pg_authid",
        "information_schema.tables",
        "ctid",
        "xmin",
        "tableoid",
        "id::text",
        "*",
        "count(*)",
        "pg_sleep(20)",
        "pg_read_file('/etc/passwd')",
        "current_user",
        "name = name OR true",
        "' OR '1'='1",
        "\" OR \"\"=\"",
        "1 OR 1=1",
        "/*",
        "*/",
        "--",
        "; --",
        "E'\\x41'",
        "U&'\\0027'",
        "$1",
        "$99999",
        ":name",
        "?",
        "%s%n%s",
        "{}",
        "${jndi:ldap://x}",
        "case when true then 1 end",
        "NULL",
        "null",
        "DEFAULT",
        "ARRAY[1]",
        "ROW(1)",
        "tsvector",
        "regclass",
    ];
    texts.extend(fixed.map(str::to_owned));
    texts.into_iter().map(Value::from).collect()
}

/// Characters that are lost, doubled, reordered or taken for others on the way.
fn characters() -> Vec<Value> {
    let texts = [
        "",
        " ",
        "\t",
        "\n",
        "\r\n",
        "'",
        "\"",
        "\\",
        "\\\\",
        "`",
        "''",
        "\"\"",
        "\0",
        "a\0b",
        "\u{1}",
        "\u{7f}",
        "\u{85}",
        "\u{feff}id",
        // A lone surrogate cannot be in a text; what is made of one that is read, and its escape as a text.
        "\u{fffd}",
        "\\ud800",
        "\\u0000",
        "\u{10ffff}",
        "\u{fffe}",
        // From right to left, look-alikes of `id`, `name` and `operation`, and letters that fold to more than one.
        "\u{202e}eman",
        "\u{200b}id",
        "id\u{200d}",
        "nаme",
        "іd",
        "ＩＤ",
        "ﬁeld",
        "ß",
        "İ",
        "e\u{301}",
        "\u{1d11e}",
        "🏳️‍🌈",
        "%",
        "_",
        "%%",
        "_%",
        "\\%",
        "\\_",
        "%\\",
        "a%b_c\\d",
    ];
    texts.map(Value::from).to_vec()
}

/// Forms that a number or a time may have, and must not.
fn forms() -> Vec<Value> {
    let texts = [
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "1e999",
        "-1e999",
        "1e-999",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999999999999999999999",
        "0x1F",
        "1_000",
        "1,5",
        "٣",
        "true",
        "t",
        "-0",
        "0.1e",
        ".",
        "+",
        "infinity",
        "epoch",
        "now",
        "today",
        "allballs",
        "24:00:00",
        "2026-02-30",
        "0000-01-01",
        "10000-01-01",
        "2026-13-45T99:99:99Z",
        "-infinity",
        "300000-01-01T00:00:00Z",
        "UTC'",
        "Europe/Nowhere",
        "+99:99",
        "P1Y",
        "\\x0g",
        "\\x0",
        "\\x",
    ];
    texts.map(Value::from).to_vec()
}

/// Pieces of expressions, searches, patterns and sort orders, and a text that is found wherever it is repeated.
fn pieces() -> Vec<Value> {
    let texts = [
        "(",
        ")",
        "((((((((((((((((((((((((((((((((((((((((",
        "[",
        "]",
        "a & | !",
        "<->",
        ":*",
        "'a':*",
        "!!!",
        "\"unclosed",
        "-",
        "OR",
        "(a+)+$",
        "(?P<x",
        "\\Q",
        "a{99999}",
        "x ==",
        "== 3",
        "a.b.c",
        "f(",
        "1 / 0",
        "9223372036854775807 + 1",
        "__import__('os')",
        "lambda: 1",
        "not not not not",
        "asc; desc",
        "-",
        "--id",
        "-id-",
        ",",
        ",,",
        "id,,id",
        "[object Object]",
        "{{7*7}}",
        "__proto__",
        "simple'",
        "english; x",
        "cosine",
        "en-US\0",
        MARK,
    ];
    texts.map(Value::from).to_vec()
}

/// Names of files that lead out of the folder, or are none.
fn files(other: &str) -> Vec<Value> {
    let escape = format!("escaped-{other}");
    let mut texts = vec![
        format!("../{escape}"),
        format!("a/../../{escape}"),
        format!("/tmp/{escape}"),
        format!("./{escape}/../../x"),
        format!("..\\{escape}"),
        format!("link/{escape}"),
    ];
    let fixed = [
        "../../../../../../etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        "file:///etc/passwd",
        "~/.bashrc",
        "C:\\Windows\\win.ini",
        "CON",
        "nul.csv",
        ".",
        "..",
        "/",
        "//",
        "a//b",
        "link/passwd",
        "/dev/zero",
        "/dev/stdin",
        "http://127.0.0.1:1/x",
        "a\nb.csv",
    ];
    texts.extend(fixed.map(str::to_owned));
    texts.into_iter().map(Value::from).collect()
}

fn numbers() -> Vec<Value> {
    vec![
        json!(0),
        json!(-0.0),
        json!(-1),
        json!(1),
        json!(NUMBER),
        json!(-NUMBER),
        json!(i64::MIN),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(0.5),
        json!(1e308),
        json!(-1e308),
        json!(5e-324),
        json!(9_007_199_254_740_993_i64),
        json!(1e19),
        json!(2_147_483_648_i64),
        json!(1.000_000_000_000_1),
    ]
}

fn trees() -> Vec<Value> {
    let nested = |depth: usize| (0..depth).fold(json!(1), |inner, _| json!([inner]));
    let negated = |depth: usize| (0..depth).fold(json!({"id": 1}), |inner, _| json!({"not": inner}));
    let wide = |name: &str| json!({"or": (0..300).map(|n| json!({name: n})).collect::<Vec<_>>()});
    vec![
        Value::Null,
        json!(true),
        json!(false),
        json!([]),
        json!({}),
        json!([null]),
        json!([{}]),
        json!([[]]),
        json!({"": ""}),
        json!({"\0": 1}),
        json!({"$ne": null}),
        json!({"gt": ""}),
        json!({"$where": "1"}),
        json!({"in": [1, "a", null, {}]}),
        json!({"in": []}),
        json!({"and": 1}),
        json!({"or": [[]]}),
        json!({"not": null}),
        json!({"id": {"gt": {"gt": 1}}}),
        json!({"id": {"\"": 1}}),
        json!({"contains": "%"}),
        json!({"id": {"contains": "1", "gt": [], "in": "x"}}),
        json!(["id", 1, null]),
        json!(["id", "id", "id"]),
        json!(["'; --"]),
        json!({"__proto__": {"x": 1}}),
        json!({"a\"b": "c'd"}),
        json!([MARK, {MARK: MARK}]),
        json!({MARK: NUMBER}),
        nested(60),
        nested(70),
        negated(7),
        negated(40),
        wide("id"),
        json!({"id": vec![1; 6_000]}),
    ]
}

fn large() -> Vec<Value> {
    let members: Map<String, Value> = (0..5_000).map(|n| (format!("m{n}"), json!(n))).collect();
    vec![
        json!("x".repeat(1 << 20)),
        json!("x".repeat((1 << 20) + 1)),
        json!("é".repeat(1 << 19)),
        json!("((".repeat(3_000)),
        json!("a-".repeat(2_000)),
        json!("id,".repeat(2_000)),
        json!(vec!["id"; 60_000]),
        json!(vec![json!({"id": 1}); 20_000]),
        Value::Object(members),
    ]
}

/// What of a value must not turn up where values may be personal.
pub(super) fn marks(value: &Value) -> Vec<String> {
    match value {
        // Words of two or three letters are everywhere.
        Value::String(text) if text.chars().count() >= 12 => vec![text.clone(), format!("{text:?}")],
        Value::Number(number) if number.to_string().len() >= 9 => vec![number.to_string()],
        Value::Array(items) if items.len() <= 8 => items.iter().flat_map(marks).collect(),
        Value::Object(members) if members.len() <= 8 => members.values().flat_map(marks).collect(),
        _ => Vec::new(),
    }
}
