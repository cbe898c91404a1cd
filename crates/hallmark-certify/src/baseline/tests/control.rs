//! The instrument must count a failing, a skipped, an expected-to-fail and an unparsable test as what they are.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hallmark_core::{Result, fs};

use super::pytest::{Extra, Outcome, Pytest};
use crate::config::TestsConfig;
use crate::context::Context;
use crate::section::Control;

const PLANTED: &str = "import pytest\n\ndef test_passes():\n    assert True\n\ndef test_fails():\n    assert False\n\n@pytest.mark.skip(reason=\"planted\")\ndef test_skipped():\n    pass\n\n@pytest.mark.xfail\ndef test_fails_as_expected():\n    assert False\n";

/// Plants the tests in a scratch folder and runs them with the project's own interpreter.
pub(super) fn run(context: &Context) -> BoxFuture<'_, Vec<Control>> {
    async move {
        let started = std::time::Instant::now();
        let outcome = match plant(context).await {
            Ok(outcome) => (is_as_planted(&outcome), describe(&outcome)),
            Err(error) => (false, format!("{error:?}")),
        };
        let planted = "a scratch folder with one passing, one failing, one skipped test, one that fails as expected, one file that does not parse and one that skips itself";
        vec![Control::new("tests.planted_failures", planted, started, outcome)]
    }
    .boxed()
}

async fn plant(context: &Context) -> Result<Outcome> {
    let pytest = Pytest::find(&context.project, &context.config.tests).await?;
    let (folder, scratch) =
        (context.scratch_folder("planted-tests")?, context.scratch_folder("planted-report")?);
    fs::write_atomic(&folder.join("test_planted.py"), PLANTED.as_bytes(), fs::Mode::Default)?;
    fs::write_atomic(&folder.join("test_unparsable.py"), b"def test_broken(:\n", fs::Mode::Default)?;
    let skips = b"import pytest\npytest.skip(\"planted\", allow_module_level=True)\n";
    fs::write_atomic(&folder.join("test_skips_itself.py"), skips, fs::Mode::Default)?;
    // A configuration of its own: nothing above the scratch folder may speak into the control.
    fs::write_atomic(&folder.join("pytest.ini"), b"[pytest]\n", fs::Mode::Default)?;
    let extra = Extra { scratch: &scratch, environment: &[] };
    pytest.run(&folder, &TestsConfig::default(), &extra).await
}

fn is_as_planted(outcome: &Outcome) -> bool {
    let counts = ["passed", "failed", "skipped", "xfailed"].map(|o| outcome.count(o));
    outcome.record.finished
        && counts == [1, 1, 1, 1]
        && outcome.executed() == 3
        && outcome.record.collection_errors.len() == 1
        && outcome.known() == 6
}

fn describe(outcome: &Outcome) -> String {
    format!(
        "{} passed, {} failed, {} skipped, {} failed as expected, {} executed, {} not collectable, {} skipped files {}",
        outcome.count("passed"),
        outcome.count("failed"),
        outcome.count("skipped"),
        outcome.count("xfailed"),
        outcome.executed(),
        outcome.record.collection_errors.len(),
        outcome.record.collection_skips.len(),
        outcome.last_words
    )
    .trim_end()
    .to_owned()
}
