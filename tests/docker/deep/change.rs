//! Changes of one file of a layer, each of which can be undone.

use std::fs::{self, Metadata, Permissions};
use std::os::unix::fs::{FileExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

/// What happens to a file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Change {
    /// One bit of it is another.
    Flipped(prop::sample::Index, u8),
    /// It ends earlier.
    Cut(prop::sample::Index),
    /// It has the same length and no content.
    Zeroed,
    /// It is longer.
    Grown,
    /// It is gone.
    Removed,
    /// There is another one beside it.
    Added,
    /// It has another mode.
    Moded(u32),
    /// It has another owner.
    Owned,
    /// It has another group.
    Grouped,
    /// It was changed at another time.
    Touched,
    /// It leads elsewhere.
    Retargeted,
    /// It is a file of its own.
    Copied,
}

impl Change {
    /// How many kinds of changes there are.
    pub(crate) const KINDS: usize = 12;
}

/// Any change.
pub(crate) fn any() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (proptest::prelude::any::<prop::sample::Index>(), 0..8_u8).prop_map(|(at, bit)| Change::Flipped(at, bit)),
        2 => proptest::prelude::any::<prop::sample::Index>().prop_map(Change::Cut),
        2 => Just(Change::Zeroed),
        1 => Just(Change::Grown),
        3 => Just(Change::Removed),
        2 => Just(Change::Added),
        // One of the twelve bits of a mode.
        2 => (0..12_u32).prop_map(|bit| Change::Moded(1 << bit)),
        1 => Just(Change::Owned),
        1 => Just(Change::Grouped),
        1 => Just(Change::Touched),
        1 => Just(Change::Retargeted),
        1 => Just(Change::Copied),
    ]
}

/// The paths below `diff` to which a change can happen, sorted.
pub(crate) fn files(diff: &Path, change: Change) -> Vec<PathBuf> {
    let fits = |path: &Path, metadata: &Metadata| {
        let kind = metadata.file_type();
        let is_whiteout = kind.is_char_device() && metadata.rdev() == 0;
        match change {
            Change::Flipped(..) | Change::Cut(_) => kind.is_file() && metadata.len() > 0,
            Change::Zeroed => kind.is_file() && fs::read(path).unwrap().iter().any(|&byte| byte != 0),
            Change::Grown => kind.is_file(),
            Change::Removed => !kind.is_dir(),
            Change::Added => kind.is_dir(),
            // Nothing is said of the mode and the owner of what only hides something.
            Change::Moded(_) => !kind.is_symlink() && !is_whiteout,
            Change::Owned | Change::Grouped | Change::Touched => !is_whiteout,
            Change::Retargeted => kind.is_symlink(),
            Change::Copied => kind.is_file() && metadata.nlink() > 1,
        }
    };
    let walk = walkdir::WalkDir::new(diff).min_depth(1).sort_by_file_name().into_iter().map(Result::unwrap);
    let fitting = walk.filter(|entry| fits(entry.path(), &entry.path().symlink_metadata().unwrap()));
    fitting.map(|entry| entry.path().strip_prefix(diff).unwrap().to_owned()).filter(|path| is_mentioned(path, change)).collect()
}

/// Directories that no header mentions have only been made because something is in them: nothing is said of what they are.
fn is_mentioned(path: &Path, change: Change) -> bool {
    matches!(change, Change::Added) || path.starts_with("implied/by/a/file/x") || !path.starts_with("implied")
}

/// Every name of the file at `path`, and what a change of it may be told of.
pub(crate) fn names(diff: &Path, path: &Path) -> Vec<PathBuf> {
    let mut names = vec![path.to_owned(), path.join("added")];
    if let Ok(metadata) = diff.join(path).symlink_metadata() {
        let walk = walkdir::WalkDir::new(diff).into_iter().map(Result::unwrap);
        let same = walk.filter(|entry| !entry.file_type().is_dir() && entry.path().symlink_metadata().unwrap().ino() == metadata.ino());
        names.extend(same.map(|entry| entry.path().strip_prefix(diff).unwrap().to_owned()));
    }
    names
}

