//! Whatever happens to any one file that Docker wrote, no rule of `lint` passes that was broken.

use crate::look::{audit, temporary};
use crate::loss::{ALL, Aside};
use layerwise::demo::{Builder, ImageSpec, Tree};
use layerwise::dir::Dir;
use layerwise::lint::{Outcome, Policy, Scene, Verdict, evaluate, insides, parse};
use layerwise::union::waste::{Ask, Forest, find};
use layerwise::union::{Directories, Marks};
use std::collections::BTreeSet;
use std::path::Path;

/// Rules that are broken by every image of the shop, by their set, or by its host.
const BROKEN: &str = "[base]\non = 'absent'\n[same-base]\n[min-shared]\nlimit = '100%'\n[max-exclusive]\nlimit = 0\n[max-size]\nlimit = 0\n\
    [max-layers]\nlimit = 1\n[max-inodes]\nlimit = 0\n[max-set-size]\nlimit = 0\n[no-duplicate-layers]\n[max-waste]\nlimit = 0\n\
    [min-efficiency]\nlimit = '100%'\n[max-user-waste]\nlimit = '0%'\n[no-setuid]\n[no-path]\npaths = '*/app'\n[no-garbage]\n";

/// Two images on bases of their own, which have the same content on top of them, hide something, and show setuid files; and garbage.
fn write(root: &Path) {
    let mut root = Builder::create(root).unwrap();
    for name in ["api", "web"] {
        let base = Tree::new(name).file("bin/su", 4_000).mode(0o4755).file("srv/app", 3_000).file("etc/old", 5_000);
        let base = root.layer(None, base).unwrap();
        let shop = Tree::new("shop").file("srv/app", 6_000).file("etc/old", 7_000);
        let top = root.layer(Some(&base), shop).unwrap();
        root.image(&ImageSpec::new(&top).tag(&format!("shop/{name}:1")).history("ADD base").history("COPY shop /")).unwrap();
    }
    let unneeded = root.layer(None, Tree::new("unneeded").file("bin/tool", 9_000)).unwrap();
    root.layer(Some(&unneeded), Tree::new("unneeded too").file("bin/other", 9_000)).unwrap();
}

/// What comes of a policy, as the program finds it.
fn outcomes(root: &Path, policy: &Policy) -> Vec<Outcome> {
    let audit = audit(root);
    let mut scene = Scene::of(&audit, None);
    let wanted = policy.wanted(&scene);
    let (forest, incomplete) = Forest::plant(&audit.inventory, &wanted.images);
    let dir = Dir::root(root).unwrap();
    let layers = Directories { root: &dir, marks: Marks::Trusted };
    let found = find(&layers, &forest, &Ask { watch: wanted.watch, ..Ask::default() });
    scene.insides = insides(&forest, &incomplete, &found);
    evaluate(policy, &scene)
}

/// The rules of which somebody would think that they are kept.
fn kept(outcomes: &[Outcome]) -> BTreeSet<&'static str> {
    let all: BTreeSet<&str> = outcomes.iter().map(|outcome| outcome.rule).collect();
    let failing = |rule: &&&str| outcomes.iter().any(|outcome| outcome.rule == **rule && outcome.fails());
    let passing = outcomes.iter().filter(|outcome| outcome.verdict == Verdict::Pass).map(|outcome| outcome.rule);
    passing.chain(all.iter().filter(|rule| !failing(rule)).copied()).collect()
}

#[test]
fn losing_any_file_lets_no_broken_rule_pass() {
    let temp = temporary();
    let root = temp.path().join("root");
    write(&root);
    let root = root.canonicalize().unwrap();
    let policy = parse(BROKEN).unwrap();
    let before = outcomes(&root, &policy);
    assert!(before.iter().all(|outcome| outcome.verdict == Verdict::Fail), "{before:#?}");
    let (mut wrong, mut unknown) = (Vec::new(), 0);
    for path in Builder::open(&root).unwrap().metadata_files().unwrap() {
        for loss in ALL {
            let aside = Aside::take(&path, temp.path());
            if !loss.inflict(&path, &aside.aside) {
                continue;
            }
            let after = outcomes(&root, &policy);
            unknown += after.iter().filter(|outcome| outcome.verdict == Verdict::Unknown).count();
            let kept = kept(&after);
            wrong.extend((!kept.is_empty()).then(|| format!("{loss:?} of {}: {kept:?}", path.display())));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(unknown > 100, "nearly nothing was unknown: {unknown}");
}
