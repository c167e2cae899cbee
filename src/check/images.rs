//! Images: their configs, and what dockerd does not list.

use super::{Checker, Code, Finding, Mend, Severity, hint};
use crate::graph::{Thing, Via};
use crate::id::ImageId;
use crate::store::detail::ConfigTrouble;
use crate::unreadable::Pins;

pub(super) fn check(checker: &mut Checker<'_>) {
    for (&id, trouble) in &checker.details.images {
        checker.keep(unusable(checker, id, trouble));
    }
    for image in checker.inventory.images.values() {
        // Docker writes none for its own, and lists only these.
        if let Some(os) = image.config.os.as_deref().filter(|os| !matches!(*os, "" | "linux")) {
            let message = format!("it is for {os}");
            checker.keep(Finding::new(Code::ImageOfOtherSystem, Thing::Image(image.id), message));
        }
    }
    let missing = checker.audit.graph.missing().iter().filter(|missing| missing.via == Via::ParentImage);
    for missing in missing {
        let (Some(Thing::Image(child)), Thing::Image(parent)) = (checker.audit.graph.thing(missing.from), &missing.to) else { continue };
        if !checker.details.images.contains_key(parent) {
            let finding =
                Finding::new(Code::ImageParentMissing, Thing::Image(*child), format!("it was built upon image {parent}, which is gone"));
            checker.keep(finding.mend(Some(Mend::NoImageParent(*child))));
        }
    }
}

/// The finding about an image without a config that can be used.
fn unusable(checker: &Checker<'_>, id: ImageId, trouble: &ConfigTrouble) -> Finding {
    let image = Thing::Image(id);
    let (code, message) = match trouble {
        ConfigTrouble::Missing => (Code::ImageConfigMissing, "its metadata is there, and the config is not".to_owned()),
        ConfigTrouble::Mismatch(found) => (Code::ImageConfigMismatch, format!("the content hashes to {found}")),
        ConfigTrouble::Invalid(why) => (Code::ImageConfigInvalid, why.clone()),
    };
    let inventory = checker.inventory;
    let made_from =
        inventory.containers.values().filter(|container| container.config.as_ref().is_some_and(|config| config.image == Some(id)));
    let has_containers = made_from.count() > 0;
    let has_name = inventory.names_of(id).next().is_some();
    let affects = vec![image.clone()];
    let again = hint::pull_again(&affects, inventory, hint::Listed::No);
    let finding = Finding::new(code, image, message).affecting(affects);
    // What nobody asks for by name and nothing runs from is not missed, but its layers are not proven dead.
    let severity = if has_name || has_containers { Severity::Error } else { Severity::Warning };
    Finding { pins: Some(Pins::Layers), hint: again.filter(|_| has_name), ..finding.severity(severity) }
}
