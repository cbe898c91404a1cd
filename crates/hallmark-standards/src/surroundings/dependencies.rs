//! Which distributions a project declares, and which ones its lock files name.

use rustc_hash::FxHashSet;

use super::{distributions, ini};

/// What manifests and lock files declare.
#[derive(Default)]
pub(crate) struct Dependencies {
    /// Normalised names of distributions.
    names: FxHashSet<String>,
    /// Whether a lock file names what the declared ones need in turn.
    locked: bool,
}

/// Whether a file of this path declares dependencies.
pub(super) fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(
        name,
        "pyproject.toml" | "setup.cfg" | "setup.py" | "Pipfile" | "environment.yml" | "environment.yaml"
    ) || is_lock(name)
        || is_requirements(path)
}

fn is_lock(name: &str) -> bool {
    matches!(name, "uv.lock" | "poetry.lock" | "pdm.lock" | "pylock.toml")
}

/// Whether it is `requirements-dev.txt`, `requirements/dev.txt` or the like.
fn is_requirements(path: &str) -> bool {
    let is_word = |part: &str| ["requirements", "constraints"].iter().any(|word| part.contains(word));
    (path.ends_with(".txt") || path.ends_with(".in")) && path.rsplit('/').take(2).any(is_word)
}

impl Dependencies {
    /// Whether nothing is declared at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Whether what declared distributions need in turn is known as well.
    pub(crate) fn is_locked(&self) -> bool {
        self.locked
    }

    /// Whether a declared distribution may have the module of this name at its top.
    pub(crate) fn provide(&self, module: &str) -> bool {
        let own = normalised(module);
        self.names.contains(&own)
            || distributions::of(module).any(|name| self.names.contains(&normalised(name)))
            || self.names.iter().any(|name| {
                // `google-cloud-storage` has `google`, `python-foo` and `foo-python` have `foo`.
                let rest = name.strip_prefix(&own).map(|rest| rest.starts_with('-'));
                rest == Some(true) || name.strip_suffix(&own).is_some_and(|before| before.ends_with('-'))
            })
    }

    /// Whether a declared distribution is known to have the module of this name at its top, or bears its name.
    pub(crate) fn declare(&self, module: &str) -> bool {
        self.names.contains(&normalised(module))
            || distributions::of(module).any(|name| self.names.contains(&normalised(name)))
    }

    /// Adds what a file declares.
    pub(super) fn read(&mut self, path: &str, text: &str) {
        match path.rsplit('/').next().unwrap_or(path) {
            "pyproject.toml" | "Pipfile" => {
                if let Ok(whole) = text.parse::<toml::Table>() {
                    self.table(&whole, false);
                }
            }
            "setup.cfg" => {
                for value in ini::values(text) {
                    if value.section == "options.extras_require"
                        || value.key.ends_with("_requires")
                        || value.key == "install_requires"
                    {
                        value.lines.iter().for_each(|line| self.add(line));
                    }
                }
            }
            // Nothing of the project is run: whatever stands in quotes may be a requirement.
            "setup.py" => text.split(['"', '\'']).skip(1).step_by(2).for_each(|quoted| self.add(quoted)),
            "environment.yml" | "environment.yaml" => {
                text.lines()
                    .filter_map(|line| line.trim().strip_prefix("- "))
                    .for_each(|line| self.add(line));
            }
            name if is_lock(name) => {
                self.locked = true;
                let names = text.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
                names.for_each(|name| self.add(name));
            }
            _ if is_requirements(path) => text.lines().for_each(|line| self.add(line)),
            _ => {}
        }
    }

    /// Whatever a table of TOML holds under a key that speaks of dependencies: texts of lists, and keys of tables.
    fn table(&mut self, table: &toml::Table, declares: bool) {
        for (key, value) in table {
            let speaks =
                declares || ["dependenc", "requires", "packages"].iter().any(|word| key.contains(word));
            if declares && !value.is_array() {
                self.add(key);
            }
            match value {
                toml::Value::Array(items) if speaks => {
                    items.iter().filter_map(|item| item.as_str()).for_each(|item| self.add(item));
                }
                toml::Value::Table(inner) => self.table(inner, speaks),
                _ => {}
            }
        }
    }

    /// Adds the distribution that a requirement begins with.
    fn add(&mut self, requirement: &str) {
        let text = requirement.trim();
        let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
        let name = &text[..end.unwrap_or(text.len())];
        if name.starts_with(|c: char| c.is_ascii_alphanumeric()) && !text.contains("://") {
            self.names.insert(normalised(name));
        } else if let Some((_, egg)) = text.split_once("#egg=") {
            self.names.insert(normalised(egg));
        }
    }
}

/// The name with which indexes compare.
fn normalised(name: &str) -> String {
    name.trim_matches(['-', '_', '.']).to_ascii_lowercase().replace(['_', '.'], "-")
}

#[cfg(test)]
mod tests {
    use super::Dependencies;

    fn of(name: &str, text: &str) -> Dependencies {
        let mut all = Dependencies::default();
        all.read(name, text);
        all
    }

    #[test]
    fn every_form_declares() {
        let forms = [
            ("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"PyYAML>=6\"]\n"),
            (
                "pyproject.toml",
                "[project.optional-dependencies]\ntest = [\"pyyaml ; python_version < '4'\"]\n",
            ),
            ("pyproject.toml", "[dependency-groups]\ndev = [\"pyyaml\"]\n"),
            ("pyproject.toml", "[tool.poetry.dependencies]\nPyYAML = \"^6\"\n"),
            ("pyproject.toml", "[tool.poetry.group.dev.dependencies]\npyyaml = { version = \"6\" }\n"),
            ("Pipfile", "[packages]\npyyaml = \"*\"\n"),
            ("setup.cfg", "[options]\ninstall_requires =\n    pyyaml>=6\n"),
            ("setup.cfg", "[options.extras_require]\nall =\n    pyyaml\n"),
            ("setup.py", "setup(install_requires=['pyyaml>=6'])\n"),
            ("requirements-dev.txt", "# comment\npyyaml==6.0 # why\n"),
            ("requirements.txt", "git+https://host/pyyaml.git#egg=pyyaml\n"),
            ("environment.yml", "dependencies:\n  - pyyaml=6\n"),
            ("uv.lock", "[[package]]\nname = \"pyyaml\"\nversion = \"6\"\n"),
        ];
        for (name, text) in forms {
            let all = of(name, text);
            assert!(all.provide("yaml"), "{name}: {text}");
            assert!(!all.provide("requests"), "{name}: {text}");
        }
        assert!(of("uv.lock", "").is_locked());
    }

    #[test]
    fn names_are_compared_as_indexes_do() {
        let all = of("requirements.txt", "google-cloud-storage\npython-magic\nruamel.yaml\n");
        assert!(all.provide("google") && all.provide("magic") && all.provide("ruamel"));
        assert!(of("requirements.txt", "# nothing\n-r other.txt\n").is_empty());
    }
}
