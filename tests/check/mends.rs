//! What a finding says would mend it does mend it, and nothing else breaks.

use crate::cases;
use crate::world::{World, shown};
use layerwise::check::{Code, Mend};
use layerwise::demo::Target;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

/// Does what `mend` says.
fn apply(world: &World, mend: &Mend) {
    let put = |path: PathBuf, text: String| fs::write(world.at(path), text).unwrap();
    let entry = |dir: &layerwise::id::DirId, name: &'static str| Target::DirectoryEntry(*dir, name).path();
    match mend {
        Mend::Link(link, dir) => {
            let path = world.at(Target::Link(*link).path());
            fs::remove_file(&path).unwrap_or_default();
            symlink(format!("../{dir}/diff"), path).unwrap();
        }
        Mend::LinkFile(dir, link) => put(entry(dir, "link"), link.to_string()),
        Mend::Lower(dir, lower) if lower.is_empty() => fs::remove_file(world.at(entry(dir, "lower"))).unwrap(),
        Mend::Lower(dir, lower) => {
            put(entry(dir, "lower"), lower.iter().map(|link| format!("l/{link}")).collect::<Vec<_>>().join(":"));
        }
        Mend::Work(dir) => fs::create_dir(world.at(entry(dir, "work"))).unwrap(),
        Mend::Committed(dir) => put(entry(dir, "committed"), String::new()),
        Mend::NotCommitted(dir) => fs::remove_file(world.at(entry(dir, "committed"))).unwrap(),
        Mend::LayerDiff(chain, diff) => put(Target::LayerFile(*chain, "diff").path(), diff.to_string()),
        Mend::LayerParent(chain, parent) => put(Target::LayerFile(*chain, "parent").path(), parent.to_string()),
        Mend::NoLayerParent(chain) => fs::remove_file(world.at(Target::LayerFile(*chain, "parent").path())).unwrap(),
        Mend::MountId(name, dir) => put(Target::MountFile(name.to_string(), "mount-id").path(), dir.to_string()),
        Mend::InitId(name, dir) => put(Target::MountFile(name.to_string(), "init-id").path(), dir.to_string()),
        Mend::MountParent(name, chain) => put(Target::MountFile(name.to_string(), "parent").path(), chain.to_string()),
        Mend::NoReference(name) => {
            let path = world.at(Target::Repositories.path());
            let mut value: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let repositories = value["Repositories"].as_object_mut().unwrap();
            repositories.values_mut().for_each(|repository| drop(repository.as_object_mut().unwrap().remove(name)));
            fs::write(path, value.to_string()).unwrap();
        }
        Mend::NoImageParent(image) => fs::remove_file(world.at(Target::ImageParent(*image).path())).unwrap(),
    }
}

#[test]
fn what_would_mend_a_finding_does() {
    let mut mended = Vec::new();
    for case in cases::all() {
        let mut world = World::new();
        (case.damage)(&mut world);
        let findings = world.findings();
        let (with, without): (Vec<_>, Vec<_>) = findings.into_iter().partition(|finding| finding.mend.is_some());
        for finding in &with {
            apply(&world, finding.mend.as_ref().unwrap());
            mended.push(finding.code.name());
        }
        assert_eq!(world.found(), shown(&without), "{}, after mending {with:#?}", case.name);
    }
    mended.sort_unstable();
    mended.dedup();
    // Each of these can be mended in at least one case, and no others promise to be.
    let expected = [
        "cyclic-layers",
        "cyclic-lower",
        "image-parent-missing",
        "mismatched-chain",
        "mismatched-link",
        "mismatched-link-file",
        "mismatched-lower",
        "mismatched-mount",
        "missing-committed",
        "missing-link",
        "missing-link-file",
        "missing-lower",
        "missing-work",
        "mount-without-init",
        "mount-without-parent",
        "reference-to-nothing",
        "unexpected-committed",
        "unloadable-layer",
        "unloadable-mount",
    ];
    assert_eq!(mended, expected);
    // The page says so of each of them, and of those broken records that nothing needs, but of no other.
    let says_so = |code: &Code| code.explanation().contains("`repair`");
    let page: BTreeSet<&str> = Code::all().filter(says_so).map(Code::name).collect();
    assert_eq!(page, expected.into_iter().chain(["broken-layer-record"]).collect());
}
