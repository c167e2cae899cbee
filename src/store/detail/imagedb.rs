//! What is the matter with references and image configs.

use crate::dir::{Cause, Dir};
use crate::id::{Digest, FileName, ImageId};
use crate::inventory::Inventory;
use crate::store::place::{Area, Place};
use crate::store::{JSON, imagedb, repositories};
use std::collections::BTreeMap;

/// `repositories.json` as it stands there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReferencesFile {
    /// There is none.
    #[default]
    Missing,
    /// dockerd could not start on it, for this reason.
    Unusable(String),
    /// It can be read; these references stand for what is no image ID.
    Usable(BTreeMap<String, String>),
}

/// Why an image cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigTrouble {
    /// Its config is gone.
    Missing,
    /// Its config has another digest than its name says.
    Mismatch(Digest),
    /// Its config makes no sense, or cannot be read.
    Invalid(String),
}

/// Reads the references once more, for what exactly is wrong with them.
pub(super) fn read_references(root: &Dir) -> ReferencesFile {
    match root.read(repositories::PATH, JSON) {
        Ok(None) => ReferencesFile::Missing,
        Ok(Some(content)) => match repositories::parse(&content) {
            Ok(references) => {
                ReferencesFile::Usable(references.into_iter().filter_map(|(name, image)| image.err().map(|why| (name, why))).collect())
            }
            Err(cause) => ReferencesFile::Unusable(cause.to_string()),
        },
        Err(error) => ReferencesFile::Unusable(error.cause.to_string()),
    }
}

/// Reads once more the configs that could not be read.
pub(super) fn read_troubles(root: &Dir, inventory: &Inventory) -> BTreeMap<ImageId, ConfigTrouble> {
    let below = inventory.unreadable.iter().filter_map(|unreadable| unreadable.path.strip_prefix(&inventory.root).ok());
    let named = below.filter_map(|path| {
        let place = Place::of_path(path, false);
        let owner = place.owner();
        let FileName(id) = FileName::<ImageId>::try_from(&*owner.name).ok().filter(|_| owner.area == Area::ImageConfig)?;
        Some((id, path))
    });
    let unknown = named.filter(|(id, _)| !inventory.images.contains_key(id));
    unknown
        .map(|(id, path)| {
            let trouble = match root.read(path, JSON) {
                Ok(None) => ConfigTrouble::Missing,
                Ok(Some(content)) => of_content(id, &content),
                Err(error) => ConfigTrouble::Invalid(error.cause.to_string()),
            };
            (id, trouble)
        })
        .collect()
}

fn of_content(id: ImageId, content: &[u8]) -> ConfigTrouble {
    let found = Digest::of(content);
    if found.hex() != id.hex() {
        return ConfigTrouble::Mismatch(found);
    }
    let parsed = imagedb::Config::parse(content);
    ConfigTrouble::Invalid(parsed.err().map_or_else(|| "it could not be read before".to_owned(), |cause: Cause| cause.to_string()))
}
