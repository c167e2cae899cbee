//! The codes of findings: every one there is, with its severity and what it says in a sentence.
//!
//! The list is closed and the names are stable: a script may rely on them, and none is ever used again for something else. The long text of
//! each, which `check --explain` prints, stands in docs/findings.md under the same name.

use crate::graph::verdict::Garbage;
use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Something in use is or will be broken.
    Error,
    /// Something that breaks what is seldom done, or that could hide more.
    Warning,
    /// It belongs to nothing.
    Garbage,
    /// Good to know.
    Notice,
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warning, Self::Garbage, Self::Notice];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Garbage => "garbage",
            Self::Notice => "notice",
        }
    }
}

/// Declares the codes that are not kinds of garbage.
macro_rules! codes {
    ($($variant:ident $name:literal $severity:ident $sentence:literal;)*) => {
        /// What a finding is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "`sentence` says what each one is")]
        pub enum Code {
            $($variant,)*
            /// Something that belongs to nothing.
            Garbage(Garbage),
        }

        /// The codes that are not kinds of garbage, worst first.
        const OWN: &[Code] = &[$(Code::$variant,)*];

        impl Code {
            /// Its stable name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Garbage(garbage) => garbage.code(),
                }
            }

            /// How bad it is where something in use has it.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self {
                    $(Self::$variant => Severity::$severity,)*
                    Self::Garbage(_) => Severity::Garbage,
                }
            }

            /// What it is, in a sentence.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                    Self::Garbage(garbage) => garbage.describe(),
                }
            }
        }
    };
}

