//! What crashes, failed operations and old versions leave: nothing of it is known to anything, and dockerd never removes it.

use super::builder::Builder;
use super::layer::{LAYERDB, Layer};
use super::names;
use super::overlay::Directory;
use super::tree::Tree;
use super::write::{self, Result};
use crate::id::{ChainId, DiffId, DirId, LinkId};
use std::path::{Path, PathBuf};

/// How far the making of a layer directory got before the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragment {
    /// The directory alone.
    Bare,
    /// And `diff/`.
    WithDiff,
    /// And the symbolic link in `overlay2/l/`, but no `link` file.
    WithSymlink,
    /// And the `link` file and `work/`, but no `lower`, though it was to be on top of another: it looks like a base layer.
    WithoutLower,
}

/// How far the removal of a layer got before the power went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its record has been renamed.
    Begun,
    /// Its link is gone too.
    LinkGone,
    /// Its directory is gone too.
    DirectoryGone,
    /// Its record has lost its `cache-id`, so that dockerd will never finish it.
    CacheIdGone,
}

impl Builder {
    /// Leaves a complete layer directory that nothing knows, as a pull does that is killed before it registers the layer.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn orphan_directory(&mut self, name: &str, below: Option<&Layer>, tree: &Tree) -> Result<Directory> {
        self.overlay(DirId::Hex(names::hex("orphan", name)), below.map(|below| &below.dir), tree)
    }

    /// Leaves a directory of BuildKit's that its database does not know, as a build does that is killed while it prepares a snapshot.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn orphan_snapshot(&mut self, name: &str, below: Option<&Layer>, tree: &Tree) -> Result<Directory> {
        let id = names::build_dir(&names::build(&format!("orphan {name}")))?;
        self.overlay(id, below.map(|below| &below.dir), tree)
    }

    /// Leaves an init layer without its read-write layer, as a container's creation does that is killed between the two.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn orphan_init(&mut self, name: &str, below: &Layer) -> Result<Directory> {
        self.overlay(DirId::Init(names::hex("orphan", name)), Some(&below.dir), &super::mount::init_tree())
    }

    /// Leaves a layer directory that was not even completed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn fragment(&mut self, name: &str, reached: Fragment) -> Result<DirId> {
        let id = DirId::Hex(names::hex("orphan", name));
        let dir = self.directory(Path::new("overlay2").join(id.to_string()), 0o710)?;
        if reached == Fragment::Bare {
            return Ok(id);
        }
        write::directory(&dir.join("diff"), 0o755)?;
        if reached == Fragment::WithDiff {
            return Ok(id);
        }
        let link = self.link(&id, 0)?;
        if reached == Fragment::WithoutLower {
            write::file(&dir.join("link"), 0o644, link.to_string())?;
            write::directory(&dir.join("work"), 0o700)?;
        }
        Ok(id)
    }

    /// Leaves a link to a directory that does not exist, as every failed creation of a layer does.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn dangling_link(&mut self, name: &str) -> Result<LinkId> {
        self.link(&DirId::Hex(names::hex("gone", name)), 0)
    }

    /// Leaves a second link to a directory, which its `link` file does not name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn duplicate_link(&mut self, dir: &Directory) -> Result<LinkId> {
        self.link(&dir.id, 1)
    }

    fn link(&self, dir: &DirId, copy: u8) -> Result<LinkId> {
        let link = names::link(dir, copy)?;
        let target = Path::new("..").join(dir.to_string()).join("diff");
        write::symlink(&self.at("overlay2/l").join(link.to_string()), &target)?;
        Ok(link)
    }

    /// Begins to remove a layer in Docker's order, stops there, and returns where its record now is below the data-root.
    ///
    /// # Errors
    /// When that fails.
    pub fn interrupted_removal(&mut self, layer: &Layer, reached: Removal) -> Result<PathBuf> {
        let suffix = names::hex("removing", &layer.chain_id.to_string());
        let record = Path::new(LAYERDB).join("sha256").join(format!("{}-{suffix}-removing", layer.chain_id.hex()));
        write::rename(&self.at(layer.record()), &self.at(&record))?;
        if reached != Removal::Begun {
            write::remove(&self.at(layer.dir.link_path()))?;
        }
        if matches!(reached, Removal::DirectoryGone | Removal::CacheIdGone) {
            write::remove(&self.at(layer.dir.path()))?;
        }
        if reached == Removal::CacheIdGone {
            write::remove(&self.at(record.join("cache-id")))?;
        }
        Ok(record)
    }

    /// Leaves a transaction of the layer store that was never committed: with what is known when the layer has its directory `dir`,
    /// else empty.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_set(&mut self, name: &str, dir: Option<&Directory>) -> Result<PathBuf> {
        self.layerdb()?;
        let set = Path::new(LAYERDB).join("tmp").join(format!("write-set-{}", names::digits(name)));
        let path = self.directory(&set, 0o700)?;
        if let Some(dir) = dir {
            write::file(&path.join("diff"), 0o644, DiffId::of(name.as_bytes()).to_string())?;
            write::file(&path.join("size"), 0o644, "0")?;
            write::file(&path.join("cache-id"), 0o644, dir.id.to_string())?;
        }
        Ok(set)
    }

    /// Leaves what an interrupted writing of the file `name` leaves beside it, and returns its path below the data-root.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn temporary(&mut self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let name = name.as_ref();
        let file = name.file_name().unwrap_or_default().display().to_string();
        let temporary = name.with_file_name(format!(".tmp-{file}{}", names::digits(&name.display().to_string())));
        write::file(&self.at(&temporary), 0o600, content)?;
        Ok(temporary)
    }

    /// Leaves a directory in which a starting dockerd was trying out the file system; `purpose` is `check-overlayfs-support` or the like.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn probe_directory(&mut self, purpose: &str) -> Result<PathBuf> {
        let probe = Path::new("overlay2").join(format!("{purpose}{}", names::digits(purpose)));
        self.directory(&probe, 0o700)?;
        for name in ["lower1", "lower2", "upper", "work", "merged"] {
            self.directory(probe.join(name), 0o755)?;
        }
        Ok(probe)
    }

    /// Leaves a layer record that dockerd cannot load and that nothing needs, which keeps the layer from ever being pulled again.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn broken_layer_record(&mut self, name: &str) -> Result<ChainId> {
        self.layerdb()?;
        let chain = ChainId::of(name.as_bytes());
        let record = self.directory(Path::new(LAYERDB).join("sha256").join(chain.hex().to_string()), 0o700)?;
        write::file(&record.join("diff"), 0o644, "")?;
        write::file(&record.join("size"), 0o644, "")?;
        Ok(chain)
    }

    /// Leaves the record and the read-write layer of a container that does not exist.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn unowned_mount(&mut self, name: &str, below: &Layer, tree: &Tree) -> Result<Directory> {
        self.rw_layer(&names::hex("unowned", name).to_string(), Some(below), tree)
    }

    /// Leaves a container of which nothing but an empty directory is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn container_without_config(&mut self, name: &str) -> Result<PathBuf> {
        let container = Path::new("containers").join(names::container(name)?.to_string());
        self.directory(&container, 0o710)?;
        self.directory(container.join("checkpoints"), 0o700)?;
        Ok(container)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    fn root(temp: &tempfile::TempDir) -> (Builder, Layer) {
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let base = root.layer(None, Tree::new("base").file("a", 1)).unwrap();
        (root, base)
    }

    fn names(path: PathBuf) -> BTreeSet<String> {
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_fragment_has_what_was_made_until_then() {
        let temp = tempfile::tempdir().unwrap();
        let (mut root, _) = root(&temp);
        let links = |root: &Builder| names(root.at("overlay2/l")).len();
        for (reached, entries, linked) in [
            (Fragment::Bare, &[][..], 0),
            (Fragment::WithDiff, &["diff"], 0),
            (Fragment::WithSymlink, &["diff"], 1),
            (Fragment::WithoutLower, &["diff", "link", "work"], 1),
        ] {
            let before = links(&root);
            let id = root.fragment(&format!("{reached:?}"), reached).unwrap();
            assert_eq!(names(root.at("overlay2").join(id.to_string())), entries.iter().map(|&entry| entry.to_owned()).collect());
            assert_eq!(links(&root) - before, linked, "{reached:?}");
        }
    }

    #[test]
    fn a_removal_stops_where_it_was_interrupted() {
        for (reached, link, dir, cache_id) in [
            (Removal::Begun, true, true, true),
            (Removal::LinkGone, false, true, true),
            (Removal::DirectoryGone, false, false, true),
            (Removal::CacheIdGone, false, false, false),
        ] {
            let temp = tempfile::tempdir().unwrap();
            let (mut root, base) = root(&temp);
            let record = root.interrupted_removal(&base, reached).unwrap();
            assert!(record.to_str().unwrap().ends_with("-removing") && !root.at(base.record()).exists());
            let there =
                [base.dir.link_path(), base.dir.path(), record.join("cache-id")].map(|path| fs::symlink_metadata(root.at(path)).is_ok());
            assert_eq!(there, [link, dir, cache_id], "{reached:?}");
        }
    }

    #[test]
    fn links_lead_where_they_should_and_nowhere() {
        let temp = tempfile::tempdir().unwrap();
        let (mut root, base) = root(&temp);
        let [dangling, duplicate] = [root.dangling_link("x").unwrap(), root.duplicate_link(&base.dir).unwrap()];
        let exists = |link: LinkId| root.at("overlay2/l").join(link.to_string()).exists();
        assert!(!exists(dangling) && exists(duplicate) && exists(base.dir.link));
        assert_ne!(duplicate, base.dir.link);
    }

    #[test]
    fn temporary_files_stand_beside_what_they_were_to_replace() {
        let temp = tempfile::tempdir().unwrap();
        let (mut root, _) = root(&temp);
        let path = root.temporary("image/overlay2/repositories.json", "x").unwrap();
        assert!(path.to_str().unwrap().starts_with("image/overlay2/.tmp-repositories.json"));
        assert_eq!(fs::read(root.at(path)).unwrap(), b"x");
    }
}
