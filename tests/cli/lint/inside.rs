//! The rules about what is inside of images, from the layers on the disk to what is told.

use crate::sample::{Ran, binary, run};
use layerwise::demo::{Builder, ImageSpec, Tree};
use serde_json::Value;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use tempfile::TempDir;

/// Somebody who is not root.
const NOBODY: u32 = 65_534;

/// A base with a setuid file and a cache, and two images on it: one deletes the cache and brings a key, the other changes nothing.
fn shop() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let mut root = Builder::create(place.path().join("root")).unwrap();
    let base = Tree::new("base").file("bin/su", 9_000).mode(0o4755).file("var/cache/a", 40_000).file("srv/tool", 3_000).mode(0o2755);
    let base = root.layer(None, base).unwrap();
    let api = Tree::new("api").whiteout("var/cache").file("root/.ssh/id_rsa", 1_000).file("srv/tool", 3_000).mode(0o755);
    let api = root.layer(Some(&base), api).unwrap();
    let web = root.layer(Some(&base), Tree::new("web").file("srv/index.html", 2_000)).unwrap();
    for (layer, tag, step) in [(&api, "shop/api:1", "RUN build.sh"), (&web, "shop/web:1", "COPY site /srv")] {
        root.image(&ImageSpec::new(layer).tag(tag).history("ADD base").history(step)).unwrap();
    }
    place
}

fn lint(place: &TempDir, policy: &str, arguments: &[&str]) -> Ran {
    let file = place.path().join("policy.toml");
    fs::write(&file, policy).unwrap();
    let mut command = binary();
    command.args(["lint", "--copy", "--data-root"]).arg(place.path().join("root")).arg("--policy").arg(file).args(arguments);
    run(&mut command)
}

/// What came of a rule for the two images, the api first.
fn results(place: &TempDir, policy: &str) -> [Value; 2] {
    let ran = lint(place, policy, &["--format", "json"]);
    let document: Value = serde_json::from_str(&ran.output).unwrap();
    let mut results = document["results"].as_array().unwrap().clone();
    results.sort_by_key(|result| result["subject"].as_str().unwrap().to_owned());
    results.try_into().unwrap()
}

fn verdicts(place: &TempDir, policy: &str) -> [String; 2] {
    results(place, policy).map(|result| result["verdict"].as_str().unwrap().to_owned())
}

fn can_make_whiteouts() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("skipped: only root can make whiteouts");
    }
    is_root
}

#[test]
fn waste_is_told_with_who_is_to_blame() {
    if !can_make_whiteouts() {
        return;
    }
    let place = shop();
    let (pass, fail) = ("pass".to_owned(), "fail".to_owned());
    assert_eq!(verdicts(&place, "[max-waste]\nlimit = '40kB'"), [fail.clone(), pass.clone()]);
    assert_eq!(verdicts(&place, "[max-waste]\nlimit = '70kB'"), [pass.clone(), pass.clone()]);
    assert_eq!(verdicts(&place, "[min-efficiency]\nlimit = '99%'"), [fail.clone(), pass.clone()]);
    assert_eq!(verdicts(&place, "[min-efficiency]\nlimit = '50%'"), [pass.clone(), pass.clone()]);
    // The file that is there twice, 6000 beside the 4000 of the layer; the deleted directory has its name once only.
    let [api, web] = results(&place, "[max-user-waste]\nlimit = '150%'");
    assert_eq!((&api["measured"], &api["verdict"], &web["measured"]), (&150.into(), &"pass".into(), &0.into()), "{api}");
    assert_eq!(verdicts(&place, "[max-user-waste]\nlimit = '149%'"), [fail, pass]);
    let [api, _] = results(&place, "[max-waste]\nlimit = 1");
    let first = &api["places"][0];
    assert_eq!(
        [&first["path"], &first["step"], &first["hidden_by_step"]],
        [&Value::from("/var/cache"), &"ADD base".into(), &"RUN build.sh".into()]
    );
    assert!(api["message"].as_str().unwrap().contains("/var/cache, ") && api["fix"].as_str().unwrap().starts_with("/var/cache: "), "{api}");
}

