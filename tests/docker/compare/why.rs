//! `layerwise why`: whatever Docker needs is held by what Docker needs it for.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::at_each_moment;
use crate::busy::Seen;
use crate::layerwise::text;

/// The answers by what was asked.
fn answers(seen: &Seen) -> BTreeMap<&str, &Value> {
    seen.why.iter().map(|item| (text(item, "target"), item)).collect()
}

fn holders(item: &Value) -> BTreeSet<&str> {
    item["held_by"].as_array().unwrap().iter().map(|holder| text(holder, "id")).collect()
}

#[test]
fn every_directory_is_held_by_each_image_and_container_that_docker_says_has_it() {
    at_each_moment("every_directory_is_held_by_each_image_and_container_that_docker_says_has_it", |seen| {
        let answers = answers(seen);
        let images = seen.docker.images.values().map(|image| (&image.id, &image.graph_driver));
        let containers = seen.docker.containers.values().map(|container| (&container.id, &container.graph_driver));
        for (owner, driver) in images.chain(containers) {
            for name in driver.all() {
                let answer = answers[name.as_str()];
                assert_eq!(text(answer, "verdict"), "in-use", "{name} of {owner}, {}", seen.moment);
                let holders = holders(answer);
                assert!(holders.contains(owner.as_str()), "{name}, {}\n     docker: {owner}\n  layerwise: {holders:?}", seen.moment);
            }
        }
    });
}

#[test]
fn no_holder_is_made_up() {
    at_each_moment("no_holder_is_made_up", |seen| {
        let answers = answers(seen);
        for name in seen.docker.directories().keys() {
            for holder in answers[name.as_str()]["held_by"].as_array().unwrap() {
                let id = text(holder, "id");
                let real = match text(holder, "kind") {
                    "image" => seen.docker.images.contains_key(id),
                    "container" => seen.docker.containers.contains_key(id),
                    _ => continue,
                };
                assert!(real, "{name} is held by {holder}, which Docker does not know, {}", seen.moment);
            }
        }
    });
}

#[test]
fn every_read_write_layer_on_the_disk_is_in_use() {
    at_each_moment("every_read_write_layer_on_the_disk_is_in_use", |seen| {
        let answers = answers(seen);
        assert!(!seen.mounts.is_empty());
        for (record, directory) in &seen.mounts {
            assert_eq!(text(answers[directory.as_str()], "verdict"), "in-use", "{}: {directory}, {}", record.display(), seen.moment);
        }
    });
}

#[test]
fn whatever_a_person_has_in_hand_leads_to_the_thing() {
    at_each_moment("whatever_a_person_has_in_hand_leads_to_the_thing", |seen| {
        assert!(seen.in_hand.len() > 10, "{:?}", seen.in_hand);
        let answers = answers(seen);
        for (asked, meant) in &seen.in_hand {
            let answer = answers.get(asked.as_str()).unwrap_or_else(|| panic!("{asked} leads to nothing, {}", seen.moment));
            assert_eq!((text(answer, "kind"), text(answer, "id")), (meant.0, meant.1.as_str()), "{asked}, {}: {answer}", seen.moment);
            assert_eq!(text(answer, "verdict"), "in-use", "{asked}, {}: {answer}", seen.moment);
        }
    });
}
