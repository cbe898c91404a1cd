//! The shape of a statement: what is the same in all calls of it.

/// The text with `?` for each parameter, `?, …` for a list of them, and without the numbers behind `LIMIT` and `OFFSET`.
pub(super) fn shape(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\'' | '"' => quoted(rest, first),
            '$' => match parameter(rest) {
                0 => 1,
                length => {
                    push_parameter(&mut out, &rest[..length]);
                    rest = &rest[length..];
                    continue;
                }
            },
            _ => match counted(rest) {
                Some((word, length)) => {
                    out.push_str(word);
                    out.push('?');
                    rest = &rest[length..];
                    continue;
                }
                None => first.len_utf8(),
            },
        };
        out.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    out
}

/// The length of a text or name in quotes; a doubled quote is two of them side by side.
fn quoted(rest: &str, quote: char) -> usize {
    rest[1..].find(quote).map_or(rest.len(), |end| end + 2)
}

/// The length of `$1` or `$1::type`; 0 if it is no parameter.
fn parameter(rest: &str) -> usize {
    let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return 0;
    }
    let end = 1 + digits;
    let Some(cast) = rest[end..].strip_prefix("::") else { return end };
    end + 2
        + cast.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'[' | b']')).count()
}

fn push_parameter(out: &mut String, parameter: &str) {
    let cast = parameter.find("::").map_or("", |at| &parameter[at..]);
    let one = format!("?{cast}");
    if out.ends_with(&format!("{one}, …, ")) {
        out.truncate(out.len() - 2);
    } else if out.ends_with(&format!("{one}, ")) {
        out.push('…');
    } else {
        out.push_str(&one);
    }
}

/// `LIMIT 51` and `OFFSET 50`: the word and the length of both.
fn counted(rest: &str) -> Option<(&'static str, usize)> {
    ["LIMIT ", "OFFSET "].into_iter().find_map(|word| {
        let digits = rest.strip_prefix(word)?.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then_some((word, word.len() + digits))
    })
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn calls_of_one_statement_have_one_shape() {
        let list = |n: usize| {
            let all: Vec<String> = (1..=n).map(|i| format!("${i}::numeric")).collect();
            format!(
                "SELECT \"a\" FROM t WHERE \"p\" IN ({}) AND b = ${} LIMIT {n} OFFSET 3",
                all.join(", "),
                n + 1
            )
        };
        let wanted = "SELECT \"a\" FROM t WHERE \"p\" IN (?::numeric, …) AND b = ? LIMIT ? OFFSET ?";
        assert_eq!(shape(&list(2)), wanted);
        assert_eq!(shape(&list(700)), wanted);
        assert_eq!(shape("VALUES ($1, $2::date, $3::date)"), "VALUES (?, ?::date, …)");
        let kept = "SELECT '$1, LIMIT 3', \"$2\" FROM \"LIMIT 4\" WHERE é = '…";
        assert_eq!(shape(kept), kept);
        assert_eq!(shape("a $ b $$"), "a $ b $$");
    }
}
