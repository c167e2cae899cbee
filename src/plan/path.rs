//! The name of something below a data-root, as a plan writes it.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A path below a data-root: one or more plain names joined by `/`.
///
/// All that layerwise ever takes bears a name that Docker made, and Docker's names are text: nothing is lost by being strict. A path that
/// could lead out (`..`, a leading `/`, an empty name) cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RelPath(String);

/// Why a text is not a [`RelPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a path below a data-root")]
pub struct PathError(String);

/// The longest path of anything that Docker makes, generously.
const LONGEST: usize = 4096;

impl RelPath {
    /// Takes `text` for a path, if it is one.
    ///
    /// # Errors
    /// When it is absolute, too long, or has a component that is not a plain name.
    pub fn new(text: impl Into<String>) -> Result<Self, PathError> {
        let text = text.into();
        let is_plain = |name: &str| !matches!(name, "" | "." | "..") && !name.contains('\0');
        if text.len() <= LONGEST && text.split('/').all(is_plain) { Ok(Self(text)) } else { Err(PathError(text)) }
    }

    /// The path of what `name` names in this directory.
    ///
    /// # Errors
    /// When `name` is not a plain name.
    pub fn join(&self, name: &str) -> Result<Self, PathError> {
        Self::new(format!("{}/{name}", self.0))
    }

    /// The directory that it lies in (`""` for the data-root itself), and its name there.
    #[must_use]
    pub fn split(&self) -> (&str, &str) {
        self.0.rsplit_once('/').unwrap_or(("", &self.0))
    }

    /// It as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// It as a path.
    #[must_use]
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RelPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl TryFrom<String> for RelPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl From<RelPath> for String {
    fn from(path: RelPath) -> Self {
        path.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_lead_out_cannot_be_made() {
        let long = "x/".repeat(LONGEST);
        for text in ["", "/", "/etc", "..", "a/../b", "a//b", "a/", "./a", "a/.", "a\0b", &long] {
            assert!(text.parse::<RelPath>().is_err(), "{text:?}");
        }
        assert!("overlay2".parse::<RelPath>().unwrap().join("../x").is_err());
    }

    #[test]
    fn a_path_is_a_directory_and_a_name() {
        let path: RelPath = "image/overlay2/x".parse().unwrap();
        assert_eq!(path.split(), ("image/overlay2", "x"));
        assert_eq!("overlay2".parse::<RelPath>().unwrap().split(), ("", "overlay2"));
        assert_eq!(path.join("y").unwrap().as_str(), "image/overlay2/x/y");
    }

    #[test]
    fn a_saved_path_is_judged_again_when_it_is_read() {
        assert!(serde_json::from_str::<RelPath>(r#""overlay2/x""#).is_ok());
        assert!(serde_json::from_str::<RelPath>(r#""../x""#).is_err());
    }
}
