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
use crate::render::escape::brief;
use crate::unreadable::{Pins, Unreadable, keep};
use serde::Deserialize;
use std::borrow::Cow;
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
    let mut references = References::new();
    for (repository, names) in raw.repositories.unwrap_or_default() {
        for (reference, id) in names {
            let image = if is_of(&reference, &repository) {
                id.parse().map_err(|error: crate::id::IdError| error.to_string())
            } else {
                Err(format!("it stands under the repository {}", brief(&repository)))
            };
            let known = references.get(&reference).is_some_and(|known| *known != image);
            references.insert(reference, if known { Err("it stands there twice".to_owned()) } else { image });
        }
    }
    Ok(references)
}

/// A name as Docker writes it down: without its own registry, and without a tag where there is a digest.
#[must_use]
pub fn familiar(name: &str) -> Cow<'_, str> {
    let name = name.strip_prefix("docker.io/").or_else(|| name.strip_prefix("index.docker.io/")).unwrap_or(name);
    let name = name.strip_prefix("library/").filter(|rest| !rest.contains('/')).unwrap_or(name);
    let Some((tagged, digest)) = name.split_once('@') else { return Cow::Borrowed(name) };
    match tagged.rsplit_once(':') {
        // A colon before the last slash is that of a port.
        Some((repository, tag)) if !tag.contains('/') => Cow::Owned(format!("{repository}@{digest}")),
        _ => Cow::Borrowed(name),
    }
}

/// Whether a reference is one of a repository: another one was written over, in part.
fn is_of(reference: &str, repository: &str) -> bool {
    reference.strip_prefix(repository).is_some_and(|rest| rest.starts_with([':', '@']))
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
    fn a_name_that_is_damaged_stands_for_nothing() {
        let (one, other) = (ImageId::of(b"x"), ImageId::of(b"y"));
        let content = format!(r#"{{"Repositories":{{"a":{{"b:1":"{one}"}},"b":{{"b:1":"{other}"}}}}}}"#);
        assert_eq!(parse(content.as_bytes()).unwrap()["b:1"], Err("it stands there twice".to_owned()));
        let content = format!(r#"{{"Repositories":{{"app":{{"apq:1":"{one}","application:1":"{one}"}}}}}}"#);
        assert!(parse(content.as_bytes()).unwrap().values().all(Result::is_err));
    }

    #[test]
    fn names_are_familiar_as_docker_makes_them() {
        for (typed, written) in [
            ("docker.io/library/app:1", "app:1"),
            ("docker.io/library/app", "app"),
            ("library/app:1", "app:1"),
            ("index.docker.io/team/app:1", "team/app:1"),
            ("docker.io/library/a/b:1", "library/a/b:1"),
            ("app:1@sha256:00", "app@sha256:00"),
            ("host:5000/app@sha256:00", "host:5000/app@sha256:00"),
            ("host:5000/library/app:1@sha256:00", "host:5000/library/app@sha256:00"),
            ("host:5000/docker.io/app:1", "host:5000/docker.io/app:1"),
            ("", ""),
        ] {
            assert_eq!(familiar(typed), written, "{typed}");
        }
    }

    #[test]
    fn an_empty_file_is_not_an_empty_set_of_references() {
        assert!(parse(b"").is_err());
        assert!(parse(b"[]").is_err());
        assert!(parse(b"{}").unwrap().is_empty());
    }
}