#[test]
fn what_is_seen_in_the_final_image_counts_and_nothing_else() {
    if !can_make_whiteouts() {
        return;
    }
    let place = shop();
    let paths = |result: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        result["places"].as_array().unwrap().iter().map(|place| (text(&place["path"]), text(&place["step"]))).collect()
    };
    let told = |places: &[(&str, &str)]| places.iter().map(|(path, step)| ((*path).to_owned(), (*step).to_owned())).collect::<Vec<_>>();
    let [api, web] = results(&place, "[no-setuid]");
    assert_eq!(paths(&api), told(&[("/bin/su", "ADD base")]), "the tool was written again without the bit");
    assert_eq!(paths(&web), told(&[("/bin/su", "ADD base"), ("/srv/tool", "ADD base")]));
    let [api, web] = results(&place, "[no-setuid]\nallow = ['/bin/su', '/srv/*']");
    assert_eq!([&api["verdict"], &web["verdict"]], [&Value::from("pass"), &"pass".into()]);
    let [api, web] = results(&place, "[no-path]\npaths = ['*/id_rsa', '/var/cache/*']");
    assert_eq!(paths(&api), told(&[("/root/.ssh/id_rsa", "RUN build.sh")]), "the cache is deleted");
    assert_eq!(paths(&web), told(&[("/var/cache/a", "ADD base")]));
    let ran = lint(&place, "[no-path]\nimages = 'shop/api'\npaths = '*/id_rsa'", &["--no-trunc"]);
    assert!(ran.status == 1 && ran.output.contains("/root/.ssh/id_rsa, made by `RUN build.sh`"), "{ran:?}");
}

#[test]
fn any_number_of_threads_finds_the_same() {
    if !can_make_whiteouts() {
        return;
    }
    let place = shop();
    let rules = "[max-waste]\nlimit = 1\n[no-setuid]\n[no-path]\npaths = '*'\n[max-user-waste]\nlimit = '1%'\n";
    let [one, several, many] = ["1", "3", "16"].map(|threads| lint(&place, rules, &["--format", "json", "--threads", threads]));
    assert_eq!((&one, one.status), (&several, 1));
    assert_eq!(one, many);
}

#[test]
fn who_is_not_shown_what_hides_something_is_not_told_that_all_is_well() {
    if !can_make_whiteouts() {
        return;
    }
    let place = shop();
    let program = place.path().join("layerwise");
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_layerwise")).arg(&program).status().unwrap().success());
    assert!(Command::new("chmod").args(["-R", "a+rX"]).arg(place.path()).status().unwrap().success());
    let policy = place.path().join("policy.toml");
    fs::write(&policy, "[max-waste]\nlimit = '1GB'\n").unwrap();
    let mut somebody = Command::new(&program);
    somebody.uid(NOBODY).gid(NOBODY);
    // Root as it is in a container.
    let mut root = Command::new("setpriv");
    root.arg("--bounding-set=-sys_admin").arg(&program);
    for mut command in [somebody, root] {
        command.env_clear().current_dir("/").args(["lint", "--copy", "--data-root"]).arg(place.path().join("root"));
        let ran = run(command.arg("--policy").arg(&policy).args(["--no-trunc", "--format", "{{.Verdict}} {{.Message}}"]));
        assert_eq!(ran.status, 1, "{ran:?}");
        let why = "unknown nobody can tell: only root with all rights is shown which directories hide what is below them";
        assert!(ran.output.lines().count() == 2 && ran.output.lines().all(|line| line == why), "{ran:?}");
    }
}

#[test]
fn a_policy_to_begin_with_allows_what_is_there() {
    if !can_make_whiteouts() {
        return;
    }
    let place = shop();
    let file = place.path().join("layerwise.toml");
    let ran = run(binary().args(["lint", "--copy", "--init", "--data-root"]).arg(place.path().join("root")).arg("--policy").arg(&file));
    assert_eq!(ran.status, 0, "{ran:?}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("\nallow = [\"/bin/su\", \"/srv/tool\"]\n") && text.contains("\n[max-waste]\n"), "{text}");
    let again = lint(&place, &text, &[]);
    assert!(again.status == 0 && again.errors.contains(" 0 warned, 0 failed\n"), "{text}{again:?}");
}
