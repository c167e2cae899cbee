//! Putting something in a place: made in the trash, brought there by one rename, and undone by the same.
//!
//! ```text
//! <run>/<slot>.new     what is to be put, whole and synced before the journal is written; there until it is put
//!        │
//!        ├─ where nothing was: a rename into the place, which fails if anything is there by then
//!        └─ where something was: a rename to <slot>, and an exchange with the place, after which <slot> is what was there
//! ```
//! So the run and the place tell how far it has come:
//!
//! | `<slot>.new` | `<slot>` | the place has |
//! |---|---|---|
//! | there | – | what it had |
//! | – | the new | what it had: the exchange comes next |
//! | – | – | the new, where nothing was |
//! | – | what was there | the new |

use super::error::explain;
use super::journal::{NEW, Slot};
use super::look::{Origin, look_again};
use super::point;
use super::take::{Left, Seen};
use super::top::open_dir;
use crate::plan::{Content, Kind, New, Object};
use rustix::fs::{
    AtFlags, Dir as Listing, FileType, Gid, Mode, OFlags, RenameFlags, ResolveFlags, Uid, chownat, fchmod, fchown, fstat, fsync, mkdirat,
    openat, openat2, readlinkat, renameat_with, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};

/// Makes what is to be put as `name` in the directory of a run, as a whole and on the disk.
pub(super) fn prepare(run: &OwnedFd, name: &str, new: &New) -> Result<(), Errno> {
    let mode = Mode::from_raw_mode(new.mode);
    match &new.content {
        Content::File(text) => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut file = File::from(openat(run, name, flags, Mode::RUSR | Mode::WUSR)?);
            file.write_all(text.as_bytes()).map_err(|error| errno(&error))?;
            belong(&file, new.owner)?;
            fchmod(&file, mode)?;
            file.sync_all().map_err(|error| errno(&error))
        }
        Content::Link(text) => {
            symlinkat(text.as_str(), run, name)?;
            if is_anothers(new.owner) {
                chownat(run, name, Some(Uid::from_raw(new.owner.0)), Some(Gid::from_raw(new.owner.1)), AtFlags::SYMLINK_NOFOLLOW)?;
            }
            Ok(())
        }
        Content::Directory => {
            mkdirat(run, name, Mode::RWXU)?;
            let dir = open_dir(run, name)?;
            belong(&dir, new.owner)?;
            fchmod(&dir, mode)?;
            fsync(&dir)
        }
    }
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// Whether what we make does not belong to its owner anyway.
fn is_anothers(owner: (u32, u32)) -> bool {
    owner != (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
}

fn belong(fd: impl AsFd, owner: (u32, u32)) -> Result<(), Errno> {
    if is_anothers(owner) { fchown(fd, Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1))) } else { Ok(()) }
}

/// Puts what was prepared in its place, which was just seen to be what the plan says.
pub(super) fn put(object: &Object, seen: &Seen, run: &OwnedFd, slot: u64) -> Result<(), Left> {
    let refused = |errno: Errno| Left::Refused(format!("{}: {}", object.path, explain(errno)));
    let (parent, name) = (&seen.parent, object.path.split().1);
    let (slot, new) = (slot.to_string(), format!("{slot}{NEW}"));
    let Some(pin) = &seen.pin else {
        point::reach("put");
        renameat_with(run, &new, parent, name, RenameFlags::NOREPLACE).map_err(refused)?;
        point::reach("put: done");
        return Ok(());
    };
    point::reach("put: name");
    renameat_with(run, &new, run, &slot, RenameFlags::NOREPLACE).map_err(refused)?;
    point::reach("put: exchange");
    let exchange = || renameat_with(run, &slot, parent, name, RenameFlags::EXCHANGE);
    exchange().map_err(refused)?;
    point::reach("put: done");
    // Somebody may have put another thing there in between; where it is now nobody else can.
    if pin.is_at(run, &slot).map_err(refused)? {
        return Ok(());
    }
    exchange().map_err(refused)?;
    Err(Left::Differs(format!("{}: another one is in its place", object.path)))
}

