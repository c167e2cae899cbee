//! Networks and the cluster, which keep no layer but are dockerd's all the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::engine::Engine;
use crate::layerwise::{Layerwise, text};

#[test]
fn networks_and_the_cluster_are_those_that_docker_lists() {
    let Some(mut engine) = Engine::start("networks_and_the_cluster_are_those_that_docker_lists") else { return };
    assert_eq!(details(&engine, "swarm"), Value::Null);
    assert_networks(&mut engine);
    engine.docker("swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377");
    engine.docker("network create --driver overlay of-the-swarm");
    assert_networks(&mut engine);
    let swarm = details(&engine, "swarm");
    assert_eq!(text(&swarm, "address"), "127.0.0.1:2377");
    engine.stop();
    assert_eq!(details(&engine, "swarm"), swarm);
    engine.start_daemon();
    engine.docker("swarm leave --force");
    assert_eq!(details(&engine, "swarm"), Value::Null);
}

/// What is known of a directory in the data-root.
fn details(engine: &Engine, directory: &str) -> Value {
    let path = engine.data_root().join(directory);
    let items = Layerwise::on(&engine.data_root()).items("inspect --no-scan", &[path.to_str().unwrap()]);
    items[0]["details"].clone()
}

/// The local networks come to be the ones that dockerd lists; those of a cluster lie in its own log until a container uses them.
fn assert_networks(engine: &mut Engine) {
    let mut seen = Vec::new();
    let agree = engine.wait_for(|engine| {
        let networks = details(engine, "network");
        let networks = networks["networks"].as_array().unwrap();
        let found = networks.iter().map(|one| format!("{} {} {}", text(one, "id"), text(one, "name"), text(one, "driver"))).collect();
        let list = "network ls --no-trunc --filter scope=local --format";
        let listed = engine.succeed(engine.docker_command(list).arg("{{.ID}} {{.Name}} {{.Driver}}"));
        seen = vec![found, listed.lines().map(str::to_owned).collect::<BTreeSet<_>>()];
        (seen[0] == seen[1]).then_some(())
    });
    assert!(agree.is_some(), "{seen:?}");
}
