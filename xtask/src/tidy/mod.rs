//! What the compiler cannot hold: the structure of the house. Runs as a chore and as a test.

mod arrows;
mod documents;
mod lengths;
mod measures;
mod platforms;
mod stand_ins;

use crate::shell::{self, Failure, Outcome};

pub(crate) fn run() -> Outcome {
    let problems = problems()?;
    if problems.is_empty() {
        shell::say("tidy: nothing to say\n");
        return Ok(());
    }
    Err(Failure(format!("tidy:\n  {}", problems.join("\n  "))))
}

fn problems() -> Outcome<Vec<String>> {
    let mut problems = arrows::check()?;
    problems.extend(lengths::check()?);
    problems.extend(documents::check()?);
    problems.extend(measures::check()?);
    problems.extend(platforms::check()?);
    problems.extend(stand_ins::check()?);
    Ok(problems)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_house_is_tidy() {
        let problems = super::problems().unwrap();
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
