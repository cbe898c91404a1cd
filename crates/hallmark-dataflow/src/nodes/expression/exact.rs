//! Exact numbers, as decimals of a model are: compared whatever their length, and computed with in up to 38 digits.

use std::cmp::Ordering;

use hallmark_core::Result;

use super::bad;
use crate::value::is_decimal;

/// An exact number, by its digits.
#[derive(Clone, Debug)]
pub(super) struct Exact {
    is_negative: bool,
    /// The digits before the point, without zeros in front.
    whole: String,
    /// The digits behind it, as many as were written.
    part: String,
}

/// Digits behind the point of a quotient, if its operands do not have more.
const QUOTIENT_SCALE: usize = 16;

impl Exact {
    /// Reads `-1.10`, `3`, `1e3`; `None` for what is no finite number.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if !is_decimal(text) {
            return None;
        }
        let is_negative = text.starts_with('-');
        let digits = text.trim_start_matches(['-', '+']);
        let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
        let exponent: i32 = exponent.parse().ok()?;
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (mut whole, mut part) = (whole.to_owned(), part.to_owned());
        for _ in 0..exponent.max(0) {
            whole.push(if part.is_empty() { '0' } else { part.remove(0) });
        }
        for _ in exponent..0 {
            part.insert(0, whole.pop().unwrap_or('0'));
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let is_zero = whole.is_empty() && part.bytes().all(|b| b == b'0');
        Some(Self { is_negative: is_negative && !is_zero, whole, part })
    }

    /// The nearest double.
    pub(super) fn double(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// All digits as a whole number of this many behind the point.
    fn scaled(&self, scale: usize) -> Result<i128> {
        let digits = format!("{}{:0<scale$}", self.whole, self.part);
        let number: Option<i128> = if digits.is_empty() { Some(0) } else { digits.parse().ok() };
        let number = number.ok_or_else(too_long)?;
        Ok(if self.is_negative { -number } else { number })
    }

    fn of(number: i128, scale: usize) -> Self {
        let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
        let (whole, part) = digits.split_at(digits.len() - scale);
        let whole = whole.trim_start_matches('0').to_owned();
        Self { is_negative: number < 0, whole, part: part.to_owned() }
    }

    /// `+ - * / %`; a quotient has sixteen digits behind the point, rounded, and no zeros at its end that nobody wrote.
    ///
    /// # Errors
    /// `HM-D060` for a division by zero, or a result of more digits than are computed with.
    pub(super) fn compute(&self, operator: &str, other: &Self) -> Result<Self> {
        let scale = self.part.len().max(other.part.len());
        if operator == "*" {
            let product = self.scaled(self.part.len())?.checked_mul(other.scaled(other.part.len())?);
            return Ok(Self::of(product.ok_or_else(too_long)?, self.part.len() + other.part.len()));
        }
        let (a, b) = (self.scaled(scale)?, other.scaled(scale)?);
        let result = match operator {
            "+" => a.checked_add(b),
            "-" => a.checked_sub(b),
            _ if b == 0 => return Err(bad("the result is no finite number")),
            "%" => a.checked_rem(b),
            _ => return divided(a, b, scale),
        };
        Ok(Self::of(result.ok_or_else(too_long)?, scale))
    }

    /// With the other sign.
    pub(super) fn negated(mut self) -> Self {
        let is_zero = self.whole.is_empty() && self.part.bytes().all(|b| b == b'0');
        self.is_negative = !self.is_negative && !is_zero;
        self
    }

    /// Without its sign.
    pub(super) fn abs(mut self) -> Self {
        self.is_negative = false;
        self
    }

    /// With this many digits behind the point; half is rounded away from zero.
    ///
    /// # Errors
    /// `HM-D060` for more digits than are computed with.
    pub(super) fn round(&self, digits: usize) -> Result<Self> {
        if self.part.len() <= digits {
            return Ok(self.clone());
        }
        let step = 10_i128.checked_pow(u32::try_from(self.part.len() - digits).unwrap_or(u32::MAX));
        let step = step.ok_or_else(too_long)?;
        Ok(Self::of(rounded(self.scaled(self.part.len())?, step), digits))
    }
}

fn too_long() -> hallmark_core::Error {
    bad("the result has more than 38 digits").next("round the numbers before, or use number(…)")
}

/// A quotient, rounded to a whole number.
fn rounded(a: i128, b: i128) -> i128 {
    let (quotient, rest) = (a / b, (a % b).unsigned_abs());
    let away = if (a < 0) == (b < 0) { 1 } else { -1 };
    if rest >= b.unsigned_abs() - rest { quotient + away } else { quotient }
}

fn divided(a: i128, b: i128, least: usize) -> Result<Exact> {
    let scale = least.max(QUOTIENT_SCALE);
    let shift = 10_i128.checked_pow(u32::try_from(scale).unwrap_or(u32::MAX));
    let shifted = shift.and_then(|shift| a.checked_mul(shift)).ok_or_else(too_long)?;
    let mut quotient = Exact::of(rounded(shifted, b), scale);
    while quotient.part.len() > least && quotient.part.ends_with('0') {
        quotient.part.pop();
    }
    Ok(quotient)
}

impl Ord for Exact {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |n: &Self| (n.whole.len(), n.whole.clone(), n.part.trim_end_matches('0').to_owned());
        match (self.is_negative, other.is_negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(self).cmp(&size(other)),
            (true, true) => size(other).cmp(&size(self)),
        }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Exact {}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for Exact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.is_negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let point = if self.part.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{}", self.part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Exact {
        Exact::read(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn numbers_compare_by_their_digits() {
        let rising = [
            "-1e3",
            "-10.01",
            "-10",
            "-0.5",
            "0",
            "0.0999999999999999999999",
            "0.1",
            "0.10000000000000000000001",
            "1",
            "9007199254740993",
            "9007199254740993.1",
            "123456789012345678901234567890123456789012345678",
        ];
        for pair in rising.windows(2) {
            assert!(exact(pair[0]) < exact(pair[1]), "{pair:?}");
        }
        for (a, b) in [("1.10", "1.1"), ("-0", "0.00"), ("1e-2", "0.01"), ("12.5e1", "125"), ("+7", "007")] {
            assert_eq!(exact(a).cmp(&exact(b)), Ordering::Equal, "{a} {b}");
        }
        for text in ["", "NaN", "Infinity", "1.1.1", "0x10", "-"] {
            assert_eq!(Exact::read(text), None, "{text}");
        }
    }

    #[test]
    fn computes_as_postgresql_does() {
        let compute =
            |a: &str, operator: &str, b: &str| exact(a).compute(operator, &exact(b)).unwrap().to_string();
        assert_eq!(compute("0.1", "+", "0.2"), "0.3");
        assert_eq!(compute("1.10", "-", "1.1"), "0.00");
        assert_eq!(compute("1.10", "*", "-3"), "-3.30");
        assert_eq!(compute("1", "/", "3"), "0.3333333333333333");
        assert_eq!(compute("2.00", "/", "-4"), "-0.50");
        assert_eq!(compute("-7.5", "%", "2"), "-1.5");
        assert_eq!(
            (exact("2.345").round(2).unwrap().to_string(), exact("-0.5").round(0).unwrap().to_string()),
            ("2.35".into(), "-1".into())
        );
        assert_eq!(exact("-0.50").abs().to_string(), "0.50");
        assert!(exact("1").compute("/", &exact("0.00")).is_err());
        let long = "9".repeat(30);
        assert!(exact(&long).compute("*", &exact(&long)).is_err());
    }
}
