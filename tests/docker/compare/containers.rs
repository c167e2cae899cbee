//! `layerwise containers` beside `docker inspect --size`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{assert_same, at_each_moment};
use crate::busy::Seen;
use crate::docker::Container;
use crate::layerwise::{number, text};

/// Asserts that of every container layerwise says what Docker says.
fn assert_said<T: PartialEq + std::fmt::Debug>(what: &str, seen: &Seen, docker: impl Fn(&Container) -> T, layerwise: impl Fn(&Value) -> T) {
    let docker = seen.docker.containers.values().map(|container| (container.id.clone(), docker(container))).collect();
    let layerwise: BTreeMap<String, T> =
        seen.layerwise.containers.iter().map(|item| (text(item, "id").to_owned(), layerwise(item))).collect();
    assert_same(what, seen, &docker, &layerwise);
}

#[test]
fn containers_have_the_names_images_and_states_that_docker_lists() {
    at_each_moment("containers_have_the_names_images_and_states_that_docker_lists", |seen| {
        let owned = |item: &Value, key| text(item, key).to_owned();
        assert_said("names", seen, |container| container.name.trim_start_matches('/').to_owned(), |item| owned(item, "name"));
        assert_said("images", seen, |container| container.image.clone(), |item| owned(item, "image"));
        assert_said("names of images", seen, |container| container.config.image.clone(), |item| owned(item, "image_name"));
        assert_said("states", seen, |container| container.state.status.clone(), |item| owned(item, "status"));
    });
}

#[test]
fn containers_write_to_the_directories_that_docker_names() {
    at_each_moment("containers_write_to_the_directories_that_docker_names", |seen| {
        let top = |container: &Container| container.graph_driver.all().into_iter().rev().take(2).collect::<Vec<_>>();
        assert_said("directories", seen, top, |item| vec![text(item, "rw_dir").to_owned(), text(item, "init_dir").to_owned()]);
    });
}

#[test]
fn containers_have_the_sizes_of_docker_ps() {
    at_each_moment("containers_have_the_sizes_of_docker_ps", |seen| {
        assert_said("SIZE", seen, |container| container.size_rw, |item| number(item, "docker_size").cast_signed());
        assert_said("virtual size", seen, |container| container.size_root_fs, |item| number(item, "docker_virtual_size").cast_signed());
    });
}

#[test]
fn logs_of_containers_are_those_beside_the_log_that_docker_names() {
    at_each_moment("logs_of_containers_are_those_beside_the_log_that_docker_names", |seen| {
        let docker = |container: &Container| seen.logs[&container.id];
        assert_said("log bytes", seen, docker, |item| number(item, "log_bytes"));
    });
}
