//! `locate`: which layer has a path, and which have what is not seen of it.

use super::changes::{inside, layers_by_directory};
use super::layers::created_by;
use crate::audit::Audit;
use crate::id::{ChainId, DirId};
use crate::render::escape;
use crate::union::Union;
use crate::union::locate::{Location, Version};
use serde::Serialize;
use std::collections::BTreeMap;

/// The command's own part of its document.
#[derive(Debug, Clone, Serialize)]
pub struct Locate {
    /// The image or container, as it was asked for.
    pub target: String,
    /// The word for what it is.
    pub kind: &'static str,
    /// Its whole ID.
    pub id: String,
    /// The path that was asked for.
    pub path: String,
    /// Where it leads.
    pub resolved_path: String,
    /// The links that lead there.
    pub links: Vec<String>,
    /// Whether a container sees something there.
    pub exists: bool,
    /// Where what is there leads, if it is a link itself.
    pub leads_to: Option<String>,
    /// What the layers have there, top first.
    pub items: Vec<Item>,
}

/// What one layer has at the path.
#[derive(Debug, Clone, Serialize)]
pub struct Item {
    /// `provides`, `merged`, `content`, `whiteout` or `hidden`.
    pub role: &'static str,
    /// The layer, if it is read-only.
    pub layer: Option<ChainId>,
    /// Its directory, if it has one.
    pub dir: Option<DirId>,
    /// `read-write`, `init` or `read-only`.
    pub layer_kind: Option<&'static str>,
    /// What it is.
    pub kind: &'static str,
    /// Its length, of anything but a directory.
    pub size: Option<u64>,
    /// What is allocated for it.
    pub bytes: u64,
    /// The permissions, in octal.
    pub mode: String,
    /// The owner and the group on the disk.
    pub user: u32,
    /// The group on the disk.
    pub group: u32,
    /// How it is hidden: `deleted`, `overwritten`, `renewed` or `renamed`.
    pub hidden: Option<&'static str>,
    /// The layer or directory that hides it.
    pub hidden_by: Option<String>,
    /// The path that is in the way.
    pub hidden_at: Option<String>,
    /// The step that made the layer that hides it.
    pub hidden_by_step: Option<String>,
    /// The step that made its layer.
    pub created_by: Option<String>,
    /// Where it is on the disk, if it is there.
    pub disk_path: Option<String>,
}

/// Who made the layers.
struct Makers<'a> {
    audit: &'a Audit,
    layers: BTreeMap<DirId, ChainId>,
    steps: BTreeMap<ChainId, String>,
}

impl Locate {
    /// Tells what `location` comes to in `union`, whose layers are `directories`.
    #[must_use]
    pub fn new(
        audit: &Audit,
        (target, kind, id): (&str, &'static str, String),
        asked: &[u8],
        (union, directories, location): (&Union, &[DirId], &Location),
    ) -> Self {
        let makers = Makers { audit, layers: layers_by_directory(audit), steps: created_by(audit) };
        let found = location.found.as_ref();
        let link = found.filter(|found| found.entry.word() == "symlink").and_then(|found| {
            let target = union.layer(found.top.layer)?.read_link(&found.top.path)?;
            Some(escape::name(&target))
        });
        Self {
            target: target.to_owned(),
            kind,
            id,
            path: escape::name(asked),
            resolved_path: inside(&location.path),
            links: location.links.iter().map(|link| inside(link)).collect(),
            exists: found.is_some(),
            leads_to: link,
            items: location.versions.iter().map(|version| item(&makers, (union, directories), version)).collect(),
        }
    }
}

fn item(makers: &Makers<'_>, (union, directories): (&Union, &[DirId]), version: &Version) -> Item {
    let dir = directories.get(version.part.layer).copied();
    let layer = makers.layer(dir);
    let shown = dir.and_then(|dir| makers.audit.inventory.shown(dir));
    let inode = &version.entry.inode;
    let hider = version.hider.as_ref();
    let by = hider.and_then(|hider| hider.by.as_ref());
    let hiding = by.and_then(|part| directories.get(part.layer)).copied();
    let kind_of_layer = |dir: DirId| match dir {
        DirId::Init(_) => "init",
        _ if layer.is_some() => "read-only",
        _ => "read-write",
    };
    Item {
        role: version.role.name(),
        layer,
        dir: shown,
        layer_kind: dir.map(kind_of_layer),
        kind: version.entry.word(),
        size: (!version.entry.is_directory()).then_some(inode.size),
        bytes: inode.allocated,
        mode: format!("{:04o}", inode.permissions()),
        user: inode.user,
        group: inode.group,
        hidden: hider.map(|hider| hider.how.name()),
        hidden_by: hiding.map(|dir| makers.layer(Some(dir)).map_or_else(|| dir.to_string(), |chain| chain.to_string())),
        hidden_at: by.map(|part| inside(&part.path)),
        hidden_by_step: makers.step(hiding),
        created_by: makers.step(dir),
        disk_path: shown.and_then(|_| union.layer(version.part.layer)).map(|layer| escape::path(&layer.path(&version.part.path))),
    }
}

impl Makers<'_> {
    fn layer(&self, dir: Option<DirId>) -> Option<ChainId> {
        self.layers.get(&dir?).copied()
    }

    fn step(&self, dir: Option<DirId>) -> Option<String> {
        self.steps.get(&self.layer(dir)?).cloned()
    }
}
