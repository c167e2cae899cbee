//! Which images an archive has.
//!
//! ```text
//! manifest.json                     docker save: [{"Config":"<member>","RepoTags":["app:1"],"Layers":["<member>", …]}, …]
//! index.json                        OCI: {"manifests":[{"digest":"sha256:…","annotations":{…}}, …]}
//! └── blobs/sha256/<digest>         a manifest {"config":{"digest":…},"layers":[{"digest":…}, …]}, or an index again
//! ```
//! Where both are there, as `docker save` has written since 25.0, the first says all.

use super::source::Source;
use crate::dir::{Cause, Operation, ReadError};
use crate::id::Digest;
use crate::store::parse_json;
use crate::store::repositories::familiar;
use crate::unreadable::{Pins, Unreadable, keep};
use serde::Deserialize;
use std::collections::BTreeMap;

/// What `docker save` says of its images.
const DOCKER: &[u8] = b"manifest.json";

/// What an OCI layout says of its images.
const OCI: &[u8] = b"index.json";

/// The longest document: registries take manifests and configs of 4 MiB.
const JSON: u64 = 8 << 20;

/// How deep indexes may lie in each other, and how many there may be.
const DEEPEST: usize = 4;
const MOST: usize = 10_000;

/// An image as an archive describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) config: Blob,
    /// Base first.
    pub(super) layers: Vec<Blob>,
    pub(super) names: Vec<String>,
}

/// A file of an archive.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Blob {
    pub(super) name: String,
    /// The digest of its content, if that is its name.
    pub(super) digest: Option<Digest>,
}

impl Blob {
    fn of(digest: Digest) -> Self {
        Self { name: format!("blobs/sha256/{}", digest.hex()), digest: Some(digest) }
    }

    /// The file that `manifest.json` names; a config is called `<digest>.json`, and what lies in `blobs/` by its digest.
    fn named(name: String) -> Self {
        let digits = name.strip_prefix("blobs/sha256/").or_else(|| name.strip_suffix(".json"));
        let digest = digits.and_then(|digits| Digest::from_hex(digits.as_bytes()).ok());
        Self { name, digest }
    }
}

/// Finds the images of an archive.
///
/// # Errors
/// When it does not say which it has.
pub(super) fn read(source: &Source, unreadable: &mut Vec<Unreadable>) -> Result<Vec<Described>, ReadError> {
    let failed = |name: &[u8], cause| source.error(name, Operation::Parse, cause);
    if let Some(content) = source.read(DOCKER, JSON)? {
        return parse_docker(&content).map_err(|cause| failed(DOCKER, cause));
    }
    let Some(content) = source.read(OCI, JSON)? else {
        let why = "neither a manifest.json nor an index.json is in it: it is no archive of images";
        return Err(failed(b"", Cause::Malformed(why.to_owned())));
    };
    let entries = parse_index(&content).map_err(|cause| failed(OCI, cause))?;
    let mut walk = Walk { source, found: Vec::new(), left: MOST, unreadable };
    let entries: Vec<_> = entries.into_iter().map(|entry| (entry.name(), entry)).collect();
    walk.descend(&entries, DEEPEST);
    Ok(walk.found)
}

/// Parses the `manifest.json` of `docker save`.
pub(super) fn parse_docker(content: &[u8]) -> Result<Vec<Described>, Cause> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Raw {
        config: String,
        repo_tags: Option<Vec<String>>,
        layers: Option<Vec<String>>,
    }
    let raw: Vec<Raw> = parse_json(content)?;
    let described = |raw: Raw| Described {
        config: Blob::named(raw.config),
        layers: raw.layers.unwrap_or_default().into_iter().map(Blob::named).collect(),
        names: raw.repo_tags.unwrap_or_default(),
    };
    Ok(raw.into_iter().map(described).collect())
}

/// Something that an index lists.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Descriptor {
    digest: String,
    annotations: Option<BTreeMap<String, String>>,
    platform: Option<Platform>,
}

#[derive(Debug, Clone, Deserialize)]
struct Platform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

impl Descriptor {
    fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// What people call it; Docker leaves its own registry out of names.
    fn name(&self) -> Option<String> {
        let name = self.annotation("io.containerd.image.name").or_else(|| self.annotation("org.opencontainers.image.ref.name"))?;
        Some(familiar(name).into_owned())
    }

