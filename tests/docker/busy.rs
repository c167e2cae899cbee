//! One busy data-root for all comparisons: what dockerd said of it.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;

use crate::docker::Docker;
use crate::engine::Engine;
use crate::fixture;
use crate::removals::{self, Removal};
pub(crate) use crate::seen::Seen;

/// What was seen of the busy data-root. The engine itself is gone: tests compare what was said.
#[derive(Debug)]
pub(crate) struct Busy {
    /// While the containers ran, and after dockerd was started again and stopped for good.
    pub(crate) seen: Vec<Seen>,
    /// What really removing everything gave back, with dockerd running.
    pub(crate) removals: Vec<Removal>,
}

/// Returns what was seen of the busy data-root, or `None` where no engine can run.
pub(crate) fn busy(test: &str) -> Option<&'static Busy> {
    static BUSY: OnceLock<Result<Option<Busy>, ()>> = OnceLock::new();
    // Caught, because a panic would leave the lock empty, and the next test would try it all again.
    let busy = BUSY.get_or_init(|| panic::catch_unwind(AssertUnwindSafe(|| observe(test))).map_err(drop));
    busy.as_ref().unwrap_or_else(|()| panic!("the busy data-root could not be made: see the test that failed first")).as_ref()
}

fn observe(test: &str) -> Option<Busy> {
    let mut engine = Engine::start(test)?;
    fixture::fill(&mut engine);
    let running = Seen::look("running", &engine, Docker::ask(&engine));
    engine.stop();
    engine.start_daemon();
    // Nothing runs any more, so that what dockerd says now is still so when it has been stopped.
    let told = Docker::ask(&engine);
    engine.stop();
    let stopped = Seen::look("stopped", &engine, told);
    engine.start_daemon();
    let removals = removals::remove_everything(&engine);
    Some(Busy { seen: vec![running, stopped], removals })
}

#[test]
fn the_busy_data_root_has_what_the_comparisons_need() {
    let Some(busy) = busy("the_busy_data_root_has_what_the_comparisons_need") else { return };
    let docker = &busy.seen[0].docker;
    let named = docker.images.values().filter(|image| image.repo_tags.as_ref().is_some_and(|tags| !tags.is_empty())).count();
    assert!(named >= 10, "{named} images with a name");
    assert!(docker.images.values().any(|image| image.repo_tags.as_ref().is_some_and(|tags| tags.len() == 3)), "an image of several names");
    assert!(docker.images.values().any(|image| image.root_fs.layers.is_none()), "an image without layers");
    assert!(docker.images.values().all(|image| image.graph_driver.is_consistent()));

    let statuses = |docker: &Docker| -> BTreeSet<String> { docker.containers.values().map(|one| one.state.status.clone()).collect() };
    assert_eq!(statuses(docker), BTreeSet::from(["created", "exited", "paused", "running"].map(str::to_owned)));
    assert_eq!(statuses(&busy.seen[1].docker), BTreeSet::from(["created", "exited"].map(str::to_owned)));
    assert!(
        docker.containers.values().any(|container| !docker.images.contains_key(&container.image)),
        "a container that outlived its image"
    );

    let mut bases: BTreeMap<&str, BTreeSet<Option<&str>>> = BTreeMap::new();
    for layers in docker.images.values().filter_map(|image| image.root_fs.layers.as_ref()) {
        for (depth, layer) in layers.iter().enumerate() {
            let base = depth.checked_sub(1).map(|below| layers[below].as_str());
            bases.entry(layer).or_default().insert(base);
        }
    }
    assert!(bases.values().any(|bases| bases.len() > 1), "the same DiffID on two bases");

    let cache = &docker.usage.build_cache;
    for kind in ["regular", "source.local", "exec.cachemount"] {
        assert!(cache.iter().any(|record| record.kind == kind), "build cache of the kind {kind}");
    }
    assert!(cache.iter().any(|record| record.kind == "regular" && !record.shared), "build cache that no image uses");
}
