//! Exemptions: what is left out by name, with a reason, an owner and an end.

use hallmark_core::{Error, Result};
use hallmark_evidence::Verdict;

use crate::codes;
use crate::config::Exemption;
use crate::section::Section;

/// Applies the exemptions as of this day, and says in sentences what a reader should know of them.
///
/// An unproven check that is exempted becomes `exempted`; a proven one stays proven. An expired exemption makes its unproven
/// check `failed`, also where it was not measured. Hard failures stay.
///
/// # Errors
/// `HM-Z004` if an exemption has no reason, no owner or no date.
pub fn apply(
    sections: &mut [Section],
    exemptions: &[Exemption],
    today: jiff::civil::Date,
) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for exemption in exemptions {
        let expires = checked(exemption)?;
        let found = sections.iter_mut().flat_map(|s| &mut s.evidence).find(|e| e.check == exemption.check);
        let Some(evidence) = found else {
            notes.push(format!("the exemption of {} matches no check: remove it", exemption.check));
            continue;
        };
        let words = format!("{} ({}, until {expires})", exemption.reason.trim(), exemption.owner.trim());
        if evidence.verdict == Verdict::Proven {
            notes.push(format!("the exemption of {} is not needed: the check is proven", exemption.check));
        } else if expires < today {
            evidence.verdict = Verdict::Failed;
            evidence.reason =
                format!("its exemption has expired: {words}. {}", evidence.reason).trim().to_owned();
            notes.push(format!("the exemption of {} expired on {expires}", exemption.check));
        } else {
            evidence.verdict = Verdict::Exempted;
            evidence.reason = format!("{words}. {}", evidence.reason).trim().to_owned();
        }
    }
    Ok(notes)
}

fn checked(exemption: &Exemption) -> Result<jiff::civil::Date> {
    let incomplete = |what: &str| {
        Error::new(&codes::EXEMPTION, format!("the exemption of {} {what}", exemption.check))
            .next("give [[certify.exempt]] check, reason, owner and expires = \"YYYY-MM-DD\"")
    };
    if exemption.reason.trim().is_empty() {
        return Err(incomplete("has no reason"));
    }
    if exemption.owner.trim().is_empty() {
        return Err(incomplete("has no owner"));
    }
    exemption
        .expires
        .parse()
        .map_err(|_| incomplete(&format!("has no date in expires: {:?}", exemption.expires)))
}

#[cfg(test)]
mod tests {
    use hallmark_evidence::Evidence;

    use super::*;
    use crate::section::Kind;

    fn sections(verdict: Verdict) -> Vec<Section> {
        let mut evidence = Evidence::new("R", "redis.usable", "w");
        evidence.verdict = verdict;
        let evidence = vec![evidence];
        vec![Section {
            id: "i".into(),
            title: "I".into(),
            kind: Kind::Gate,
            weight: 0.1,
            evidence,
            controls: vec![],
            hard_failures: vec![],
        }]
    }

    fn exemption(expires: &str) -> Exemption {
        Exemption {
            check: "redis.usable".into(),
            reason: "planned".into(),
            owner: "ops".into(),
            expires: expires.into(),
        }
    }

    #[test]
    fn an_exemption_holds_through_its_last_day_and_fails_after_it() {
        let today = jiff::civil::date(2026, 11, 24);
        for (expires, before, after) in [
            ("2026-11-24", Verdict::Failed, Verdict::Exempted),
            ("2026-11-24", Verdict::NotMeasured, Verdict::Exempted),
            ("2026-11-23", Verdict::Failed, Verdict::Failed),
            ("2026-11-23", Verdict::NotMeasured, Verdict::Failed),
            ("2026-11-24", Verdict::Proven, Verdict::Proven),
            ("2026-11-23", Verdict::Proven, Verdict::Proven),
        ] {
            let mut sections = sections(before);
            apply(&mut sections, &[exemption(expires)], today).unwrap();
            assert_eq!(sections[0].evidence[0].verdict, after, "{expires} {before}");
        }
    }

    #[test]
    fn an_exemption_without_reason_owner_or_date_is_refused_and_an_unused_one_told() {
        let today = jiff::civil::date(2026, 11, 24);
        for broken in [
            Exemption { reason: " ".into(), ..exemption("2026-12-01") },
            Exemption { owner: String::new(), ..exemption("2026-12-01") },
            exemption("soon"),
        ] {
            assert!(
                apply(&mut sections(Verdict::Failed), &[broken], today).unwrap_err().is(&codes::EXEMPTION)
            );
        }
        let unused = Exemption { check: "nothing".into(), ..exemption("2026-12-01") };
        let notes = apply(&mut sections(Verdict::Failed), &[unused], today).unwrap();
        assert!(notes[0].contains("matches no check"));
    }
}