    /// Whether it says something of an image, such as how it was built, and is none.
    fn is_about_another(&self) -> bool {
        self.annotation("vnd.docker.reference.type").is_some()
    }

    fn platform(&self) -> Option<String> {
        let Platform { os, architecture, variant } = self.platform.as_ref()?;
        Some([os, architecture, variant].into_iter().flatten().map(String::as_str).collect::<Vec<_>>().join("/"))
    }
}

/// What an index lists.
pub(super) fn parse_index(content: &[u8]) -> Result<Vec<Descriptor>, Cause> {
    #[derive(Deserialize)]
    struct Raw {
        manifests: Option<Vec<Descriptor>>,
    }
    let raw: Raw = parse_json(content)?;
    raw.manifests.ok_or_else(|| Cause::Malformed("the index has no manifests".to_owned()))
}

/// A manifest, or an index in its place.
#[derive(Debug, Deserialize)]
struct Manifest {
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

/// The way through an OCI layout.
struct Walk<'w> {
    source: &'w Source,
    found: Vec<Described>,
    left: usize,
    unreadable: &'w mut Vec<Unreadable>,
}

impl Walk<'_> {
    fn descend(&mut self, entries: &[(Option<String>, Descriptor)], deepest: usize) {
        for (name, entry) in entries.iter().filter(|(_, entry)| !entry.is_about_another()) {
            if deepest == 0 || self.left == 0 {
                let why = "there are too many indexes, or too many in each other";
                self.unreadable.push(Unreadable::malformed(self.source.place(OCI), why, Pins::Images));
                return;
            }
            self.left -= 1;
            let read = self.manifest(entry);
            if let Some(manifest) = keep(read, Pins::Images, self.unreadable) {
                self.add(name.as_ref(), entry, manifest, deepest);
            }
        }
    }

    fn add(&mut self, name: Option<&String>, entry: &Descriptor, manifest: Manifest, deepest: usize) {
        if let Some(below) = manifest.manifests {
            // One name stands for several images then; with its platform it is one's own.
            let images = below.iter().filter(|below| !below.is_about_another()).count();
            let own = |below: &Descriptor| match (name, below.platform()) {
                (Some(name), Some(platform)) if images > 1 => Some(format!("{name} {platform}")),
                (name, _) => name.cloned(),
            };
            let below: Vec<_> = below.into_iter().map(|below| (own(&below), below)).collect();
            return self.descend(&below, deepest - 1);
        }
        let parsed = manifest.config.ok_or_else(|| Cause::Malformed("the manifest has no config".to_owned())).and_then(|config| {
            let layers = manifest.layers.unwrap_or_default().iter().map(blob).collect::<Result<_, _>>()?;
            Ok(Described { config: blob(&config)?, layers, names: name.into_iter().cloned().collect() })
        });
        let parsed = parsed.map_err(|cause| self.source.error(entry.digest.as_bytes(), Operation::Parse, cause));
        self.found.extend(keep(parsed, Pins::Images, self.unreadable));
    }

    fn manifest(&self, entry: &Descriptor) -> Result<Manifest, ReadError> {
        let failed = |cause| self.source.error(OCI, Operation::Parse, cause);
        let blob = blob(entry).map_err(failed)?;
        let content = read_blob(self.source, &blob)?;
        parse_json(&content).map_err(|cause| self.source.error(blob.name.as_bytes(), Operation::Parse, cause))
    }
}

fn blob(descriptor: &Descriptor) -> Result<Blob, Cause> {
    descriptor.digest.parse().map(Blob::of).map_err(|error: crate::id::IdError| Cause::Malformed(error.to_string()))
}

