//! Something is mounted in what is to go, or a process is in it: before the plan, after it, and even after it was taken.

use crate::world::{Ran, World, alone};
use layerwise::demo::{Directory, ImageSpec, Layer, Tree};
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// A data-root with an image, an orphan on a layer that nothing needs, and another orphan that nobody ever holds.
struct Candidates {
    world: World,
    layer: Layer,
    orphan: Directory,
    other: Directory,
}

impl Candidates {
    fn new() -> Self {
        // Mounts are known by names alone, so every data-root has names of its own.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = |name: &str| format!("{name} {} {number}", std::process::id());
        let (world, mut root) = World::empty();
        let used = root.layer(None, Tree::new("used").file("a", 1)).unwrap();
        root.image(&ImageSpec::new(&used).tag("used:1")).unwrap();
        let layer = root.layer(Some(&used), Tree::new(own("dead layer")).file("b", 5_000)).unwrap();
        let orphan = root.orphan_directory(&own("held"), Some(&layer), &Tree::new("held").directory("in").file("in/c", 5_000)).unwrap();
        let other = root.orphan_directory(&own("other"), None, &Tree::new("other").file("d", 5_000)).unwrap();
        Self { world, layer, orphan, other }
    }

    fn exists(&self, directory: &Directory) -> bool {
        self.world.root().join(directory.path()).exists()
    }

    /// Whether everything that is held is as it was, with what it lies on, and everything else is gone.
    #[track_caller]
    fn assert_only_the_other_went(&self, before: &crate::world::Snapshot, when: &str) {
        assert!(!self.exists(&self.other), "{when}");
        let gone = [self.other.path(), self.other.link_path(), ".layerwise".into()].map(|path| path.to_str().unwrap().to_owned());
        self.world.snapshot().without(&gone).assert_is(&before.clone().without(&gone), when);
        assert!(self.exists(&self.layer.dir) && self.exists(&self.orphan), "{when}");
    }
}

/// A process that goes when it goes.
struct Process(Child);

