//! What the builder writes, judged by a real dockerd.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr, reason = "a test that cannot go on fails")]

#[path = "engine/engine.rs"]
mod engine;

use engine::Engine;
use layerwise::demo::{Builder, Container, ContainerSpec, ImageSpec, Layer, SnapshotSpec, Target, Tree, sample};
use layerwise::id::{ChainId, DiffId};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::Command;

/// A layer with a shell, if the machine has one that needs no libraries.
fn shell(root: &mut Builder) -> Layer {
    let busybox = fs::read("/bin/busybox").unwrap_or_default();
    let tree = Tree::new("shell").content("bin/busybox", busybox).mode(0o755);
    let tree = ["sh", "cat", "ls", "sleep", "stat"].into_iter().fold(tree, |tree, name| tree.symlink(format!("bin/{name}"), "busybox"));
    let tree = tree.file("etc/passwd", 1000).hard_link("etc/passwd-", "etc/passwd").file("etc/old", 10).file("data/below", 10);
    root.layer(None, tree).unwrap()
}

/// A layer with each kind of member, and names and attributes that need more than a plain header.
fn every_kind() -> Tree {
    let long = format!("{}/{}", "d".repeat(120), "f".repeat(140));
    Tree::new("every kind")
        .content("etc/motd", "hello\n")
        .modified(1_600_000_000)
        .file("bin/tool", 70_000)
        .mode(0o4711)
        .owner(7, 8)
        .sparse("big", 3 << 20)
        .whiteout("etc/old")
        .opaque_directory("data")
        .file("data/above", 20)
        .fifo("pipe")
        .character_device("null", 1, 3)
        .file(long, 30)
        .symlink("far", "x/".repeat(100))
        .content("attributed", "a")
        .attribute("user.layerwise", b"some\nvalue")
        .content("naïve & <odd>\u{2028}", "")
}

/// What `docker` prints.
fn docker(engine: &Engine, arguments: &[&str]) -> Vec<u8> {
    engine.output(engine.docker_command("").args(arguments))
}

/// The lines of what `docker` prints, sorted.
fn lines(engine: &Engine, arguments: &[&str]) -> Vec<String> {
    let text = String::from_utf8(docker(engine, arguments)).unwrap();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Whether this is the engine that the builder imitates to the mode of each file: others add some and leave some out.
fn imitated(engine: &Engine) -> bool {
    engine.major_version() == 20
}

/// The digests of the layers in what `docker save` wrote of one image, base first.
fn saved_layers(archive: &[u8]) -> Vec<DiffId> {
    let temp = tempfile::tempdir().unwrap();
    let (file, files) = (temp.path().join("archive.tar"), temp.path().join("files"));
    fs::write(&file, archive).unwrap();
    fs::create_dir(&files).unwrap();
    assert!(Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(&files).status().unwrap().success());
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(files.join("manifest.json")).unwrap()).unwrap();
    let layers = manifest[0]["Layers"].as_array().unwrap();
    layers.iter().map(|layer| DiffId::of(&fs::read(files.join(layer.as_str().unwrap())).unwrap())).collect()
}

