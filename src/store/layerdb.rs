//! Layers: which chain of contents is kept in which directory.
//!
//! ```text
//! image/overlay2/layerdb/
//! ├── sha256/<chain>/             one for each read-only layer
//! │   ├── cache-id                its directory in overlay2/
//! │   ├── diff                    its DiffID
//! │   ├── size                    its size as Docker counts, decimal
//! │   ├── parent                  the ChainID of the layer below; absent for a base layer
//! │   └── tar-split.json.gz       what is needed to make its tar again
//! ├── sha256/<chain>-<64 hex>-removing/   a deletion that has begun
//! ├── tmp/write-set-<n>/          a registration that has not been committed
//! └── mounts/                     see [`super::mounts`]
//! ```
//!
//! dockerd commits a write set by renaming it to its chain. It loads no layer whose `cache-id`, `diff` or `size` is missing, nor any
//! layer above that, and never again registers that chain until the broken record is gone. Nothing cleans write sets.

use super::{Told, id_of_name, read_each, read_id, told, told_by_required};
use crate::dir::{Cause, Dir, Entry, Operation, ReadError, Stamp};
use crate::id::{ChainId, DiffId, DirId, FileName};
use crate::unreadable::{Pins, Unreadable, keep};
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Where the records stand below a data-root.
pub const LAYERS: &str = "image/overlay2/layerdb/sha256";
/// What the tar of a layer is put together from, in its record.
pub const TAR_SPLIT: &str = "tar-split.json.gz";
const WRITE_SETS: &str = "image/overlay2/layerdb/tmp";

/// Everything in the layer database but the mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerDb {
    /// The record of every read-only layer.
    pub layers: BTreeMap<ChainId, Layer>,
    /// Deletions that have begun, by the names of their directories.
    pub removals: BTreeMap<String, Leftover>,
    /// Registrations that were not committed, by the names of their directories.
    pub write_sets: BTreeMap<String, Leftover>,
}

/// The record of a read-only layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its name.
    pub chain: ChainId,
    /// What it adds.
    pub diff: Told<DiffId>,
    /// The layer below.
    pub parent: Told<ChainId>,
    /// Its directory.
    pub cache_id: Told<DirId>,
    /// Its size in bytes as Docker counts.
    pub size: Told<u64>,
    /// When the record was made.
    pub stamp: Option<Stamp>,
}

impl Layer {
    /// Its directory, if the record says which.
    #[must_use]
    pub fn dir(&self) -> Option<DirId> {
        self.cache_id.value().copied()
    }

    /// Whether dockerd loads it, as far as its own record goes.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let required = self.diff.value().is_some() && self.cache_id.value().is_some() && self.size.value().is_some();
        required && !self.parent.is_lost()
    }

    /// The name that its parent and its content make, if both are told; another name than its own means that one of them is not true.
    #[must_use]
    pub fn computed_chain(&self) -> Option<ChainId> {
        let diff = *self.diff.value()?;
        match self.parent {
            Told::Is(parent) => Some(parent.child(diff)),
            Told::Absent => Some(ChainId::base(diff)),
            Told::Lost => None,
        }
    }
}

/// A record that was being written or deleted when something stopped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The directory that it names.
    pub cache_id: Option<DirId>,
    /// The content of the layer.
    pub diff: Option<DiffId>,
    /// The layers whose record it was, or was to become, as its name and its files tell: damage may make them two.
    pub chains: Vec<ChainId>,
    /// When it was made.
    pub stamp: Option<Stamp>,
}

/// Reads the layer database.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> LayerDb {
    let mut found = LayerDb::default();
    if let Some(dir) = keep(root.dir(LAYERS), Pins::Everything, unreadable).flatten() {
        let names = keep(dir.entries(), Pins::Everything, unreadable).unwrap_or_default();
        let (removing, names): (Vec<_>, Vec<_>) = names.into_iter().partition(is_removal);
        let layers = read_each(&names, unreadable, |entry, unreadable| read_layer(&dir, entry, unreadable));
        found.layers = layers.into_iter().map(|layer| (layer.chain, layer)).collect();
        found.removals = read_leftovers(&dir, &removing, unreadable);
    }
    if let Some(dir) = keep(root.dir(WRITE_SETS), Pins::Nothing, unreadable).flatten() {
        let mut names = keep(dir.entries(), Pins::Nothing, unreadable).unwrap_or_default();
        names.retain(is_write_set);
        found.write_sets = read_leftovers(&dir, &names, unreadable);
    }
    found
}

/// Whether the name is `<64 hex>-<64 hex>-removing`.
fn is_removal(entry: &Entry) -> bool {
    let parts = entry.name.as_bytes().strip_suffix(b"-removing").and_then(|parts| parts.split_at_checked(64));
    parts.is_some_and(|(chain, rest)| {
        let random = rest.strip_prefix(b"-").unwrap_or_default();
        ChainId::from_hex(chain).is_ok() && ChainId::from_hex(random).is_ok()
    })
}

/// Whether the name is `write-set-<digits>`, or `layer-<digits>` as before 1.12: what else lies there is not Docker's.
fn is_write_set(entry: &Entry) -> bool {
    let name = entry.name.as_bytes();
    let digits = name.strip_prefix(b"write-set-").or_else(|| name.strip_prefix(b"layer-"));
    digits.is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))
}

