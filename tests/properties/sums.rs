//! Figures about the same bytes agree: an image's shared and exclusive parts, its layers, and what removing it frees.

use crate::cases::cases;
use crate::look::{audit, unmeasured};
use crate::recipe::{Root, sound};
use crate::steps::remove_image;
use layerwise::audit::Audit;
use layerwise::graph::Thing;
use layerwise::graph::reach::Set;
use layerwise::id::ChainId;
use layerwise::report::{containers, freed, images, layers};
use layerwise::store::layerdb::Layer;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What the directory of a layer weighs, with its links.
fn weight(audit: &Audit, layer: ChainId) -> u64 {
    let dir = audit.inventory.layerdb.layers.get(&layer).and_then(Layer::dir);
    dir.map_or(0, |dir| audit.account.as_ref().unwrap().directory(dir).bytes)
}

fn free(audit: &Audit, things: &[Thing]) -> freed::Freed {
    freed::find(audit, &things.iter().cloned().collect())
}

fn live_layers(audit: &Audit) -> BTreeSet<ChainId> {
    layers_in(audit, &audit.graph.live())
}

fn layers_in(audit: &Audit, nodes: &Set) -> BTreeSet<ChainId> {
    let members = audit.graph.things().filter(|(node, _)| nodes.contains(*node));
    members.filter_map(|(_, thing)| if let Thing::Layer(chain) = thing { Some(*chain) } else { None }).collect()
}

/// The layers that stay below read-write layers and layers that nothing needs, because dockerd has loaded those.
fn kept_by_what_is_loaded(audit: &Audit) -> BTreeSet<ChainId> {
    let live = audit.graph.live();
    let is_loaded = |thing: &Thing| match thing {
        Thing::Mount(_) => true,
        Thing::Layer(chain) => audit.inventory.layerdb.layers[chain].is_whole(),
        _ => false,
    };
    let loaded = audit.graph.things().filter(|(node, thing)| !live.contains(*node) && is_loaded(thing)).map(|(node, _)| node);
    layers_in(audit, &audit.graph.reachable(loaded))
}

proptest! {
    #![proptest_config(cases(96))]

    #[test]
    fn figures_about_the_same_bytes_agree(recipe in sound()) {
        let root = recipe.make();
        let audit = audit(root.path());
        an_image_is_its_layers_shared_and_exclusive(&audit)?;
        containers_are_their_directories_and_files(&audit)?;
        removing_one_image_frees_what_its_list_says(&audit)?;
        together_at_least_as_much_is_freed_as_alone(&audit)?;
        what_is_freed_is_no_longer_reached_when_the_image_is_gone(&audit, &root)?;
    }
}

type Outcome = Result<(), TestCaseError>;

fn an_image_is_its_layers_shared_and_exclusive(audit: &Audit) -> Outcome {
    let images = images::list(audit);
    let by_layer: BTreeMap<_, _> = layers::list(audit).into_iter().map(|layer| (layer.chain_id, layer)).collect();
    for image in &images {
        let [bytes, shared, exclusive, reclaimable] =
            [image.bytes, image.shared_bytes, image.exclusive_bytes, image.reclaimable_bytes].map(Option::unwrap);
        prop_assert_eq!(bytes, shared + exclusive);
        prop_assert_eq!(bytes, image.layers.iter().map(|&layer| weight(audit, layer)).sum::<u64>());
        prop_assert_eq!(image.inodes.unwrap(), image.layers.iter().map(|layer| by_layer[layer].inodes.unwrap()).sum::<u64>());
        let own = image.layers.iter().filter(|layer| by_layer[*layer].images == [image.id]);
        prop_assert_eq!(exclusive, own.map(|&layer| weight(audit, layer)).sum::<u64>());
        prop_assert!(reclaimable <= exclusive);
        let [size, shared, unique] = [image.docker_size, image.docker_shared_size, image.docker_unique_size].map(Option::unwrap);
        prop_assert_eq!(size, shared + unique);
        prop_assert_eq!(size, image.layers.iter().map(|layer| by_layer[layer].docker_size.unwrap()).sum::<u64>());
    }
    // Together the images have what each layer that any of them has weighs, once.
    let union: BTreeSet<_> = images.iter().flat_map(|image| &image.layers).copied().collect();
    let exclusive: u64 = images.iter().map(|image| image.exclusive_bytes.unwrap()).sum();
    let shared = by_layer.values().filter(|layer| layer.images.len() > 1).map(|layer| layer.bytes.unwrap());
    prop_assert_eq!(union.iter().map(|&layer| weight(audit, layer)).sum::<u64>(), exclusive + shared.sum::<u64>());
    Ok(())
}

