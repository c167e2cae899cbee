//! `changes` on the sample.

use crate::sample::{json, layerwise, printed, table};

#[test]
fn of_a_container_are_what_docker_lists_and_more() {
    let lines =
        printed(&["changes", "web", "--format", "{{.Docker}} {{.Path}} {{.Change}} {{.Size}} {{.Content}} {{join .Differs \",\"}}"]);
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            "C /srv inside   ",
            "C /srv/shop inside   ",
            "C /srv/shop/app.py changed 42500 changed size",
            "D /srv/tmp deleted   ",
            "C /var inside   ",
            "A /var/log added   ",
            "A /var/log/requests added 30000  ",
        ]
    );
    assert_eq!(printed(&["changes", "web", "-q", "--filter", "change=added"]), "/var/log\n/var/log/requests\n");
    let document = json(&["changes", "web"]);
    assert_eq!((&document["target"], &document["kind"]), (&"web".into(), &"container".into()));
    assert_eq!([&document["totals"]["added"], &document["totals"]["changed"], &document["totals"]["deleted"]], [2, 4, 1]);
    assert_eq!(document["totals"]["hidden_inodes"], 2);
}

#[test]
fn of_an_image_are_those_of_its_layers() {
    let mut layers =
        printed(&["changes", "python:3", "--format", "{{short .Layer}} {{.CreatedBy}}"]).lines().map(str::to_owned).collect::<Vec<_>>();
    layers.dedup();
    assert_eq!(layers, ["6be5022fb763 ADD debian", "a397daa91b4b RUN apt-get install python3"]);
    // Both names of the file are told, and it is hidden only when the last of them is.
    let deleted = printed(&["changes", "a397daa91b4b", "--filter", "change=deleted", "--format", "{{.Path}} {{.HiddenInodes}}"]);
    assert_eq!(deleted, if nix::unistd::geteuid().is_root() { "/usr/bin/perl5 0\n" } else { "" });
}

#[test]
fn are_sorted_by_size_and_summed_up() {
    let shown = table(&printed(&["changes", "web", "--sort", "size", "--bytes"]));
    assert_eq!(shown[0], "CHANGE | PATH | KIND | SIZE | COPIED | CONTENT | HIDES | DIFFERS | LAYER");
    assert!(shown[1].starts_with("changed | /srv/shop/app.py | file | 42500 | "), "{shown:?}");
    assert!(shown[2].starts_with("added | /var/log/requests | file | 30000 | "), "{shown:?}");
    assert!(shown.contains(&"2 added, 4 changed, 0 replaced, 1 deleted, 0 only copied".to_owned()), "{shown:?}");
}

#[test]
fn there_are_none_of_what_is_no_layer() {
    let ran = layerwise(&["changes", "orders"]);
    assert_eq!((ran.status, ran.output.as_str()), (1, ""));
    assert!(ran.errors.contains("orders is a volume without a layer directory"), "{}", ran.errors);
    assert_eq!(layerwise(&["changes", "nothing-of-this-name"]).status, 1);
    assert_eq!(layerwise(&["changes", "web", "--sort", "sice"]).status, 2);
}