/// Whether an object of a run was put in its place, which is `name` in `parent`, and is there still, whatever became of it.
pub(super) fn is_done((run, origin): (&OwnedFd, Origin), object: &Slot, new: &New, parent: Option<&OwnedFd>) -> bool {
    let is_there = |name: &str| statat(run, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    if object.evidence.kind != Kind::Nothing {
        return look_again(run, &object.name(), object, origin).is_ok();
    }
    let holds = |parent: &OwnedFd| {
        let name = object.path.split().1;
        match new.content {
            Content::Directory => open_dir(parent, name).is_ok(),
            Content::File(_) | Content::Link(_) => is_as_put(parent, name, new),
        }
    };
    !is_there(&object.new_name()) && parent.is_some_and(holds)
}

/// Why what was put cannot be taken back.
pub(super) fn obstacle((run, origin): (&OwnedFd, Origin), object: &Slot, new: &New, parent: Result<&OwnedFd, Errno>) -> Option<String> {
    let parent = match parent {
        Ok(parent) => parent,
        Err(errno) => return Some(explain(errno)),
    };
    if !is_as_put(parent, object.path.split().1, new) {
        return Some("what was put there has changed since".to_owned());
    }
    let is_kept = || look_again(run, &object.name(), object, origin);
    if object.evidence.kind == Kind::Nothing { None } else { is_kept().err().map(|why| format!("in the trash {why}")) }
}

/// Takes back what was put: what was there comes back from the trash by the same rename, if anything was.
pub(super) fn undo(run: &OwnedFd, object: &Slot, new: &New, parent: &OwnedFd) -> Result<(), Errno> {
    let name = object.path.split().1;
    point::reach("restore");
    if object.evidence.kind == Kind::Nothing {
        renameat_with(parent, name, run, object.new_name(), RenameFlags::NOREPLACE)?;
        point::reach("restored");
        // Somebody may have changed it in between.
        if !is_as_put(run, &object.new_name(), new) {
            renameat_with(run, object.new_name(), parent, name, RenameFlags::NOREPLACE)?;
            return Err(Errno::BUSY);
        }
        return Ok(());
    }
    renameat_with(run, object.name(), parent, name, RenameFlags::EXCHANGE)?;
    point::reach("restored");
    Ok(())
}

/// Removes what was prepared and was not put, or was taken back.
pub(super) fn discard(run: &OwnedFd, object: &Slot, new: &New, origin: Origin) {
    let flags = if new.content == Content::Directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    // What cannot be removed stays in the run, and does no harm.
    let _ = unlinkat(run, object.new_name(), flags);
    if is_as_put(run, &object.name(), new) && look_again(run, &object.name(), object, origin).is_err() {
        let _ = unlinkat(run, object.name(), flags);
    }
}

/// Whether what lies in a run under `name` is what was prepared for it, or was put and taken back.
pub(super) fn is_unused(run: &OwnedFd, name: &str, object: &Slot, new: &New) -> bool {
    name == object.new_name() || name == object.name() && is_as_put(run, name, new)
}

/// Whether `name` in `dir` is still just what was put there.
pub(super) fn is_as_put(dir: &OwnedFd, name: &str, new: &New) -> bool {
    match &new.content {
        Content::File(text) => read(dir, name, text.len()).is_ok_and(|found| found == text.as_bytes()),
        Content::Link(text) => readlinkat(dir, name, Vec::new()).is_ok_and(|found| found.as_bytes() == text.as_bytes()),
        Content::Directory => open_dir(dir, name).is_ok_and(|dir| is_empty(&dir)),
    }
}

/// What the regular file `name` says, up to one byte more than `length`.
fn read(dir: &OwnedFd, name: &str, length: usize) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = openat2(dir, name, flags, Mode::empty(), ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV)?;
    if FileType::from_raw_mode(fstat(&fd)?.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    let mut found = Vec::new();
    let limit = u64::try_from(length).unwrap_or(u64::MAX).saturating_add(1);
    File::from(fd).take(limit).read_to_end(&mut found).map_err(|error| errno(&error))?;
    Ok(found)
}

fn is_empty(dir: &OwnedFd) -> bool {
    let Ok(listing) = Listing::read_from(dir) else { return false };
    listing.into_iter().all(|entry| entry.is_ok_and(|entry| matches!(entry.file_name().to_bytes(), b"." | b"..")))
}
