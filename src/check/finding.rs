//! What a finding is made of.

use super::code::{Code, Severity};
use crate::graph::Thing;
use crate::id::{ChainId, DiffId, DirId, ImageId, LinkId, MountName};
use crate::store::place::{Area, Owner};
use crate::unreadable::Pins;
use std::path::PathBuf;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub code: Code,
    /// How bad it is here.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// Where that lies, or should lie, below the data-root.
    pub path: PathBuf,
    /// What was found and what was expected, in a sentence.
    pub message: String,
    /// What would mend it, where the disk itself proves it.
    pub mend: Option<Mend>,
    /// What a person can do.
    pub hint: Option<String>,
    /// The images, containers and cache records that do not work because of it.
    pub affects: Vec<Thing>,
    /// What lies there, if it was measured.
    pub weight: Option<Weight>,
    /// What cannot be proven dead because of it.
    pub pins: Option<Pins>,
    /// Whether a dockerd that runs may be in the middle of something that looks like this.
    pub in_progress: bool,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A thing of the graph, whether it is there or not.
    Thing(Thing),
    /// Something else that has an owner: a volume, a database, a file.
    Owner(Owner),
    /// A file of a layer: the path below the layer directory's `diff/`.
    LayerFile(ChainId, DirId, PathBuf),
    /// The file system.
    FileSystem,
    /// Something outside of the data-root.
    Machine,
}

impl From<Thing> for Subject {
    fn from(thing: Thing) -> Self {
        Self::Thing(thing)
    }
}

impl Subject {
    /// Whom it belongs to on the disk, if it has a place there.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        match self {
            Self::Thing(thing) => thing.owner(),
            Self::Owner(owner) => Some(owner.clone()),
            Self::LayerFile(_, dir, _) => Some(Owner::new(Area::LayerDiff, dir.to_string().as_bytes())),
            Self::FileSystem | Self::Machine => None,
        }
    }

    /// Where it lies below the data-root; the data-root itself for what has no place of its own.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let path = self.owner().map(|owner| owner.path()).unwrap_or_default();
        if let Self::LayerFile(_, _, file) = self { path.join("diff").join(file) } else { path }
    }
}

/// What a thing weighs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// The allocated bytes.
    pub bytes: u64,
    /// The inodes.
    pub inodes: u64,
}

/// A change that the rest of the disk proves to be right.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mend {
    /// The link is to lead to the directory.
    Link(LinkId, DirId),
    /// `link` of the directory is to say this.
    LinkFile(DirId, LinkId),
    /// `lower` of the directory is to name these, the nearest first.
    Lower(DirId, Vec<LinkId>),
    /// `work/` of the directory is to be there.
    Work(DirId),
    /// `committed` of the directory is to be there.
    Committed(DirId),
    /// `committed` of the directory is not to be there.
    NotCommitted(DirId),
    /// `diff` of the layer's record is to say this.
    LayerDiff(ChainId, DiffId),
    /// `parent` of the layer's record is to say this.
    LayerParent(ChainId, ChainId),
    /// `parent` of the layer's record is not to be there: it lies on nothing.
    NoLayerParent(ChainId),
    /// `mount-id` of the record is to say this.
    MountId(MountName, DirId),
    /// `init-id` of the record is to say this.
    InitId(MountName, DirId),
    /// `parent` of the record is to say this.
    MountParent(MountName, ChainId),
    /// The name is to go from `repositories.json`.
    NoReference(String),
    /// The note of the image's parent is to go.
    NoImageParent(ImageId),
}

impl Finding {
    /// A finding with the severity of its code, at the place of its subject.
    #[must_use]
    pub fn new(code: Code, subject: impl Into<Subject>, message: impl Into<String>) -> Self {
        let subject = subject.into();
        Self {
            code,
            severity: code.severity(),
            path: subject.path(),
            subject,
            message: message.into(),
            mend: None,
            hint: None,
            affects: Vec::new(),
            weight: None,
            pins: None,
            in_progress: false,
        }
    }

    /// Says where it is more exactly: at the file `name` of its subject.
    #[must_use]
    pub fn at(self, name: &str) -> Self {
        Self { path: self.path.join(name), ..self }
    }

    /// Says what would mend it.
    #[must_use]
    pub fn mend(self, mend: Option<Mend>) -> Self {
        Self { mend, ..self }
    }

    /// Says what a person can do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Says what does not work because of it.
    #[must_use]
    pub fn affecting(self, affects: Vec<Thing>) -> Self {
        Self { affects, ..self }
    }

    /// Says that it is worse or less bad here than its code is.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// What findings are ordered by: the worst first, then by code and place.
    #[must_use]
    pub fn rank(&self) -> (Severity, Code, &PathBuf, &Subject, &str) {
        (self.severity, self.code, &self.path, &self.subject, &self.message)
    }
}
