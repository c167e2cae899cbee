//! What Docker users type by habit, as docs/docker-habits.md promises.

use crate::sample::{Ran, binary, layerwise, printed, root, run};

const PROMISES: &str = include_str!("../../docs/docker-habits.md");

/// The cells of every row of the tables below a heading.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = PROMISES.split("\n## ").find_map(|section| section.strip_prefix(heading)).unwrap();
    let rows = section.lines().filter(|line| line.starts_with('|') && !line.starts_with("|---"));
    rows.skip(1).map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('|').trim()).collect()).collect()
}

#[test]
fn every_command_of_the_table_answers_as_it_says() {
    let rows = rows("Commands");
    assert!(rows.len() > 30);
    for row in rows {
        let command = row[0].trim_matches('`');
        let Ran { status, output, errors } = layerwise(&command.split(' ').collect::<Vec<_>>());
        if row[1].starts_with("does it") {
            assert_eq!((status, errors.as_str()), (0, ""), "{command}");
        } else {
            assert!(row[1].starts_with("explains"), "{command}: {}", row[1]);
            assert_eq!((status, output.as_str()), (2, ""), "{command}");
            assert!(errors.starts_with("layerwise: ") && errors.contains("\nhint: "), "{command}: {errors}");
            assert!(!errors.contains("similar") && !errors.contains("did you mean"), "{command}: {errors}");
        }
    }
}

#[test]
fn every_field_of_the_table_is_known_and_no_other() {
    for row in rows("Formats").iter().filter(|row| row[1].starts_with("`.")) {
        let command = row[0].split(", ").next().unwrap().trim_matches('`');
        for field in row[1].split(' ').map(|field| field.trim_matches('`')) {
            let arguments: Vec<&str> = command.split(' ').chain((command == "history").then_some("tool")).collect();
            let template = format!("{{{{{field}}}}}");
            let ran = layerwise(&[arguments.as_slice(), &["--format", &template]].concat());
            assert_eq!((ran.status, ran.errors.as_str()), (0, ""), "{command} {field}");
        }
    }
    for field in ["{{.Label}}", "{{.RepositoryTag}}"] {
        assert_eq!(layerwise(&["images", "--format", field]).status, 2, "{field}");
    }
}

#[test]
fn no_tip_leads_to_a_deletion() {
    for wrong in [
        &["prune", "--al"][..],
        &["prune", "--allow"],
        &["prune", "--forc"],
        &["repair", "--forc"],
        &["trash", "empty", "--old"],
        &["trash", "rm"],
        &["trash", "emty"],
        &["prun"],
        &["pus"],
        &["repar"],
    ] {
        let ran = layerwise(wrong);
        assert_eq!((ran.status, ran.output.as_str()), (2, ""), "{wrong:?}");
        assert!(!ran.errors.contains("tip:") && !ran.errors.contains("similar"), "{wrong:?}: {}", ran.errors);
    }
    assert!(layerwise(&["imagess"]).errors.contains("'images'"));
    assert!(layerwise(&["images", "--diges"]).errors.contains("'--digests'"));
}

#[test]
fn an_image_has_a_row_for_each_of_its_names() {
    let names = printed(&["images", "--format", "{{.Repository}}:{{.Tag}}", "-f", "reference=*/*"]);
    assert_eq!(names, "shop/worker:2\nshop/api:2\n");
    assert_eq!(printed(&["images", "shop/api", "--format", "{{.Tag}} {{.Repository}}"]), "2 shop/api\n");
    let short = printed(&["images", "debian:12", "--format", "{{.ID}} {{.Tag}} {{.id}}"]);
    let words: Vec<&str> = short.split_whitespace().collect();
    assert_eq!((words[0].len(), words[1]), (12, "12"));
    assert_eq!(words[2].strip_prefix("sha256:").unwrap()[..12], *words[0]);
    let debian = printed(&["images", "debian", "--format", "table {{.Repository}}\\t{{.Tag}}"]);
    assert_eq!(debian, "REPOSITORY   TAG\ndebian       12\ndebian       bookworm\n");
}

