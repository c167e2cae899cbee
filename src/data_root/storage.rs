//! Which storage driver dockerd is told to use: by its arguments if it runs, by its configurations.
//!
//! A configuration counts for a data-root that it names, and for any if it names none: it may be the one that dockerd reads, which its
//! arguments decide when it is started. So what is said here can make something stay; it never proves that a store is not used.

use super::Machine;
use crate::dir::Dir;
use crate::store::live::config::Storage;
use crate::store::live::{FileId, running_daemons};
use crate::store::place::is_userns_root;
use std::os::unix::ffi::OsStrExt as _;

/// What somebody says of the storage driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Who says it, such as `/etc/docker/daemon.json`.
    pub who: String,
    /// What that is, or why it is not known.
    pub says: Result<Storage, String>,
}

/// Everything that `machine` says of the storage driver of the data-root `root`.
#[must_use]
pub fn stated(machine: &Machine, root: &Dir) -> Vec<Statement> {
    let own = root.stamp("").ok().flatten().map(FileId::from);
    let is_sub_root = root.path().file_name().is_some_and(|name| is_userns_root(name.as_bytes()));
    let plain = root.path().parent().filter(|_| is_sub_root).and_then(|plain| FileId::by_path(plain).ok());
    let mut statements = Vec::new();
    for file in machine.configurations() {
        let who = file.display().to_string();
        match machine.configuration(&file) {
            Ok(None) => {}
            Ok(Some(config)) => {
                let named = config.data_root.map(|path| FileId::by_path(&machine.path(path)).ok());
                let is_meant = named.is_none_or(|named| named.is_some() && (named == own || named == plain));
                statements.extend(config.storage.filter(|_| is_meant).map(|storage| Statement { who, says: Ok(storage) }));
            }
            Err(why) => statements.push(Statement { who, says: Err(why) }),
        }
    }
    let daemons = machine.proc().map(|proc| running_daemons(&proc).0).unwrap_or_default();
    for daemon in daemons.into_iter().filter(|daemon| own.is_some_and(|own| daemon.may_use(own, plain))) {
        let who = format!("dockerd (pid {})", daemon.pid);
        statements.extend(daemon.storage.map(|storage| Statement { who, says: Ok(storage) }));
    }
    statements
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    #[test]
    fn a_configuration_counts_where_it_may_be_that_of_this_data_root() {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("data");
        for directory in [&root, &temp.path().join("other"), &temp.path().join("etc/docker")] {
            fs::create_dir_all(directory).unwrap();
        }
        let machine = Machine::new(temp.path(), 0, &[]);
        let said = |text: &str| {
            fs::write(temp.path().join("etc/docker/daemon.json"), text).unwrap();
            stated(&machine, &Dir::root(Path::new(&root)).unwrap()).into_iter().map(|statement| statement.says).collect::<Vec<_>>()
        };
        let vfs = || vec![Ok(Storage::Driver("vfs".to_owned()))];
        assert_eq!(said(r#"{"storage-driver":"vfs"}"#), vfs());
        assert_eq!(said(r#"{"storage-driver":"vfs","data-root":"/data"}"#), vfs());
        assert_eq!(said(r#"{"storage-driver":"vfs","data-root":"/other"}"#), []);
        assert_eq!(said(r#"{"data-root":"/data"}"#), []);
        assert!(matches!(said("{").as_slice(), [Err(_)]));
    }
}
