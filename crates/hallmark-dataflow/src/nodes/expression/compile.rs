//! Expressions typed by a model, as SQL: fields are its columns, and every literal is a parameter.

use hallmark_core::{Error, Result};
use hallmark_python::models::FieldType;
use serde_json::Value;

use super::Expression;
use super::literal::{is_text_literal, literal_as, long_as, written};
use crate::codes;
use crate::sensitivity::Masking;
use crate::sql::Sql;
use crate::table::{Column, Table};

/// What an expression is computed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::nodes) enum Logic {
    /// A rule: what is unknown is not broken, as in a check of SQL. Division by zero is unknown.
    Rule,
    /// The same as [`Expression::evaluate`] gives for the row, or a refusal: comparisons of plain types, joined by and, or, not.
    Row,
}

/// An expression over the columns of a table.
pub(in crate::nodes) struct Typed<'a> {
    /// The table.
    pub(in crate::nodes) table: &'a Table,
    /// What the caller may not see takes no part.
    pub(in crate::nodes) masking: Masking,
    /// What it is for.
    pub(in crate::nodes) logic: Logic,
}

/// The type of an expression; `None` is that of null.
type Type = Option<FieldType>;

fn bad(message: impl Into<String>) -> Error {
    Error::new(&codes::BAD_TYPES, message)
}

fn name(kind: Type) -> &'static str {
    kind.map_or("null", FieldType::name)
}

fn is_number(kind: Type) -> bool {
    matches!(kind, Some(FieldType::Integer | FieldType::Float | FieldType::Decimal))
}

