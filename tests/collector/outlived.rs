//! What lives on without dockerd, or is known to one store only: all of it stays, and works afterwards.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::containers::Containers;
use crate::docker::Docker;
use crate::engine::Builder::BuildKit;
use crate::engine::Engine;
use crate::images;
use crate::judge::{self, Known};
use crate::layerwise::{Layerwise, Ran};
use crate::ruins::{self, Ruins};

/// Takes what is dead beside `engine`'s dead dockerd: exactly `dead`.
#[track_caller]
fn assert_takes_only(engine: &Engine, dead: &[PathBuf]) {
    let plan = Layerwise::on(&engine.data_root()).prune("");
    let directories =
        |paths: Vec<PathBuf>| -> BTreeSet<PathBuf> { paths.into_iter().filter(|path| !path.starts_with("overlay2/l")).collect() };
    assert_eq!(directories(plan.paths()), directories(dead.to_vec()), "{:?}", plan.reasons());
}

/// The layer directories of a container, of its images and of itself.
fn directories_of(engine: &Engine, container: &str) -> Vec<PathBuf> {
    let docker = Docker::ask(engine);
    let container = docker.containers.values().find(|known| known.name == format!("/{container}")).expect("the container");
    container.graph_driver.all().into_iter().map(|id| engine.data_root().join("overlay2").join(id)).collect()
}

