//! Damage to what names images and layers.

use std::fs;

use super::case::{Case, Repair, Says, Start};
use super::root::{Root, cut, hex, read, remove, replace, write};

pub(super) const CASES: &[Case] = &[
    Case {
        damage: "`repositories.json` missing",
        inflict: |root| remove(root.at("image/overlay2/repositories.json")),
        check: "check",
        codes: &["references-missing"],
        start: Start::Works,
        then: &[("images -q app", Says::Nothing), ("images -q", Says::Works)],
        reaction: "starts, and makes it anew, empty: all images are `<none>`",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`repositories.json` empty",
        inflict: |root| write(root.at("image/overlay2/repositories.json"), ""),
        check: "check",
        codes: &["references-unusable"],
        start: Start::Fails("reference store"),
        then: &[],
        reaction: "does not start: \"Couldn't create reference store repository: EOF\"",
        repair: Repair::Leaves,
    },
    Case {
        damage: "a name of an image that is not there",
        inflict: |root| {
            let image = root.inventory.references["app:1"].to_string();
            let name = format!("\"app:1\":\"{image}\"");
            let ghost = format!("{name},\"app:ghost\":\"sha256:{}\"", "0".repeat(64));
            replace(root.at("image/overlay2/repositories.json"), &name, &ghost);
        },
        check: "check",
        codes: &["reference-to-nothing"],
        start: Start::Works,
        then: &[
            ("images -q app:ghost", Says::Nothing),
            ("run app:ghost", Says::Fails("Unable to find image")),
            ("rmi app:ghost", Says::Fails("No such image")),
        ],
        reaction: "starts; the name is not listed and cannot be used, and `docker rmi` does not know it: \"No such image\"",
        repair: Repair::Mends,
    },
    Case {
        damage: "an image's config missing",
        inflict: |root| remove(root.config("app:1")),
        check: "check",
        codes: &["image-config-missing"],
        start: Start::Works,
        then: &[
            ("images -q app", Says::Nothing),
            ("run --rm app:1", Says::Fails("Unable to find image")),
            ("start -a web", Says::Prints("served")),
        ],
        reaction: "starts; the image is not listed, its container runs",
        repair: Repair::Leaves,
    },
    Case {
        damage: "an image's config changed in one byte",
        inflict: |root| replace(root.config("app:1"), "linux", "Linux"),
        check: "check",
        codes: &["image-config-mismatch"],
        start: Start::Says("invalid image"),
        then: &[("images -q app", Says::Nothing), ("start -a web", Says::Prints("served"))],
        reaction: "starts, \"invalid image … failed to verify\"; the image is not listed, its container runs",
        repair: Repair::Leaves,
    },
    Case {
        damage: "an image's config cut off",
        inflict: |root| cut(root.config("app:1")),
        check: "check",
        codes: &["image-config-mismatch"],
        start: Start::Says("invalid image"),
        then: &[("images -q app", Says::Nothing)],
        reaction: "starts, \"invalid image … failed to verify\"; the image is not listed",
        repair: Repair::Leaves,
    },
    Case {
        damage: "an image's config without layers, under the right name",
        inflict: |root| add_image(root, "{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{}}"),
        check: "check",
        codes: &["image-config-invalid"],
        start: Start::Says("invalid image"),
        then: &[("images -q app", Says::Works)],
        reaction: "starts, \"invalid image JSON, no RootFS key\"; nothing else changes",
        repair: Repair::Leaves,
    },
    Case {
        damage: "an image of another operating system",
        inflict: |root| add_image(root, &read(&root.config("app:1")).replacen("\"os\":\"linux\"", "\"os\":\"windows\"", 1)),
        check: "check",
        codes: &["image-of-other-system"],
        start: Start::Says("unsupported operating system"),
        then: &[("images -q app", Says::Works)],
        reaction: "starts, \"not restoring image with unsupported operating system\"; nothing else changes",
        repair: Repair::Leaves,
    },
    Case {
        damage: "the record of an image's layer missing",
        inflict: |root| remove(root.record("app:1", 1)),
        check: "check",
        codes: &["missing-layer"],
        start: Start::Says("not restoring image"),
        then: &[("images -q app", Says::Nothing), ("images -q built", Says::Works), ("ps -aq", Says::Nothing)],
        reaction: "starts, \"layer does not exist, not restoring image\", \"failed to load container mount\"; the image and its container are not listed",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`diff` of a layer's record missing",
        inflict: |root| remove(root.record("app:1", 1).join("diff")),
        check: "check",
        codes: &["unloadable-layer"],
        start: Start::Says("not restoring image"),
        then: &[("images -q app", Says::Nothing), ("ps -aq", Says::Nothing)],
        reaction: "starts, \"layer does not exist, not restoring image\"; the image and its container are not listed",
        repair: Repair::Mends,
    },
    Case {
        damage: "`size` of a layer's record empty",
        inflict: |root| write(root.record("app:1", 2).join("size"), ""),
        check: "check",
        codes: &["unloadable-layer"],
        start: Start::Says("not restoring image"),
        then: &[("images -q app", Says::Nothing), ("ps -aq", Says::Nothing)],
        reaction: "starts, \"layer does not exist, not restoring image\"; the image and its container are not listed",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`cache-id` of the base's record missing",
        inflict: |root| remove(root.record("app:1", 0).join("cache-id")),
        check: "check",
        codes: &["unloadable-layer"],
        start: Start::Says("not restoring image"),
        then: &[("images -q", Says::Nothing), ("ps -aq", Says::Nothing)],
        reaction: "starts, \"layer does not exist, not restoring image\"; no image on that base is listed, and no container",
        repair: Repair::Leaves,
    },
    Case {
        damage: "`parent` of a layer's record missing",
        inflict: |root| remove(root.record("app:1", 1).join("parent")),
        check: "check",
        codes: &["mismatched-chain"],
        start: Start::Works,
        then: &[("run --rm --network none app:1 cat /app", Says::Prints("served"))],
        reaction: "starts; the image runs",
        repair: Repair::Mends,
    },
    Case {
        damage: "`diff` of a layer's record another DiffID",
        inflict: |root| write(root.record("app:1", 1).join("diff"), format!("sha256:{}", "1".repeat(64))),
        check: "check",
        codes: &["mismatched-chain"],
        start: Start::Works,
        then: &[
            ("run --rm --network none app:1 cat /app", Says::Prints("served")),
            ("save app:1", Says::Fails("could not verify layer data")),
        ],
        reaction: "starts; the image runs, `docker save` fails: \"could not verify layer data\"",
        repair: Repair::Mends,
    },
    Case {
        damage: "`cache-id` of a layer's record that of another",
        inflict: |root| write(root.record("app:1", 2).join("cache-id"), read(&root.record("app:1", 1).join("cache-id"))),
        check: "check",
        codes: &["shared-directory"],
        start: Start::Works,
        then: &[
            ("run --rm --network none app:1 cat /more", Says::Fails("No such file")),
            ("rm web", Says::Works),
            ("rmi app:1", Says::Works),
        ],
        reaction: "starts; the image runs without the files of its last layer; `docker rmi` succeeds",
        repair: Repair::Leaves,
    },
];

/// Adds an image with this config, under the name that it must have.
fn add_image(root: &Root, config: &str) {
    let directory = root.at("image/overlay2/imagedb/content/sha256");
    fs::write(directory.join(hex(config.as_bytes())), config).unwrap();
}
