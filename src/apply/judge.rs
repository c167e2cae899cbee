//! Everything that a plan is drawn up from: read the same way, the first time and under the lock.

use crate::audit::Audit;
use crate::data_root::Machine;
use crate::data_root::storage::stated;
use crate::dir::Dir;
use crate::graph::Thing;
use crate::plan::{Draft, Mode, Wanted};
use crate::store::leftovers::{ImageFiles, Leftovers, What, inactive, named};

/// A judged data-root, with what only a plan needs to know of it.
#[derive(Debug)]
pub struct Judged<'a> {
    audit: &'a Audit,
    leftovers: Leftovers,
    /// Of which things it cannot be told whether anybody asks for them, and why.
    untold: Vec<(&'static str, String)>,
}

impl<'a> Judged<'a> {
    /// Gathers what is needed to take of `root`, on which `audit` was made with the same wishes, what is `wanted`.
    ///
    /// What cannot be looked at is not in it, and so is not taken.
    #[must_use]
    pub fn gather(root: &Dir, audit: &'a Audit, wanted: &Wanted) -> Self {
        let inventory = &audit.inventory;
        let (given_up, mut untold) = wanted.given_up(inventory);
        let mut unseen = Vec::new();
        let kinds = wanted.leftovers();
        let mut others = named::read(root, inventory, &kinds, &mut unseen);
        if kinds.contains(&What::InactiveStore) {
            let stores = inactive::read(root, inventory, &stated(&Machine::current(), root), &mut unseen);
            others.extend(stores.leftovers);
            untold.extend(stores.kept.into_iter().map(|why| ("inactive-store", why)));
        }
        let files = |thing: Thing| if let Thing::Image(id) = thing { Some((id, ImageFiles::of(root, id)?)) } else { None };
        let images = given_up.into_iter().filter_map(files).collect();
        Self { audit, leftovers: Leftovers { others, images }, untold }
    }

    /// Drafts a plan of everything that is dead.
    #[must_use]
    pub fn draft(&self, mode: Mode) -> Draft<'a> {
        let mut draft = Draft::new(self.audit, mode, &self.leftovers);
        for (kind, why) in &self.untold {
            draft.note_untold(kind, why);
        }
        draft
    }
}
