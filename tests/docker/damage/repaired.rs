//! What `repair` makes of a damage: the data-root as it was, on which dockerd runs, saves and builds; or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::case::{Case, Repair, Says};
use super::root::Root;
use super::{Patient, codes};
use crate::engine::Builder::{BuildKit, Classic};
use crate::layerwise::Layerwise;

/// What works on a data-root that is whole.
const WORKS: &[(&str, Says)] = &[
    ("images -q app:ghost", Says::Nothing),
    ("run --rm --network none app:1 cat /app /more", Says::Prints("served\nmore")),
    ("run --rm --network none built:1 cat /built", Says::Prints("built")),
    ("start -a web", Says::Prints("served")),
    ("cp /etc/hostname web:/x", Says::Works),
    ("save app:1", Says::Works),
    ("save built:1", Says::Works),
];

impl Patient {
    /// Damages it again, and compares what `repair` makes of that with what the case says; returns what is not so.
    pub(super) fn repair(&mut self, case: &Case) -> Vec<String> {
        self.make_whole();
        let data_root = self.engine.data_root();
        (case.inflict)(&Root::read(&data_root));
        let before = codes(&data_root, "check");
        let output = Layerwise::command().arg("--data-root").arg(&data_root).args(["repair", "--force"]).output().unwrap();
        let said = format!("{}: {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let after = codes(&data_root, "check");
        let expected = if case.repair == Repair::Mends { &self.healthy } else { &before };
        let mut wrong = Vec::new();
        if after.difference(&self.healthy).ne(expected.difference(&self.healthy)) {
            wrong.push(format!("after `repair`, `check` finds {after:?}; {said}"));
        }
        if case.repair == Repair::Mends {
            let differs = differences(&self.engine.work().join("whole"), &data_root);
            wrong.extend((!differs.is_empty()).then(|| format!("after `repair` {} are not as they were: {said}", differs.join(", "))));
            wrong.extend(self.use_it());
        }
        wrong.iter().map(|wrong| format!("{}: {wrong}", case.damage)).collect()
    }

    /// Starts dockerd on it, runs, saves, and builds with both builders; returns what does not work.
    fn use_it(&mut self) -> Vec<String> {
        self.engine.switch_on();
        self.engine.launch_daemon();
        if let Err(why) = self.engine.await_daemon() {
            return vec![format!("dockerd does not start: {why}")];
        }
        let mut wrong: Vec<String> =
            WORKS.iter().filter_map(|(line, says)| says.is_wrong(line, self.engine.docker_command(line))).collect();
        for (builder, name) in [(Classic, "classic:1"), (BuildKit, "kit:1")] {
            let context = self.engine.context("upon", &[("Dockerfile", "FROM app:1\nRUN cat /app /more >/all\n")]);
            let line = format!("-t {name}");
            wrong.extend(Says::Works.is_wrong(&line, self.engine.build_command(builder, &line, &context)));
            let line = format!("run --rm --network none {name} cat /all");
            wrong.extend(Says::Prints("served\nmore").is_wrong(&line, self.engine.docker_command(&line)));
        }
        self.engine.cut_power();
        wrong
    }
}

/// The paths of images and layers that differ in kind, mode, owner or content.
fn differences(one: &Path, other: &Path) -> Vec<String> {
    let (one, other) = (described(one), described(other));
    let all: BTreeSet<&PathBuf> = one.keys().chain(other.keys()).collect();
    all.into_iter().filter(|path| one.get(*path) != other.get(*path)).map(|path| path.display().to_string()).collect()
}

/// What is recorded of images and layers, with kind, mode, owner and content.
fn described(root: &Path) -> BTreeMap<PathBuf, String> {
    let describe = |path: &Path| {
        let metadata = fs::symlink_metadata(path).unwrap();
        let content = match metadata.file_type() {
            kind if kind.is_file() => format!("{:?}", fs::read(path).unwrap()),
            kind if kind.is_symlink() => fs::read_link(path).unwrap().display().to_string(),
            _ => String::new(),
        };
        format!("{:o} {} {} {content}", metadata.mode(), metadata.uid(), metadata.gid())
    };
    // What is in diff/ and work/ is not what this is about.
    let is_inside = |path: &Path| path.components().any(|part| part.as_os_str() == "diff" || part.as_os_str() == "work");
    let places = ["image", "overlay2"].into_iter().flat_map(|place| walkdir::WalkDir::new(root.join(place)));
    let entries = places.map(|entry| entry.unwrap().into_path());
    let below = |path: PathBuf| {
        let below = path.strip_prefix(root).unwrap().to_owned();
        let is_counted = below.parent().is_none_or(|parent| !is_inside(parent));
        is_counted.then(|| (below, describe(&path)))
    };
    entries.filter_map(below).collect()
}
