//! The data-root of the tour: a shop's host, small and complete, with one of each thing that Docker keeps and each that it leaves behind.

use super::write::Result;
use super::{Builder, ContainerSpec, Fragment, Image, ImageSpec, Layer, MountNaming, Removal, SnapshotSpec, Tree};
use std::path::Path;

/// Writes the sample data-root at `path`, which is absent or an empty directory.
///
/// # Errors
/// When something is there already, or cannot be written.
pub fn write(path: impl AsRef<Path>) -> Result<()> {
    let mut root = Builder::create(path)?;
    root.batch(|root| {
        let layers = Layers::write(root)?;
        let images = images(root, &layers)?;
        build_cache(root, &layers)?;
        containers(root, &images)?;
        root.volume("orders", &Tree::new("orders").file("db/orders.sqlite", 180_000).file("db/journal", 12_000))?;
        root.volume(&super::names::hex("volume", "anonymous").to_string(), &Tree::new("anonymous").file("cache.bin", 60_000))?;
        root.plugin("registry.example/volumes:1", &Tree::new("plugin").file("plugin", 90_000).mode(0o755))?;
        garbage(root, &layers)?;
        former_times(root)
    })
}

/// The read-only layers that several things share.
struct Layers {
    debian: Layer,
    python: Layer,
    dependencies: Layer,
    api: Layer,
    worker: Layer,
}

/// What the shop's own code is in every image that has it: the same content on different layers.
fn shop() -> Tree {
    Tree::new("shop").file("srv/shop/app.py", 42_000).file("srv/shop/models.py", 18_000).symlink("srv/current", "shop").directory("srv/tmp")
}

impl Layers {
    fn write(root: &mut Builder) -> Result<Self> {
        let debian = Tree::new("debian")
            .file("bin/busybox", 240_000)
            .mode(0o755)
            .symlink("bin/sh", "busybox")
            .file("etc/passwd", 900)
            .file("etc/os-release", 300)
            .file("usr/share/doc/copyright", 70_000)
            .file("usr/bin/perl", 110_000)
            .mode(0o755)
            .hard_link("usr/bin/perl5", "usr/bin/perl")
            .directory("var/lib");
        let debian = root.layer(None, debian)?;
        let python = Tree::new("python")
            .file("usr/bin/python3", 320_000)
            .mode(0o755)
            .file("usr/lib/python3/os.py", 38_000)
            .whiteout("usr/bin/perl5");
        let python = root.layer(Some(&debian), python)?;
        let dependencies = Tree::new("dependencies").file("usr/lib/python3/site/flask.py", 95_000).file("root/.cache/pip/wheel", 150_000);
        let dependencies = root.layer(Some(&python), dependencies)?;
        let api = root.layer(Some(&dependencies), shop())?;
        let tools = root.layer(Some(&debian), Tree::new("tools").file("usr/bin/psql", 130_000).mode(0o755))?;
        let worker = root.layer(Some(&tools), shop())?;
        Ok(Self { debian, python, dependencies, api, worker })
    }
}

/// The images that containers are made of.
struct Images {
    api: Image,
    worker: Image,
    tool: Image,
}

fn images(root: &mut Builder, layers: &Layers) -> Result<Images> {
    let digest = super::names::hex("manifest", "debian");
    let debian =
        ImageSpec::new(&layers.debian).tag("debian:12").tag("debian:bookworm").digest_reference(&format!("debian@sha256:{digest}"));
    root.image(&debian.history("/bin/sh -c #(nop) ADD file:debian in / ").empty_history("/bin/sh -c #(nop)  CMD [\"bash\"]"))?;
    root.distribution_entry(layers.debian.diff_id, "docker.io/library/debian")?;
    root.image(&ImageSpec::new(&layers.python).tag("python:3").history("ADD debian").history("RUN apt-get install python3"))?;
    let built = |tag: &[&str]| {
        let spec =
            ImageSpec::new(&layers.api).history("ADD debian").history("RUN apt-get install python3").history("RUN pip install flask");
        tag.iter().fold(spec.history("COPY shop /srv/shop"), |spec, tag| spec.tag(tag))
    };
    let former = root.image(&built(&[]).empty_history("LABEL version=1"))?;
    let api = root.image(&built(&["shop/api:2", "registry.example:5000/shop/api:2"]).empty_history("LABEL version=2").parent(&former))?;
    let worker = root.image(
        &ImageSpec::new(&layers.worker)
            .tag("shop/worker:2")
            .history("ADD debian")
            .history("RUN apt-get install psql")
            .history("COPY shop /srv/shop"),
    )?;
    let binary = root.layer(None, Tree::new("tool").file("tool", 160_000).mode(0o755))?;
    let tool = root.image(&ImageSpec::new(&binary).tag("tool:latest").history("COPY tool /").command(&["/tool"]))?;
    Ok(Images { api, worker, tool })
}

