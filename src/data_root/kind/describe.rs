//! What a directory is, in a sentence.

use super::{Activity, Kind, Shape};
use crate::inventory::DRIVER;
use std::collections::BTreeSet;

/// What is said of stores between which the disk does not decide.
const UNDECIDED: &str = "of which dockerd's configuration decides the active one";

/// How many snapshotters are named.
const SHOWN: usize = 3;

impl Kind {
    /// Says in a sentence what it is.
    #[must_use]
    pub fn describe(&self) -> String {
        match self.shape {
            Shape::DataRoot => self.describe_data_root(),
            Shape::Empty => "an empty directory".to_owned(),
            Shape::ContainersStorage => "the storage of Podman, Buildah or CRI-O (containers/storage), which is not Docker's".to_owned(),
            Shape::Containerd => "a root of containerd, not a data-root of Docker".to_owned(),
            Shape::Overlay2 => "the directory overlay2 of a data-root; the data-root is the directory above it".to_owned(),
            Shape::LayerDirectory => "a layer directory; the data-root is two directories above it".to_owned(),
            Shape::Image => "the directory image of a data-root, or a part of it; the data-root is above it".to_owned(),
            Shape::Other => {
                "not a data-root of Docker: it has neither image/<driver> nor overlay2, nor containers beside volumes".to_owned()
            }
        }
    }

    fn describe_data_root(&self) -> String {
        let with = |activity: Activity| -> Vec<&str> {
            self.stores.iter().filter(|store| store.activity == activity).map(|store| store.driver).collect()
        };
        let mut holds = Vec::new();
        holds.extend(with(Activity::Active).into_iter().map(|driver| match driver {
            DRIVER => format!("the {driver} store"),
            _ => format!("the {driver} store, whose images and layers are not read"),
        }));
        let undecided = with(Activity::Undecided);
        let several = undecided.join(" and ");
        holds.extend(match (self.containerd.is_empty(), undecided.is_empty()) {
            (true, true) => None,
            (false, true) => Some(format!("what Docker keeps beside {}", self.name_containerd())),
            (true, false) => Some(format!("stores of {several}, {UNDECIDED}")),
            (false, false) => Some(format!("stores of {several} and of {}, {UNDECIDED}", self.name_containerd())),
        });
        let unread = || format!("the images and layers of containerd, which lie in {} and are not read", self.place_of_containerd());
        holds.extend((!self.containerd.is_empty()).then(unread));
        holds.extend(with(Activity::LeftOver).into_iter().map(|driver| format!("a {driver} store left over")));
        if !self.sub_roots.is_empty() {
            let names: Vec<_> = self.sub_roots.iter().map(|name| name.to_string_lossy()).collect();
            holds.push(format!("sub-roots of userns-remap ({})", names.join(", ")));
        }
        if holds.is_empty() {
            return "a data-root without any image store".to_owned();
        }
        format!("a data-root with {}", holds.join("; "))
    }

    /// The containerd image store, with its snapshotters.
    fn name_containerd(&self) -> String {
        let names =
            self.containerd.iter().filter_map(|sign| sign.strip_prefix("rootfs/").or_else(|| sign.strip_prefix("buildkit/containerd-")));
        let snapshotters: BTreeSet<&str> = names.collect();
        let which = match snapshotters.len() {
            0 => return "the containerd image store".to_owned(),
            1 => "snapshotter",
            _ => "snapshotters",
        };
        let snapshotters: Vec<_> = snapshotters.into_iter().take(SHOWN).collect();
        format!("the containerd image store ({which} {})", snapshotters.join(", "))
    }

    /// Where the images and layers of the containerd image store lie.
    fn place_of_containerd(&self) -> String {
        self.containerd_root.map_or_else(|| "containerd's own root".to_owned(), |root| format!("{root}/ below it"))
    }
}
