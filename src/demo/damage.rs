//! Damage: what power cuts, full disks and people do to the files that Docker wrote.

use super::builder::Builder;
use super::layer::LAYERDB;
use super::mount::mount_path;
use super::write::{self, Result, failed};
use crate::id::{ChainId, ContainerId, DirId, ImageId, LinkId};
use std::fs;
use std::path::{Path, PathBuf};

/// What is done to a file, a symbolic link or a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Harm {
    /// It is gone.
    Removed,
    /// It has no content: no bytes, no entries.
    Emptied,
    /// It ends in the middle.
    Cut,
    /// Each of its bytes is another; a link leads nowhere.
    Garbled,
    /// It says this instead, whether it was there or not.
    Replaced(Vec<u8>),
}

/// A file of which Docker, or layerwise, reads the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `repositories.json`.
    Repositories,
    /// The config of an image.
    ImageConfig(ImageId),
    /// The note in `imagedb/metadata/` of which image an image was made from.
    ImageParent(ImageId),
    /// The whole record of a layer.
    LayerRecord(ChainId),
    /// A file of the record of a layer: `diff`, `size`, `cache-id`, `parent`, `tar-split.json.gz`, `descriptor.json`.
    LayerFile(ChainId, &'static str),
    /// A whole layer directory.
    Directory(DirId),
    /// An entry of a layer directory: `link`, `lower`, `diff`, `work`, `committed`, `merged`.
    DirectoryEntry(DirId, &'static str),
    /// A link in `overlay2/l/`.
    Link(LinkId),
    /// A file of the record of a read-write layer: `mount-id`, `init-id`, `parent`.
    MountFile(String, &'static str),
    /// A file of a container: `config.v2.json`, `hostconfig.json`.
    ContainerFile(ContainerId, &'static str),
    /// The options of a volume.
    VolumeOptions(String),
    /// A database, by its path below the data-root: `volumes/metadata.db`, `network/files/local-kv.db`, `buildkit/snapshots.db` …
    Database(&'static str),
}

/// The databases of a data-root.
pub const DATABASES: [&str; 6] = [
    "volumes/metadata.db",
    "network/files/local-kv.db",
    "buildkit/snapshots.db",
    "buildkit/containerdmeta.db",
    "buildkit/metadata_v2.db",
    "buildkit/cache.db",
];

impl Target {
    /// Where it is below a data-root.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let image = Path::new("image/overlay2");
        match self {
            Self::Repositories => image.join("repositories.json"),
            Self::ImageConfig(id) => image.join("imagedb/content/sha256").join(id.hex().to_string()),
            Self::ImageParent(id) => image.join("imagedb/metadata/sha256").join(id.hex().to_string()).join("parent"),
            Self::LayerRecord(chain) => Path::new(LAYERDB).join("sha256").join(chain.hex().to_string()),
            Self::LayerFile(chain, file) => Self::LayerRecord(*chain).path().join(file),
            Self::Directory(id) => Path::new("overlay2").join(id.to_string()),
            Self::DirectoryEntry(id, entry) => Self::Directory(*id).path().join(entry),
            Self::Link(link) => Path::new("overlay2/l").join(link.to_string()),
            Self::MountFile(name, file) => mount_path(name).join(file),
            Self::ContainerFile(id, file) => Path::new("containers").join(id.to_string()).join(file),
            Self::VolumeOptions(name) => Path::new("volumes").join(name).join("opts.json"),
            Self::Database(path) => PathBuf::from(path),
        }
    }
}

impl Harm {
    /// Every harm that needs no content of its own.
    pub const ALL: [Self; 4] = [Self::Removed, Self::Emptied, Self::Cut, Self::Garbled];

    /// Does it to `path`, whose mode stays.
    ///
    /// # Errors
    /// When that fails; in particular when there is nothing, and it is not to be replaced.
    pub fn inflict(&self, path: &Path) -> Result<()> {
        let kind = fs::symlink_metadata(path).map(|there| there.file_type());
        match (self, kind) {
            (Self::Removed, _) => write::remove(path),
            (Self::Replaced(text), Ok(kind)) if kind.is_symlink() => relink(path, text),
            (Self::Replaced(content), _) => write_over(path, content),
            (_, Err(error)) => Err(failed("damage", path)(error)),
            (_, Ok(kind)) if kind.is_symlink() => relink(path, b"../nowhere/diff"),
            (_, Ok(kind)) if kind.is_dir() => {
                let mode = fs::metadata(path).map_err(failed("damage", path))?.permissions();
                write::remove(path)?;
                fs::create_dir(path).and_then(|()| fs::set_permissions(path, mode)).map_err(failed("damage", path))
            }
            (harm, Ok(_)) => {
                let content = fs::read(path).map_err(failed("damage", path))?;
                write_over(path, &harm.to_content(&content))
            }
        }
    }

    /// What `content` becomes.
    fn to_content(&self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Cut => content.get(..content.len() / 2).unwrap_or_default().to_vec(),
            Self::Garbled => content.iter().map(|byte| !byte).collect(),
            Self::Replaced(content) => content.clone(),
            Self::Removed | Self::Emptied => Vec::new(),
        }
    }
}

fn write_over(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).map_err(failed("damage", path))
}

fn relink(path: &Path, target: &[u8]) -> Result<()> {
    use std::os::unix::ffi::OsStrExt as _;
    write::remove(path)?;
    write::symlink(path, Path::new(std::ffi::OsStr::from_bytes(target)))
}

impl Builder {
    /// Does `harm` to `target`.
    ///
    /// # Errors
    /// As [`Harm::inflict`].
    pub fn damage(&self, target: &Target, harm: &Harm) -> Result<()> {
        harm.inflict(&self.at(target.path()))
    }

    /// Every file and symbolic link below the data-root that Docker wrote for itself, sorted: all but the contents of layers, volumes and
    /// plugins, and logs.
    ///
    /// # Errors
    /// When the data-root cannot be listed.
    pub fn metadata_files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for store in ["image", "overlay2", "containers", "volumes", "buildkit", "network", "plugins"] {
            let walk = walkdir::WalkDir::new(self.at(store)).sort_by_file_name();
            for entry in walk.into_iter().filter_entry(|entry| !is_content(self.path(), entry.path())) {
                let entry = entry.map_err(|error| failed("list", &self.at(store))(error))?;
                if entry.file_type().is_file() || entry.file_type().is_symlink() {
                    files.push(entry.path().to_owned());
                }
            }
        }
        Ok(files)
    }
}

