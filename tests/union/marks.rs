//! Marks that the kernel heeds and never makes itself, and marks that nobody should heed.

use crate::machine;
use crate::world::{World, read, walk};
use rustix::fs::{XattrFlags, lsetxattr};
use std::fs;
use std::path::Path;

fn mark(path: &Path, name: &str, value: &[u8]) {
    lsetxattr(path, name, value, XattrFlags::empty()).unwrap();
}

fn write(root: &Path, paths: &[&str]) {
    for path in paths {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), path).unwrap();
    }
}

/// What layerwise shows, which must be what the kernel does.
fn seen(world: &World) -> Vec<String> {
    let union = world.union();
    let mounted = world.mount_without(0, "merged");
    let ours = read(&union, 0);
    assert_eq!(ours, walk(&mounted.0));
    ours.into_keys().map(|path| String::from_utf8(path).unwrap()).collect()
}

#[test]
fn empty_files_with_a_mark_hide_names() {
    if !machine::can_mount("marks::empty_files_with_a_mark_hide_names") {
        return;
    }
    let mut world = World::new();
    let base = world.add();
    write(&base, &["d/a", "d/b", "d/c"]);
    let top = world.add();
    write(&top, &["d/a", "d/b"]);
    for path in ["d/a", "d/b"] {
        fs::write(top.join(path), "").unwrap();
    }
    mark(&top.join("d/a"), "trusted.overlay.whiteout", b"y");
    mark(&top.join("d"), "trusted.overlay.opaque", b"x");
    assert_eq!(seen(&world), ["d", "d/b", "d/c"]);
    // Without that announcement the kernel lists it, and does not find it.
    rustix::fs::lremovexattr(top.join("d"), "trusted.overlay.opaque").unwrap();
    assert!(!read(&world.union(), 0).contains_key(&b"d/a"[..]));
    let mounted = world.mount_without(0, "merged");
    assert!(!mounted.0.join("d/a").exists() && mounted.0.join("d/b").exists());
}

#[test]
fn marks_of_the_other_kind_hide_nothing() {
    if !machine::can_mount("marks::marks_of_the_other_kind_hide_nothing") {
        return;
    }
    let mut world = World::new();
    let base = world.add();
    write(&base, &["a/x", "b/x", "c/x"]);
    let top = world.add();
    write(&top, &["a/y", "b/y", "c/y"]);
    mark(&top.join("a"), "user.overlay.opaque", b"y");
    mark(&top.join("b"), "trusted.overlay.opaque", b"y");
    mark(&top.join("c"), "trusted.overlay.opaque", b"n");
    assert_eq!(seen(&world), ["a", "a/x", "a/y", "b", "b/y", "c", "c/x", "c/y"]);
}

#[test]
fn a_redirect_that_leads_out_is_not_followed() {
    let mut world = World::new();
    let base = world.add();
    write(&base, &["a/x"]);
    let top = world.add();
    fs::create_dir(top.join("b")).unwrap();
    for redirect in ["/../../etc", "../0/a", "/a/", ""] {
        if lsetxattr(top.join("b"), "trusted.overlay.redirect", redirect.as_bytes(), XattrFlags::empty()).is_err() {
            eprintln!("skipped: a_redirect_that_leads_out_is_not_followed needs root");
            return;
        }
        let union = world.union();
        let names: Vec<_> = read(&union, 0).into_keys().map(|path| String::from_utf8(path).unwrap()).collect();
        assert_eq!(names, ["a", "a/x", "b"], "{redirect}");
        assert_eq!(union.into_lost(), []);
    }
}
