//! What overlayfs notes on directories and files by extended attributes.
//!
//! ```text
//! trusted.overlay.opaque    "y": hides all below; "x": may hold whiteouts by attribute
//! trusted.overlay.redirect  stands for a directory of another name in a lower layer
//! trusted.overlay.metacopy  the content is in a lower layer
//! trusted.overlay.whiteout  on an empty file in a directory marked "x": a whiteout
//! user.overlay.…            the same where the overlay was mounted with `userxattr`
//! ```
//! The kernel hides `trusted.` attributes from all who may not administer the system ([`trusted_are_shown`]).

use rustix::fs::{fgetxattr, flistxattr, llistxattr};
use rustix::io::Errno;
use rustix::thread::{CapabilitySet, capabilities};
use std::ffi::{CStr, CString};
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// The most that the kernel lists of attribute names.
const LONGEST_LIST: usize = 65_536;
/// What is tried first: more than a directory of a layer has.
const USUAL_LIST: usize = 1024;

/// The marks of a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each mark")]
pub(super) struct DirectoryMarks {
    /// Whether it hides what is below it in lower layers.
    pub(super) is_opaque: bool,
    /// Whether only a `user.` attribute says so.
    pub(super) is_user_opaque: bool,
    /// Whether it stands for a directory of another name.
    pub(super) is_redirect: bool,
    /// Whether empty files in it may be whiteouts.
    pub(super) has_whiteout_files: bool,
}

/// The marks of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct FileMarks {
    /// Whether its content is in a lower layer.
    pub(super) is_metacopy: bool,
    /// Whether it is a whiteout, if its directory may have such.
    pub(super) is_whiteout: bool,
}

/// The link `ns/user` of the machine's first user namespace, the same on every Linux.
const FIRST_USER_NAMESPACE: &str = "user:[4026531837]";

/// Whether the kernel shows `trusted.` attributes to this process: root in a container, for one, may not see them, and whoever is root in a user
/// namespace only has all rights and still does not.
#[must_use]
pub fn trusted_are_shown() -> bool {
    let is_first = std::fs::read_link("/proc/self/ns/user").is_ok_and(|namespace| namespace.as_os_str() == FIRST_USER_NAMESPACE);
    is_first && capabilities(None).is_ok_and(|own| own.effective.contains(CapabilitySet::SYS_ADMIN))
}

/// Reads the marks of an opened directory.
pub(super) fn of_directory(fd: BorrowedFd<'_>) -> Result<DirectoryMarks, Errno> {
    let mut marks = DirectoryMarks::default();
    let mut opaque = false;
    each_mark(
        |list| flistxattr(fd, list),
        |mark| match mark {
            b"opaque" => opaque = true,
            b"redirect" => marks.is_redirect = true,
            _ => {}
        },
    )?;
    if opaque {
        for (attribute, is_user) in [(c"trusted.overlay.opaque", false), (c"user.overlay.opaque", true)] {
            let mut value = [0; 2];
            if let Ok(1) = fgetxattr(fd, attribute, &mut value) {
                marks.is_user_opaque |= is_user && !marks.is_opaque && value.starts_with(b"y");
                marks.is_opaque |= value.starts_with(b"y");
                marks.has_whiteout_files |= value.starts_with(b"x");
            }
        }
    }
    Ok(marks)
}

/// Reads the marks of the file `name` in the opened directory `at`.
///
/// The kernel lists no attributes relative to a descriptor, and to open a file for that is to trust that it still is one; the name that
/// `/proc` gives the descriptor does the same without.
pub(super) fn of_file(at: BorrowedFd<'_>, name: &CStr) -> Result<FileMarks, Errno> {
    let mut path = format!("/proc/self/fd/{}/", at.as_raw_fd()).into_bytes();
    path.extend(name.to_bytes());
    let path = CString::new(path).map_err(|_| Errno::INVAL)?;
    let mut marks = FileMarks::default();
    each_mark(
        |list| llistxattr(&path, list),
        |mark| match mark {
            b"metacopy" => marks.is_metacopy = true,
            b"whiteout" => marks.is_whiteout = true,
            _ => {}
        },
    )?;
    Ok(marks)
}

/// Hands the names of overlay attributes, without their prefix, to `mark`.
fn each_mark(list: impl Fn(&mut [u8]) -> Result<usize, Errno>, mut mark: impl FnMut(&[u8])) -> Result<(), Errno> {
    let mut usual = [0; USUAL_LIST];
    let mut longest = Vec::new();
    let listed: &[u8] = match list(&mut usual) {
        Ok(length) => usual.get(..length).unwrap_or_default(),
        // A file system without attributes.
        Err(Errno::NOTSUP) => return Ok(()),
        Err(Errno::RANGE) => {
            longest.resize(LONGEST_LIST, 0);
            let length = list(&mut longest)?;
            longest.get(..length).unwrap_or_default()
        }
        Err(errno) => return Err(errno),
    };
    for name in listed.split(|&byte| byte == 0) {
        if let Some(overlay) = name.strip_prefix(b"trusted.overlay.").or_else(|| name.strip_prefix(b"user.overlay.")) {
            mark(overlay);
        }
    }
    Ok(())
}
