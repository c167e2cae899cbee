//! Making the directory of a run with its journal, and taking it away again.

use super::gather::origin_of;
use super::{JOURNAL, RunDir, TEMPORARY, Trash};
use crate::apply::error::ApplyError;
use crate::apply::journal::{Journal, NEW};
use crate::apply::look::{Origin, identify};
use crate::apply::top::open_dir;
use crate::apply::{point, put};
use crate::store::place::TRASH;
use rustix::fs::{AtFlags, Dir as Listing, Mode, OFlags, RenameFlags, fsync, mkdirat, openat, renameat_with, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;

impl Trash<'_> {
    /// Makes the directory of a new run on the file system of `top`, with its journal in it, and sees to it that both survive a power cut.
    pub(in crate::apply) fn begin(&mut self, top: usize, id: &str, journal: &mut Journal) -> Result<RunDir, ApplyError> {
        let made = self.make_run(top, id, journal);
        if made.is_err() {
            self.forget(top, id);
        }
        made.map(|fd| RunDir { top, fd })
    }

    /// Makes the directory of a run, and the trash around it if there is none.
    fn make_run(&mut self, top: usize, id: &str, journal: &mut Journal) -> Result<OwnedFd, ApplyError> {
        let path = self.path(top, id);
        let failed = |operation| move |errno: Errno| ApplyError::new(operation, path.clone(), errno);
        let at = self.tops.get(top).ok_or(Errno::NOENT).map_err(failed.clone()("open"))?;
        let place = self.dirs.get_mut(top).ok_or(Errno::NOENT).map_err(failed.clone()("open"))?;
        if place.is_none() {
            mkdirat(at, TRASH, Mode::RWXU).map_err(failed.clone()("make"))?;
            point::reach("begin: trash");
            *place = Some(open_dir(at, TRASH).map_err(failed.clone()("open"))?);
        }
        let trash = place.as_ref().ok_or(Errno::NOENT).map_err(failed.clone()("open"))?;
        mkdirat(trash, id, Mode::RWXU).map_err(failed.clone()("make"))?;
        point::reach("begin: run");
        let run = open_dir(trash, id).map_err(failed.clone()("open"))?;
        journal.home = Some(identify(&run).map_err(failed.clone()("look at"))?.1);
        let here = Some(self.tops.place(top));
        for slot in journal.items.iter().flat_map(|item| &item.objects).filter(|slot| slot.place == here) {
            if let Some(new) = &slot.put {
                point::reach("begin: prepare");
                put::prepare(&run, &slot.new_name(), new).map_err(failed.clone()("prepare what is to be put in"))?;
            }
        }
        let text = serde_json::to_vec(journal).map_err(|error| ApplyError::unexpected("describe", self.tops.path_of(top), error))?;
        write_synced(&run, JOURNAL, &text).map_err(failed.clone()("write the journal of"))?;
        fsync(trash).and_then(|()| fsync(at)).map_err(failed("sync"))?;
        Ok(run)
    }

    /// Takes away the directory of a run that took nothing, or of which nothing is in its slots or where it put it any more, and the trash if
    /// that was the last one.
    pub(in crate::apply) fn forget(&mut self, top: usize, id: &str) {
        // What cannot be taken away is listed as an empty run and does no harm.
        let Some(trash) = self.dirs.get(top).and_then(Option::as_ref) else { return };
        if let Ok(dir) = open_dir(trash, id)
            && self.discard_unused(top, id, &dir)
            && !has_slots(&dir)
        {
            let _ = unlinkat(&dir, JOURNAL, AtFlags::empty());
            let _ = unlinkat(&dir, TEMPORARY, AtFlags::empty());
            remove_new(&dir);
            let _ = unlinkat(trash, id, AtFlags::REMOVEDIR);
        }
        self.remove_if_empty(top);
    }

    /// Removes what a run made and did not put, or put and took back; nothing if something of it can still be restored. Says whether it did.
    fn discard_unused(&self, top: usize, id: &str, dir: &OwnedFd) -> bool {
        let Ok(journal) = self.journal(top, id) else { return false };
        let here = self.tops.place(top);
        let origin = journal.as_ref().map_or(Origin::Here, |(journal, dir)| origin_of(journal, dir, here));
        let objects = || {
            let all = journal.iter().flat_map(|(journal, _)| &journal.items).flat_map(|item| &item.objects);
            all.filter(|object| object.place.is_none_or(|place| place == here))
        };
        if objects().any(|object| self.is_done(dir, object, origin)) {
            return false;
        }
        for (object, new) in objects().filter_map(|object| Some((object, object.put.as_ref()?))) {
            put::discard(dir, object, new, origin);
        }
        true
    }

    /// As [`Trash::forget`], on every file system.
    pub(in crate::apply) fn forget_everywhere(&mut self, id: &str) {
        (0..self.dirs.len()).for_each(|top| self.forget(top, id));
    }

    /// Takes away a trash in which no run is.
    pub(super) fn remove_if_empty(&mut self, top: usize) {
        if let (Some(place), Some(at)) = (self.dirs.get_mut(top), self.tops.get(top))
            && place.is_some()
            && unlinkat(at, TRASH, AtFlags::REMOVEDIR).is_ok()
        {
            *place = None;
        }
    }
}

