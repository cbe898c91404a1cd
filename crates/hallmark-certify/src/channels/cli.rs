//! The command line: one process a call.

use hallmark_core::Result;
use serde_json::Value;
use tokio::process::Command;

use super::{Channel, Reply, Wire, failed};
use crate::limits::CHANNEL_TIMEOUT;
use crate::process;

/// Characters of a code: `HM-N010`.
const CODE_CHARS: usize = 7;

impl Wire {
    pub(super) async fn cli(&self, operation: &str, input: &Value) -> Result<Reply> {
        let Some(line) = &self.deployment.cli else {
            return Err(failed(Channel::CommandLine, "there is none"));
        };
        let mut command = Command::new(&line.program);
        command.args((line.arguments)(operation, input)).env("NO_COLOR", "1");
        let ended = process::run(&mut command, CHANNEL_TIMEOUT).await?;
        if ended.succeeded() {
            let answer = serde_json::from_slice(&ended.stdout);
            return answer
                .map(Reply::Answer)
                .map_err(|e| failed(Channel::CommandLine, format!("its output is no JSON: {e}")));
        }
        let said = [ended.stdout.as_slice(), ended.stderr.as_slice()].map(String::from_utf8_lossy).concat();
        let code = code_in(&said).ok_or_else(|| {
            failed(Channel::CommandLine, format!("it failed without a code: {}", ended.last_words()))
        })?;
        Ok(Reply::Refused(code.to_owned()))
    }
}

/// The first code in a text.
fn code_in(text: &str) -> Option<&str> {
    let is_code = |code: &str| {
        let bytes = code.as_bytes();
        bytes[3].is_ascii_uppercase() && bytes[4..].iter().all(u8::is_ascii_digit)
    };
    text.match_indices("HM-").filter_map(|(at, _)| text.get(at..at + CODE_CHARS)).find(|code| is_code(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_code_is_found_and_lookalikes_are_not() {
        assert_eq!(code_in("error[HM-W012]: next: hallmark explain HM-N001"), Some("HM-W012"));
        assert_eq!(code_in("HM-x123 HM- HM-W01"), None);
    }
}
