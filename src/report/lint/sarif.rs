//! SARIF 2.1.0, as code scanning reads it: what is broken, with its rule, at the policy that asks for it.

use super::{Lint, Severity};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The whole document.
#[must_use]
pub fn sarif(lint: &Lint) -> Value {
    let names: BTreeSet<&str> = lint.results.iter().map(|item| item.outcome.rule).collect();
    let rules: Vec<Value> =
        names.iter().map(|name| json!({"id": name, "shortDescription": {"text": format!("layerwise rule {name}")}})).collect();
    let results: Vec<Value> = lint
        .results
        .iter()
        .filter_map(|item| {
            let level = match item.severity() {
                Severity::Fine => return None,
                Severity::Warning => "warning",
                Severity::Error => "error",
            };
            let images = item.outcome.subject.images.iter().map(|image| json!({"fullyQualifiedName": image, "kind": "resource"}));
            Some(json!({
                "ruleId": item.outcome.rule,
                "level": level,
                "message": {"text": format!("{}: {}", item.subject, item.sentence())},
                "locations": [{
                    "physicalLocation": {"artifactLocation": {"uri": uri(&lint.policy)}},
                    "logicalLocations": images.collect::<Vec<_>>(),
                }],
            }))
        })
        .collect();
    let driver = json!({
        "name": env!("CARGO_PKG_NAME"),
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": rules,
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    })
}

/// A path as a relative reference.
fn uri(path: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(byte);
    path.as_bytes().iter().map(|byte| if plain(byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference() {
        assert_eq!(uri("ci/layer wise%.toml"), "ci/layer%20wise%25.toml");
    }
}