/// Makes a change, and returns what takes it back.
pub(crate) fn apply<'a>(diff: &'a Path, path: &'a Path, change: Change) -> Box<dyn FnOnce() + 'a> {
    let at = diff.join(path);
    let before = Attributes::of(&at);
    let above = at.parent().unwrap().to_owned();
    let before_above = Attributes::of(&above);
    match change {
        Change::Flipped(..) | Change::Cut(_) | Change::Zeroed | Change::Grown => {
            let content = fs::read(&at).unwrap();
            rewrite(&at, &content, change);
            before.settle(&at);
            Box::new(move || {
                fs::write(&at, content).unwrap();
                before.settle(&at);
            })
        }
        Change::Removed | Change::Copied | Change::Retargeted => {
            let aside = diff.parent().unwrap().join("aside");
            fs::rename(&at, &aside).unwrap();
            match change {
                Change::Copied => drop(fs::copy(&aside, &at).unwrap()),
                Change::Retargeted => symlink("elsewhere", &at).unwrap(),
                _ => {}
            }
            if !matches!(change, Change::Removed) {
                before.settle(&at);
            }
            before_above.settle(&above);
            Box::new(move || {
                fs::rename(&aside, &at).unwrap();
                before_above.settle(&above);
            })
        }
        Change::Added => {
            fs::write(at.join("added"), "").unwrap();
            before.settle(&at);
            Box::new(move || {
                fs::remove_file(at.join("added")).unwrap();
                before.settle(&at);
            })
        }
        Change::Moded(bit) => {
            fs::set_permissions(&at, Permissions::from_mode(before.metadata.mode() & 0o7777 ^ bit)).unwrap();
            Box::new(move || before.settle(&at))
        }
        Change::Owned | Change::Grouped => {
            let [user, group] =
                [(before.metadata.uid(), matches!(change, Change::Owned)), (before.metadata.gid(), matches!(change, Change::Grouped))]
                    .map(|(id, changes)| Some(id + u32::from(changes)));
            lchown(&at, user, group).unwrap();
            if !before.metadata.is_symlink() {
                fs::set_permissions(&at, before.metadata.permissions()).unwrap();
            }
            Box::new(move || before.settle(&at))
        }
        Change::Touched => {
            set_time(&at, before.metadata.mtime() + 1, before.metadata.mtime_nsec());
            Box::new(move || before.settle(&at))
        }
    }
}

fn rewrite(at: &Path, content: &[u8], change: Change) {
    let file = fs::File::options().write(true).open(at).unwrap();
    let length = u64::try_from(content.len()).unwrap();
    match change {
        Change::Flipped(index, bit) => {
            let place = index.index(content.len());
            file.write_all_at(&[content[place] ^ 1 << bit], u64::try_from(place).unwrap()).unwrap();
        }
        Change::Cut(index) => file.set_len(u64::try_from(index.index(content.len())).unwrap()).unwrap(),
        Change::Zeroed => file.write_all_at(&vec![0; content.len()], 0).unwrap(),
        _ => file.write_all_at(b"\0", length).unwrap(),
    }
}

/// What a file is besides its content.
struct Attributes {
    metadata: Metadata,
    capability: Option<Vec<u8>>,
}

const CAPABILITY: &str = "security.capability";

impl Attributes {
    fn of(at: &Path) -> Self {
        let mut value = vec![0; 64];
        let length = rustix::fs::lgetxattr(at, CAPABILITY, &mut value).ok();
        Self { metadata: at.symlink_metadata().unwrap(), capability: length.map(|length| value[..length].to_vec()) }
    }

    /// Gives them back to the file, which loses some of them with its content or its owner.
    fn settle(&self, at: &Path) {
        let metadata = &self.metadata;
        lchown(at, Some(metadata.uid()), Some(metadata.gid())).unwrap();
        if !metadata.is_symlink() {
            fs::set_permissions(at, metadata.permissions()).unwrap();
        }
        if let Some(capability) = &self.capability {
            rustix::fs::lsetxattr(at, CAPABILITY, capability, rustix::fs::XattrFlags::empty()).unwrap();
        }
        set_time(at, metadata.mtime(), metadata.mtime_nsec());
    }
}

fn set_time(at: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    rustix::fs::utimensat(CWD, at, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}
