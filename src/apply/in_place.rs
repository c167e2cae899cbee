//! Making room on a file system that is so full, of bytes or of inodes, that not even the trash's own directory can be made.
//!
//! Then things are deleted where they are, in dockerd's own order, until there is room; the rest is taken as always. That order has no rename
//! into the trash, and so each step leaves what dockerd's own removals leave when they are cut off, which the next plan finds again:
//!
//! | cut off after | leaves |
//! |---|---|
//! | a layer's record was renamed to `<chain>-<64 hex>-removing` | an interrupted removal, which dockerd finishes too |
//! | a link was removed, or a part of a directory | a directory that nothing names still, or that the record names still |

use super::error::explain;
use super::look::{Sameness, look};
use super::point;
use super::take::{Status, Taker};
use crate::id::Digest;
use crate::plan::{Action, Kind, Object, Role};
use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

impl Taker<'_> {
    /// Deletes the first action that can be done in place; says whether anything was deleted.
    pub(super) fn make_room(&mut self) -> bool {
        for (index, action) in self.plan.actions.iter().enumerate() {
            let is_due = self.statuses.get(index) == Some(&None) && self.obstacle(action).is_none();
            if is_due && can_be_done(action) && !self.how.stop.load(std::sync::atomic::Ordering::Relaxed) {
                let status = self.delete_in_place(action);
                let is_done = status == Status::Taken;
                self.set(index, status);
                if is_done {
                    return true;
                }
            }
        }
        false
    }

    fn delete_in_place(&self, action: &Action) -> Status {
        let mut removing = None;
        for (done, object) in action.objects.iter().enumerate() {
            let renames = done == 0 && object.role == Role::Record;
            let result = if renames { self.begin_removal(object).map(|begun| removing = Some(begun)) } else { self.delete_object(object) };
            if let Err(why) = result {
                return if done == 0 { Status::Skipped(why) } else { Status::Failed(why) };
            }
        }
        match removing {
            Some((parent, name, object)) if !self.delete_name(&parent, &name, &object) => {
                Status::Failed(format!("{}: it resists", object.path))
            }
            _ => Status::Taken,
        }
    }

    /// Renames a layer's record as dockerd does when it begins to delete the layer.
    fn begin_removal(&self, object: &Object) -> Result<(OwnedFd, String, Object), String> {
        let told = |errno: Errno| format!("{}: {}", object.path, explain(errno));
        let parent = self.look_at(object)?;
        let (_, name) = object.path.split();
        // dockerd puts 64 random digits there; all that matters is that no other removal has them.
        let unique = Digest::of(format!("{} {:?}", object.path, object.evidence).as_bytes()).hex();
        let removing = format!("{name}-{unique}-removing");
        point::reach("in place: rename");
        renameat_with(&parent, name, &parent, &removing, RenameFlags::NOREPLACE).map_err(told)?;
        point::reach("in place: renamed");
        Ok((parent, removing, object.clone()))
    }

    fn delete_object(&self, object: &Object) -> Result<(), String> {
        let parent = self.look_at(object)?;
        point::reach("in place: delete");
        if self.delete_name(&parent, object.path.split().1, object) {
            self.remove_empty_parents(object);
            Ok(())
        } else {
            Err(format!("{}: it could not be deleted", object.path))
        }
    }

    fn delete_name(&self, parent: &OwnedFd, name: &str, object: &Object) -> bool {
        let path = self.tops.path_of(0).join(object.path.as_path());
        let deleted = self.how.tally.delete(parent, name, &path, self.how.stop);
        point::reach("in place: deleted");
        deleted
    }

    /// Opens the directory that an object lies in, if it is still what the plan says.
    fn look_at(&self, object: &Object) -> Result<OwnedFd, String> {
        let top = self.tops.get(self.tops.of(&object.path)).ok_or_else(|| format!("{}: nothing is there", object.path))?;
        let parent = top.parent_of(&object.path).map_err(|errno| format!("{}: {}", object.path, explain(errno)))?;
        look(&parent, object.path.split().1, &object.evidence, Sameness::Untouched).map_err(|why| format!("{}: {why}", object.path))?;
        Ok(parent)
    }
}

/// Whether an action can be done in place: not if it takes a layer's record without the directory that this names, because dockerd, which
/// finishes what it finds renamed, would delete that directory, whoever else needs it.
fn can_be_done(action: &Action) -> bool {
    let begins_with_record = action.objects.first().is_some_and(|object| object.role == Role::Record);
    let has_directory = action.objects.iter().any(|object| object.role == Role::Part && object.evidence.kind == Kind::Directory);
    !begins_with_record || has_directory
}
