//! A layer with one of each thing that a layer can have, on another.

use layerwise::audit::Audit;
use layerwise::deep::{self, Control, Outcome, Owners};
use layerwise::demo::{Builder, ImageSpec, Layer, Tree};
use layerwise::dir::Dir;
use layerwise::inventory::Inventory;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) struct World {
    _temp: TempDir,
    pub(crate) root: Builder,
    pub(crate) base: Layer,
    pub(crate) top: Layer,
}

impl World {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let base = Tree::new("base").file("etc/passwd", 100).file("data/below", 10).file("opt/below", 10).directory("usr/share");
        let base = root.layer(None, base).unwrap();
        let top = Tree::new("top")
            .file("bin/tool", 300_000)
            .mode(0o4755)
            .hard_link("bin/again", "bin/tool")
            .mode(0o4755)
            .symlink("bin/sh", "tool")
            .symlink("lib", "usr/lib")
            .file("usr/lib/x", 5_000)
            .content("etc/name", "a name\n")
            .modified(1_600_000_000)
            .content("etc/empty", "")
            .whiteout("etc/passwd")
            .opaque_directory("data")
            .file("data/above", 20)
            .directory("opt")
            .file("opt/here", 30)
            .fifo("pipe")
            .sparse("hole", 100_000)
            .directory("var/empty")
            .content("attributed", "a")
            .attribute("user.layerwise", b"a value");
        let top = if nix::unistd::geteuid().is_root() { top.character_device("null", 1, 3).file("owned", 10).owner(7, 8) } else { top };
        let top = root.layer(Some(&base), top).unwrap();
        root.image(&ImageSpec::new(&top).tag("app:1")).unwrap();
        Self { _temp: temp, root, base, top }
    }

    /// A path in the upper layer.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(self.top.dir.path()).join("diff").join(path)
    }

    /// What verifying both layers comes to, the lower first.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        outcomes(self.root.path(), &owners(), 2, &Control::default())
    }

    /// What verifying the upper layer comes to; the lower must be whole.
    pub(crate) fn outcome(&self) -> Outcome {
        let mut outcomes = self.outcomes();
        let lower = outcomes.iter().find(|outcome| outcome.chain == self.base.chain_id).unwrap();
        assert_eq!(lower.status, deep::Status::Verified, "{lower:?}");
        outcomes.retain(|outcome| outcome.chain == self.top.chain_id);
        outcomes.remove(0)
    }

    /// What differs in the upper layer, shortly.
    pub(crate) fn differences(&self) -> Vec<String> {
        let outcome = self.outcome();
        let told = outcome.differences.iter();
        told.map(|difference| format!("{}: {}", String::from_utf8_lossy(&difference.path), word(&difference.what))).collect()
    }
}

/// The name of a difference, or of what of its metadata differs.
fn word(what: &deep::What) -> String {
    let first = |text: String| text.split([' ', '(']).next().unwrap().to_owned();
    match what {
        deep::What::Metadata(fields) => fields.iter().map(|field| first(format!("{field:?}"))).collect::<Vec<_>>().join(" "),
        other => first(format!("{other:?}")),
    }
}

/// Those who write these data-roots own everything in them.
pub(crate) fn owners() -> Owners {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    if user.is_root() { Owners::Same } else { Owners::rootless((user.as_raw(), group.as_raw())) }
}

pub(crate) fn outcomes(root: &Path, owners: &Owners, threads: usize, control: &Control) -> Vec<Outcome> {
    let dir = Dir::root(root).unwrap();
    let audit = Audit::new(Inventory::read(&dir, None), None);
    deep::verify(&dir, &deep::jobs(&audit, None), owners, (threads, control), |_| {})
}
