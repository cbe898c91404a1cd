//! What a test run or an application needs to know of the stack, as environment variables.

use hallmark_core::{Error, Result};
use serde_json::{Map, Value};

use super::{Stack, codes};

/// How the variables are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnvFormat {
    /// `export NAME='value'` lines, for `eval "$(hallmark env)"`.
    #[default]
    Shell,
    /// One JSON object.
    Json,
    /// `NAME="value"` lines, as dotenv libraries read them.
    Dotenv,
}

impl Stack {
    /// The variables of every provided service, with their passwords: this is what they are for, so it must not be logged.
    ///
    /// # Errors
    /// `HM-S069` if nothing is provided yet; those of [`Stack::endpoints`].
    pub fn env(&self, format: EnvFormat) -> Result<String> {
        let endpoints = self.endpoints()?;
        let variables: Vec<(&str, String)> =
            endpoints.to_env().into_iter().map(|v| (v.name, v.value.expose().to_owned())).collect();
        if variables.is_empty() {
            return Err(Error::new(&codes::NOT_PROVIDED, "no service of this project has an address yet")
                .next("hallmark up"));
        }
        Ok(render(&variables, format))
    }
}

fn render(variables: &[(&str, String)], format: EnvFormat) -> String {
    match format {
        EnvFormat::Shell => variables
            .iter()
            .map(|(name, value)| format!("export {name}='{}'\n", value.replace('\'', "'\\''")))
            .collect(),
        EnvFormat::Dotenv => variables
            .iter()
            .map(|(name, value)| {
                let value =
                    value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('\n', "\\n");
                format!("{name}=\"{value}\"\n")
            })
            .collect(),
        EnvFormat::Json => {
            let all: Map<String, Value> = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), Value::String(value.clone())))
                .collect();
            format!("{:#}\n", Value::Object(all))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_a_shell() {
        let value = "it's $HOME \"quoted\" \\ `x`";
        let text = render(&[("HALLMARK_X", value.to_owned())], EnvFormat::Shell);
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("{text}printf %s \"$HALLMARK_X\"")])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), value);
    }

    #[test]
    fn json_and_dotenv() {
        let variables = [("A", "1\"2".to_owned())];
        assert_eq!(render(&variables, EnvFormat::Dotenv), "A=\"1\\\"2\"\n");
        assert_eq!(serde_json::from_str::<Value>(&render(&variables, EnvFormat::Json)).unwrap()["A"], "1\"2");
    }
}
