//! Alerts on change: to a webhook, a command, a log. Limited in rate, bounded in time, and never in a monitor's way.

mod config;
mod deliver;
mod limiter;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallmark_core::secret::MASK;
use hallmark_core::{Project, Result};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use config::{AlertsConfig, MinState, WebhookSource};
use deliver::Channel;
use limiter::{Due, Limiter};

use super::{News, limits};

/// The format of an alert as JSON.
const FORMAT: u32 = 1;

/// How often what was kept back is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What became of alerts, by channel and outcome: `delivered`, `failed`, `dropped`, `suppressed`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally(Arc<Mutex<BTreeMap<(&'static str, &'static str), u64>>>);

impl Tally {
    fn add(&self, channel: &'static str, outcome: &'static str, count: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((channel, outcome)).or_default() +=
            count;
    }

    /// Every count.
    pub(crate) fn all(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is told, and to whom.
pub(crate) struct Alerts {
    project: String,
    limiter: Limiter,
    channels: Vec<(&'static str, mpsc::Sender<Arc<Value>>)>,
    /// What must not leave the machine.
    secrets: Vec<String>,
    tally: Tally,
    began: Instant,
    _deliveries: JoinSet<()>,
}

impl Alerts {
    /// The alerts that a project asks for; `None` if it names no channel.
    ///
    /// # Errors
    /// `HM-S002` or `HM-C012` if the webhook's address cannot be read.
    pub(crate) fn of(
        project: &Project,
        config: &AlertsConfig,
        secrets: Vec<String>,
        tally: &Tally,
    ) -> Result<Option<Self>> {
        let root = project.root();
        let webhook = config.webhook.read(root)?.as_ref().map(Channel::webhook).transpose()?;
        let command = (!config.command.is_empty()).then(|| Channel::command(config.command.clone(), root));
        let log = config.log.as_ref().map(|path| Channel::log(root.join(path)));
        let mut deliveries = JoinSet::new();
        let channels = [webhook, command, log].into_iter().flatten().map(|channel| {
            let (sender, queue) = mpsc::channel(limits::ALERT_QUEUE);
            let name = channel.name();
            deliveries.spawn(channel.deliver(queue, tally.clone()));
            (name, sender)
        });
        let channels: Vec<_> = channels.collect();
        Ok((!channels.is_empty()).then(|| Self {
            project: root.display().to_string(),
            limiter: Limiter::new(config.min_state, Duration::from_secs(config.pause_s)),
            channels,
            secrets,
            tally: tally.clone(),
            began: Instant::now(),
            _deliveries: deliveries,
        }))
    }

    /// Tells until nobody has news any more.
    pub(crate) async fn keep(mut self, mut news: mpsc::Receiver<News>) {
        loop {
            let waiting = self.limiter.keeps();
            let due = tokio::select! {
                news = news.recv() => match news {
                    Some(News::Turned(turn)) => self.limiter.offer(self.began.elapsed(), &turn).into_iter().collect(),
                    Some(_) => continue,
                    None => return,
                },
                () = tokio::time::sleep(LOOK), if waiting => self.limiter.due(self.began.elapsed()),
            };
            for due in due {
                self.tell(&due);
            }
        }
    }

    fn tell(&self, due: &Due) {
        let alert = Arc::new(self.message(due));
        self.tally.add("all", "suppressed", u64::from(due.suppressed));
        for (name, channel) in &self.channels {
            if channel.try_send(Arc::clone(&alert)).is_err() {
                self.tally.add(name, "dropped", 1);
            }
        }
    }

    /// The alert as JSON; `text` is what chat systems show.
    fn message(&self, due: &Due) -> Value {
        let turn = &due.turn;
        let title = turn.service.title();
        let what = if due.recovery {
            format!("{title} is {} again", turn.to)
        } else {
            format!("{title} is {}", turn.to)
        };
        let cause = turn.cause.as_ref();
        let why = cause.map_or(turn.reason.as_str(), |cause| cause.sentence.as_str());
        let mend = cause.and_then(|cause| cause.mend.clone());
        let mut text = if due.recovery { what } else { format!("{what}: {why}") };
        if let Some(mend) = mend.as_ref().filter(|_| !due.recovery) {
            text = format!("{text} (mend: {mend})");
        }
        if due.suppressed > 0 {
            text = format!("{text} ({} changes before it were not told)", due.suppressed);
        }
        let alert = json!({
            "format": FORMAT,
            "kind": if due.recovery { "recovery" } else { "alert" },
            "project": self.project,
            "service": turn.service,
            "from": turn.from,
            "to": turn.to,
            "at": turn.at,
            "lasted_ms": turn.lasted_ms,
            "reason": turn.reason,
            "cause": cause,
            "mend": mend,
            "suppressed": due.suppressed,
            "text": text,
        });
        masked(alert, &self.secrets)
    }
}

/// The value with every secret in its texts replaced by the mask.
fn masked(value: Value, secrets: &[String]) -> Value {
    match value {
        Value::String(text) => {
            Value::String(secrets.iter().fold(text, |text, secret| text.replace(secret.as_str(), MASK)))
        }
        Value::Array(all) => all.into_iter().map(|value| masked(value, secrets)).collect(),
        Value::Object(all) => all.into_iter().map(|(key, value)| (key, masked(value, secrets))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_wherever_they_stand() {
        let value = json!({"a": ["x geheim y", {"b": "geheim"}], "n": 1});
        let shown = masked(value, &["geheim".to_owned()]).to_string();
        assert!(!shown.contains("geheim") && shown.contains(MASK), "{shown}");
    }
}
