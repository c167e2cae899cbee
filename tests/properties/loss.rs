//! Whatever happens to any one file that Docker wrote, nothing becomes garbage that was not.

use crate::cases::cases;
use crate::garbage::world;
use crate::look::{all, audit, garbage, plan, taken, temporary, unmeasured};
use crate::recipe::sound;
use layerwise::audit::Audit;
use layerwise::demo::{Builder, sample};
use layerwise::graph::Thing;
use layerwise::id::ImageId;
use layerwise::plan::{Limits, Wanted};
use layerwise::store::place::Owner;
use layerwise::usage::class::Classifier;
use nix::sys::stat::Mode;
use proptest::prelude::*;
use proptest::sample::Index;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// What happens to a file or a symbolic link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    Removed,
    Emptied,
    Cut,
    Noise,
    /// A directory stands in its place.
    Directory,
    Fifo,
    /// A symbolic link to the very same content stands in its place.
    LinkToItself,
    LinkToNowhere,
    /// The byte at this place, if there are as many, is another that could stand there as well.
    Slip(usize),
}

pub(crate) const ALL: [Loss; 12] = [
    Loss::Removed,
    Loss::Emptied,
    Loss::Cut,
    Loss::Noise,
    Loss::Directory,
    Loss::Fifo,
    Loss::LinkToItself,
    Loss::LinkToNowhere,
    Loss::Slip(0),
    Loss::Slip(20),
    Loss::Slip(40),
    Loss::Slip(300),
];

impl Loss {
    /// Does it to `path`, whose intact form is kept as `aside`; false if it cannot happen to this file.
    pub(crate) fn inflict(self, path: &Path, aside: &Path) -> bool {
        let is_link = aside.symlink_metadata().unwrap().is_symlink();
        let content = if is_link { fs::read_link(aside).unwrap().into_os_string().into_vec() } else { fs::read(aside).unwrap() };
        match self {
            Self::Removed => {}
            Self::Emptied => fs::write(path, "").unwrap(),
            Self::Cut => put(path, &content[..content.len() / 2], is_link),
            Self::Noise => put(path, &content.iter().map(|byte| (byte ^ 0x5a).max(1)).collect::<Vec<u8>>(), is_link),
            Self::Directory => fs::create_dir(path).unwrap(),
            Self::Fifo => nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap(),
            Self::LinkToItself => symlink(aside, path).unwrap(),
            Self::LinkToNowhere => symlink("nowhere", path).unwrap(),
            Self::Slip(at) => {
                let Some(slipped) = slip(&content, at) else { return false };
                put(path, &slipped, is_link);
            }
        }
        true
    }
}

fn put(path: &Path, content: &[u8], is_link: bool) {
    if is_link && !content.is_empty() {
        symlink(std::ffi::OsStr::from_bytes(content), path).unwrap();
    } else {
        fs::write(path, content).unwrap();
    }
}

/// A text in which the byte at `at` is another of its kind, so that it may still be read; nothing for what is no text.
fn slip(content: &[u8], at: usize) -> Option<Vec<u8>> {
    if at >= content.len() || !content.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()) {
        return None;
    }
    let mut content = content.to_vec();
    content[at] = match content[at] {
        b'9' => b'2',
        b'7' => b'2',
        b'f' => b'a',
        b'z' => b'a',
        b'Z' => b'A',
        byte if byte.is_ascii_alphanumeric() => byte + 1,
        byte => byte ^ 1,
    };
    Some(content)
}

/// What is garbage: things, and owners of inodes, of those that there were before.
fn dead(audit: &Audit, before: &Audit) -> (BTreeSet<Thing>, BTreeSet<Owner>) {
    let classifier = Classifier::new(&audit.inventory, &audit.graph, &audit.verdicts);
    let owners = before.account.as_ref().unwrap().belongs.keys().filter(|owner| classifier.classify(owner).garbage.is_some());
    (garbage(audit).into_keys().collect(), owners.cloned().collect())
}

/// The one loss that cannot be told from what Docker does itself: `docker rmi`, cut off after it removed an image's names, its metadata
/// and its config, leaves just what is left when the config of an image vanishes that had neither names nor metadata. What only that
/// image kept is then unreferenced, and is rightly found so.
fn kept_by_what_leaves_no_trace(before: &Audit, root: &Path, path: &Path, loss: Loss) -> BTreeSet<Thing> {
    let database = root.join("image/overlay2/imagedb");
    let Ok(name) = path.strip_prefix(database.join("content/sha256")) else { return BTreeSet::new() };
    let id = ImageId::from_hex(name.as_os_str().as_bytes()).unwrap();
    let has_metadata = database.join("metadata/sha256").join(name).exists();
    let has_name = before.inventory.names_of(id).next().is_some();
    if loss != Loss::Removed || has_metadata || has_name {
        return BTreeSet::new();
    }
    let graph = &before.graph;
    let others = graph.reachable(graph.roots().filter(|node| graph.thing(*node) != Some(&Thing::Image(id))));
    let live = graph.live();
    graph.things().filter(|(node, _)| live.contains(*node) && !others.contains(*node)).map(|(_, thing)| thing.clone()).collect()
}

/// The intact file, kept outside of the data-root while something else stands in its place.
pub(crate) struct Aside<'a> {
    path: &'a Path,
    pub(crate) aside: PathBuf,
}

