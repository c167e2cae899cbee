//! The content of a member.

use super::{Aim, Ended, Pass};
use crate::deep::compare::{Difference, What};
use crate::dir::tree::Inode;
use crate::store::tar_split::{Crc64, Member};
use sha2::Digest as _;
use std::fs::File;
use std::io::Read as _;

impl Pass<'_> {
    /// A member with content.
    pub(super) fn content(
        &mut self,
        path: &[u8],
        member: &Member<'_>,
        (inode, file): (&Inode, Option<File>),
        buffer: &mut [u8],
    ) -> Result<(), Ended> {
        if self.is_elsewhere(path, inode) {
            self.irreproducible = Some("overlayfs left the content of a file in a lower layer");
            return Ok(());
        }
        let Some(file) = file.filter(|_| inode.size == member.size) else {
            self.is_hopeful = false;
            self.differs(path, What::Size { expected: member.size, found: inode.size });
            return Ok(());
        };
        let wants_content = self.aim == Aim::Locate || self.is_hopeful && self.irreproducible.is_none();
        if !wants_content {
            return Ok(());
        }
        let mut crc = Crc64::default();
        let read = self.read(file, member.size, buffer, |pass, bytes| match pass.aim {
            Aim::Hash => pass.digest.update(bytes),
            Aim::Locate => crc.update(bytes),
        })?;
        let what = match read {
            Err(error) => What::Unreadable(error.to_string()),
            Ok(length) if length != member.size => What::Size { expected: member.size, found: length },
            Ok(_) if self.aim == Aim::Locate && member.crc.is_some_and(|expected| expected != crc.finish()) => What::Content,
            Ok(_) => return Ok(()),
        };
        self.is_hopeful = false;
        if self.aim == Aim::Locate {
            self.differences.tell(Difference { path: path.to_vec(), what });
        }
        Ok(())
    }

    /// Whether a file only looks as if it had its content: `metacopy`.
    fn is_elsewhere(&mut self, path: &[u8], inode: &Inode) -> bool {
        const ATTRIBUTES: u64 = 65_536;
        let lacks_content = inode.allocated < inode.size && inode.allocated <= ATTRIBUTES;
        let names: [&[u8]; 2] = [b"trusted.overlay.metacopy", b"user.overlay.metacopy"];
        lacks_content && names.iter().any(|name| self.tree.attribute(path, name).ok().flatten().is_some())
    }

    /// Reads a file to the length that it should have, and hands over what was read.
    fn read(
        &mut self,
        mut file: File,
        size: u64,
        buffer: &mut [u8],
        mut take: impl FnMut(&mut Self, &[u8]),
    ) -> Result<std::io::Result<u64>, Ended> {
        let mut length: u64 = 0;
        while length < size {
            self.control.go_on()?;
            let read = match file.read(buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Ok(Err(error)),
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            take(self, bytes);
            let read = u64::try_from(read).unwrap_or(u64::MAX);
            length = length.saturating_add(read);
            self.bytes = self.bytes.saturating_add(read);
            self.control.read(read);
        }
        Ok(Ok(length))
    }
}
