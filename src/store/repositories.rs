//! References: which names stand for which images.
//!
//! ```text
//! image/overlay2/repositories.json    {"Repositories":{"<repository>":{"<repository>:<tag>":"sha256:…","<repository>@sha256:…":"sha256:…"}}}
//! ```
//!
//! dockerd rewrites it as a whole at every change. When it is missing, dockerd starts with no references at all and says nothing; when it
//! cannot be parsed, dockerd does not start.

use super::parse_json;
use crate::dir::{Cause, Dir, Operation};
use crate::id::ImageId;
use crate::unreadable::{Pins, Unreadable, keep};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Where the references stand below a data-root.
pub const PATH: &str = "image/overlay2/repositories.json";

/// Every reference and the image it stands for; what is no image ID is kept as the text that it is.
pub type References = BTreeMap<String, Result<ImageId, String>>;

/// Reads the references; `None` when there is no such file.
pub fn read(root: &Dir, unreadable: &mut Vec<Unreadable>) -> Option<BTreeMap<String, ImageId>> {
    let content = keep(root.read(PATH, super::JSON), Pins::Images, unreadable)??;
    let references = parse(&content).map_err(|cause| root.error(PATH, Operation::Parse, cause));
    let mut images = BTreeMap::new();
    for (reference, image) in keep(references, Pins::Images, unreadable)? {
        match image {
            Ok(image) => {
                images.insert(reference, image);
            }
            Err(why) => unreadable.push(Unreadable::malformed(root.path().join(PATH), format!("{reference}: {why}"), Pins::Layers)),
        }
    }
    Some(images)
}

/// Parses `repositories.json`; like Docker, it looks at the first JSON value only.
///
/// # Errors
/// When it is not the JSON that Docker writes.
pub fn parse(content: &[u8]) -> Result<References, Cause> {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(rename = "Repositories")]
        repositories: Option<BTreeMap<String, BTreeMap<String, String>>>,
    }
    let raw: Raw = parse_json(content)?;
    let references = raw.repositories.unwrap_or_default().into_values().flatten();
    Ok(references.map(|(reference, id)| (reference, id.parse().map_err(|error: crate::id::IdError| error.to_string()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tags_and_digests_and_ignores_what_follows() {
        let id = ImageId::of(b"x");
        let content = format!(r#"{{"Repositories":{{"a":{{"a:1":"{id}","a@{id}":"{id}","a:bad":"nonsense"}},"b":{{}}}}}} garbage"#);
        let references = parse(content.as_bytes()).unwrap();
        assert_eq!(references.len(), 3);
        assert_eq!(references["a:1"], Ok(id));
        assert!(references["a:bad"].as_ref().unwrap_err().contains("nonsense"));
    }

    #[test]
    fn an_empty_file_is_not_an_empty_set_of_references() {
        assert!(parse(b"").is_err());
        assert!(parse(b"[]").is_err());
        assert!(parse(b"{}").unwrap().is_empty());
    }
}