codes! {
    ReferencesUnusable "references-unusable" Error "repositories.json makes no sense, so dockerd does not start";
    ReferencesMissing "references-missing" Error "repositories.json is missing beside images, so they have no names any more";
    DatabaseDamaged "database-damaged" Error "a database cannot be read to its end, so dockerd does not start or loses what is in it";
    VolumeOptionsUnusable "volume-options-unusable" Error "the options of a volume are no JSON, so dockerd does not start";
    CyclicLayers "cyclic-layers" Error "layers are each other's parent, which dockerd follows without end";
    RecordsMissing "records-missing" Error "there are layer directories, but no image, container or build that has one of them";
    NoFileTypes "no-file-types" Error "the file system does not tell the kinds of files where it lists them (d_type), which overlayfs needs";
    ImageConfigMissing "image-config-missing" Error "the config of an image is gone, so dockerd does not list it";
    ImageConfigMismatch "image-config-mismatch" Error "the config of an image does not hash to its name, so dockerd does not list it";
    ImageConfigInvalid "image-config-invalid" Error "the config of an image makes no sense, so dockerd does not list it";
    MissingLayer "missing-layer" Error "a layer is named that has no record, so dockerd does not list what stands on it";
    UnloadableLayer "unloadable-layer" Error "the record of a layer is damaged, so dockerd loads neither it nor what stands on it";
    MismatchedChain "mismatched-chain" Error "the record of a layer does not make the ChainID that it is named by";
    SharedDirectory "shared-directory" Error "two records name one layer directory: to remove the one is to break the other";
    UnloadableMount "unloadable-mount" Error "the record of a read-write layer is damaged, so dockerd drops its container";
    MismatchedMount "mismatched-mount" Error "the record of a read-write layer names directories that do not belong together";
    MissingMount "missing-mount" Error "a container's read-write layer has no record, so dockerd drops it";
    MountWithoutParent "mount-without-parent" Error "the record of a read-write layer has lost its parent: dockerd may remove the layers below it";
    ContainerConfigUnusable "container-config-unusable" Error "the config of a container makes no sense, so dockerd drops it";
    ContainerConfigMissing "container-config-missing" Error "a container has no config, so dockerd does not list it";
    HostConfigUnusable "hostconfig-unusable" Error "the hostconfig.json of a container makes no sense, so dockerd drops it";
    MissingDirectory "missing-directory" Error "a layer directory is gone that something names";
    MissingDiff "missing-diff" Error "a layer directory has no diff/, so nothing can be mounted on it";
    MissingLink "missing-link" Error "the short name of a layer directory is gone from l/, so nothing above it can be mounted";
    MismatchedLink "mismatched-link" Error "the short name of a layer directory leads elsewhere, so what is above it is not mounted or is wrong";
    MissingLinkFile "missing-link-file" Error "a layer directory no longer says its own short name, so nothing new can be put on it";
    MismatchedLinkFile "mismatched-link-file" Error "a layer directory says another short name than leads to it, so nothing new on it can be mounted";
    MissingLower "missing-lower" Error "a layer directory no longer says what lies below it: it is mounted alone, without any error";
    MismatchedLower "mismatched-lower" Error "a layer directory lies on other layers than its record says, without any error";
    CyclicLower "cyclic-lower" Error "a layer directory lies on itself";
    MissingWork "missing-work" Error "a layer directory that is written to has no work/, so it cannot be mounted";
    UnexpectedCommitted "unexpected-committed" Error "a container's read-write layer is marked as committed, so it can only be read";
    VolatileLeftover "volatile-leftover" Error "a volatile mount was not unmounted, so the kernel refuses the next one";
    FileMissing "file-missing" Error "a file of a layer is gone";
    FileContent "file-content" Error "the content of a file is not that of the layer";
    FileSize "file-size" Error "a file has another size than the layer says";
    FileType "file-type" Error "something else stands in the place of a file of a layer";
    FileMetadata "file-metadata" Error "mode, owner, target, device or attributes of a file are not those of the layer";
    FileUnreadable "file-unreadable" Error "a file of a layer cannot be read";
    UnexpectedFile "unexpected-file" Error "a file is in a layer that the layer does not have";
    MismatchedDiffId "mismatched-diff-id" Error "the tar of a layer does not hash to its DiffID, although every file in it is as recorded";
    Unreadable "unreadable" Warning "something could not be read that may name or hide more";
    ContainersMissing "containers-missing" Warning "there are read-write layers of containers, but not one container";
    ReferenceToNothing "reference-to-nothing" Warning "a name stands for an image that is not there";
    MountWithoutInit "mount-without-init" Warning "the record of a container's layers has lost its init layer, which will be left behind";
    MissingTarSplit "missing-tar-split" Warning "what the tar of a layer is put together from is gone, so it can be neither pushed nor saved";
    TarSplitInvalid "tar-split-invalid" Warning "what the tar of a layer is put together from is damaged, so it can be neither pushed nor saved";
    SizeMismatch "size-mismatch" Warning "the files of a layer are not as large as Docker recorded";
    FileTimes "file-times" Warning "a file was changed at another time than the layer says";
    DatabaseMissing "database-missing" Warning "a database is gone, and what dockerd knew by it";
    DatabaseEntry "database-entry" Warning "an entry of a database makes no sense";
    WhiteoutFile "whiteout-file" Warning "files hide others by an attribute, which Docker takes for empty files when it saves the layer";
    ForeignOpaque "foreign-opaque" Warning "directories are marked as opaque in a way that this data-root's mounts do not see";
    NearlyFull "nearly-full" Warning "the file system has next to no room left";
    NearlyOutOfInodes "nearly-out-of-inodes" Warning "the file system has next to no inodes left";
    ImageOfOtherSystem "image-of-other-system" Notice "an image is for another operating system, so dockerd does not list it";
    ImageParentMissing "image-parent-missing" Notice "the image that an image was built upon is gone";
    ContainerImageMissing "container-image-missing" Notice "the image that a container was made from is gone; it runs without";
    ContainerOfOtherDriver "container-of-other-driver" Notice "a container belongs to another storage driver, so this one's dockerd does not list it";
    DeadContainer "dead-container" Notice "the removal of a container was begun and did not succeed";
    HostConfigMissing "hostconfig-missing" Notice "a container has no hostconfig.json: dockerd runs it with nothing but defaults";
    MissingCommitted "missing-committed" Notice "a layer directory with others upon it is not marked as committed, as those of 19.03.2 and earlier are not";
    LeftoverMerged "leftover-merged" Notice "a mount point was left behind";
    Redirect "redirect" Notice "directories were renamed by reference to lower layers";
    Metacopy "metacopy" Notice "files have their content in lower layers";
    StaleDatabase "stale-database" Notice "a database was left behind by an older or a repaired BuildKit";
    Withheld "withheld-garbage" Notice "nothing is known to use some things, and they are kept because they are not proven dead";
    UnknownEntry "unknown-entry" Notice "something stands among the layer directories that Docker does not make";
    StaleTmp "stale-tmp" Notice "files are left in tmp/, which the next start of dockerd deletes";
    VolumeWithoutRecord "volume-without-record" Notice "a volume is there that volumes/metadata.db does not know";
    NotReproducible "not-reproducible" Notice "the tar of a layer cannot be put together again, by anybody";
}

