//! `lint` on a data-root of which something cannot be read: no rule passes that needed it.

use crate::sample::{Ran, binary, run};
use layerwise::demo::{Builder, ImageSpec, Tree};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A shop with two images, of which one has lost the directory of its own layer.
pub(super) struct Shop(TempDir);

/// Rules with every verdict: pass, warn and unknown with both levels, and fail.
pub(super) const VERDICTS: &str = "[[max-layers]]\nimages = ['shop/*']\nlimit = 9\n\
    [[max-size]]\nimages = 'shop/web'\nlimit = 1\n\
    [[max-size]]\nimages = 'shop/web'\nlimit = 2\nlevel = 'warn'\n\
    [[max-inodes]]\nimages = 'shop/lost'\nlimit = 1000\nlevel = 'warn'\n\
    [no-path]\npaths = '*/none'\nimages = 'shop/web'\n";

impl Shop {
    pub(super) fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut root = Builder::create(place.path().join("root")).unwrap();
        let base = root.layer(None, Tree::new("base").file("bin/tool", 9_000)).unwrap();
        let [web, lost] = ["web", "lost"].map(|name| root.layer(Some(&base), Tree::new(name).file(name, 5_000)).unwrap());
        for (layer, tag) in [(&web, "shop/web:1"), (&lost, "shop/lost:1")] {
            // A step with everything that means something to XML, Markdown or a workflow.
            root.image(&ImageSpec::new(layer).tag(tag).history("ADD base").history("RUN echo \"<a> & 100%\" | tee b")).unwrap();
        }
        fs::remove_dir_all(place.path().join("root").join(lost.dir.path()).join("diff")).unwrap();
        Self(place)
    }

    pub(super) fn place(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn lint(&self, policy: &str, arguments: &[&str]) -> Ran {
        let file = self.place("policy.toml");
        fs::write(&file, policy).unwrap();
        let mut command = binary();
        command.args(["lint", "--copy", "--data-root"]).arg(self.place("root")).arg("--policy").arg(file).args(arguments);
        run(&mut command)
    }
}

/// The verdicts of a policy on the shop, as `verdict image`.
fn verdicts(shop: &Shop, policy: &str) -> (i32, Vec<String>) {
    let ran = shop.lint(policy, &["--format", "{{.Verdict}} {{.Subject}}"]);
    (ran.status, ran.output.lines().map(str::to_owned).collect())
}

#[test]
fn a_rule_about_a_layer_that_is_gone_does_not_pass() {
    let shop = Shop::new();
    let (pass, unknown) = ("pass shop/web:1".to_owned(), "unknown shop/lost:1".to_owned());
    for rule in [
        "[max-size]\nlimit = '1GB'",
        "[max-exclusive]\nlimit = '1GB'",
        "[max-waste]\nlimit = '1GB'",
        "[no-setuid]",
        "[no-path]\npaths = '/none'",
    ] {
        assert_eq!(verdicts(&shop, rule), (1, vec![unknown.clone(), pass.clone()]), "{rule}");
        let warned = format!("{rule}\nlevel = 'warn'");
        assert_eq!(verdicts(&shop, &warned), (0, vec![unknown.clone(), pass.clone()]), "{warned}");
    }
    assert_eq!(verdicts(&shop, "[max-size]\nimages = 'shop/web'\nlimit = '1GB'"), (0, vec![pass]), "the damage is not its");
    assert_eq!(verdicts(&shop, "[max-size]\nimages = 'shop/lost'\nlimit = 1"), (1, vec!["fail shop/lost:1".to_owned()]));
    assert_eq!(verdicts(&shop, "[same-base]"), (1, vec!["unknown 2 images".to_owned()]));
    let ran = shop.lint("[max-waste]\nimages = 'shop/lost'\nlimit = 1", &["--no-trunc"]);
    assert!(ran.output.contains("there is no directory of its layer sha256:") && ran.errors.contains("0 failed, 1 unknown"), "{ran:?}");
}

#[test]
fn an_image_without_its_config_and_lost_names_are_no_absent_images() {
    let shop = Shop::new();
    let root = shop.place("root");
    let configs = root.join("image/overlay2/imagedb/content/sha256");
    for config in fs::read_dir(configs).unwrap().map(|entry| entry.unwrap().path()) {
        if fs::read_to_string(&config).unwrap().contains("tee b") {
            fs::write(config, "{").unwrap();
        }
    }
    let unknown = ["unknown shop/lost:1", "unknown shop/web:1"];
    let (status, mut all) = verdicts(&shop, "[max-size]\nlimit = '1GB'");
    all.sort();
    assert_eq!((status, all.iter().map(String::as_str).collect::<Vec<_>>()), (1, unknown.to_vec()));
    assert_eq!(verdicts(&shop, "[max-size]\nimages = 'shop/db'\nlimit = 1"), (0, vec!["warn no image".to_owned()]));
    assert_eq!(verdicts(&shop, "[max-size]\nimages = 'shop/db'\nmissing = 'fail'\nlimit = 1"), (1, vec!["fail no image".to_owned()]));
    fs::write(root.join("image/overlay2/repositories.json"), "{").unwrap();
    assert_eq!(verdicts(&shop, "[max-size]\nimages = 'shop/web'\nlimit = '1GB'"), (1, vec!["unknown no image".to_owned()]));
    assert_eq!(verdicts(&shop, "[no-garbage]").1.len(), 1);
}

#[test]
fn a_policy_to_begin_with_passes_where_something_is_damaged() {
    let shop = Shop::new();
    let file = shop.place("layerwise.toml");
    let ran = run(binary().args(["lint", "--copy", "--init", "--data-root"]).arg(shop.place("root")).arg("--policy").arg(&file));
    assert_eq!(ran.status, 0, "{ran:?}");
    let text = fs::read_to_string(&file).unwrap();
    let again = shop.lint(&text, &[]);
    assert_eq!(again.status, 0, "{again:?}");
    assert!(text.contains("\n# Not now: ") && text.contains("\n# [no-setuid]"), "{text}");
}