/// Reads a document of an archive, which must be what its name says.
pub(super) fn read_blob(source: &Source, blob: &Blob) -> Result<Vec<u8>, ReadError> {
    let failed = |why: String| source.error(blob.name.as_bytes(), Operation::Parse, Cause::Malformed(why));
    let content = source.read(blob.name.as_bytes(), JSON)?.ok_or_else(|| failed("it is not in the archive".to_owned()))?;
    let found = Digest::of(&content);
    match blob.digest {
        Some(expected) if expected != found => {
            Err(failed(format!("its content is {found} and not {expected}, by which it is stored: save or copy the image again")))
        }
        _ => Ok(content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

    #[test]
    fn docker_names_its_files_in_both_layouts() {
        let content = format!(
            r#"[{{"Config":"{HEX}.json","RepoTags":["app:1"],"Layers":["x/layer.tar"]}},
                {{"Config":"blobs/sha256/{HEX}","RepoTags":null,"Layers":["blobs/sha256/{HEX}"],"LayerSources":{{}}}}]"#
        );
        let described = parse_docker(content.as_bytes()).unwrap();
        let digest = Digest::from_hex(HEX.as_bytes()).ok();
        assert_eq!([described[0].config.digest, described[0].layers[0].digest], [digest, None]);
        assert_eq!([described[1].config.digest, described[1].layers[0].digest], [digest, digest]);
        assert_eq!((described[0].names.as_slice(), described[1].names.len()), (&["app:1".to_owned()][..], 0));
        for bad in ["{}", "[{}]", "[1]", "", &"[".repeat(100_000)] {
            assert!(parse_docker(bad.as_bytes()).is_err(), "{bad:.20}");
        }
    }

    #[test]
    fn an_index_says_what_people_call_an_image() {
        let named = |annotations: &str| {
            let content = format!(r#"{{"manifests":[{{"digest":"sha256:{HEX}","annotations":{annotations}}}]}}"#);
            parse_index(content.as_bytes()).unwrap()[0].name()
        };
        let ours = r#"{"io.containerd.image.name":"docker.io/library/app:1","org.opencontainers.image.ref.name":"1"}"#;
        assert_eq!(named(ours).as_deref(), Some("app:1"));
        assert_eq!(named(r#"{"org.opencontainers.image.ref.name":"quay.io/a/b:2"}"#).as_deref(), Some("quay.io/a/b:2"));
        assert_eq!(named("null"), None);
        assert!(parse_index(b"{}").is_err());
    }

    #[test]
    fn indexes_are_followed_to_images_and_no_deeper() {
        let layout = tempfile::tempdir().unwrap();
        let put = |content: String| {
            let digest = Digest::of(content.as_bytes());
            let path = layout.path().join(Blob::of(digest).name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
            digest
        };
        let index = |entries: &[String]| format!(r#"{{"manifests":[{}]}}"#, entries.join(","));
        let [one, other] = ["1", "2"]
            .map(|config| put(format!(r#"{{"config":{{"digest":"{}"}},"layers":[{{"digest":"sha256:{HEX}"}}]}}"#, put(config.to_owned()))));
        let for_platform = |digest: Digest, architecture: &str| {
            format!(r#"{{"digest":"{digest}","platform":{{"os":"linux","architecture":"{architecture}","variant":null}}}}"#)
        };
        let about = format!(r#"{{"digest":"{other}","annotations":{{"vnd.docker.reference.type":"attestation-manifest"}}}}"#);
        let both = put(index(&[for_platform(one, "amd64"), for_platform(other, "arm64"), about.clone()]));
        let single = put(index(&[for_platform(one, "amd64"), about]));
        let mut deep = put(index(&[for_platform(one, "amd64")]));
        for _ in 0..DEEPEST {
            deep = put(index(&[format!(r#"{{"digest":"{deep}"}}"#)]));
        }
        let named = |digest: Digest, name: &str| {
            format!(r#"{{"digest":"{digest}","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}}}"#)
        };
        let absent = Digest::of(b"absent");
        let all = [named(both, "both:1"), named(single, "one:1"), named(deep, "deep:1"), named(absent, "absent:1")];
        std::fs::write(layout.path().join("index.json"), index(&all)).unwrap();
        let mut unreadable = Vec::new();
        let found = read(&Source::open(layout.path()).unwrap(), &mut unreadable).unwrap();
        let called: Vec<_> = found.iter().map(|image| image.names.join(" ")).collect();
        assert_eq!(called, ["both:1 linux/amd64", "both:1 linux/arm64", "one:1"]);
        let lost: Vec<_> = unreadable.iter().map(|lost| lost.error.as_str()).collect();
        assert_eq!(lost, ["there are too many indexes, or too many in each other", "it is not in the archive"]);
    }
}
