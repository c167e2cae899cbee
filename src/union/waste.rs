//! What images store and no container of theirs can see.
//!
//! ```text
//! Forest: layers, which stands on which, which images have them
//!    └─► Walk: one directory of all layers at once ─► Blame: who hides what, in which images ─► Sums, Efficiency
//! ```
//! An inode of a layer is *wasted* in an image if a layer above it, in that image, hides all of its names: the image carries it and never shows it.
//! What is wasted in every image that has it, nobody sees at all. Each inode is counted once, with the bytes allocated for it. Directories
//! that are merged show what is in them, and are no waste, however many layers have them; whiteouts are nothing but marks, and are. So what
//! is visible and what is wasted add up to what is stored, exactly.
//!
//! The nearest layer that hides something is blamed for it: that is the step that made it useless.

mod bits;
mod blame;
mod copies;
mod efficiency;
mod forest;
mod sums;
mod walk;
mod watch;

pub use bits::Bits;
pub use blame::{Blame, Blames, Path, Why};
pub use copies::{Copies, Copy};
pub use efficiency::Lengths;
pub use forest::{Forest, Incomplete, Node};
pub use sums::{ByReason, Culprit, Toll};
pub use watch::{Sight, Watch, runs_as_owner, text};

use super::{Layer, Layers, Weight};
use crate::unreadable::{Pins, Unreadable};
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};
use sums::Sums;
use walk::Walk;

/// What was found in the layers of a forest.
#[derive(Debug)]
pub struct Waste {
    /// What each layer stores.
    pub stored: Vec<Weight>,
    /// What of each layer no image sees.
    pub unseen: Vec<Weight>,
    /// What each image cannot see of its layers, by reason.
    pub wasted: Vec<ByReason>,
    /// What each image's efficiency is computed from.
    pub lengths: Vec<Lengths>,
    /// What hides what, the most bytes first.
    pub culprits: Vec<(Culprit, Toll)>,
    /// The images with directories that are known under another name in lower layers: what those show is counted as if they were not.
    pub redirected: Bits,
    /// Files of the same content, those that cost most first, if they were asked for.
    pub copies: Vec<Copies>,
    /// What images show and was watched for, by path.
    pub sights: Vec<Sight>,
    /// The images that have a layer of which something could not be read.
    pub unread: Bits,
    /// What could not be read.
    pub lost: Vec<Unreadable>,
}

/// What is asked for beside what is wasted.
#[derive(Debug, Default)]
pub struct Ask {
    /// From which length on files of the same content are found, if they are.
    pub copies: Option<u64>,
    /// What is told of what images show.
    pub watch: Watch,
    /// How many inodes were met so far.
    pub met: AtomicU64,
}

/// Finds what the images of `forest` waste, whose layers are those of `source`, and what else was asked for.
#[must_use]
pub fn find(source: &dyn Layers, forest: &Forest, ask: &Ask) -> Waste {
    let mut lost = Vec::new();
    let mut layers = open(source, forest, &mut lost);
    let mut whole = forest.clone();
    let mut unread = walk::no_images(forest);
    if layers.len() < forest.layers.len() {
        // Without one of them the numbers of others would be wrong.
        (0..forest.images.len()).for_each(|image| unread.insert(image));
        whole = Forest::default();
        layers.clear();
    }
    let pool = Mutex::new(Vec::new());
    Walk { forest: &whole, layers: &layers, sums: &pool, copies: ask.copies, watch: &ask.watch, met: &ask.met }.run();
    let mut sums = Sums::new(&whole);
    pool.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().for_each(|own| sums.add(own));
    sums.settle();
    let copies = copies::find(&layers, std::mem::take(&mut sums.files));
    for (number, layer) in layers.into_iter().enumerate() {
        let own = layer.into_lost();
        if !own.is_empty() {
            unread.add(&whole.images_of(number));
        }
        lost.extend(own);
    }
    lost.sort_unstable();
    lost.dedup();
    let mut culprits: Vec<_> = sums.culprits.into_iter().collect();
    culprits.sort_unstable_by(|(a, a_toll), (b, b_toll)| b_toll.weight.bytes.cmp(&a_toll.weight.bytes).then_with(|| a.cmp(b)));
    sums.sights.sort_unstable();
    Waste {
        stored: sums.stored,
        unseen: sums.unseen,
        wasted: sums.wasted,
        lengths: sums.efficiency.conclude(&whole),
        culprits,
        redirected: sums.redirected,
        copies,
        sights: sums.sights,
        unread,
        lost,
    }
}

/// Opens every layer; one that cannot be opened is left out and told.
fn open(source: &dyn Layers, forest: &Forest, lost: &mut Vec<Unreadable>) -> Vec<Layer> {
    let mut layers = Vec::new();
    for node in &forest.layers {
        match source.layer(node.dir) {
            Ok(Some(layer)) => layers.push(layer),
            Ok(None) => lost.push(Unreadable::malformed(source.place(node.dir), "it went away meanwhile", Pins::Nothing)),
            Err(error) => lost.push(Unreadable::new(error, Pins::Nothing)),
        }
    }
    layers
}
