//! Every rule: once kept, once broken.

mod change;
mod inside;

use super::scene::{Host, Image, Layer, Scene};
use super::{Outcome, Verdict, evaluate, parse, starter};
use crate::id::{ChainId, DiffId, ImageId};

fn diff(name: &str) -> DiffId {
    DiffId::of(name.as_bytes())
}

/// A scene of images, each with the contents of its layers, base first; a layer weighs what its content says, in `name=bytes`.
fn scene(images: &[(&str, &[&str])]) -> Scene {
    let mut scene = Scene::default();
    for (number, (names, contents)) in images.iter().enumerate() {
        let diffs: Vec<DiffId> = contents.iter().map(|content| diff(content)).collect();
        let chain: Vec<ChainId> = ChainId::chain(&diffs).collect();
        for ((chain, diff), content) in chain.iter().zip(&diffs).zip(*contents) {
            let bytes = content.split_once('=').unwrap().1.parse().unwrap();
            let step = Some(format!("RUN {content}"));
            scene.layers.insert(*chain, Layer { diff: Some(*diff), bytes, inodes: bytes / 10, step });
        }
        let id = ImageId::of(format!("image {number}").as_bytes());
        let names = names.split_terminator(',').map(str::to_owned).collect();
        scene.images.push(Image { id, names, chain });
    }
    scene
}

/// Two images on one base, one on another, and one without a name that shares everything.
fn shop() -> Scene {
    let shop = scene(&[
        ("debian:12", &["debian=100"]),
        ("shop/api:1", &["debian=100", "api=300"]),
        ("shop/worker:1,worker:1", &["debian=100", "worker=50"]),
        ("tool:1", &["alpine=10", "api=300"]),
        ("", &["debian=100", "api=300"]),
    ]);
    let host = Host { garbage: (2, 5000), space: Some((20, 100)), inodes: Some((300, 1000)), unread: None };
    Scene { host: Some(host), ..shop }
}

fn outcomes(rule: &str) -> Vec<Outcome> {
    evaluate(&parse(rule).unwrap(), &shop())
}

/// What came of the rule for each subject, as `verdict name measured`.
fn seen(rule: &str) -> Vec<String> {
    let shown = |outcome: Outcome| {
        let measured = outcome.measured.map(|measured| format!(" {measured}")).unwrap_or_default();
        format!("{:?} {}{measured}", outcome.verdict, outcome.subject.images.join("+"))
    };
    outcomes(rule).into_iter().map(shown).collect()
}

#[test]
fn base() {
    assert_eq!(seen("[base]\nimages = 'shop/*'\non = 'debian'"), ["Pass shop/api:1", "Pass shop/worker:1"]);
    let broken = outcomes("[base]\nimages = 'tool'\non = ['debian:12', 'shop/api']");
    assert_eq!((broken.len(), broken[0].verdict), (1, Verdict::Fail));
    assert!(broken[0].message.contains("it has 0"), "{broken:?}");
    let absent = outcomes("[base]\nimages = 'tool'\non = 'fedora'");
    assert!(absent[0].verdict == Verdict::Fail && absent[0].message.contains("no image here is called fedora"), "{absent:?}");
}

#[test]
fn same_base() {
    assert_eq!(seen("[same-base]\nimages = ['shop/*', 'debian']"), ["Pass debian:12+shop/api:1+shop/worker:1 1"]);
    let broken = outcomes("[same-base]");
    assert_eq!((broken[0].verdict, broken[0].measured.map(super::Amount::number)), (Verdict::Fail, Some(2)));
    assert!(broken[0].fix.as_ref().unwrap().starts_with("build tool:1 again"), "{broken:?}");
}

