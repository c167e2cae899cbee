//! What is mounted into a container, as its config says: volumes, images, whose read-write layers no other file names, and directories of the
//! host, which may be ones of layers.

use crate::dir::Cause;
use crate::id::{DirId, MountName};
use crate::store::live::mounts::Names;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MountPoint {
    #[serde(rename = "Type", default)]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(rename = "ID", default)]
    id: String,
    #[serde(default)]
    source: String,
    spec: Option<MountSpec>,
}

/// What was asked for, which says the kind too.
#[derive(Deserialize)]
struct MountSpec {
    #[serde(rename = "Type", default)]
    kind: String,
}

impl MountPoint {
    fn kind(&self) -> &str {
        let asked = self.spec.as_ref().map_or("", |spec| &spec.kind);
        if self.kind.is_empty() { asked } else { &self.kind }
    }
}

/// The mount points, also those whose destination damage has made that of another.
#[derive(Default)]
pub(super) struct MountPoints(Vec<MountPoint>);

impl<'de> Deserialize<'de> for MountPoints {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByDestination;
        impl<'de> Visitor<'de> for ByDestination {
            type Value = MountPoints;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("mount points by their destinations")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<MountPoints, A::Error> {
                let mut points = Vec::new();
                while let Some((_, point)) = map.next_entry::<String, MountPoint>()? {
                    points.push(point);
                }
                Ok(MountPoints(points))
            }
        }
        deserializer.deserialize_map(ByDestination)
    }
}

/// Where what is mounted comes from.
#[derive(Default)]
pub(super) struct Sources {
    /// The names of the volumes, sorted.
    pub(super) volumes: Vec<String>,
    /// The names of the read-write layers of the images.
    pub(super) image_mounts: Vec<MountName>,
    /// The names in directories of the host that are those of layer directories.
    pub(super) bound: Vec<DirId>,
}

impl MountPoints {
    pub(super) fn sources(self) -> Result<Sources, Cause> {
        let Sources { mut volumes, mut image_mounts, mut bound } = Sources::default();
        for point in self.0 {
            match point.kind() {
                "volume" => volumes.push(point.name),
                "image" => image_mounts.push(point.id.parse().map_err(|error: crate::id::IdError| Cause::Malformed(error.to_string()))?),
                // Before 17.06 a mount point had no type, and a volume was one that had a name.
                "" if !point.name.is_empty() => volumes.push(point.name),
                "" | "bind" => bound.extend(Names::of_path(point.source.as_ref()).directories),
                "tmpfs" | "npipe" | "cluster" => {}
                other => return Err(Cause::Malformed(format!("{other:?} is not a kind of mount point"))),
            }
        }
        volumes.sort_unstable();
        volumes.dedup();
        Ok(Sources { volumes, image_mounts, bound })
    }
}
