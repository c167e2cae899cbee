//! `metrics`: what `df` says, and how the run went, as gauges for Prometheus.
//!
//! Every class and every kind of garbage has its samples, also where there is nothing of it: an alert about something that is not there
//! yet needs a zero, not silence.

use super::df::{ClassItem, Df, Weight};
use crate::graph::verdict::Garbage;
use crate::render::metrics::{Family, Number, Sample};
use jiff::Timestamp;
use std::time::Duration;

/// How a run went.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// When it ended.
    pub ended: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// How many things could not be read.
    pub unreadable: u64,
    /// How many places could not be measured.
    pub unmeasured: u64,
}

/// The gauges of a run.
#[must_use]
pub fn families(df: &Df, run: &Run) -> Vec<Family> {
    [of_classes(df), of_garbage(df), of_file_system(df), of_all(df), of_run(df, run)].concat()
}

fn gauge(name: &'static str, help: &'static str, samples: Vec<Sample>) -> Family {
    Family { name, help, samples }
}

/// A family of at most one sample.
fn single(name: &'static str, help: &'static str, number: Option<Number>) -> Family {
    gauge(name, help, number.map(|number| Sample { labels: Vec::new(), number }).into_iter().collect())
}

fn count(name: &'static str, help: &'static str, count: u64) -> Family {
    single(name, help, Some(Number::Count(count)))
}

fn of_classes(df: &Df) -> Vec<Family> {
    let each = |figure: fn(&ClassItem) -> u64| -> Vec<Sample> {
        let sample =
            |item: &ClassItem| Sample { labels: vec![("class", item.class.name().to_owned())], number: Number::Count(figure(item)) };
        df.classes.iter().map(sample).collect()
    };
    vec![
        gauge("layerwise_class_bytes", "Bytes allocated for all things of a class.", each(|item| item.weight.bytes)),
        gauge("layerwise_class_apparent_bytes", "The sum of the sizes of all files of a class.", each(|item| item.weight.apparent_bytes)),
        gauge("layerwise_class_inodes", "Inodes of all things of a class.", each(|item| item.weight.inodes)),
        gauge("layerwise_class_things", "How many things are of a class.", each(|item| item.count)),
        gauge("layerwise_class_reclaimable_bytes", "Bytes of a class that no container needs.", each(|item| item.reclaimable_bytes)),
    ]
}

fn of_garbage(df: &Df) -> Vec<Family> {
    let each = |figure: fn((u64, Weight)) -> u64| -> Vec<Sample> {
        let sample = |garbage: Garbage| {
            let code = garbage.code();
            let found = df.garbage.iter().find(|item| item.code == code).map(|item| (item.count, item.weight)).unwrap_or_default();
            Sample { labels: vec![("code", code.to_owned())], number: Number::Count(figure(found)) }
        };
        Garbage::ALL.into_iter().map(sample).collect()
    };
    vec![
        gauge("layerwise_garbage_bytes", "Bytes allocated for what belongs to nothing, by its kind.", each(|(_, weight)| weight.bytes)),
        gauge("layerwise_garbage_inodes", "Inodes of what belongs to nothing, by its kind.", each(|(_, weight)| weight.inodes)),
        gauge("layerwise_garbage_things", "How many things belong to nothing, by their kind.", each(|(count, _)| count)),
    ]
}

fn of_file_system(df: &Df) -> Vec<Family> {
    let figure = |number: Option<u64>| number.map(Number::Count);
    let of = df.filesystem.as_ref();
    vec![
        single("layerwise_filesystem_size_bytes", "The size of the data-root's file system.", figure(of.map(|of| of.bytes_total))),
        single("layerwise_filesystem_free_bytes", "Bytes free in it.", figure(of.map(|of| of.bytes_free))),
        single(
            "layerwise_filesystem_inodes",
            "Inodes that it has; 0 if it makes them as they are needed.",
            figure(of.map(|of| of.inodes_total)),
        ),
        single("layerwise_filesystem_free_inodes", "Inodes free in it.", figure(of.map(|of| of.inodes_free))),
    ]
}

fn of_all(df: &Df) -> Vec<Family> {
    let logs = df.classes.iter().filter_map(|class| class.log_bytes).sum();
    let copies = df.stored_more_than_once.iter().filter_map(|copy| copy.bytes_lost).sum();
    vec![
        count("layerwise_container_log_bytes", "Bytes allocated for the logs of all containers.", logs),
        count("layerwise_copies_bytes", "Bytes lost because the same layer is stored more than once.", copies),
    ]
}

fn of_run(df: &Df, run: &Run) -> Vec<Family> {
    let cached = df.from_cache.as_ref();
    let oldest = cached.and_then(|cached| cached.oldest.as_ref()?.parse().ok());
    let seconds = |time: Timestamp| Number::Seconds(time.as_duration().as_secs_f64());
    vec![
        count(
            "layerwise_unreadable_things",
            "How many things could not be read or understood: layerwise check names them.",
            run.unreadable,
        ),
        count("layerwise_unmeasured_places", "How many places could not be measured: what is there is missing above.", run.unmeasured),
        single(
            "layerwise_cached_bytes",
            "Bytes that were not measured now but taken from the cache.",
            cached.map(|cached| Number::Count(cached.bytes)),
        ),
        single("layerwise_cached_oldest_timestamp_seconds", "When the oldest figure in the cache was measured.", oldest.map(seconds)),
        single("layerwise_run_duration_seconds", "How long it took.", Some(Number::Seconds(run.took.as_secs_f64()))),
        single("layerwise_run_timestamp_seconds", "When all this was measured.", Some(seconds(run.ended))),
        gauge("layerwise_build_info", "1, for the version of layerwise that it is.", vec![version()]),
    ]
}

fn version() -> Sample {
    Sample { labels: vec![("version", env!("CARGO_PKG_VERSION").to_owned())], number: Number::Count(1) }
}
