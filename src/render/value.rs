//! What a report's values are called and how they look as plain text.

use super::json;
use serde_json::{Map, Value};

/// What stands between the elements of a list that is shown in one cell.
const BETWEEN: &str = ", ";

/// Tells whether two names mean the same key: case, underscores, hyphens and spaces do not count (`DockerSize`, `docker_size`).
#[must_use]
pub fn same(a: &str, b: &str) -> bool {
    fn folded(name: &str) -> impl Iterator<Item = char> {
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase())
    }
    folded(a).eq(folded(b))
}

/// Finds a key of an object by any of its spellings, the exact one first.
#[must_use]
pub fn find<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.get(name).or_else(|| object.iter().find(|(key, _)| same(key, name)).map(|(_, value)| value))
}

/// Finds what a name means in a report's item; nothing for what has no keys at all.
#[must_use]
pub fn of<'a>(item: &'a Value, name: &str) -> Option<&'a Value> {
    find(item.as_object()?, name)
}

/// Writes a value as text: a string as it is, a list with commas, what is nested deeper as JSON, nothing as nothing.
///
/// The text is as hostile as the value.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value.as_array() {
        Some(elements) => elements.iter().map(scalar).collect::<Vec<_>>().join(BETWEEN),
        None => scalar(value),
    }
}

/// Writes a single value as text.
#[must_use]
pub fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => json::compact(value),
    }
}

/// Tells how many things a value counts: a number itself, a list its elements.
#[must_use]
pub fn count(value: &Value) -> Option<u64> {
    match value.as_array() {
        Some(elements) => u64::try_from(elements.len()).ok(),
        None => value.as_u64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn knows_a_key_by_all_its_spellings() {
        let item = json!({"docker_size": 1, "id": 2, "ID": 3});
        for (name, value) in
            [("docker_size", 1), ("DockerSize", 1), ("DOCKER SIZE", 1), ("docker-size", 1), ("id", 2), ("ID", 3), ("Id", 3)]
        {
            assert_eq!(of(&item, name), Some(&json!(value)), "{name}");
        }
        assert_eq!(of(&item, "size"), None);
        assert_eq!(of(&json!([1]), "0"), None);
    }

    #[test]
    fn writes_values_as_text() {
        for (value, text) in [
            (json!(null), ""),
            (json!("a\nb"), "a\nb"),
            (json!(true), "true"),
            (json!(1.5), "1.5"),
            (json!([]), ""),
            (json!(["a", 1, null, ["b"]]), "a, 1, , [\"b\"]"),
            (json!({"a": 1}), "{\"a\":1}"),
        ] {
            assert_eq!(plain(&value), text);
        }
    }
}
