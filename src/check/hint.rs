//! What a person can do about a finding: exact commands, with the paths and names of this data-root.

use super::finding::Mend;
use crate::graph::Thing;
use crate::id::LinkId;
use crate::inventory::Inventory;
use std::path::Path;

/// How many containers and images a command names.
const NAMED: usize = 8;

/// What `mend` is as a command; `proven` says where it lies.
pub(super) fn of_mend(mend: &Mend, root: &Path) -> String {
    let at = |path: String| quoted(&root.join(path).to_string_lossy());
    let write = |text: String, path: String| format!("printf %s {text} > {}", at(path));
    let command = match mend {
        Mend::Link(link, dir) => format!("ln -sfn ../{dir}/diff {}", at(format!("overlay2/l/{link}"))),
        Mend::LinkFile(dir, link) => write(link.to_string(), format!("overlay2/{dir}/link")),
        Mend::Lower(dir, lower) if lower.is_empty() => format!("rm {}", at(format!("overlay2/{dir}/lower"))),
        Mend::Lower(dir, lower) => write(lower_text(lower), format!("overlay2/{dir}/lower")),
        Mend::Work(dir) => format!("mkdir -m 700 {}", at(format!("overlay2/{dir}/work"))),
        Mend::Committed(dir) => format!("touch {}", at(format!("overlay2/{dir}/committed"))),
        Mend::NotCommitted(dir) => format!("rm {}", at(format!("overlay2/{dir}/committed"))),
        Mend::LayerDiff(chain, diff) => write(diff.to_string(), layer_file(chain.hex(), "diff")),
        Mend::LayerParent(chain, parent) => write(parent.to_string(), layer_file(chain.hex(), "parent")),
        Mend::NoLayerParent(chain) => format!("rm {}", at(layer_file(chain.hex(), "parent"))),
        Mend::MountId(name, dir) => write(dir.to_string(), mount_file(name, "mount-id")),
        Mend::InitId(name, dir) => write(dir.to_string(), mount_file(name, "init-id")),
        Mend::MountParent(name, chain) => write(chain.to_string(), mount_file(name, "parent")),
        Mend::NoReference(name) => return format!("with dockerd stopped: layerwise repair, which takes {} away", quoted(name)),
        Mend::NoImageParent(image) => {
            format!("rm {}", at(format!("image/overlay2/imagedb/metadata/sha256/{}/parent", image.hex())))
        }
    };
    format!("with dockerd stopped: {command}")
}

fn layer_file(chain: impl std::fmt::Display, file: &str) -> String {
    format!("image/overlay2/layerdb/sha256/{chain}/{file}")
}

fn mount_file(name: impl std::fmt::Display, file: &str) -> String {
    format!("image/overlay2/layerdb/mounts/{name}/{file}")
}

/// What a `lower` says that names these.
fn lower_text(lower: &[LinkId]) -> String {
    lower.iter().map(|link| format!("l/{link}")).collect::<Vec<_>>().join(":")
}

/// How to come by the images among `affects` again: without their containers first, if `listed` says that dockerd still knows them.
pub(super) fn pull_again(affects: &[Thing], inventory: &Inventory, listed: Listed) -> Option<String> {
    let containers: Vec<String> = affects.iter().filter_map(|thing| container_name(thing, inventory)).collect();
    let images: Vec<String> = affects.iter().filter_map(|thing| image_name(thing, inventory)).collect();
    let mut steps = Vec::new();
    if listed == Listed::Yes {
        steps.extend(some("docker rm -f", &containers));
        steps.extend(some("docker rmi", &images));
    }
    let pulled: Vec<_> = affects.iter().filter_map(|thing| pulled_name(thing, inventory)).collect();
    steps.extend(pulled.iter().take(NAMED).map(|name| format!("docker pull {name}")));
    if images.len() > pulled.len() {
        steps.push("build anew what was built here".to_owned());
    }
    if images.is_empty() && containers.is_empty() && affects.iter().any(|thing| matches!(thing, Thing::Record(_))) {
        return Some("docker builder prune".to_owned());
    }
    (!steps.is_empty()).then(|| steps.join("; "))
}

/// Whether dockerd lists what is affected, so that it must be removed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// It does.
    Yes,
    /// It left it out when it started.
    No,
}

/// A command with the names of at most so many things.
fn some(command: &str, names: &[String]) -> Option<String> {
    let more = if names.len() > NAMED { " …" } else { "" };
    (!names.is_empty()).then(|| format!("{command} {}{more}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(" ")))
}

pub(super) fn container_name(thing: &Thing, inventory: &Inventory) -> Option<String> {
    let Thing::Container(id) = thing else { return None };
    Some(quoted(&inventory.containers.get(id)?.name()))
}

pub(super) fn image_name(thing: &Thing, inventory: &Inventory) -> Option<String> {
    let Thing::Image(id) = thing else { return None };
    let short = || id.hex().to_string().chars().take(12).collect();
    Some(quoted(&inventory.names_of(*id).find(|name| !name.contains('@')).map_or_else(short, str::to_owned)))
}

/// The name of an image that was pulled: one that has a digest of a registry.
pub(super) fn pulled_name(thing: &Thing, inventory: &Inventory) -> Option<String> {
    let Thing::Image(id) = thing else { return None };
    let by_digest = inventory.names_of(*id).find(|name| name.contains('@'))?;
    Some(quoted(inventory.names_of(*id).find(|name| !name.contains('@')).unwrap_or(by_digest)))
}

/// A word as a shell must be given it.
pub(super) fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._:@%+,-".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_a_shell_would_obey_are_quoted() {
        for (word, expected) in
            [("/var/lib/docker", "/var/lib/docker"), ("a b", "'a b'"), ("$(x)", "'$(x)'"), ("it's", r"'it'\''s'"), ("", "''")]
        {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn a_mend_is_a_command() {
        let dir = "0123456789abcdef".repeat(4).parse().unwrap();
        let link = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".parse().unwrap();
        let root = Path::new("/d");
        assert_eq!(
            of_mend(&Mend::Link(link, dir), root),
            format!("with dockerd stopped: ln -sfn ../{dir}/diff /d/overlay2/l/ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        );
        assert!(of_mend(&Mend::Lower(dir, vec![link, link]), root).contains("printf %s l/ABCDEFGHIJKLMNOPQRSTUVWXYZ:l/ABC"));
    }
}