fn containers_are_their_directories_and_files(audit: &Audit) -> Outcome {
    for container in containers::list(audit) {
        let dirs = [container.rw_dir, container.init_dir].into_iter().flatten();
        let account = audit.account.as_ref().unwrap();
        let files = account.container_files(container.id).0.bytes;
        prop_assert_eq!(container.bytes.unwrap(), files + dirs.map(|dir| account.directory(dir).bytes).sum::<u64>());
        prop_assert!(container.log_bytes.unwrap() <= files);
    }
    Ok(())
}

fn removing_one_image_frees_what_its_list_says(audit: &Audit) -> Outcome {
    for image in images::list(audit) {
        let freed = free(audit, &[Thing::Image(image.id)]);
        // Untagged images that go along are not the list's: there only this image is removed.
        if freed.images == [image.id.to_string()] {
            let dirs: u64 = freed.layers.iter().map(|&layer| weight(audit, layer)).sum();
            prop_assert_eq!(image.reclaimable_bytes.unwrap(), dirs, "{} of {:?}", image.id, freed);
            // Besides its layers there go its own files and the records of its layers.
            let records = freed.layers.iter().map(|&layer| audit.account.as_ref().unwrap().of_thing(&Thing::Layer(layer)).bytes);
            let files = audit.account.as_ref().unwrap().of_thing(&Thing::Image(image.id)).bytes;
            prop_assert_eq!(freed.bytes.unwrap(), dirs + records.sum::<u64>() + files);
            prop_assert!(freed.kept_because.iter().all(|kept| kept.held_by.is_some()), "{:?}", freed);
        } else if freed.images.is_empty() {
            prop_assert!(freed.layers.is_empty() && freed.bytes == Some(0), "{:?}", freed);
        }
    }
    Ok(())
}

fn together_at_least_as_much_is_freed_as_alone(audit: &Audit) -> Outcome {
    let removable = |thing: &&Thing| matches!(thing, Thing::Image(_) | Thing::Container(_));
    let things: Vec<Thing> = audit.graph.things().map(|(_, thing)| thing).filter(removable).cloned().collect();
    let alone: u64 = things.iter().map(|thing| free(audit, std::slice::from_ref(thing)).bytes.unwrap()).sum();
    let together = free(audit, &things);
    prop_assert!(alone <= together.bytes.unwrap());
    let all: BTreeSet<_> = things.iter().map(ToString::to_string).collect();
    prop_assert_eq!(together.images.iter().chain(&together.containers).cloned().collect::<BTreeSet<_>>(), all);
    Ok(())
}

fn what_is_freed_is_no_longer_reached_when_the_image_is_gone(before: &Audit, root: &Root) -> Outcome {
    let untagged = root.made.images.iter().filter(|image| image.references.is_empty());
    if let Some(image) = untagged.into_iter().find(|image| !free(before, &[Thing::Image(image.id)]).images.is_empty()) {
        let freed = free(before, &[Thing::Image(image.id)]);
        for gone in root.made.images.iter().filter(|image| freed.images.contains(&image.id.to_string())) {
            remove_image(root.path(), gone);
        }
        let after = live_layers(&unmeasured(root.path()));
        let kept = kept_by_what_is_loaded(before);
        let difference: BTreeSet<_> = live_layers(before).difference(&after).copied().filter(|layer| !kept.contains(layer)).collect();
        prop_assert_eq!(difference, freed.layers.into_iter().collect());
    }
    Ok(())
}
