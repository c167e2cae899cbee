use super::*;

/// The owner of the file at `path` below a data-root.
fn owner(path: &str) -> (Area, String) {
    let place = Place::of_path(Path::new(path), false);
    (place.owner().area, String::from_utf8(place.owner().name.to_vec()).unwrap())
}

#[test]
fn every_path_has_its_owner() {
    for (path, area, name) in [
        ("overlay2/abc/diff/etc/passwd", Area::LayerDiff, "abc"),
        ("overlay2/abc/link", Area::LayerDir, "abc"),
        (".layerwise/run/1/diff/x", Area::Trash, ".layerwise"),
        ("overlay2/.layerwise/run/1", Area::Trash, "overlay2/.layerwise"),
        ("image/.layerwise/run/1", Area::Trash, "image/.layerwise"),
        ("overlay2/abc/work/diff/x", Area::LayerDir, "abc"),
        ("overlay2/abc/diff/diff/.tmp-x", Area::LayerDiff, "abc"),
        ("overlay2/abc/.tmp-link1", Area::Temporary, "overlay2/abc/.tmp-link1"),
        ("overlay2/l/XYZ", Area::Link, "XYZ"),
        ("overlay2/backingFsBlockDev", Area::DriverFile, "backingFsBlockDev"),
        ("image/overlay2/layerdb/sha256/c/size", Area::LayerRecord, "c"),
        ("image/overlay2/layerdb/mounts/m/init-id", Area::MountRecord, "m"),
        ("image/overlay2/layerdb/tmp/write-set-1/diff", Area::WriteSet, "write-set-1"),
        ("image/overlay2/imagedb/content/sha256/i", Area::ImageConfig, "i"),
        ("image/overlay2/imagedb/metadata/sha256/i/parent", Area::ImageMetadata, "i"),
        ("image/overlay2/imagedb/metadata/sha256/i/.tmp-parent7", Area::Temporary, "image/overlay2/imagedb/metadata/sha256/i/.tmp-parent7"),
        ("image/overlay2/repositories.json", Area::Image, ""),
        ("image/overlay2/.tmp-repositories.json7", Area::Temporary, "image/overlay2/.tmp-repositories.json7"),
        ("image/vfs/layerdb/sha256/c/size", Area::InactiveDriver, "vfs"),
        ("vfs/dir/x", Area::InactiveDriver, "vfs"),
        ("100000.100000/overlay2/abc/diff", Area::SubRoot, "100000.100000"),
        ("containers/c/config.v2.json", Area::Container, "c"),
        ("containers/c/c-json.log.1.gz", Area::ContainerLog, "c"),
        ("containers/c/local-logs/container.log", Area::ContainerLog, "c"),
        ("containers/c/d-json.log", Area::Container, "c"),
        ("volumes/v/_data/x", Area::Volume, "v"),
        ("volumes/metadata.db", Area::Volumes, ""),
        ("buildkit/cache.db", Area::BuildKit, ""),
        ("network/files/local-kv.db", Area::Metadata, "network"),
        ("containerd/daemon/io.containerd.metadata.v1.bolt/meta.db", Area::Containerd, ""),
        ("trust/x", Area::Retired, "trust"),
        ("lost+found/x", Area::Unknown, "lost+found"),
    ] {
        assert_eq!(owner(path), (area, name.to_owned()), "{path}");
        // A driver that is no longer used has two places, of which the path is that of its layers.
        let lies = Owner::new(area, name.as_bytes()).path();
        let below = path.strip_prefix("image/").filter(|_| area == Area::InactiveDriver).unwrap_or(path);
        assert!(Path::new(below).starts_with(&lies), "{path} does not lie below {}", lies.display());
    }
}

#[test]
fn a_userns_root_is_two_numbers() {
    assert!(is_userns_root(b"100000.100000"));
    for name in [&b"1.2.3"[..], b"1.", b".1", b"1", b"a.b", b"", b"."] {
        assert!(!is_userns_root(name), "{}", String::from_utf8_lossy(name));
    }
}
