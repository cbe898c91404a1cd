//! The command that goes on, for the next step that an error names: in the same direction and with all that was given, since
//! whoever follows it would otherwise do something else.

use hallmark_core::platform::shell_word;

use super::MigrateOptions;
use super::session::Patience;

impl MigrateOptions {
    /// `hallmark models migrate` with these options, and one more; none for an empty text.
    #[must_use]
    pub fn again(&self, more: &str) -> String {
        let mut words = vec!["hallmark models migrate".to_owned()];
        match self.down {
            Some(count) => words.push(format!("--down {count}")),
            // The way back makes its own renames.
            None => words.extend(self.renames.iter().map(|text| format!("--rename {}", word(text)))),
        }
        words.extend(self.backfill.iter().map(|text| format!("--backfill {}", word(text))));
        let patience = Patience::default();
        if self.patience.lock_timeout != patience.lock_timeout {
            words.push(format!("--lock-timeout-ms {}", self.patience.lock_timeout.as_millis()));
        }
        if self.patience.lock_attempts != patience.lock_attempts {
            words.push(format!("--lock-attempts {}", self.patience.lock_attempts));
        }
        if self.patience.statement_timeout != patience.statement_timeout {
            words.push(format!("--statement-timeout {}", self.patience.statement_timeout.as_secs()));
        }
        for (is_given, flag) in [
            (self.allow_destructive, "--allow-destructive"),
            (self.allow_blocking, "--allow-blocking"),
            (self.accept_drift, "--accept-drift"),
        ] {
            if is_given {
                words.push(flag.to_owned());
            }
        }
        if !more.is_empty() {
            words.push(more.to_owned());
        }
        words.join(" ")
    }
}

/// Quoted only where a shell would read it otherwise.
fn word(text: &str) -> String {
    let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.=:/".contains(c));
    if is_plain { text.to_owned() } else { shell_word(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_given_is_repeated() {
        let mut options = MigrateOptions {
            renames: vec!["parts.name=title".to_owned()],
            backfill: vec!["parts.maker=a b".to_owned()],
            accept_drift: true,
            ..MigrateOptions::default()
        };
        options.patience.lock_attempts = 3;
        let rest = format!("--backfill {} --lock-attempts 3 --accept-drift", shell_word("parts.maker=a b"));
        assert_eq!(options.again(""), format!("hallmark models migrate --rename parts.name=title {rest}"));
        options.down = Some(2);
        assert_eq!(options.again("--yes"), format!("hallmark models migrate --down 2 {rest} --yes"));
    }
}
