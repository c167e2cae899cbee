//! `roots`: the data-roots of the machine, of which the tests know only their own.

use crate::sample::{binary, layerwise, root, run};

#[test]
fn the_sample_and_its_sub_root_are_listed() {
    let ran = layerwise(&["roots", "--format", "{{.path}} | {{.description}} | {{join .reasons \",\"}} | {{.lock}}"]);
    assert_eq!(ran.status, 0);
    let own: Vec<_> = ran.output.lines().filter(|line| line.starts_with("ROOT")).collect();
    assert_eq!(
        own,
        [
            "ROOT | a data-root with the overlay2 store; a vfs store left over; sub-roots of userns-remap (100000.100000) | environment | free",
            "ROOT/100000.100000 | a data-root with the overlay2 store | userns-remap of ROOT | free",
        ]
    );
}

#[test]
fn a_sub_root_is_a_data_root_of_its_own() {
    let ran = run(binary()
        .args(["images", "--copy", "--no-scan", "--format", "{{.references}}", "--data-root"])
        .arg(root().join("100000.100000")));
    assert_eq!((ran.status, ran.output.as_str(), ran.errors.as_str()), (0, "[remapped:1]\n", ""));
}

#[test]
fn a_flag_that_names_nothing_is_listed_with_the_error() {
    let ran = run(binary().args(["roots", "--data-root", "/nonexistent", "--format", "{{.path}}: {{.error}}"]));
    assert!(ran.output.lines().any(|line| line.starts_with("/nonexistent: ") && line.contains("No such file")), "{}", ran.output);
}