/// Writes a file that is there as a whole or not at all, whatever happens.
fn write_synced(dir: &OwnedFd, name: &str, content: &[u8]) -> Result<(), Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut file = File::from(openat(dir, TEMPORARY, flags, Mode::RUSR | Mode::WUSR)?);
    let errno = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
    file.write_all(content).and_then(|()| file.sync_all()).map_err(errno)?;
    point::reach("begin: journal");
    renameat_with(dir, TEMPORARY, dir, name, RenameFlags::NOREPLACE)?;
    fsync(dir)
}

/// Whether anything but the journal, and what was made to be put somewhere, is in a run's directory; if it cannot be listed, perhaps.
pub(super) fn has_slots(dir: &OwnedFd) -> bool {
    let Ok(listing) = Listing::read_from(dir) else { return true };
    let is_slot = |name: &[u8]| !matches!(name, b"." | b".." | b"journal" | b"journal.tmp") && !name.ends_with(NEW.as_bytes());
    listing.into_iter().any(|entry| entry.map_or(true, |entry| is_slot(entry.file_name().to_bytes())))
}

/// Removes what was made to be put somewhere, of a run that has put nothing.
fn remove_new(dir: &OwnedFd) {
    let Ok(listing) = Listing::read_from(dir) else { return };
    for entry in listing.into_iter().flatten().filter(|entry| entry.file_name().to_bytes().ends_with(NEW.as_bytes())) {
        if unlinkat(dir, entry.file_name(), AtFlags::empty()).is_err() {
            let _ = unlinkat(dir, entry.file_name(), AtFlags::REMOVEDIR);
        }
    }
}

/// Whether a name is one that [`new_run_id`] makes.
pub(super) fn is_run_id(name: &str) -> bool {
    let Some((time, process)) = name.split_once('-') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = time.strip_suffix('Z').and_then(|time| time.split_once('T'));
    time.is_some_and(|(date, time)| date.len() == 8 && time.len() == 6 && digits(date) && digits(time)) && digits(process)
}

/// The name of a run that begins `now`: no two processes make the same one, and no process two in one second.
pub(in crate::apply) fn new_run_id(now: jiff::Timestamp) -> String {
    format!("{}-{}", now.strftime("%Y%m%dT%H%M%SZ"), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_called_by_its_time_and_process() {
        let id = new_run_id(jiff::Timestamp::from_second(1_790_000_000).unwrap());
        assert!(id.starts_with("20260921T") && is_run_id(&id), "{id}");
        for name in ["", "x", "20260921T120000Z", "20260921T120000Z-", "20260921T120000Z-x", "2026T120000Z-1", "journal", ".."] {
            assert!(!is_run_id(name), "{name}");
        }
    }
}
