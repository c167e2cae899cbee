//! `df` against `du`.

use crate::sample::{binary, json, printed, root, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn df_is_du() {
    let du = |option: &str| -> u64 {
        let output = Command::new("du").args(["-sx", option]).arg(root()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().parse().unwrap()
    };
    let total = &json(&["df"])["total"];
    assert_eq!(total["bytes"], du("--block-size=1"));
    assert_eq!(total["inodes"], du("--inodes"));
}

#[test]
fn what_is_not_read_is_not_called_reclaimable() {
    let class = |root: &Path, name: &str| -> Value {
        let df = run(binary().args(["--copy", "df", "--format", "json", "--data-root"]).arg(root));
        let document: Value = serde_json::from_str(&df.output).unwrap();
        document["classes"].as_array().unwrap().iter().find(|class| class["class"] == name).unwrap().clone()
    };
    let stores = class(root(), "inactive-stores");
    assert!(stores["bytes"].as_u64().unwrap() > 0 && stores["reclaimable_bytes"] == 0);
    let garbage = class(root(), "garbage");
    assert_eq!(garbage["reclaimable_bytes"], garbage["bytes"]);

    // The container whose config is lost may have used any volume.
    assert_eq!(class(root(), "volumes")["reclaimable_bytes"], 0);
    let temp = tempfile::tempdir().unwrap();
    let copy = temp.path().join("copy");
    assert!(Command::new("cp").arg("-a").args([root(), &copy]).status().unwrap().success());
    fs::remove_dir_all(copy.join("containers/3f65d1ae1f861641ab964aa35fab06f204fcee5a3e2f00e995f5142a3ec960c8")).unwrap();
    assert!(class(&copy, "volumes")["reclaimable_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn df_names_classes_garbage_and_the_largest_things() {
    let text = printed(&["df", "--verbose"]);
    assert!(text.starts_with("CLASS "));
    for line in ["\ntotal ", "\nFile system: ", "\nLogs of containers: ", "\nStored more than once: 1 content", "\nGARBAGE ", "\nVOLUMES "]
    {
        assert!(text.contains(line), "{line:?} is missing in {text}");
    }
    let largest: Vec<_> = text.lines().skip_while(|line| !line.starts_with("LARGEST FILES")).collect();
    assert!(largest[1].starts_with("overlay2/") && largest[1].contains("/usr/bin/python3 "), "{largest:?}");
    assert!(largest.iter().any(|line| line.starts_with("FULLEST DIRECTORIES") && line.ends_with(" ENTRIES")), "{largest:?}");
    let garbage: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("Garbage: ")).collect();
    assert_eq!(garbage.len(), 9, "{garbage:?}");
    assert!(garbage.iter().any(|line| line.starts_with("1 stale-probe-directory, ")), "{garbage:?}");
}

#[test]
fn the_garbage_of_df_is_what_check_lists() {
    let df = json(&["df"]);
    let counted: BTreeMap<_, _> =
        df["garbage"].as_array().unwrap().iter().map(|kind| (kind["code"].as_str().unwrap(), kind["count"].as_u64())).collect();
    let check = json(&["check", "--filter", "severity=garbage"]);
    let mut listed: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    for finding in check["findings"].as_array().unwrap() {
        let count = listed.entry(finding["code"].as_str().unwrap()).or_insert(Some(0));
        *count = count.map(|count| count + 1);
    }
    assert_eq!(listed, counted);
    let kinds = ["temporary-file", "probe-directory"].map(|kind| listed_as(&check, kind));
    assert_eq!(kinds, [2, 1]);
}

/// How many findings are about this kind of thing.
fn listed_as(check: &Value, kind: &str) -> usize {
    check["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == kind).count()
}

#[test]
fn df_says_whose_things_are_as_a_person_calls_them() {
    let df = json(&["df", "--verbose"]);
    let names_of = |class: &str, kind: &str| -> std::collections::BTreeSet<&str> {
        let things = df["things"].as_array().unwrap().iter().filter(|thing| thing["class"] == class && thing["kind"] == kind);
        things.map(|thing| thing["name"].as_str().unwrap()).collect()
    };
    // The topmost layer of site is one of BuildKit's snapshots, too.
    let images = names_of("image-layers", "directory");
    assert!(images.contains("site:latest") && images.contains("tool:latest"), "{images:?}");
    assert!(images.iter().all(|name| name.contains(':')), "{images:?}");
    let logs = names_of("container-files", "container-log");
    assert!(logs.contains("web") && logs.is_subset(&names_of("container-files", "container")), "{logs:?}");
}
