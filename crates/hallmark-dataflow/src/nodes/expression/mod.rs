//! Simple typed expressions over a row: `round(price * 1.2, 2)`, `if(stock > 0, "yes", "no")`, `upper(name)`.
//!
//! There is no loop, no access outside the row and a bound on size and depth, so an expression always ends. It is evaluated here
//! over a row at hand, or typed by a model and computed by the database ([`compile`]).

mod compile;
mod evaluate;
mod exact;
mod literal;

use std::collections::BTreeSet;

use hallmark_core::{Error, Result};
use serde_json::{Number, Value};

use crate::{codes, limits};
use exact::Exact;

pub(super) use compile::{Logic, Typed};
pub(super) use evaluate::truth;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Literal(Value),
    /// A number of more digits than the double beside it has.
    Long(String, Number),
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
    pub(crate) fn parse(text: &str) -> Result<Self> {
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
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(String),
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
            tokens.push(Token::Number(rest[..end].to_owned()));
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
            Token::Number(digits) => number_literal(digits),
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

/// A number as it stands there.
fn number_literal(digits: String) -> Result<Expression> {
    if let Ok(int) = digits.parse::<i64>() {
        return Ok(Expression::Literal(int.into()));
    }
    let double = digits.parse::<f64>().ok().and_then(Number::from_f64);
    let (Some(double), Some(written)) = (double, Exact::read(&digits)) else {
        return Err(bad(format!("{digits:?} is no number")));
    };
    let is_same = Exact::read(&double.to_string()).is_some_and(|read| read.cmp(&written).is_eq());
    Ok(if is_same { Expression::Literal(Value::Number(double)) } else { Expression::Long(digits, double) })
}

impl Expression {
    /// Whether its value is exact for rows in which these fields are.
    pub(super) fn is_exact(&self, decimals: &BTreeSet<String>) -> bool {
        match self {
            Self::Field(name) => decimals.contains(name),
            Self::Unary("-", inner) => inner.is_exact(decimals),
            Self::Binary("+" | "-" | "*" | "/" | "%", left, right) => {
                left.is_exact(decimals) || right.is_exact(decimals)
            }
            Self::Call("round" | "abs" | "coalesce", arguments) => {
                arguments.iter().any(|a| a.is_exact(decimals))
            }
            Self::Call("if", arguments) => arguments[1..].iter().any(|a| a.is_exact(decimals)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(text: &str) -> Result<Value> {
        let row = json!({
            "price": 10.5, "stock": 3, "name": "Drill", "gone": null, "cost": "9.99", "tax": "0.100000000000000000001",
        });
        let decimals = ["cost", "tax", "gone"].map(str::to_owned).into();
        Expression::parse(text)?.evaluate(row.as_object().unwrap(), &decimals)
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
    fn decimals_are_exact() {
        for truth in [
            "cost < 10",
            "cost > 9.98",
            "cost == 9.990",
            "cost != 10",
            "9.99 >= cost",
            "-cost < -9.9",
            "cost == '9.99'",
            "tax > 0.1",
            "tax > 0.1000000000000000000009",
            "tax < 0.1000000000000000000011",
            "tax == 0.100000000000000000001",
            "cost < price",
            "cost < 99999999999999999999",
            "cost + 0.01 == stock + 7",
            "not (gone < 1)",
            "gone == null",
            "cost - tax < 9.9 and cost * 2 == 19.98",
            "cost < name or true",
        ] {
            let found = run(truth);
            if truth.contains("name") {
                assert_eq!(found.unwrap_err().code().id, "HM-D060");
            } else {
                assert_eq!(found.unwrap(), json!(true), "{truth}");
            }
        }
        assert_eq!(run("cost * 3").unwrap(), json!("29.97"));
        assert_eq!(run("round(cost / 7, 2)").unwrap(), json!("1.43"));
        assert_eq!(run("abs(1 - cost)").unwrap(), json!("8.99"));
        assert_eq!(run("cost * price").unwrap(), json!(9.99 * 10.5));
        assert_eq!(run("number(cost) * 2").unwrap(), json!(19.98));
        assert_eq!(run("coalesce(gone, cost)").unwrap(), json!("9.99"));
        assert_eq!(run("concat(cost, ' EUR')").unwrap(), json!("9.99 EUR"));
        assert_eq!(run("cost + ' EUR'").unwrap(), json!("9.99 EUR"));
        assert_eq!(run("cost / 0").unwrap_err().code().id, "HM-D060");
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
