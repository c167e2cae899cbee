//! Where something that a container sees lies, and what else there is of the same path that it does not see.
//!
//! A path is followed as a process in the container would: through symbolic links, which never lead out. Then all layers are gone down at once, also
//! those parts of them that are hidden, for what was deleted or overwritten still lies there.

use super::entry::{Entry, Nature};
use super::join;
use super::resolve::{Found, Look as _, Part, resolve};
use super::view::Union;
use std::collections::VecDeque;

/// The most links that are followed, as in the kernel.
const MOST_LINKS: usize = 40;

/// What a version of a path has to do with what is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is what is seen.
    Provides,
    /// What is in it is seen too, beside what is in the directories above it.
    Merged,
    /// It is the content of what is seen.
    Content,
    /// It is nothing but the mark that the path is deleted.
    Whiteout,
    /// Something above hides it.
    Hidden,
}

/// How something hides a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hides {
    /// By a whiteout.
    Deleted,
    /// By something else in its place.
    Overwritten,
    /// By a directory that was made anew, in its place or above it.
    Renewed,
    /// By the directory being known under another name.
    Renamed,
}

/// What hides a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hider {
    /// How.
    pub how: Hides,
    /// The layer that does it, if it is one alone.
    pub by: Option<Part>,
}

/// What one layer has at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Where it is.
    pub part: Part,
    /// What it is.
    pub entry: Entry,
    /// What it has to do with what is seen.
    pub role: Role,
    /// What hides it.
    pub hider: Option<Hider>,
}

/// All that there is of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The path after all links above its last component were followed.
    pub path: Vec<u8>,
    /// The links that were followed: their paths.
    pub links: Vec<Vec<u8>>,
    /// What is seen.
    pub found: Option<Found>,
    /// What the layers have there, top first.
    pub versions: Vec<Version>,
}

/// Finds `path` in a union; nothing if its links lead in a circle.
#[must_use]
pub fn locate(union: &Union, path: &[u8]) -> Option<Location> {
    let (path, links) = follow(union, path)?;
    let mut rows: Vec<Row> = union.root(0).into_iter().map(Row::root).collect();
    let mut found = None;
    for name in components(&path) {
        (rows, found) = descend(union, &rows, name);
    }
    if path.is_empty() {
        return Some(at_root(union, links));
    }
    let mut versions: Vec<_> = rows.into_iter().filter_map(|row| row.version(found.as_ref())).collect();
    versions.sort_by_key(|version| version.part.layer);
    Some(Location { path, links, found, versions })
}

/// The root, which every layer has.
fn at_root(union: &Union, links: Vec<Vec<u8>>) -> Location {
    let version = |part: Part| {
        let entry = union.look(part.layer, b"")?;
        let role = if part.layer == 0 { Role::Provides } else { Role::Merged };
        Some(Version { part, entry, role, hider: None })
    };
    let versions: Vec<_> = union.root(0).into_iter().filter_map(version).collect();
    let top = versions.first().map(|version| (version.part.clone(), version.entry.clone()));
    Location { path: Vec::new(), links, found: top.map(|(top, entry)| Found { top, entry, parts: union.root(0) }), versions }
}

/// A place in a layer on the way down.
struct Row {
    part: Part,
    /// What is there; of the root nothing, which every layer has.
    entry: Option<Entry>,
    hider: Option<Hider>,
}

impl Row {
    const fn root(part: Part) -> Self {
        Self { part, entry: None, hider: None }
    }

    fn is_directory(&self) -> bool {
        self.entry.as_ref().is_none_or(Entry::is_directory)
    }

    /// What it is in the end, beside what is seen.
    fn version(self, found: Option<&Found>) -> Option<Version> {
        let Self { part, entry, hider } = self;
        let entry = entry?;
        let role = match found {
            _ if hider.is_some() => Role::Hidden,
            _ if entry.nature == Nature::Whiteout => Role::Whiteout,
            Some(found) if found.top == part => Role::Provides,
            Some(found) if found.entry.is_directory() => Role::Merged,
            _ => Role::Content,
        };
        Some(Version { part, entry, role, hider })
    }
}

