//! Containers: what dockerd drops, and what is odd about those that it lists.

use super::{Checker, Code, Finding, Severity, is_going};
use crate::graph::Thing;
use crate::id::ContainerId;
use crate::inventory::DRIVER;
use crate::store::containers::Config;
use crate::store::detail::{ContainerFiles, Text};
use crate::unreadable::Pins;

pub(super) fn check(checker: &mut Checker<'_>) {
    for container in checker.inventory.containers.values().filter(|container| container.found_in.is_none()) {
        let files = checker.details.containers.get(&container.id);
        match &container.config {
            Some(config) => listed(checker, container.id, config, files),
            None => dropped(checker, container.id, files.unwrap_or(&ContainerFiles::default())),
        }
    }
}

/// A container without a config that can be used.
fn dropped(checker: &mut Checker<'_>, id: ContainerId, files: &ContainerFiles) {
    let thing = Thing::Container(id);
    let (code, message, severity) = match &files.config {
        Text::Unusable(why) => (Code::ContainerConfigUnusable, why.clone(), Severity::Error),
        // dockerd writes `hostconfig.json` first, and other files at a start.
        Text::Missing | Text::Usable if files.was_started => {
            (Code::ContainerConfigMissing, "it is missing, although the container was started once".to_owned(), Severity::Error)
        }
        Text::Missing | Text::Usable => (
            Code::ContainerConfigMissing,
            "it is missing: was the container being created when something stopped?".to_owned(),
            Severity::Warning,
        ),
    };
    let path = checker.inventory.root.join("containers").join(id.to_string());
    let hint = format!(
        "put config.v2.json back from a backup, or with dockerd stopped move {} away: its layers are then an unowned mount",
        path.display()
    );
    let finding =
        Finding::new(code, thing.clone(), message).at("config.v2.json").affecting(vec![thing.clone()]).severity(severity).hint(hint);
    checker.push(&thing, Finding { pins: Some(Pins::ImageMounts), ..finding });
}

fn listed(checker: &mut Checker<'_>, id: ContainerId, config: &Config, files: Option<&ContainerFiles>) {
    let thing = Thing::Container(id);
    let name = &config.name;
    if config.driver != DRIVER {
        let message = format!("{name} belongs to the driver {:?}", config.driver);
        return checker.keep(Finding::new(Code::ContainerOfOtherDriver, thing, message));
    }
    match files.map(|files| &files.hostconfig) {
        Some(Text::Unusable(why)) => {
            let hint = "put it back from a backup, or move it away with dockerd stopped: the container then runs with nothing but defaults";
            let finding = Finding::new(Code::HostConfigUnusable, thing.clone(), why.clone()).at("hostconfig.json");
            checker.push(&thing, finding.affecting(vec![thing.clone()]).hint(hint));
        }
        Some(Text::Missing) => {
            let message = format!("it is missing for {name}");
            checker.keep(Finding::new(Code::HostConfigMissing, thing.clone(), message).at("hostconfig.json"));
        }
        Some(Text::Usable) | None => {}
    }
    if is_going(config.status) {
        let message = format!("{name} is {}", config.status);
        checker.keep(Finding::new(Code::DeadContainer, thing, message).hint(format!("docker rm -f {id}")));
    } else if let Some(image) = config.image.filter(|image| !checker.inventory.images.contains_key(image)) {
        // An image whose config is damaged has its own finding.
        if !checker.details.images.contains_key(&image) {
            let message = format!("{name} was made from image {image}, which is gone");
            checker.keep(Finding::new(Code::ContainerImageMissing, thing, message));
        }
    }
}
