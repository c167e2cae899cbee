//! `metrics`: the figures of `df`, in a form that Prometheus reads.

use crate::sample::{binary, json, layerwise, printed, run};
use layerwise::graph::verdict::Garbage;
use layerwise::usage::class::Class;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

/// The samples of a text by their names and labels, without the data-root's.
fn samples(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = name.strip_suffix('}').unwrap().split_once('{').unwrap();
        let (root, labels) = labels.split_once(',').unwrap_or((labels, ""));
        assert!(root.starts_with("data_root=\""), "{line}");
        (format!("{name}{{{labels}}}"), value.to_owned())
    };
    let samples: Vec<_> = lines.map(sample).collect();
    let all = samples.len();
    let samples: BTreeMap<_, _> = samples.into_iter().collect();
    assert_eq!(samples.len(), all, "no two have the same name and labels");
    samples
}

#[test]
fn they_are_what_df_says() {
    let begun = jiff::Timestamp::now().as_duration().as_secs_f64();
    let (samples, df) = (samples(&printed(&["metrics"])), json(&["df"]));
    for class in Class::ALL {
        let item = df["classes"].as_array().unwrap().iter().find(|item| item["class"] == class.name());
        for (name, key) in [
            ("bytes", "bytes"),
            ("apparent_bytes", "apparent_bytes"),
            ("inodes", "inodes"),
            ("things", "count"),
            ("reclaimable_bytes", "reclaimable_bytes"),
        ] {
            let expected = item.unwrap()[key].as_u64().unwrap();
            assert_eq!(samples[&format!("layerwise_class_{name}{{class=\"{}\"}}", class.name())], expected.to_string(), "{class:?}");
        }
    }
    let mut kinds = 0;
    for garbage in Garbage::ALL {
        let code = garbage.code();
        let item = df["garbage"].as_array().unwrap().iter().find(|item| item["code"] == code);
        kinds += usize::from(item.is_some());
        for (name, key) in [("bytes", "bytes"), ("inodes", "inodes"), ("things", "count")] {
            let expected = item.map_or(0, |item| item[key].as_u64().unwrap());
            assert_eq!(samples[&format!("layerwise_garbage_{name}{{code=\"{code}\"}}")], expected.to_string(), "{code}");
        }
    }
    assert!(kinds > 5 && kinds == df["garbage"].as_array().unwrap().len(), "{kinds}");
    for (name, expected) in [
        ("filesystem_size_bytes", df["filesystem"]["bytes_total"].as_u64()),
        ("filesystem_inodes", df["filesystem"]["inodes_total"].as_u64()),
        ("copies_bytes", df["stored_more_than_once"][0]["bytes_lost"].as_u64()),
        ("container_log_bytes", df["classes"][2]["log_bytes"].as_u64()),
        ("unreadable_things", Some(4)),
        ("unmeasured_places", Some(0)),
    ] {
        assert_eq!(samples[&format!("layerwise_{name}{{}}")], expected.unwrap().to_string(), "{name}");
    }
    let [run, took] =
        ["timestamp", "duration"].map(|figure| samples[&format!("layerwise_run_{figure}_seconds{{}}")].parse::<f64>().unwrap());
    assert!(run >= begun && took > 0.0 && run + took < begun + 600.0, "{run} {took}");
    assert!(!samples.contains_key("layerwise_cached_bytes{}"));
}

#[test]
fn prometheus_understands_them() {
    let text = printed(&["metrics"]);
    // What a sample is of stands once before all of its kind, and the last line has an end.
    let mut explained: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(text.ends_with('\n') && explained.iter().all(|line| line.ends_with(" gauge")));
    let all = explained.len();
    explained.dedup();
    assert_eq!(explained.len(), all);
    let script = "import sys
from prometheus_client.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    assert family.documentation and family.type == 'gauge', family
    for sample in family.samples:
        assert sample.name == family.name and sample.timestamp is None, sample
        print(sample.name)";
    let mut python = Command::new("/usr/bin/python3");
    let child = python.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let parsed = child.ok().and_then(|mut child| {
        // It may end before it reads.
        drop(child.stdin.take()?.write_all(text.as_bytes()));
        child.wait_with_output().ok()
    });
    let is_missing = |errors: &[u8]| String::from_utf8_lossy(errors).contains("No module named 'prometheus_client'");
    let Some(parsed) = parsed.filter(|parsed| !is_missing(&parsed.stderr)) else {
        assert!(std::env::var_os("LAYERWISE_REQUIRE_SCHEMAS").is_none(), "python3 with prometheus_client is missing");
        eprintln!("skipped: python3 with prometheus_client is missing");
        return;
    };
    assert!(parsed.status.success(), "{}", String::from_utf8_lossy(&parsed.stderr));
    assert_eq!(String::from_utf8(parsed.stdout).unwrap().lines().count(), samples(&text).len());
}

#[test]
fn a_file_is_replaced_as_a_whole_or_not_at_all() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("layerwise.prom");
    fs::write(&file, "from before").unwrap();
    let arguments = ["metrics", "--output", file.to_str().unwrap()];
    assert_eq!(printed(&arguments), "");
    let text = fs::read_to_string(&file).unwrap();
    assert!(samples(&text).len() > 90, "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o444, 0o444, "the collector is another user");
    // One that fails leaves what was there, whose age tells.
    let missing = temp.path().join("nothing");
    let ran = run(binary().arg("--data-root").arg(&missing).args(arguments));
    assert_eq!((ran.status, fs::read_to_string(&file).unwrap()), (3, text), "{ran:?}");
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
    let nowhere = missing.join("layerwise.prom");
    let ran = layerwise(&["metrics", "--output", nowhere.to_str().unwrap()]);
    assert!(ran.status == 2 && ran.errors.contains(&format!("cannot write {}: ", nowhere.display())), "{ran:?}");
}

#[test]
fn they_have_one_format() {
    let ran = layerwise(&["metrics", "--format", "json"]);
    assert!(ran.status == 2 && ran.errors.contains("`layerwise df --format json` has the same figures"), "{ran:?}");
}
