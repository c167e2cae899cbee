//! Finding the data-root of a running engine, and the ways to say which one is meant.

use std::os::unix::fs::symlink;

use crate::engine::{Builder, Engine};
use crate::layerwise::{Condition, Layerwise, document, document_of, text, texts};

#[test]
fn the_data_root_of_a_running_engine_is_found() {
    let Some(engine) = Engine::start("the_data_root_of_a_running_engine_is_found") else { return };
    let root = engine.data_root();
    // From inside of the engine's namespaces: out here other tests have engines of their own.
    let mut program = engine.inside(env!("CARGO_BIN_EXE_layerwise"));
    let roots = document_of(Condition::Partial, program.args(["--format", "json", "roots"]));
    let items = roots["items"].as_array().unwrap();
    let found = items.iter().find(|item| text(item, "path").ends_with(root.to_str().unwrap()));
    let found = found.unwrap_or_else(|| panic!("{} is not among {items:?}", root.display()));
    assert_ne!(found["daemons"], serde_json::json!([]), "{found}");
    // Out here it is one of several.
    let roots = document(Layerwise::command().args(["--format", "json", "roots"]));
    let items = roots["items"].as_array().unwrap();
    assert!(items.iter().any(|item| text(item, "path").ends_with(root.to_str().unwrap())), "{} is not among {items:?}", root.display());
}

#[test]
fn a_data_root_may_be_meant_by_a_relative_path_or_a_link() {
    let Some(mut engine) = Engine::start("a_data_root_may_be_meant_by_a_relative_path_or_a_link") else { return };
    let context = engine.context("nothing", &[("Dockerfile", "FROM scratch\nENV nothing=1\n")]);
    engine.build(Builder::Classic, "-t nothing:1", &context);
    engine.stop();
    symlink("data", engine.work().join("link")).unwrap();
    for path in ["data", "./data/", "link", "../link/../data"] {
        let directory = if path.starts_with("..") { engine.data_root() } else { engine.work().to_owned() };
        let mut program = Layerwise::command();
        let images = document(program.current_dir(&directory).args(["--data-root", path, "--format", "json", "images"]));
        assert_eq!(texts(&images["items"][0], "references"), ["nothing:1"], "{path}");
        let mut program = Layerwise::command();
        let images = document(program.current_dir(&directory).env("LAYERWISE_DATA_ROOT", path).args(["--format", "json", "images"]));
        assert_eq!(texts(&images["items"][0], "references"), ["nothing:1"], "LAYERWISE_DATA_ROOT={path}");
    }
}
