//! Makes a tree like a data-root that has been in use: the same for the same seed.
//!
//! ```text
//! overlay2/<id>/{diff/,link,lower,work/work/,committed}, overlay2/l/<link>      for each owner
//! image/overlay2/layerdb/sha256/<id>/{cache-id,diff,size,tar-split.json.gz}     a base layer, so that it is one for the cache too
//! ```
//! The first layer has two fifths of all inodes, deep like `node_modules`; the next five are like base systems; all others are tiny. About
//! one entry in 16 is a symbolic link, one in 50 a further name of a file, one in 100 of a tiny layer a whiteout, one directory of a layer
//! in 50 opaque, one file in 500 sparse. Files have one block, which is allocated but not written: no walk looks at it, and
//! the trees need no more of the disk than they must (about 4 GB for a million inodes).

use rustix::fs::{
    AtFlags, FallocateFlags, FileType, Mode, OFlags, XattrFlags, fallocate, fsetxattr, ftruncate, linkat, mkdirat, mknodat, openat,
    symlinkat,
};
use rustix::io::{Errno, Result};
use std::os::fd::OwnedFd;

/// How large a tree is made, and which one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) inodes: u64,
    pub(crate) owners: u64,
    pub(crate) seed: u64,
}

/// To be counted up when the same plan makes another tree.
#[allow(dead_code, reason = "not every benchmark keeps its trees")]
pub(crate) const FORM: u32 = 3;

/// Inodes that each owner has besides what its layer holds.
const PLUMBING: u64 = 12;

struct Gardener {
    random: u64,
    planted: u64,
    named: u64,
}

/// Makes the tree in the empty directory `root`.
pub(crate) fn plant(root: &OwnedFd, plan: Plan) -> Result<()> {
    let mut gardener = Gardener { random: plan.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, planted: 0, named: 0 };
    let overlay = gardener.directory(root, "overlay2")?;
    let links = gardener.directory(&overlay, "l")?;
    let mut records = gardener.directory(root, "image")?;
    for name in ["overlay2", "layerdb", "sha256"] {
        records = gardener.directory(&records, name)?;
    }
    let mut below = None;
    for owner in 0..plan.owners {
        let id = gardener.id();
        let layer = gardener.directory(&overlay, &id)?;
        let diff = gardener.directory(&layer, "diff")?;
        let work = gardener.directory(&layer, "work")?;
        gardener.directory(&work, "work")?;
        let link = gardener.link_id(&links, &id)?;
        let lower = format!("l/{}", below.replace(link.clone()).unwrap_or(link.clone()));
        for (name, content) in [("link", &*link), ("lower", &lower), ("committed", "")] {
            gardener.content(&layer, name, content)?;
        }
        let record = gardener.directory(&records, &id)?;
        for (name, content) in [("cache-id", &*id), ("diff", &format!("sha256:{id}")), ("size", "4096"), ("tar-split.json.gz", "-")] {
            gardener.content(&record, name, content)?;
        }
        let budget = match owner {
            0 => plan.inodes * 2 / 5,
            1..=5 => plan.inodes * 3 / 100,
            _ => plan.inodes.saturating_sub(gardener.planted) / (plan.owners - owner).max(1),
        };
        gardener.grow(&diff, budget.saturating_sub(if owner > 5 { PLUMBING } else { 0 }), owner > 5)?;
    }
    Ok(())
}

impl Gardener {
    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 20
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    fn id(&mut self) -> String {
        format!("{:016x}{:016x}{:016x}{:016x}", self.next(), self.next(), self.next(), self.next())
    }

    /// A name as long as they are, different from all others.
    fn name(&mut self) -> String {
        const STEMS: [&str; 8] = ["index", "a", "package", "README", "lib", "constants", "util-promisified", "x86_64-linux-gnu"];
        let stem = usize::try_from(self.below(8)).ok().and_then(|index| STEMS.get(index)).unwrap_or(&"x");
        self.named += 1;
        format!("{stem}.{:x}", self.named)
    }

    fn directory(&mut self, at: &OwnedFd, name: &str) -> Result<OwnedFd> {
        mkdirat(at, name, Mode::from_raw_mode(0o755))?;
        self.planted += 1;
        openat(at, name, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
    }

    fn file(&mut self, at: &OwnedFd, name: &str, length: u64) -> Result<OwnedFd> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(at, name, flags, Mode::from_raw_mode(0o644))?;
        self.planted += 1;
        if length > 0 {
            fallocate(&file, FallocateFlags::empty(), 0, length)?;
        }
        Ok(file)
    }

    fn content(&mut self, at: &OwnedFd, name: &str, content: &str) -> Result<()> {
        rustix::io::write(self.file(at, name, 0)?, content.as_bytes()).map(drop)
    }

    /// Makes the link of the layer directory `id`, and says what it is called.
    fn link_id(&mut self, links: &OwnedFd, id: &str) -> Result<String> {
        self.planted += 1;
        let link: String = id
            .bytes()
            .take(26)
            .map(|byte| char::from(if byte.is_ascii_digit() { byte - b'0' + b'G' } else { byte - b'a' + b'A' }))
            .collect();
        symlinkat(format!("../{id}/diff"), links, &link)?;
        Ok(link)
    }

    /// Fills a directory with about `budget` inodes.
    fn grow(&mut self, at: &OwnedFd, budget: u64, is_tiny: bool) -> Result<()> {
        // Most directories have few entries, some have very many, as below /usr.
        let most = if self.below(8) == 0 { 100 } else { 10 };
        let files = if budget <= 16 { budget } else { budget.min(1 + self.below(most)) };
        let mut last: Option<String> = None;
        for _ in 0..files {
            let name = self.name();
            let kind = self.below(1000);
            match (kind, &last) {
                (0..20, Some(last)) => linkat(at, last.as_str(), at, name.as_str(), AtFlags::empty())?,
                (20..80, _) => {
                    symlinkat("../lib/somewhere/else", at, name.as_str())?;
                    self.planted += 1;
                }
                (80..90, _) if is_tiny => self.whiteout(at, &name)?,
                (90..92, _) => ftruncate(self.file(at, &name, 0)?, 1 << 24)?,
                (92..200, _) => drop(self.file(at, &name, 0)?),
                _ => {
                    let bits = 5 + self.below(7);
                    let length = 100 + self.below(1 << bits);
                    self.file(at, &name, length)?;
                    last = Some(name);
                }
            }
        }
        let rest = budget - files;
        let directories = rest.min(1 + self.below(6));
        for number in 0..directories {
            let name = self.name();
            let below = self.directory(at, &name)?;
            if is_tiny && self.below(50) == 0 {
                // Not everybody may set it, and not every file system keeps it.
                let _ = fsetxattr(&below, "trusted.overlay.opaque", b"y", XattrFlags::empty());
            }
            let share = (rest - directories) / directories;
            let more = if number == 0 { (rest - directories) % directories } else { 0 };
            if share + more > 0 {
                self.grow(&below, share + more, is_tiny)?;
            }
        }
        Ok(())
    }

    /// A whiteout, or an empty file for those who may not make devices.
    fn whiteout(&mut self, at: &OwnedFd, name: &str) -> Result<()> {
        match mknodat(at, name, FileType::CharacterDevice, Mode::empty(), 0) {
            Err(Errno::PERM | Errno::ACCESS) => self.file(at, name, 0).map(drop),
            made => {
                self.planted += 1;
                made
            }
        }
    }
}
