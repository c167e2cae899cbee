//! The files of a directory that are deleted next, in the order of their inodes.
//!
//! A large directory is listed in the order of hashes, and whoever deletes in that order touches another block of inodes for each file: with a
//! journal, all of these blocks are written again and again, and it is full all the time.

use std::ffi::CStr;

/// The names of some files.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The inode of each, and where its name begins.
    files: Vec<(u64, usize)>,
    /// The names, each ended by a NUL.
    names: Vec<u8>,
}

impl Batch {
    /// Adds the name of an inode.
    pub(super) fn add(&mut self, inode: u64, name: &CStr) {
        self.files.push((inode, self.names.len()));
        self.names.extend(name.to_bytes_with_nul());
    }

    /// Whether the names have more bytes than that.
    pub(super) const fn is_larger_than(&self, bytes: usize) -> bool {
        self.names.len() > bytes
    }

    /// All of them, those with the lowest inodes first.
    pub(super) fn in_order(&mut self) -> impl Iterator<Item = &CStr> {
        self.files.sort_unstable();
        self.files.iter().filter_map(|&(_, start)| CStr::from_bytes_until_nul(self.names.get(start..)?).ok())
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.files.clear();
        self.names.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_in_the_order_of_their_inodes() {
        let mut batch = Batch::default();
        for (inode, name) in [(7, c"c"), (1, c"a long name"), (u64::MAX, c"\xff\n"), (3, c"b"), (3, c"b too")] {
            batch.add(inode, name);
        }
        assert!(batch.is_larger_than(21) && !batch.is_larger_than(25));
        assert_eq!(batch.in_order().collect::<Vec<_>>(), [c"a long name", c"b", c"b too", c"c", c"\xff\n"]);
        batch.clear();
        assert!(batch.in_order().next().is_none() && !batch.is_larger_than(0));
    }
}
