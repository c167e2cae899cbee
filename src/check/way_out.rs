//! The shortest way out of what the disk itself cannot mend: which containers and images have to go, in which order, and what to pull again.

use super::code::{Code, Severity};
use super::finding::Finding;
use super::hint;
use crate::graph::Thing;
use crate::id::ImageId;
use crate::inventory::Inventory;
use std::collections::{BTreeMap, BTreeSet};

/// A step for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What to do: a command, where there is one.
    pub step: String,
    /// Why.
    pub why: &'static str,
}

/// Why nothing on the disk mends a finding that is worth mending; nothing for one that is not.
#[must_use]
pub fn why_not(finding: &Finding) -> Option<&'static str> {
    if finding.severity > Severity::Warning || finding.mend.is_some() {
        return None;
    }
    Some(match finding.code {
        Code::MissingDirectory | Code::MissingDiff => "what was in it is nowhere else on this disk",
        Code::MissingLayer => "which directory was the layer's, only the record said",
        Code::UnloadableLayer => "what the record said is not proven by anything that is left",
        Code::MissingMount | Code::UnloadableMount => "which directory the container writes to, only the record said",
        Code::MismatchedChain | Code::CyclicLayers | Code::MismatchedMount | Code::SharedDirectory => {
            "nothing that is left says which is right"
        }
        Code::MissingLink | Code::MismatchedLink | Code::MissingLinkFile | Code::MismatchedLinkFile => {
            "nothing that is left says which name is right: look again when all else is mended"
        }
        Code::MissingLower | Code::MismatchedLower | Code::CyclicLower | Code::MountWithoutParent => {
            "what lies below it is damaged too, or does not fit what the records say: look again when all else is mended"
        }
        Code::VolatileLeftover => "only a person can tell whether the files are whole",
        Code::NoFileTypes | Code::NearlyFull | Code::NearlyOutOfInodes => "it is the file system, and not what lies on it",
        _ => "what it said is nowhere else on this disk",
    })
}

/// Whether [`way_out`] has what to do about a finding that cannot be mended.
#[must_use]
pub fn is_in_way_out(finding: &Finding) -> bool {
    cure(finding.code).is_some() && !finding.affects.is_empty()
}

/// The way out of all of `findings` that cannot be mended and that pulling again cures, as steps in their order.
///
/// As long as anything else can be mended nobody has to give up what that may prove.
#[must_use]
pub fn way_out(findings: &[Finding], inventory: &Inventory) -> Vec<Step> {
    let mut steps = Vec::new();
    let can_mend = findings.iter().any(|finding| finding.mend.is_some());
    let unmended = || findings.iter().filter(|finding| why_not(finding).is_some() && !(can_mend && may_be_proven_later(finding.code)));
    let records: BTreeSet<_> = unmended().filter(|finding| finding.code == Code::UnloadableLayer).map(|finding| &finding.path).collect();
    for record in records {
        let path = hint::quoted(&inventory.root.join(record).to_string_lossy());
        steps.push(Step { step: format!("with dockerd stopped, move {path} away"), why: "it keeps its layer from being pulled again" });
    }
    let of = |listed: hint::Listed| {
        let cured = unmended().filter(move |finding| cure(finding.code) == Some(listed));
        cured.flat_map(|finding| finding.affects.iter()).collect::<BTreeSet<&Thing>>()
    };
    let (listed, unlisted) = (of(hint::Listed::Yes), of(hint::Listed::No));
    let to_remove: Vec<&Thing> = listed.difference(&unlisted).copied().collect();
    let containers = to_remove.iter().filter_map(|thing| hint::container_name(thing, inventory));
    steps.extend(containers.map(|name| Step { step: format!("docker rm -f {name}"), why: "the container stands on what is broken" }));
    let images = to_remove.iter().filter_map(|thing| if let Thing::Image(id) = thing { Some(*id) } else { None }).collect();
    for image in children_first(&images, inventory) {
        let names = hint::image_name(&Thing::Image(image), inventory).into_iter();
        steps.extend(names.map(|name| Step { step: format!("docker rmi {name}"), why: "only with the last image does a broken layer go" }));
    }
    steps.extend(listed.union(&unlisted).filter_map(|thing| again(thing, inventory)));
    if listed.iter().any(|thing| matches!(thing, Thing::Record(_))) {
        steps.push(Step { step: "docker builder prune".to_owned(), why: "the build cache stands on what is broken" });
    }
    steps
}

/// Whether mending something else may prove what mends this.
const fn may_be_proven_later(code: Code) -> bool {
    matches!(
        code,
        Code::MissingLink
            | Code::MismatchedLink
            | Code::MissingLinkFile
            | Code::MismatchedLinkFile
            | Code::MissingLower
            | Code::MismatchedLower
            | Code::CyclicLower
            | Code::MountWithoutParent
            | Code::UnloadableMount
            | Code::UnloadableLayer
    )
}

/// How an image comes back.
fn again(thing: &Thing, inventory: &Inventory) -> Option<Step> {
    let image = hint::image_name(thing, inventory)?;
    Some(match hint::pulled_name(thing, inventory) {
        Some(name) => Step { step: format!("docker pull {name}"), why: "it came from a registry" },
        None => Step { step: format!("build or load {image} again"), why: "no registry is known to have it" },
    })
}

/// Whether pulling again cures what a code says, and whether dockerd lists what is affected, so that it has to be removed first.
const fn cure(code: Code) -> Option<hint::Listed> {
    match code {
        Code::MissingLayer | Code::UnloadableLayer | Code::ImageConfigMissing | Code::ImageConfigMismatch | Code::ImageConfigInvalid => {
            Some(hint::Listed::No)
        }
        Code::MissingDirectory
        | Code::MissingDiff
        | Code::MismatchedChain
        | Code::MissingLink
        | Code::MismatchedLink
        | Code::MissingLinkFile
        | Code::MismatchedLinkFile
        | Code::MissingLower
        | Code::MismatchedLower
        | Code::CyclicLower => Some(hint::Listed::Yes),
        _ => None,
    }
}

/// The images, each before that which it was built upon, because dockerd removes none that others were built upon.
fn children_first(images: &BTreeSet<ImageId>, inventory: &Inventory) -> Vec<ImageId> {
    let mut children: BTreeMap<ImageId, usize> = images.iter().map(|&id| (id, 0)).collect();
    let parent = |id: &ImageId| inventory.images.get(id).and_then(|image| image.parent);
    for above in images.iter().filter_map(parent) {
        children.entry(above).and_modify(|count| *count += 1);
    }
    let mut order = Vec::new();
    while let Some(next) = children.iter().find(|(_, count)| **count == 0).or_else(|| children.first_key_value()).map(|(&id, _)| id) {
        children.remove(&next);
        if let Some(count) = parent(&next).and_then(|above| children.get_mut(&above)) {
            *count = count.saturating_sub(1);
        }
        order.push(next);
    }
    order
}
