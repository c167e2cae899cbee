//! What a plan of mends is drawn up from: read the same way, the first time and under the lock.

use crate::audit::Audit;
use crate::check::{self, Facts, Finding, Marks};
use crate::dir::{Dir, Kind};
use crate::plan::{Basis, Draft, Evidence, Owners, RelPath, places};
use crate::store::detail::Details;
use crate::store::live::locks;
use crate::store::place::is_userns_root;
use crate::store::{JSON, repositories};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;

/// What is wrong with a data-root, and what stands where it would be mended.
#[derive(Debug)]
pub struct Diagnosed<'a> {
    audit: &'a Audit,
    /// Everything that is wrong, the worst first.
    pub findings: Vec<Finding>,
    basis: Basis,
}

impl<'a> Diagnosed<'a> {
    /// Finds what is wrong with `root`, on which `audit` was made, and looks at the places that mends would change.
    #[must_use]
    pub fn look(root: &Dir, audit: &'a Audit) -> Self {
        let details = Details::read(root, &audit.inventory);
        // Which attributes overlayfs looks at, and how full the file system is, mends nothing.
        let facts = Facts { details: &details, file_system: None, marks: Marks::Trusted, now: jiff::Timestamp::now() };
        let findings = check::find(audit, &facts);
        let standing = places(&findings).into_iter().map(|place| (place.clone(), standing(root, &place))).collect();
        let references = root.read(repositories::PATH, JSON).ok().flatten();
        let references = references.and_then(|text| String::from_utf8(text).ok());
        Self { audit, findings, basis: Basis { standing, references, owners: owners(root) } }
    }

    /// Drafts a plan of everything that can be mended.
    #[must_use]
    pub fn draft(&self) -> Draft<'a> {
        Draft::repair(self.audit, &self.findings, &self.basis)
    }
}

/// What stands at `place`.
fn standing(root: &Dir, place: &RelPath) -> Result<Evidence, String> {
    let told = |error: crate::dir::ReadError| error.to_string();
    let (around, _) = place.split();
    let stamp = || root.stamp(place.as_str()).map_err(told)?.ok_or_else(|| "it goes while it is looked at".to_owned());
    match root.kind(place.as_str()).map_err(told)? {
        Some(Kind::Directory) => Ok(Evidence::directory(stamp()?)),
        Some(Kind::File) => Ok(Evidence::file(stamp()?)),
        Some(Kind::Symlink) => {
            let text = root.read_link(place.as_str()).map_err(told)?.and_then(|text| text.into_string().ok());
            text.map(Evidence::link).ok_or_else(|| "a link stands there that says no text".to_owned())
        }
        Some(Kind::Special) => Err("a device, pipe or socket stands there".to_owned()),
        None => {
            let around = root.stamp(around).map_err(told)?;
            around.map(Evidence::nothing).ok_or_else(|| "the directory around it is not there".to_owned())
        }
    }
}

/// To whom belongs what dockerd writes below `root`: its own files as the one that it writes whenever a name changes, and what root in
/// containers has as the name of the data-root says, where that is of remapped users.
fn owners(root: &Dir) -> Owners {
    // The database may be one that we made ourselves to lock it.
    let metadata = [repositories::PATH, locks::DATABASE].into_iter().find_map(|path| root.file(path).ok()??.metadata().ok());
    let ourselves = || (nix::unistd::geteuid().as_raw(), nix::unistd::getegid().as_raw());
    let dockerd = metadata.map_or_else(ourselves, |metadata| (metadata.uid(), metadata.gid()));
    let name = root.path().file_name().filter(|name| is_userns_root(name.as_bytes()));
    let remapped = name.and_then(std::ffi::OsStr::to_str).and_then(|name| name.split_once('.'));
    let remapped = remapped.and_then(|(user, group)| Some((user.parse().ok()?, group.parse().ok()?)));
    Owners { dockerd, containers: remapped.unwrap_or(dockerd) }
}