/// What a leftover names; that it cannot be read keeps nothing alive, because nothing uses a leftover.
fn read_leftovers(dir: &Dir, names: &[Entry], unreadable: &mut Vec<Unreadable>) -> BTreeMap<String, Leftover> {
    let read = read_each(names, unreadable, |entry, unreadable| {
        let Some(name) = entry.name.to_str().map(str::to_owned) else {
            unreadable.push(Unreadable::malformed(dir.path().join(&entry.name), "not a name that dockerd makes", Pins::Nothing));
            return None;
        };
        // A registration stopped early has an empty or no cache-id: that is what makes it a leftover, not a failure to read.
        let cache_id = read_id(dir, Path::new(&name).join("cache-id")).ok().flatten();
        let stamp = keep(dir.stamp(&name), Pins::Nothing, unreadable).flatten();
        let diff = read_id(dir, Path::new(&name).join("diff")).ok().flatten();
        let chains = chains_of_leftover(dir, &name, diff);
        Some((name, Leftover { cache_id, diff, chains, stamp }))
    });
    read.into_iter().collect()
}

/// The layer that a removal is named by, and the one that the files of a leftover make.
fn chains_of_leftover(dir: &Dir, name: &str, diff: Option<DiffId>) -> Vec<ChainId> {
    let named = name.split_at_checked(64).filter(|_| name.ends_with("-removing"));
    let named = named.and_then(|(chain, _)| ChainId::from_hex(chain.as_bytes()).ok());
    let parent: Option<Option<ChainId>> = read_id(dir, Path::new(name).join("parent")).ok();
    let made = parent.zip(diff).map(|(parent, diff)| parent.map_or_else(|| ChainId::base(diff), |parent| parent.child(diff)));
    named.into_iter().chain(made.filter(|made| named != Some(*made))).collect()
}

fn read_layer(dir: &Dir, entry: &Entry, unreadable: &mut Vec<Unreadable>) -> Option<Layer> {
    let FileName(chain) = id_of_name::<FileName<ChainId>>(dir, entry, Pins::Layers, unreadable)?;
    let file = |name: &str| format!("{}/{name}", chain.hex());
    let at = |name: &str| dir.path().join(file(name));
    let layer = Layer {
        chain,
        diff: told_by_required(at("diff"), read_id(dir, file("diff")), unreadable),
        parent: told(read_id(dir, file("parent")), unreadable),
        cache_id: told_by_required(at("cache-id"), read_id(dir, file("cache-id")), unreadable),
        size: told_by_required(at("size"), read_size(dir, &file("size")), unreadable),
        stamp: keep(dir.stamp(chain.hex().to_string()), Pins::Nothing, unreadable).flatten(),
    };
    if let Some(computed) = layer.computed_chain().filter(|&computed| computed != chain) {
        let says = if layer.parent.value().is_some() { "its parent and its diff make" } else { "without a parent its diff makes" };
        unreadable.push(Unreadable::malformed(at(""), format!("{says} {computed}, so its parent is not known"), Pins::Own));
    }
    Some(layer)
}

/// Docker's size of a layer.
fn read_size(dir: &Dir, name: &str) -> Result<Option<u64>, ReadError> {
    let Some(content) = dir.read(name, super::SMALL)? else { return Ok(None) };
    parse_size(&content).map(Some).map_err(|cause| dir.error(name, Operation::Parse, cause))
}

/// Parses a decimal size as Docker writes it.
///
/// # Errors
/// When it is anything else.
pub fn parse_size(content: &[u8]) -> Result<u64, Cause> {
    let text = content.trim_ascii();
    let size = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    size.ok_or_else(|| Cause::Malformed(format!("{:?} is not a size", String::from_utf8_lossy(text.get(..40).unwrap_or(text)))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dir::Kind;

    #[test]
    fn a_removal_is_named_by_a_chain_and_64_digits() {
        let hex = "0123456789abcdef".repeat(4);
        let is = |name: String| is_removal(&Entry { name: name.into(), kind: Kind::Directory });
        assert!(is(format!("{hex}-{hex}-removing")));
        for name in [hex.clone(), format!("{hex}-removing"), format!("{hex}-x-removing"), "é-removing".to_owned()] {
            assert!(!is(name.clone()), "{name}");
        }
    }

    #[test]
    fn a_write_set_is_named_by_what_made_it_and_a_number() {
        let is = |name: &str| is_write_set(&Entry { name: name.into(), kind: Kind::Directory });
        assert!(is("write-set-0123") && is("layer-7"));
        for name in ["write-set-", "write-set-1x", "layer-", "saved", "write-set", "1"] {
            assert!(!is(name), "{name}");
        }
    }

    #[test]
    fn a_size_is_a_decimal_number() {
        assert_eq!(parse_size(b"1982340").unwrap(), 1_982_340);
        assert_eq!(parse_size(b" 7\n").unwrap(), 7);
        for content in [&b""[..], b"-1", b"1e3", b"99999999999999999999999", b"\xff"] {
            assert!(parse_size(content).is_err());
        }
    }
}
