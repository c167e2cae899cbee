//! `trash restore` on a data-root that a dockerd has worked on since: what comes back must work, and must not be in the way.

use crate::docker::Docker;
use crate::engine::Builder::Classic;
use crate::engine::Engine;
use crate::images;
use crate::judge::{self, Known};
use crate::layerwise::Layerwise;
use crate::ruins::Ruins;

/// An engine that is stopped, with the layers of two images left over, of which one lies on the other's; both can be loaded again.
struct Scene {
    engine: Engine,
}

impl Scene {
    fn set(test: &str) -> Option<Self> {
        let mut engine = Engine::start(test)?;
        images::import(&engine);
        for (name, dockerfile) in [("lower", "FROM base:1\nRUN echo lower >/lower\n"), ("upper", "FROM lower:1\nRUN echo upper >/upper\n")]
        {
            let context = engine.context(name, &[("Dockerfile", dockerfile)]);
            engine.build(Classic, &format!("-t {name}:1"), &context);
            engine.docker(&format!("save -o {} {name}:1", engine.work().join(name).with_extension("tar").display()));
        }
        let ids = ["lower", "upper"].map(|name| engine.docker(&format!("inspect --format {{{{.Id}}}} {name}:1")));
        engine.stop();
        let root = engine.data_root();
        for id in &ids {
            Ruins::of(&root).forget_image(id);
        }
        Some(Self { engine })
    }

    fn run(&self, line: &str) -> crate::layerwise::Ran {
        Layerwise::on(&self.engine.data_root()).run(line)
    }

    /// Loads an image and reads a file in it.
    fn load(&self, name: &str) {
        self.engine.docker(&format!("load -i {}", self.engine.work().join(name).with_extension("tar").display()));
        judge::assert_holds(&self.engine, (&format!("{name}:1"), &format!("/{name}")), name, "loaded again");
    }
}

#[test]
fn what_comes_back_is_used_again() {
    let Some(mut scene) = Scene::set("what_comes_back_is_used_again") else { return };
    let plan = Layerwise::on(&scene.engine.data_root()).prune("--trash");
    assert_eq!(plan.classes().get("unreferenced-layer"), Some(&2), "{plan:?}");
    scene.engine.start_daemon();
    let before = Known::of(&Docker::ask(&scene.engine));
    scene.engine.stop();
    let ran = scene.run("trash restore");
    assert_eq!(ran.status, Some(0), "{ran:?}");
    scene.engine.start_daemon();
    Known::of(&Docker::ask(&scene.engine)).assert_is(&before, "nothing that dockerd shows has come back");
    scene.load("upper");
    scene.load("lower");
}

#[test]
fn what_lies_on_something_that_was_replaced_since_does_not_come_back_without_it() {
    let Some(mut scene) = Scene::set("what_lies_on_something_that_was_replaced_since_does_not_come_back_without_it") else { return };
    Layerwise::on(&scene.engine.data_root()).prune("--trash");
    scene.engine.start_daemon();
    scene.load("lower");
    scene.engine.stop();
    let ran = scene.run("trash restore");
    assert_eq!(ran.status, Some(5), "{ran:?}");
    scene.engine.start_daemon();
    scene.load("upper");
    scene.load("lower");
}

#[test]
fn one_thing_alone_does_not_come_back_without_what_it_lies_on() {
    let Some(mut scene) = Scene::set("one_thing_alone_does_not_come_back_without_what_it_lies_on") else { return };
    let plan = Layerwise::on(&scene.engine.data_root()).prune("--trash");
    // What lies on the other is taken first.
    let upper = plan.actions.iter().find(|action| action["class"] == "unreferenced-layer").unwrap()["id"].as_str().unwrap().to_owned();
    drop(scene.run(&format!("trash restore {upper}")));
    scene.engine.start_daemon();
    scene.load("upper");
    scene.load("lower");
}
