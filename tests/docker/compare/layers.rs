//! `layerwise layers` beside the directories of `docker image inspect` and the steps of `docker history`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{assert_same, at_each_moment};
use crate::busy::Seen;
use crate::layerwise::{number, text, texts};

/// What layerwise says of the layers, by their `ChainID`s.
fn layers(seen: &Seen) -> BTreeMap<&str, &Value> {
    seen.layerwise.layers.iter().map(|layer| (text(layer, "chain_id"), layer)).collect()
}

/// For each image by its ID, what layerwise says of its layers, base first.
fn by_image<T>(seen: &Seen, of: impl Fn(&Value) -> T) -> BTreeMap<String, Vec<T>> {
    let layers = layers(seen);
    let stack = |image: &Value| texts(image, "layers").into_iter().map(|chain| of(layers[chain])).collect();
    seen.layerwise.images.iter().map(|image| (text(image, "id").to_owned(), stack(image))).collect()
}

#[test]
fn layers_lie_in_the_directories_that_docker_names_in_their_order() {
    at_each_moment("layers_lie_in_the_directories_that_docker_names_in_their_order", |seen| {
        let docker = seen.docker.images.iter().map(|(id, image)| (id.clone(), image.graph_driver.all())).collect();
        assert_same("GraphDriver.Data", seen, &docker, &by_image(seen, |layer| text(layer, "dir").to_owned()));
    });
}

#[test]
fn layers_stand_on_each_other_as_in_their_images() {
    at_each_moment("layers_stand_on_each_other_as_in_their_images", |seen| {
        for (image, stack) in by_image(seen, Clone::clone) {
            for (below, layer) in stack.iter().enumerate() {
                let parent = below.checked_sub(1).map(|below| text(&stack[below], "chain_id"));
                assert_eq!(layer["parent"].as_str(), parent, "parent of layer {below} of {image}, {}", seen.moment);
                assert_eq!(number(layer, "depth"), u64::try_from(below + 1).unwrap(), "depth of layer {below} of {image}, {}", seen.moment);
                assert!(texts(layer, "images").contains(&image.as_str()), "layer {below} of {image} does not name it, {}", seen.moment);
            }
        }
    });
}

#[test]
fn layers_have_the_steps_and_sizes_of_docker_history() {
    at_each_moment("layers_have_the_steps_and_sizes_of_docker_history", |seen| {
        let docker: BTreeMap<String, Vec<u64>> =
            seen.docker.images.iter().map(|(id, image)| (id.clone(), image.steps_of_layers().map(|step| step.size).collect())).collect();
        assert_same("sizes of steps", seen, &docker, &by_image(seen, |layer| number(layer, "docker_size")));

        // Several images may have made the same layer by different steps: one of them is told.
        let mut steps: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for image in &seen.layerwise.images {
            let told = seen.docker.images[text(image, "id")].steps_of_layers();
            for (chain, step) in texts(image, "layers").into_iter().zip(told) {
                steps.entry(chain).or_default().insert(if step.created_by.is_empty() { &step.comment } else { &step.created_by });
            }
        }
        for (chain, layer) in layers(seen) {
            let Some(steps) = steps.get(chain) else { continue };
            let told = layer["created_by"].as_str().unwrap_or_default();
            assert!(steps.contains(told), "layer {chain}, {}\n     docker: {steps:?}\n  layerwise: {told:?}", seen.moment);
        }
    });
}

#[test]
fn layers_that_docker_knows_are_in_use() {
    at_each_moment("layers_that_docker_knows_are_in_use", |seen| {
        let known = seen.docker.directories();
        for layer in seen.layerwise.layers.iter().filter(|layer| layer["dir"].as_str().is_some_and(|dir| known.contains_key(dir))) {
            assert_eq!(text(layer, "state"), "in-use", "{}: {layer}", seen.moment);
        }
    });
}
