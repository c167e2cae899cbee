//! Patterns of paths in images.

use crate::glob;

/// Patterns of paths, from the root; `*` stands for anything, a slash too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths(Vec<String>);

impl Paths {
    /// What somebody wrote; a slash at the beginning is understood.
    #[must_use]
    pub fn new(patterns: Vec<String>) -> Self {
        let rooted = |pattern: String| if pattern.starts_with(['/', '*']) { pattern } else { format!("/{pattern}") };
        Self(patterns.into_iter().map(rooted).collect())
    }

    /// The patterns.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a path, which begins with a slash, is one of these.
    #[must_use]
    pub fn contain(&self, path: &str) -> bool {
        self.iter().any(|pattern| glob::matches(pattern, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_of_the_whole_path() {
        let paths = Paths::new(["root/.ssh/*", "*/id_rsa", "/tmp", "*.pem"].map(str::to_owned).to_vec());
        for path in ["/root/.ssh/a/b", "/id_rsa", "/home/a/id_rsa", "/tmp", "/etc/ssl/a.pem"] {
            assert!(paths.contain(path), "{path}");
        }
        for path in ["/root/.ssh", "/id_rsa.pub", "/tmp/a", "/home/root/.ssh/a", "/my_id_rsa"] {
            assert!(!paths.contain(path), "{path}");
        }
    }
}
