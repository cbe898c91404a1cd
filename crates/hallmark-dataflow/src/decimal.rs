//! Decimal numbers as texts: whether a column keeps one.

use hallmark_python::models::Field;

/// Digits in all and behind the point of a field's `numeric`, if it says how many.
pub(crate) fn digits(field: &Field) -> Option<(u32, u32)> {
    match (field.max_digits, field.decimal_places) {
        (Some(all), places) => Some((all, places.unwrap_or(0))),
        (None, Some(places)) => Some((28 + places, places)),
        (None, None) => None,
    }
}

/// Whether the field's column takes a decimal: PostgreSQL rounds what is behind the last place, and refuses what is then too large.
pub(crate) fn fits(field: &Field, text: &str) -> bool {
    let Some((all, places)) = digits(field) else { return true };
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    let Some(zeros) = digits().position(|digit| digit != b'0') else { return true };
    // The power of ten of the first digit that counts, and that of the first one that is too large.
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let first = exponent.parse::<i64>().unwrap_or(0).saturating_add(count(whole.len()) - 1 - count(zeros));
    let most = i64::from(all) - i64::from(places);
    if first + 1 != most {
        return first < most;
    }
    // As large as any that fits: too large only if it is rounded up to the next power of ten.
    let mut behind = digits().skip(zeros);
    let nines = (0..all).all(|_| behind.next() == Some(b'9'));
    !(nines && behind.next().is_some_and(|digit| digit >= b'5'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallmark_python::models::FieldType;

    #[test]
    fn what_postgresql_takes_fits() {
        let field = |all, places| Field {
            max_digits: all,
            decimal_places: places,
            ..Field::new("price", FieldType::Decimal)
        };
        let money = field(Some(10), Some(2));
        for text in [
            "0",
            "-0.00",
            "99999999.99",
            "99999999.994",
            "-99999999.99",
            "1e7",
            "0.0000001",
            "00000000001",
            "5.",
            ".5",
        ] {
            assert!(fits(&money, text), "{text}");
        }
        for text in
            ["100000000", "99999999.995", "-99999999.999", "1e8", "+100000000.00", "0.1e9", "99999999995e-3"]
        {
            assert!(!fits(&money, text), "{text}");
        }
        assert!(fits(&field(Some(2), Some(4)), "0.00994") && !fits(&field(Some(2), Some(4)), "0.00995"));
        assert!(fits(&field(Some(3), None), "999.4") && !fits(&field(Some(3), None), "999.5"));
        assert!(fits(&field(None, None), "1e1000"));
        assert!(!fits(&field(None, Some(2)), "1e28") && fits(&field(None, Some(2)), "1e27"));
    }
}
