//! A file system that has not one free byte or inode.

use crate::world::{World, objects};
use layerwise::demo::{Builder, ImageSpec, Tree};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A small file system of its own, unmounted when it goes.
struct Mounted {
    temp: tempfile::TempDir,
}

impl Mounted {
    /// Makes one of `kilobytes` with `inodes`; nothing where that is not possible.
    fn new(kilobytes: u64, inodes: u64) -> Option<Self> {
        let temp = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let image = temp.path().join("image");
        File::create(&image).unwrap().set_len(kilobytes << 10).unwrap();
        fs::create_dir(temp.path().join("mounted")).unwrap();
        let run = |program: &str, arguments: &[&str]| Command::new(program).args(arguments).status().is_ok_and(|status| status.success());
        let image = image.to_str().unwrap();
        let made = run("mkfs.ext4", &["-q", "-F", "-m", "0", "-b", "1024", "-N", &inodes.to_string(), image]);
        let mounted = made && run("mount", &["-o", "loop", image, temp.path().join("mounted").to_str().unwrap()]);
        if !mounted {
            assert!(std::env::var_os("LAYERWISE_REQUIRE_DOCKER").is_none(), "a file system cannot be made and mounted here");
            eprintln!("skipped: no file system can be made and mounted here");
        }
        mounted.then_some(Self { temp })
    }

    fn path(&self) -> PathBuf {
        self.temp.path().join("mounted")
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        Command::new("umount").arg(self.path()).status().unwrap();
    }
}

/// A data-root with an image, and two layers on each other that nothing needs.
fn write(path: &Path) -> Builder {
    let mut root = Builder::create(path).unwrap();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    let low = root.layer(None, Tree::new("low").file("b", 200_000)).unwrap();
    root.layer(Some(&low), Tree::new("top").file("c", 100_000)).unwrap();
    root
}

/// Uses up every inode, then every byte.
fn fill(path: &Path, inodes: bool) {
    let ballast = path.join("ballast");
    fs::create_dir(&ballast).unwrap();
    if inodes {
        assert!((0..1_000_000).any(|number| File::create(ballast.join(number.to_string())).is_err()));
    }
    if let Ok(mut file) = File::create(ballast.join("bytes")).or_else(|_| File::options().append(true).open(ballast.join("0"))) {
        while file.write(&[7; 4096]).is_ok_and(|written| written > 0) {}
        while file.write(b"7").is_ok() {}
    }
}

#[test]
fn there_is_no_room_for_a_byte_or_an_inode() {
    for inodes in [false, true] {
        let Some(mounted) = Mounted::new(8 << 10, 400) else { return };
        let world = World::at(&mounted.path().join("docker"));
        drop(write(world.root()));
        fill(&mounted.path(), inodes);
        let before = world.snapshot();
        let planned = world.planned(&[]);
        assert_eq!(planned.len(), 6, "{planned:?}");
        let refused = world.run(&["prune", "--force", "--trash"]);
        assert_eq!(refused.status, Some(4), "{refused:?}");
        world.snapshot().assert_is(&before, "afterwards");
        let ran = world.run(&["prune", "--force"]);
        assert_eq!(ran.status, Some(0), "{ran:?}");
        world.snapshot().assert_is(&before.without(&planned), "afterwards");
    }
}

#[test]
fn killed_anywhere_while_it_makes_room_the_next_run_comes_to_the_same_end() {
    let Some(mounted) = Mounted::new(16 << 10, 800) else { return };
    let mut number = 0;
    loop {
        let path = mounted.path().join(number.to_string());
        let world = World::at(&path);
        drop(write(world.root()));
        let ballast = mounted.path().join("ballast");
        fill(&mounted.path(), true);
        let (before, planned) = (world.snapshot(), world.planned(&[]));
        let ran = world.run_with(&["prune", "--force"], number, "kill -9 $PPID");
        let end = before.without(&planned);
        if ran.status.is_some() {
            world.snapshot().assert_is(&end, "afterwards");
            assert!(number > 10, "{number}");
            return;
        }
        let ran = world.run(&["prune", "--force"]);
        assert_eq!(ran.status, Some(0), "killed at {number}: {ran:?}");
        let ran = world.run(&["trash", "empty", "--force"]);
        assert_eq!(ran.status, Some(0), "killed at {number}: {ran:?}");
        world.snapshot().assert_is(&end, &format!("killed at {number}"));
        fs::remove_dir_all(ballast).unwrap();
        fs::remove_dir_all(path).unwrap();
        number += 1;
    }
}

