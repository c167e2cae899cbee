//! What grew since a baseline was saved.

use crate::sample::{Ran, binary, run};
use layerwise::demo::{Builder, ImageSpec, Tree};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A shop, small or grown, with a baseline of the small one and a policy without rules.
struct Shop(TempDir);

impl Shop {
    fn new() -> Self {
        let shop = Self(tempfile::tempdir().unwrap());
        shop.build("small", &[("shop/api:1", 20_000), ("shop/old:1", 5_000)]);
        shop.build("grown", &[("shop/api:2", 90_000), ("shop/new:1", 5_000)]);
        fs::write(shop.place("policy.toml"), "").unwrap();
        let ran = shop.lint("small", &["--save-baseline", shop.baseline().to_str().unwrap()]);
        assert_eq!(ran.status, 0, "{ran:?}");
        shop
    }

    fn build(&self, name: &str, images: &[(&str, u64)]) {
        let mut root = Builder::create(self.place(name)).unwrap();
        let base = root.layer(None, Tree::new("base").file("bin/tool", 9_000)).unwrap();
        for (tag, bytes) in images {
            let layer = root.layer(Some(&base), Tree::new(*tag).file("srv/app", *bytes)).unwrap();
            root.image(&ImageSpec::new(&layer).tag(tag).history("ADD base").history("COPY app /srv")).unwrap();
        }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn baseline(&self) -> PathBuf {
        self.place("base.json")
    }

    fn lint(&self, root: &str, arguments: &[&str]) -> Ran {
        let mut command = binary();
        command
            .args(["lint", "--copy", "--data-root"])
            .arg(self.place(root))
            .arg("--policy")
            .arg(self.place("policy.toml"))
            .args(arguments);
        run(&mut command)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn what_grew_fails_and_what_is_new_or_gone_is_told() {
    let shop = Shop::new();
    let baseline = shop.baseline();
    let same = shop.lint("small", &["--baseline", text(&baseline)]);
    assert!(same.status == 0 && same.errors.contains("new nothing; gone nothing"), "{same:?}");
    let grown = shop.lint("grown", &["--baseline", text(&baseline), "--no-trunc"]);
    assert_eq!(grown.status, 1, "{grown:?}");
    let first = grown.output.lines().nth(1).unwrap();
    assert!(
        first.starts_with("fail") && first.contains("max-growth") && first.contains("shop/api:2") && first.contains("`COPY app /srv`"),
        "{first}"
    );
    assert!(grown.errors.contains("new shop/new:1; gone shop/old:1") && grown.errors.contains(" 1 failed"), "{grown:?}");
    let document = shop.lint("grown", &["--baseline", text(&baseline), "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&document.output).unwrap();
    assert_eq!((&document["baseline"]["new"][0], &document["baseline"]["gone"][0]), (&"shop/new:1".into(), &"shop/old:1".into()));
    fs::write(shop.place("policy.toml"), "[max-growth]\nlimit = '1MB'\n").unwrap();
    let allowed = shop.lint("grown", &["--baseline", text(&baseline)]);
    assert_eq!(allowed.status, 0, "{allowed:?}");
}

#[test]
fn one_file_serves_for_both_and_does_not_forget_what_grew() {
    let shop = Shop::new();
    let baseline = shop.baseline();
    let before = fs::read_to_string(&baseline).unwrap();
    let both = ["--baseline", text(&baseline), "--save-baseline", text(&baseline)];
    let grown = shop.lint("grown", &both);
    assert!(grown.status == 1 && grown.errors.contains("base.json was not written: it would forget what grew"), "{grown:?}");
    assert_eq!(fs::read_to_string(&baseline).unwrap(), before);
    fs::write(shop.place("policy.toml"), "[max-growth]\nlimit = '1MB'\n[max-size]\nlimit = 1\n").unwrap();
    let broken = shop.lint("grown", &both);
    assert_eq!(broken.status, 1, "another rule is broken, which is no reason not to save");
    assert!(fs::read_to_string(&baseline).unwrap().contains("shop/api:2"));
}

#[test]
fn a_baseline_is_written_as_a_whole_through_no_link_and_for_all_to_read() {
    let shop = Shop::new();
    let baseline = shop.baseline();
    assert_eq!(fs::metadata(&baseline).unwrap().permissions().mode() & 0o444, 0o444);
    let (link, target) = (shop.place("link.json"), shop.place("target"));
    fs::write(&target, "kept").unwrap();
    symlink(&target, &link).unwrap();
    for place in [&link, &shop.place("root-directory")] {
        fs::create_dir_all(shop.place("root-directory")).unwrap();
        let ran = shop.lint("small", &["--save-baseline", text(place)]);
        assert!(ran.status == 2 && ran.errors.contains("something that is no file"), "{ran:?}");
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
    let nowhere = shop.lint("small", &["--save-baseline", "/nonexistent/base.json"]);
    assert!(nowhere.status == 2 && nowhere.errors.contains("cannot write /nonexistent/base.json"), "{nowhere:?}");
    let names: Vec<_> = fs::read_dir(shop.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_str().unwrap().starts_with(".tmp")), "{names:?}");
}

#[test]
fn what_is_no_baseline_is_an_error_and_checks_nothing() {
    let shop = Shop::new();
    let baseline = shop.baseline();
    let good = fs::read_to_string(&baseline).unwrap();
    for (content, why) in
        [(good.replace("baseline/1", "baseline/7"), "layerwise/baseline/7"), ("{}".to_owned(), "does not say"), ("[".to_owned(), "no JSON")]
    {
        fs::write(&baseline, content).unwrap();
        let ran = shop.lint("small", &["--baseline", text(&baseline)]);
        assert!(ran.status == 2 && ran.errors.contains(why) && ran.errors.contains("--save-baseline") && ran.output.is_empty(), "{ran:?}");
    }
    let absent = shop.lint("small", &["--baseline", "/nonexistent"]);
    assert!(absent.status == 2 && absent.errors.contains("cannot read the baseline /nonexistent"), "{absent:?}");
}
