//! The power fails in the middle of what dockerd does: what it still knows afterwards was never called garbage, and what it forgot is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::builds::layer_directories;
use crate::docker::Docker;
use crate::engine::Engine;
use crate::fixture::images;
use crate::layerwise::{Layerwise, text};
use crate::operations::{MOMENTS, listing, wait_for_moment};
use crate::seen::garbage;

#[test]
fn what_dockerd_still_knows_after_a_power_cut_is_never_garbage() {
    let Some(mut engine) = Engine::start("what_dockerd_still_knows_after_a_power_cut_is_never_garbage") else { return };
    images::import(&engine);
    let moments = MOMENTS.iter().flat_map(|(operation, moments)| moments.iter().map(move |moment| (operation, moment)));
    for (round, (operation, moment)) in moments.enumerate() {
        let what = format!("{operation:?}, when {moment} changed");
        operation.prepare(&engine, round);
        let root = engine.data_root();
        let before = listing(&root, moment);
        let mut child = operation.start(&engine, round);
        wait_for_moment(&root, moment, &before, &mut child);
        engine.cut_power();
        child.wait().unwrap();

        let program = Layerwise::on_damaged(&root);
        let dead = program.findings();
        engine.boot();
        let docker = Docker::ask(&engine);
        assert_known_things_are_kept(&what, &docker, &dead, &program);
    }
    engine.stop();
    assert_all_is_in_use_or_garbage(&engine);
}

/// What Docker lists was no garbage while it was down, and is in use now.
fn assert_known_things_are_kept(what: &str, docker: &Docker, dead: &[Value], program: &Layerwise) {
    let known = docker.directories();
    let (garbage_when_dead, alive) = (garbage(dead), program.findings());
    let cache = docker.usage.build_cache.iter().map(|record| (record.id.as_str(), "build cache"));
    let images = docker.images.keys().map(|id| (id.as_str(), "image"));
    let containers = docker.containers.keys().map(|id| (id.as_str(), "container"));
    let directories = known.iter().map(|(name, owner)| (name.as_str(), owner.as_str()));
    for (id, owner) in cache.chain(images).chain(containers).chain(directories) {
        assert!(!garbage_when_dead.contains(id), "{what}: {id} ({owner}) was called garbage while dockerd was down: {dead:?}");
        assert!(!garbage(&alive).contains(id), "{what}: {id} ({owner}) is called garbage: {alive:?}");
    }
    let names: Vec<&str> = known.keys().map(String::as_str).collect();
    for answer in program.items("why", &names) {
        assert_eq!(text(&answer, "verdict"), "in-use", "{what}: {answer}");
    }
}

/// With dockerd stopped, what the interruptions left behind has its name; in doubt is only what a lost record may have named.
fn assert_all_is_in_use_or_garbage(engine: &Engine) {
    let program = Layerwise::on_damaged(&engine.data_root());
    let names = layer_directories(engine);
    let mut verdicts: BTreeMap<String, usize> = BTreeMap::new();
    for answer in program.items("why", &names.iter().map(String::as_str).collect::<Vec<_>>()) {
        let verdict = match text(&answer, "verdict") {
            "in-use" => "in-use",
            "garbage" => text(&answer, "reason"),
            unknown => {
                let reason = text(&answer, "reason");
                let vague =
                    ["dockerd", "nothing is known"].iter().any(|vague| reason.starts_with(vague) || reason.contains("running dockerd"));
                assert!(!vague, "no lost record is named for which it is in doubt: {answer}");
                unknown
            }
        };
        *verdicts.entry(verdict.to_owned()).or_default() += 1;
    }
    eprintln!("layer directories after {} power cuts: {verdicts:?}", MOMENTS.iter().map(|(_, moments)| moments.len()).sum::<usize>());
    assert!(verdicts.keys().any(|verdict| verdict != "in-use"), "none of the power cuts left anything behind: {verdicts:?}");
}

#[test]
fn half_of_an_import_is_garbage_once_dockerd_is_gone() {
    let Some(mut engine) = Engine::start("half_of_an_import_is_garbage_once_dockerd_is_gone") else { return };
    images::import(&engine);
    let before = layer_directories(&engine);
    let archive = fs::read(engine.work().join("roots/base.tar")).unwrap();
    let mut import = engine.docker_command("import - half:1").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut pipe = import.stdin.take().unwrap();
    pipe.write_all(&archive[..archive.len() / 2]).unwrap();
    let new = |engine: &Engine| layer_directories(engine).difference(&before).next().cloned();
    let directory = engine.wait_for(new).expect("a directory for the layer");
    let program = Layerwise::on(&engine.data_root());

    let why = &program.items("why", &[&directory])[0];
    // In use as long as a process unpacks in it, and in doubt as long as this dockerd may name it.
    assert_ne!(text(why, "verdict"), "garbage", "while it is imported: {why}");
    assert_eq!(garbage(&program.findings()), BTreeSet::new(), "while it is imported");
    engine.cut_power();
    drop(pipe);
    import.wait().unwrap();
    let why = &program.items("why", &[&directory])[0];
    assert_eq!(text(why, "verdict"), "garbage", "after a power cut: {why}");
    engine.boot();
    assert!(!Docker::ask(&engine).directories().contains_key(&directory));
    assert!(layer_directories(&engine).contains(&directory), "this dockerd cleans up by itself");
    engine.stop();
    let why = &program.items("why", &[&directory])[0];
    assert_eq!(text(why, "verdict"), "garbage", "after a restart and a stop: {why}");
}