#[test]
fn dockerd_lists_saves_and_runs_what_was_built() {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("root")).unwrap();
    let base = shell(&mut root);
    let top = root.layer(Some(&base), every_kind()).unwrap();
    let below = root.image(&ImageSpec::new(&base).tag("shell:1")).unwrap();
    let image = root.image(&ImageSpec::new(&top).tag("kinds:1").tag("localhost:5000/kinds:x").parent(&below)).unwrap();
    let untagged = root.image(&ImageSpec::new(&base).empty_history("LABEL a=b")).unwrap();
    root.image(&ImageSpec::scratch().tag("nothing:1").empty_history("FROM scratch")).unwrap();
    root.volume("data", &Tree::new("volume").content("inside", "of the volume\n")).unwrap();
    let writes = Tree::new("writes").content("tmp/written", "before\n").whiteout("etc/passwd");
    root.container(&ContainerSpec::new("web", &image).running(4242).writes(writes).log(5_000).volume("data", "/data")).unwrap();
    root.container(&ContainerSpec::new("made", &image).volume("data", "/mnt")).unwrap();
    root.container(&ContainerSpec::new("done", &untagged).exited(3).log(120)).unwrap();
    root.container(&ContainerSpec::new("stuck", &below).dead()).unwrap();

    let Some(engine) = Engine::start_on("dockerd_lists_saves_and_runs_what_was_built", root.path()) else { return };
    let images = lines(&engine, &["image", "ls", "--format", "{{.ID}} {{.Repository}}:{{.Tag}}", "--no-trunc"]);
    let wanted = [(&image, "kinds:1"), (&image, "localhost:5000/kinds:x"), (&below, "shell:1"), (&untagged, "<none>:<none>")];
    let wanted: BTreeSet<_> = wanted.map(|(image, name)| format!("{} {name}", image.id)).into_iter().collect();
    assert_eq!(images.iter().filter(|line| !line.ends_with(" nothing:1")).cloned().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(images.len(), 5);
    let containers = lines(&engine, &["ps", "--all", "--format", "{{.Names}} {{.State}}"]);
    assert_eq!(containers, ["done exited", "made created", "stuck dead", "web exited"]);

    assert_eq!(saved_layers(&docker(&engine, &["save", "kinds:1"])), image.top.as_ref().unwrap().diff_ids);
    let sizes = lines(&engine, &["image", "inspect", "--format", "{{.Size}}", "kinds:1"]);
    assert_eq!(sizes, [(base.size + top.size).to_string()]);
    assert_eq!(lines(&engine, &["logs", "web"]).len(), 5_000 / 120);

    let run = |command: &str| lines(&engine, &["run", "--rm", "--network=none", "kinds:1", "sh", "-c", command]);
    assert_eq!(
        run("cat /etc/motd; ls /data /etc/old 2>&1; stat -c '%a %u %g %s' /bin/tool; stat -c %Y /etc/motd"),
        ["/data:", "1600000000", "4711 7 8 70000", "above", "hello", "ls: /etc/old: No such file or directory"]
    );
    docker(&engine, &["start", "web"]);
    // Not with exec, which does not find its way into the container where the engine lives in a chroot.
    docker(&engine, &["commit", "web", "web:1"]);
    let cat = ["run", "--rm", "--network=none", "--volumes-from=web", "web:1", "cat", "/tmp/written", "/data/inside"];
    assert_eq!(lines(&engine, &cat), ["before", "of the volume"]);
}

#[test]
fn dockerd_keeps_house_in_the_databases_that_were_built() {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("root")).unwrap();
    let base = shell(&mut root);
    root.image(&ImageSpec::new(&base).tag("shell:1")).unwrap();
    let context = SnapshotSpec::local_source("context", Tree::new("context").file("main.c", 900));
    let mount = SnapshotSpec::cache_mount("/cache", Tree::new("mount").file("objects", 5_000));
    let stage = root.snapshot(&SnapshotSpec::new("make", Tree::new("make").file("out", 700)).on_layer(&base)).unwrap();
    let second = SnapshotSpec::new("test", Tree::new("test").file("report", 300)).on(&stage);
    let exported = SnapshotSpec::new("copy", Tree::new("copy").file("in", 800)).on_layer(&base).exported();
    let snapshots = [context, mount, second, exported].map(|spec| root.snapshot(&spec).unwrap());
    let site = root.image(&ImageSpec::new(snapshots[3].layer.as_ref().unwrap()).tag("site:1")).unwrap();
    // So many that their bucket needs branch pages.
    let volumes: Vec<_> = (0..300).map(|index| format!("volume-{index}")).collect();
    root.batch(|root| volumes.iter().try_for_each(|name| root.volume(name, &Tree::new(name)).map(drop))).unwrap();

    let Some(engine) = Engine::start_on("dockerd_keeps_house_in_the_databases_that_were_built", root.path()) else { return };
    assert_eq!(lines(&engine, &["volume", "ls", "--quiet"]).into_iter().collect::<BTreeSet<_>>(), volumes.into_iter().collect());
    let records =
        lines(&engine, &["system", "df", "--verbose", "--format", "{{range .BuildCache}}{{.ID}} {{.CacheType}} {{.Size}}\n{{end}}"]);
    let record = |id: &str| records.iter().find(|line| line.starts_with(id)).unwrap_or_else(|| panic!("{id} is not in {records:?}"));
    for (snapshot, said) in snapshots.iter().zip(["source.local 900B", "exec.cachemount 5kB", "regular 300B", "regular 800B"]) {
        assert!(record(&snapshot.name[..12]).ends_with(said), "{records:?}");
    }
    assert_eq!(records.iter().filter(|line| !line.is_empty()).count(), 6, "{records:?}");

    let context = engine.context("upon", &[("Dockerfile", "FROM site:1\nRUN cat /in > /copy\n")]);
    docker(&engine, &["build", "--quiet", "--network=none", "--tag=upon:1", context.to_str().unwrap()]);
    assert_eq!(saved_layers(&docker(&engine, &["save", "site:1"])), site.top.unwrap().diff_ids);
    docker(&engine, &["builder", "prune", "--all", "--force"]);
    for snapshot in &snapshots[..3] {
        assert!(!root.path().join(snapshot.dir.path()).exists(), "{} is still there", snapshot.name);
    }
    assert!(root.path().join(snapshots[3].dir.path()).exists(), "the layer of an image was removed");
}