#[test]
fn what_is_done_where_it_is_is_told_although_there_is_still_no_room() {
    let Some(mounted) = Mounted::new(8 << 10, 400) else { return };
    let world = World::at(&mounted.path().join("docker"));
    let mut root = Builder::create(world.root()).unwrap();
    let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
    root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
    // A link takes no block, so that its end makes none free.
    for name in ["one", "two"] {
        root.dangling_link(name).unwrap();
    }
    drop(root);
    fill(&mounted.path(), false);
    let (before, planned) = (world.snapshot(), world.planned(&[]));
    assert_eq!(planned.len(), 2, "{planned:?}");
    let ran = world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    world.snapshot().assert_is(&before.without(&planned), "afterwards");
}

/// A full file system with a data-root in `name`, where nothing can be taken but in place, and what must never go beside it.
struct Full<'a> {
    mounted: &'a Mounted,
    world: World,
    /// What is taken first: a record, a link, a directory.
    victims: Vec<PathBuf>,
    live: PathBuf,
}

impl<'a> Full<'a> {
    fn new(mounted: &'a Mounted, name: &str) -> Self {
        let place = mounted.path().join(name);
        let (live, world) = (place.join("live"), World::at(&place.join("docker")));
        fs::create_dir_all(live.join("diff")).unwrap();
        fs::write(live.join("diff/precious"), "precious").unwrap();
        std::os::unix::fs::symlink(&live, live.with_extension("link")).unwrap();
        drop(write(world.root()));
        let victims = objects(&world.actions(&[])[0]).iter().map(|path| world.root().join(path)).collect();
        fill(&mounted.path(), true);
        Self { mounted, world, victims, live }
    }
}

impl Drop for Full<'_> {
    fn drop(&mut self) {
        fs::remove_dir_all(self.mounted.path().join("ballast")).unwrap();
        fs::remove_dir_all(self.live.parent().unwrap()).unwrap();
    }
}

#[test]
fn what_is_put_in_the_place_of_something_while_room_is_made_stays() {
    let Some(mounted) = Mounted::new(16 << 10, 800) else { return };
    let points = Full::new(&mounted, "trace").world.points(&["prune", "--force"]);
    let places: Vec<usize> =
        (0..points.len()).filter(|&number| points[number].starts_with("in place: ") && !points[number].ends_with('d')).collect();
    assert!(places.len() > 2, "{points:?}");
    let mut refused = [0; 3];
    for (number, point) in places
        .iter()
        .flat_map(|&number| ["mv $live $victim", "ln $live/diff/precious $victim", "mv $live.link $victim"].map(|put| (number, put)))
    {
        for (index, refused) in refused.iter_mut().enumerate() {
            let full = Full::new(&mounted, "swapped");
            let victim = &full.victims[index];
            let put = point.replace("$live", full.live.to_str().unwrap()).replace("$victim", victim.to_str().unwrap());
            let swap =
                format!("test -e {0} -o -L {0} && mv {0} {1}/aside && {put}", victim.display(), full.live.parent().unwrap().display());
            let ran = full.world.run_with(&["prune", "--force"], number, &swap);
            let when = format!("{swap} at {number} ({}): {ran:?}", points[number]);
            if fs::exists(full.live.with_file_name("aside")).unwrap() || full.live.with_file_name("aside").is_symlink() {
                assert!(victim.is_symlink() || victim.exists(), "{when}");
                let precious = [full.live.join("diff/precious"), victim.join("diff/precious"), victim.clone()];
                assert!(precious.iter().any(|path| fs::read(path).is_ok_and(|bytes| bytes == b"precious")), "{when}");
                *refused += usize::from(ran.output.contains("in its place"));
            }
        }
    }
    assert!(refused.iter().all(|&count| count > 0), "{refused:?} in {points:?}");
}
