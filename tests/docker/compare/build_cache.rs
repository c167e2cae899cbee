//! `layerwise build-cache` beside the build cache of `docker system df -v`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use jiff::Timestamp;
use serde_json::Value;

use super::{assert_same, at_each_moment};
use crate::busy::Seen;
use crate::docker::CacheRecord;
use crate::layerwise::{number, text, texts};

/// Asserts that of every record layerwise says what Docker says.
fn assert_said<T: PartialEq + Debug>(what: &str, seen: &Seen, docker: impl Fn(&CacheRecord) -> T, layerwise: impl Fn(&Value) -> T) {
    let docker = seen.docker.usage.build_cache.iter().map(|record| (record.id.clone(), docker(record))).collect();
    let layerwise: BTreeMap<String, T> =
        seen.layerwise.build_cache.iter().map(|item| (text(item, "id").to_owned(), layerwise(item))).collect();
    assert_same(what, seen, &docker, &layerwise);
}

/// Times are compared as times: Go leaves out zeros at the end.
fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("a time: {text}: {error}"))
}

#[test]
fn build_cache_has_the_records_that_docker_lists() {
    at_each_moment("build_cache_has_the_records_that_docker_lists", |seen| {
        let owned = |item: &Value, key| text(item, key).to_owned();
        assert_said("types", seen, |record| record.kind.clone(), |item| owned(item, "kind"));
        assert_said("descriptions", seen, |record| record.description.clone(), |item| owned(item, "description"));
        let parents = |item: &Value| texts(item, "parents").into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        assert_said("parents", seen, |record| record.parents().into_iter().collect(), parents);
    });
}

#[test]
fn build_cache_has_the_sizes_that_docker_lists() {
    at_each_moment("build_cache_has_the_sizes_that_docker_lists", |seen| {
        assert_said("sizes", seen, |record| Some(record.size), |item| item["docker_size"].as_u64());
    });
}

#[test]
fn build_cache_is_shared_and_used_as_docker_lists() {
    at_each_moment("build_cache_is_shared_and_used_as_docker_lists", |seen| {
        assert_said("shared", seen, |record| Some(record.shared), |item| item["shared"].as_bool());
        assert_said("in use", seen, |record| Some(record.in_use), |item| item["in_use"].as_bool());
        assert_said("usage counts", seen, |record| record.usage_count, |item| number(item, "usage_count"));
        assert_said("last used", seen, |record| record.last_used_at.as_deref().map(time), |item| item["last_used"].as_str().map(time));
        assert_said("created", seen, |record| Some(time(&record.created_at)), |item| item["created"].as_str().map(time));
    });
}

#[test]
fn nothing_of_the_build_cache_is_garbage() {
    at_each_moment("nothing_of_the_build_cache_is_garbage", |seen| {
        let garbage = seen.garbage();
        for item in &seen.layerwise.build_cache {
            let dir = item["dir"].as_str().unwrap_or_default();
            assert!(!garbage.contains(dir) && !garbage.contains(text(item, "id")), "{}: {item}", seen.moment);
        }
    });
}
