//! Names of images.

use super::{Checker, Code, Finding, Mend, Subject};
use crate::graph::Thing;
use crate::store::detail::ReferencesFile;
use crate::store::place::{Area, Owner};
use crate::store::repositories;
use crate::unreadable::Pins;

pub(super) fn check(checker: &mut Checker<'_>) {
    let subject = || Subject::Owner(Owner::new(Area::Image, b""));
    let finding = |code, message: String| Finding { path: repositories::PATH.into(), ..Finding::new(code, subject(), message) };
    match &checker.details.references {
        ReferencesFile::Missing if !checker.inventory.images.is_empty() => {
            let message = "it is missing, although there are images; dockerd makes it anew, empty, and says nothing";
            let hint = "put it back from a backup with dockerd stopped; do not run `docker image prune`, which would take all of them";
            let finding = finding(Code::ReferencesMissing, message.to_owned()).hint(hint);
            checker.keep(Finding { pins: Some(Pins::Images), affects: all_images(checker), ..finding });
        }
        ReferencesFile::Missing => checker.cover(repositories::PATH),
        ReferencesFile::Unusable(why) => {
            let hint = "put it back from a backup; without one, move it away: dockerd then starts, and all images are without names";
            let finding = finding(Code::ReferencesUnusable, why.clone()).hint(hint);
            checker.keep(Finding { pins: Some(Pins::Images), affects: all_images(checker), ..finding });
        }
        ReferencesFile::Usable(strange) => {
            checker.cover(repositories::PATH);
            for (name, why) in strange {
                let message = format!("{name} stands for what is no image: {why}");
                to_nothing(checker, name, message);
            }
        }
    }
    for (name, image) in &checker.inventory.references {
        let is_known = checker.inventory.images.contains_key(image) || checker.details.images.contains_key(image);
        if !is_known {
            to_nothing(checker, name, format!("{name} stands for image {image}, which is not there"));
        }
    }
}

fn all_images(checker: &Checker<'_>) -> Vec<Thing> {
    checker.inventory.images.keys().map(|&id| Thing::Image(id)).collect()
}

fn to_nothing(checker: &mut Checker<'_>, name: &str, message: String) {
    let finding = Finding::new(Code::ReferenceToNothing, Thing::Reference(name.to_owned()), message);
    let finding = finding.mend(Some(Mend::NoReference(name.to_owned())));
    checker.keep(Finding { path: repositories::PATH.into(), pins: Some(Pins::Layers), ..finding });
}
