//! The rules about what is inside of an image.

use super::super::{Inside, Outcome, Scene, Verdict, evaluate, parse, starter, wanted_to_start};
use super::shop;
use crate::lint::inside::{Hidden, Shown};
use crate::union::waste::{Lengths, Why};

/// The shop, of which somebody looked into everything: the first image wastes a tenth, shows a key, and has two setuid files.
fn looked_into() -> Scene {
    let mut scene = shop();
    let api = scene.images.iter().find(|image| image.names.first().is_some_and(|name| name == "shop/api:1")).unwrap();
    let (id, base, top) = (api.id, api.chain[0], api.chain[1]);
    for image in &scene.images {
        scene.insides.insert(image.id, Ok(Inside { stored: 100, ..Inside::default() }));
    }
    let shown = |path: &str, mode, layer| Shown { text: path.to_owned(), path: path.to_owned(), mode, layer: Some(layer) }.into();
    let worst = Hidden {
        path: "/var/cache".to_owned(),
        why: Why::Deleted,
        bytes: 30,
        stored_in: Some(base),
        hidden_by: Some(top),
        advice: "delete it in the step that makes it",
    };
    let inside = Inside {
        stored: 400,
        wasted: 41,
        lengths: Lengths { least: 350, all: 400, repeated: 50, above_base: 300 },
        worst: vec![worst],
        shown: vec![
            shown("/bin/su", 0o104_755, base),
            shown("/root/.ssh/id_rsa", 0o100_600, top),
            shown("/srv/tool", 0o102_755, top),
            shown("/var/mail", 0o042_775, base),
        ],
        doubt: None,
    };
    scene.insides.insert(id, Ok(inside));
    scene
}

fn outcomes(scene: &Scene, rule: &str) -> Vec<Outcome> {
    evaluate(&parse(&rule.replacen(']', "]\nimages = 'shop/*'", 1)).unwrap(), scene)
}

fn seen(rule: &str) -> Vec<String> {
    let shown = |outcome: Outcome| format!("{:?} {}", outcome.verdict, outcome.measured.unwrap());
    outcomes(&looked_into(), rule).into_iter().map(shown).collect()
}

#[test]
fn waste() {
    assert_eq!(seen("[max-waste]\nlimit = 41"), ["Pass 41B", "Pass 0B"]);
    assert_eq!(seen("[max-waste]\nlimit = '10%'"), ["Fail 11%", "Pass 0%"]);
    assert_eq!(seen("[min-efficiency]\nlimit = '87%'"), ["Pass 87%", "Pass 100%"]);
    assert_eq!(seen("[min-efficiency]\nlimit = '88%'"), ["Fail 87%", "Pass 100%"]);
    assert_eq!(seen("[max-user-waste]\nlimit = '17%'"), ["Pass 17%", "Pass 0%"]);
    assert_eq!(seen("[max-user-waste]\nlimit = '16%'"), ["Fail 17%", "Pass 0%"]);
    let broken = &outcomes(&looked_into(), "[max-waste]\nlimit = 1")[0];
    assert_eq!(
        broken.message,
        "41B of 400B are seen by no container; /var/cache, 30B, deleted, stored by `RUN debian=100`, hidden by `RUN api=300`"
    );
    assert_eq!(broken.fix.as_deref(), Some("/var/cache: delete it in the step that makes it"));
    assert_eq!((broken.places[0].path.as_str(), broken.places[0].hidden_by_step.as_deref()), ("/var/cache", Some("RUN api=300")));
}

#[test]
fn files_that_run_with_the_rights_of_others() {
    assert_eq!(seen("[no-setuid]"), ["Fail 2", "Pass 0"]);
    assert_eq!(seen("[no-setuid]\nallow = '/bin/su'"), ["Fail 1", "Pass 0"]);
    assert_eq!(seen("[no-setuid]\nallow = ['/bin/*', 'srv/tool']"), ["Pass 0", "Pass 0"]);
    let broken = &outcomes(&looked_into(), "[no-setuid]")[0];
    assert_eq!(
        broken.message,
        "2 files setuid or setgid; /bin/su (4755), made by `RUN debian=100`; /srv/tool (2755), made by `RUN api=300`"
    );
    assert!(broken.fix.as_ref().unwrap().contains("chmod ug-s") && broken.places.len() == 2, "{broken:?}");
}

