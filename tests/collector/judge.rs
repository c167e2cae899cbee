//! dockerd as the judge: what it knows, and whether all of that works.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::docker::{Docker, Image};
use crate::engine::Builder::{BuildKit, Classic};
use crate::engine::{Builder, Engine};
use crate::saved;

/// Everything that dockerd lists, in words that another dockerd would use of a copy of the same data-root.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Known(pub(crate) BTreeMap<String, String>);

impl Known {
    /// What `docker images -a`, `docker ps -a` and `docker system df -v` say.
    pub(crate) fn of(docker: &Docker) -> Self {
        let images = docker.images.values().map(|image| {
            let names = (&image.repo_tags, &image.repo_digests);
            let what = format!("{names:?} {} bytes, {:?} in {:?}", image.size, image.root_fs.layers, image.graph_driver.all());
            (format!("image {}", image.id), what)
        });
        let containers = docker.containers.values().map(|container| {
            let what = format!("{} of {} in {:?}", container.name, container.image, container.graph_driver.all());
            (format!("container {}", container.id), what)
        });
        let usage = docker.usage.images.iter().map(|image| {
            let what = format!("{} bytes, {} shared, {} containers", image.size, image.shared_size, image.containers);
            (format!("usage of {}", image.id), what)
        });
        let cache = docker.usage.build_cache.iter().map(|record| {
            let parents = record.parents();
            let what = format!("{} on {parents:?}, {}, {} bytes, shared: {}", record.kind, record.description, record.size, record.shared);
            (format!("build cache {}", record.id), what)
        });
        Self(images.chain(containers).chain(usage).chain(cache).collect())
    }

    /// Fails with the differences, if this is not `expected`.
    #[track_caller]
    pub(crate) fn assert_is(&self, expected: &Self, when: &str) {
        let keys = self.0.keys().chain(expected.0.keys()).filter(|key| self.0.get(*key) != expected.0.get(*key));
        let told: Vec<String> =
            keys.map(|key| format!("{key}:\n  is        {:?}\n  should be {:?}", self.0.get(key), expected.0.get(key))).collect();
        assert!(told.is_empty(), "{when}:\n{}", told.join("\n"));
    }
}

/// What a dockerd says of a copy of the data-root, which goes again: what it would have known had nobody collected anything.
///
/// The engine of the data-root must have been killed or stopped.
pub(crate) fn known_without_us(test: &str, data_root: &Path) -> Known {
    let copy = copy_of(data_root);
    // Copying what a live container is in the middle of writing is none of our business: they only sleep.
    let engine = Engine::start_on(test, copy.path()).expect("there was an engine before");
    Known::of(&Docker::ask(&engine))
}

/// A copy of a data-root.
pub(crate) fn copy_of(data_root: &Path) -> tempfile::TempDir {
    let copy = tempfile::Builder::new().prefix("layerwise-copy-").tempdir().unwrap();
    copy_to(data_root, copy.path());
    copy
}

/// Copies a data-root into an empty directory.
pub(crate) fn copy_to(data_root: &Path, target: &Path) {
    let status = Command::new("cp").args(["-a", "--reflink=auto"]).arg(data_root.join(".")).arg(target).status().unwrap();
    assert!(status.success(), "cannot copy {}", data_root.display());
}

/// Checks that every image can be saved with its digests, run, and built upon by both builders.
pub(crate) fn assert_images_work(engine: &Engine, docker: &Docker, when: &str) {
    saved::assert_images_are_whole(engine, docker, when);
    let with_layers = || docker.images.values().filter(|image| image.root_fs.layers.is_some());
    for image in with_layers().filter(|image| has_shell(engine, image)) {
        engine
            .docker_sh(&format!("run --rm --network none {}", image.id), "cat /bin/busybox >/written && busybox cmp /bin/busybox /written");
    }
    await_removals(engine);
    let ids: Vec<&str> = with_layers().map(|image| image.id.as_str()).collect();
    build_upon(engine, Classic, &ids, when);
    let names = with_layers().filter_map(|image| image.repo_tags.iter().flatten().next().map(String::as_str));
    build_upon(engine, BuildKit, &names.collect::<Vec<_>>(), when);
}

/// Returns the command that succeeds if the files at `paths` in an image hold `text`, one after the other.
///
/// The container tells by its exit status: what one prints that ends at once gets lost now and then on a busy machine, although docker says that
/// all is well (seen with 26.1, which logs a "stream copy error"; see moby's issue 43121 too).
pub(crate) fn reading(engine: &Engine, image: &str, paths: &str, text: &str) -> Command {
    let script = format!("found=$(cat {paths}) && test \"$found\" = \"$0\" || {{ echo \"found: $found\" >&2; exit 1; }}");
    let mut command = engine.docker_command(&format!("{} sh -c", run(image)));
    command.arg(script).arg(text);
    command
}

/// Checks that the files at `paths` in an image hold `text`, one after the other.
#[track_caller]
pub(crate) fn assert_holds(engine: &Engine, (image, paths): (&str, &str), text: &str, when: &str) {
    let read = reading(engine, image, paths, text).output().unwrap();
    assert!(read.status.success(), "{when}: {image}: {}\n{}", String::from_utf8_lossy(&read.stderr), engine.log());
    await_removals(engine);
}

/// The words that run a container which goes at its end.
fn run(image: &str) -> String {
    format!("run --rm --label goes --network none {image}")
}

/// Waits until those containers are gone: dockerd removes them in its own time, and if it is stopped meanwhile one has lost half of its files,
/// for which much is kept that would go.
fn await_removals(engine: &Engine) {
    let end = Instant::now() + Duration::from_secs(60);
    while !engine.docker("ps --all --quiet --filter label=goes").is_empty() {
        assert!(Instant::now() < end, "a container is not removed: {}", engine.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether there is a shell in an image: some are made from nothing.
fn has_shell(engine: &Engine, image: &Image) -> bool {
    let layers = image.graph_driver.all();
    layers.iter().any(|id| engine.data_root().join("overlay2").join(id).join("diff/bin/busybox").exists())
}

/// Builds one image that copies a file from a stage on top of each of `images`, and forgets it again.
fn build_upon(engine: &Engine, builder: Builder, images: &[&str], when: &str) {
    use std::fmt::Write as _;
    let mut dockerfile = String::new();
    for (stage, image) in images.iter().enumerate() {
        writeln!(dockerfile, "FROM {image} AS stage{stage}\nCOPY marker /marker-{stage}").unwrap();
    }
    dockerfile.push_str("FROM scratch\n");
    for stage in 0..images.len() {
        writeln!(dockerfile, "COPY --from=stage{stage} /marker-{stage} /").unwrap();
    }
    let context = engine.context(&format!("upon-{builder:?}"), &[("Dockerfile", &dockerfile), ("marker", when)]);
    engine.build(builder, "--no-cache -t upon:1", &context);
    engine.docker("rmi upon:1");
}