#[test]
fn sharing_is_counted_among_the_images_that_the_rule_is_about() {
    assert_eq!(seen("[min-shared]\nimages = 'shop/*'\nlimit = '25%'"), ["Pass shop/api:1 25%", "Pass shop/worker:1 66%"]);
    assert_eq!(seen("[min-shared]\nimages = 'shop/*'\nlimit = '26%'"), ["Fail shop/api:1 25%", "Pass shop/worker:1 66%"]);
    assert_eq!(seen("[min-shared]\nimages = ['shop/api', 'tool']\nlimit = 1"), ["Fail shop/api:1 0B", "Fail tool:1 0B"]);
    assert_eq!(seen("[max-exclusive]\nimages = 'shop/*'\nlimit = 50"), ["Fail shop/api:1 300B", "Pass shop/worker:1 50B"]);
    assert_eq!(seen("[max-exclusive]\nimages = 'shop/*'\nlimit = '33%'"), ["Fail shop/api:1 75%", "Fail shop/worker:1 34%"]);
    let alone = outcomes("[max-exclusive]\nimages = 'shop/api'\nlimit = 399");
    assert_eq!(alone[0].measured.map(super::Amount::number), Some(400), "an image without a name shares with nobody");
    assert!(alone[0].fix.as_ref().unwrap().contains("`RUN api=300`"), "{alone:?}");
}

#[test]
fn sizes_layers_and_inodes() {
    assert_eq!(seen("[max-size]\nimages = 'shop/*'\nlimit = 150"), ["Fail shop/api:1 400B", "Pass shop/worker:1 150B"]);
    assert_eq!(seen("[max-layers]\nimages = ['debian', 'tool']\nlimit = 1"), ["Pass debian:12 1", "Fail tool:1 2"]);
    assert_eq!(seen("[max-inodes]\nimages = 'shop/*'\nlimit = 15"), ["Fail shop/api:1 40", "Pass shop/worker:1 15"]);
    assert_eq!(seen("[max-set-size]\nimages = 'shop/*'\nlimit = 450"), ["Pass shop/api:1+shop/worker:1 450B"]);
    assert_eq!(seen("[max-set-size]\nimages = 'shop/*'\nlimit = 449"), ["Fail shop/api:1+shop/worker:1 450B"]);
}

#[test]
fn duplicate_layers() {
    assert_eq!(seen("[no-duplicate-layers]\nimages = 'shop/*'"), ["Pass shop/api:1+shop/worker:1 0"]);
    let broken = &outcomes("[no-duplicate-layers]")[0];
    assert_eq!((broken.verdict, broken.measured.map(super::Amount::number)), (Verdict::Fail, Some(1)));
    assert!(broken.message.contains("layer 2 of shop/api:1 is layer 2 of tool:1") && broken.message.contains("300B lost"), "{broken:?}");
    assert!(broken.fix.as_ref().unwrap().starts_with("move `RUN api=300` below"), "{broken:?}");
}

#[test]
fn host() {
    assert_eq!(seen("[no-garbage]"), ["Fail  2"]);
    assert_eq!(seen("[min-free-space]\nlimit = '20%'"), ["Pass  20%"]);
    assert_eq!(seen("[min-free-space]\nlimit = 21"), ["Fail  20B"]);
    assert_eq!(seen("[min-free-inodes]\nlimit = 300"), ["Pass  300"]);
    assert_eq!(seen("[min-free-inodes]\nlimit = '31%'\nlevel = 'warn'"), ["Warn  30%"]);
    let clean = Scene { host: Some(Host { space: Some((1, 1)), inodes: Some((0, 0)), ..Host::default() }), ..Scene::default() };
    let rules = "[no-garbage]\n[min-free-space]\nlimit = 1\n[min-free-inodes]\nlimit = '5%'";
    let verdicts = |scene: &Scene| evaluate(&parse(rules).unwrap(), scene).iter().map(|outcome| outcome.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(&clean), [Verdict::Pass; 3], "a file system without a fixed number of inodes is never short of them");
    let silent = Scene { host: Some(Host { unread: Some("1 thing could not be read".to_owned()), ..Host::default() }), ..Scene::default() };
    assert_eq!(verdicts(&silent), [Verdict::Unknown; 3]);
    assert_eq!(verdicts(&Scene::default()), [Verdict::Warn; 3], "images of an archive are on no host");
}