impl Code {
    /// Every code, worst first within what layerwise calls broken, and then the kinds of garbage.
    pub fn all() -> impl Iterator<Item = Self> {
        // Some things are garbage only where somebody asks `prune` for them; nothing is wrong with those.
        OWN.iter().copied().chain(Garbage::ALL.into_iter().filter(|garbage| !garbage.is_only_asked_for()).map(Self::Garbage))
    }

    /// Whether it is found only where everything is measured.
    #[must_use]
    pub const fn needs_measuring(self) -> bool {
        matches!(self, Self::SizeMismatch | Self::WhiteoutFile | Self::ForeignOpaque | Self::Redirect | Self::Metacopy)
    }

    /// What docs/findings.md says of it, below its first line, which says severity and sentence.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        self.section().split_once("\n\n").map_or("", |(_, text)| text)
    }

    /// Its section in docs/findings.md.
    fn section(self) -> &'static str {
        let heading = format!("\n### {}\n", self.name());
        let section = PAGE.split_once(&heading).map_or("", |(_, rest)| rest);
        let end = section.find("\n#").unwrap_or(section.len());
        section.get(..end).unwrap_or(section).trim()
    }
}

/// The page on which every code is explained.
const PAGE: &str = include_str!("../../docs/findings.md");

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl FromStr for Code {
    type Err = crate::suggest::Unknown;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::all().map(Self::name);
        Self::all().find(|code| code.name() == text).ok_or_else(|| crate::suggest::Unknown::new("code", text, known()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_kebab_case_and_all_different() {
        let names: Vec<_> = Code::all().map(Code::name).collect();
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')), "{names:?}");
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        assert!(Code::all().is_sorted_by_key(|code| matches!(code, Code::Garbage(_))));
        let own: Vec<_> = OWN.iter().map(|code| code.severity()).collect();
        assert!(own.is_sorted(), "the worst come first");
    }

    #[test]
    fn the_page_explains_every_code_and_no_other() {
        let sections: Vec<_> = PAGE.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        assert_eq!(sections, Code::all().map(Code::name).collect::<Vec<_>>());
        for code in Code::all() {
            let first = format!("**{}**: {}", code.severity().name(), code.sentence());
            assert_eq!(code.section().lines().next(), Some(first.as_str()));
            assert!(code.explanation().len() > 80 && !code.explanation().contains('#'), "{code}: {}", code.explanation());
        }
    }

    #[test]
    fn a_name_is_read_back_and_a_wrong_one_is_not() {
        for code in Code::all() {
            assert_eq!(code.name().parse::<Code>(), Ok(code));
        }
        assert_eq!("missing-lin".parse::<Code>().unwrap_err().nearest(), Some("missing-link"));
    }
}
