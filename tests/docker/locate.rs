//! `layerwise locate` beside what a running container sees.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use crate::changes::{SCRIPT, import};
use crate::engine::Engine;
use crate::layerwise::{Layerwise, document, number, text};

/// Begins a command that runs in the container, seeing the files that it sees.
///
/// Not by `docker exec`: a runc that itself runs in a chroot starts what it executes at the root of the mount namespace, which is outside of that.
fn within(engine: &Engine) -> Command {
    let pid = engine.docker("inspect --format {{.State.Pid}} located");
    let mut command = engine.inside("nsenter");
    command.args(["--target", &pid, "--mount", "--root", "--wd", "--"]);
    command
}

/// What the container sees below `/data`: type and permissions, length, owner and group, by path.
fn seen(engine: &Engine) -> BTreeMap<String, (u32, u64, u64, u64)> {
    let mut find = within(engine);
    find.args(["busybox", "find", "/data", "-exec", "busybox", "stat", "-c", "%n|%f|%s|%u|%g", "{}", "+"]);
    let lines = String::from_utf8_lossy(&engine.output(&mut find)).into_owned();
    let line = |line: &str| {
        let fields: Vec<&str> = line.split('|').collect();
        let [path, mode, numbers @ ..] = fields.as_slice() else { panic!("{line}") };
        let [size, user, group] = numbers else { panic!("{line}") };
        let mode = u32::from_str_radix(mode, 16).unwrap();
        (path.to_string(), (mode, size.parse().unwrap(), user.parse().unwrap(), group.parse().unwrap()))
    };
    // A name that is no text cannot be an argument of a test.
    lines.lines().map(line).filter(|(path, _)| !path.contains('\u{fffd}')).collect()
}

#[test]
fn paths_are_where_the_container_finds_them() {
    let Some(engine) = Engine::start("paths_are_where_the_container_finds_them") else { return };
    import(&engine);
    engine.docker_sh("run -d --name located --network none --stop-signal KILL changes:1", &format!("{SCRIPT}\ntouch /ready; sleep 1000"));
    let mut engine = engine;
    let ready =
        engine.wait_for(|engine| within(engine).args(["busybox", "test", "-e", "/ready"]).status().unwrap().success().then_some(()));
    assert!(ready.is_some(), "{}", engine.docker("logs located"));
    let layerwise = Layerwise::on(&engine.data_root());
    let paths = seen(&engine);
    assert!(paths.len() > 50, "{paths:#?}");
    for (path, (mode, size, user, group)) in &paths {
        let answer = layerwise.ask("locate", &[path, "in", "located"]);
        assert_eq!((&answer["exists"], text(&answer, "resolved_path")), (&true.into(), path.as_str()), "{answer}");
        let provider = answer["items"].as_array().unwrap().iter().find(|item| text(item, "role") == "provides").expect("a provider");
        assert_eq!(text(provider, "mode"), format!("{:04o}", mode & 0o7777), "{path}");
        assert_eq!((number(provider, "user"), number(provider, "group")), (*user, *group), "{path}");
        if text(provider, "kind") == "file" {
            assert_eq!(number(provider, "size"), *size, "{path}");
            let content = engine.output(within(&engine).arg("cat").arg(path));
            assert_eq!(fs::read(text(provider, "disk_path")).unwrap(), content, "{path}");
        }
    }
    for gone in
        ["gone", "gone/a/b", "deep/file", "opaque/a", "opaque/sub/c", "emptied/a", "to-file/a/b", "renamed", "naïve", "and-back/sub/b"]
    {
        let path = format!("/data/{gone}");
        assert!(!paths.contains_key(&path), "{gone}");
        let mut command = Layerwise::command();
        command.arg("--data-root").arg(engine.data_root()).args(["--format", "json", "locate", &path, "located"]);
        let answer = document(&mut command);
        assert_eq!(answer["exists"], false, "{answer}");
        let hidden: Vec<_> = answer["items"].as_array().unwrap().iter().filter(|item| text(item, "role") == "hidden").collect();
        assert_eq!(hidden.len(), 1, "{answer}");
        // It lies in the image, and the container's own layer hides it.
        assert_eq!((text(hidden[0], "layer_kind"), hidden[0]["hidden_by"].as_str().map(str::len)), ("read-only", Some(64)), "{answer}");
        assert!(fs::symlink_metadata(text(hidden[0], "disk_path")).is_ok(), "{answer}");
    }
    let through_a_link = layerwise.ask("locate", &["/bin/../data/untouched/a", "in", "changes:1"]);
    assert_eq!((text(&through_a_link, "resolved_path"), &through_a_link["exists"]), ("/data/untouched/a", &true.into()));
}