impl Typed<'_> {
    /// Appends a condition.
    ///
    /// # Errors
    /// `HM-D010`, `HM-D138` if the expression does not fit the fields, the codes of values for a literal.
    pub(in crate::nodes) fn push_condition(&self, sql: &mut Sql, expression: &Expression) -> Result<()> {
        match self.kind(expression)? {
            Some(FieldType::Boolean) | None => self.truth(sql, expression),
            other => Err(bad(format!("a condition is true or false, found {}", name(other)))),
        }
    }

    fn column(&self, field: &str) -> Result<&Column> {
        let column = self.table.column(field)?;
        if self.masking.hides(column.sensitivity) {
            return Err(bad(format!("{field} is masked, and cannot be computed with")));
        }
        let plain = matches!(
            column.field.kind,
            FieldType::Integer | FieldType::Float | FieldType::Decimal | FieldType::Boolean | FieldType::Text
        );
        if self.logic == Logic::Row && !plain {
            return Err(bad(format!("{field} is {}", column.field.kind.name())));
        }
        Ok(column)
    }

    /// The type of an expression.
    fn kind(&self, expression: &Expression) -> Result<Type> {
        Ok(match expression {
            Expression::Literal(literal) => match literal {
                Value::Null => None,
                Value::Bool(_) => Some(FieldType::Boolean),
                Value::Number(number) if number.is_i64() => Some(FieldType::Integer),
                Value::Number(_) => Some(FieldType::Float),
                _ => Some(FieldType::Text),
            },
            Expression::Long(..) => Some(FieldType::Float),
            Expression::Field(field) => Some(self.column(field)?.field.kind),
            Expression::Unary("not", _) | Expression::Binary("and" | "or", _, _) => Some(FieldType::Boolean),
            Expression::Binary("==" | "!=" | "<" | "<=" | ">" | ">=", left, right) => {
                self.common(&[left, right])?;
                Some(FieldType::Boolean)
            }
            _ if self.logic == Logic::Row => return Err(bad("the expression computes values")),
            Expression::Unary(_, inner) => self.number(inner)?,
            Expression::Binary("+", left, right) if self.common(&[left, right])? == Some(FieldType::Text) => {
                Some(FieldType::Text)
            }
            Expression::Binary(operator, left, right) => {
                self.number(left)?;
                self.number(right)?;
                match (self.common(&[left, right])?, *operator) {
                    (Some(FieldType::Integer), "/") => Some(FieldType::Float),
                    (Some(FieldType::Float), "%") => Some(FieldType::Decimal),
                    (kind, _) => kind,
                }
            }
            Expression::Call(function, arguments) => self.call_kind(function, arguments)?,
        })
    }

    fn call_kind(&self, function: &str, arguments: &[Expression]) -> Result<Type> {
        let text = |n: usize| match self.kind(&arguments[n])? {
            Some(FieldType::Text) | None => Ok(()),
            other => Err(bad(format!("{function} takes a text, found {}; use text(…)", name(other)))),
        };
        Ok(match function {
            "upper" | "lower" | "trim" => text(0).map(|()| Some(FieldType::Text))?,
            "replace" => (0..3).try_for_each(text).map(|()| Some(FieldType::Text))?,
            "substring" => {
                text(0)?;
                (arguments[1..].iter()).try_for_each(|a| self.whole(a)).map(|()| Some(FieldType::Text))?
            }
            "length" => match self.kind(&arguments[0])? {
                Some(FieldType::Text | FieldType::Array | FieldType::FloatArray) | None => {
                    Some(FieldType::Integer)
                }
                other => return Err(bad(format!("length takes a text or a list, found {}", name(other)))),
            },
            "concat" | "text" => {
                arguments.iter().try_for_each(|a| self.kind(a).map(drop))?;
                Some(FieldType::Text)
            }
            "coalesce" => self.common(&arguments.iter().collect::<Vec<_>>())?,
            "if" => {
                self.condition(&arguments[0])?;
                self.common(&[&arguments[1], &arguments[2]])?
            }
            "abs" => self.number(&arguments[0])?,
            "round" => {
                arguments[1..].iter().try_for_each(|a| self.whole(a))?;
                self.number(&arguments[0]).map(|_| Some(FieldType::Decimal))?
            }
            _ => match self.kind(&arguments[0])? {
                Some(FieldType::Text) | None => Some(FieldType::Decimal),
                kind if is_number(kind) => kind,
                other => return Err(bad(format!("number takes a text, found {}", name(other)))),
            },
        })
    }

    fn condition(&self, expression: &Expression) -> Result<()> {
        match self.kind(expression)? {
            Some(FieldType::Boolean) | None => Ok(()),
            other => Err(bad(format!("a condition is true or false, found {}", name(other)))),
        }
    }

    fn number(&self, expression: &Expression) -> Result<Type> {
        let kind = self.kind(expression)?;
        if is_number(kind) || kind.is_none() {
            Ok(kind)
        } else {
            Err(bad(format!("expected a number, found {}", name(kind))))
        }
    }

    fn whole(&self, expression: &Expression) -> Result<()> {
        match self.kind(expression)? {
            Some(FieldType::Integer) => Ok(()),
            other => Err(bad(format!("expected a whole number, found {}", name(other)))),
        }
    }

    /// The type that all of these can be taken as. A text literal beside a time, day or identifier is one.
    fn common(&self, all: &[&Expression]) -> Result<Type> {
        let mut common: Type = None;
        for expression in all {
            let kind = self.kind(expression)?;
            let literal = matches!(expression, Expression::Literal(Value::String(_)));
            let number = matches!(expression, Expression::Literal(Value::Number(_)) | Expression::Long(..));
            let known_literal = all.iter().any(|e| self.kind(e).ok() == Some(common) && is_text_literal(e));
            common = match (common, kind) {
                (None, other) | (other, None) => other,
                (Some(a), Some(b)) if a == b => Some(a),
                // A literal beside an exact number is exact.
                (Some(FieldType::Decimal), Some(FieldType::Float)) if number => Some(FieldType::Decimal),
                (Some(FieldType::Float), b) if is_number(b) => Some(FieldType::Float),
                (a, Some(FieldType::Float)) if is_number(a) => Some(FieldType::Float),
                (a, b) if is_number(a) && is_number(b) => Some(FieldType::Decimal),
                (Some(FieldType::Date), Some(FieldType::Timestamp))
                | (Some(FieldType::Timestamp), Some(FieldType::Date)) => Some(FieldType::Timestamp),
                (Some(a), Some(FieldType::Text)) if literal && written(a) => Some(a),
                (Some(FieldType::Text), Some(b)) if known_literal && written(b) => Some(b),
                (a, b) => return Err(bad(format!("{} and {} do not compare", name(a), name(b)))),
            };
        }
        Ok(common)
    }

    /// Appends a truth. For a row null is false, as where it is evaluated.
    fn truth(&self, sql: &mut Sql, expression: &Expression) -> Result<()> {
        self.condition(expression)?;
        if self.logic == Logic::Rule {
            return self.push_as(sql, expression, Some(FieldType::Boolean));
        }
        sql.push("coalesce(");
        self.push_as(sql, expression, Some(FieldType::Boolean))?;
        sql.push(", false)");
        Ok(())
    }

    /// Appends an expression as one of this type.
    fn push_as(&self, sql: &mut Sql, expression: &Expression, wanted: Type) -> Result<()> {
        match expression {
            Expression::Literal(literal) => return literal_as(sql, literal, wanted),
            Expression::Long(digits, double) => return long_as(sql, (digits, double), wanted),
            _ => {}
        }
        let kind = self.kind(expression)?;
        let cast = match (kind, wanted) {
            (a, b) if a == b => "",
            (_, Some(FieldType::Float)) => "::double precision",
            (_, Some(FieldType::Decimal)) => "::numeric",
            (Some(FieldType::Date), Some(FieldType::Timestamp)) => "::timestamp AT TIME ZONE 'UTC'",
            _ => "",
        };
        sql.push("(");
        self.push(sql, expression)?;
        sql.push(")").push(cast);
        Ok(())
    }

    fn push(&self, sql: &mut Sql, expression: &Expression) -> Result<()> {
        match expression {
            Expression::Literal(literal) => literal_as(sql, literal, self.kind(expression)?),
            Expression::Long(digits, double) => long_as(sql, (digits, double), None),
            Expression::Field(field) => {
                sql.push(&self.column(field)?.text());
                Ok(())
            }
            Expression::Unary("not", inner) => {
                sql.push("NOT ");
                self.truth(sql, inner)
            }
            Expression::Unary(_, inner) => {
                sql.push("- ");
                self.push_as(sql, inner, self.kind(inner)?)
            }
            Expression::Binary(operator @ ("and" | "or"), left, right) => {
                self.truth(sql, left)?;
                sql.push(if *operator == "and" { " AND " } else { " OR " });
                self.truth(sql, right)
            }
            Expression::Binary(operator, left, right) => self.binary(sql, operator, left, right),
            Expression::Call(function, arguments) => self.call(sql, function, arguments),
        }
    }

    fn binary(&self, sql: &mut Sql, operator: &str, left: &Expression, right: &Expression) -> Result<()> {
        let common = self.common(&[left, right])?;
        let order = matches!(operator, "<" | "<=" | ">" | ">=");
        let unordered = |k: FieldType| {
            k.is_json() || matches!(k, FieldType::Boolean | FieldType::FloatArray | FieldType::Bytes)
        };
        if order && common.is_some_and(unordered) {
            return Err(bad(format!("{} has no order", name(common))));
        }
        let symbol = match operator {
            "==" => " IS NOT DISTINCT FROM ",
            "!=" => " IS DISTINCT FROM ",
            "<" => " < ",
            "<=" => " <= ",
            ">" => " > ",
            ">=" => " >= ",
            "+" if common == Some(FieldType::Text) => " || ",
            "+" => " + ",
            "-" => " - ",
            "*" => " * ",
            "/" => " / ",
            _ => " % ",
        };
        // Whole numbers divide into a fraction; doubles have no remainder in SQL.
        let operands = match (operator, common) {
            ("/", Some(FieldType::Integer)) => Some(FieldType::Float),
            ("%", Some(FieldType::Float)) => Some(FieldType::Decimal),
            _ => common,
        };
        self.push_as(sql, left, operands)?;
        if order && common == Some(FieldType::Text) {
            // By letters, whatever the language of the database.
            sql.push(" COLLATE \"C\"");
        }
        sql.push(symbol);
        if matches!(operator, "/" | "%") {
            sql.push("nullif(");
            self.push_as(sql, right, operands)?;
            sql.push(", 0)");
            return Ok(());
        }
        self.push_as(sql, right, operands)
    }

    fn call(&self, sql: &mut Sql, function: &str, arguments: &[Expression]) -> Result<()> {
        let kind = self.call_kind(function, arguments)?;
        let first = &arguments[0];
        let text = Some(FieldType::Text);
        let mut wrapped = |before: &str, after: &str, wanted: Type| {
            sql.push(before);
            self.push_as(sql, first, wanted)?;
            sql.push(after);
            Ok(())
        };
        match function {
            "upper" => wrapped("upper(", ")", text),
            "lower" => wrapped("lower(", ")", text),
            "trim" => wrapped("btrim(", ", E' \\t\\n\\r')", text),
            "abs" => wrapped("abs(", ")", kind),
            "text" => wrapped("(", ")::text", self.kind(first)?),
            "length" => match self.kind(first)? {
                Some(FieldType::Array) => {
                    wrapped("jsonb_array_length(", ")::bigint", kind_of(FieldType::Array))
                }
                Some(FieldType::FloatArray) => {
                    wrapped("cardinality(", ")::bigint", kind_of(FieldType::FloatArray))
                }
                _ => wrapped("char_length(", ")::bigint", text),
            },
            "number" if is_number(kind) && self.kind(first)? == kind => wrapped("(", ")", kind),
            "number" => self.parsed_number(sql, first),
            "replace" => self.listed(sql, "replace(", arguments, |_| text),
            "substring" => self.part(sql, first, &arguments[1..]),
            "round" => {
                sql.push("round(");
                self.push_as(sql, first, Some(FieldType::Decimal))?;
                if let Some(digits) = arguments.get(1) {
                    sql.push(", least(greatest(");
                    self.push_as(sql, digits, Some(FieldType::Integer))?;
                    sql.push(", 0), 15)::integer");
                }
                sql.push(")");
                Ok(())
            }
            "concat" => {
                for (i, argument) in arguments.iter().enumerate() {
                    sql.push(if i > 0 { " || coalesce(" } else { "coalesce(" });
                    self.push_as(sql, argument, self.kind(argument)?)?;
                    sql.push("::text, '')");
                }
                Ok(())
            }
            "coalesce" => self.listed(sql, "coalesce(", arguments, |_| kind),
            _ => {
                sql.push("CASE WHEN ");
                self.truth(sql, first)?;
                for (argument, word) in arguments[1..].iter().zip([" THEN ", " ELSE "]) {
                    sql.push(word);
                    self.push_as(sql, argument, kind)?;
                }
                sql.push(" END");
                Ok(())
            }
        }
    }

    /// What is no number is unknown, and not an error that hides all other rows.
    fn parsed_number(&self, sql: &mut Sql, first: &Expression) -> Result<()> {
        let text = Some(FieldType::Text);
        sql.push("(CASE WHEN ");
        self.push_as(sql, first, text)?;
        sql.push(" ~ '^\\s*[-+]?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)([eE][-+]?[0-9]{1,3})?\\s*$' THEN ");
        self.push_as(sql, first, text)?;
        sql.push("::numeric END)");
        Ok(())
    }

    fn part(&self, sql: &mut Sql, first: &Expression, positions: &[Expression]) -> Result<()> {
        sql.push("substr(");
        self.push_as(sql, first, Some(FieldType::Text))?;
        for (i, argument) in positions.iter().enumerate() {
            sql.push(", greatest(");
            self.push_as(sql, argument, Some(FieldType::Integer))?;
            // Positions begin at 0 here and at 1 there.
            sql.push(if i == 0 { ", 0)::integer + 1" } else { ", 0)::integer" });
        }
        sql.push(")");
        Ok(())
    }

    fn listed(
        &self,
        sql: &mut Sql,
        before: &str,
        arguments: &[Expression],
        wanted: impl Fn(usize) -> Type,
    ) -> Result<()> {
        sql.push(before);
        for (i, argument) in arguments.iter().enumerate() {
            sql.push(if i > 0 { ", " } else { "" });
            self.push_as(sql, argument, wanted(i))?;
        }
        sql.push(")");
        Ok(())
    }
}