impl<'a> Aside<'a> {
    pub(crate) fn take(path: &'a Path, outside: &Path) -> Self {
        let aside = outside.join("aside");
        fs::rename(path, &aside).unwrap();
        Self { path, aside }
    }
}

impl Drop for Aside<'_> {
    fn drop(&mut self) {
        let there = self.path.symlink_metadata();
        if there.as_ref().is_ok_and(fs::Metadata::is_dir) {
            fs::remove_dir(self.path).unwrap();
        } else if there.is_ok() {
            fs::remove_file(self.path).unwrap();
        }
        fs::rename(&self.aside, self.path).unwrap();
    }
}

/// A data-root before anything happened to it.
struct Before {
    audit: Audit,
    /// What plans take: of what is garbage anyway, and of everything that can be asked for.
    plans: [BTreeSet<String>; 2],
}

impl Before {
    fn of(root: &Path) -> Self {
        Self { audit: audit(root), plans: plans(root) }
    }
}

fn plans(root: &Path) -> [BTreeSet<String>; 2] {
    [Wanted::default(), all()].map(|wanted| taken(&plan(root, None, &wanted, &Limits::default())))
}

/// What became garbage when `loss` happened to `path`, and should not have.
fn wrongly_dead(
    Before { audit: before, plans: planned }: &Before,
    (root, outside): (&Path, &Path),
    path: &Path,
    loss: Loss,
) -> Vec<String> {
    let aside = Aside::take(path, outside);
    if !loss.inflict(path, &aside.aside) {
        return Vec::new();
    }
    let after = unmeasured(root);
    let (things, owners) = dead(before, before);
    let (things_after, owners_after) = dead(&after, before);
    let allowed = kept_by_what_leaves_no_trace(before, root, path, loss);
    let things = things_after.difference(&things).filter(|thing| !allowed.contains(thing)).map(|thing| format!("{thing:?}"));
    let allowed: BTreeSet<String> = allowed.iter().map(|thing| thing.to_string().trim_start_matches("sha256:").to_owned()).collect();
    let owner = |owner: &&Owner| !allowed.contains(&*String::from_utf8_lossy(&owner.name));
    let owners = owners_after.difference(&owners).filter(owner).map(|owner| format!("{:?} {}", owner.area, owner.path().display()));
    let mut wrong: Vec<String> = things.chain(owners).collect();
    // A memory of a registry that names another content now is one of a content that is not here; and what is in a directory that is no longer
    // known to be dead was going to go with it.
    let itself = path.strip_prefix(root.join("image/overlay2")).ok().filter(|below| below.starts_with("distribution"));
    let is_allowed = |before: &BTreeSet<String>, taken: &str| {
        let is_itself = itself.is_some_and(|itself| Path::new(taken).ends_with(itself));
        is_itself
            || allowed.iter().any(|name| taken.contains(name.as_str()))
            || before.iter().any(|around| Path::new(taken).starts_with(around))
    };
    for (before, after) in planned.iter().zip(plans(root)) {
        let more = after.difference(before).filter(|path| !is_allowed(before, path));
        wrong.extend(more.map(|path| format!("{path}, which is in a plan now")));
    }
    wrong
}

fn assert_nothing_dies(before: &Before, (root, outside): (&Path, &Path), path: &Path, loss: Loss) {
    let wrong = wrongly_dead(before, (root, outside), path, loss);
    assert!(wrong.is_empty(), "{loss:?} of {} made garbage of {wrong:#?}", path.display());
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn losing_a_file_makes_no_garbage(recipe in sound(), losses in proptest::collection::vec((any::<Index>(), any::<Index>()), 24)) {
        let root = recipe.make();
        let before = Before::of(root.path());
        let files = root.made.root.metadata_files().unwrap();
        for (file, loss) in losses {
            assert_nothing_dies(&before, (root.path(), root.outside()), &files[file.index(files.len())], *loss.get(&ALL));
        }
    }
}

/// What any loss of any file wrongly makes garbage.
fn every_loss(root: &Path, outside: &Path) -> Vec<String> {
    let before = Before::of(root);
    let mut wrong = Vec::new();
    for path in Builder::open(root).unwrap().metadata_files().unwrap() {
        for loss in ALL {
            let dead = wrongly_dead(&before, (root, outside), &path, loss);
            wrong.extend((!dead.is_empty()).then(|| format!("{loss:?} of {}: {dead:?}", path.display())));
        }
    }
    wrong
}

#[test]
fn losing_any_file_of_the_sample_makes_no_garbage() {
    let temp = temporary();
    let root = temp.path().join("root");
    sample::write(&root).unwrap();
    assert_eq!(every_loss(&root.canonicalize().unwrap(), temp.path()), Vec::<String>::new());
}

#[test]
fn losing_any_file_makes_no_garbage_where_all_is_in_use() {
    let (temp, made) = world();
    assert_eq!(every_loss(made.root.path(), temp.path()), Vec::<String>::new());
}

#[test]
fn no_slip_in_the_config_of_a_container_makes_garbage_of_its_image_mounts() {
    let (temp, made) = world();
    let root = made.root.path();
    let before = Before::of(root);
    let path = root.join("containers").join(made.containers[0].id.to_string()).join("config.v2.json");
    for at in 0..fs::read(&path).unwrap().len() {
        assert_nothing_dies(&before, (root, temp.path()), &path, Loss::Slip(at));
    }
}
