//! Docker's fields and filters: what the `docker` command prints beside what layerwise prints for the same template or filter.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::engine::Builder::Classic;
use crate::engine::Engine;

/// A row by the names of its fields.
type Row = BTreeMap<String, String>;

/// Makes images with several names, labels, none at all; containers in several states; volumes.
fn fill(engine: &mut Engine) {
    engine.import_busybox("base:1");
    let dockerfile = "FROM base:1\nLABEL team=shop tier=front\nENV A=b\nRUN echo one >/one\nRUN echo 'two words that are quite long to be shown' >/two\nCMD [\"sh\"]\n";
    let context = engine.context("app", &[("Dockerfile", dockerfile)]);
    engine.build(Classic, "-t app:1 -t app:one -t team/app:1", &context);
    let context = engine.context("app2", &[("Dockerfile", "FROM app:1\nLABEL team=other\nRUN echo three >/three\n")]);
    engine.build(Classic, "-t app:2", &context);
    let context = engine.context("nameless", &[("Dockerfile", "FROM base:1\nRUN echo nameless >/nameless\n")]);
    engine.build(Classic, "", &context);
    engine.docker("volume create --label keep=yes named");
    engine.docker("volume create idle");
    engine.docker("create --name c-created --network none --label a=b --label c=d base:1 sleep 1000");
    engine.docker_sh(
        "run -d --name c-running --network none -v named:/data -v /anonymous app:1",
        "echo data >/data/file; echo rw >/rw; sleep 1000",
    );
    engine.docker("run -d --name c-paused --network none app:2 sleep 1000");
    engine.docker("pause c-paused");
    let exited = engine.docker_command("run --name c-exited --network none --label a=x base:1 false").output().unwrap();
    assert_eq!(exited.status.code(), Some(1));
    engine.docker_sh("run --name other --network none team/app:1", "true");
}

fn layerwise(engine: &Engine, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_layerwise")).arg("--data-root").arg(engine.data_root()).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn docker(engine: &Engine, line: &str, arguments: &[&str]) -> String {
    engine.succeed(engine.docker_command(line).args(arguments))
}

fn rows(lines: &str) -> Vec<Row> {
    let mut rows: Vec<Row> =
        lines.lines().map(|line| row(&serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))).collect();
    rows.sort();
    rows
}

/// A row whose lists, which Docker prints in any order, are in one.
fn row(value: &Value) -> Row {
    let field = |(name, value): (&String, &Value)| {
        let mut text = value.as_str().unwrap().to_owned();
        if ["Labels", "Mounts", "Networks"].contains(&name.as_str()) {
            let mut parts: Vec<&str> = text.split(',').collect();
            parts.sort_unstable();
            text = parts.join(",");
        }
        (name.clone(), text)
    };
    value.as_object().unwrap().iter().map(field).collect()
}

/// A template that prints these fields as JSON.
fn template(fields: &BTreeSet<&String>) -> String {
    let fields: Vec<String> = fields.iter().map(|field| format!("\"{field}\":{{{{json .{field}}}}}")).collect();
    format!("{{{}}}", fields.join(","))
}

/// Asserts that layerwise prints Docker's rows, field by field, but for those that Docker says nothing of.
fn assert_same(engine: &Engine, line: &str, ours: &[&str]) {
    // What was asked a second later may be a second older.
    for attempt in 0.. {
        let docker = rows(&docker(engine, line, &["--format", "{{json .}}"]));
        assert!(!docker.is_empty(), "{line}");
        let silent: BTreeSet<&String> = docker.iter().flatten().filter(|(_, value)| *value == "N/A").map(|(name, _)| name).collect();
        let fields: BTreeSet<&String> = docker.iter().flat_map(BTreeMap::keys).filter(|field| !silent.contains(field)).collect();
        let template = template(&fields);
        let layerwise = rows(&layerwise(engine, &[ours, &["--format", &template]].concat()));
        let docker: Vec<Row> = docker
            .iter()
            .map(|row| row.iter().filter(|(name, _)| fields.contains(name)).map(|(name, value)| (name.clone(), value.clone())).collect())
            .collect();
        let mut docker = docker;
        docker.sort();
        if docker == layerwise {
            return;
        }
        let only = |these: &[Row], those: &[Row]| {
            these.iter().filter(|row| !those.contains(row)).map(|row| format!("{row:?}\n")).collect::<Vec<_>>().concat()
        };
        assert!(attempt < 5, "{line}\nonly docker:\n{}only layerwise:\n{}", only(&docker, &layerwise), only(&layerwise, &docker));
    }
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split_whitespace().collect()
}

/// Asserts that a filter lets the same things through.
fn assert_selects(engine: &Engine, line: &str, filter: &[&str]) -> usize {
    let docker = docker(engine, &format!("{line} -q --no-trunc"), filter);
    let ours: Vec<&str> = line.split_whitespace().chain(["-q", "--no-trunc"]).chain(filter.iter().copied()).collect();
    let layerwise = layerwise(engine, &ours);
    assert_eq!(words(&docker), words(&layerwise), "{line} {filter:?}");
    words(&docker).len()
}

