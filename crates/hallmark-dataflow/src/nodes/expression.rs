//! Simple typed expressions over a row: `round(price * 1.2, 2)`, `if(stock > 0, "yes", "no")`, `upper(name)`.
//!
//! There is no loop, no access outside the row and a bound on size and depth, so an expression always ends.

use hallmark_core::{Error, Result};
use serde_json::{Map, Number, Value};

use crate::{codes, limits, value};

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Literal(Value),
    Field(String),
    Unary(&'static str, Box<Expression>),
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Call(&'static str, Vec<Expression>),
}

/// Function names with the fewest and the most arguments.
const FUNCTIONS: [(&str, usize, usize); 13] = [
    ("upper", 1, 1),
    ("lower", 1, 1),
    ("trim", 1, 1),
    ("length", 1, 1),
    ("concat", 1, 32),
    ("coalesce", 1, 32),
    ("replace", 3, 3),
    ("substring", 2, 3),
    ("round", 1, 2),
    ("abs", 1, 1),
    ("if", 3, 3),
    ("text", 1, 1),
    ("number", 1, 1),
];

/// The operators by precedence, loosest first.
const LEVELS: [&[&str]; 5] =
    [&["or"], &["and"], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];

fn bad(message: impl Into<String>) -> Error {
    Error::new(&codes::BAD_EXPRESSION, message)
}

impl Expression {
    /// Parses a text.
    ///
    /// # Errors
    /// `HM-D060` saying where reading stopped.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.len() > limits::EXPRESSION_BYTES_MAX {
            return Err(bad(format!("an expression has at most {} bytes", limits::EXPRESSION_BYTES_MAX)));
        }
        let tokens = tokens(text)?;
        let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
        let expression = parser.level(0)?;
        match parser.peek() {
            None => Ok(expression),
            Some(token) => Err(bad(format!("unexpected {token} in {text:?}"))),
        }
    }

    /// The value for a row. Null in arithmetic and text functions gives null.
    ///
    /// # Errors
    /// `HM-D060` for a type that an operation does not take, a division by zero or a result that is no finite number.
    pub(super) fn evaluate(&self, row: &Map<String, Value>) -> Result<Value> {
        match self {
            Self::Literal(value) => Ok(value.clone()),
            Self::Field(name) => {
                row.get(name).cloned().ok_or_else(|| bad(format!("the row has no field {name:?}")))
            }
            Self::Unary("not", inner) => Ok(Value::Bool(!truth(&inner.evaluate(row)?)?)),
            Self::Unary(_, inner) => arithmetic("-", &Value::from(0), &inner.evaluate(row)?),
            Self::Binary("and", left, right) => {
                Ok(Value::Bool(truth(&left.evaluate(row)?)? && truth(&right.evaluate(row)?)?))
            }
            Self::Binary("or", left, right) => {
                Ok(Value::Bool(truth(&left.evaluate(row)?)? || truth(&right.evaluate(row)?)?))
            }
            Self::Binary(operator @ ("==" | "!=" | "<" | "<=" | ">" | ">="), left, right) => {
                compare(operator, &left.evaluate(row)?, &right.evaluate(row)?)
            }
            Self::Binary(operator, left, right) => {
                arithmetic(operator, &left.evaluate(row)?, &right.evaluate(row)?)
            }
            Self::Call("if", arguments) => {
                let chosen = if truth(&arguments[0].evaluate(row)?)? { 1 } else { 2 };
                arguments[chosen].evaluate(row)
            }
            Self::Call(name, arguments) => {
                let values = arguments.iter().map(|a| a.evaluate(row)).collect::<Result<Vec<_>>>()?;
                call(name, &values)
            }
        }
    }
}

/// Whether a condition holds; null does not.
pub(super) fn truth(value: &Value) -> Result<bool> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Null => Ok(false),
        other => Err(bad(format!("a condition is true or false, found {}", value::type_name(other)))),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(Number),
    Text(String),
    Word(String),
    Symbol(&'static str),
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(n) => write!(f, "{n}"),
            Self::Text(t) => write!(f, "{t:?}"),
            Self::Word(w) => f.write_str(w),
            Self::Symbol(s) => f.write_str(s),
        }
    }
}

const SYMBOLS: [&str; 15] = ["==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", "="];

fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
            let number = &rest[..end];
            let parsed = number
                .parse::<i64>()
                .ok()
                .map(Number::from)
                .or_else(|| number.parse::<f64>().ok().and_then(Number::from_f64));
            tokens.push(Token::Number(parsed.ok_or_else(|| bad(format!("{number:?} is no number")))?));
            end
        } else if first == '"' || first == '\'' {
            let end = rest[1..].find(first).ok_or_else(|| bad("a text is not closed"))?;
            tokens.push(Token::Text(rest[1..=end].to_owned()));
            end + 2
        } else if first.is_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(match &rest[..end] {
                "and" => Token::Symbol("and"),
                "or" => Token::Symbol("or"),
                "not" => Token::Symbol("not"),
                word => Token::Word(word.to_owned()),
            });
            end
        } else {
            let symbol = SYMBOLS
                .iter()
                .find(|s| rest.starts_with(**s))
                .ok_or_else(|| bad(format!("unexpected {first:?}")))?;
            tokens.push(Token::Symbol(if *symbol == "=" { "==" } else { symbol }));
            symbol.len()
        };
        rest = rest[taken..].trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.at += usize::from(found);
        found
    }

    fn level(&mut self, level: usize) -> Result<Expression> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = operators.iter().copied().find(|o| self.take(o)) {
            let right = self.level(level + 1)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expression> {
        self.depth += 1;
        if self.depth > limits::EXPRESSION_DEPTH_MAX {
            return Err(bad(format!(
                "the expression is nested deeper than {}",
                limits::EXPRESSION_DEPTH_MAX
            )));
        }
        let expression = if self.take("not") {
            Expression::Unary("not", Box::new(self.unary()?))
        } else if self.take("-") {
            Expression::Unary("-", Box::new(self.unary()?))
        } else {
            self.primary()?
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn primary(&mut self) -> Result<Expression> {
        if self.take("(") {
            let inner = self.level(0)?;
            return if self.take(")") { Ok(inner) } else { Err(bad("a bracket is not closed")) };
        }
        let token = self.peek().cloned().ok_or_else(|| bad("the expression ends too early"))?;
        self.at += 1;
        match token {
            Token::Number(number) => Ok(Expression::Literal(Value::Number(number))),
            Token::Text(text) => Ok(Expression::Literal(Value::String(text))),
            Token::Word(word) if self.take("(") => self.call(&word),
            Token::Word(word) => Ok(match word.as_str() {
                "true" => Expression::Literal(Value::Bool(true)),
                "false" => Expression::Literal(Value::Bool(false)),
                "null" => Expression::Literal(Value::Null),
                _ => Expression::Field(word),
            }),
            Token::Symbol(symbol) => Err(bad(format!("unexpected {symbol}"))),
        }
    }

    fn call(&mut self, name: &str) -> Result<Expression> {
        let mut arguments = Vec::new();
        while !self.take(")") {
            if !arguments.is_empty() && !self.take(",") {
                return Err(bad(format!("the arguments of {name} are not closed")));
            }
            arguments.push(self.level(0)?);
        }
        let known = FUNCTIONS.iter().find(|(f, _, _)| *f == name);
        let listed = || FUNCTIONS.map(|(f, _, _)| f).join(", ");
        let (name, least, most) = *known
            .ok_or_else(|| bad(format!("unknown function {name:?}")).next(format!("use {}", listed())))?;
        if arguments.len() < least || arguments.len() > most {
            return Err(bad(format!("{name} takes {least} to {most} arguments, not {}", arguments.len())));
        }
        Ok(Expression::Call(name, arguments))
    }
}

fn arithmetic(operator: &str, left: &Value, right: &Value) -> Result<Value> {
    if left.is_null() || right.is_null() {
        return Ok(Value::Null);
    }
    if let (Value::String(a), Value::String(b), "+") = (left, right, operator) {
        return Ok(Value::String(format!("{a}{b}")));
    }
    if let (Some(a), Some(b)) = (left.as_i64(), right.as_i64())
        && operator != "/"
    {
        let exact = match operator {
            "+" => a.checked_add(b),
            "-" => a.checked_sub(b),
            "*" => a.checked_mul(b),
            _ => a.checked_rem(b),
        };
        return exact.map(Value::from).ok_or_else(|| bad(format!("{a} {operator} {b} has no 64-bit result")));
    }
    let (a, b) = (number(left)?, number(right)?);
    let result = match operator {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "/" => a / b,
        _ => a % b,
    };
    finite(result)
}

fn number(value: &Value) -> Result<f64> {
    value.as_f64().ok_or_else(|| {
        bad(format!("expected a number, found {}", value::type_name(value))).next("use number(...) on a text")
    })
}

fn finite(double: f64) -> Result<Value> {
    Number::from_f64(double).map(Value::Number).ok_or_else(|| bad("the result is no finite number"))
}

fn compare(operator: &str, left: &Value, right: &Value) -> Result<Value> {
    let equal = match (left.as_f64(), right.as_f64()) {
        (Some(a), Some(b)) if !(left.is_i64() && right.is_i64()) => a.total_cmp(&b).is_eq(),
        _ => left == right,
    };
    match operator {
        "==" => return Ok(Value::Bool(equal)),
        "!=" => return Ok(Value::Bool(!equal)),
        _ if left.is_null() || right.is_null() => return Ok(Value::Null),
        _ => {}
    }
    let order = match (left, right) {
        (Value::String(a), Value::String(b)) => a.cmp(b),
        _ => number(left)?.total_cmp(&number(right)?),
    };
    Ok(Value::Bool(match operator {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_ge(),
    }))
}

fn string(value: &Value) -> Result<&str> {
    value.as_str().ok_or_else(|| {
        bad(format!("expected a text, found {}", value::type_name(value))).next("use text(...) on a number")
    })
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn position(value: &Value) -> Result<usize> {
    value
        .as_u64()
        .and_then(|n| usize::try_from(n).ok())
        .ok_or_else(|| bad("a position is a whole number from 0"))
}

fn call(name: &str, values: &[Value]) -> Result<Value> {
    match name {
        "coalesce" => return Ok(values.iter().find(|v| !v.is_null()).cloned().unwrap_or_default()),
        "concat" => return Ok(Value::String(values.iter().map(as_text).collect())),
        _ if values[0].is_null() => return Ok(Value::Null),
        _ => {}
    }
    let first = &values[0];
    Ok(match name {
        "upper" => Value::String(string(first)?.to_uppercase()),
        "lower" => Value::String(string(first)?.to_lowercase()),
        "trim" => Value::from(string(first)?.trim()),
        "length" => Value::from(first.as_array().map_or_else(|| as_text(first).chars().count(), Vec::len)),
        "replace" => Value::String(string(first)?.replace(string(&values[1])?, string(&values[2])?)),
        "substring" => {
            let count = values.get(2).map(position).transpose()?.unwrap_or(usize::MAX);
            Value::String(string(first)?.chars().skip(position(&values[1])?).take(count).collect())
        }
        "round" => {
            let digits = values.get(1).map(position).transpose()?.unwrap_or(0).min(15);
            let scale = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
            return finite((number(first)? * scale).round() / scale);
        }
        "abs" => match first.as_i64() {
            Some(int) => {
                Value::from(int.checked_abs().ok_or_else(|| bad("the result does not fit 64 bits"))?)
            }
            None => return finite(number(first)?.abs()),
        },
        "text" => Value::String(as_text(first)),
        _ => {
            let text = as_text(first);
            let int = text.trim().parse::<i64>().ok().map(Value::from);
            let parsed =
                int.or_else(|| text.trim().parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number));
            return parsed.ok_or_else(|| bad("the text is no number"));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(text: &str) -> Result<Value> {
        let row = json!({"price": 10.5, "stock": 3, "name": "Drill", "gone": null});
        Expression::parse(text)?.evaluate(row.as_object().unwrap())
    }

    #[test]
    fn evaluates() {
        assert_eq!(run("round(price * 1.2, 1)").unwrap(), json!(12.6));
        assert_eq!(run("1 + 2 * 3 - -1").unwrap(), json!(8));
        assert_eq!(run("if(stock > 2 and not (name == 'x'), upper(name), 'no')").unwrap(), json!("DRILL"));
        assert_eq!(run("coalesce(gone, concat(name, '-', stock))").unwrap(), json!("Drill-3"));
        assert_eq!(run("gone + 1").unwrap(), Value::Null);
        assert_eq!(run("substring(name, 1, 2) + '!'").unwrap(), json!("ri!"));
        assert_eq!(run("number('42') % 5").unwrap(), json!(2));
    }

    #[test]
    fn refuses() {
        for text in [
            "",
            "1 +",
            "price *",
            "(1",
            "nope(1)",
            "missing + 1",
            "1 / 0",
            "9223372036854775807 + 1",
            "name * 2",
            "'x",
            "1 2",
            "upper()",
            "§",
        ] {
            assert_eq!(run(text).unwrap_err().code().id, "HM-D060", "{text}");
        }
        assert!(
            Expression::parse(&"(".repeat(2_000)).is_err() && Expression::parse(&"-".repeat(2_000)).is_err()
        );
    }
}
