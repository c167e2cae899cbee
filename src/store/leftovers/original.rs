//! Whether the file that a temporary one was to replace is what it has to be: only then does the temporary one hold nothing that is not there
//! too.
//!
//! A power cut leaves files empty or full of zeros as readily as it leaves temporary ones, so that a file is there proves nothing. What counts
//! is that it can be read as what Docker would read it as. One that cannot be read is not whole.

use super::Replaces;
use crate::dir::{Cause, Dir};
use crate::id::{ContainerId, Digest, ImageId, LinkId};
use crate::store::{JSON, SMALL, containers, overlay2, parse_id, parse_json, repositories};
use serde_json::{Map, Value};
use std::path::Path;

/// How the original of a temporary file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Original {
    /// There is none.
    Missing,
    /// It is what it has to be.
    Whole,
    /// It makes no sense, or cannot be read.
    Spoilt,
}

/// Whether the file of all names may tell of none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// There is no image that could have one.
    MayBeNone,
    /// There are images: if none has a name, their names are lost.
    Some,
}

impl Original {
    /// Looks at the file `name` in the directory `place`.
    pub(super) fn look(root: &Dir, place: &str, name: &str, names: Names) -> Self {
        match root.read(Path::new(place).join(name), JSON) {
            Ok(None) => Self::Missing,
            Ok(Some(content)) if is_whole(place, name, &content, names) => Self::Whole,
            Ok(Some(_)) | Err(_) => Self::Spoilt,
        }
    }
}

/// Whether `content` is that of the file `name` in the directory `place`.
pub(super) fn is_whole(place: &str, name: &str, content: &[u8], names: Names) -> bool {
    match name {
        "link" => is_id::<LinkId>(content),
        "lower" => overlay2::parse_lower(content).is_ok(),
        // That it is there is all that it says.
        "committed" => true,
        "repositories.json" => has_names(content, names),
        "parent" => is_id::<ImageId>(content),
        "lastUpdated" => std::str::from_utf8(content).is_ok_and(|text| text.trim().parse::<jiff::Timestamp>().is_ok()),
        "builtLocally" => !content.is_empty(),
        "config.v2.json" => {
            let id = Path::new(place).file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<ContainerId>().ok());
            id.is_some_and(|id| containers::Config::parse(id, content).is_ok())
        }
        // Docker writes every field of it, whatever it is.
        "hostconfig.json" => parse_json::<Map<String, Value>>(content).is_ok_and(|fields| !fields.is_empty()),
        // An image's config.
        digest => Digest::of(content).hex().to_string() == digest,
    }
}

fn is_id<T>(content: &[u8]) -> bool
where
    T: for<'text> TryFrom<&'text [u8], Error: ToString>,
{
    let parsed: Result<T, Cause> = parse_id(content.trim_ascii());
    parsed.is_ok() && u64::try_from(content.len()).is_ok_and(|length| length <= SMALL)
}

/// Whether this is a file of names from which none was lost. dockerd writes one without any name where it finds none.
fn has_names(content: &[u8], names: Names) -> bool {
    let Ok(references) = repositories::parse(content) else { return false };
    references.values().all(Result::is_ok) && (names == Names::MayBeNone || !references.is_empty())
}

impl Replaces {
    /// The name of the file that the temporary file `name` was to replace.
    pub(super) fn original(self, name: &str) -> Option<&str> {
        let rest = name.strip_prefix(".tmp-")?;
        match self {
            Self::These(names) => names.iter().copied().find(|original| rest.starts_with(original)),
            Self::Digests => rest.get(..64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_whole_if_it_says_what_such_a_file_says() {
        let id = "0123456789abcdef".repeat(4);
        let (link, container) = ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", format!("containers/{id}"));
        let named = format!(r#"{{"Repositories":{{"a":{{"a:1":"sha256:{id}"}}}}}}"#);
        let config = format!(r#"{{"ID":"{id}","MountPoints":{{}}}}"#);
        let digest = Digest::of(b"{}").hex().to_string();
        let lower = format!("l/{link}");
        let whole: [(&str, &str, &str); 10] = [
            ("overlay2/x", "link", link),
            ("overlay2/x", "lower", &lower),
            ("overlay2/x", "committed", ""),
            ("image/overlay2", "repositories.json", &named),
            ("x", "parent", &format!("sha256:{id}")),
            ("x", "lastUpdated", "2026-01-31T12:00:00.5Z"),
            ("x", "builtLocally", "\u{1}"),
            (&container, "config.v2.json", &config),
            (&container, "hostconfig.json", r#"{"Binds":null}"#),
            ("x", &digest, "{}"),
        ];
        for (place, name, content) in whole {
            assert!(is_whole(place, name, content.as_bytes(), Names::Some), "{name}");
            for spoilt in ["", "\0\0\0\0", "{", "null", r#"{"Repositories":{}}"#].iter().filter(|_| name != "committed") {
                let means_something = name == "hostconfig.json" && spoilt.contains("Rep") || name == "builtLocally" && !spoilt.is_empty();
                assert!(means_something || !is_whole(place, name, spoilt.as_bytes(), Names::Some), "{name}: {spoilt:?}");
            }
        }
        assert!(is_whole("image/overlay2", "repositories.json", br#"{"Repositories":{}}"#, Names::MayBeNone));
    }
}