/// Reads a file as a process of a running container does.
fn read_inside(pid: &str, path: &str) -> String {
    let output =
        Command::new("nsenter").args(["--target", pid, "--mount", "--root", "/bin/cat", path]).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "cannot read {path} in the container: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The pid, out here, of what a container runs: its `sleep`.
fn pid_out_here(engine: &Engine, container: &str) -> String {
    let inside = engine.docker(&format!("inspect --format {{{{.State.Pid}}}} {container}"));
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    let namespace = engine.succeed(engine.inside("readlink").arg(format!("/proc/{inside}/ns/mnt")));
    let is_it = |pid: &String| fs::read_link(format!("/proc/{pid}/ns/mnt")).is_ok_and(|link| link.as_os_str() == namespace.as_str());
    processes.filter(|pid| pid.parse::<u32>().is_ok()).find(is_it).expect("the container's process")
}

#[test]
fn a_container_that_outlives_its_dockerd_keeps_every_layer_even_if_no_record_of_it_is_left() {
    let test = "a_container_that_outlives_its_dockerd_keeps_every_layer_even_if_no_record_of_it_is_left";
    let Some(mut engine) = Engine::start(test) else { return };
    images::import(&engine);
    images::build_classic(&engine);
    let mut containers = Containers::create(&mut engine, &["classic:1"]);
    let before = Known::of(&Docker::ask(&engine));
    let (directories, pid) = (directories_of(&engine, "running-0"), pid_out_here(&engine, "running-0"));
    let id = engine.docker("inspect --format {{.Id}} running-0");
    let images = ["classic:1", "classic:2"].map(|name| engine.docker(&format!("inspect --format {{{{.Id}}}} {name}")));
    engine.kill_daemon();
    let root = engine.data_root();
    let ruins = Ruins::of(&root);
    assert_takes_only(&engine, &[ruins.orphan("one")]);

    // The hardest case: nothing on the disk tells of the container or of its image any more, only the kernel does.
    let copy = judge::copy_of(&root);
    ruins.disown(&id);
    fs::remove_dir_all(root.join("image/overlay2/layerdb/mounts").join(&id)).unwrap();
    let [_, child] = &images;
    // The child's own layer is not the container's: that one is dead then.
    let dead = ruins.stash(ruins.own_layers(child).iter().flat_map(|layer| ruins.parts(layer)).collect());
    for image in &images {
        ruins.forget_image(image);
    }
    let plan = Layerwise::on(&root).prune("");
    assert_eq!(plan.classes().get("unreferenced-layer"), Some(&1), "{plan:?}");
    assert!(directories.len() > 5 && directories.iter().all(|directory| directory.exists()), "{directories:?}");
    assert_eq!(read_inside(&pid, "/content"), "written by running-0\n");
    assert_eq!(read_inside(&pid, "/etc/base"), "base".repeat(3000));

    // With the metadata back, dockerd finds all that it knew.
    for path in ["containers", "image"] {
        fs::remove_dir_all(root.join(path)).unwrap();
        fs::create_dir(root.join(path)).unwrap();
        judge::copy_to(&copy.path().join(path), &root.join(path));
    }
    ruins.put_back(&dead);
    engine.cut_power();
    engine.boot();
    Known::of(&Docker::ask(&engine)).assert_is(&before, "afterwards");
    containers.assert_they_live(&mut engine, "afterwards");
}

#[test]
fn live_restore_keeps_containers_and_so_do_we() {
    let Some(mut engine) = Engine::start("live_restore_keeps_containers_and_so_do_we") else { return };
    engine.stop();
    engine.configure(r#"{"live-restore": true}"#);
    engine.start_daemon();
    images::import(&engine);
    let mut containers = Containers::create(&mut engine, &["base:1"]);
    let before = Known::of(&Docker::ask(&engine));
    let pid = pid_out_here(&engine, "running-0");
    engine.stop();
    let root = engine.data_root();
    assert_takes_only(&engine, &[Ruins::of(&root).orphan("one")]);
    assert_eq!(read_inside(&pid, "/content"), "written by running-0\n");
    engine.start_daemon();
    assert_eq!(engine.docker("inspect --format {{.State.Status}} running-0"), "running");
    Known::of(&Docker::ask(&engine)).assert_is(&before, "afterwards");
    containers.assert_they_live(&mut engine, "afterwards");
}

#[test]
fn nothing_is_taken_through_a_mount_on_or_of_a_dead_directory() {
    let Some(mut engine) = Engine::start("nothing_is_taken_through_a_mount_on_or_of_a_dead_directory") else { return };
    images::import(&engine);
    engine.stop();
    let root = engine.data_root();
    let ruins = Ruins::of(&root);
    let precious = engine.work().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("file"), "precious").unwrap();
    let [covered, elsewhere, dead] = ["covered", "elsewhere", "dead"].map(|name| ruins.orphan(name));
    fs::create_dir(root.join(&covered).join("diff/mnt")).unwrap();
    let mount = |from: &Path, to: &Path| drop(engine.succeed(engine.inside("mount").arg("--bind").args([from, to])));
    mount(&precious, &root.join(&covered).join("diff/mnt"));
    fs::create_dir(engine.work().join("view")).unwrap();
    mount(&root.join(&elsewhere).join("diff"), &engine.work().join("view"));

    assert_takes_only(&engine, &[dead]);
    assert_eq!(fs::read_to_string(precious.join("file")).unwrap(), "precious");
    let view = engine.work().join("view/etc/file");
    assert_eq!(engine.succeed(engine.inside("cat").arg(view)), "elsewhere".repeat(1000));
    engine.cut_power();
    engine.switch_on();
    assert_takes_only(&engine, &[covered, elsewhere]);
    assert_eq!(fs::read_to_string(precious.join("file")).unwrap(), "precious");
    engine.start_daemon();
}

#[test]
fn mounted_images_stay() {
    let Some(mut engine) = Engine::start("mounted_images_stay") else { return };
    if engine.major_version() < 28 {
        eprintln!("skipped mounted_images_stay: this engine cannot mount images");
        return;
    }
    images::import(&engine);
    for (name, source) in [("flat", "other:1"), ("deep", "registry.example/team/base:one")] {
        let line = format!("run -d --name {name} --network none --mount type=image,source={source},target=/mnt base:1");
        engine.docker_sh(&line, "wc -c /mnt/etc/*; sleep 1000");
    }
    let read = |engine: &mut Engine, times: usize| {
        let found = engine.wait_for(|engine| (engine.docker("logs flat").matches("15000 /mnt/etc/other").count() == times).then_some(()));
        assert!(found.is_some(), "{:?}", engine.docker("logs flat"));
    };
    read(&mut engine, 1);
    let before = Known::of(&Docker::ask(&engine));
    engine.kill_daemon();
    let root = engine.data_root();
    assert_takes_only(&engine, &[Ruins::of(&root).orphan("one")]);
    engine.start_daemon();
    engine.docker("start flat");
    read(&mut engine, 2);
    // From its next start on this dockerd mounts nothing there, with or without us; the layers are still the container's.
    engine.stop();
    assert_takes_only(&engine, &[Ruins::of(&root).orphan("two")]);
    engine.cut_power();
    assert_takes_only(&engine, &[Ruins::of(&root).orphan("three")]);
    engine.boot();
    Known::of(&Docker::ask(&engine)).assert_is(&before, "afterwards");
}

#[test]
fn a_build_that_outlives_its_dockerd_keeps_its_mounts_and_what_it_cached_stays() {
    let Some(mut engine) = Engine::start("a_build_that_outlives_its_dockerd_keeps_its_mounts_and_what_it_cached_stays") else { return };
    images::import(&engine);
    let cache = "RUN --mount=type=cache,id=kept,target=/cache";
    let text = format!("FROM base:1\n{cache} echo cached >/cache/file\n");
    let context = engine.context("caches", &[("Dockerfile", &text)]);
    engine.build(BuildKit, "-t caches:1", &context);

    // A step that never ends, with a cache mount, a view of another stage, and layers of its own.
    let text = format!(
        "FROM other:1 AS viewed\nRUN echo viewed >/viewed\nFROM base:1\nRUN echo lower >/lower\n\
         {cache} --mount=type=bind,from=viewed,target=/view echo $(cat /cache/file /lower /view/viewed) >/step && touch /cache/ready && sleep 1000\n"
    );
    let context = engine.context("endless", &[("Dockerfile", &text)]);
    let mut build = engine.build_command(BuildKit, "", &context).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let overlay2 = engine.data_root().join("overlay2");
    let find = |name: &str| {
        let entries = overlay2.read_dir().unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.join("diff").join(name)).find(|path| path.exists())
    };
    assert!(engine.wait_for(|_| find("ready")).is_some(), "the build does not come to its last step");
    engine.kill_daemon();
    build.wait().unwrap();
    let root = engine.data_root();
    // What it has mounted is named by mounts that only its own process has.
    assert_takes_only(&engine, &[Ruins::of(&root).orphan("one")]);
    let step = find("step").expect("the directory of the step");
    assert_eq!(fs::read_to_string(&step).unwrap(), "cached lower viewed\n");
    engine.cut_power();
    let rest = Layerwise::on(&root).prune("");
    assert!(find("ready").is_some(), "the cache mount is gone: {:?}", rest.actions);
    engine.boot();
    let text = format!("FROM base:1\n{cache} cp /cache/file /copied\n");
    let context = engine.context("uses", &[("Dockerfile", &text)]);
    engine.build(BuildKit, "-t uses:1", &context);
    judge::assert_holds(&engine, ("uses:1", "/copied"), "cached", "afterwards");
}

