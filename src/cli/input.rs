//! What the commands read that look into images alone: a data-root, or archives.

use super::args::Global;
use super::exit::{Failure, Status};
use super::output::Output;
use super::session::{self, Scan, Session};
use super::targets;
use crate::archive::{Archives, Stock};
use crate::audit::Audit;
use crate::data_root::FileSystem;
use crate::dir::Dir;
use crate::id::DirId;
use crate::render::{escape, words};
use crate::report::target::Target;
use crate::union::{Directories, Layers, Union, stack};

/// What was read.
#[derive(Debug)]
pub(super) enum Input {
    /// A data-root.
    DataRoot(Session),
    /// Archives: what was concluded from them, and their layers.
    Archives(Audit, Stock),
}

impl Input {
    /// Reads what the command line means, and measures it if that is wanted.
    pub(super) fn open(global: &Global, scan: Scan, output: &mut Output) -> Result<Self, Failure> {
        if global.archive.is_empty() {
            return Session::open(global, scan, output).map(Self::DataRoot);
        }
        session::prepare(global, output)?;
        let Archives { inventory, measured, stock } = Archives::read(&global.archive).map_err(Failure::unreadable)?;
        let measured = (scan != Scan::Skip).then_some(measured);
        let input = Self::Archives(Audit::new(inventory, measured), stock);
        input.mention_unreadable(output);
        Ok(input)
    }

    /// What was concluded.
    pub(super) const fn audit(&self) -> &Audit {
        match self {
            Self::DataRoot(session) => &session.audit,
            Self::Archives(audit, _) => audit,
        }
    }

    /// The data-root, if it is one.
    pub(super) const fn root(&self) -> Option<&Dir> {
        match self {
            Self::DataRoot(session) => Some(&session.root.dir),
            Self::Archives(..) => None,
        }
    }

    /// The one thing that `text` means.
    pub(super) fn find(&self, text: &str) -> Result<Target, Failure> {
        match self {
            Self::DataRoot(session) => targets::find(session, text),
            Self::Archives(audit, _) => targets::named(audit, text, "give the name or the ID of an image or of a layer, or its beginning"),
        }
    }

    /// Its layers.
    pub(super) fn layers(&self) -> Box<dyn Layers + '_> {
        match self {
            Self::DataRoot(session) => Box::new(Directories { root: &session.root.dir, marks: session.marks() }),
            Self::Archives(_, stock) => Box::new(stock.clone()),
        }
    }

    /// The layer in `top` with all that it lies on: their directories, top first, and what they are together.
    pub(super) fn union(&self, top: DirId) -> Result<(Vec<DirId>, Union), Failure> {
        let directories = stack::directories(&self.audit().inventory, top);
        let union = directories.and_then(|directories| stack::open(&*self.layers(), &directories).map(|union| (directories, union)));
        union.map_err(|error| match self {
            Self::DataRoot(_) => Failure::unreadable(error).hint("`layerwise check` says what is broken"),
            Self::Archives(..) => {
                Failure::unreadable("a layer that it lies on could not be read").hint("`missing_layers` of images says which")
            }
        })
    }

    /// The figures of the file system that it is on, if that matters.
    pub(super) fn filesystem(&self) -> Option<FileSystem> {
        match self {
            Self::DataRoot(session) => session.filesystem(),
            Self::Archives(..) => None,
        }
    }

    /// Whether this process is shown which directories hide what is below them.
    pub(super) fn sees_marks(&self) -> bool {
        match self {
            Self::DataRoot(session) => session.sees_marks(),
            Self::Archives(..) => true,
        }
    }

    /// Says that the marks of overlayfs cannot be seen, where that is so.
    pub(super) fn mention_hidden_marks(&self, output: &mut Output) {
        if let Self::DataRoot(session) = self {
            session.mention_hidden_marks(output);
        }
    }

    /// How a command ends that had nothing else to say: of an archive all must be whole, for nothing else tells that it is not.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Archives(audit, _) if !audit.inventory.unreadable.is_empty() => Status::Findings,
            Self::DataRoot(_) | Self::Archives(..) => Status::Fine,
        }
    }

    /// Says what of the archives could not be read.
    fn mention_unreadable(&self, output: &mut Output) {
        const SHOWN: usize = 10;
        let lost = &self.audit().inventory.unreadable;
        for lost in lost.iter().take(SHOWN) {
            output.note(&format!("cannot {} {}: {}", lost.operation, escape::path(&lost.path), lost.error));
        }
        if let Some(more) = lost.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            let things = words::count(u64::try_from(more).unwrap_or(u64::MAX), "more thing");
            output.note(&format!("{things} could not be read; see `unreadable` of --format json"));
        }
    }
}
