//! Damage to records: references, images, layers, read-write layers.

use super::{Case, case};
use layerwise::demo::{Harm, ImageSpec, Target};
use layerwise::id::{DiffId, ImageId};
use std::fs;

pub(super) const CASES: &[Case] = &[
    case("no references", |world| world.remove(&Target::Repositories), &["error references-missing image/overlay2/repositories.json"]),
    case(
        "empty references",
        |world| world.damage(&Target::Repositories, &Harm::Emptied),
        &["error references-unusable image/overlay2/repositories.json"],
    ),
    case(
        "cut references",
        |world| world.damage(&Target::Repositories, &Harm::Cut),
        &["error references-unusable image/overlay2/repositories.json"],
    ),
    case(
        "a reference to nothing",
        |world| world.root.tag("gone:1", ImageId::of(b"gone")).unwrap(),
        &["warning reference-to-nothing image/overlay2/repositories.json"],
    ),
    case(
        "a reference to what is no image",
        |world| {
            let path = world.at(Target::Repositories.path());
            let text = fs::read_to_string(&path).unwrap();
            let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
            value["Repositories"]["odd"]["odd:1"] = "none".into();
            fs::write(path, value.to_string()).unwrap();
        },
        &["warning reference-to-nothing image/overlay2/repositories.json"],
    ),
    case(
        "an image without config",
        |world| world.remove(&Target::ImageConfig(world.app.id)),
        &["error image-config-missing image/overlay2/imagedb/content/sha256/<app>"],
    ),
    case(
        "an image with another config",
        |world| world.damage(&Target::ImageConfig(world.app.id), &Harm::Cut),
        &["error image-config-mismatch image/overlay2/imagedb/content/sha256/<app>"],
    ),
    case(
        "an image with an empty config",
        |world| world.damage(&Target::ImageConfig(world.app.id), &Harm::Emptied),
        &["error image-config-mismatch image/overlay2/imagedb/content/sha256/<app>"],
    ),
    case(
        "an image that makes no sense and has a name",
        |world| {
            let id = world.root.image_config(r#"{"rootfs":null}"#).unwrap();
            world.root.tag("odd:1", id).unwrap();
        },
        &["error image-config-invalid image/overlay2/imagedb/content/sha256/*"],
    ),
    case(
        "an image that makes no sense and has none",
        |world| {
            world.root.image_config("no JSON").unwrap();
        },
        &["warning image-config-invalid image/overlay2/imagedb/content/sha256/*"],
    ),
    case(
        "an image of another system",
        |world| drop(world.root.image(&ImageSpec::new(&world.base).tag("win:1").os("windows")).unwrap()),
        &["notice image-of-other-system image/overlay2/imagedb/content/sha256/*"],
    ),
    case(
        "an image whose parent is gone",
        |world| world.say(&Target::ImageParent(world.app.id), ImageId::of(b"x")),
        &["notice image-parent-missing image/overlay2/imagedb/content/sha256/<app>"],
    ),
    case(
        "a layer without record",
        |world| world.remove(&Target::LayerRecord(world.middle.chain_id)),
        &["error missing-layer image/overlay2/layerdb/sha256/<middle>"],
    ),
    case(
        "an image of layers that are nowhere",
        |world| drop(world.root.image(&ImageSpec::with_diff_ids(vec![DiffId::of(b"x")]).tag("x:1")).unwrap()),
        &["error missing-layer image/overlay2/layerdb/sha256/*"],
    ),
    case(
        "a layer without diff",
        |world| world.remove(&Target::LayerFile(world.middle.chain_id, "diff")),
        &["error unloadable-layer image/overlay2/layerdb/sha256/<middle>"],
    ),
    case(
        "a layer with an empty size",
        |world| world.damage(&Target::LayerFile(world.middle.chain_id, "size"), &Harm::Emptied),
        &["error unloadable-layer image/overlay2/layerdb/sha256/<middle>"],
    ),
    case(
        "a layer without cache-id",
        |world| world.remove(&Target::LayerFile(world.top.chain_id, "cache-id")),
        &["error unloadable-layer image/overlay2/layerdb/sha256/<top>"],
    ),
    case(
        "a layer with a broken parent",
        |world| world.damage(&Target::LayerFile(world.top.chain_id, "parent"), &Harm::Cut),
        &["error unloadable-layer image/overlay2/layerdb/sha256/<top>"],
    ),
    case(
        "a layer with a broken descriptor",
        |world| world.say(&Target::LayerFile(world.top.chain_id, "descriptor.json"), "{"),
        &["error unloadable-layer image/overlay2/layerdb/sha256/<top>"],
    ),
    case(
        "a layer whose record is empty",
        |world| world.damage(&Target::LayerRecord(world.middle.chain_id), &Harm::Emptied),
        &["error unloadable-layer image/overlay2/layerdb/sha256/<middle>"],
    ),
    case(
        "a layer that lost its parent",
        |world| world.remove(&Target::LayerFile(world.top.chain_id, "parent")),
        &["error mismatched-chain image/overlay2/layerdb/sha256/<top>"],
    ),
    case(
        "a layer with the content of another",
        |world| world.say(&Target::LayerFile(world.top.chain_id, "diff"), world.base.diff_id),
        &["error mismatched-chain image/overlay2/layerdb/sha256/<top>"],
    ),
    case(
        "layers on each other",
        |world| world.say(&Target::LayerFile(world.base.chain_id, "parent"), world.top.chain_id),
        &["error cyclic-layers image/overlay2/layerdb/sha256/<base>"],
    ),
    case(
        "a layer in the directory of another",
        |world| world.say(&Target::LayerFile(world.site.chain_id, "cache-id"), world.top.dir.id),
        &["error shared-directory overlay2/<top dir>"],
    ),
    case(
        "a layer without tar-split",
        |world| world.remove(&Target::LayerFile(world.top.chain_id, "tar-split.json.gz")),
        &["warning missing-tar-split image/overlay2/layerdb/sha256/<top>/tar-split.json.gz"],
    ),
    case(
        "a layer with a garbled tar-split",
        |world| world.damage(&Target::LayerFile(world.top.chain_id, "tar-split.json.gz"), &Harm::Garbled),
        &["warning missing-tar-split image/overlay2/layerdb/sha256/<top>/tar-split.json.gz"],
    ),
    case(
        "a layer with a truncated file",
        |world| world.write(world.top.dir.path().join("diff/srv/app"), "x"),
        &["warning size-mismatch image/overlay2/layerdb/sha256/<top>/size"],
    ),
    case(
        "a mount without mount-id",
        |world| world.remove(&Target::MountFile(world.web.id.to_string(), "mount-id")),
        &["error unloadable-mount image/overlay2/layerdb/mounts/<web>"],
    ),
    case(
        "a mount with an empty init-id",
        |world| world.damage(&Target::MountFile(world.web.id.to_string(), "init-id"), &Harm::Emptied),
        &["error unloadable-mount image/overlay2/layerdb/mounts/<web>"],
    ),
    case(
        "a mount with a garbled parent",
        |world| world.damage(&Target::MountFile(world.web.id.to_string(), "parent"), &Harm::Garbled),
        &["error unloadable-mount image/overlay2/layerdb/mounts/<web>"],
    ),
    case(
        "a mount with a build's directory",
        |world| {
            let step = world.step.dir.id;
            world.say(&Target::MountFile(world.web.id.to_string(), "mount-id"), step);
        },
        &["error unloadable-mount image/overlay2/layerdb/mounts/<web>"],
    ),
    case(
        "a mount with another mount-id",
        |world| {
            let top = world.top.dir.id;
            world.say(&Target::MountFile(world.web.id.to_string(), "mount-id"), top);
        },
        &["error mismatched-mount image/overlay2/layerdb/mounts/<web>"],
    ),
    case(
        "a mount with a mount-id of nothing",
        |world| world.say(&Target::MountFile(world.web.id.to_string(), "mount-id"), "a".repeat(64)),
        &["error mismatched-mount image/overlay2/layerdb/mounts/<web>"],
    ),
    case(
        "a mount that lost its parent",
        |world| world.remove(&Target::MountFile(world.web.id.to_string(), "parent")),
        &["error mount-without-parent image/overlay2/layerdb/mounts/<web>/parent"],
    ),
    case(
        "a mount that lost its init layer",
        |world| world.remove(&Target::MountFile(world.web.id.to_string(), "init-id")),
        &["warning mount-without-init image/overlay2/layerdb/mounts/<web>/init-id"],
    ),
    case(
        "a container without mount",
        |world| fs::remove_dir_all(world.at(world.web.mount_record())).unwrap(),
        &["error missing-mount image/overlay2/layerdb/mounts/<web>", "notice withheld-garbage image/overlay2/layerdb/mounts/<web>"],
    ),
    case(
        "an image mount without record",
        |world| fs::remove_dir_all(world.at("image/overlay2/layerdb/mounts").join(&world.web.image_mounts[0].0)).unwrap(),
        &[
            "warning missing-mount image/overlay2/layerdb/mounts/<tool mount>",
            "notice withheld-garbage image/overlay2/layerdb/mounts/<tool mount>",
        ],
    ),
];
