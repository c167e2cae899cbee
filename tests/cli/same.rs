//! The same bytes for any number of threads, from every command.

use crate::sample::layerwise;

#[test]
fn any_number_of_threads_prints_the_same() {
    let commands: [&[&str]; 12] = [
        &["df", "--verbose", "--format", "{{.classes}}{{.garbage}}{{.things}}{{.total}}"],
        &["images"],
        &["layers"],
        &["containers"],
        &["build-cache"],
        &["tree"],
        &["why", "6be5022fb763", "--scan"],
        &["inspect", "web"],
        // What is free changes meanwhile.
        &["check", "--filter", "kind!=file-system"],
        &["changes", "shop/api:2"],
        &["locate", "/usr", "in", "web"],
        &["waste"],
    ];
    for command in commands {
        let form: &[&str] = if command[0] == "df" { &[] } else { &["--format", "json"] };
        let [one, several, many] = ["1", "3", "16"].map(|threads| layerwise(&[command, form, &["--threads", threads]].concat()));
        assert_eq!(one, several, "{command:?}");
        assert_eq!(one, many, "{command:?}");
        assert!(!one.output.is_empty());
    }
}
