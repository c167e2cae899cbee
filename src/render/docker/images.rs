//! The fields of `docker images`, with the figures of `docker system df -v` where `docker images` says `N/A`.

use super::{Asked, Fields, moment, row, size, text};
use crate::render::size::Digits;
use crate::render::value;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Docker's fields of images.
pub static IMAGES: Fields = Fields {
    names: &[
        ("ID", "IMAGE ID"),
        ("Repository", "REPOSITORY"),
        ("Tag", "TAG"),
        ("Digest", "DIGEST"),
        ("CreatedSince", "CREATED"),
        ("CreatedAt", "CREATED AT"),
        ("Size", "SIZE"),
        ("VirtualSize", "SIZE"),
        ("SharedSize", "SHARED SIZE"),
        ("UniqueSize", "UNIQUE SIZE"),
        ("Containers", "CONTAINERS"),
    ],
    rows,
};

const NONE: &str = "<none>";

fn rows(item: &Value, asked: &Asked) -> Vec<Map<String, Value>> {
    let common = row([
        ("ID", asked.id(&text(item, "id"))),
        ("CreatedSince", asked.ago(item, "created")),
        ("CreatedAt", moment(item, "created")),
        ("Size", size(item, "docker_size", Digits::Three)),
        ("VirtualSize", size(item, "docker_size", Digits::Four)),
        ("SharedSize", size(item, "docker_shared_size", Digits::Four)),
        ("UniqueSize", size(item, "docker_unique_size", Digits::Four)),
        ("Containers", text(item, "containers")),
    ]);
    let mut names = names(item, asked.digests);
    if !asked.names {
        names.truncate(1);
    }
    let of_name = |[repository, tag, digest]: [String; 3]| {
        let mut fields = common.clone();
        fields.extend(row([("Repository", repository), ("Tag", tag), ("Digest", digest)]));
        fields
    };
    names.into_iter().map(of_name).collect()
}

/// Repository, tag and digest of each row, as Docker combines them: a digest is shown beside the tags of its repository, if at all.
fn names(item: &Value, digests: bool) -> Vec<[String; 3]> {
    let references = value::of(item, "references").and_then(Value::as_array);
    let (mut tags, mut digests_of) = (BTreeMap::<&str, Vec<&str>>::new(), BTreeMap::<&str, Vec<&str>>::new());
    for name in references.into_iter().flatten().filter_map(Value::as_str) {
        match (name.split_once('@'), name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/'))) {
            (Some((repository, digest)), _) => digests_of.entry(repository).or_default().push(digest),
            (None, Some((repository, tag))) => tags.entry(repository).or_default().push(tag),
            (None, None) => tags.entry(name).or_default().push(NONE),
        }
    }
    let mut rows = Vec::new();
    let mut add = |name: [&str; 3]| rows.push(name.map(str::to_owned));
    for (&repository, tags) in &tags {
        let beside = digests_of.remove(repository).filter(|_| digests).unwrap_or_else(|| vec![NONE]);
        for tag in tags {
            for digest in &beside {
                add([repository, tag, digest]);
            }
        }
    }
    for (repository, all) in digests_of {
        let shown: &[&str] = if digests { &all } else { &[NONE] };
        for digest in shown {
            add([repository, NONE, digest]);
        }
    }
    if rows.is_empty() {
        rows.push([NONE; 3].map(str::to_owned));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn combines_names_as_docker_does() {
        let of = |references: Value, digests| {
            names(&json!({ "references": references }), digests).iter().map(|name| name.join(" ")).collect::<Vec<_>>()
        };
        let all = json!(["a:1", "a:2", "host:5000/b", "a@sha256:d", "c@sha256:e", "c@sha256:f"]);
        assert_eq!(of(all.clone(), false), ["a 1 <none>", "a 2 <none>", "host:5000/b <none> <none>", "c <none> <none>"]);
        assert_eq!(of(all, true), ["a 1 sha256:d", "a 2 sha256:d", "host:5000/b <none> <none>", "c <none> sha256:e", "c <none> sha256:f"]);
        assert_eq!(of(json!([]), true), ["<none> <none> <none>"]);
    }
}