#[test]
fn a_level_decides_what_a_breach_means_and_exceptions_are_left_out() {
    assert_eq!(seen("[max-size]\nexcept = ['shop/*', 'debian']\nlimit = 0\nlevel = 'warn'"), ["Warn tool:1 310B"]);
}

#[test]
fn a_rule_that_is_about_nothing_is_told() {
    let outcomes = outcomes("[max-size]\nimages = ['shop/db', 'old/*']\nlimit = 1");
    assert_eq!((outcomes[0].verdict, outcomes[0].message.as_str()), (Verdict::Warn, "no image here is called shop/db or old/*"));
}

#[test]
fn a_rule_says_what_it_means_that_there_is_no_such_image() {
    for (missing, expected) in [("ignore", vec![]), ("warn", vec![Verdict::Warn]), ("fail", vec![Verdict::Fail])] {
        let outcomes = outcomes(&format!("[max-size]\nimages = 'shop/db'\nlimit = 1\nmissing = '{missing}'\nlevel = 'warn'"));
        assert_eq!(outcomes.iter().map(|outcome| outcome.verdict).collect::<Vec<_>>(), expected, "{missing}");
    }
}

#[test]
fn what_could_not_be_read_keeps_a_rule_from_passing_and_no_breach_from_being_told() {
    let mut scene = shop();
    let api = scene.images.iter().find(|image| image.names[0] == "shop/api:1").unwrap().id;
    scene.unread.images.insert(api, "its layer is gone".to_owned());
    let seen = |scene: &Scene, rule: &str| {
        let outcomes = evaluate(&parse(rule).unwrap(), scene);
        outcomes.iter().map(|outcome| (outcome.verdict, outcome.fails())).collect::<Vec<_>>()
    };
    let (pass, unknown, fail) = ((Verdict::Pass, false), (Verdict::Unknown, true), (Verdict::Fail, true));
    assert_eq!(seen(&scene, "[max-size]\nimages = 'shop/*'\nlimit = 400"), [unknown, pass]);
    assert_eq!(seen(&scene, "[max-size]\nimages = 'shop/api'\nlimit = 1"), [fail], "more of it would be no smaller");
    assert_eq!(seen(&scene, "[max-size]\nimages = 'shop/api'\nlimit = 400\nlevel = 'warn'"), [(Verdict::Unknown, false)]);
    assert_eq!(seen(&scene, "[same-base]\nimages = 'shop/*'"), [unknown], "one of the set is enough");
    assert_eq!(seen(&scene, "[same-base]\nimages = ['debian', 'worker']"), [pass]);
    assert_eq!(seen(&scene, "[base]\nimages = 'tool'\non = 'shop/api'"), [unknown], "nobody knows what the base is");
    let outcome = &evaluate(&parse("[max-size]\nimages = 'shop/api'\nlimit = 400").unwrap(), &scene)[0];
    assert_eq!(outcome.message, "it weighs 400B, as far as it could be read: its layer is gone");
    scene.unread.names = Some("cannot parse them".to_owned());
    assert_eq!(seen(&scene, "[max-layers]\nimages = 'worker'\nlimit = 9"), [pass, unknown], "another worker may have lost its name");
    assert_eq!(seen(&scene, "[max-layers]\nimages = 'absent'\nlimit = 9"), [unknown]);
}

#[test]
fn the_policy_to_begin_with_passes_and_says_what_would_not() {
    for scene in [shop(), Scene::default(), scene(&[("a:1", &[])])] {
        let text = starter(&scene);
        let outcomes = evaluate(&parse(&text).unwrap(), &scene);
        assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{text}{outcomes:?}");
    }
    let text = starter(&shop());
    assert!(
        text.contains("\n[max-size]\nlimit = \"400B\"\n") && text.contains("\n# [no-garbage]\n") && text.contains("\n[min-free-inodes]\n"),
        "{text}"
    );
    assert_eq!(evaluate(&parse(&text).unwrap(), &shop()).len(), 4 * 3 + 3, "{text}");
}
