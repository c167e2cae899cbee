//! Layer directories that need not be walked again.

use super::account::Account;
use super::level::Spot;
use super::memory::{Layer, Memory, Part, Stamps, part_of};
use super::walker::Walker;
use crate::id::DirId;
use crate::store::place::Area;
use std::ffi::{CStr, CString};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

impl<'o> Walker<'_, 'o> {
    /// What is remembered of the entry `spot`, and under what name, if it is a layer directory that is worth remembering.
    fn memory(&self, spot: Spot<'_, 'o>) -> Option<(DirId, Option<&'o Layer>)> {
        let memory: &'o Memory = self.walk.memory?;
        if spot.level.account.owner().area != Area::Overlay2 {
            return None;
        }
        let id = DirId::try_from(spot.name.to_bytes()).ok()?;
        Some((id, memory.layers.get(&id)?.as_deref()))
    }

    /// Charges a layer directory on `account` what it was charged earlier, if it is the same as then; else it is to be walked.
    pub(super) fn recall(&mut self, spot: Spot<'_, 'o>, above: BorrowedFd<'_>, account: &Arc<Account<'o>>) -> bool {
        let Some((id, Some(layer))) = self.memory(spot) else { return false };
        if self.stamps(above, spot.name) != Some(layer.stamps) {
            return false;
        }
        let accounts = [Arc::clone(account), account.child(b"diff", true)];
        for (account, &usage) in accounts.iter().zip(&layer.usage) {
            self.charge(account, usage);
            self.meet(usage.inodes, usage.bytes);
        }
        let [dir, diff] = &accounts;
        for open in &layer.open {
            let account = if open.part == Part::Dir { dir } else { diff };
            if self.walk.links.meet(&open.inode, account, open.names) {
                self.meet(1, open.inode.bytes());
            }
        }
        self.found.recalled.push(id);
        true
    }

    /// Notes by what the directory `spot`, open as `fd`, can be known again, if it is worth remembering.
    pub(super) fn learn(&mut self, spot: Spot<'_, 'o>, fd: BorrowedFd<'_>) {
        if let Some((id, _)) = self.memory(spot)
            && let Some(stamps) = self.stamps(fd, c"")
        {
            self.found.begun.push((id, stamps));
        }
    }

    /// Notes that something in or about `spot` cannot be remembered, if that is in or about a layer directory.
    pub(super) fn spoil(&mut self, spot: Spot<'_, 'o>) {
        if self.walk.memory.is_some() {
            let owner = spot.level.account.owner();
            let inside = part_of(owner).map(|(id, _)| id);
            self.found.spoilt.extend(inside.or_else(|| DirId::try_from(spot.name.to_bytes()).ok()));
        }
    }

    /// By what the layer directory `name` can be known again.
    fn stamps(&self, at: BorrowedFd<'_>, name: &CStr) -> Option<Stamps> {
        let part = |part: &[u8]| {
            let path = if name.is_empty() { part.to_vec() } else { [name.to_bytes(), b"/", part].concat() };
            self.walk.kernel.stamp(at, &CString::new(path).ok()?)
        };
        let kernel = &self.walk.kernel;
        Some(Stamps { dir: kernel.stamp(at, name)?, diff: part(b"diff")?, work: part(b"work") })
    }
}
