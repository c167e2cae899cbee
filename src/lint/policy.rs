//! What a policy asks for.

use super::amount::Limit;
use super::paths::Paths;
use crate::glob;
use serde::Serialize;

/// The rules, by name, and those of one name in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The rules.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What is asked for.
    pub check: Check,
    /// The patterns of the names of the images that it is about; all that have a name if there are none.
    pub images: Vec<String>,
    /// The patterns of those that are excepted.
    pub except: Vec<String>,
    /// What a breach means.
    pub level: Level,
    /// What it means that there is no such image.
    pub missing: Missing,
}

/// What it means that no image is what a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Missing {
    /// Nothing.
    Ignore,
    /// It is told.
    #[default]
    Warn,
    /// The whole check fails.
    Fail,
}

/// What a breach of a rule means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It is told.
    Warn,
    /// The whole check fails.
    #[default]
    Fail,
}

/// What a rule asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The chain begins with the whole chain of one of the images that match these patterns.
    Base(Vec<String>),
    /// All of the images have the same layer at the bottom.
    SameBase,
    /// An image shares at least so much with others of the set.
    MinShared(Limit),
    /// No other image of the set has more than so many of its bytes.
    MaxExclusive(Limit),
    /// An image weighs at most so much.
    MaxSize(u64),
    /// An image has at most so many layers.
    MaxLayers(u64),
    /// An image has at most so many inodes.
    MaxInodes(u64),
    /// All images of the set together weigh at most so much, each layer counted once.
    MaxSetSize(u64),
    /// No container misses more than so much of what an image stores.
    MaxWaste(Limit),
    /// The efficiency of an image, as the best-known explorer of layers computes it, is at least so many percent.
    MinEfficiency(u64),
    /// What that explorer calls wasted is at most so many percent of what is above the lowest layer.
    MaxUserWaste(u64),
    /// No file of the final image runs with the rights of its owner or group.
    NoSetuid {
        /// Those that may.
        allow: Paths,
    },
    /// Nothing of these is in the final image.
    NoPath {
        /// What must not be there.
        paths: Paths,
        /// What may be all the same.
        allow: Paths,
    },
    /// No content is stored under several chains.
    NoDuplicateLayers,
    /// An image has at most so much more of its own than in the baseline.
    MaxGrowth(Limit),
    /// It shares at most so much less than in the baseline.
    MaxSharingLost(Limit),
    /// No content is stored more often than in the baseline.
    NoNewDuplicates,
    /// Nothing on the host belongs to nothing.
    NoGarbage,
    /// So much of the file system is free.
    MinFreeSpace(Limit),
    /// So many inodes of the file system are free, in percent or as a number.
    MinFreeInodes(Limit),
}

impl Check {
    /// The name of the rule in a policy.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Base(_) => "base",
            Self::SameBase => "same-base",
            Self::MinShared(_) => "min-shared",
            Self::MaxExclusive(_) => "max-exclusive",
            Self::MaxSize(_) => "max-size",
            Self::MaxLayers(_) => "max-layers",
            Self::MaxInodes(_) => "max-inodes",
            Self::MaxSetSize(_) => "max-set-size",
            Self::MaxWaste(_) => "max-waste",
            Self::MinEfficiency(_) => "min-efficiency",
            Self::MaxUserWaste(_) => "max-user-waste",
            Self::NoSetuid { .. } => "no-setuid",
            Self::NoPath { .. } => "no-path",
            Self::NoDuplicateLayers => "no-duplicate-layers",
            Self::MaxGrowth(_) => "max-growth",
            Self::MaxSharingLost(_) => "max-sharing-lost",
            Self::NoNewDuplicates => "no-new-duplicates",
            Self::NoGarbage => "no-garbage",
            Self::MinFreeSpace(_) => "min-free-space",
            Self::MinFreeInodes(_) => "min-free-inodes",
        }
    }

    /// Whether it is about what became of images since a baseline was saved.
    #[must_use]
    pub const fn is_about_change(&self) -> bool {
        matches!(self, Self::MaxGrowth(_) | Self::MaxSharingLost(_) | Self::NoNewDuplicates)
    }

    /// Whether it is about what is inside of images, so that their layers have to be read.
    #[must_use]
    pub const fn is_about_inside(&self) -> bool {
        matches!(self, Self::MaxWaste(_) | Self::MinEfficiency(_) | Self::MaxUserWaste(_) | Self::NoSetuid { .. } | Self::NoPath { .. })
    }

    /// Whether it is about the host, whatever images there are.
    #[must_use]
    pub const fn is_about_host(&self) -> bool {
        matches!(self, Self::NoGarbage | Self::MinFreeSpace(_) | Self::MinFreeInodes(_))
    }
}

impl Rule {
    /// Whether it is about the image with these names.
    #[must_use]
    pub fn is_about(&self, names: &[String]) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| is_named(names, pattern));
        !names.is_empty() && (self.images.is_empty() || any(&self.images)) && !any(&self.except)
    }
}

/// Whether one of the names is the pattern's; a pattern without a tag means any tag.
pub(super) fn is_named(names: &[String], pattern: &str) -> bool {
    names.iter().any(|name| glob::matches(pattern, name) || glob::matches(pattern, repository(name)))
}

/// A name without its tag and its digest.
pub(super) fn repository(name: &str) -> &str {
    let end = name.rfind('/').map_or(0, |slash| slash + 1);
    let repository = name.split_once('@').map_or(name, |(repository, _)| repository);
    let colon = repository.get(end..).and_then(|last| last.find(':')).map(|colon| end + colon);
    colon.and_then(|colon| repository.get(..colon)).unwrap_or(repository)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_a_name_with_or_without_its_tag() {
        let names = ["registry.example:5000/shop/api:2".to_owned(), "debian@sha256:00".to_owned()];
        for pattern in ["registry.example:5000/shop/api:2", "registry.example:5000/shop/api", "*/api:2", "*/api", "*", "debian"] {
            assert!(is_named(&names, pattern), "{pattern}");
        }
        for pattern in ["api", "shop/api:2", "registry.example", "*/api:1", "debian:*"] {
            assert!(!is_named(&names, pattern), "{pattern}");
        }
    }

    #[test]
    fn an_image_without_a_name_is_nobodys() {
        let rule =
            Rule { check: Check::SameBase, images: Vec::new(), except: vec!["b:*".to_owned()], level: Level::Fail, missing: Missing::Warn };
        assert!(rule.is_about(&["a:1".to_owned()]));
        assert!(!rule.is_about(&["a:1".to_owned(), "b:1".to_owned()]), "it is excepted by its other name");
        assert!(!rule.is_about(&[]));
    }
}
