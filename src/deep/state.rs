//! What was verified when: a file outside of the data-root, by which a verification that ran out of time goes on where it ended.

use super::{Job, Outcome};
use crate::id::{ChainId, DiffId, DirId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

/// The form of the file.
const SCHEMA: &str = "layerwise/verified/1";

/// The most bytes that are read of it: hundreds of thousands of layers.
const LARGEST: u64 = 256 << 20;

/// What is remembered of a data-root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    schema: String,
    data_root: String,
    layers: BTreeMap<String, Entry>,
}

/// What is remembered of a layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    diff_id: String,
    directory: String,
    status: String,
    at: Timestamp,
}

/// Why a state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is another file.
    #[error("it is no state of layerwise: {0}")]
    Malformed(String),
    /// It is about something else.
    #[error("it is about {0}")]
    OtherDataRoot(String),
}

impl State {
    /// Nothing is known of `data_root`.
    #[must_use]
    pub fn new(data_root: &str) -> Self {
        Self { schema: SCHEMA.to_owned(), data_root: data_root.to_owned(), layers: BTreeMap::new() }
    }

    /// Reads the state of `data_root` from `file`; nothing is known if there is no such file.
    ///
    /// # Errors
    /// When it cannot be read, or is something else: it is then not overwritten.
    pub fn load(file: &Path, data_root: &str) -> Result<Self, StateError> {
        let content = match std::fs::File::open(file) {
            Ok(open) => io::read_to_string(io::Read::take(open, LARGEST))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::new(data_root)),
            Err(error) => return Err(error.into()),
        };
        let state: Self = serde_json::from_str(&content).map_err(|error| StateError::Malformed(error.to_string()))?;
        if state.schema != SCHEMA {
            return Err(StateError::Malformed(format!("its schema is {}", crate::render::escape::brief(&state.schema))));
        }
        if state.data_root != data_root {
            return Err(StateError::OtherDataRoot(crate::render::escape::brief(&state.data_root)));
        }
        Ok(state)
    }

    /// Writes it to `file`, whole or not at all.
    ///
    /// # Errors
    /// When that fails.
    pub fn save(&self, file: &Path) -> io::Result<()> {
        let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(directory)?;
        let mut new = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer(&mut new, self)?;
        new.write_all(b"\n")?;
        new.as_file().sync_all()?;
        new.persist(file).map_err(|error| error.error)?;
        Ok(())
    }

    /// Remembers an outcome.
    pub fn note(&mut self, job: &Job, outcome: &Outcome, at: Timestamp) {
        if outcome.status.is_finished() {
            let (diff_id, directory, status) = (job.diff.to_string(), job.dir.to_string(), outcome.status.name().to_owned());
            self.layers.insert(job.chain.to_string(), Entry { diff_id, directory, status, at });
        }
    }

    /// Forgets the layers that are no more.
    pub fn keep_only(&mut self, jobs: &[Job]) {
        let there: std::collections::BTreeSet<String> = jobs.iter().map(|job| job.chain.to_string()).collect();
        self.layers.retain(|chain, _| there.contains(chain));
    }

    /// When a layer was last looked at to its end, if it is still the same and nothing was wrong with it.
    #[must_use]
    pub fn verified(&self, chain: ChainId, diff: DiffId, dir: DirId) -> Option<Timestamp> {
        let entry = self.layers.get(&chain.to_string())?;
        let is_same = entry.diff_id == diff.to_string() && entry.directory == dir.to_string();
        (is_same && matches!(entry.status.as_str(), "verified" | "not-reproducible")).then_some(entry.at)
    }

    /// Puts those first that were never found whole, then those for which that is longest ago; of these the largest first.
    pub fn order(&self, jobs: &mut [Job]) {
        jobs.sort_by_cached_key(|job| (self.verified(job.chain, job.diff, job.dir), Reverse(job.bytes), job.chain));
    }
}

#[cfg(test)]
mod tests {
    use super::super::Status;
    use super::*;

    fn job(name: &str, bytes: u64) -> Job {
        let diff = DiffId::of(name.as_bytes());
        let dir = diff.hex().to_string().parse().unwrap();
        Job { chain: ChainId::base(diff), diff, dir, lower: Vec::new(), bytes }
    }

    fn outcome(job: &Job, status: Status) -> Outcome {
        Outcome { chain: job.chain, dir: job.dir, status, files: 0, bytes: 0, differences: Vec::new(), omitted: 0 }
    }

    #[test]
    fn what_was_longest_not_verified_comes_first() {
        let mut state = State::new("/d");
        let jobs = ["early", "late", "damaged", "never", "large", "unfinished"].map(|name| job(name, u64::from(name == "large")));
        let at = |second| Timestamp::from_second(second).unwrap();
        for (index, status, second) in
            [(0, Status::Verified, 1), (1, Status::NotReproducible("x"), 2), (2, Status::Different, 3), (5, Status::Unfinished, 4)]
        {
            state.note(&jobs[index], &outcome(&jobs[index], status), at(second));
        }
        let mut ordered = jobs.to_vec();
        state.order(&mut ordered);
        assert_eq!(ordered[0], jobs[4]);
        assert_eq!(ordered[4..], [jobs[0].clone(), jobs[1].clone()]);
        // A layer that was pulled again has another directory.
        let again = Job { dir: "0".repeat(64).parse().unwrap(), ..jobs[0].clone() };
        assert_eq!(state.verified(again.chain, again.diff, again.dir), None);
    }

    #[test]
    fn a_state_is_read_back_and_another_file_is_not_taken_for_one() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("deep/state.json");
        let mut state = State::load(&file, "/d").unwrap();
        let job = job("a", 1);
        state.note(&job, &outcome(&job, Status::Verified), Timestamp::UNIX_EPOCH);
        state.save(&file).unwrap();
        assert_eq!(State::load(&file, "/d").unwrap(), state);
        assert!(matches!(State::load(&file, "/other"), Err(StateError::OtherDataRoot(_))));
        state.keep_only(&[]);
        assert_eq!(state, State::new("/d"));
        for content in ["", "{}", r#"{"schema":"x","data_root":"/d","layers":{}}"#] {
            std::fs::write(&file, content).unwrap();
            assert!(matches!(State::load(&file, "/d"), Err(StateError::Malformed(_))), "{content}");
        }
    }
}