#[test]
fn what_docker_users_ask_is_answered_as_docker_does() {
    let Some(mut engine) = Engine::start("what_docker_users_ask_is_answered_as_docker_does") else { return };
    fill(&mut engine);
    let engine = &engine;
    for full in ["", " --no-trunc"] {
        let line = |line: &str| format!("{line}{full}");
        let ours = |words: &'static [&'static str]| if full.is_empty() { words.to_vec() } else { [words, &["--no-trunc"]].concat() };
        assert_same(engine, &line("images"), &ours(&["images"]));
        assert_same(engine, &line("images --digests -a"), &ours(&["images", "-a", "--digests"]));
        assert_same(engine, &line("ps -a -s"), &ours(&["ps", "-a"]));
        assert_same(engine, &line("ps -s"), &ours(&["container", "ls"]));
        assert_same(engine, &line("history app:2"), &ours(&["history", "app:2"]));
    }
    assert_same(engine, "volume ls", &["volume", "ls"]);
    assert_same(engine, "system df", &["system", "df"]);
    selects(engine);
    verbose(engine);
}

/// Every filter beside the client's.
fn selects(engine: &Engine) {
    let mut some = 0;
    for filter in [
        &[][..],
        &["app"],
        &["app:1"],
        &["nothing"],
        &["-a"],
        &["-f", "dangling=true"],
        &["-f", "dangling=false"],
        &["-f", "reference=a*"],
        &["-f", "reference=*/*"],
        &["-f", "reference=*:1"],
        &["-f", "reference=app", "-f", "reference=base"],
        &["-f", "before=app:2"],
        &["-f", "since=base:1"],
        &["-f", "label=team"],
        &["-f", "label=team=shop"],
        &["-f", "label=team=shop", "-f", "label=tier=front"],
        &["-f", "label=team=shop", "-f", "label=tier=back"],
    ] {
        some += usize::from(assert_selects(engine, "images", filter) > 0);
    }
    for filter in [
        &["-a"][..],
        &[],
        &["-a", "-f", "name=c-"],
        &["-a", "-f", "name=run"],
        &["-a", "-f", "name=^c-run"],
        &["-a", "-f", "name=ed$"],
        &["-f", "status=exited"],
        &["-a", "-f", "status=paused", "-f", "status=created"],
        &["-a", "-f", "ancestor=app:1"],
        &["-a", "-f", "ancestor=base:1"],
        &["-a", "-f", "label=a"],
        &["-a", "-f", "label=a=b"],
        &["-a", "-f", "volume=named"],
        &["-a", "-f", "volume=/data"],
        &["-f", "exited=1"],
        &["-a", "-f", "exited=1"],
        &["-a", "-f", "network=none"],
        &["-a", "-f", "before=c-paused"],
        &["-a", "-f", "since=c-running"],
        &["-a", "-f", "health=none"],
    ] {
        some += usize::from(assert_selects(engine, "ps", filter) > 0);
    }
    for filter in
        [&[][..], &["-f", "dangling=true"], &["-f", "dangling=false"], &["-f", "label=keep"], &["-f", "name=na"], &["-f", "driver=local"]]
    {
        let docker = docker(engine, "volume ls -q", filter);
        let layerwise = layerwise(engine, &[&["volume", "ls", "-q", "--no-trunc"], filter].concat());
        assert_eq!(words(&docker), words(&layerwise), "volume ls {filter:?}");
        some += usize::from(!docker.is_empty());
    }
    assert!(some >= 38, "only {some} filters let something through");
}

/// Where `docker images` and `docker volume ls` say nothing, `docker system df -v` does.
fn verbose(engine: &Engine) {
    let told: Value = serde_json::from_str(&docker(engine, "system df -v", &["--format", "{{json .}}"])).unwrap();
    for (key, ours, name) in [("Images", "images", ["ID"]), ("Volumes", "volumes", ["Name"])] {
        let told: Vec<Row> = told[key].as_array().unwrap().iter().map(row).collect();
        let fields: BTreeSet<String> = name
            .iter()
            .copied()
            .chain(["SharedSize", "UniqueSize", "Containers", "Links", "Size"])
            .filter(|field| told[0].get(*field).is_some_and(|value| value != "N/A"))
            .map(str::to_owned)
            .collect();
        let pick = |row: &Row| {
            row.iter().filter(|(field, _)| fields.contains(*field)).map(|(field, value)| (field.clone(), value.clone())).collect()
        };
        let mut docker: Vec<Row> = told.iter().map(pick).collect();
        docker.sort();
        assert_eq!(docker, rows(&layerwise(engine, &[ours, "--no-trunc", "--format", &template(&fields.iter().collect())])), "{key}");
    }
}