#[test]
fn paths_that_must_not_be_there() {
    assert_eq!(seen("[no-path]\npaths = ['*/id_rsa', '/tmp/*']"), ["Fail 1", "Pass 0"]);
    assert_eq!(seen("[no-path]\npaths = '*/id_rsa'\nallow = '/root/*'"), ["Pass 0", "Pass 0"]);
    assert_eq!(seen("[no-path]\npaths = 'id_rsa'"), ["Pass 0", "Pass 0"]);
    let broken = &outcomes(&looked_into(), "[no-path]\npaths = '*/id_rsa'")[0];
    assert_eq!(broken.message, "1 path not wanted; /root/.ssh/id_rsa, made by `RUN api=300`");
}

#[test]
fn what_nobody_could_look_into_is_not_kept() {
    let mut scene = looked_into();
    let [api, worker] = [1, 2].map(|number| scene.images[number].id);
    scene.insides.insert(worker, Err("its layer is gone".to_owned()));
    if let Some(Ok(inside)) = scene.insides.get_mut(&api) {
        inside.doubt = Some("cannot list a directory".to_owned());
    }
    let verdicts = |rule: &str| outcomes(&scene, rule).iter().map(|outcome| outcome.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts("[max-waste]\nlimit = 41"), [Verdict::Unknown, Verdict::Unknown]);
    assert_eq!(verdicts("[no-setuid]"), [Verdict::Fail, Verdict::Unknown], "what was seen was seen");
    assert!(outcomes(&scene, "[no-setuid]")[1].message.ends_with("its layer is gone"));
    scene.insides.clear();
    assert_eq!(outcomes(&scene, "[no-setuid]")[0].message, "nobody can tell: nobody looked into its layers");
}

#[test]
fn only_images_are_looked_into_that_a_rule_asks_about() {
    let scene = shop();
    let wanted = |text: &str| parse(text).unwrap().wanted(&scene);
    assert_eq!(wanted("[max-size]\nlimit = 1\n[same-base]"), super::super::Wanted::default());
    let some = wanted(
        "[max-waste]\nimages = 'tool'\nlimit = 1\n[[no-path]]\nimages = 'worker'\npaths = ['b', 'a']\n[[no-path]]\nimages = 'tool'\npaths = '/a'",
    );
    assert_eq!((some.images.len(), some.watch.set_id, some.watch.patterns), (2, false, vec!["/a".to_owned(), "/b".to_owned()]));
    assert!(wanted("[no-setuid]\nimages = 'tool'").watch.set_id);
}

#[test]
fn the_policy_to_begin_with_allows_what_is_there() {
    let scene = looked_into();
    assert_eq!(wanted_to_start(&scene).images.len(), 4);
    let text = starter(&scene);
    let outcomes = evaluate(&parse(&text).unwrap(), &scene);
    assert!(outcomes.iter().all(|outcome| outcome.verdict == Verdict::Pass), "{text}{outcomes:?}");
    for expected in [
        "\n[max-waste]\nlimit = \"41B\"\n",
        "\n[min-efficiency]\nlimit = \"87%\"\n",
        "\n[max-user-waste]\nlimit = \"17%\"\n",
        "\n[no-setuid]\nallow = [\"/bin/su\", \"/srv/tool\"]\n",
        "\n# Not now: 1 path not wanted; /root/.ssh/id_rsa",
        "\n# [[no-path]]\n# paths = [\"*/.aws",
        "\n[[no-path]]\npaths = [\"*/.git/objects",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
}
