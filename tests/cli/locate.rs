//! `locate` on the sample.

use crate::sample::{json, layerwise, printed};

const FORM: [&str; 2] =
    ["--format", "{{.Role}} {{short .Layer}} {{.LayerKind}} {{.Kind}} {{.Size}} {{.Hidden}} {{short .HiddenBy}} {{.CreatedBy}}"];

fn located(words: &[&str]) -> (i32, String) {
    let ran = layerwise(&[&["locate"], words, &FORM].concat());
    assert_eq!(ran.errors, "");
    (ran.status, ran.output)
}

#[test]
fn tells_who_provides_a_path_and_what_is_hidden() {
    let web = "provides  read-write file 42500   \nhidden 8cbbe1d77889 read-only file 42000 overwritten 1c9c4eb1185d COPY shop /srv/shop\n";
    for words in [&["/srv/shop/app.py", "in", "web"][..], &["srv/shop/app.py", "web"], &["/srv/current/../shop/./app.py", "in", "web"]] {
        assert_eq!(located(words), (0, web.to_owned()), "{words:?}");
    }
    let deleted = "whiteout a397daa91b4b read-only whiteout 0   RUN apt-get install python3\n\
                   hidden 6be5022fb763 read-only file 110000 deleted a397daa91b4b ADD debian\n";
    assert_eq!(located(&["/usr/bin/perl5", "in", "python:3"]), (1, deleted.to_owned()));
    assert_eq!(located(&["/nowhere", "in", "python:3"]), (1, String::new()));
}

#[test]
fn follows_links_inside() {
    let document = json(&["locate", "/srv/current/app.py", "in", "shop/api:2"]);
    assert_eq!((&document["resolved_path"], &document["links"][0]), (&"/srv/shop/app.py".into(), &"/srv/current".into()));
    let link = json(&["locate", "/srv/current", "in", "shop/api:2"]);
    assert_eq!((&link["resolved_path"], &link["leads_to"], &link["exists"]), (&"/srv/current".into(), &"shop".into(), &true.into()));
    assert!(
        printed(&["locate", "/srv/current", "in", "shop/api:2"])
            .starts_with("/srv/current in shop/api:2 is a symlink, and leads to shop\n")
    );
}

#[test]
fn takes_a_path_and_something_that_has_layers() {
    for words in [&["locate", "/etc"][..], &["locate"], &["locate", "/etc", "within", "web"], &["locate", "/etc", "in", "web", "too"]] {
        assert_eq!(layerwise(words).status, 2, "{words:?}");
    }
    assert_eq!(layerwise(&["locate", "/etc", "in", "orders"]).status, 1);
}
