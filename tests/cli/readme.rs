//! The README: its tour is what `demo` prints.

use crate::sample::{binary, run};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;

const README: &str = include_str!("../../README.md");

/// Question, command and answer of each step of README's tour.
fn steps() -> Vec<(&'static str, &'static str, &'static str)> {
    let tour = README.split("\n## ").find_map(|section| section.strip_prefix("A tour\n")).unwrap();
    let step = |text: &'static str| {
        let (question, block) = text.split_once("**\n\n```console\n$ ").unwrap();
        let (command, answer) = block.split_once("\n```").unwrap().0.split_once('\n').unwrap();
        (question, command, answer)
    };
    tour.split("\n**").skip(1).map(step).collect()
}

/// What `demo` printed below this question and command.
fn answer<'a>(printed: &'a str, question: &str, command: &str) -> &'a str {
    let head = format!("\n{question}\n$ {command}\n");
    assert!(printed.contains(&head), "demo does not print this: {head}");
    let (_, rest) = printed.split_once(&head).unwrap();
    let answer = rest.split_once("\n$ layerwise ").map_or(rest, |(answer, _)| answer.rsplit_once('\n').unwrap().0);
    answer.trim_end()
}

/// What of a line is the same on every machine: free space is not, nor the end of a temporary directory's name.
fn lasting(line: &str) -> String {
    if line.starts_with("File system: ") {
        return "File system: …".to_owned();
    }
    match line.split_once("/tmp/layerwise-demo-") {
        Some((before, after)) => format!("{before}/tmp/layerwise-demo-…{}", &after["XXXXXX".len()..]),
        None => line.to_owned(),
    }
}

/// What of a line is the same on every file system as well: sizes are not, and with them the widths of columns.
fn without_sizes(line: &str) -> String {
    let is_size = |word: &str| word.starts_with(|first: char| first.is_ascii_digit()) && word.ends_with(['B', '%']);
    let masked = line.split_whitespace().map(|word| if is_size(word.trim_matches(['(', ')', ',', ':'])) { "#" } else { word });
    masked.collect::<Vec<_>>().join(" ")
}

/// Whether the file system below `/tmp` sets aside for a file and for a directory what that of README's tour did.
fn allocates_as_for_readme() -> bool {
    let temp = tempfile::tempdir_in("/tmp").unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "x").unwrap();
    File::open(&file).unwrap().sync_all().unwrap();
    [temp.path(), &file].iter().all(|path| fs::metadata(path).unwrap().blocks() * 512 == 4096)
}

#[test]
fn the_tour_in_the_readme_is_the_tour() {
    let printed = run(binary().arg("demo")).output;
    let same_sizes = allocates_as_for_readme();
    if !same_sizes {
        eprintln!("sizes are not compared with README's: this file system has other blocks");
    }
    let comparable = |line: &str| if same_sizes { lasting(line) } else { without_sizes(&lasting(line)) };
    let lines = |text: &str| text.lines().map(comparable).collect::<Vec<_>>().join("\n");
    let steps = steps();
    assert!(steps.len() > 5, "{steps:?}");
    for (question, command, shown) in steps {
        let [printed, shown] = [answer(&printed, question, command), shown].map(lines);
        assert!(printed == shown, "{question}\nlayerwise demo prints:\n{printed}\nREADME.md shows:\n{shown}");
    }
}
