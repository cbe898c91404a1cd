//! Many questions of one form as one statement: their parameters side by side in arrays, one row of them a question.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::prepared::Prepared;

/// The name of the parameters' rows. A table of this name would have to have been named so on purpose; asking it would fail, and the
/// questions would be asked one by one.
const ROWS: &str = "\"hallmark.questions\"";

/// A statement for one question, made into one for many.
#[derive(Debug)]
pub(super) struct Form {
    /// The statement; behind the columns of the one for one question stands the number of the question, from 1.
    pub(super) text: String,
    /// Arrays of the types of the parameters.
    pub(super) types: Vec<Type>,
    of_one: Vec<Type>,
}

impl Form {
    /// `None` if a type of a parameter is none of those that go into arrays here.
    pub(super) fn of(text: &str, types: &[Type]) -> Option<Self> {
        let arrays: Vec<Type> = types.iter().map(array_of).collect::<Option<_>>()?;
        if arrays.is_empty() {
            return None;
        }
        let inner = named(text)?;
        let (mut values, mut names) = (String::new(), String::new());
        for at in 1..=types.len() {
            let comma = if at > 1 { ", " } else { "" };
            let _ = write!(values, "{comma}${at}");
            let _ = write!(names, "p{at}, ");
        }
        let text = format!(
            "SELECT found.*, {ROWS}.n FROM unnest({values}) WITH ORDINALITY AS {ROWS}({names}n) CROSS JOIN LATERAL ({inner}) AS found"
        );
        Some(Self { text, types: arrays, of_one: types.to_vec() })
    }

    /// Whether a question with parameters of these types is of this form.
    pub(super) fn is_of(&self, types: &[Type]) -> bool {
        self.of_one == types
    }
}

/// The text with a column of [`ROWS`] for each parameter. What is quoted or a remark stays as it is; `None` for dollar quotes and
/// remarks to the end of the line, which no statement here has.
fn named(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(at) = rest.find(['$', '"', '\'', '-', '/']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let closing = match from.as_bytes() {
            [b'"', ..] => Some("\""),
            [b'\'', ..] => Some("'"),
            [b'/', b'*', ..] => Some("*/"),
            [b'-', b'-', ..] => return None,
            _ => None,
        };
        let length = if let Some(closing) = closing {
            1 + from[1..].find(closing)? + closing.len()
        } else {
            1 + from[1..].bytes().take_while(|byte| from.starts_with('$') && byte.is_ascii_digit()).count()
        };
        match &from[..length] {
            "$" => return None,
            parameter if closing.is_none() && parameter.starts_with('$') => {
                let _ = write!(out, "{ROWS}.p{}", &parameter[1..]);
            }
            other => out.push_str(other),
        }
        rest = &from[length..];
    }
    out.push_str(rest);
    Some(out)
}

fn array_of(of: &Type) -> Option<Type> {
    let arrays = [
        (Type::BOOL, Type::BOOL_ARRAY),
        (Type::INT4, Type::INT4_ARRAY),
        (Type::INT8, Type::INT8_ARRAY),
        (Type::FLOAT8, Type::FLOAT8_ARRAY),
        (Type::TEXT, Type::TEXT_ARRAY),
        (Type::TIMESTAMPTZ, Type::TIMESTAMPTZ_ARRAY),
        (Type::UUID, Type::UUID_ARRAY),
        (Type::BYTEA, Type::BYTEA_ARRAY),
    ];
    arrays.into_iter().find(|(one, _)| one == of).map(|(_, many)| many)
}

/// The parameters of questions of one form, written as they travel.
#[derive(Debug)]
pub(super) struct Questions {
    pub(super) form: Arc<Form>,
    columns: Vec<Column>,
}

/// The values of one parameter.
#[derive(Debug)]
struct Column {
    of: Type,
    count: i32,
    /// Each value behind its length.
    values: BytesMut,
    /// Where the last value begins.
    last: usize,
}