fn kind_of(kind: FieldType) -> Type {
    Some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_python::models::{Field, ModelDecl};

    fn table() -> Table {
        let mut model = ModelDecl::new("Stay");
        for (name, kind) in [
            ("name", FieldType::Text),
            ("nights", FieldType::Integer),
            ("price", FieldType::Decimal),
            ("score", FieldType::Float),
            ("arrives", FieldType::Date),
            ("leaves", FieldType::Timestamp),
            ("tags", FieldType::Array),
            ("password", FieldType::Text),
        ] {
            model.fields.push(Field::new(name, kind).nullable());
        }
        Table::resolve(&model, "s").unwrap()
    }

    fn compiled(text: &str, logic: Logic) -> Result<String> {
        let table = table();
        let mut sql = Sql::default();
        let typed = Typed { table: &table, masking: Masking::Secrets, logic };
        typed.push_condition(&mut sql, &Expression::parse(text)?)?;
        Ok(sql.text().to_owned())
    }

    #[test]
    fn literals_are_parameters_of_the_type_beside_them() {
        let rule = |text| compiled(text, Logic::Rule).unwrap();
        assert_eq!(
            rule("leaves >= arrives"),
            "((\"leaves\") >= (\"arrives\")::timestamp AT TIME ZONE 'UTC')"
        );
        assert_eq!(rule("arrives > '2026-01-01'"), "((\"arrives\") > $1::date)");
        assert_eq!(rule("'2026-01-01' < arrives"), "($1::date < (\"arrives\"))");
        assert_eq!(rule("price * nights <= 10.5"), "(((\"price\") * (\"nights\")::numeric) <= $1::numeric)");
        assert_eq!(rule("name == \"'; DROP TABLE x; --\""), rule("name == 'x'"));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for text in [
            "name > 3",
            "nights",
            "tags < tags",
            "name * 2 > 1",
            "upper(nights) == 'x'",
            "leaves > 'x' + 'y'",
        ] {
            assert_eq!(compiled(text, Logic::Rule).unwrap_err().code().id, "HM-D138", "{text}");
        }
        assert_eq!(compiled("password == 'x'", Logic::Rule).unwrap_err().code().id, "HM-D138");
        assert_eq!(compiled("\"x\" == nope", Logic::Rule).unwrap_err().code().id, "HM-D010");
        assert_eq!(compiled("arrives > 'soon'", Logic::Rule).unwrap_err().code().id, "HM-D011");
        for text in ["nights + 1 > 2", "length(name) > 2"] {
            assert!(compiled(text, Logic::Row).is_err(), "{text}");
        }
        // Exact here and there.
        assert!(compiled("price > 1", Logic::Row).is_ok());
        assert_eq!(
            compiled("nights > 1 and not (name == null)", Logic::Row).unwrap(),
            "coalesce((coalesce(((\"nights\") > $1), false) AND coalesce((NOT coalesce(((\"name\") IS NOT DISTINCT FROM $2), false)), false)), false)"
        );
    }
}
