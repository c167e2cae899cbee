//! Images: their configs and what Docker notes about them.
//!
//! ```text
//! image/overlay2/imagedb/
//! ├── content/sha256/<image ID>       the config, whose SHA-256 is its name; Docker lists no image whose config is missing or differs
//! └── metadata/sha256/<image ID>/
//!     ├── parent                      the image that it was committed or built upon; absent for pulled ones
//!     ├── lastUpdated                 when it was last tagged
//!     └── builtLocally                one byte, since 26.0
//! ```
//!
//! Docker writes the content first and deletes the metadata first, so metadata without content means that a config was lost, and with
//! it the knowledge of which layers it named.

use super::{JSON, id_of_name, parse_json, read_each, read_id};
use crate::dir::{Cause, Dir, Entry, Operation};
use crate::id::{DiffId, Digest, FileName, ImageId};
use crate::unreadable::{Pins, Unreadable, keep};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;

/// Where the configs stand below a data-root.
pub const CONTENT: &str = "image/overlay2/imagedb/content/sha256";
/// Where what Docker notes about images stands below a data-root.
pub const METADATA: &str = "image/overlay2/imagedb/metadata/sha256";

/// An image as its config and metadata describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its ID.
    pub id: ImageId,
    /// What its config says.
    pub config: Config,
    /// The image that it was built upon.
    pub parent: Option<ImageId>,
    /// When it was last tagged, as Docker wrote it.
    pub last_updated: Option<String>,
}

/// The part of an image config that tells of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Its layers, base first; none for an image from scratch without content.
    pub diff_ids: Vec<DiffId>,
    /// The steps that made it, first step first.
    pub history: Vec<Step>,
    /// When it was made, as its maker wrote it.
    pub created: Option<String>,
    /// The operating system; Docker lists only images of its own.
    pub os: Option<String>,
    /// The processor architecture.
    pub architecture: Option<String>,
}

/// A step of an image's history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Step {
    /// The instruction, as its builder wrote it.
    pub created_by: Option<String>,
    /// The builder's remark.
    pub comment: Option<String>,
    /// When it ran.
    pub created: Option<String>,
    /// Whether it made no layer.
    pub empty_layer: Option<bool>,
}

impl Config {
    /// Parses an image config; Docker's one demand is that there is a `rootfs`.
    ///
    /// # Errors
    /// When it is no JSON, has no `rootfs`, or names something that is no DiffID.
    pub fn parse(content: &[u8]) -> Result<Self, Cause> {
        #[derive(Deserialize)]
        struct Raw {
            rootfs: Option<RootFs>,
            history: Option<Vec<Step>>,
            created: Option<String>,
            os: Option<String>,
            architecture: Option<String>,
        }
        #[derive(Deserialize)]
        struct RootFs {
            diff_ids: Option<Vec<String>>,
        }
        let raw: Raw = parse_json(content)?;
        let rootfs = raw.rootfs.ok_or_else(|| Cause::Malformed("the image config has no rootfs".to_owned()))?;
        let diff_ids = rootfs.diff_ids.unwrap_or_default().iter().map(|text| text.parse()).collect::<Result<_, _>>();
        Ok(Self {
            diff_ids: diff_ids.map_err(|error: crate::id::IdError| Cause::Malformed(error.to_string()))?,
            history: raw.history.unwrap_or_default(),
            created: raw.created,
            os: raw.os,
            architecture: raw.architecture,
        })
    }

    /// The step that made each layer, base first: every step that is not empty takes the next layer, as Docker matches them.
    ///
    /// An image may have more layers than such steps (imports, squashed ones): those have none.
    pub fn steps(&self) -> impl Iterator<Item = Option<&Step>> {
        let mut steps = self.history.iter().filter(|step| step.empty_layer != Some(true));
        self.diff_ids.iter().map(move |_| steps.next())
    }
}

/// Reads every image.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> BTreeMap<ImageId, Image> {
    let names = keep(root.entries_of(CONTENT), Pins::Everything, unreadable).unwrap_or_default();
    let names: Vec<Entry> = names.into_iter().filter(|entry| !entry.name.as_bytes().starts_with(b".tmp-")).collect();
    let images = read_each(&names, unreadable, |entry, unreadable| read_one(root, entry, unreadable));
    let images: BTreeMap<_, _> = images.into_iter().map(|image| (image.id, image)).collect();
    note_lost_configs(root, &names, unreadable);
    images
}

