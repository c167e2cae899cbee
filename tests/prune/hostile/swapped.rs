//! Another thing is put in the place of one that is to go, between the look and the taking.

use crate::world::World;
use layerwise::demo::{Directory, ImageSpec, Tree};
use std::fs;
use std::path::PathBuf;

/// A data-root with an image, an orphan, and a place outside.
struct Swap {
    world: World,
    live: Directory,
    orphan: Directory,
    outside: PathBuf,
}

impl Swap {
    fn new() -> Self {
        let (world, mut root) = World::empty();
        let used = root.layer(None, Tree::new("used").file("a", 9_000)).unwrap();
        root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
        let other = root.layer(None, Tree::new("used too").file("c", 9_000)).unwrap();
        root.image(&ImageSpec::new(&other).tag("other:1")).unwrap();
        let orphan = root.orphan_directory("swapped", None, &Tree::new("swapped").file("b", 9_000)).unwrap();
        let outside = world.beside("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("precious"), "precious").unwrap();
        Self { world, live: used.dir, orphan, outside }
    }

    fn at(&self, directory: &Directory) -> String {
        self.world.root().join(directory.path()).to_str().unwrap().to_owned()
    }

    /// Runs a prune with commands at the places of the orphan's directory, which is taken after its link.
    fn run(&self, commands: &[(&str, &str)]) -> crate::world::Ran {
        let arguments = ["prune", "--force"];
        let commands: Vec<_> = commands.iter().map(|&(name, command)| (name, 1, command)).collect();
        self.world.run_points(&arguments, &self.world.lines_at(&arguments, &commands))
    }

    fn assert_outside_is_whole(&self, when: &str) {
        let names: Vec<_> = fs::read_dir(&self.outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(names == ["precious"] && fs::read(self.outside.join("precious")).unwrap() == b"precious", "{when}: {names:?}");
    }
}

#[test]
fn what_stands_in_its_place_goes_back_and_nothing_behind_a_link_is_touched() {
    for (name, make) in [
        ("a link out", "ln -s {outside} {orphan}"),
        ("a file", "echo x > {orphan}"),
        ("a FIFO", "mkfifo {orphan}"),
        ("another directory", "mkdir -p {orphan}/diff && echo precious > {orphan}/diff/precious"),
        ("a directory in use", "mv {live} {orphan}"),
        ("a hard link", "ln {outside}/precious {orphan}"),
    ] {
        let swap = Swap::new();
        let [live, orphan] = [swap.at(&swap.live), swap.at(&swap.orphan)];
        let aside = format!("{orphan}.aside");
        let make = make.replace("{outside}", swap.outside.to_str().unwrap()).replace("{orphan}", &orphan).replace("{live}", &live);
        let describe = format!("ls -laRi {orphan} > {orphan}.before");
        let ran = swap.run(&[("take", &format!("mv {orphan} {aside} && {make} && {describe}"))]);
        assert_eq!(ran.status, Some(5), "{name}: {ran:?}");
        assert!(ran.output.contains("another one is in its place"), "{name}: {ran:?}");
        let now = std::process::Command::new("ls").args(["-laRi", &orphan]).output().unwrap().stdout;
        assert_eq!(String::from_utf8(now).unwrap(), fs::read_to_string(format!("{orphan}.before")).unwrap(), "{name}");
        assert!(fs::exists(&aside).unwrap(), "{name}: what was moved away is nobody's business");
        swap.assert_outside_is_whole(name);
        assert!(!swap.world.root().join(".layerwise").exists(), "{name}: the link went, and its trash");
    }
}

/// Somebody swaps a directory in use for the orphan, and puts something else in that place before it can go back.
fn swapped_for_good(swap: &Swap) -> crate::world::Ran {
    let [live, orphan] = [swap.at(&swap.live), swap.at(&swap.orphan)];
    swap.run(&[("take", &format!("mv {orphan} {orphan}.aside && mv {live} {orphan}")), ("taken", &format!("mkdir {orphan}"))])
}

/// The slot in the trash that has what was in use.
fn slot(swap: &Swap) -> Option<PathBuf> {
    let found = walkdir::WalkDir::new(swap.world.root().join(".layerwise")).into_iter().filter_map(Result::ok);
    let found = found.filter(|entry| entry.path().join("diff/a").exists()).map(walkdir::DirEntry::into_path);
    found.last()
}

#[test]
fn what_cannot_go_back_is_never_deleted() {
    let swap = Swap::new();
    let ran = swapped_for_good(&swap);
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert!(ran.output.contains("another one was in its place, and is in the trash"), "{}", ran.output);
    for arguments in [&["prune", "--force"][..], &["trash", "empty", "--force"], &["trash", "restore"]] {
        let slot = slot(&swap).unwrap_or_else(|| panic!("{arguments:?}"));
        let ran = swap.world.run(arguments);
        assert!(slot.join("diff/a").exists(), "{arguments:?}: {ran:?}");
        assert!(ran.errors.contains("another one is in its place") || ran.output.contains("another one is in its place"), "{ran:?}");
    }
    // Somebody puts it where it belongs, and the rest is finished.
    fs::rename(slot(&swap).unwrap(), swap.at(&swap.live)).unwrap();
    fs::remove_dir_all(format!("{}.aside", swap.at(&swap.orphan))).unwrap();
    assert!(fs::exists(swap.at(&swap.orphan)).unwrap(), "as long as a directory is missing, an unknown one may be it");
    let ran = swap.world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    assert!(!fs::exists(swap.at(&swap.orphan)).unwrap(), "it is an orphan when nothing is missing any more");
    assert!(!swap.world.root().join(".layerwise").exists() && fs::exists(format!("{}/diff/a", swap.at(&swap.live))).unwrap());
}

#[test]
fn what_was_swapped_in_and_taken_when_it_was_killed_is_never_deleted() {
    let swap = Swap::new();
    let [live, orphan] = [swap.at(&swap.live), swap.at(&swap.orphan)];
    let ran = swap.run(&[("take", &format!("mv {orphan} {orphan}.aside && mv {live} {orphan}")), ("taken", "kill -9 $PPID")]);
    assert_eq!(ran.status, None, "{ran:?}");
    for arguments in [&["prune", "--force"][..], &["trash", "empty", "--force"]] {
        let ran = swap.world.run(arguments);
        assert!(slot(&swap).is_some_and(|slot| slot.join("diff/a").exists()), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn a_link_that_is_swapped_stays() {
    let swap = Swap::new();
    let link = swap.world.root().join(swap.orphan.link_path());
    let arguments = ["prune", "--force"];
    let elsewhere = format!("ln -sfn ../../../outside/precious {}", link.display());
    let ran = swap.world.run_points(&arguments, &swap.world.lines_at(&arguments, &[("take", 0, &elsewhere)]));
    assert_eq!(ran.status, Some(5), "{ran:?}");
    assert_eq!(fs::read_link(&link).unwrap().to_str(), Some("../../../outside/precious"));
    assert!(fs::exists(swap.at(&swap.orphan)).unwrap());
    swap.assert_outside_is_whole("a link");
}
