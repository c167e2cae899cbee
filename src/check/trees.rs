//! What was found in the trees of layers when they were measured: how large they are, and what overlayfs notes in them.

use super::{Checker, Code, Finding, Marks};
use crate::graph::Thing;
use crate::id::DirId;
use crate::render::words;
use crate::store::layerdb::Layer;
use crate::store::place::{Area, Place};
use crate::usage::account::Account;
use crate::usage::scan::Usage;
use std::collections::BTreeSet;

pub(super) fn check(checker: &mut Checker<'_>) {
    let Some(account) = &checker.audit.account else { return };
    let partly = partly_measured(checker, account);
    for layer in checker.inventory.layerdb.layers.values() {
        if let Some(dir) = layer.dir().filter(|dir| !partly.contains(dir) && !checker.shared.contains(dir)) {
            size(checker, layer, &account.owner(Area::LayerDiff, &dir.to_string()));
        }
    }
    for &id in checker.inventory.overlay2.dirs.keys() {
        if checker.cares_for(id) {
            marks(checker, id, &account.owner(Area::LayerDiff, &id.to_string()));
        }
    }
}

/// The directories of which something could not be counted.
fn partly_measured(checker: &Checker<'_>, account: &Account) -> BTreeSet<DirId> {
    let unread = account.measured.unreadable.iter().map(|unreadable| &unreadable.path);
    let paths = unread.chain(&account.measured.not_entered);
    let below = paths.filter_map(|path| path.strip_prefix(&checker.inventory.root).ok());
    let owners = below.map(|path| Place::of_path(path, false).owner().clone());
    owners.filter(|owner| owner.area == Area::LayerDiff).filter_map(|owner| DirId::try_from(&*owner.name).ok()).collect()
}

/// Compares the size that Docker recorded with the files: with the texts of symbolic links, as dockerd counts what it unpacks, or without
/// them, as it counts what a build or a comparison of two mounts made.
fn size(checker: &mut Checker<'_>, layer: &Layer, usage: &Usage) {
    let Some(&recorded) = layer.size.value() else { return };
    let is_counted = usage.inodes > 0;
    if !is_counted || usage.content_bytes == recorded || usage.content_bytes.saturating_sub(usage.symlink_bytes) == recorded {
        return;
    }
    let thing = Thing::Layer(layer.chain);
    let affects = checker.affected.by_thing(&thing);
    let message = format!("Docker recorded {recorded} bytes, and there are {}", usage.content_bytes);
    let finding = Finding::new(Code::SizeMismatch, thing.clone(), message).at("size").affecting(affects);
    let hint = format!("layerwise check --deep {} says which files", layer.chain);
    checker.push_about(&thing, finding.hint(hint));
}

fn marks(checker: &mut Checker<'_>, id: DirId, usage: &Usage) {
    let foreign = match checker.facts.marks {
        Marks::Trusted => usage.user_opaques,
        Marks::User => usage.opaques.saturating_sub(usage.user_opaques),
    };
    let prefix = if checker.facts.marks == Marks::Trusted { "user" } else { "trusted" };
    for (code, number, what) in [
        (Code::ForeignOpaque, foreign, format!("marked by {prefix}.overlay.opaque, which these mounts do not look at")),
        (Code::WhiteoutFile, usage.whiteout_files, "hidden by empty files with an attribute".to_owned()),
        (Code::Redirect, usage.redirects, "renamed by reference to a lower layer".to_owned()),
        (Code::Metacopy, usage.metacopies, "with their content in a lower layer".to_owned()),
    ] {
        let noun = match code {
            Code::ForeignOpaque | Code::Redirect => "directory",
            Code::WhiteoutFile => "name",
            _ => "file",
        };
        if number > 0 {
            let thing = Thing::Dir(id);
            let affects = checker.affected.by_thing(&thing);
            let message = format!("{} {what}", words::count(number, noun));
            checker.push_about(&thing, Finding::new(code, thing.clone(), message).at("diff").affecting(affects));
        }
    }
}
