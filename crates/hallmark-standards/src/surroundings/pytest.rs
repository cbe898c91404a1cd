//! What the configuration of pytest says of markers.

use hallmark_python::interface::marker_name;

use super::ini;

/// What one folder's configuration says.
#[derive(Default)]
pub(super) struct Pytest {
    /// Registered markers.
    pub(super) markers: Vec<String>,
    /// Whether a marker that is not registered is an error.
    pub(super) strict: bool,
}

impl Pytest {
    /// Adds what another file of the folder says.
    pub(super) fn join(&mut self, other: Self) {
        self.markers.extend(other.markers);
        self.strict |= other.strict;
    }

    fn set(&mut self, key: &str, lines: &[&str]) {
        match key {
            "markers" => self.markers.extend(lines.iter().map(|line| marker_name(line).to_owned())),
            "addopts" => {
                let words = || lines.iter().flat_map(|line| line.split_whitespace());
                self.strict |= words().any(|word| matches!(word, "--strict-markers" | "--strict"));
            }
            "strict_markers" | "strict" => self.strict |= lines.contains(&"true"),
            _ => {}
        }
    }
}

/// Whether pytest may read a file of this name; projects keep variants of `pytest.ini` for its option `-c`.
pub(super) fn is_configuration(name: &str) -> bool {
    matches!(
        name,
        "pyproject.toml" | "tox.ini" | "setup.cfg" | ".pytest.ini" | "pytest.toml" | ".pytest.toml"
    ) || (name.starts_with("pytest") && name.ends_with(".ini"))
}

/// What a file says; `None` if it is no configuration of pytest.
pub(super) fn read(name: &str, text: &str) -> Option<Pytest> {
    if !is_configuration(name) {
        return None;
    }
    if name.ends_with(".toml") {
        return from_toml(name, text);
    }
    let section = if name == "setup.cfg" { "tool:pytest" } else { "pytest" };
    let values: Vec<ini::Value<'_>> =
        ini::values(text).into_iter().filter(|v| v.section == section).collect();
    if values.is_empty() && !name.contains("pytest") {
        return None;
    }
    let mut pytest = Pytest::default();
    for value in values {
        pytest.set(value.key, &value.lines);
    }
    Some(pytest)
}

fn from_toml(name: &str, text: &str) -> Option<Pytest> {
    let whole: toml::Table = text.parse().ok()?;
    let section = if name == "pyproject.toml" {
        let pytest = whole.get("tool")?.get("pytest")?;
        pytest.get("ini_options").or(Some(pytest))?.as_table()?.clone()
    } else {
        whole.get("pytest")?.as_table()?.clone()
    };
    let mut pytest = Pytest::default();
    for (key, value) in &section {
        let texts: Vec<String> = match value {
            toml::Value::String(text) => text.lines().map(|line| line.trim().to_owned()).collect(),
            toml::Value::Array(items) => {
                items.iter().filter_map(|item| item.as_str()).map(str::to_owned).collect()
            }
            toml::Value::Boolean(value) => vec![value.to_string()],
            _ => Vec::new(),
        };
        let lines: Vec<&str> = texts.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        pytest.set(key, &lines);
    }
    Some(pytest)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn every_form_registers_markers() {
        let forms = [
            (
                "pytest.ini",
                "[pytest]\naddopts = -q --strict-markers\nmarkers =\n  chaos: breaks things\n  slow(n): takes long\n",
            ),
            (
                "setup.cfg",
                "[metadata]\nname = x\n[tool:pytest]\naddopts = --strict\nmarkers = chaos\n  slow\n",
            ),
            (
                "pyproject.toml",
                "[tool.pytest.ini_options]\naddopts = [\"--strict-markers\"]\nmarkers = [\"chaos: x\", \"slow\"]\n",
            ),
            ("pytest.toml", "[pytest]\nstrict_markers = true\nmarkers = [\"chaos\", \"slow\"]\n"),
        ];
        for (name, text) in forms {
            let pytest = read(name, text).unwrap();
            assert_eq!(pytest.markers, ["chaos", "slow"], "{name}");
            assert!(pytest.strict, "{name}");
        }
        assert!(read("tox.ini", "[tox]\nenvlist = py\n").is_none());
        assert!(read("pyproject.toml", "[project]\nname = \"x\"\n").is_none());
        assert!(!read("pytest.ini", "").unwrap().strict);
    }
}
