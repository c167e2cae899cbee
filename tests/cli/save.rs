//! Archives of the images of a data-root, as several hands write them, made from its layers' directories and `tar-split.json.gz`.

use flate2::write::GzEncoder;
use layerwise::store::tar_split::{Entry, Reader};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who wrote an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hand {
    /// `docker save` until 24.
    Former,
    /// `docker save` since 25.
    Present,
    /// Something that writes OCI layouts.
    Oci,
}

/// How layers are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pack {
    Plain,
    Gzip,
    Zstd,
}

/// An image of a data-root.
pub(crate) struct Image {
    config: Vec<u8>,
    names: Vec<String>,
    layers: Vec<Vec<u8>>,
}

/// The images of a data-root of which all layers are there; those that `wanted` says.
pub(crate) fn images(root: &Path, wanted: impl Fn(&[String]) -> bool) -> Vec<Image> {
    let store = root.join("image/overlay2");
    let repositories: Value = serde_json::from_slice(&fs::read(store.join("repositories.json")).unwrap()).unwrap();
    let mut found = Vec::new();
    for entry in fs::read_dir(store.join("imagedb/content/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let config = fs::read(&path).unwrap();
        let Ok(parsed) = serde_json::from_slice::<Value>(&config) else { continue };
        let id = format!("sha256:{}", path.file_name().unwrap().to_str().unwrap());
        let known = repositories["Repositories"].as_object().unwrap().values().flat_map(|names| names.as_object().unwrap());
        let names = known.filter(|(name, image)| **image == id && !name.contains('@')).map(|(name, _)| name.clone());
        let names: Vec<String> = names.collect();
        let diffs = parsed["rootfs"]["diff_ids"].as_array().unwrap().iter().map(|diff| diff.as_str().unwrap().to_owned());
        let layers: Option<Vec<_>> =
            if wanted(&names) { chain(diffs).map(|(chain, diff)| layer(root, &chain, &diff)).collect() } else { None };
        found.extend(layers.map(|layers| Image { config, names, layers }));
    }
    found
}

fn chain(diffs: impl Iterator<Item = String>) -> impl Iterator<Item = (String, String)> {
    diffs.scan(None::<String>, |below, diff| {
        let chain = below.as_ref().map_or_else(|| diff.clone(), |below| digest(format!("{below} {diff}").as_bytes()));
        *below = Some(chain.clone());
        Some((chain, diff))
    })
}

fn digest(bytes: &[u8]) -> String {
    layerwise::id::Digest::of(bytes).to_string()
}

fn digits(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap()
}

/// The tar of a layer, put together again; nothing if it is not there.
fn layer(root: &Path, chain: &str, diff: &str) -> Option<Vec<u8>> {
    let record = root.join("image/overlay2/layerdb/sha256").join(digits(chain));
    let dir = root.join("overlay2").join(fs::read_to_string(record.join("cache-id")).ok()?).join("diff");
    let mut reader = Reader::new(fs::File::open(record.join("tar-split.json.gz")).ok()?);
    let mut tar = Vec::new();
    while let Some(entry) = reader.read().unwrap() {
        match entry {
            Entry::Segment(bytes) => tar.extend(bytes),
            Entry::File(member) if member.size > 0 => {
                tar.extend(fs::read(dir.join(std::ffi::OsStr::from_bytes(&member.name))).unwrap());
            }
            Entry::File(_) => {}
        }
    }
    assert_eq!(digest(&tar), diff, "the layer is whole");
    Some(tar)
}

pub(crate) fn packed(bytes: &[u8], pack: Pack) -> Vec<u8> {
    match pack {
        Pack::Plain => bytes.to_vec(),
        Pack::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Pack::Zstd => ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest),
    }
}

/// Writes `images` below `directory` as a layout.
pub(crate) fn write(images: &[Image], directory: &Path, hand: Hand, pack: Pack) {
    let put = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    let blob = |bytes: &[u8]| {
        let digest = digest(bytes);
        put(&format!("blobs/sha256/{}", digits(&digest)), bytes);
        json!({ "digest": digest, "size": bytes.len() })
    };
    let member = |descriptor: &Value| format!("blobs/sha256/{}", digits(descriptor["digest"].as_str().unwrap()));
    let (mut docker, mut oci) = (Vec::new(), Vec::new());
    for image in images {
        if hand == Hand::Former {
            let id = digest(&image.config);
            put(&format!("{}.json", digits(&id)), &image.config);
            let names = image.layers.iter().map(|tar| {
                let name = format!("{}/layer.tar", digits(&digest(&[tar.as_slice(), b"an id"].concat())));
                put(&name, &packed(tar, pack));
                name
            });
            let layers: Vec<_> = names.collect();
            docker.push(json!({ "Config": format!("{}.json", digits(&id)), "RepoTags": image.names, "Layers": layers }));
            continue;
        }
        let config = blob(&image.config);
        let layers: Vec<_> = image.layers.iter().map(|tar| blob(&packed(tar, pack))).collect();
        let manifest = blob(json!({ "schemaVersion": 2, "config": config, "layers": layers }).to_string().as_bytes());
        docker.push(json!({ "Config": member(&config), "RepoTags": image.names, "Layers": layers.iter().map(member).collect::<Vec<_>>() }));
        for name in image.names.iter().map(Some).chain(image.names.is_empty().then_some(None)) {
            let mut entry = manifest.clone();
            if let Some(name) = name {
                let library = if name.contains('/') { "" } else { "library/" };
                entry["annotations"] = json!({ "io.containerd.image.name": format!("docker.io/{library}{name}") });
            }
            oci.push(entry);
        }
    }
    if hand != Hand::Oci {
        put("manifest.json", json!(docker).to_string().as_bytes());
    }
    if hand != Hand::Former {
        put("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
        put("index.json", json!({ "schemaVersion": 2, "manifests": oci }).to_string().as_bytes());
    }
}

/// Writes what is in `directory` as one tar beside it.
pub(crate) fn tarred(directory: &Path) -> PathBuf {
    let path = directory.with_extension("tar");
    assert!(Command::new("tar").arg("-cf").arg(&path).arg("-C").arg(directory).arg(".").status().unwrap().success());
    path
}
