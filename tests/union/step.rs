//! What may be done to a file system, over and over in the same few places, so that much of it hides what was there.

use proptest::prelude::*;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes so many times the same byte.
    Write(PathBuf, u8, usize),
    /// Opens a file as if to write, and does not.
    Open(PathBuf),
    /// Changes a byte and sets the clock back.
    Tamper(PathBuf),
    MakeDirectory(PathBuf),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
    /// Removes a directory and makes it anew.
    Renew(PathBuf),
    Mode(PathBuf, u32),
    Owner(PathBuf, u32),
    Touch(PathBuf, u64),
    Symlink(PathBuf, PathBuf),
    HardLink(PathBuf, PathBuf),
    Special(PathBuf, char),
}

/// A path of up to three components; every name occurs on every level.
fn path() -> impl Strategy<Value = PathBuf> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..=3).prop_map(|names| names.iter().collect())
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let length = prop_oneof![Just(0_usize), 1..20_usize, Just(9000)];
    prop_oneof![
        4 => (path(), 0..3_u8, length).prop_map(|(path, byte, length)| Step::Write(path, byte, length)),
        1 => path().prop_map(Step::Open),
        1 => path().prop_map(Step::Tamper),
        4 => path().prop_map(Step::MakeDirectory),
        2 => path().prop_map(Step::Remove),
        4 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => path().prop_map(Step::Renew),
        2 => (path(), prop::sample::select(vec![0o700, 0o755, 0o640, 0o1777])).prop_map(|(path, mode)| Step::Mode(path, mode)),
        1 => (path(), 0..3_u32).prop_map(|(path, owner)| Step::Owner(path, owner)),
        1 => (path(), 0..3_u64).prop_map(|(path, time)| Step::Touch(path, time)),
        1 => (path(), path()).prop_map(|(target, path)| Step::Symlink(target, path)),
        2 => (path(), path()).prop_map(|(from, to)| Step::HardLink(from, to)),
        1 => (path(), prop::sample::select(vec!['c', 'b', 'p'])).prop_map(|(path, kind)| Step::Special(path, kind)),
    ]
}

impl Step {
    /// Does it below `root`, if it can be done.
    pub(crate) fn take(&self, root: &Path) {
        drop(self.try_to(root));
    }

    fn try_to(&self, root: &Path) -> std::io::Result<()> {
        let time = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000 + seconds);
        match self {
            Self::Write(path, byte, length) => {
                let mut file = File::create_new(root.join(path)).or_else(|_| plain(root, path)?.open(root.join(path)))?;
                file.write_all(&vec![*byte; *length])
            }
            Self::Open(path) => plain(root, path)?.open(root.join(path)).map(drop),
            Self::Tamper(path) => {
                let before = fs::symlink_metadata(root.join(path))?.modified()?;
                let file = plain(root, path)?.open(root.join(path))?;
                if file.metadata()?.len() > 0 {
                    file.write_all_at(b"!", 0)?;
                }
                file.set_modified(before)
            }
            Self::MakeDirectory(path) => fs::create_dir(root.join(path)),
            Self::Remove(path) => remove(&root.join(path)),
            Self::Rename(from, to) => fs::rename(root.join(from), root.join(to)),
            Self::Renew(path) => {
                fs::remove_dir_all(root.join(path))?;
                fs::create_dir(root.join(path))
            }
            Self::Mode(path, mode) => {
                is_no_link(root, path).and_then(|()| fs::set_permissions(root.join(path), Permissions::from_mode(*mode)))
            }
            Self::Owner(path, owner) => lchown(root.join(path), Some(*owner), Some(1)),
            Self::Touch(path, seconds) => plain(root, path)?.open(root.join(path))?.set_modified(time(*seconds)),
            Self::Symlink(target, path) => symlink(target, root.join(path)),
            Self::HardLink(from, to) => fs::hard_link(root.join(from), root.join(to)),
            Self::Special(path, kind) => {
                let numbers: &[&str] = if *kind == 'p' { &[] } else { &["7", "9"] };
                let mut mknod = std::process::Command::new("mknod");
                mknod.arg(root.join(path)).arg(kind.to_string()).args(numbers).output().map(drop)
            }
        }
    }
}

/// Opens for writing, and nothing but regular files.
fn plain(root: &Path, path: &Path) -> std::io::Result<OpenOptions> {
    if !fs::symlink_metadata(root.join(path))?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    Ok(OpenOptions::new().write(true).clone())
}

fn is_no_link(root: &Path, path: &Path) -> std::io::Result<()> {
    if fs::symlink_metadata(root.join(path))?.is_symlink() { Err(std::io::Error::other("a link")) } else { Ok(()) }
}

fn remove(path: &Path) -> std::io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }
}
