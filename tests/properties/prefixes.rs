//! Plans that are really applied, by the real program, which is killed anywhere: what is kept stays whole, and the next run comes to an end.

use crate::cases::cases;
use crate::look::{all, inventory, plan, taken, temporary};
use crate::oracle;
use crate::recipe::{Root, any, sound};
use layerwise::plan::{Limits, Plan, Wanted};
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn prune(root: &Path, arguments: &[&str], point: Option<String>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
    command.args(["prune", "--force", "--data-root"]).arg(root).args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
    command.envs(point.map(|point| ("LAYERWISE_TEST_POINT", point)));
    command.output().unwrap()
}

/// How many places between two steps a prune of a copy of `root` comes by.
fn points(root: &Path, arguments: &[&str]) -> usize {
    let temp = temporary();
    let copy = temp.path().join("root");
    assert!(Command::new("cp").arg("-a").arg(root).arg(&copy).status().unwrap().success());
    let trace = temp.path().join("trace");
    let mut command = Command::new(env!("CARGO_BIN_EXE_layerwise"));
    command.args(["prune", "--force", "--data-root"]).arg(&copy).args(arguments).env("LAYERWISE_TEST_TRACE", &trace).output().unwrap();
    fs::read_to_string(trace).map(|text| text.lines().count()).unwrap_or_default()
}

/// Every name below `root` with what tells its inode and content apart from others, without times of directories, which change.
fn listing(root: &Path) -> BTreeMap<PathBuf, (u64, u32, Vec<u8>)> {
    let walk = walkdir::WalkDir::new(root).follow_root_links(false).into_iter().map(Result::unwrap);
    let described = walk.map(|entry| {
        let metadata = entry.path().symlink_metadata().unwrap();
        let content = match metadata.file_type() {
            kind if kind.is_file() => fs::read(entry.path()).unwrap(),
            kind if kind.is_symlink() => fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes(),
            _ => Vec::new(),
        };
        (entry.path().strip_prefix(root).unwrap().to_owned(), (metadata.ino(), metadata.mode(), content))
    });
    described.collect()
}

/// What of `listing` a plan does not take; without the database that is locked, if it is empty: where there is none it is made, as dockerd makes
/// it.
fn without(mut listing: BTreeMap<PathBuf, (u64, u32, Vec<u8>)>, taken: &BTreeSet<String>) -> BTreeMap<PathBuf, (u64, u32, Vec<u8>)> {
    let is_lock = |path: &Path, content: &[u8]| path == Path::new("volumes/metadata.db") && content.is_empty();
    let is_taken = |path: &Path| taken.iter().any(|taken| path.starts_with(taken));
    listing.retain(|path, (_, _, content)| !path.starts_with(".layerwise") && !is_taken(path) && !is_lock(path, content));
    listing
}

fn saved(root: &Root, plan: &Plan) -> PathBuf {
    let file = root.outside().join("plan.json");
    fs::write(&file, serde_json::to_vec(plan).unwrap()).unwrap();
    file
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn killed_anywhere_it_leaves_whole_what_it_keeps(recipe in any(), killed in proptest::prelude::any::<Index>(), with_all in proptest::prelude::any::<bool>()) {
        let root = recipe.make();
        let path = root.path();
        let wanted = if with_all { all() } else { Wanted::default() };
        let include = ["distribution", "retired", "untagged-images", "build-snapshots", "inactive-stores"].map(|class| format!("--include={class}"));
        let arguments: Vec<&str> = if with_all { include.iter().map(String::as_str).collect() } else { Vec::new() };
        let planned = taken(&plan(path, None, &wanted, &Limits::default()));
        let kept = without(listing(path), &planned);
        let live = oracle::live(&inventory(path));
        let count = points(path, &arguments);
        if count > 0 {
            let killed = prune(path, &arguments, Some(format!("{}:kill -9 $PPID", killed.index(count))));
            prop_assert_eq!(killed.status.code(), None, "{:?}", killed);
            let now = without(listing(path), &planned);
            let touched: Vec<_> = kept.keys().chain(now.keys()).filter(|path| kept.get(*path) != now.get(*path)).collect();
            prop_assert!(touched.is_empty(), "what is kept was touched: {touched:?}");
            if !with_all {
                prop_assert_eq!(oracle::live(&inventory(path)), live);
            }
        }
        let ran = prune(path, &arguments, None);
        prop_assert!(matches!(ran.status.code(), Some(0 | 4)), "{:?}", ran);
        let end = without(listing(path), &BTreeSet::new()).into_keys().collect::<Vec<_>>();
        prop_assert_eq!(end, kept.into_keys().collect::<Vec<_>>());
        let mut again = taken(&plan(path, None, &wanted, &Limits::default()));
        // A broken record that is gone now may have been about the content that a registry is remembered for.
        again.retain(|path| !path.starts_with("image/overlay2/distribution/"));
        prop_assert_eq!(again, BTreeSet::new(), "a plan after it was applied");
    }

    #[test]
    fn what_was_changed_since_a_plan_was_saved_is_skipped(recipe in sound(), index in proptest::prelude::any::<Index>(), change in 0..4_u8) {
        let root = recipe.make();
        let path = root.path();
        let before = plan(path, None, &Wanted::default(), &Limits::default());
        let file = saved(&root, &before);
        let objects: Vec<_> = before.actions.iter().flat_map(|action| action.objects.iter().map(move |object| (action, object))).collect();
        prop_assume!(!objects.is_empty());
        let (action, object) = *index.get(&objects);
        let victim = path.join(object.path.as_path());
        let aside = root.outside().join("aside");
        let is_directory = victim.symlink_metadata().unwrap().is_dir();
        match change {
            0 if is_directory => fs::write(victim.join("note"), "somebody looks into this").unwrap(),
            // Another one, just like it.
            1 => {
                assert!(Command::new("cp").arg("-a").args([&victim, &aside]).status().unwrap().success());
                if is_directory { fs::remove_dir_all(&victim).unwrap() } else { fs::remove_file(&victim).unwrap() }
                fs::rename(&aside, &victim).unwrap();
            }
            2 if victim.symlink_metadata().unwrap().is_symlink() => {
                fs::remove_file(&victim).unwrap();
                std::os::unix::fs::symlink("../nowhere/diff", &victim).unwrap();
            }
            _ => fs::rename(&victim, &aside).unwrap(),
        }
        let is_alike = victim.symlink_metadata().is_ok_and(|now| now.is_symlink()) && change == 1;
        let now = listing(&victim_or(&victim, &aside));
        let ran = prune(path, &["--plan", file.to_str().unwrap()], None);
        prop_assert!(ran.status.code() == Some(5) || is_alike, "{:?} {:?}: {:?}", change, object.path, ran);
        // A link that says the same is the same; all else is left as it is, with the whole action.
        if !is_alike {
            prop_assert!(listing(&victim_or(&victim, &aside)) == now);
            for other in action.objects.iter().filter(|other| other.path != object.path) {
                prop_assert!(path.join(other.path.as_path()).symlink_metadata().is_ok(), "{} went without {}", other.path, object.path);
            }
        }
    }
}

/// Where the thing is now.
fn victim_or(victim: &Path, aside: &Path) -> PathBuf {
    if victim.symlink_metadata().is_ok() { victim.to_owned() } else { aside.to_owned() }
}
