//! One layer.

mod content;
mod member;

use super::compare::{Difference, Differences};
use super::expected::Expected;
use super::extra;
use super::lowers::Lowers;
use super::run::{Control, Stopped};
use super::{Job, Outcome, Owners, Status};
use crate::dir::Dir;
use crate::dir::tree::Tree;
use crate::id::DiffId;
use crate::store::layerdb;
use crate::store::tar_split::{self, Headers};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// How much of a file is read at once: it fits the nearest cache that is not tiny.
const CHUNK: usize = 128 << 10;

/// Verifies layers one after another, with one buffer for all.
pub(super) struct Verifier<'a> {
    root: &'a Dir,
    owners: &'a Owners,
    control: &'a Control,
    buffer: Vec<u8>,
}

/// Why a layer was not looked at to its end.
enum Ended {
    Stopped,
    TarSplit(String),
    WithoutTarSplit,
    Gone,
}

impl From<Stopped> for Ended {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

/// What a pass does with contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aim {
    /// It hashes them, and compares everything else.
    Hash,
    /// It compares their checksums, and nothing else.
    Locate,
}

/// What is known of a layer while it is looked at.
struct Pass<'a> {
    aim: Aim,
    tree: Tree,
    lowers: Lowers,
    expected: Expected,
    owners: Owners,
    control: &'a Control,
    digest: Sha256,
    /// Whether the DiffID can still come out right.
    is_hopeful: bool,
    irreproducible: Option<&'static str>,
    files: u64,
    bytes: u64,
    differences: Differences,
    /// Of files with several names, what the last header of each found to differ.
    linked: HashMap<u64, Difference>,
}

impl<'a> Verifier<'a> {
    pub(super) fn new(root: &'a Dir, owners: &'a Owners, control: &'a Control) -> Self {
        Self { root, owners, control, buffer: vec![0; CHUNK] }
    }

    /// Verifies a layer, whatever is wrong with it.
    pub(super) fn verify(&mut self, job: &Job) -> Outcome {
        let outcome = |status| Outcome { chain: job.chain, dir: job.dir, status, files: 0, bytes: 0, differences: Vec::new(), omitted: 0 };
        match self.passes(job) {
            Ok(found) if found.status != Status::Verified && self.is_gone(job) => outcome(Status::Gone),
            Ok(found) => found,
            Err(Ended::Stopped) => outcome(Status::Unfinished),
            Err(_) if self.is_gone(job) => outcome(Status::Gone),
            Err(Ended::Gone) => outcome(Status::Gone),
            Err(Ended::WithoutTarSplit) => outcome(Status::WithoutTarSplit),
            Err(Ended::TarSplit(why)) => outcome(Status::Unreadable(why)),
        }
    }

    /// Whether the record is not there any more: then nothing of it need be.
    fn is_gone(&self, job: &Job) -> bool {
        self.root.kind(format!("{}/{}", layerdb::LAYERS, job.chain.hex())).is_ok_and(|kind| kind.is_none())
    }

    fn passes(&mut self, job: &Job) -> Result<Outcome, Ended> {
        let mut pass = self.pass(job, Aim::Hash)?;
        let found: [u8; 32] = std::mem::take(&mut pass.digest).finalize().into();
        let found = DiffId::from_bytes(found);
        let is_right = pass.is_hopeful && pass.irreproducible.is_none() && found == job.diff;
        extra::find((&mut pass.tree, &mut pass.lowers), &pass.expected, self.control, &mut pass.differences)?;
        if !is_right {
            let located = self.pass(job, Aim::Locate)?;
            pass.differences.omitted += located.differences.omitted;
            for difference in located.differences.told {
                pass.differences.tell(difference);
            }
        }
        let linked = std::mem::take(&mut pass.linked);
        for difference in linked.into_values() {
            pass.differences.tell(difference);
        }
        let Pass { files, bytes, differences: Differences { told: mut differences, omitted }, irreproducible, .. } = pass;
        differences.sort_unstable();
        let status = match irreproducible {
            _ if is_right && differences.is_empty() => Status::Verified,
            Some(why) if differences.is_empty() => Status::NotReproducible(why),
            None if differences.is_empty() => Status::Mismatched(found),
            _ => Status::Different,
        };
        Ok(Outcome { chain: job.chain, dir: job.dir, status, files, bytes, differences, omitted })
    }

    /// Goes through the tar once.
    fn pass(&mut self, job: &Job, aim: Aim) -> Result<Pass<'a>, Ended> {
        let open = |dir: &crate::id::DirId| Tree::open(self.root, &format!("overlay2/{dir}/diff"));
        // A directory that is not there has its own finding.
        let tree = open(&job.dir).ok().flatten().ok_or(Ended::Gone)?;
        let lowers = Lowers::new(job.lower.iter().filter_map(|dir| open(dir).ok().flatten()).collect());
        let mut pass = Pass {
            aim,
            tree,
            lowers,
            expected: Expected::default(),
            owners: self.owners.clone(),
            control: self.control,
            digest: Sha256::new(),
            is_hopeful: true,
            irreproducible: None,
            files: 0,
            bytes: 0,
            differences: Differences::default(),
            linked: HashMap::new(),
        };
        let name = format!("{}/{}/{}", layerdb::LAYERS, job.chain.hex(), layerdb::TAR_SPLIT);
        let file = self.root.file(name).map_err(|error| Ended::TarSplit(error.cause.to_string()))?.ok_or(Ended::WithoutTarSplit)?;
        let mut reader = tar_split::Reader::new(file);
        let mut headers = Headers::default();
        while let Some(entry) = reader.read().map_err(|error| Ended::TarSplit(error.to_string()))? {
            match entry {
                tar_split::Entry::Segment(bytes) => {
                    if aim == Aim::Hash && pass.is_hopeful {
                        pass.digest.update(bytes);
                    }
                    headers.push(bytes);
                }
                tar_split::Entry::File(member) => pass.member(&member, headers.take().as_ref(), &mut self.buffer)?,
            }
        }
        Ok(pass)
    }
}