/// The names below `root` of a data-root, with their modes, as far as they do not depend on the machine.
fn names_and_modes(root: &Path) -> BTreeMap<String, String> {
    let below = |entry: &walkdir::DirEntry| entry.path().strip_prefix(root).unwrap().display().to_string();
    let of_the_machine =
        |name: &str| name.starts_with("containerd") || name == "trust" || name == "engine-id" || name == "volumes/backingFsBlockDev";
    let walk = walkdir::WalkDir::new(root).into_iter().map(Result::unwrap);
    walk.filter(|entry| !of_the_machine(&below(entry)))
        .map(|entry| (below(&entry), format!("{:o}", entry.metadata().unwrap().mode())))
        .collect()
}

#[test]
fn a_fresh_data_root_has_the_names_and_modes_that_dockerd_gives_it() {
    let temp = tempfile::tempdir().unwrap();
    let real = temp.path().join("real");
    fs::create_dir(&real).unwrap();
    let Some(engine) = Engine::start_on("a_fresh_data_root_has_the_names_and_modes_that_dockerd_gives_it", &real) else { return };
    let is_imitated = imitated(&engine);
    drop(engine);
    if !is_imitated {
        return;
    }
    let built = Builder::create(temp.path().join("built")).unwrap();
    assert_eq!(names_and_modes(built.path()), names_and_modes(&real));
}

