//! The job of docs/ci.md for GitHub, run as it stands there, on images that a real dockerd builds.

use std::fs;

use crate::engine::Engine;
use crate::example::{Job, steps};

#[test]
fn the_example_finds_what_a_build_adds_and_what_it_shares_no_more() {
    let Some(engine) = Engine::start("the_example_finds_what_a_build_adds_and_what_it_shares_no_more") else { return };
    engine.import_busybox("base:1");
    let layerwise = format!("exec {} --data-root {} \"$@\"\n", env!("CARGO_BIN_EXE_layerwise"), engine.data_root().display());
    let docker = format!("exec /usr/bin/docker --host unix://{} \"$@\"\n", engine.work().join("run/docker.sock").display());
    let commands = [("docker", docker), ("cargo", "true\n".to_owned()), ("layerwise", layerwise)];
    let job = Job::new(&commands, &[("GITHUB_STEP_SUMMARY", "summary.md")]);
    let write = |image: &str, dockerfile: &str, bytes: usize| {
        fs::create_dir_all(job.file(image)).unwrap();
        fs::write(job.file(image).join("Dockerfile"), dockerfile).unwrap();
        fs::write(job.file(image).join("app"), vec![b'a'; bytes]).unwrap();
    };
    let dockerfile = "FROM base:1\nCOPY app /srv/app\n";
    write("api", dockerfile, 20_000);
    write("worker", dockerfile, 40_000);
    let steps = steps("GitHub Actions");
    let [build, _, check, _] = steps.as_slice() else { panic!("{steps:?}") };
    assert_eq!(job.run(build).0, 0);
    assert_eq!(job.run("sudo layerwise lint --init\n").0, 0);
    job.run_all(&steps);
    let (status, said) = job.run(check);
    assert!(status == 0 && said.contains("since layers.json: new nothing; gone nothing"), "{said}");

    // One image grows, and the other moves to a base of its own. dockerd drops neither the old images nor their base, which have no names now.
    write("api", dockerfile, 5_000_000);
    write("worker", "FROM scratch\nCOPY app /srv/app\n", 40_000);
    assert_eq!(job.run(build).0, 0);
    let (status, said) = job.run(check);
    assert_eq!(status, 1, "{said}");
    for broken in [
        "::error title=layerwise max-growth::shop/api:ci: ",
        "::error title=layerwise max-sharing-lost::shop/worker:ci: ",
        "::error title=layerwise same-base::",
    ] {
        assert!(said.contains(broken), "{broken}: {said}");
    }
    assert!(fs::read_to_string(job.file("summary.md")).unwrap().contains("max-sharing-lost"));
}
