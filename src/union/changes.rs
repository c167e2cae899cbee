//! What a layer changes of what lies below it: all that `docker diff` lists, and what it does not.
//!
//! dockerd mounts the layer and what it lies on side by side and compares two trees; only what the layer itself has can differ, so that is
//! all that is walked here. It compares type, permissions, owner, device, capabilities and, but for directories, length and time (to the second
//! where one side knows no more), never content. Older ones (20.10 and 26.1 do, 28.5 does not) take sockets and block devices for directories: they
//! also list what was in a directory that became one, and see no other time of one.

mod content;

pub use content::Content;

use super::resolve::{Found, Part};
use super::view::Union;
use super::weigh::{Extent, Names, Weight};
use super::{join, split};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// What became of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// Nothing was there.
    Added,
    /// It is of the same type as before.
    Changed,
    /// It is something else now, or a directory that was made anew.
    Replaced,
    /// It is gone.
    Deleted,
    /// A directory in which something changed, and nothing else.
    Inside,
    /// The layer has a copy of it in which nothing differs.
    Copied,
}

impl How {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Replaced => "replaced",
            Self::Deleted => "deleted",
            Self::Inside => "inside",
            Self::Copied => "copied",
        }
    }
}

/// Something in which a path differs from before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Field {
    Type,
    Mode,
    Owner,
    Device,
    Size,
    Time,
    Capabilities,
}

impl Field {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Mode => "mode",
            Self::Owner => "owner",
            Self::Device => "device",
            Self::Size => "size",
            Self::Time => "time",
            Self::Capabilities => "capabilities",
        }
    }
}

/// A path that the layer changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The path, without a slash before it.
    pub path: Vec<u8>,
    /// What became of it.
    pub how: How,
    /// The letter that `docker diff` lists it with, if it does.
    pub letter: Option<char>,
    /// What it is now.
    pub now: Option<Found>,
    /// What it was before.
    pub before: Option<Found>,
    /// In what it differs.
    pub fields: Vec<Field>,
    /// Whether a file that was one before has the same content; nothing for anything else, and for what cannot be read.
    pub content: Option<Content>,
    /// What of the layers below it hides.
    pub hidden: Weight,
}

/// Everything that the layers from `top` on down show otherwise than those from `below` on down, sorted by path.
#[must_use]
pub fn find(union: &Union, (top, below): (usize, usize)) -> Vec<Change> {
    let mut walk = Walk { union, changes: Vec::new(), quiet: BTreeMap::new(), names: Names::default() };
    let mut open = vec![Place { path: Vec::new(), now: union.root(top), before: union.root(below) }];
    while let Some(place) = open.pop() {
        walk.compare(&place, &mut open);
    }
    let Walk { mut changes, mut quiet, .. } = walk;
    // dockerd lists the directories that a change is in, whether or not they changed themselves.
    let mut inside = Vec::new();
    for change in changes.iter().filter(|change| change.letter.is_some()) {
        let mut above = split(&change.path).0;
        while let Some(change) = quiet.remove(above) {
            inside.push(change);
            above = split(above).0;
        }
    }
    changes.append(&mut inside);
    changes.par_iter_mut().for_each(|change| change.compare_content(union));
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

/// A directory on both sides.
struct Place {
    path: Vec<u8>,
    now: Vec<Part>,
    before: Vec<Part>,
}

struct Walk<'u> {
    union: &'u Union,
    changes: Vec<Change>,
    /// Directories that did not change, by path.
    quiet: BTreeMap<Vec<u8>, Change>,
    names: Names,
}

