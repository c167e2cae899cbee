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
use super::point;
use super::take::{Seen, Status, Taker};
use crate::id::Digest;
use crate::plan::{Action, Kind, Object, Role};
use rustix::fs::{RenameFlags, renameat_with};
use rustix::io::Errno;

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
        if let Some(why) = self.obstacle_on_disk(action) {
            return Status::Skipped(why);
        }
        let mut removing = None;
        for (done, object) in action.objects.iter().enumerate() {
            let renames = done == 0 && object.role == Role::Record;
            let result = if renames { self.begin_removal(object).map(|begun| removing = Some(begun)) } else { self.delete_object(object) };
            if let Err(why) = result {
                return if done == 0 { Status::Skipped(why) } else { Status::Failed(why) };
            }
        }
        match removing {
            Some((seen, name, object)) if !self.delete_name(&seen, &name, &object) => {
                Status::Failed(format!("{}: it resists", object.path))
            }
            _ => Status::Taken,
        }
    }

    /// Renames a layer's record as dockerd does when it begins to delete the layer.
    fn begin_removal(&self, object: &Object) -> Result<(Seen, String, Object), String> {
        let told = |errno: Errno| format!("{}: {}", object.path, explain(errno));
        let seen = self.look_at(object)?;
        let (_, name) = object.path.split();
        // dockerd puts 64 random digits there; all that matters is that no other removal has them.
        let unique = Digest::of(format!("{} {:?}", object.path, object.evidence).as_bytes()).hex();
        let removing = format!("{name}-{unique}-removing");
        point::reach("in place: rename");
        renameat_with(&seen.parent, name, &seen.parent, &removing, RenameFlags::NOREPLACE).map_err(told)?;
        point::reach("in place: renamed");
        if seen.pin.as_ref().is_some_and(|pin| pin.is_at(&seen.parent, &removing) == Ok(true)) {
            return Ok((seen, removing, object.clone()));
        }
        renameat_with(&seen.parent, &removing, &seen.parent, name, RenameFlags::NOREPLACE).map_err(told)?;
        Err(format!("{}: another one is in its place", object.path))
    }

    fn delete_object(&self, object: &Object) -> Result<(), String> {
        let seen = self.look_at(object)?;
        point::reach("in place: delete");
        if self.delete_name(&seen, object.path.split().1, object) {
            self.remove_empty_parents(object);
            Ok(())
        } else {
            Err(format!("{}: it could not be deleted", object.path))
        }
    }

    fn delete_name(&self, seen: &Seen, name: &str, object: &Object) -> bool {
        let path = self.tops.path_of(0).join(object.path.as_path());
        let pin = seen.pin.as_ref();
        let deleted = pin.is_some_and(|pin| self.how.tally.delete((&seen.parent, name), pin, &path, self.how.stop));
        point::reach("in place: deleted");
        deleted
    }
}

/// Whether an action can be done in place: not if it takes a layer's record without the directory that this names, because dockerd, which
/// finishes what it finds renamed, would delete that directory, whoever else needs it; and not if it puts something, which takes room.
fn can_be_done(action: &Action) -> bool {
    let begins_with_record = action.objects.first().is_some_and(|object| object.role == Role::Record);
    let has_directory = action.objects.iter().any(|object| object.role == Role::Part && object.evidence.kind == Kind::Directory);
    let puts = action.objects.iter().any(|object| object.put.is_some());
    !puts && (!begins_with_record || has_directory)
}
