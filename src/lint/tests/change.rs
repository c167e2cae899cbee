//! The rules about what became of images since a baseline was saved.

use super::super::{Baseline, Outcome, Scene, Verdict, evaluate, parse};
use super::{scene, shop};

/// The shop some days ago: smaller, and the worker's content only there.
fn before() -> Scene {
    scene(&[
        ("debian:12", &["debian=100"]),
        ("shop/api:1", &["debian=100", "api=250"]),
        ("shop/worker:0", &["debian=100", "worker=50"]),
        ("shop/db:1", &["debian=100", "db=70"]),
        ("tool:1", &["debian=100", "api=300"]),
    ])
}

fn baseline() -> Baseline {
    let text = Baseline::of(&before()).0.to_text().unwrap();
    Baseline::parse(text.as_bytes()).unwrap()
}

fn outcomes(rule: &str) -> Vec<Outcome> {
    evaluate(&parse(rule).unwrap(), &shop().since(baseline()))
}

fn seen(rule: &str) -> Vec<String> {
    let measured = |outcome: &Outcome| outcome.measured.map_or_else(|| outcome.message.clone(), |measured| measured.to_string());
    outcomes(rule)
        .iter()
        .map(|outcome| format!("{:?} {} {}", outcome.verdict, outcome.subject.images.join("+"), measured(outcome)))
        .collect()
}

#[test]
fn growth() {
    let of = |limit: &str| seen(&format!("[max-growth]\nimages = 'shop/*'\nlimit = '{limit}'"));
    assert_eq!(of("50"), ["Pass shop/api:1 50B", "Pass shop/worker:1 0B"]);
    assert_eq!(of("49"), ["Fail shop/api:1 50B", "Pass shop/worker:1 0B"]);
    // 50 of the 350 that the image weighed.
    assert_eq!(of("15%"), ["Pass shop/api:1 15%", "Pass shop/worker:1 0%"]);
    assert_eq!(of("14%"), ["Fail shop/api:1 15%", "Pass shop/worker:1 0%"]);
    let broken = &outcomes("[max-growth]\nimages = 'shop/*'\nlimit = 1")[0];
    assert_eq!(broken.message, "300B are its own, and 250B were in the baseline");
    assert!(broken.fix.as_ref().unwrap().contains("`RUN api=300`"), "{broken:?}");
}

#[test]
fn growth_beyond_a_hundred_percent_is_more_than_a_hundred_percent() {
    let [then, now] = [10, 100].map(|bytes| {
        let content = format!("a={bytes}");
        scene(&[("a:1", &[content.as_str()])])
    });
    let scene = now.since(Baseline::of(&then).0);
    let outcome = &evaluate(&parse("[max-growth]\nlimit = '100%'").unwrap(), &scene)[0];
    assert_eq!((outcome.verdict, outcome.measured.unwrap().number()), (Verdict::Fail, 900));
}

#[test]
fn sharing_that_is_lost() {
    let of = |limit: &str| seen(&format!("[max-sharing-lost]\nlimit = '{limit}'"));
    // The tool stood on debian and had what the image without a name has; now it stands alone.
    let others = ["Pass debian:12 0B", "Pass shop/api:1 0B", "Pass shop/worker:1 0B"];
    assert_eq!(of("100"), [others.as_slice(), &["Pass tool:1 100B"]].concat());
    assert_eq!(of("99"), [others.as_slice(), &["Fail tool:1 100B"]].concat());
    assert!(of("25%").iter().all(|line| line.starts_with("Pass")), "{:?}", of("25%"));
    assert_eq!(of("24%")[3], "Fail tool:1 25%");
}

#[test]
fn contents_that_are_stored_more_often() {
    // The content of the api is in two images on different bases now.
    assert_eq!(seen("[no-new-duplicates]"), ["Fail debian:12+shop/api:1+shop/worker:1+tool:1 1"]);
    assert_eq!(seen("[no-new-duplicates]\nimages = 'shop/*'"), ["Pass shop/api:1+shop/worker:1 0"]);
    let verdict = |then: &Scene, now: Scene| evaluate(&parse("[no-new-duplicates]").unwrap(), &now.since(Baseline::of(then).0))[0].verdict;
    let (old, two) = ([("a:1", ["x=1", "c=5"]), ("b:1", ["y=1", "c=5"])], [("a:1", ["z=1", "c=5"]), ("b:1", ["y=1", "c=5"])]);
    let made = |images: &[(&str, [&str; 2])]| scene(&images.iter().map(|(name, layers)| (*name, layers.as_slice())).collect::<Vec<_>>());
    assert_eq!(verdict(&made(&old), made(&two)), Verdict::Pass, "it was stored twice before");
    let three = [two.as_slice(), &[("c:1", ["w=1", "c=5"])]].concat();
    assert_eq!(verdict(&made(&old), made(&three)), Verdict::Fail, "one time more");
    let mut again = made(&[("a:1", ["x=1", "d=6"]), ("b:1", ["y=1", "d=6"])]);
    again.layers.values_mut().filter(|layer| layer.bytes == 6).for_each(|layer| layer.step = Some("RUN c=5".to_owned()));
    assert_eq!(verdict(&made(&old), again), Verdict::Pass, "the same step made it again");
}