impl Walk<'_> {
    /// Compares one directory, and leaves those in it for later.
    fn compare(&mut self, place: &Place, open: &mut Vec<Place>) {
        if place.now == place.before {
            return;
        }
        let (now, before) = (self.union.open(&place.now), self.union.open(&place.before));
        for name in self.names_in(place) {
            let path = join(&place.path, &name);
            match (now.find(&name), before.find(&name)) {
                (None, None) => {}
                (Some(now), None) => self.add(path, now, open),
                (None, Some(before)) => self.delete(path, before),
                (Some(now), Some(before)) if now == before => {}
                (Some(now), Some(before)) => self.change(path, (now, before), open),
            }
        }
    }

    /// The names that may differ.
    fn names_in(&self, place: &Place) -> Vec<Box<[u8]>> {
        let names = |parts: &[Part]| self.union.list(parts).into_iter().map(|(name, _)| name);
        match place.now.split_first() {
            // What the layer does not have is on both sides the same.
            Some((own, rest)) if rest == place.before => self.union.listing(own).iter().map(|(name, _)| name.into()).collect(),
            _ => {
                let mut all: Vec<_> = names(&place.now).chain(names(&place.before)).collect();
                all.sort_unstable();
                all.dedup();
                all
            }
        }
    }

    fn add(&mut self, path: Vec<u8>, now: Found, open: &mut Vec<Place>) {
        if now.entry.is_directory() {
            open.push(Place { path: path.clone(), now: now.parts.clone(), before: Vec::new() });
        }
        self.changes.push(Change { letter: Some('A'), now: Some(now), ..Change::new(path, How::Added) });
    }

    fn delete(&mut self, path: Vec<u8>, before: Found) {
        let hidden = self.union.weigh(&before, Extent::Whole, &mut self.names);
        self.changes.push(Change { letter: Some('D'), before: Some(before), hidden, ..Change::new(path, How::Deleted) });
    }

    fn change(&mut self, path: Vec<u8>, (now, before): (Found, Found), open: &mut Vec<Place>) {
        let fields = differences(self.union, &now, &before);
        let is_directory = now.entry.is_directory() && before.entry.is_directory();
        if now.entry.is_directory() {
            let before = if is_directory { before.parts.clone() } else { Vec::new() };
            open.push(Place { path: path.clone(), now: now.parts.clone(), before });
        }
        // A directory that is merged hides nothing; of one that is not, what was in it is told name by name.
        let is_merged = is_directory && before.parts.iter().all(|part| now.parts.contains(part));
        let hidden = match is_merged {
            true => Weight::default(),
            false if now.entry.is_directory() => self.union.weigh(&before, Extent::Itself, &mut self.names),
            false => self.union.weigh(&before, Extent::Whole, &mut self.names),
        };
        let how = match fields.as_slice() {
            [Field::Type, ..] => How::Replaced,
            _ if is_directory && !is_merged => How::Replaced,
            [] if is_directory => How::Inside,
            [] => How::Copied,
            _ => How::Changed,
        };
        let is_quiet = is_directory && fields.is_empty();
        let letter = if fields.is_empty() && !is_quiet { None } else { Some('C') };
        let change = Change { letter, now: Some(now), before: Some(before), fields, hidden, ..Change::new(path, how) };
        if is_quiet {
            self.quiet.insert(change.path.clone(), change);
        } else {
            self.changes.push(change);
        }
    }
}

impl Change {
    const fn new(path: Vec<u8>, how: How) -> Self {
        let hidden = Weight { bytes: 0, inodes: 0 };
        Self { path, how, letter: None, now: None, before: None, fields: Vec::new(), content: None, hidden }
    }

    /// Compares the content of a file with what it was; what differs in nothing else is changed for all that.
    fn compare_content(&mut self, union: &Union) {
        if let (Some(now), Some(before)) = (&self.now, &self.before)
            && now.entry.is_file()
            && before.entry.is_file()
        {
            self.content = content::compare(union, now, before);
            if self.how == How::Copied && self.content != Some(Content::Same) {
                self.how = How::Changed;
            }
        }
    }
}

/// In what dockerd sees a difference.
fn differences(union: &Union, now: &Found, before: &Found) -> Vec<Field> {
    let (inode, former) = (&now.entry.inode, &before.entry.inode);
    let is_same_time = {
        let ((seconds, fraction), (former_seconds, former_fraction)) = (inode.modified, former.modified);
        seconds == former_seconds && (fraction == former_fraction || fraction == 0 || former_fraction == 0)
    };
    let has_length = !before.entry.is_directory();
    let capabilities = |found: &Found| union.layer(found.top.layer)?.capabilities(&found.top.path);
    let differs = [
        (Field::Type, inode.file_type() != former.file_type()),
        (Field::Mode, inode.permissions() != former.permissions()),
        (Field::Owner, (inode.user, inode.group) != (former.user, former.group)),
        (Field::Device, inode.device != former.device),
        (Field::Size, has_length && inode.size != former.size),
        (Field::Time, has_length && !is_same_time),
        (Field::Capabilities, capabilities(now) != capabilities(before)),
    ];
    differs.into_iter().filter_map(|(field, differs)| differs.then_some(field)).collect()
}
