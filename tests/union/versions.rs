//! Every version of every path is found, and what hides it is what hides it.

use crate::kernel::each_case;
use crate::machine;
use crate::world::{Renames, World, shown, walk};
use layerwise::union::locate::{Hides, Role, locate};
use layerwise::union::{Nature, Part, Union};
use std::fs;
use std::os::unix::fs::symlink;

/// All that is merged to what shows at `path` from the layer `top` on down.
fn merged(union: &Union, top: usize, path: &[u8]) -> Vec<Part> {
    let mut parts = union.root(top);
    for name in path.split(|&byte| byte == b'/') {
        let found = union.open(&parts).find(name);
        parts = found.map(|found| found.parts).unwrap_or_default();
    }
    parts
}

#[test]
fn what_hides_a_version_is_all_that_does() {
    if !machine::can_mount("versions::what_hides_a_version_is_all_that_does") {
        return;
    }
    let hidden = std::cell::Cell::new(0);
    each_case(60, Renames::Copy, |world| {
        let union = world.union();
        for layer in 0..world.layers() {
            for path in walk(&world.layer(layer)).into_keys() {
                let part = Part { layer, path };
                // Through a link it is another path, or none if it leads in a circle.
                let Some(location) = locate(&union, &part.path).filter(|location| location.path == part.path) else { continue };
                let version = location.versions.iter().find(|version| version.part == part);
                let version = version.unwrap_or_else(|| panic!("{} of layer {layer} is not told", shown(&part.path)));
                let is_seen = merged(&union, 0, &part.path).contains(&part);
                match &version.hider {
                    _ if version.entry.nature == Nature::Whiteout => assert!(matches!(version.role, Role::Whiteout | Role::Hidden)),
                    None => assert!(is_seen, "{} of layer {layer} is not seen", shown(&part.path)),
                    Some(hider) => {
                        hidden.set(hidden.get() + 1);
                        let by = hider.by.as_ref().unwrap();
                        assert!(by.layer < layer && !is_seen, "{} of layer {layer}", shown(&part.path));
                        assert!(merged(&union, by.layer + 1, &part.path).contains(&part), "{} was hidden before {by:?}", shown(&part.path));
                        assert!(!merged(&union, by.layer, &part.path).contains(&part), "{} is not hidden by {by:?}", shown(&part.path));
                    }
                }
            }
        }
    });
    assert!(hidden.get() > 20, "nearly nothing was hidden: {hidden:?}");
}

#[test]
fn links_are_followed_as_a_container_does() {
    let mut world = World::new();
    let base = world.add();
    fs::create_dir_all(base.join("usr/lib/deep")).unwrap();
    fs::write(base.join("usr/lib/x"), "x").unwrap();
    fs::write(base.join("usr/y"), "y").unwrap();
    for (target, link) in [
        ("usr/lib", "lib"),
        ("/../../usr", "out"),
        ("loop", "loop"),
        ("deep", "usr/lib/down"),
        ("/usr/lib/deep", "deep"),
        ("x", "usr/lib/link"),
    ] {
        symlink(target, base.join(link)).unwrap();
    }
    let top = world.add();
    fs::create_dir(top.join("usr")).unwrap();
    let union = world.union();
    for (path, leads, links, exists) in [
        ("/usr/lib/x", "usr/lib/x", 0, true),
        ("lib/x", "usr/lib/x", 1, true),
        ("//lib/./x", "usr/lib/x", 1, true),
        ("/out/lib/x", "usr/lib/x", 1, true),
        // Up from where the link leads, not from where it is.
        ("/deep/../x", "usr/lib/x", 1, true),
        ("/lib/down/../../y", "usr/y", 2, true),
        ("/../../../usr/y", "usr/y", 0, true),
        ("/lib/link", "usr/lib/link", 1, true),
        ("/lib/none/x", "usr/lib/none/x", 1, false),
        ("/usr/y/x", "usr/y/x", 0, false),
        ("/", "", 0, true),
    ] {
        let location = locate(&union, path.as_bytes()).unwrap();
        assert_eq!((shown(&location.path).as_str(), location.links.len(), location.found.is_some()), (leads, links, exists), "{path}");
    }
    assert_eq!(locate(&union, b"/loop/x"), None);
    assert_eq!(locate(&union, b"/usr/lib/x").unwrap().versions.len(), 1);
    assert_eq!(
        locate(&union, b"/usr").unwrap().versions.iter().map(|version| version.role).collect::<Vec<_>>(),
        [Role::Provides, Role::Merged]
    );
}

#[test]
fn what_was_replaced_twice_is_hidden_by_the_first() {
    let mut world = World::new();
    for content in ["one", "two", "three"] {
        fs::write(world.add().join("file"), content).unwrap();
    }
    let location = locate(&world.union(), b"file").unwrap();
    let told: Vec<_> = location
        .versions
        .iter()
        .map(|version| (version.role, version.hider.as_ref().map(|hider| (hider.how, hider.by.as_ref().unwrap().layer))))
        .collect();
    assert_eq!(
        told,
        [(Role::Provides, None), (Role::Hidden, Some((Hides::Overwritten, 0))), (Role::Hidden, Some((Hides::Overwritten, 1)))]
    );
}

#[test]
fn what_was_deleted_in_a_directory_that_was_deleted_later_is_hidden_by_the_first() {
    if !machine::can_mount("versions::what_was_deleted_in_a_directory_that_was_deleted_later_is_hidden_by_the_first") {
        return;
    }
    let mut world = World::new();
    let [base, second, third] = [(); 3].map(|()| world.add());
    fs::create_dir(base.join("etc")).unwrap();
    for name in ["rc", "fstab"] {
        fs::write(base.join("etc").join(name), name).unwrap();
    }
    fs::create_dir(second.join("etc")).unwrap();
    for path in [second.join("etc/rc"), third.join("etc")] {
        assert!(std::process::Command::new("mknod").arg(path).args(["c", "0", "0"]).status().unwrap().success());
    }
    let hidden_by = |path: &str| {
        let location = locate(&world.union(), path.as_bytes()).unwrap();
        let lowest = location.versions.last().unwrap().clone();
        let by = lowest.hider.unwrap().by.unwrap();
        (lowest.part.layer, by.layer, shown(&by.path))
    };
    assert_eq!(hidden_by("etc/rc"), (2, 1, "etc/rc".to_owned()));
    assert_eq!(hidden_by("etc/fstab"), (2, 0, "etc".to_owned()));
}
