//! Everything that a plan is drawn up from: read the same way, the first time and under the lock.

use crate::audit::Audit;
use crate::dir::Dir;
use crate::graph::untagged;
use crate::plan::{Draft, Include, Mode, Wanted};
use crate::store::leftovers::{self, ImageFiles, Leftovers, named};
use crate::store::live::Proc;
use crate::store::live::holders::{self, Holder};
use crate::unreadable::Unreadable;

/// A judged data-root, with what only a plan needs to know of it.
#[derive(Debug)]
pub struct Judged<'a> {
    audit: &'a Audit,
    leftovers: Leftovers,
    /// The processes that hold something.
    holders: Vec<Holder>,
    /// What could not be read about processes.
    unseen: Vec<Unreadable>,
    /// Why it cannot be told which images nobody asks for.
    untold: Option<String>,
}

impl<'a> Judged<'a> {
    /// Gathers what is needed to take of `root`, on which `audit` was made with the same wishes, what is `wanted`.
    ///
    /// What cannot be looked at is not in it, and so is not taken.
    #[must_use]
    pub fn gather((root, proc): (&Dir, &Proc), audit: &'a Audit, wanted: &Wanted) -> Self {
        let inventory = &audit.inventory;
        let untold = wanted.include.contains(&Include::UntaggedImages).then(|| untagged::find(inventory).err()).flatten();
        let mut unread = Vec::new();
        let mut leftovers = leftovers::read(root, inventory, &mut unread);
        leftovers.others.extend(named::read(root, inventory, &wanted.leftovers(), &mut unread));
        let given_up = wanted.assumptions(inventory).given_up;
        leftovers.images = given_up.into_iter().filter_map(|id| Some((id, ImageFiles::of(root, id)?))).collect();
        let (holders, unseen) = holders::read(proc);
        Self { audit, leftovers, holders, unseen, untold }
    }

    /// What could not be read about processes: what they have open, nobody can say.
    #[must_use]
    pub fn unseen(&self) -> &[Unreadable] {
        &self.unseen
    }

    /// Drafts a plan of everything that is dead.
    #[must_use]
    pub fn draft(&self, mode: Mode) -> Draft<'a> {
        let mut draft = Draft::new(self.audit, mode, &self.leftovers);
        draft.withhold_held(&self.holders);
        if let Some(why) = &self.untold {
            draft.note_untold("image", why);
        }
        draft
    }
}
