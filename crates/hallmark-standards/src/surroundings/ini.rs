//! Files of sections, keys and values, as pytest and setuptools read them.

/// One value: the section and the key it stands under, and its lines.
pub(super) struct Value<'t> {
    pub(super) section: &'t str,
    pub(super) key: &'t str,
    pub(super) lines: Vec<&'t str>,
}

/// Every value of a text. Lines that are indented go on with the value above them; comments begin with `#` or `;`.
pub(super) fn values(text: &str) -> Vec<Value<'_>> {
    let mut section = "";
    let mut all: Vec<Value<'_>> = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim();
        } else if line.starts_with([' ', '\t'])
            && let Some(last) = all.last_mut().filter(|last| last.section == section)
        {
            last.lines.push(trimmed);
        } else if let Some((key, value)) = trimmed.split_once(['=', ':']) {
            let value = value.trim();
            let lines = if value.is_empty() { Vec::new() } else { vec![value] };
            all.push(Value { section, key: key.trim(), lines });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::values;

    #[test]
    fn values_go_on_in_indented_lines() {
        let text = "[pytest]\n# comment\naddopts = -q\nmarkers =\n    slow: takes long\n\n    ; comment\n    chaos\n[other]\nx: 1\n";
        let all: Vec<(&str, &str, Vec<&str>)> =
            values(text).into_iter().map(|v| (v.section, v.key, v.lines)).collect();
        assert_eq!(
            all,
            [
                ("pytest", "addopts", vec!["-q"]),
                ("pytest", "markers", vec!["slow: takes long", "chaos"]),
                ("other", "x", vec!["1"]),
            ]
        );
    }
}