#[test]
fn dockerd_starts_on_the_sample() {
    let temp = tempfile::tempdir().unwrap();
    let root = temp.path().join("root");
    sample::write(&root).unwrap();
    let Some(engine) = Engine::start_on("dockerd_starts_on_the_sample", &root) else { return };
    assert_eq!(lines(&engine, &["image", "ls", "--quiet", "--all"]).into_iter().collect::<BTreeSet<_>>().len(), 7);
    assert_eq!(lines(&engine, &["ps", "--all", "--quiet"]).len(), 5);
    assert_eq!(lines(&engine, &["plugin", "ls", "--quiet"]).len(), 1);
    for image in lines(&engine, &["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "dangling=false"]) {
        assert!(!docker(&engine, &["save", &image]).is_empty());
    }
}

/// The names below `dir` with their modes and whether they end in a newline, `id` spelled out as such, and nothing below a `diff`.
fn shape(dir: &Path, id: &str) -> BTreeSet<String> {
    let walk =
        walkdir::WalkDir::new(dir).into_iter().filter_entry(|entry| entry.path().parent().is_none_or(|above| !above.ends_with("diff")));
    let below = |entry: walkdir::DirEntry| {
        let name = entry.path().strip_prefix(dir).unwrap().display().to_string().replace(id, "ID");
        let newline = entry.file_type().is_file() && fs::read(entry.path()).unwrap().ends_with(b"\n");
        format!("{name} {:o} {newline}", entry.metadata().unwrap().mode())
    };
    walk.map(|entry| below(entry.unwrap())).collect()
}

/// Which keys a JSON document has, at every depth but in maps whose keys are names, and of what type their values are.
fn keys(document: &serde_json::Value, path: &str, into: &mut BTreeMap<String, &'static str>) {
    let kind = match document {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "bool",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    };
    into.insert(path.to_owned(), kind);
    for (key, value) in document.as_object().into_iter().flatten() {
        keys(value, &format!("{path}/{key}"), into);
    }
}

/// Asserts that what we wrote says nothing that dockerd does not, nor in another way.
fn assert_agrees(ours: &[u8], theirs: &Path) {
    let [ours, theirs] = [ours, &fs::read(theirs).unwrap()].map(|text| {
        let mut found = BTreeMap::new();
        keys(&serde_json::from_slice(text).unwrap(), "", &mut found);
        found
    });
    for (key, kind) in ours {
        let theirs = theirs.get(&key).unwrap_or_else(|| panic!("dockerd writes no {key}"));
        assert!(*theirs == kind || *theirs == "null" || kind == "null", "dockerd writes {theirs} as {key}, not {kind}");
    }
}

#[test]
fn what_dockerd_adds_has_the_shape_of_what_was_built() {
    let temp = tempfile::tempdir().unwrap();
    let mut root = Builder::create(temp.path().join("root")).unwrap();
    let base = shell(&mut root);
    let top = root.layer(Some(&base), Tree::new("top").file("top", 10)).unwrap();
    let ours = root.image(&ImageSpec::new(&top).tag("ours:1")).unwrap();
    let done = root.container(&ContainerSpec::new("done", &ours).exited(0).log(120)).unwrap();
    let at = |path: &Path| root.path().join(path);
    // A starting dockerd writes the configs of its containers anew.
    let files = ["config.v2.json", "hostconfig.json"];
    let configs = files.map(|file| fs::read(at(&done.path()).join(file)).unwrap());
    let container = shape(&at(&done.path()), &done.id.to_string());
    let Some(engine) = Engine::start_on("what_dockerd_adds_has_the_shape_of_what_was_built", root.path()) else { return };
    if !imitated(&engine) {
        return;
    }
    let answer = |arguments: &[&str]| lines(&engine, arguments).pop().unwrap();
    let made = answer(&["create", "--network=none", "ours:1", "sh", "-c", "echo done; cat /etc/passwd > /copy"]);
    docker(&engine, &["start", "--attach", &made]);
    let theirs = answer(&["commit", &made, "theirs:1"]);
    docker(&engine, &["create", "theirs:1"]);
    let layers = answer(&["image", "inspect", "--format", "{{join .RootFS.Layers \" \"}}", "theirs:1"]);
    let layers: Vec<DiffId> = layers.split(' ').map(|layer| layer.parse().unwrap()).collect();
    drop(engine);

    let chain = ChainId::chain(&layers).last().unwrap();
    let their_record = at(&Target::LayerRecord(chain).path());
    assert_eq!(shape(&at(&top.record()), ""), shape(&their_record, ""));
    let cache_id = fs::read_to_string(their_record.join("cache-id")).unwrap();
    assert_eq!(shape(&at(&top.dir.path()), ""), shape(&at(Path::new("overlay2")).join(&cache_id), ""));
    assert_eq!(container, shape(&at(Path::new("containers")).join(&made), &made));
    for (file, ours) in files.iter().zip(configs) {
        assert_agrees(&ours, &at(Path::new("containers")).join(&made).join(file));
    }
    assert_mounts_agree(root.path(), &done, &made);
    let configs = at(Path::new("image/overlay2/imagedb/content/sha256"));
    let (ours, theirs) = (ours.id.hex().to_string(), theirs.trim_start_matches("sha256:"));
    assert_agrees(&fs::read(configs.join(&ours)).unwrap(), &configs.join(theirs));
    let metadata = at(Path::new("image/overlay2/imagedb/metadata/sha256"));
    let [ours, theirs] = [&ours, theirs].map(|image| shape(&metadata.join(image), ""));
    assert!(ours.is_subset(&theirs), "{theirs:?}");
}

/// Asserts that the layers of the container that was built look like those of `made`, which dockerd made.
fn assert_mounts_agree(root: &Path, built: &Container, made: &str) {
    let their_mount = root.join("image/overlay2/layerdb/mounts").join(made);
    assert_eq!(shape(&root.join(built.mount_record()), ""), shape(&their_mount, ""));
    for (ours, name) in [(&built.rw, "mount-id"), (&built.init, "init-id")] {
        let theirs = root.join("overlay2").join(fs::read_to_string(their_mount.join(name)).unwrap());
        assert_eq!(shape(&root.join(ours.path()), ""), shape(&theirs, ""), "{name}");
    }
    let their_init = root.join("overlay2").join(fs::read_to_string(their_mount.join("init-id")).unwrap());
    assert_eq!(names_and_modes(&root.join(built.init.path()).join("diff")), names_and_modes(&their_init.join("diff")));
}
