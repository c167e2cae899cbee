//! `layerwise images` beside `docker image inspect` and `docker system df -v`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{assert_same, at_each_moment};
use crate::busy::Seen;
use crate::docker::{Image, ImageUsage};
use crate::layerwise::{number, text, texts};

/// What layerwise says of each image.
fn said<T>(seen: &Seen, of: impl Fn(&Value) -> T) -> BTreeMap<String, T> {
    seen.layerwise.images.iter().map(|item| (text(item, "id").to_owned(), of(item))).collect()
}

/// What Docker says of each image when it is asked for each.
fn inspected<T>(seen: &Seen, of: impl Fn(&Image) -> T) -> BTreeMap<String, T> {
    seen.docker.images.iter().map(|(id, image)| (id.clone(), of(image))).collect()
}

#[test]
fn images_have_the_ids_and_names_that_docker_lists() {
    at_each_moment("images_have_the_ids_and_names_that_docker_lists", |seen| {
        let docker =
            inspected(seen, |image| -> BTreeSet<String> { image.repo_tags.iter().chain(&image.repo_digests).flatten().cloned().collect() });
        let layerwise = said(seen, |item| texts(item, "references").into_iter().map(str::to_owned).collect());
        assert_same("names", seen, &docker, &layerwise);
    });
}

#[test]
fn layers_of_images_have_the_contents_that_docker_inspects() {
    at_each_moment("layers_of_images_have_the_contents_that_docker_inspects", |seen| {
        let diffs: BTreeMap<&str, &str> =
            seen.layerwise.layers.iter().map(|layer| (text(layer, "chain_id"), text(layer, "diff_id"))).collect();
        let docker = inspected(seen, |image| image.root_fs.layers.clone().unwrap_or_default());
        let layerwise = said(seen, |item| texts(item, "layers").into_iter().map(|chain| diffs[chain].to_owned()).collect());
        assert_same("DiffIDs", seen, &docker, &layerwise);
    });
}

#[test]
fn sizes_of_images_are_those_of_docker_images() {
    at_each_moment("sizes_of_images_are_those_of_docker_images", |seen| {
        assert_same("SIZE", seen, &inspected(seen, |image| image.size), &said(seen, |item| number(item, "docker_size")));
    });
}

#[test]
fn shared_and_unique_sizes_and_containers_are_those_of_system_df() {
    at_each_moment("shared_and_unique_sizes_and_containers_are_those_of_system_df", |seen| {
        // The images between the steps of a classic build are not in `system df`.
        let listed = |item: &&Value| seen.docker.usage.images.iter().any(|image| image.id == text(item, "id"));
        let docker = |of: fn(&ImageUsage) -> u64| -> BTreeMap<String, u64> {
            seen.docker.usage.images.iter().map(|image| (image.id.clone(), of(image))).collect()
        };
        let layerwise = |key: &str| -> BTreeMap<String, u64> {
            seen.layerwise.images.iter().filter(listed).map(|item| (text(item, "id").to_owned(), number(item, key))).collect()
        };
        assert_same("SHARED SIZE", seen, &docker(|image| image.shared_size), &layerwise("docker_shared_size"));
        assert_same("UNIQUE SIZE", seen, &docker(|image| image.size - image.shared_size), &layerwise("docker_unique_size"));
        assert_same("CONTAINERS", seen, &docker(|image| image.containers), &layerwise("containers"));
    });
}

#[test]
fn allocated_bytes_of_images_are_those_of_their_layers() {
    at_each_moment("allocated_bytes_of_images_are_those_of_their_layers", |seen| {
        let layers: BTreeMap<&str, u64> =
            seen.layerwise.layers.iter().map(|layer| (text(layer, "chain_id"), number(layer, "bytes"))).collect();
        let sums = said(seen, |item| texts(item, "layers").into_iter().map(|chain| layers[chain]).sum::<u64>());
        assert_same("bytes", seen, &sums, &said(seen, |item| number(item, "bytes")));
        let parts = said(seen, |item| number(item, "shared_bytes") + number(item, "exclusive_bytes"));
        assert_same("shared and exclusive bytes", seen, &sums, &parts);
    });
}