#[test]
fn images_are_known_by_their_names_and_told_when_new_or_gone() {
    let told = |now: Scene| {
        now.since(baseline()).baseline.map(|baseline| (baseline.new_and_gone().0.to_vec(), baseline.new_and_gone().1.to_vec()))
    };
    let (new, gone) = told(shop()).unwrap();
    assert_eq!((new, gone), (vec![], vec!["shop/db:1".to_owned()]), "another tag of the only image of a repository is that image");
    let joined = scene(&[("shop/api:1,shop/db:1", &["a=1"]), ("debian:12,tool:1", &["w=2"]), ("shop/worker:0", &["w=3"])]);
    assert_eq!(told(joined), Some((vec![], vec![])), "what two images were is one now");
    let renamed = scene(&[("shop/web:1", &["a=1"]), ("shop/worker:1", &["w=2"]), ("shop/worker:2", &["w=3"])]);
    let (new, gone) = told(renamed.clone()).unwrap();
    assert_eq!(new, ["shop/web:1", "shop/worker:1", "shop/worker:2"], "which of two it was is anybody's guess");
    assert_eq!(gone.len(), 5);
    let outcome = &evaluate(&parse("[max-growth]\nimages = 'shop/web'\nlimit = 0").unwrap(), &renamed.since(baseline()))[0];
    assert_eq!((outcome.verdict, outcome.message.as_str()), (Verdict::Pass, "it is new since the baseline"));
}

#[test]
fn without_a_baseline_a_rule_about_change_is_told() {
    for rule in ["[max-growth]\nlimit = 1", "[max-sharing-lost]\nlimit = 1", "[no-new-duplicates]"] {
        let outcomes = evaluate(&parse(rule).unwrap(), &shop());
        assert_eq!((outcomes.len(), outcomes[0].verdict), (1, Verdict::Warn), "{rule}");
        assert_eq!(outcomes[0].message, "there is no baseline to compare with");
    }
}

#[test]
fn a_policy_that_says_nothing_of_change_has_the_usual_rules() {
    let names = |text: &str| parse(text).unwrap().about_change().rules.iter().map(|rule| rule.check.name()).collect::<Vec<_>>();
    assert_eq!(names("[same-base]"), ["same-base", "max-growth", "max-sharing-lost", "no-new-duplicates"]);
    assert_eq!(names("[max-growth]\nlimit = 1"), ["max-growth"]);
}

#[test]
fn an_image_that_could_not_be_read_is_left_out_of_a_baseline() {
    let mut scene = shop();
    let api = scene.images[1].id;
    scene.unread.images.insert(api, "its layer is gone".to_owned());
    let (baseline, left_out) = Baseline::of(&scene);
    assert_eq!(left_out, ["shop/api:1"]);
    assert_eq!(shop().since(baseline).baseline.unwrap().new_and_gone().0, ["shop/api:1"]);
}

#[test]
fn what_is_no_baseline_of_this_version_is_refused() {
    let text = Baseline::of(&shop()).0.to_text().unwrap();
    assert!(Baseline::parse(text.as_bytes()).is_ok());
    let first = text.find("sha256:").unwrap();
    let broken = [
        (String::new(), "it is no JSON"),
        ("[]".to_owned(), "it is no JSON"),
        ("{}".to_owned(), "it does not say that it is a layerwise/baseline/1"),
        (text.replace("baseline/1", "baseline/2"), "it is a layerwise/baseline/2, and this version compares with layerwise/baseline/1"),
        (text.replace("\"layers\"", "\"leyers\""), "missing field `layers`"),
        (text.replace("\"bytes\": 300", "\"bytes\": -1"), "invalid value"),
        (format!("{}X{}", &text[..first + 7], &text[first + 8..]), "X"),
        (text[..text.len() / 2].to_owned(), "it is no JSON"),
    ];
    for (text, why) in broken {
        let error = Baseline::parse(text.as_bytes()).unwrap_err();
        assert!(error.contains(why), "{why}: {error}");
    }
    let mut file: serde_json::Value = serde_json::from_str(&text).unwrap();
    file["layers"].as_array_mut().unwrap().pop();
    let error = Baseline::parse(file.to_string().as_bytes()).unwrap_err();
    assert!(error.starts_with("it does not tell of all layers of "), "{error}");
}
