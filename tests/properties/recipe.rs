//! Data-roots at random: a list of steps, each of which may choose among what the steps before it made.

use crate::look::temporary;
use crate::steps::{Made, Step, step};
use layerwise::demo::{Builder, Harm, Result};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::path::Path;
use tempfile::TempDir;

/// How a data-root is made.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    steps: Vec<Step>,
    copies: Vec<Index>,
    damage: Vec<(Index, Harm)>,
}

/// A data-root that was made, in a directory of its own.
pub(crate) struct Root {
    temp: TempDir,
    pub(crate) made: Made,
}

impl Root {
    pub(crate) fn path(&self) -> &Path {
        self.made.root.path()
    }

    /// A directory on the same file system and outside the data-root.
    pub(crate) fn outside(&self) -> &Path {
        self.temp.path()
    }
}

/// A data-root as Docker, its crashes and its failures leave it: nothing in it was lost.
pub(crate) fn sound() -> impl Strategy<Value = Recipe> {
    vec(step(), 1..16).prop_map(|steps| Recipe { steps, copies: Vec::new(), damage: Vec::new() })
}

/// A data-root of which some files may be damaged.
pub(crate) fn any() -> impl Strategy<Value = Recipe> {
    let harm = (proptest::prelude::any::<Index>(), select(Harm::ALL.to_vec()));
    (vec(step(), 1..16), vec(harm, 0..4)).prop_map(|(steps, damage)| Recipe { steps, copies: Vec::new(), damage })
}

/// As [`any`], with temporary files beside some of those that may be damaged: each is a copy of what it was to replace.
pub(crate) fn with_copies() -> impl Strategy<Value = Recipe> {
    (any(), vec(proptest::prelude::any::<Index>(), 0..4)).prop_map(|(recipe, copies)| Recipe { copies, ..recipe })
}

impl Recipe {
    /// Makes the data-root.
    pub(crate) fn make(&self) -> Root {
        self.make_in(temporary())
    }

    /// Makes it in a directory of its own.
    pub(crate) fn make_in(&self, temp: TempDir) -> Root {
        let mut made = Made::new(Builder::create(temp.path().join("root")).unwrap()).unwrap();
        let all = |made: &mut Made| -> Result<()> { self.steps.iter().try_for_each(|step| made.take(step)) };
        made.batch(all).unwrap();
        self.copies.iter().for_each(|index| made.copy_beside(index).unwrap());
        for (index, harm) in &self.damage {
            let files = made.root.metadata_files().unwrap();
            harm.inflict(&files[index.index(files.len())]).unwrap();
        }
        Root { temp, made }
    }
}
