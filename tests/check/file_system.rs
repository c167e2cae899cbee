//! Findings about the file system that a data-root lies on.

use crate::world::{World, findings};
use layerwise::audit::Audit;
use layerwise::check::{self, Facts, Marks};
use layerwise::data_root::FileSystem;
use layerwise::demo::Builder;
use layerwise::store::detail::Details;
use std::path::{Path, PathBuf};
use std::process::Command;

const GB: u64 = 1_000_000_000;

/// What is found about a file system with these figures.
fn found(figures: &FileSystem) -> Vec<String> {
    let world = World::new();
    let inventory = world.inventory();
    let details = Details::read(&world.dir(), &inventory);
    let facts = Facts { details: &details, file_system: Some(figures), marks: Marks::Trusted, now: jiff::Timestamp::UNIX_EPOCH };
    check::find(&Audit::new(inventory, None), &facts).iter().map(|finding| finding.code.name().to_owned()).collect()
}

fn figures(bytes_available: u64, inodes_free: u64) -> FileSystem {
    FileSystem {
        kind: "ext4".to_owned(),
        bytes_total: 100 * GB,
        bytes_free: bytes_available + 2 * GB,
        bytes_available,
        inodes_total: 6_000_000,
        inodes_free,
        read_only: false,
    }
}

#[test]
fn a_file_system_is_nearly_full_when_a_twentieth_is_left_and_that_is_little() {
    assert_eq!(found(&figures(50 * GB, 3_000_000)), Vec::<String>::new());
    assert_eq!(found(&figures(4 * GB, 3_000_000)), ["nearly-full"]);
    assert_eq!(found(&figures(6 * GB, 99_000)), ["nearly-out-of-inodes"]);
    assert_eq!(found(&figures(0, 0)), ["nearly-full", "nearly-out-of-inodes"]);
    // A twentieth of much is enough, and little of little may be half of it.
    assert_eq!(found(&FileSystem { bytes_total: 10_000 * GB, ..figures(100 * GB, 3_000_000) }), Vec::<String>::new());
    assert_eq!(found(&FileSystem { bytes_total: 5 * GB, inodes_total: 100_000, ..figures(3 * GB, 50_000) }), Vec::<String>::new());
    // What makes its inodes as it needs them, and what is only looked at.
    assert_eq!(found(&FileSystem { inodes_total: 0, ..figures(50 * GB, 0) }), Vec::<String>::new());
    assert_eq!(found(&FileSystem { read_only: true, ..figures(0, 0) }), Vec::<String>::new());
}

/// An ext4 file system without the kinds of files in its directories, mounted.
struct Untyped(PathBuf);

impl Untyped {
    fn mount(temp: &Path) -> Option<Self> {
        let (image, point) = (temp.join("image"), temp.join("mounted"));
        std::fs::File::create(&image).unwrap().set_len(16 << 20).unwrap();
        std::fs::create_dir(&point).unwrap();
        let run =
            |program: &str, arguments: &[&Path]| Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success());
        let options = ["-q", "-O", "^filetype,^metadata_csum"].map(Path::new);
        let made = run("mkfs.ext4", &[options.as_slice(), &[image.as_path()]].concat());
        let mounted = made && run("mount", &[Path::new("-o"), Path::new("loop"), &image, &point]);
        mounted.then_some(Self(point))
    }
}

impl Drop for Untyped {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()), "{} is still mounted", self.0.display());
    }
}

#[test]
fn a_file_system_without_file_types_is_an_error() {
    let temp = tempfile::tempdir().unwrap();
    let Some(mounted) = Untyped::mount(temp.path()) else {
        return eprintln!("skipped a_file_system_without_file_types_is_an_error: no ext4 can be made and mounted here");
    };
    let root = Builder::create(mounted.0.join("root")).unwrap();
    let found = findings(root.path(), Marks::Trusted);
    assert_eq!(found.iter().map(|finding| finding.code.name()).collect::<Vec<_>>(), ["no-file-types"]);
}