impl Process {
    fn start(mut command: Command) -> Self {
        Self(command.stdin(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn what_a_process_is_in_is_not_in_the_plan_with_what_it_lies_on() {
    let candidates = Candidates::new();
    let before = candidates.world.snapshot();
    let inside = candidates.world.root().join(candidates.orphan.path()).join("diff/in");
    let mut stands = Command::new("sleep");
    stands.arg("1000").current_dir(&inside);
    let mut reads = Command::new("tail");
    reads.arg("-f").arg(inside.join("c")).stdout(Stdio::null());
    for (command, told) in [(stands, "working directory of pid"), (reads, "open file of pid")] {
        let holder = Process::start(command);
        let told = format!("{told} {}", holder.0.id());
        // It takes a moment until the program has opened it.
        let why = || candidates.world.run(&["why", &candidates.orphan.id.to_string()]).output;
        assert!((0..100).any(|_| why().contains(&told)), "{told}: {}", why());
        assert!(candidates.world.planned(&[]).iter().all(|path| !path.contains(&candidates.orphan.id.to_string())));
    }
    // This very process has it open.
    let open = std::fs::File::open(inside.join("c")).unwrap();
    let ran = candidates.world.run(&["prune", "--force"]);
    assert_eq!(ran.status, Some(0), "{ran:?}");
    candidates.assert_only_the_other_went(&before, "afterwards");
    drop(open);
    assert!(candidates.world.planned(&[]).iter().any(|path| path.contains(&candidates.orphan.id.to_string())));
}

/// Ends the first thread of a Python program, and goes on in another.
const GO_ON: &str = "import ctypes, threading, time
threading.Thread(target=lambda: time.sleep(1000)).start()
ctypes.CDLL(None).pthread_exit(None)";

#[test]
fn what_a_process_holds_whose_first_thread_has_ended_stays() {
    if !rustix::process::geteuid().is_root()
        || !Command::new("python3").args(["-c", "import ctypes"]).status().is_ok_and(|ran| ran.success())
    {
        assert!(std::env::var_os("LAYERWISE_REQUIRE_DOCKER").is_none(), "python3 is missing");
        eprintln!("skipped: it needs root and python3");
        return;
    }
    for way in [
        "cd $X; exec python3 -c \"$GO_ON\"",
        "exec python3 -c \"$GO_ON\" 7<$X/c",
        "exec unshare --mount sh -c 'mount --bind $X $T && exec python3 -c \"$GO_ON\"'",
    ] {
        let candidates = Candidates::new();
        let before = candidates.world.snapshot();
        let inside = candidates.world.root().join(candidates.orphan.path()).join("diff/in");
        let mounted = candidates.world.beside("mounted");
        std::fs::create_dir(&mounted).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", way]).env("GO_ON", GO_ON).env("X", &inside).env("T", &mounted);
        let holder = Process::start(command);
        let place = std::path::Path::new("/proc").join(holder.0.id().to_string());
        while std::fs::read_link(place.join("root")).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(std::fs::read_dir(place.join("task")).unwrap().count() > 1, "{way}");
        let ran = candidates.world.run(&["prune", "--force"]);
        assert_eq!(ran.status, Some(0), "{way}: {ran:?}");
        candidates.assert_only_the_other_went(&before, way);
    }
}

#[test]
fn nothing_goes_while_a_process_is_in_a_directory_that_is_mounted_nowhere_any_more() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounts cannot be made here");
        return;
    }
    // It may be of any data-root, so of those of other tests, too.
    alone(|| {
        for (mount, way) in [
            ("mount -t overlay overlay -o lowerdir=$X:$O $T", "cd $T/in; umount -l $T; exec sleep 1000"),
            ("mount --bind $X/in $T", "exec 7<$T; umount -l $T; exec sleep 1000"),
            // What a dockerd in a container has in a container of its own: the name is that of another layer.
            (
                "mount -t overlay overlay -o lowerdir=$X:$O $T",
                "mkdir -p $O/overlay2/$N/diff; cd $T/overlay2/$N/diff; umount -l $T; exec sleep 1000",
            ),
        ] {
            let candidates = Candidates::new();
            let before = candidates.world.snapshot();
            let diff = candidates.world.root().join(candidates.orphan.path()).join("diff");
            let [mounted, other] = ["mounted", "other"].map(|name| candidates.world.beside(name));
            for place in [&mounted, &other] {
                std::fs::create_dir(place).unwrap();
            }
            let mut command = Command::new("sh");
            command.args(["-ec", &format!("{mount}; {way}")]).env("X", &diff).env("T", &mounted).env("O", &other).env("N", "ab".repeat(32));
            let holder = Process::start(command);
            let place = std::path::Path::new("/proc").join(holder.0.id().to_string());
            while std::fs::read_link(place.join("exe")).is_ok_and(|program| !program.ends_with("sleep")) {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            let ran = candidates.world.run(&["prune", "--force"]);
            let told = format!("/proc/{}/", holder.0.id());
            assert!(
                ran.output.contains(&told) && ran.output.contains("sleep (pid ") && ran.output.contains("mounted nowhere any more"),
                "{mount}: {ran:?}"
            );
            candidates.world.snapshot().assert_is(&before, mount);
            drop(holder);
            assert_eq!(candidates.world.run(&["prune", "--force"]).status, Some(0), "{mount}");
            assert!(!candidates.exists(&candidates.orphan), "{mount}");
        }
    });
}

#[test]
fn a_process_in_a_copy_of_the_data_root_holds_nothing() {
    let candidates = Candidates::new();
    let copy = World::copy(&candidates.world);
    let inside = copy.root().join(candidates.orphan.path()).join("diff/in");
    let mut stands = Command::new("sleep");
    stands.arg("1000").current_dir(inside);
    let _holder = Process::start(stands);
    assert!(candidates.world.planned(&[]).iter().any(|path| path.contains(&candidates.orphan.id.to_string())));
    assert!(copy.planned(&[]).iter().all(|path| !path.contains(&candidates.orphan.id.to_string())));
}

/// Shell commands that hold the directory `$X` of a layer until the process `$PPID` of the caller ends, or forever where that is a mount.
/// `$X` is found by what is in it, because after the taking it has another name.
const FIND: &str = r#"X=$(dirname "$(dirname "$(find "$D/overlay2" "$D/.layerwise" -path '*/diff/in' 2>/dev/null | head -n 1)")")"#;

/// A mount that has the layer's link in its options, and nothing else of the layer.
const BY_LINK: &str = "an overlay on its link";

/// What mounts or stands in it, and whether that can be seen from outside of the mount namespace that it is done in.
const WAYS: [(&str, &str); 8] = [
    ("a file system mounted in it", r#"mount -t tmpfs tmpfs "$X/diff/in" && echo precious > "$X/diff/in/precious""#),
    ("a directory from elsewhere mounted in it", r#"mount --bind "$T/outside" "$X/diff/in""#),
    ("a file from elsewhere mounted on one of it", r#"mount --bind "$T/outside/precious" "$X/diff/in/c""#),
    ("it mounted elsewhere", r#"mount --bind "$X/diff/in" "$T/mounted""#),
    (
        "an overlay in it",
        r#"mount -t tmpfs tmpfs "$T/mounted" && mkdir "$T/mounted/up" "$T/mounted/work" && mount -t overlay overlay -o "lowerdir=$T/outside,upperdir=$T/mounted/up,workdir=$T/mounted/work" "$X/diff/in""#,
    ),
    ("an overlay on it", r#"mount -t overlay overlay -o "lowerdir=$X/diff:$T/outside" "$T/mounted""#),
    (BY_LINK, r#"mount -t overlay overlay -o "lowerdir=$D/overlay2/l/$(cat "$X/link"):$T/outside" "$T/mounted""#),
    ("a process in it", r#"cd "$X/diff/in""#),
];

/// What is done in a mount namespace of its own, which a process keeps until the file `$T/done` appears.
fn elsewhere(way: &str) -> String {
    let held = format!("{FIND}; {way}; touch $T/ready; until [ -e $T/done ]; do sleep 0.01; done; touch $T/over");
    format!("unshare --mount sh -c '{}' >/dev/null 2>&1 & until [ -e $T/ready ]; do sleep 0.01; done", held.replace('\'', r"'\''"))
}

/// Runs a prune with `way` at `place`, in the program's own mount namespace or another one.
fn held(candidates: &Candidates, arguments: &[&str], way: &str, (place, own): (Option<&str>, bool)) -> Ran {
    let world = &candidates.world;
    let outside = world.beside("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious"), "precious").unwrap();
    std::fs::create_dir(world.beside("mounted")).unwrap();
    let own_way = format!("{FIND}; {way}");
    // The process that stands in it must not be the shell that ends with the command.
    let own_way =
        if way.starts_with("cd") { format!("({own_way} && exec sleep 60) >/dev/null 2>&1 & echo $! > $T/pid; sleep 0.3") } else { own_way };
    let way = if own { own_way } else { elsewhere(way) };
    let (first, points) = match place {
        None => (way, String::new()),
        Some(place) => (String::new(), world.lines_at(arguments, &[(place, 0, &way)])),
    };
    let script = format!(
        "{first}\neval \"$L\"\nstatus=$?\ntouch $T/done\nif [ -e $T/ready ]; then until [ -e $T/over ]; do sleep 0.01; done; fi\n\
         cat $T/outside/precious\n[ ! -e $T/pid ] || kill $(cat $T/pid)\nexit $status"
    );
    world.script(&script, arguments, &points)
}

#[test]
fn what_is_held_stays_whoever_holds_it_and_whenever_they_came() {
    if !rustix::process::geteuid().is_root()
        || !Command::new("unshare").args(["--mount", "true"]).status().is_ok_and(|status| status.success())
    {
        assert!(std::env::var_os("LAYERWISE_REQUIRE_DOCKER").is_none(), "mounts cannot be made here");
        eprintln!("skipped: mounts cannot be made here");
        return;
    }
    let (deleted, kept) = (&["prune", "--force"][..], &["prune", "--force", "--trash"][..]);
    let places = [(deleted, None), (deleted, Some("locked")), (deleted, Some("begin")), (deleted, Some("settle")), (kept, Some("settle"))];
    let cases = WAYS.into_iter().flat_map(|way| places.map(|place| (way, place))).flat_map(|case| [true, false].map(|own| (case, own)));
    // The link is no longer there when everything is taken.
    let cases: Vec<_> = cases.filter(|(((name, _), (_, place)), _)| *name != BY_LINK || *place != Some("settle")).collect();
    cases.into_par_iter().for_each(|(((name, way), (arguments, place)), own)| {
        let candidates = Candidates::new();
        let before = candidates.world.snapshot();
        let when = format!("{arguments:?}: {name}, {place:?}, own namespace: {own}");
        let ran = held(&candidates, arguments, way, (place, own));
        let expected = if place.is_none() { Some(0) } else { Some(5) };
        assert!(ran.status == expected && ran.output.contains("precious"), "{when}: {ran:?}");
        candidates.assert_only_the_other_went(&before, &when);
    });
}

/// The ways to hold something by a mount.
fn mounts() -> impl Iterator<Item = (&'static str, &'static str)> {
    WAYS.into_iter().filter(|(name, _)| ["a file system mounted in it", "it mounted elsewhere", "an overlay on it"].contains(name))
}

#[test]
fn what_is_mounted_in_a_namespace_in_which_no_process_lives_stays() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounts cannot be made here");
        return;
    }
    let places = [(None, 0), (Some("locked"), 5), (Some("begin"), 5), (Some("settle"), 5)];
    for ((name, way), (place, status)) in mounts().flat_map(|way| places.map(|place| (way, place))) {
        let way = format!("{FIND}; {way}").replace('\'', r"'\''");
        // The kernel lets a namespace be mounted only in an older one, and counts them on each processor by itself.
        let by_file = format!(
            "touch $T/namespace; for on in $(seq 0 $(($(nproc) - 1))); do taskset -c $on unshare --mount=$T/namespace sh -c '{way}' && break; done"
        );
        // A process that lives elsewhere has it open when the one that lived there has ended.
        let by_descriptor = format!(
            "unshare --mount sh -c '{way}; touch $T/inside; exec sleep 60' >/dev/null 2>&1 & inside=$!; \
             until [ -e $T/inside ]; do sleep 0.01; done; \
             (exec sleep 60 7</proc/$inside/ns/mnt >/dev/null 2>&1) & echo $! > $T/pid; \
             until [ -e /proc/$(cat $T/pid)/fd/7 ]; do sleep 0.01; done; kill $inside; wait $inside"
        );
        for (keeper, kept) in [("a file", by_file), ("a descriptor", by_descriptor)] {
            let candidates = Candidates::new();
            let before = candidates.world.snapshot();
            let when = format!("{name}, {place:?}, kept by {keeper}");
            let ran = held(&candidates, &["prune", "--force"], &kept, (place, true));
            assert!(ran.status == Some(status) && ran.output.contains("precious"), "{when}: {ran:?}");
            candidates.assert_only_the_other_went(&before, &when);
        }
    }
}

#[test]
fn what_is_mounted_in_the_namespace_of_a_single_thread_stays() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: mounts cannot be made here");
        return;
    }
    for ((name, way), changes_root) in mounts().flat_map(|way| [false, true].map(|changes_root| (way, changes_root))) {
        let candidates = Candidates::new();
        let before = candidates.world.snapshot();
        std::fs::create_dir(candidates.world.beside("outside")).unwrap();
        std::fs::create_dir(candidates.world.beside("mounted")).unwrap();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (end, is_over) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let world = &candidates.world;
            scope.spawn(move || {
                nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS | nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
                let script = format!("mount --make-rprivate / && {FIND}; {way}");
                let mut shell = Command::new("sh");
                shell.args(["-c", &script]).env("D", world.root()).env("T", world.beside(""));
                let mounted = shell.output().unwrap();
                if changes_root {
                    // From here on its own table shows nothing of what was mounted.
                    nix::unistd::chroot(&world.beside("outside")).unwrap();
                }
                ready.send(mounted).unwrap();
                let _ = is_over.recv();
            });
            let mounted = is_ready.recv().unwrap();
            assert!(mounted.status.success(), "{name}: {mounted:?}");
            let ran = world.run(&["prune", "--force"]);
            assert_eq!(ran.status, Some(0), "{name}: {ran:?}");
            drop(end);
        });
        candidates.assert_only_the_other_went(&before, &format!("{name}, changes its root: {changes_root}"));
    }
}

#[test]
fn what_is_held_too_deep_to_be_told_stays_whenever_it_came() {
    alone(|| {
        let candidates = Candidates::new();
        let world = &candidates.world;
        let deep = world.beside("deep");
        std::fs::create_dir(&deep).unwrap();
        // This very process has a directory open whose path is longer than the kernel tells, outside of the data-root at first.
        let mut held = std::fs::File::open(&deep).unwrap();
        for _ in 0..40 {
            rustix::fs::mkdirat(&held, "d".repeat(200), rustix::fs::Mode::RWXU).unwrap();
            let flags = rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
            held = std::fs::File::from(rustix::fs::openat(&held, "d".repeat(200), flags, rustix::fs::Mode::empty()).unwrap());
        }
        let arguments = ["prune", "--force"];
        let inside = world.root().join(candidates.orphan.path()).join("diff/in");
        let into = format!("mv {} {}", deep.display(), inside.display());
        let ran = world.run_points(&arguments, &world.lines_at(&arguments, &[("begin", 0, &into)]));
        assert_eq!(ran.status, Some(5), "{ran:?}");
        assert!(inside.join("deep").exists() && candidates.exists(&candidates.layer.dir), "{ran:?}");
        drop(held);
        assert_eq!(world.run(&arguments).status, Some(0));
        assert!(!inside.exists());
    });
}
