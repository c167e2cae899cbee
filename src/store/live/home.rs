//! Whether a part of the data-root is another one's too, because both show the same directory.
//!
//! ```text
//! 61 30 254:0 /var/lib/docker/overlay2 /srv/docker/overlay2 rw - ext4 /dev/vda rw      what is needed of it the other one's records know
//! 62 30 254:0 /srv/docker/overlay2     /srv/docker/overlay2 rw - ext4 /dev/vda rw      dockerd itself mounts it so, to keep mounts private
//! 63 30 254:1 /                        /srv/docker/overlay2 rw - xfs /dev/vdb rw       a file system of its own
//! 64 30 254:1 /                        /var/lib/docker/overlay2 rw - xfs /dev/vdb rw   the same one again: of both data-roots
//! 65 30 254:0 /                        /mnt rw - ext4 /dev/vda rw                      /mnt/srv/docker is our own data-root by another name
//! ```
//!
//! A spot is a directory of a file system, by its device and its path there. Every place in any table of mounts that shows the spot of our part by
//! the name of that part belongs to a data-root: that around it. If its records are at the spots of ours, it is ours, whatever it is called. If
//! they are others, or if it cannot be told whether there are any, what that data-root needs is not known here. Two ways lead to a directory
//! without a mount of its own, a symbolic link and a sub-root; so the running dockerds are asked as well.

use super::Daemon;
use super::mountinfo::{self, Mount};
use super::proc::{FileId, Proc};
use super::reach::View;
use crate::dir::Dir;
use crate::store::{containers, layerdb, overlay2};
use crate::unreadable::{Pins, Unreadable};
use std::path::{Path, PathBuf};

/// What nothing is known of as a whole without the records beside it.
const PARTS: [&str; 2] = [overlay2::PATH, "image"];

/// The records by which a data-root knows what it needs.
const RECORDS: [&str; 2] = [layerdb::LAYERS, containers::PATH];

/// A directory of a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spot {
    device: (u32, u32),
    path: PathBuf,
}

