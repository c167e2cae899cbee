//! Damage to containers, volumes and databases, and what makes no sense.

use super::{Case, case};
use layerwise::demo::{Harm, Target};
use std::fs;

pub(super) const CASES: &[Case] = &[
    case(
        "a container without config",
        |world| world.remove(&Target::ContainerFile(world.web.id, "config.v2.json")),
        &["error container-config-missing containers/<web>/config.v2.json", "notice withheld-garbage containers/<web>/config.v2.json"],
    ),
    case(
        "a container that was being created",
        |world| drop(world.root.container_without_config("x").unwrap()),
        &["warning container-config-missing containers/*/config.v2.json"],
    ),
    case(
        "a container with half a config",
        |world| world.damage(&Target::ContainerFile(world.web.id, "config.v2.json"), &Harm::Cut),
        &["error container-config-unusable containers/<web>/config.v2.json", "notice withheld-garbage containers/<web>/config.v2.json"],
    ),
    case(
        "a container with the config of another",
        |world| {
            let path = world.at(Target::ContainerFile(world.web.id, "config.v2.json").path());
            let text = fs::read_to_string(&path).unwrap();
            fs::write(&path, text.replace(&world.web.id.to_string(), &"0".repeat(64))).unwrap();
        },
        &["error container-config-unusable containers/<web>/config.v2.json"],
    ),
    case(
        "a container with half a hostconfig",
        |world| world.damage(&Target::ContainerFile(world.web.id, "hostconfig.json"), &Harm::Cut),
        &["error hostconfig-unusable containers/<web>/hostconfig.json"],
    ),
    case(
        "a container without hostconfig",
        |world| world.remove(&Target::ContainerFile(world.web.id, "hostconfig.json")),
        &["notice hostconfig-missing containers/<web>/hostconfig.json"],
    ),
    case(
        "a container without image",
        |world| {
            // As `docker rmi --force` does it.
            world.remove(&Target::ImageConfig(world.app.id));
            fs::remove_dir_all(world.at(Target::ImageParent(world.app.id).path()).parent().unwrap()).unwrap();
            let path = world.at(Target::Repositories.path());
            let text = fs::read_to_string(&path).unwrap();
            let mut value: serde_json::Value = serde_json::from_str(&text).unwrap();
            value["Repositories"].as_object_mut().unwrap().remove("app");
            fs::write(path, value.to_string()).unwrap();
        },
        &["notice container-image-missing containers/<web>"],
    ),
    case(
        "a dead container",
        |world| {
            let spec = layerwise::demo::ContainerSpec::new("stuck", &world.app).dead();
            let dead = world.root.container(&spec).unwrap();
            world.remove(&Target::Directory(dead.rw.id));
            world.remove(&Target::Link(dead.rw.link));
        },
        &["notice dead-container containers/*"],
    ),
    case(
        "a container of another driver",
        |world| {
            let spec = layerwise::demo::ContainerSpec::new("old", &world.app).driver("vfs");
            world.root.container(&spec).unwrap();
        },
        &["notice container-of-other-driver containers/*"],
    ),
    case(
        "no containers",
        |world| {
            fs::remove_dir_all(world.at("containers")).unwrap();
            fs::create_dir(world.at("containers")).unwrap();
        },
        &["warning containers-missing containers", "notice withheld-garbage containers"],
    ),
    case(
        "a broken database of volumes",
        |world| world.damage(&Target::Database("volumes/metadata.db"), &Harm::Garbled),
        &["error database-damaged volumes/metadata.db"],
    ),
    case(
        "half a database of build snapshots",
        |world| world.damage(&Target::Database("buildkit/snapshots.db"), &Harm::Cut),
        &["error database-damaged buildkit/snapshots.db", "notice withheld-garbage buildkit/snapshots.db"],
    ),
    case(
        "a broken solver cache",
        |world| world.damage(&Target::Database("buildkit/cache.db"), &Harm::Garbled),
        &["error database-damaged buildkit/cache.db"],
    ),
    case(
        "an empty database of networks",
        |world| world.damage(&Target::Database("network/files/local-kv.db"), &Harm::Emptied),
        &["warning database-missing network/files/local-kv.db"],
    ),
    case(
        "no database of volumes",
        |world| world.remove(&Target::Database("volumes/metadata.db")),
        &["warning database-missing volumes/metadata.db"],
    ),
    case(
        "no database of leases",
        |world| world.remove(&Target::Database("buildkit/containerdmeta.db")),
        &["warning database-missing buildkit/containerdmeta.db"],
    ),
    case(
        "an entry that makes no sense",
        |world| world.root.snapshot_value("odd", "size", "x").unwrap(),
        &["notice database-entry buildkit/snapshots.db"],
    ),
    case(
        "a database that was set aside",
        |world| drop(world.root.set_aside_database().unwrap()),
        &["notice stale-database buildkit/cache.db.*"],
    ),
    case(
        "options of a volume that make no sense",
        |world| world.damage(&Target::VolumeOptions("data".to_owned()), &Harm::Emptied),
        &["error volume-options-unusable volumes/data/opts.json"],
    ),
    case("a foreign name among links", |world| world.write("overlay2/l/x", ""), &["notice unreadable overlay2/l/x"]),
    case(
        "a foreign name among layers",
        |world| world.write("image/overlay2/layerdb/sha256/x", ""),
        &["warning unreadable image/overlay2/layerdb/sha256/x"],
    ),
];