#[test]
fn layers_that_only_the_build_cache_knows_stay_and_are_used_again() {
    let Some(mut engine) = Engine::start("layers_that_only_the_build_cache_knows_stay_and_are_used_again") else { return };
    images::import(&engine);
    let context = engine.context("gone", &[("Dockerfile", "FROM other:1\nRUN echo one >/one\nRUN echo two >/two\n")]);
    engine.build(BuildKit, "-t gone:1", &context);
    let image = engine.docker("inspect --format {{.Id}} gone:1");
    let layers = Ruins::of(&engine.data_root()).own_layers(&image);
    assert_eq!(layers.len(), 2);
    engine.docker("rmi gone:1");
    let before = Known::of(&Docker::ask(&engine));
    engine.stop();
    let root = engine.data_root();
    assert_takes_only(&engine, &[Ruins::of(&root).orphan("one")]);
    for path in layers.iter().flat_map(|layer| Ruins::of(&root).parts(layer)) {
        assert!(root.join(&path).symlink_metadata().is_ok(), "{} is gone", path.display());
    }
    engine.start_daemon();
    Known::of(&Docker::ask(&engine)).assert_is(&before, "afterwards");
    let output = engine.build_command(BuildKit, "--progress plain -t gone:1", &context).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.success(), talk.matches("CACHED").count()), (true, 2), "{talk}");
    judge::assert_holds(&engine, ("gone:1", "/one /two"), "one\ntwo", "afterwards");
}

#[test]
fn nothing_is_done_beside_a_running_dockerd() {
    let Some(mut engine) = Engine::start("nothing_is_done_beside_a_running_dockerd") else { return };
    engine.import_busybox("base:1");
    engine.stop();
    let root = engine.data_root();
    let orphan = Ruins::of(&root).orphan("one");
    ruins::age();
    engine.start_daemon();
    let Ran { status, talk, .. } = Layerwise::on(&root).run("prune --force");
    assert_eq!(status, Some(4), "{talk}");
    assert!(talk.contains("is running on this data-root"), "{talk}");
    assert!(root.join(orphan).exists());
}