impl Questions {
    pub(super) fn new(form: &Arc<Form>) -> Self {
        let column = |of: &Type| Column { of: of.clone(), count: 0, values: BytesMut::new(), last: 0 };
        Self { form: Arc::clone(form), columns: form.of_one.iter().map(column).collect() }
    }

    /// Adds a question; `false`, and nothing is added, if one of its parameters is null or cannot be written.
    pub(super) fn push(&mut self, question: &Prepared<'_>) -> bool {
        if question.parameters.len() != self.columns.len() {
            return false;
        }
        let mut pairs = self.columns.iter_mut().zip(question.parameters);
        let refused = pairs.position(|(column, value)| !column.push(*value));
        self.columns[..refused.unwrap_or_default()].iter_mut().for_each(Column::pop);
        refused.is_none()
    }

    pub(super) fn parameters(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect()
    }
}

impl Column {
    fn push(&mut self, value: &(dyn ToSql + Sync)) -> bool {
        let at = self.values.len();
        self.values.put_i32(0);
        let written = matches!(value.to_sql_checked(&self.of, &mut self.values), Ok(IsNull::No));
        match i32::try_from(self.values.len() - at - 4) {
            Ok(length) if written => self.values[at..at + 4].copy_from_slice(&length.to_be_bytes()),
            _ => {
                self.values.truncate(at);
                return false;
            }
        }
        (self.last, self.count) = (at, self.count + 1);
        true
    }

    /// Takes the value off that came last.
    fn pop(&mut self) {
        self.values.truncate(self.last);
        self.count -= 1;
    }
}

impl ToSql for Column {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        const DIMENSIONS: i32 = 1;
        const HAS_NULL: i32 = 0;
        const FIRST: i32 = 1;
        out.put_i32(DIMENSIONS);
        out.put_i32(HAS_NULL);
        out.put_u32(self.of.oid());
        out.put_i32(self.count);
        out.put_i32(FIRST);
        out.extend_from_slice(&self.values);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_named_and_what_is_quoted_stays() {
        let text = r#"SELECT "a$1" FROM "s"."t" WHERE "a" = $1::numeric AND b = 'it''s $2' /* it's $1 */ AND c = $12 - 1"#;
        let named = named(text).unwrap();
        assert_eq!(
            named,
            r#"SELECT "a$1" FROM "s"."t" WHERE "a" = "hallmark.questions".p1::numeric AND b = 'it''s $2' /* it's $1 */ AND c = "hallmark.questions".p12 - 1"#
        );
    }

    #[test]
    fn what_cannot_be_taken_apart_is_asked_one_by_one() {
        for text in ["SELECT $$a$$", "SELECT 1 -- $1", "SELECT 'open", "SELECT \"open"] {
            assert_eq!(named(text), None, "{text}");
        }
        assert!(Form::of("SELECT $1", &[Type::JSONB]).is_none());
        assert!(Form::of("SELECT 1", &[]).is_none());
    }

    #[test]
    fn a_question_that_cannot_be_written_leaves_nothing_behind() {
        let form = Arc::new(Form::of("SELECT $1, $2", &[Type::INT8, Type::TEXT]).unwrap());
        let mut questions = Questions::new(&form);
        let asked = |first: &(dyn ToSql + Sync), second: &(dyn ToSql + Sync), questions: &mut Questions| {
            let types = [Type::INT8, Type::TEXT];
            let parameters = [first, second];
            let failure = super::super::error;
            questions.push(&Prepared { text: "", types: &types, parameters: &parameters, failure })
        };
        assert!(asked(&1_i64, &"one", &mut questions));
        let before: Vec<_> = questions.columns.iter().map(|c| (c.count, c.values.clone())).collect();
        assert!(!asked(&2_i64, &None::<&str>, &mut questions));
        assert!(!asked(&"two", &"two", &mut questions));
        let after: Vec<_> = questions.columns.iter().map(|c| (c.count, c.values.clone())).collect();
        assert_eq!(before, after);
    }
}