fn read_one(root: &Dir, entry: &Entry, unreadable: &mut Vec<Unreadable>) -> Option<Image> {
    let path = format!("{CONTENT}/{}", entry.name.display());
    let parsed = ImageId::from_hex(entry.name.as_bytes())
        .map_err(|error| root.error(&path, Operation::Parse, Cause::Malformed(error.to_string())))
        .and_then(|id| Ok(root.read(&path, JSON)?.map(|content| (id, content))))
        .and_then(|found| {
            found
                .map(|(id, content)| {
                    parse(id, &content).map(|config| (id, config)).map_err(|cause| root.error(&path, Operation::Parse, cause))
                })
                .transpose()
        });
    let (id, config) = keep(parsed, Pins::Layers, unreadable)??;
    let metadata = format!("{METADATA}/{}", id.hex());
    // A parent's layers are the child's too, so losing its name loses no layer.
    let parent = keep(read_id(root, format!("{metadata}/parent")), Pins::Images, unreadable).flatten();
    let last_updated = keep(root.read(format!("{metadata}/lastUpdated"), super::SMALL), Pins::Nothing, unreadable).flatten();
    let last_updated = last_updated.map(|text| String::from_utf8_lossy(text.trim_ascii()).into_owned());
    Some(Image { id, config, parent, last_updated })
}

/// Parses the config that must be the content of `id`.
fn parse(id: ImageId, content: &[u8]) -> Result<Config, Cause> {
    let found = Digest::of(content);
    if found.hex() != id.hex() {
        return Err(Cause::Malformed(format!("the content is not the image's: it hashes to {found}")));
    }
    Config::parse(content)
}

/// Notes images of which only the metadata is left.
fn note_lost_configs(root: &Dir, contents: &[Entry], unreadable: &mut Vec<Unreadable>) {
    let Some(dir) = keep(root.dir(METADATA), Pins::Layers, unreadable).flatten() else { return };
    for entry in keep(dir.entries(), Pins::Layers, unreadable).unwrap_or_default() {
        if contents.binary_search_by(|content| content.name.cmp(&entry.name)).is_err() {
            // The name itself is checked too: what is no image ID is not one whose config was lost.
            if id_of_name::<FileName<ImageId>>(&dir, &entry, Pins::Layers, unreadable).is_some() {
                let path = root.path().join(CONTENT).join(&entry.name);
                unreadable.push(Unreadable::malformed(path, "missing, although the image's metadata is there", Pins::Layers));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

    #[test]
    fn matches_steps_to_layers_as_docker_does() {
        let content = format!(
            r#"{{"rootfs":{{"type":"layers","diff_ids":["{DIFF}","{DIFF}","{DIFF}"]}},
                 "history":[{{"created_by":"ADD"}},{{"created_by":"ENV","empty_layer":true}},{{"created_by":"RUN"}}]}}"#
        );
        let config = Config::parse(content.as_bytes()).unwrap();
        let steps: Vec<_> = config.steps().map(|step| step.and_then(|step| step.created_by.as_deref())).collect();
        assert_eq!(steps, [Some("ADD"), Some("RUN"), None]);
    }

    #[test]
    fn reads_what_docker_reads_and_refuses_what_it_refuses() {
        for content in [r#"{"rootfs":{}}"#, r#"{"rootfs":{"diff_ids":null},"history":null}"#, r#"{"rootfs":{"diff_ids":[]}} trailing"#] {
            assert!(Config::parse(content.as_bytes()).is_ok(), "{content}");
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let bad_diff = r#"{"rootfs":{"diff_ids":["sha256:../../etc"]}}"#;
        for content in ["", "{}", "null", r#"{"rootfs":null}"#, bad_diff, &deep] {
            assert!(Config::parse(content.as_bytes()).is_err(), "{content:.80}");
        }
    }

    #[test]
    fn a_config_must_hash_to_its_name() {
        let content = br#"{"rootfs":{}}"#;
        assert!(parse(ImageId::of(content), content).is_ok());
        assert!(parse(ImageId::of(b"other"), content).unwrap_err().to_string().contains("hashes to"));
    }
}