/// Whether what stands at `path` belongs to users, not to Docker.
fn is_content(root: &Path, path: &Path) -> bool {
    let below: Vec<_> = path.strip_prefix(root).into_iter().flatten().filter_map(|part| part.to_str()).collect();
    match below.as_slice() {
        ["overlay2", _, "diff" | "work" | "merged"] | ["volumes", _, "_data"] | ["plugins", _, "rootfs"] => true,
        ["containers", _, file] => file.contains("-json.log") || *file == "local-logs",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ContainerSpec, ImageSpec, SnapshotSpec, Tree};
    use super::*;

    /// A data-root with one of each target.
    fn root(temp: &tempfile::TempDir) -> (Builder, Vec<Target>) {
        let mut root = Builder::create(temp.path().join("root")).unwrap();
        let base = root.layer(None, Tree::new("base").file("a", 1)).unwrap();
        let top = root.layer(Some(&base), Tree::new("top").file("b", 1)).unwrap();
        let below = root.image(&ImageSpec::new(&base)).unwrap();
        let image = root.image(&ImageSpec::new(&top).parent(&below).tag("a:1")).unwrap();
        let web = root.container(&ContainerSpec::new("web", &image).exited(0).log(500)).unwrap();
        root.volume("v", &Tree::new("v").file("link", 1)).unwrap();
        root.volume_options("v", "tmpfs", "tmpfs").unwrap();
        root.snapshot(&SnapshotSpec::new("s", Tree::new("s"))).unwrap();
        root.plugin("p", &Tree::new("p").file("config.json", 1)).unwrap();
        let mut targets = vec![Target::Repositories, Target::ImageConfig(image.id), Target::ImageParent(image.id)];
        targets.extend(["diff", "size", "cache-id", "parent", "tar-split.json.gz"].map(|file| Target::LayerFile(top.chain_id, file)));
        targets.extend(["link", "lower", "diff", "work"].map(|entry| Target::DirectoryEntry(top.dir.id, entry)));
        targets.extend(["mount-id", "init-id", "parent"].map(|file| Target::MountFile(web.id.to_string(), file)));
        targets.extend(["config.v2.json", "hostconfig.json"].map(|file| Target::ContainerFile(web.id, file)));
        targets.extend([
            Target::DirectoryEntry(base.dir.id, "committed"),
            Target::Link(top.dir.link),
            Target::VolumeOptions("v".to_owned()),
        ]);
        targets.extend([Target::LayerRecord(base.chain_id), Target::Directory(base.dir.id)]);
        targets.extend(DATABASES.map(Target::Database));
        (root, targets)
    }

    #[test]
    fn every_target_is_there_and_can_be_removed() {
        let temp = tempfile::tempdir().unwrap();
        let (root, targets) = root(&temp);
        for target in targets {
            let path = root.at(target.path());
            assert!(fs::symlink_metadata(&path).is_ok(), "{target:?}");
            root.damage(&target, &Harm::Removed).unwrap();
            assert!(fs::symlink_metadata(&path).is_err(), "{target:?}");
        }
    }

    #[test]
    fn harm_does_what_it_says() {
        let temp = tempfile::tempdir().unwrap();
        let (file, link, dir) = (temp.path().join("file"), temp.path().join("link"), temp.path().join("dir"));
        let replaced = Harm::Replaced(b"../x".to_vec());
        for (harm, content) in
            [(&Harm::Emptied, &b""[..]), (&Harm::Cut, b"ab"), (&Harm::Garbled, &[0x9e, 0x9d, 0x9c, 0x9b]), (&replaced, b"../x")]
        {
            write::file(&file, 0o600, "abcd").unwrap();
            harm.inflict(&file).unwrap();
            assert_eq!(fs::read(&file).unwrap(), content, "{harm:?}");
        }
        write::symlink(&link, &file).unwrap();
        Harm::Garbled.inflict(&link).unwrap();
        assert!(!link.exists());
        replaced.inflict(&link).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("../x"));
        write::directory(&dir, 0o710).unwrap();
        write::file(&dir.join("x"), 0o600, "").unwrap();
        Harm::Emptied.inflict(&dir).unwrap();
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
        assert!(Harm::Emptied.inflict(&temp.path().join("absent")).is_err());
    }

    #[test]
    fn metadata_is_all_but_what_users_wrote() {
        let temp = tempfile::tempdir().unwrap();
        let (root, targets) = root(&temp);
        let files = root.metadata_files().unwrap();
        for target in targets {
            let path = root.at(target.path());
            assert!(path.is_dir() || files.contains(&path), "{target:?}");
        }
        let user = ["diff/", "_data/", "rootfs/", "-json.log"];
        assert!(files.iter().all(|path| !user.iter().any(|part| path.to_str().unwrap().contains(part))), "{files:?}");
    }
}