#[test]
fn a_filter_never_shows_nothing_without_a_word() {
    for wrong in [
        &["layers", "-f", "images=app:1"][..],
        &["layers", "-f", "containers=nobody"],
        &["containers", "-f", "image=app:1"],
        &["containers", "-f", "ancestor=app:1"],
        &["containers", "-f", "before=nobody"],
        &["images", "-f", "since=app:1"],
        &["history", "app:1"],
        &["history", "web"],
    ] {
        let ran = layerwise(wrong);
        assert_eq!((ran.status, ran.output.as_str()), (1, ""), "{wrong:?}");
        assert!(
            ran.errors.contains("nothing here is called") || ran.errors.contains("is a container, and no image"),
            "{wrong:?}: {}",
            ran.errors
        );
    }
    for wrong in ["dangling=maybe", "until=soon"] {
        let ran = run(binary().args(["images", "-f", wrong, "--data-root", "/nonexistent"]));
        assert_eq!(ran.status, 2, "{wrong}: {}", ran.errors);
    }
    assert_ne!(printed(&["layers", "-q", "-f", "images=shop/api:2"]), "");
    assert_eq!(printed(&["containers", "-f", "name=we", "--format", "{{.Names}}"]), "web\n");
    assert_ne!(printed(&["containers", "-q", "-f", "ancestor=shop/api:2"]), "");
}

#[test]
fn locate_says_what_is_missing() {
    let ran = layerwise(&["locate", "/etc/passwd"]);
    assert_eq!((ran.status, ran.output.as_str()), (2, ""));
    assert!(ran.errors.ends_with("hint: layerwise locate /etc/passwd in app:1\n"), "{}", ran.errors);
}

#[test]
fn the_environment_is_obeyed() {
    let shown = |environment: &[(&str, &str)], arguments: &[&str]| {
        let mut command = binary();
        command.args(["--copy", "images", "--no-scan"]).args(arguments).env("LAYERWISE_DATA_ROOT", root());
        run(command.envs(environment.iter().copied())).output
    };
    let plain = shown(&[], &[]);
    let is_coloured = |text: &str| text.contains("\x1b[1m");
    assert!(!is_coloured(&plain));
    assert!(is_coloured(&shown(&[("CLICOLOR_FORCE", "1")], &[])));
    assert!(!is_coloured(&shown(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[])));
    assert!(!is_coloured(&shown(&[("CLICOLOR_FORCE", "1")], &["--color", "never"])));
    let width = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(width(&plain) > 60);
    assert!(width(&shown(&[("COLUMNS", "60")], &[])) <= 60);
    assert!(width(&shown(&[("COLUMNS", "60")], &["--no-trunc"])) > 60);
    assert_eq!(shown(&[("COLUMNS", "wide")], &[]), plain);
}

#[test]
fn volumes_are_a_list() {
    let volumes = printed(&["volumes", "--format", "{{.name}} {{.unused}} {{.anonymous}} {{len .containers}}"]);
    assert!(volumes.contains("orders false false 1\n"), "{volumes}");
    // A container's config is lost, and may have named the other.
    assert!(volumes.lines().any(|line| line.ends_with(" true 0") && line.len() > 64), "{volumes}");
    assert_eq!(printed(&["volume", "ls", "-f", "name=ord", "--format", "{{.Name}} {{.Links}}"]), "orders 1\n");
}

#[test]
fn a_history_has_every_step() {
    let steps = printed(&["history", "shop/api:2", "--format", "{{.empty}} {{.images}} {{.layer}}"]);
    let layers = printed(&["images", "shop/api:2", "--format", "{{len .layers}}"]);
    let made = steps.lines().filter(|line| line.starts_with("false ")).count();
    assert_eq!(made.to_string(), layers.trim());
    assert!(steps.lines().filter(|line| line.starts_with("false ")).all(|line| !line.starts_with("false 0 ")), "{steps}");
}
