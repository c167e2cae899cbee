//! What a member of the tar should be on the disk, and is.

use super::{Aim, Ended, Pass};
use crate::deep::compare::{self, Difference, What};
use crate::deep::expected::{BadName, push};
use crate::deep::{MOST_DIFFERENCES, extra};
use crate::dir::Kind as Entry;
use crate::dir::tree::{Inode, Tree};
use crate::store::tar_split::{Header, Kind, Member};
use rustix::io::Errno;
use std::fs::File;

/// What a member stands for on the disk.
enum Meaning {
    /// Nothing.
    Nothing,
    /// A file or the like, at this path.
    Something(Vec<u8>),
    /// What hides this path of lower layers.
    Whiteout(Vec<u8>),
    /// That this directory hides all of lower layers.
    Opaque(Vec<u8>),
}

impl Pass<'_> {
    pub(super) fn differs(&mut self, path: &[u8], what: What) {
        if self.aim == Aim::Hash {
            self.differences.tell(Difference { path: path.to_vec(), what });
        }
    }

    /// Compares a member of the tar with the disk, and takes its content into account.
    pub(super) fn member(&mut self, member: &Member<'_>, header: Option<&Header>, buffer: &mut [u8]) -> Result<(), Ended> {
        self.control.go_on()?;
        self.files += 1;
        let kind = kind_of(header);
        match (kind, member.size) {
            (Some(Kind::HardLink), 1..) => self.irreproducible = Some("it has a hard link with a size"),
            (Some(Kind::Global), 1..) => self.irreproducible = Some("it has records for the whole tar that are counted as a file"),
            _ if header.is_some_and(|header| header.is_sparse) => self.irreproducible = Some("it has a sparse file"),
            _ => {}
        }
        let meaning = self.meaning(&member.name, kind).map_err(|bad| {
            let why = if bad == BadName::Outside { "leads out of the layer" } else { "leads through links in a circle" };
            Ended::TarSplit(format!("the name {} {why}", member.name.escape_ascii()))
        })?;
        match meaning {
            Meaning::Nothing => Ok(()),
            Meaning::Something(path) => self.something(&path, member, header, buffer),
            Meaning::Whiteout(path) => {
                self.whiteout(&path);
                Ok(())
            }
            Meaning::Opaque(path) => {
                self.opaque(&path);
                Ok(())
            }
        }
    }

    fn meaning(&self, name: &[u8], kind: Option<Kind>) -> Result<Meaning, BadName> {
        let path = self.expected.resolve(name)?;
        // dockerd leaves the root of the layer as it made it.
        if kind == Some(Kind::Global) || path.is_empty() {
            return Ok(Meaning::Nothing);
        }
        let start = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let (above, last) = (path.get(..start.saturating_sub(1)).unwrap_or_default(), path.get(start..).unwrap_or_default());
        Ok(match last.strip_prefix(b".wh.") {
            Some(b".wh..opq") => Meaning::Opaque(above.to_vec()),
            Some(hidden) => {
                let mut path = above.to_vec();
                push(&mut path, hidden);
                Meaning::Whiteout(path)
            }
            None => Meaning::Something(path),
        })
    }

    fn whiteout(&mut self, path: &[u8]) {
        self.expected.mention(path);
        if self.aim == Aim::Locate {
            return;
        }
        match self.tree.stat(path) {
            Ok(Some(inode)) if inode.is_whiteout() => {}
            Ok(Some(inode)) => self.differs(path, What::Type { expected: "whiteout", found: compare::word_of(&inode) }),
            Ok(None) => self.differs(path, What::Missing { expected: "whiteout" }),
            Err(errno) => self.unreadable(path, errno),
        }
    }

    fn opaque(&mut self, path: &[u8]) {
        self.expected.hide(path);
        // Only root may see the mark.
        if self.aim == Aim::Hash && nix::unistd::geteuid().is_root() && !extra::hides(&mut self.tree, path) {
            let mut mark = path.to_vec();
            push(&mut mark, b".wh..wh..opq");
            self.differs(&mark, What::Missing { expected: "mark of an opaque directory" });
        }
    }

    fn unreadable(&mut self, path: &[u8], errno: Errno) {
        self.is_hopeful = false;
        self.differs(path, What::Unreadable(std::io::Error::from(errno).to_string()));
    }

    /// A member that is a file or the like.
    pub(super) fn something(&mut self, path: &[u8], member: &Member<'_>, header: Option<&Header>, buffer: &mut [u8]) -> Result<(), Ended> {
        if let Some(header) = header.filter(|header| header.kind == Kind::Symlink) {
            self.expected.link(path, &header.link);
        }
        let is_first = self.expected.mention(path);
        if !is_first && header.is_none_or(|header| header.kind != Kind::Directory) {
            // Two names that links make one: the second has replaced the first.
            self.irreproducible = Some("two of its names are one by a link");
        }
        // The content of a link is that of what it is linked to, whatever its header says.
        let has_content = member.size > 0 && kind_of(header) != Some(Kind::HardLink);
        if self.aim == Aim::Locate && !has_content {
            return Ok(());
        }
        let (inode, file) = match self.find(path, has_content) {
            Ok(Some(found)) => found,
            Ok(None) => {
                self.missing(path, header, has_content);
                return Ok(());
            }
            Err(errno) => {
                self.unreadable(path, errno);
                return Ok(());
            }
        };
        if let Some(header) = header {
            if !compare::is_of_kind(header.kind, &inode) {
                self.is_hopeful &= !has_content;
                let (expected, found) = (compare::word_for(header.kind), compare::word_of(&inode));
                self.differs(path, What::Type { expected, found });
                return Ok(());
            }
            if self.aim == Aim::Hash {
                self.metadata(path, header, &inode);
            }
        }
        if has_content {
            return self.content(path, member, (&inode, file), buffer);
        }
        self.empty(path, header, &inode);
        Ok(())
    }

    /// Asks the disk for a path, also through links that only lower layers have.
    fn find(&mut self, path: &[u8], has_content: bool) -> Result<Option<(Inode, Option<File>)>, Errno> {
        let look = |tree: &mut Tree, path: &[u8]| {
            if has_content { tree.file(path) } else { Ok(tree.stat(path)?.map(|inode| (inode, None))) }
        };
        if let Some(found) = look(&mut self.tree, path)? {
            return Ok(Some(found));
        }
        let Some(elsewhere) = self.lowers.resolve(&mut self.tree, path) else { return Ok(None) };
        let found = look(&mut self.tree, &elsewhere)?;
        if found.is_some() {
            self.expected.mention(&elsewhere);
        }
        Ok(found)
    }

    fn missing(&mut self, path: &[u8], header: Option<&Header>, has_content: bool) {
        let kind = header.map_or(Kind::File, |header| header.kind);
        // Whoever may not make devices leaves them out.
        if matches!(kind, Kind::Character | Kind::Block) && self.owners.lack_devices() {
            return;
        }
        self.is_hopeful &= !has_content;
        self.differs(path, What::Missing { expected: compare::word_for(kind) });
    }

    fn metadata(&mut self, path: &[u8], header: &Header, inode: &Inode) {
        let compared = compare::metadata(header, inode, path, (&mut self.tree, &mut self.owners));
        let what = compared.unwrap_or_else(|errno| Some(What::Unreadable(std::io::Error::from(errno).to_string())));
        if inode.links < 2 || inode.kind == Entry::Directory {
            return what.into_iter().for_each(|what| self.differs(path, what));
        }
        // Each of its names has a header, of which the last has set what is there.
        match what {
            Some(what) if self.linked.len() < MOST_DIFFERENCES || self.linked.contains_key(&inode.number) => {
                self.linked.insert(inode.number, Difference { path: path.to_vec(), what });
            }
            Some(_) => self.differences.omitted += 1,
            None => drop(self.linked.remove(&inode.number)),
        }
    }

    /// A member without content: a file must have none either, and a hard link must be what it is linked to.
    fn empty(&mut self, path: &[u8], header: Option<&Header>, inode: &Inode) {
        let Some(header) = header else { return };
        if header.kind == Kind::File && inode.size > 0 {
            self.differs(path, What::Size { expected: 0, found: inode.size });
        }
        if header.kind == Kind::HardLink {
            let target = self.expected.resolve(&header.link).unwrap_or_default();
            let is_same = self.tree.stat(&target).ok().flatten().is_some_and(|other| other.number == inode.number);
            if !is_same {
                self.differs(path, What::Unlinked(target));
            }
        }
    }
}

fn kind_of(header: Option<&Header>) -> Option<Kind> {
    header.map(|header| header.kind)
}
