//! The reports for other programs, held against the schemas that are published for them.

use super::damaged::{Shop, VERDICTS};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether a test that lacks its tool fails rather than being skipped.
const REQUIRED: &str = "LAYERWISE_REQUIRE_SCHEMAS";

fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/schemas").join(name)
}

/// What a validator says against a document; nothing if it is valid, or if there is no such validator here.
fn complaints(tool: &str, probe: &[&str], arguments: &[&OsStr]) -> Option<String> {
    if !Command::new(tool).args(probe).output().is_ok_and(|probed| probed.status.success()) {
        assert!(std::env::var_os(REQUIRED).is_none_or(|value| value != "1"), "there is no {tool} that answers {probe:?}");
        eprintln!("skipped: nothing was validated, there is no {tool} that answers {probe:?}");
        return None;
    }
    let output = Command::new(tool).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (!output.status.success()).then_some(said)
}

fn junit_complaints(document: &Path) -> Option<String> {
    let schema = schema("junit-10.xsd");
    let arguments = ["--nonet".as_ref(), "--noout".as_ref(), "--schema".as_ref(), schema.as_os_str(), document.as_os_str()];
    complaints("xmllint", &["--version"], &arguments)
}

/// Says every error, and fails if there is one.
const VALIDATE: &str = "import json, sys, jsonschema
schema, document = (json.load(open(path)) for path in sys.argv[1:])
jsonschema.Draft7Validator.check_schema(schema)
errors = list(jsonschema.Draft7Validator(schema).iter_errors(document))
sys.exit('\\n'.join(f'{list(error.path)}: {error.message}' for error in errors) or 0)";

fn sarif_complaints(document: &Path) -> Option<String> {
    let schema = schema("sarif-2.1.0.json");
    let arguments = ["-c".as_ref(), VALIDATE.as_ref(), schema.as_os_str(), document.as_os_str()];
    // Debian's own, which has Debian's packages whatever else is first in PATH.
    complaints("/usr/bin/python3", &["-c", "import jsonschema"], &arguments)
}

/// The reports on a shop in which there is every verdict.
fn reports() -> (Shop, PathBuf, PathBuf) {
    let shop = Shop::new();
    let [junit, sarif] = ["lint.xml", "lint.sarif"].map(|name| shop.place(name));
    let ran = shop.lint(VERDICTS, &["--junit", junit.to_str().unwrap(), "--sarif", sarif.to_str().unwrap()]);
    assert_eq!(ran.status, 1, "{ran:?}");
    (shop, junit, sarif)
}

#[test]
fn junit_is_valid() {
    let (shop, junit, _) = reports();
    let text = fs::read_to_string(&junit).unwrap();
    for (element, count) in [("<testcase ", 6), ("<failure ", 1), ("<error ", 1), ("<system-out>", 2)] {
        assert_eq!(text.matches(element).count(), count, "{element} {text}");
    }
    assert!(text.contains("failures=\"1\" errors=\"1\""), "{text}");
    assert_eq!(junit_complaints(&junit), None, "{text}");
    // The validator is one that finds what is wrong.
    let broken = shop.place("broken.xml");
    fs::write(&broken, text.replace(" errors=\"1\"", "")).unwrap();
    if let Some(said) = junit_complaints(&broken) {
        assert!(said.contains("errors"), "{said}");
    } else {
        assert_eq!(std::env::var_os(REQUIRED), None, "a suite without its number of errors passed");
    }
}

#[test]
fn sarif_is_valid() {
    let (shop, _, sarif) = reports();
    let text = fs::read_to_string(&sarif).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    let levels: Vec<_> =
        document["runs"][0]["results"].as_array().unwrap().iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "error", "warning", "warning"]);
    assert_eq!(sarif_complaints(&sarif), None, "{text}");
    let broken = shop.place("broken.sarif");
    fs::write(&broken, text.replace("\"error\"", "\"fatal\"")).unwrap();
    if let Some(said) = sarif_complaints(&broken) {
        assert!(said.contains("fatal"), "{said}");
    } else {
        assert_eq!(std::env::var_os(REQUIRED), None, "a level that does not exist passed");
    }
}
