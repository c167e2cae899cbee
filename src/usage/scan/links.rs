//! Inodes that have several names.

use super::account::Account;
use super::inode::{Inode, Usage};
use super::lock;
use super::memory::{MOST_OPEN, Open, Outside, part_of};
use crate::id::DirId;
use crate::store::place::Owner;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// The inodes that have further names: each is charged once, to the least of the owners that have a name of it.
///
/// An inode is forgotten when all its names were met, so that only those are kept whose names are far apart or outside.
#[derive(Debug)]
pub(super) struct Links<'o> {
    shards: [Mutex<HashMap<u64, Linked<'o>>>; 64],
    /// What is noted of those with names in several places, if that is wanted.
    notes: Option<Mutex<Notes>>,
    /// Whether an inode was met in two states.
    is_torn: AtomicBool,
}

/// What is noted of inodes with names in several places, or outside.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// What they are charged to.
    pub(super) charged: BTreeMap<Owner, Usage>,
    /// Those that a layer directory has names of.
    pub(super) open: BTreeMap<DirId, Vec<Open>>,
    /// Those with names that were not met.
    pub(super) outside: BTreeSet<Outside>,
    /// Whether all of them were noted.
    pub(super) is_whole: bool,
    /// Whether each was met in one state only.
    pub(super) is_torn: bool,
    noted: usize,
}

/// An inode of which some names were met.
#[derive(Debug)]
struct Linked<'o> {
    inode: Inode,
    first: Holder<'o>,
    /// Who else has names of it; noted only if somebody wants to know.
    others: Vec<Holder<'o>>,
    met: u32,
}

/// Somebody who has names of an inode.
#[derive(Debug)]
struct Holder<'o> {
    account: Arc<Account<'o>>,
    names: u32,
}

impl<'o> Links<'o> {
    /// Knows no inode yet; takes notes of those with names in several places if that is wanted.
    pub(super) fn new(takes_notes: bool) -> Self {
        let notes = takes_notes.then(|| Mutex::new(Notes { is_whole: true, ..Notes::default() }));
        Self { shards: std::array::from_fn(|_| Mutex::default()), notes, is_torn: AtomicBool::new(false) }
    }

    /// Takes note of `names` names of `inode` on `account`; true if they are the first.
    pub(super) fn meet(&self, inode: &Inode, account: &Arc<Account<'o>>, names: u32) -> bool {
        let shard = usize::try_from(inode.number % 64).ok().and_then(|index| self.shards.get(index));
        let Some(shard) = shard else { return false };
        let mut shard = lock(shard);
        match shard.entry(inode.number) {
            Entry::Vacant(entry) => {
                entry.insert(Linked { inode: *inode, first: Holder::new(account, names), others: Vec::new(), met: names });
                true
            }
            Entry::Occupied(mut entry) => {
                let linked = entry.get_mut();
                if !linked.inode.is_same(inode) {
                    self.is_torn.store(true, Relaxed);
                }
                // Only those who meet it in a layer look for that.
                linked.inode.is_metacopy |= inode.is_metacopy;
                linked.add(account, names, self.notes.is_some());
                let complete = (linked.met >= linked.inode.links).then(|| entry.remove());
                drop(shard);
                if let Some(linked) = complete {
                    self.close(linked);
                }
                false
            }
        }
    }

    /// Charges the inodes that have names elsewhere, and hands over the notes.
    pub(super) fn settle(mut self) -> Option<Notes> {
        for shard in std::mem::replace(&mut self.shards, std::array::from_fn(|_| Mutex::default())) {
            shard.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().for_each(|linked| self.close(linked));
        }
        let notes = self.notes?.into_inner().unwrap_or_else(PoisonError::into_inner);
        Some(Notes { is_torn: self.is_torn.into_inner(), ..notes })
    }

    /// Charges an inode of which no more names are expected.
    fn close(&self, linked: Linked<'o>) {
        match &self.notes {
            Some(notes) if !linked.is_within_one() => lock(notes).take(linked),
            _ => linked.first.account.charge(linked.usage()),
        }
    }
}

impl Notes {
    fn take(&mut self, linked: Linked<'_>) {
        let usage = linked.usage();
        let Linked { inode, first, others, met } = linked;
        let holders = || std::iter::once(&first).chain(&others);
        if let Some(least) = holders().map(|holder| holder.account.owner()).min() {
            *self.charged.entry(least.clone()).or_default() += usage;
        }
        self.noted = self.noted.saturating_add(1 + others.len());
        if self.noted > MOST_OPEN {
            self.is_whole = false;
            self.open.clear();
            self.outside.clear();
            return;
        }
        for holder in holders() {
            if let Some((id, part)) = part_of(holder.account.owner()) {
                self.open.entry(id).or_default().push(Open { inode, part, names: holder.names });
            }
        }
        if met < inode.links {
            self.outside.insert(Outside { number: inode.number, links: inode.links, met, changed: inode.changed });
        }
    }
}

impl<'o> Linked<'o> {
    /// Adds names on `account`; who has them matters only as far as the least owner is charged, unless `notes_all`.
    fn add(&mut self, account: &Arc<Account<'o>>, names: u32, notes_all: bool) {
        self.met = self.met.saturating_add(names);
        let mut holders = std::iter::once(&mut self.first).chain(&mut self.others);
        let is_same = |holder: &Holder<'o>| Arc::ptr_eq(&holder.account, account) || holder.account.owner() == account.owner();
        if let Some(holder) = holders.find(|holder| is_same(holder)) {
            holder.names = holder.names.saturating_add(names);
        } else if notes_all {
            self.others.push(Holder::new(account, names));
        } else if account.owner() < self.first.account.owner() {
            self.first = Holder::new(account, names);
        }
    }

    /// Whether all of its names were met, on one account.
    fn is_within_one(&self) -> bool {
        self.others.is_empty() && self.met >= self.inode.links
    }

    fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        usage.add(&self.inode);
        usage
    }
}

impl<'o> Holder<'o> {
    fn new(account: &Arc<Account<'o>>, names: u32) -> Self {
        Self { account: Arc::clone(account), names }
    }
}
