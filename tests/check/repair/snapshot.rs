//! Everything about everything below a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Names, kinds, modes, owners, contents, and times of all that is no directory: those of directories change with what is put into them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot(BTreeMap<PathBuf, String>);

impl Snapshot {
    /// Of the data-root at `root`, without its trash.
    pub(super) fn of(root: &Path) -> Self {
        let describe = |path: &Path| {
            let metadata = path.symlink_metadata().unwrap();
            let kind = metadata.file_type();
            let time = if kind.is_dir() { (0, 0) } else { (metadata.mtime(), metadata.mtime_nsec()) };
            let content = if kind.is_file() {
                format!("{:?}", fs::read(path).unwrap())
            } else if kind.is_symlink() {
                fs::read_link(path).unwrap().display().to_string()
            } else {
                metadata.rdev().to_string()
            };
            format!("{:o} {} {} {time:?} {content}", metadata.mode(), metadata.uid(), metadata.gid())
        };
        let entries = walkdir::WalkDir::new(root).into_iter().map(|entry| entry.unwrap().into_path());
        let below = entries.map(|path| (path.strip_prefix(root).unwrap().to_owned(), describe(&path)));
        Self(below.filter(|(path, _)| !path.starts_with(".layerwise")).collect())
    }

    /// Fails with what differs from `expected`, if anything does.
    #[track_caller]
    pub(super) fn assert_is(&self, expected: &Self, when: &str) {
        let paths: BTreeSet<&PathBuf> = self.0.keys().chain(expected.0.keys()).collect();
        let differs = |path: &PathBuf| self.0.get(path) != expected.0.get(path);
        let told = paths.into_iter().filter(|path| differs(path)).map(|path| {
            let [is, should] = [self, expected].map(|snapshot| snapshot.0.get(path));
            format!("{}:\n  is        {is:.300?}\n  should be {should:.300?}", path.display())
        });
        let told: Vec<_> = told.collect();
        assert!(told.is_empty(), "{when}:\n{}", told.join("\n"));
    }

    /// The paths in directories of `other` that are neither as in `one` nor as in `other`, nor gone where they `may_go`.
    pub(super) fn neither(&self, one: &Self, other: &Self, may_go: impl Fn(&str) -> bool) -> Vec<String> {
        let paths: BTreeSet<&PathBuf> = [self, one, other].into_iter().flat_map(|snapshot| snapshot.0.keys()).collect();
        let is_wrong = |path: &PathBuf| {
            let [is, one, other] = [self, one, other].map(|snapshot| snapshot.0.get(path));
            is != one && is != other && !(is.is_none() && may_go(&path.to_string_lossy()))
        };
        let is_known = |path: &PathBuf| path.parent().is_some_and(|around| other.0.contains_key(around));
        let wrong = paths.into_iter().filter(|path| is_known(path) && is_wrong(path));
        wrong.map(|path| format!("{}: {:.200?}", path.display(), self.0.get(path))).collect()
    }

    /// The same without times.
    pub(super) fn without_times(mut self) -> Self {
        for text in self.0.values_mut() {
            let (Some(from), Some(to)) = (text.find('('), text.find(')')) else { continue };
            text.replace_range(from..=to, "");
        }
        self
    }
}
