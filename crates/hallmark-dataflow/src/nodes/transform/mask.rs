//! Masks: what is left of a value that is not to be known.

use hallmark_core::{Result, Secret, digest};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::step::bad;
use crate::input::{known, number_in, text_in};
use crate::value;

/// One way to mask.
#[derive(Clone, Debug)]
pub(super) enum Mask {
    /// A digest: equal values stay equal. With a key nobody without it can try values out.
    Hash,
    /// Nothing is left.
    Redact,
    /// So many letters at the start and the end.
    Partial(usize, usize),
    /// A number's band of this width, by its lower edge.
    Band(f64),
    /// A time's year, month, day or hour.
    Step(&'static str),
    /// The first letters of a text.
    Keep(usize),
}

/// What a time can be reduced to, and how much of its text that is.
const STEPS: [(&str, usize); 4] = [("year", 4), ("month", 7), ("day", 10), ("hour", 13)];
/// The fewest letters of a text of which some are shown.
const PARTIAL_MIN: usize = 8;

impl Mask {
    /// Reads a mask: its kind, or an object that says more.
    pub(super) fn read(given: &Value) -> Result<Self> {
        let (kind, members) = match given {
            Value::String(kind) => (kind.as_str(), None),
            Value::Object(members) => {
                known(members, "mask", &["kind", "start", "end", "band", "to", "keep"])?;
                (text_in(members, "mask", "kind")?.unwrap_or_default(), Some(members))
            }
            _ => return Err(bad("a mask is a text or an object")),
        };
        let count = |name: &str, default: usize| -> Result<usize> {
            let number = members.map(|m| number_in(m, "mask", name, (0.0, 64.0))).transpose()?.flatten();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 64")]
            Ok(number.map_or(default, |n| n as usize))
        };
        match kind {
            "hash" => Ok(Self::Hash),
            "redact" => Ok(Self::Redact),
            "partial" => Ok(Self::Partial(count("start", 2)?, count("end", 2)?)),
            "generalise" => Self::general(members, count("keep", 0)?),
            other => Err(bad(format!("unknown mask {other:?}; use hash, redact, partial or generalise"))),
        }
    }

    fn general(members: Option<&serde_json::Map<String, Value>>, keep: usize) -> Result<Self> {
        let band =
            members.map(|m| number_in(m, "mask", "band", (f64::MIN_POSITIVE, 1e15))).transpose()?.flatten();
        let to = members.map(|m| text_in(m, "mask", "to")).transpose()?.flatten();
        match (band, to, keep) {
            (Some(width), None, 0) => Ok(Self::Band(width)),
            (None, Some(to), 0) => {
                let step = STEPS.iter().find(|(name, _)| *name == to).map(|(name, _)| *name);
                step.map(Self::Step).ok_or_else(|| bad("a time is generalised to year, month, day or hour"))
            }
            (None, None, keep) if keep > 0 => Ok(Self::Keep(keep)),
            _ => Err(bad(
                "generalise takes one of band (a number's width), to (a time's step), keep (letters)",
            )),
        }
    }

    /// The masked value; null stays null.
    ///
    /// # Errors
    /// `HM-D061` if the mask does not fit the value.
    pub(super) fn apply(&self, value: &Value, key: Option<&Secret>) -> Result<Value> {
        let plain = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Ok(match self {
            _ if value.is_null() => Value::Null,
            Self::Redact => Value::from(hallmark_core::secret::MASK),
            Self::Hash => Value::from(match key {
                None => digest::sha256(plain.as_bytes()),
                Some(key) => digest::to_hex(&hmac(key.expose().as_bytes(), plain.as_bytes())),
            }),
            Self::Partial(start, end) => Value::from(partial(&plain, *start, *end)),
            Self::Keep(count) => {
                let letters: String = plain.chars().take(*count).collect();
                Value::from(format!("{letters}*"))
            }
            Self::Band(width) => {
                let number =
                    value.as_f64().or_else(|| plain.trim().parse::<f64>().ok()).filter(|n| n.is_finite());
                let number = number.ok_or_else(|| bad("a band is of a number"))?;
                value::float((number / width).floor() * width)
            }
            Self::Step(step) => {
                let length = STEPS.iter().find(|(name, _)| name == step).map_or(4, |(_, length)| *length);
                let at = match plain.parse::<jiff::civil::Date>() {
                    Ok(day) if plain.len() == 10 => day.to_string(),
                    _ => value::timestamp(&plain)
                        .map_err(|_| bad(format!("a {step} is of a time")))?
                        .to_string(),
                };
                Value::from(at.get(..length.min(at.len())).unwrap_or_default())
            }
        })
    }
}

/// The letters at both ends, if there are enough others.
fn partial(plain: &str, start: usize, end: usize) -> String {
    let letters: Vec<char> = plain.chars().collect();
    let (start, end) =
        if letters.len() >= PARTIAL_MIN.max(2 * (start + end)) { (start, end) } else { (0, 0) };
    let stars = "*".repeat((letters.len() - start - end).max(4));
    let (head, tail) = (&letters[..start], &letters[letters.len() - end..]);
    format!("{}{stars}{}", head.iter().collect::<String>(), tail.iter().collect::<String>())
}

/// HMAC with SHA-256, as RFC 2104 has it.
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let padded = |byte: u8| block.map(|b| b ^ byte);
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn masked(mask: &Value, value: &Value) -> Value {
        Mask::read(mask).unwrap().apply(value, None).unwrap()
    }

    #[test]
    fn the_digest_with_a_key_is_that_of_the_standard() {
        // RFC 4231, test cases 2 and 6.
        assert_eq!(
            digest::to_hex(&hmac(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(
            digest::to_hex(&hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
        );
    }

    #[test]
    fn masks_leave_what_they_say() {
        assert_eq!(masked(&json!("partial"), &json!("4111111111111111")), json!("41************11"));
        assert_eq!(
            masked(&json!({"kind": "partial", "start": 0, "end": 4}), &json!("4111111111111234")),
            json!("************1234")
        );
        assert_eq!(masked(&json!("partial"), &json!("short")), json!("*****"));
        assert_eq!(masked(&json!({"kind": "generalise", "band": 10}), &json!(47)), json!(40.0));
        assert_eq!(masked(&json!({"kind": "generalise", "band": 0.5}), &json!("-0.2")), json!(-0.5));
        assert_eq!(
            masked(&json!({"kind": "generalise", "to": "month"}), &json!("1990-05-17")),
            json!("1990-05")
        );
        assert_eq!(
            masked(&json!({"kind": "generalise", "to": "hour"}), &json!("2026-11-24T23:30:00+01:00")),
            json!("2026-11-24T22")
        );
        assert_eq!(masked(&json!({"kind": "generalise", "keep": 3}), &json!("SW1A 1AA")), json!("SW1*"));
        assert_eq!(masked(&json!("redact"), &Value::Null), Value::Null);
        for wrong in [
            json!("blur"),
            json!({"kind": "generalise"}),
            json!({"kind": "generalise", "band": 0}),
            json!({"kind": "hash", "key": "x"}),
            json!(1),
        ] {
            assert!(Mask::read(&wrong).is_err(), "{wrong}");
        }
        let band = Mask::read(&json!({"kind": "generalise", "band": 10})).unwrap();
        assert!(band.apply(&json!("ten"), None).is_err());
    }
}
