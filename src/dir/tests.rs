use super::*;
use std::fs;
use std::os::unix::fs::symlink;

/// A directory with a file, a FIFO, links in and out, and a subdirectory.
fn fixture() -> (tempfile::TempDir, Dir) {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("file"), "0123456789").unwrap();
    fs::create_dir(temp.path().join("sub")).unwrap();
    fs::write(temp.path().join("sub/inner"), "inner").unwrap();
    symlink("file", temp.path().join("inside")).unwrap();
    symlink("/etc", temp.path().join("outside")).unwrap();
    nix::unistd::mkfifo(&temp.path().join("fifo"), Mode::S_IRWXU).unwrap();
    let dir = Dir::root(temp.path()).unwrap();
    (temp, dir)
}

#[test]
fn reads_a_file_of_several_components() {
    let (_temp, dir) = fixture();
    assert_eq!(dir.read("sub/inner", 100).unwrap().unwrap(), b"inner");
    assert!(dir.read("absent", 100).unwrap().is_none());
    assert!(dir.read("absent/file", 100).unwrap().is_none());
}

#[test]
fn refuses_what_is_too_large_a_fifo_a_link_and_a_way_out() {
    let (_temp, dir) = fixture();
    assert_eq!(dir.read("file", 10).unwrap().unwrap().len(), 10);
    for (name, limit) in [("file", 9), ("fifo", 100), ("inside", 100), ("outside/passwd", 100), ("../x", 100), ("sub", 100)] {
        assert!(dir.read(name, limit).is_err(), "{name} was read");
    }
    assert!(dir.dir("outside").is_err());
    for name in ["outside/passwd", "../x"] {
        assert!(dir.kind(name).is_err() && dir.stamp(name).is_err() && dir.read_link(name).is_err(), "{name} was looked at");
    }
    assert!(dir.dir("..").is_err());
    assert!(dir.dir("file").is_err());
}

#[test]
fn asks_about_links_and_what_lies_deeper() {
    let (temp, dir) = fixture();
    symlink("../file", temp.path().join("sub/up")).unwrap();
    for (name, kind) in [("inside", Kind::Symlink), ("sub/inner", Kind::File), ("sub/up", Kind::Symlink), ("fifo", Kind::Special)] {
        assert_eq!(dir.kind(name).unwrap(), Some(kind), "{name}");
    }
    assert_eq!(dir.read_link("sub/up").unwrap().unwrap(), "../file");
    assert_eq!(dir.stamp("sub/inner").unwrap(), dir.dir("sub").unwrap().unwrap().stamp("inner").unwrap());
    assert!(dir.kind("absent/x").unwrap().is_none() && dir.stamp("absent/x").unwrap().is_none());
    assert!(dir.read_link("sub/absent").unwrap().is_none());
}

#[test]
fn refuses_the_same_where_there_is_no_openat2() {
    let (_temp, dir) = fixture();
    let open = |name: &str| dir.open_by_steps(Path::new(name), OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK);
    assert!(open("sub/inner").is_ok());
    assert!(open(".").is_ok());
    for name in ["inside", "outside/passwd", "../x", "/etc/passwd", "sub/../file", ""] {
        assert!(open(name).is_err(), "{name} was opened");
    }
}

#[test]
fn lists_sorted_with_kinds() {
    let (_temp, dir) = fixture();
    let listed: Vec<_> = dir.entries().unwrap().into_iter().map(|entry| (entry.name.into_string().unwrap(), entry.kind)).collect();
    let expected =
        [("fifo", Kind::Special), ("file", Kind::File), ("inside", Kind::Symlink), ("outside", Kind::Symlink), ("sub", Kind::Directory)];
    assert_eq!(listed, expected.map(|(name, kind)| (name.to_owned(), kind)));
}

#[test]
fn an_error_names_the_path_the_operation_and_the_cause() {
    let (temp, dir) = fixture();
    let error = dir.read("sub/../file", 1).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read {}", temp.path().canonicalize().unwrap().display())), "{error}");
}

#[test]
fn a_stamp_tells_inodes_apart() {
    let (_temp, dir) = fixture();
    assert_eq!(dir.stamp("file").unwrap(), dir.stamp("file").unwrap());
    assert_ne!(dir.stamp("file").unwrap().unwrap().inode, dir.stamp("inside").unwrap().unwrap().inode);
    assert!(dir.stamp("absent").unwrap().is_none());
    assert!(dir.stamp("").unwrap().is_some());
}