/// What BuildKit keeps: the context, a cache mount, an intermediate stage, and the layer of an image that it exported.
fn build_cache(root: &mut Builder, layers: &Layers) -> Result<()> {
    root.snapshot(&SnapshotSpec::local_source("context", Tree::new("context").file("site/index.md", 9_000).file("site/logo.png", 31_000)))?;
    root.snapshot(&SnapshotSpec::local_source("dockerfile", Tree::new("dockerfile").content("Dockerfile", "FROM python:3\nRUN make\n")))?;
    root.snapshot(&SnapshotSpec::cache_mount("/root/.cache", Tree::new("cache mount").file("wheels/a.whl", 120_000)))?;
    let stage = SnapshotSpec::new("make all", Tree::new("stage").file("build/site.tar", 140_000)).on_layer(&layers.python);
    let stage = root.snapshot(&stage)?;
    root.snapshot(&SnapshotSpec::new("make test", Tree::new("tests").file("build/report", 5_000)).on(&stage))?;
    let site = SnapshotSpec::new("COPY site", Tree::new("site").file("var/www/index.html", 14_000)).on_layer(&layers.python).exported();
    let site = root.snapshot(&site.description("fileop target"))?;
    if let Some(top) = &site.layer {
        root.image(
            &ImageSpec::new(top)
                .tag("site:latest")
                .history("ADD debian")
                .history("RUN apt-get install python3")
                .history("COPY site /var/www"),
        )?;
    }
    Ok(())
}

fn containers(root: &mut Builder, images: &Images) -> Result<()> {
    let writes = Tree::new("web").file("srv/shop/app.py", 42_500).file("var/log/requests", 30_000).whiteout("srv/tmp");
    root.container(&ContainerSpec::new("web", &images.api).running(4242).writes(writes).log(26_000).volume("orders", "/var/lib/orders"))?;
    root.container(
        &ContainerSpec::new("worker", &images.worker).paused(4243).writes(Tree::new("worker").file("tmp/job", 8_000)).log(4_000),
    )?;
    root.container(&ContainerSpec::new("migrate", &images.worker).exited(1).writes(Tree::new("migrate").file("core", 50_000)).log(1_500))?;
    root.container(&ContainerSpec::new("next", &images.api).image_mount(&images.tool, "/opt/tool", MountNaming::Hashed))?;
    root.container(&ContainerSpec::new("stuck", &images.tool).dead())?;
    Ok(())
}

/// One of each thing that crashes and failures leave, which nothing needs.
fn garbage(root: &mut Builder, layers: &Layers) -> Result<()> {
    let pulled = root.layer(Some(&layers.debian), Tree::new("half pulled").file("usr/bin/ruby", 200_000))?;
    root.layer(Some(&pulled), Tree::new("half pulled too").file("usr/lib/gems", 80_000))?;
    let killed = root.orphan_directory("killed pull", Some(&layers.debian), &Tree::new("killed pull").file("usr/lib/part", 150_000))?;
    root.write_set("killed pull", Some(&killed))?;
    root.write_set("full disk", None)?;
    root.orphan_snapshot("killed build", Some(&layers.python), &Tree::new("killed build").file("build/part", 70_000))?;
    root.orphan_init("killed run", &layers.api)?;
    root.fragment("power cut", Fragment::WithoutLower)?;
    root.dangling_link("failed create")?;
    root.duplicate_link(&layers.dependencies.dir)?;
    let removed = root.layer(Some(&layers.debian), Tree::new("half removed").file("usr/bin/node", 110_000))?;
    root.interrupted_removal(&removed, Removal::Begun)?;
    root.broken_layer_record("power cut")?;
    root.unowned_mount("killed build step", &layers.python, &Tree::new("build step").file("tmp/objects", 40_000))?;
    root.build_view("killed", &layers.debian)?;
    root.container_without_config("killed create")?;
    root.temporary("image/overlay2/repositories.json", r#"{"Repositories":"#)?;
    root.temporary(killed.path().join("link"), "")?;
    root.probe_directory("check-overlayfs-support")?;
    root.distribution_entry(removed.diff_id, "registry.example:5000/gone")
}

/// What older versions and other settings left.
fn former_times(root: &mut Builder) -> Result<()> {
    root.inactive_driver("vfs", &Tree::new("vfs").file("bin/tool", 90_000))?;
    root.retired_builder(&Tree::new("fscache").file("src/main.c", 20_000))?;
    root.set_aside_database()?;
    let mut remapped = root.userns_root("100000.100000")?;
    let layer = remapped.layer(None, Tree::new("remapped").file("bin/tool", 45_000))?;
    remapped.image(&ImageSpec::new(&layer).tag("remapped:1"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;
    use std::path::PathBuf;

    /// What stands below `root`: modes, and the contents of files and links.
    fn listing(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let below = |entry: walkdir::DirEntry| {
            let path = entry.path().strip_prefix(root).unwrap().to_owned();
            let kind = entry.file_type();
            let content = if kind.is_file() {
                fs::read(entry.path()).unwrap()
            } else if kind.is_symlink() {
                fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes()
            } else {
                Vec::new()
            };
            (path, (entry.metadata().unwrap().mode(), content))
        };
        walkdir::WalkDir::new(root).into_iter().map(|entry| below(entry.unwrap())).collect()
    }

    #[test]
    fn the_sample_is_the_same_every_time_and_small() {
        let temp = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| temp.path().join(name));
        write(&one).unwrap();
        write(&other).unwrap();
        let (first, second) = (listing(&one), listing(&other));
        assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
        // Containers' configs name their data-root.
        let differing: Vec<_> = first.iter().filter(|(path, content)| second[*path] != **content).map(|(path, _)| path).collect();
        assert!(differing.iter().all(|path| path.ends_with("config.v2.json")), "{differing:?}");
        let size: u64 = walkdir::WalkDir::new(&one).into_iter().map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512).sum();
        assert!((1_000_000..8_000_000).contains(&size), "{size}");
    }
}
