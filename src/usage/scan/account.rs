//! Whom the walk charges what.

use super::inode::Usage;
use super::lock;
use crate::store::place::{Area, Owner, Place};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// What each owner has been charged so far.
pub(super) type Owners = Mutex<BTreeMap<Owner, Usage>>;

/// The running sum of one place; it goes to the place's owner when the last who holds it lets go.
#[derive(Debug)]
pub(super) struct Account<'o> {
    place: Place,
    usage: Mutex<Usage>,
    owners: &'o Owners,
}

impl<'o> Account<'o> {
    /// The account of a place.
    pub(super) fn new(place: Place, owners: &'o Owners) -> Arc<Self> {
        Arc::new(Self { place, usage: Mutex::default(), owners })
    }

    /// The account of the entry `name` of a directory on this one.
    pub(super) fn child(self: &Arc<Self>, name: &[u8], is_directory: bool) -> Arc<Self> {
        if self.is_settled() { Arc::clone(self) } else { Self::new(self.place.child(name, is_directory), self.owners) }
    }

    /// Whether everything below goes on this account too.
    pub(super) fn is_settled(&self) -> bool {
        self.place.is_settled()
    }

    /// Whether this is what an overlay shows, so that its marks mean something.
    pub(super) fn is_layer(&self) -> bool {
        self.place.owner().area == Area::LayerDiff
    }

    /// Whom it is charged to in the end.
    pub(super) fn owner(&self) -> &Owner {
        self.place.owner()
    }

    /// Charges some inodes.
    pub(super) fn charge(&self, usage: Usage) {
        *lock(&self.usage) += usage;
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        let usage = *lock(&self.usage);
        if usage != Usage::default() {
            *lock(self.owners).entry(self.place.owner().clone()).or_default() += usage;
        }
    }
}
