//! `changes`: what a layer changes of what lies below it.

use super::layers::created_by;
use crate::audit::Audit;
use crate::id::{ChainId, DirId};
use crate::render::escape;
use crate::store::layerdb::Layer;
use crate::union::changes::{Change, Content, How};
use crate::union::{Found, Weight};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

/// The command's own part of its document.
#[derive(Debug, Clone, Serialize)]
pub struct Changes {
    /// What was asked.
    pub target: String,
    /// The word for what it is.
    pub kind: &'static str,
    /// Its whole ID.
    pub id: String,
    /// What it comes to.
    pub totals: Totals,
    /// Every path that is changed.
    pub items: Vec<Item>,
}

/// What the changes come to.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Totals {
    /// How many paths were added.
    pub added: u64,
    /// How many differ from before.
    pub changed: u64,
    /// How many are something else now.
    pub replaced: u64,
    /// How many are gone.
    pub deleted: u64,
    /// How many files are copies in which nothing differs.
    pub copied: u64,
    /// What everything that was added or changed occupies.
    pub bytes: u64,
    /// What the files among them occupy that were files before: what it cost to change them.
    pub copied_bytes: u64,
    /// How many of these have the same content as before.
    pub unchanged: u64,
    /// What these occupy.
    pub unchanged_bytes: u64,
    /// What is hidden of the layers below.
    pub hidden_bytes: u64,
    /// The inodes of that.
    pub hidden_inodes: u64,
}

/// A path that is changed.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// The path as a container sees it.
    pub path: String,
    /// `added`, `changed`, `replaced`, `deleted`, `inside` or `copied`.
    pub change: &'static str,
    /// The letter of `docker diff`, for what that lists.
    pub docker: Option<char>,
    /// What it is.
    pub kind: Option<&'static str>,
    /// What it was.
    pub kind_before: Option<&'static str>,
    /// In what it differs.
    pub differs: Vec<&'static str>,
    /// `same` or `changed`, of a file that was one before.
    pub content: Option<&'static str>,
    /// Its length, of anything but a directory.
    pub size: Option<u64>,
    /// Its former length.
    pub size_before: Option<u64>,
    /// What the layer has set aside for it.
    pub bytes: Option<u64>,
    /// The same of a file that was one before: what it cost to change it.
    pub copied_bytes: Option<u64>,
    /// What it hides of the layers below.
    pub hidden_bytes: u64,
    /// The inodes of that.
    pub hidden_inodes: u64,
    /// How many names the file has in the layer.
    pub links: Option<u32>,
    /// The layer, if it is read-only.
    pub layer: Option<ChainId>,
    /// Its directory, if it has one.
    pub dir: Option<DirId>,
    /// The step that made the layer.
    pub created_by: Option<String>,
}

impl Changes {
    /// Begins with no change.
    #[must_use]
    pub fn new(target: &str, (kind, id): (&'static str, String)) -> Self {
        Self { target: target.to_owned(), kind, id, totals: Totals::default(), items: Vec::new() }
    }

    /// Adds what the layer in `dir` changes.
    pub fn add(&mut self, audit: &Audit, dir: DirId, changes: &[Change]) {
        let layer = layers_by_directory(audit).get(&dir).copied();
        let step = layer.and_then(|chain| created_by(audit).remove(&chain));
        let shown = audit.inventory.shown(dir);
        let mut counted = HashSet::new();
        for change in changes {
            let item = Item { layer, dir: shown, created_by: step.clone(), ..item(change) };
            let is_counted = change.now.as_ref().is_some_and(|now| now.top.layer == 0 && counted.insert(now.entry.inode.number));
            self.totals.add(change, &item, is_counted);
            self.items.push(item);
        }
    }
}

/// Which layer each directory is.
#[must_use]
pub fn layers_by_directory(audit: &Audit) -> BTreeMap<DirId, ChainId> {
    audit.inventory.layerdb.layers.values().filter_map(|layer: &Layer| Some((layer.dir()?, layer.chain))).collect()
}

/// A path of the inside of a container, for JSON.
#[must_use]
pub fn inside(path: &[u8]) -> String {
    format!("/{}", escape::name(path))
}

impl Totals {
    fn add(&mut self, change: &Change, item: &Item, is_counted: bool) {
        *match change.how {
            How::Added => &mut self.added,
            How::Changed | How::Inside => &mut self.changed,
            How::Replaced => &mut self.replaced,
            How::Deleted => &mut self.deleted,
            How::Copied => &mut self.copied,
        } += 1;
        let Weight { bytes, inodes } = change.hidden;
        self.hidden_bytes = self.hidden_bytes.saturating_add(bytes);
        self.hidden_inodes = self.hidden_inodes.saturating_add(inodes);
        if !is_counted {
            return;
        }
        let copied = item.copied_bytes.unwrap_or_default();
        self.bytes = self.bytes.saturating_add(item.bytes.unwrap_or_default());
        self.copied_bytes = self.copied_bytes.saturating_add(copied);
        if change.content == Some(Content::Same) {
            self.unchanged += 1;
            self.unchanged_bytes = self.unchanged_bytes.saturating_add(copied);
        }
    }
}

fn item(change: &Change) -> Item {
    let length = |found: &Found| (!found.entry.is_directory()).then_some(found.entry.inode.size);
    let (now, before) = (change.now.as_ref(), change.before.as_ref());
    let bytes = now.map(|now| now.entry.inode.allocated);
    let was_file = [now, before].into_iter().all(|found| found.is_some_and(|found| found.entry.is_file()));
    Item {
        path: inside(&change.path),
        change: change.how.name(),
        docker: change.letter,
        kind: now.map(|now| now.entry.word()),
        kind_before: before.map(|before| before.entry.word()),
        differs: change.fields.iter().map(|field| field.name()).collect(),
        content: change.content.map(Content::name),
        size: now.and_then(length),
        size_before: before.and_then(length),
        bytes,
        copied_bytes: bytes.filter(|_| was_file),
        hidden_bytes: change.hidden.bytes,
        hidden_inodes: change.hidden.inodes,
        links: now.filter(|now| !now.entry.is_directory()).map(|now| now.entry.inode.links),
        layer: None,
        dir: None,
        created_by: None,
    }
}
