//! How much longer a request takes between this machine and another one than on this machine alone.
//!
//! The other host runs a Hallmark whose supervisor answers `/health`; the same small request is sent there and to this machine's own
//! supervisor, in turn, on connections that stay open. The way there and back is the same from either end.

use std::time::{Duration, Instant};

use hallmark_core::{Error, Result};
use serde_json::Value;

use super::{Check, Verdict};
use crate::bench::Interval;
use crate::bench::statistics::quantile;
use crate::http;
use crate::monitor::endpoint::machine;
use crate::recorder::milliseconds;
use crate::stack::Stack;
use crate::url;

/// The identifier of the line.
const ID: &str = "latency.from";

/// Its name.
const NAME: &str = "from another host";

/// Milliseconds that may be added.
const LIMIT_MS: f64 = 15.0;

/// Requests to each side.
const REQUESTS: usize = 200;

/// Requests before those that count.
const WARM_UP: usize = 10;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The line for the host at this address; without one nothing is measured.
pub(super) async fn look(stack: &Stack, url: Option<&str>) -> Check {
    let Some(url) = url else {
        return Check::new(
            ID,
            NAME,
            Verdict::NotChecked,
            "not measured: no other host was named (--from URL)",
        );
    };
    match measure(stack, url).await {
        Ok(check) => check,
        Err(error) => Check::new(ID, NAME, Verdict::Fail, format!("{url}: {error}")).mend(
            error
                .next_step()
                .unwrap_or("hallmark status --format json (on the other host) names the address")
                .to_owned(),
        ),
    }
}

/// `/health` of the address, whatever path it names.
fn health(address: &str) -> Result<String> {
    let invalid = || Error::new(&crate::codes::ENDPOINT_INVALID, "it is no http:// or https:// address");
    let parsed = reqwest::Url::parse(address).map_err(|e| invalid().because(&e))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(invalid());
    }
    let authority = url::authority(&url::host(&parsed), parsed.port_or_known_default().unwrap_or(80));
    Ok(format!("{}://{authority}/health", parsed.scheme()))
}

async fn measure(stack: &Stack, url: &str) -> Result<Check> {
    let there = health(url)?;
    let client = http::client(http::Timeouts::total(PATIENCE))?;
    let other = ask(&client, &there).await?.1;
    let not_measured =
        |why: &str| Ok(Check::new(ID, NAME, Verdict::NotChecked, format!("not measured: {why}")));
    match other["machine"].as_str() {
        None => return not_measured("no Hallmark answers there, or an older one"),
        Some(name) if name == machine() => return not_measured("the address leads to this very machine"),
        Some(_) => {}
    }
    let Some(here) = stack.metrics_address()? else {
        return not_measured("this machine's own supervisor serves nothing to compare with");
    };
    let here = health(&here)?;
    let (mut far, mut near) = (Vec::new(), Vec::new());
    for turn in 0..REQUESTS + WARM_UP {
        for (url, times) in [(&there, &mut far), (&here, &mut near)] {
            let took = ask(&client, url).await?.0;
            if turn >= WARM_UP {
                times.push(took);
            }
        }
    }
    Ok(judge(&mut far, &mut near))
}

/// The time of one request in milliseconds, and the answer; a stack that is not well answers too.
async fn ask(client: &reqwest::Client, url: &str) -> Result<(f64, Value)> {
    let began = Instant::now();
    let response = client.get(url).send().await.map_err(|e| http::error(&e))?;
    let answer = http::json(response).await?;
    Ok((milliseconds(began.elapsed()), answer))
}

/// The 95th percentile there less the median here: what the way adds for all but one of twenty requests.
fn judge(far: &mut [f64], near: &mut [f64]) -> Check {
    far.sort_by(f64::total_cmp);
    near.sort_by(f64::total_cmp);
    let (there, here) = (quantile(far, 0.95), quantile(near, 0.5).value);
    let Interval { low: Some(low), value, high: Some(high) } = there else {
        return Check::new(ID, NAME, Verdict::NotChecked, "not measured: too few requests were answered");
    };
    let (low, value, high) = (low - here, value - here, high - here);
    let detail = format!(
        "{value:.1} ms added at the 95th percentile ({low:.1} to {high:.1}), median {:.1}; {LIMIT_MS} ms may be",
        quantile(far, 0.5).value - here
    );
    if high < LIMIT_MS {
        return Check::new(ID, NAME, Verdict::Ok, detail);
    }
    let said = if low < LIMIT_MS { format!("{detail}; too near to tell") } else { detail };
    Check::new(ID, NAME, Verdict::Warn, said)
        .mend("use services on the same host or in the same network: hallmark up")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred times around a middle.
    fn around(middle: f64) -> Vec<f64> {
        (0..100).map(|n| middle + f64::from(n) / 100.0).collect()
    }

    #[test]
    fn what_the_way_adds_is_judged_beyond_the_noise() {
        let verdict = |far: f64| judge(&mut around(far), &mut around(0.5)).verdict;
        assert_eq!(verdict(2.0), Verdict::Ok);
        assert_eq!(verdict(30.0), Verdict::Warn);
        let near = judge(&mut around(15.05), &mut around(0.5));
        assert!(near.verdict == Verdict::Warn && near.detail.contains("too near to tell"), "{near:?}");
        assert_eq!(judge(&mut around(2.0)[..40], &mut around(0.5)).verdict, Verdict::NotChecked);
    }

    #[test]
    fn an_address_leads_to_health_whatever_path_it_names() {
        assert_eq!(health("http://10.0.0.7:9000/metrics").unwrap(), "http://10.0.0.7:9000/health");
        assert!(health("10.0.0.7").is_err());
    }
}