/// Goes into `name` in every layer, seen or not, and says what is seen there.
fn descend(union: &Union, rows: &[Row], name: &[u8]) -> (Vec<Row>, Option<Found>) {
    // What is seen comes first: nothing that is part of it is told as hidden, too.
    let mut hiders: Vec<Option<&Hider>> = vec![None];
    for hider in rows.iter().map(|row| row.hider.as_ref()) {
        if !hiders.contains(&hider) {
            hiders.push(hider);
        }
    }
    let mut next: Vec<Row> = Vec::new();
    let mut found = None;
    for hider in hiders {
        // What one thing hides was seen together before that came, so that in there the one may have hidden the other already.
        let directories = rows.iter().filter(|row| row.hider.as_ref() == hider && row.is_directory());
        let (group, seen) = descend_together(union, &directories.map(|row| row.part.clone()).collect::<Vec<_>>(), name, hider);
        let is_new = |row: &Row| !next.iter().any(|other| other.part == row.part);
        let group: Vec<Row> = group.into_iter().filter(is_new).collect();
        next.extend(group);
        found = if hider.is_none() { seen } else { found };
    }
    next.sort_by_key(|row| row.part.layer);
    (next, found)
}

/// Goes into `name` in directories that are merged, or were before `hider` came, and says what is, or was, seen there.
fn descend_together(union: &Union, directories: &[Part], name: &[u8], hider: Option<&Hider>) -> (Vec<Row>, Option<Found>) {
    let found = resolve(union, directories, name);
    let parts = || found.iter().flat_map(|found| std::iter::once(&found.top).chain(&found.parts));
    let mut next: Vec<Row> = Vec::new();
    for directory in directories {
        let part = Part { layer: directory.layer, path: join(&directory.path, name) };
        let Some(entry) = union.look(part.layer, &part.path) else { continue };
        let own = if parts().any(|seen| *seen == part) { None } else { hider_of(&next, &entry) };
        next.push(Row { part, entry: Some(entry), hider: own.or_else(|| hider.cloned()) });
    }
    // What is seen under this name may have another one in its layer.
    for part in parts() {
        if !next.iter().any(|row| row.part == *part) {
            next.push(Row { part: part.clone(), entry: union.look(part.layer, &part.path), hider: hider.cloned() });
        }
    }
    (next, found)
}

/// What of `above`, top first, hides something that is not seen although its directory is; nothing for the uppermost whiteout.
fn hider_of(above: &[Row], entry: &Entry) -> Option<Hider> {
    let cuts = |row: &&Row| {
        row.entry.as_ref().is_some_and(|own| match own.nature {
            Nature::Whiteout | Nature::Opaque | Nature::Plain | Nature::Stub => true,
            Nature::Merged => !entry.is_directory() && entry.nature != Nature::Whiteout,
        })
    };
    // One that is hidden itself has hidden what is below it before that.
    let own = above.iter().rev().find(cuts);
    match own.and_then(|row| Some((row, row.entry.as_ref()?))) {
        Some((row, own)) => {
            let how = match own.nature {
                Nature::Whiteout => Hides::Deleted,
                Nature::Opaque => Hides::Renewed,
                Nature::Plain | Nature::Stub | Nature::Merged => Hides::Overwritten,
            };
            Some(Hider { how, by: Some(row.part.clone()) })
        }
        None if entry.nature == Nature::Whiteout => None,
        None => Some(Hider { how: Hides::Renamed, by: None }),
    }
}

/// Where a path leads, and the links above its last component that lead there; nothing if they lead in a circle.
fn follow(union: &Union, path: &[u8]) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut links = Vec::new();
    // The directories that the path has led into, each with what it is merged of; nothing of what is not there.
    let mut above: Vec<(Vec<u8>, Vec<Part>)> = vec![(Vec::new(), union.root(0))];
    let mut rest: VecDeque<Vec<u8>> = components(path).map(<[u8]>::to_vec).collect();
    while let Some(name) = rest.pop_front() {
        if name == b".." {
            above.truncate(above.len().saturating_sub(1).max(1));
            continue;
        }
        let Some((own, parts)) = above.last() else { break };
        let here = join(own, &name);
        let found = if rest.is_empty() { None } else { union.open(parts).find(&name) };
        let target = found.as_ref().filter(|found| found.entry.word() == "symlink");
        let target = target.and_then(|found| union.layer(found.top.layer)?.read_link(&found.top.path));
        let Some(target) = target else {
            above.push((here, found.map(|found| found.parts).unwrap_or_default()));
            continue;
        };
        links.push(here);
        if links.len() > MOST_LINKS {
            return None;
        }
        if target.starts_with(b"/") {
            above.truncate(1);
        }
        components(&target).rev().for_each(|component| rest.push_front(component.to_vec()));
    }
    above.pop().map(|(path, _)| (path, links))
}

/// The components of a path, without those that lead nowhere.
fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|component| !matches!(*component, b"" | b"."))
}

impl Role {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Provides => "provides",
            Self::Merged => "merged",
            Self::Content => "content",
            Self::Whiteout => "whiteout",
            Self::Hidden => "hidden",
        }
    }
}

impl Hides {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Overwritten => "overwritten",
            Self::Renewed => "renewed",
            Self::Renamed => "renamed",
        }
    }
}
