//! Whom the walk charges what.

use super::inode::{Inode, Usage};
use super::lock;
use crate::store::place::{Area, Owner, Place};
use std::collections::{BTreeMap, HashMap};
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

/// The inodes that have further names: each is charged once, to the least of the owners that have a name of it.
///
/// An inode is forgotten when all its names were met, so that only those are kept whose names are far apart or outside.
#[derive(Debug)]
pub(super) struct Links<'o> {
    shards: [Mutex<HashMap<u64, Linked<'o>>>; 64],
}

/// An inode of which some names were met.
#[derive(Debug)]
struct Linked<'o> {
    inode: Inode,
    account: Arc<Account<'o>>,
    left: u32,
}

impl<'o> Links<'o> {
    /// Knows no inode yet.
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Takes note of a name of `inode` on `account`; true if it is the first.
    pub(super) fn meet(&self, inode: &Inode, account: &Arc<Account<'o>>) -> bool {
        let shard = usize::try_from(inode.number % 64).ok().and_then(|index| self.shards.get(index));
        let Some(shard) = shard else { return false };
        let mut shard = lock(shard);
        let Some(linked) = shard.get_mut(&inode.number) else {
            shard.insert(inode.number, Linked { inode: *inode, account: Arc::clone(account), left: inode.links.saturating_sub(1) });
            return true;
        };
        if account.place.owner() < linked.account.place.owner() {
            linked.account = Arc::clone(account);
        }
        linked.left = linked.left.saturating_sub(1);
        let complete = if linked.left == 0 { shard.remove(&inode.number) } else { None };
        drop(shard);
        complete.into_iter().for_each(Linked::charge);
        false
    }

    /// Charges the inodes that have names elsewhere.
    pub(super) fn settle(self) {
        for shard in self.shards {
            shard.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().for_each(Linked::charge);
        }
    }
}

impl Linked<'_> {
    fn charge(self) {
        let mut usage = Usage::default();
        usage.add(&self.inode);
        self.account.charge(usage);
    }
}
