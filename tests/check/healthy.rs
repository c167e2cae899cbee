//! Data-roots on which nothing is wrong.

use crate::world::{World, findings, shown};
use layerwise::check::{Marks, Severity};
use layerwise::demo::{Builder, sample};

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    assert_eq!(World::new().found(), Vec::<String>::new());
}

#[test]
fn nothing_is_found_on_a_data_root_on_which_dockerd_has_just_started() {
    let temp = tempfile::tempdir().unwrap();
    let root = Builder::create(temp.path().join("root")).unwrap();
    assert_eq!(shown(&findings(root.path(), Marks::Trusted)), Vec::<String>::new());
}

#[test]
fn of_the_sample_only_the_container_that_was_being_created_is_no_garbage() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("root");
    sample::write(&root).unwrap();
    let found = findings(&root, Marks::Trusted);
    let bad: Vec<_> = found.iter().filter(|finding| finding.severity <= Severity::Warning).collect();
    assert_eq!(bad.iter().map(|finding| finding.code.name()).collect::<Vec<_>>(), ["container-config-missing"]);
}
