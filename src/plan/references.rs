//! Taking names out of `repositories.json`, and changing nothing else in it.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The file as dockerd writes it: names in the order of their bytes, without white space.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "Repositories")]
    repositories: BTreeMap<String, BTreeMap<String, String>>,
}

/// The text without `names`, and without the repositories that have no name any more, as dockerd writes it; nothing if the text is not what
/// dockerd would write of what it says: then who knows what else it says.
pub(super) fn without(text: &str, names: &BTreeSet<String>) -> Option<String> {
    let mut file: File = serde_json::from_str(text).ok()?;
    if serde_json::to_string(&file).ok()? != text {
        return None;
    }
    file.repositories.retain(|_, references| {
        let before = references.len();
        references.retain(|name, _| !names.contains(name));
        before == 0 || !references.is_empty()
    });
    serde_json::to_string(&file).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_go_and_the_repositories_that_they_leave_empty() {
        let text = r#"{"Repositories":{"a":{"a:1":"sha256:11","a:2":"sha256:22"},"b":{"b:1":"sha256:33"}}}"#;
        let without = |names: &[&str]| without(text, &names.iter().map(|&name| name.to_owned()).collect()).unwrap();
        assert_eq!(without(&["a:1"]), r#"{"Repositories":{"a":{"a:2":"sha256:22"},"b":{"b:1":"sha256:33"}}}"#);
        assert_eq!(without(&["a:2", "b:1"]), r#"{"Repositories":{"a":{"a:1":"sha256:11"}}}"#);
        assert_eq!(without(&["a:1", "a:2", "b:1"]), r#"{"Repositories":{}}"#);
        assert_eq!(without(&[]), text);
        assert_eq!(super::without(r#"{"Repositories":{"a":{}}}"#, &BTreeSet::new()).unwrap(), r#"{"Repositories":{"a":{}}}"#);
    }

    #[test]
    fn what_dockerd_would_not_write_is_left_alone() {
        for text in [
            "",
            "null",
            "{}",
            r#"{"Repositories":null}"#,
            r#"{"Repositories": {}}"#,
            r#"{"Repositories":{}} {"Repositories":{}}"#,
            r#"{"Repositories":{},"Other":1}"#,
            r#"{"Repositories":{"b":{},"a":{}}}"#,
            r#"{"Repositories":{"a":{"a:1":"x","a:1":"y"}}}"#,
            r#"{"Repositories":{"a":{"a:1":1}}}"#,
        ] {
            assert_eq!(without(text, &BTreeSet::new()), None, "{text}");
        }
    }
}