/// Whose the parts of a data-root are, as the tables of mounts tell one after the other.
#[derive(Debug)]
pub(super) struct Homes<'a> {
    proc: &'a Proc,
    root: &'a Dir,
    /// Our own table.
    table: Vec<u8>,
    /// Where our parts are, and where our records.
    parts: Vec<(&'static str, Spot)>,
    records: Vec<(&'static str, Option<Spot>)>,
    /// Each part that is another's too, and whose.
    foreign: Vec<(&'static str, String)>,
}

impl<'a> Homes<'a> {
    pub(super) fn new(proc: &'a Proc, root: &'a Dir) -> Self {
        let table = proc.own_pid().and_then(|own| proc.read(own, "mountinfo", super::mounts::LIMIT).ok().flatten()).unwrap_or_default();
        let mounts: Vec<Mount<'_>> = mountinfo::parse(&table).flatten().collect();
        let spot_of = |name: &str| spot(&mounts, &root.path().join(name));
        let parts = PARTS.into_iter().filter_map(|part| Some((part, spot_of(part)?))).collect();
        let records = RECORDS.map(|records| (records, spot_of(records))).to_vec();
        Self { proc, root, table, parts, records, foreign: Vec::new() }
    }

    /// Looks for our parts in the table of mounts that process `pid` led to.
    pub(super) fn look(&mut self, pid: u32, table: &[u8]) {
        let mounts: Vec<Mount<'_>> = mountinfo::parse(table).flatten().collect();
        for (part, ours) in &self.parts {
            for place in places(&mounts, ours).filter(|place| place.file_name().is_some_and(|name| name == *part)) {
                let Some(around) = place.parent() else { continue };
                if self.foreign.iter().all(|(known, _)| known != part)
                    && let Some(whose) = self.whose(pid, (table, &mounts), around)
                {
                    self.foreign.push((part, whose));
                }
            }
        }
    }

    /// What there is to say of the data-root `around` in a table that `pid` led to, unless it is ours or none.
    fn whose(&self, pid: u32, (table, mounts): (&[u8], &[Mount<'_>]), around: &Path) -> Option<String> {
        self.records.iter().find_map(|(records, ours)| {
            let place = around.join(records);
            let theirs = spot(mounts, &place);
            if theirs == *ours {
                return None;
            }
            match self.identity(pid, (table, &place), theirs.as_ref()) {
                Known::Nothing => None,
                Known::Directory(found) if self.root.stamp(records).ok().flatten().map(FileId::from) == Some(found) => None,
                Known::Directory(_) => Some(format!("{} (as process {pid} sees it)", around.display())),
                Known::Not => {
                    Some(format!("{} (as process {pid} or a descriptor of it leads there, which cannot be looked into)", around.display()))
                }
            }
        })
    }

    /// Which directory is at `place` in a table that `pid` led to.
    fn identity(&self, pid: u32, (table, place): (&[u8], &Path), spot: Option<&Spot>) -> Known {
        let own: Vec<Mount<'_>> = mountinfo::parse(&self.table).flatten().collect();
        // By a name of our own, if we have one.
        for name in spot.into_iter().flat_map(|spot| places(&own, spot)) {
            if !may_wait(&own, &name) {
                return look_at(FileId::by_path(&name));
            }
        }
        // Else by the process's, if it is its own table.
        let theirs = self.proc.read(pid, "mountinfo", super::mounts::LIMIT).ok().flatten();
        let mounts: Vec<Mount<'_>> = mountinfo::parse(table).flatten().collect();
        if theirs.is_none_or(|theirs| theirs != table) || may_wait(&mounts, place) {
            return Known::Not;
        }
        match View::open(self.proc, pid).map(|view| view.map(|view| view.dir(place))) {
            Ok(Some(Ok(reached))) => reached.map_or(Known::Nothing, |reached| Known::Directory(reached.identity)),
            _ => Known::Not,
        }
    }

    /// The parts of our data-root that another one needs, each with what that means.
    pub(super) fn into_unreadable(mut self, daemons: &[Daemon]) -> Vec<Unreadable> {
        let own = self.root.stamp("").ok().flatten().map(FileId::from);
        for daemon in daemons.iter().filter(|daemon| daemon.identity != own) {
            let Some(there) = &daemon.here else { continue };
            for part in PARTS {
                let ours = self.root.stamp(part).ok().flatten().map(FileId::from);
                if ours.is_some() && FileId::by_path(&there.join(part)).ok() == ours {
                    self.foreign.push((part, format!("{} of dockerd (pid {})", there.display(), daemon.pid)));
                }
            }
        }
        let told = |(part, whose): (&str, String)| {
            let why = format!("it is that of another data-root, {whose}, whose records tell what is needed of it");
            Unreadable::malformed(self.root.path().join(part), why, Pins::Everything)
        };
        self.foreign.into_iter().map(told).collect()
    }
}

/// What is known to be at a place.
#[derive(Debug, PartialEq, Eq)]
enum Known {
    /// This directory.
    Directory(FileId),
    /// Nothing is there.
    Nothing,
    /// It could not be looked at.
    Not,
}

/// What was found, or that nothing is there.
fn look_at(found: std::io::Result<FileId>) -> Known {
    match found {
        Ok(found) => Known::Directory(found),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => Known::Nothing,
        Err(_) => Known::Not,
    }
}

/// The mount that covers `path`: the deepest, and of several on one point the last, which is on top.
fn covering<'a, 'b>(mounts: &'a [Mount<'b>], path: &Path) -> Option<&'a Mount<'b>> {
    let covers = mounts.iter().filter(|mount| path.starts_with(mount.mount_point()));
    covers.max_by_key(|mount| mount.mount_point().components().count())
}

/// The spot of what the mounts have at `path`.
fn spot(mounts: &[Mount<'_>], path: &Path) -> Option<Spot> {
    let mount = covering(mounts, path)?;
    Some(Spot { device: mount.device, path: mount.root().join(path.strip_prefix(mount.mount_point()).ok()?) })
}

/// The places at which the mounts show `spot`.
fn places<'a>(mounts: &'a [Mount<'_>], wanted: &'a Spot) -> impl Iterator<Item = PathBuf> + 'a {
    let same = mounts.iter().filter(|mount| mount.device == wanted.device);
    let named = same.filter_map(|mount| {
        let rest = wanted.path.strip_prefix(mount.root()).ok()?.to_owned();
        Some(if rest.as_os_str().is_empty() { mount.mount_point() } else { mount.mount_point().join(rest) })
    });
    named.filter(|place| spot(mounts, place).as_ref() == Some(wanted))
}

/// Whether the way to `path` leads over a file system whose server may be dead, so that it may take for ever.
fn may_wait(mounts: &[Mount<'_>], path: &Path) -> bool {
    const REMOTE: [&[u8]; 8] = [b"fuse", b"nfs", b"cifs", b"smb", b"9p", b"ceph", b"afs", b"autofs"];
    let above = mounts.iter().filter(|mount| path.starts_with(mount.mount_point()));
    above.into_iter().any(|mount| REMOTE.iter().any(|kind| mount.kind.starts_with(kind)))
}
