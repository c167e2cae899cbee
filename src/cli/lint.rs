mod baseline;

use super::args::{Choice, Global};
use super::exit::{Failure, Status};
use super::file::cannot_write;
use super::input::Input;
use super::list::List;
use super::output::Output;
use super::progress;
use super::session::Scan;
use crate::graph::Thing;
use crate::lint::{self, Baseline, Outcome, Policy, PolicyError, Scene, Wanted};
use crate::render::column::{Column, Kind};
use crate::render::escape;
use crate::report::Document;
use crate::report::lint::{self as report, Compared, Lint};
use crate::report::target::Target;
use crate::report::why::name_of;
use crate::union::waste::{self, Ask, Forest};
use crate::unreadable::Unreadable;
use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Check how images share layers and what they weigh against a policy
///
/// Rules are about the images that have a name; what is shared and what is an image's own is counted among the images that a rule is about.
/// Sizes are allocated bytes. Ends with 1 when a rule whose level is not "warn" is broken, or nobody can tell whether it is because something
/// that it needs could not be read.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Show only what is about these images, and about the host
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
    /// The rules
    #[arg(long, value_name = "FILE", default_value = "layerwise.toml")]
    policy: PathBuf,
    /// Write a policy to FILE that all that is here now passes
    #[arg(long, conflicts_with_all = ["junit", "sarif", "github", "images", "baseline", "save_baseline"])]
    init: bool,
    /// Compare with what --save-baseline wrote, and fail on what grew or lost sharing
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write what is here now to this file, unless something grew beside the --baseline
    #[arg(long, value_name = "FILE")]
    save_baseline: Option<PathBuf>,
    /// Write the results to this file as JUnit does
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write what is broken to this file as SARIF
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Print what is broken as annotations of a GitHub workflow, and append a summary to the file that `$GITHUB_STEP_SUMMARY` names
    #[arg(long)]
    github: bool,
    #[command(flatten)]
    list: Choice,
}

const EXAMPLES: &str = "Examples:
  layerwise lint --init                                    write layerwise.toml, which passes as things are
  layerwise lint                                           check everything against it
  layerwise lint --policy ci.toml --junit lint.xml app:1   only what is about app:1, and a report for the CI system
  layerwise lint --save-baseline main.json                 remember what images have of their own and share
  layerwise lint --baseline main.json                      fail on what grew since
  layerwise lint --archive app.tar --archive base.tar      check what `docker save` wrote, without Docker and without root

Rules: base, same-base, min-shared, max-exclusive, max-size, max-layers, max-inodes, max-set-size, no-duplicate-layers, max-waste,
min-efficiency, max-user-waste, no-setuid, no-path, max-growth, max-sharing-lost, no-new-duplicates, no-garbage, min-free-space,
min-free-inodes; docs/lint.md explains each.";

static COLUMNS: [Column; 13] = [
    Column::new("verdict", "VERDICT", Kind::Name),
    Column::new("rule", "RULE", Kind::Name),
    Column::new("subject", "IMAGE", Kind::Text),
    Column::new("allowed", "LIMIT", Kind::Name),
    Column::new("found", "MEASURED", Kind::Name),
    Column::new("message", "WHAT", Kind::Text),
    Column::new("fix", "FIX", Kind::Text),
    Column::new("images", "IMAGES", Kind::Text).hidden(),
    Column::new("kind", "KIND", Kind::Name).hidden(),
    Column::new("level", "LEVEL", Kind::Name).hidden(),
    Column::new("limit", "LIMIT", Kind::Count).hidden(),
    Column::new("measured", "MEASURED", Kind::Count).hidden(),
    Column::new("unit", "UNIT", Kind::Name).hidden(),
];

pub(super) fn run(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    let printer = List::new(&COLUMNS, "results", (&args.list, global, output))?;
    if args.init {
        return init(args, global, output);
    }
    let policy = read(&args.policy)?;
    let before = args.baseline.as_deref().map(baseline::load).transpose()?;
    let policy = if before.is_some() { policy.about_change() } else { policy };
    let input = Input::open(global, Scan::Measure, output)?;
    let mut scene = Scene::of(input.audit(), input.filesystem().as_ref());
    let wanted = policy.wanted(&scene);
    let lost = look_into(&input, &mut scene, wanted);
    if let Some(before) = before {
        scene = scene.since(before);
    }
    let only = args.images.iter().map(|text| name(&input, text)).collect::<Result<BTreeSet<String>, Failure>>()?;
    let lint = judge(args, (&policy, &scene), &only, output)?;
    write_files(args, &lint)?;
    let compared = lint.baseline.as_ref().map(Compared::describe);
    let (summary, status) = (lint.summary.describe(), if lint.fails() { Status::Findings } else { input.status() });
    if args.github {
        output.print(&report::annotations(&lint))?;
    } else {
        printer.print(&Document::new("lint", &input.audit().inventory, lint).with(&lost), output)?;
    }
    for line in compared.iter().chain([&summary]) {
        output.say(line);
    }
    Ok(status)
}

/// Holds the policy against what is here, and remembers that if it is wanted.
fn judge(args: &Args, (policy, scene): (&Policy, &Scene), only: &BTreeSet<String>, output: &mut Output) -> Result<Lint, Failure> {
    let outcomes = lint::evaluate(policy, scene);
    save_baseline(args, (scene, &outcomes), output)?;
    let baseline = scene.baseline.as_ref().zip(args.baseline.as_deref()).map(|(before, file)| {
        let (new, gone) = before.new_and_gone();
        Compared { file: escape::path(file), new: new.to_vec(), gone: gone.to_vec() }
    });
    Ok(Lint { baseline, ..report::report(escape::path(&args.policy), outcomes, only) })
}

/// Writes what is here now to be compared with, unless that would forget what grew.
fn save_baseline(args: &Args, (scene, outcomes): (&Scene, &[Outcome]), output: &mut Output) -> Result<(), Failure> {
    let Some(path) = &args.save_baseline else { return Ok(()) };
    if outcomes.iter().any(|outcome| outcome.fails() && outcome.is_about_change) {
        output.note(&format!("note: {} was not written: it would forget what grew", escape::path(path)));
        return Ok(());
    }
    let (now, left_out) = Baseline::of(scene);
    baseline::save(path, &now)?;
    if !left_out.is_empty() {
        let names = left_out.join(", ");
        output.note(&format!("note: not in {}, because not all of them could be read: {names}", escape::path(path)));
    }
    Ok(())
}

/// Reads the layers of the images that somebody wants to know more of; tells what could not be read.
fn look_into(input: &Input, scene: &mut Scene, wanted: Wanted) -> Vec<Unreadable> {
    if wanted.images.is_empty() {
        return Vec::new();
    }
    if !input.sees_marks() {
        let why = || Err("only root with all rights is shown which directories hide what is below them".to_owned());
        scene.insides = wanted.images.into_iter().map(|image| (image, why())).collect();
        return Vec::new();
    }
    let (forest, incomplete) = Forest::plant(&input.audit().inventory, &wanted.images);
    let ask = Ask { watch: wanted.watch, ..Ask::default() };
    let found = progress::while_reading(&ask.met, || waste::find(&*input.layers(), &forest, &ask));
    scene.insides = lint::insides(&forest, &incomplete, &found);
    found.lost
}

/// Writes a policy to begin with.
fn init(args: &Args, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    if args.policy.symlink_metadata().is_ok() {
        return Err(Failure::usage(format!("{} exists already", escape::path(&args.policy))).hint("name another file with --policy"));
    }
    let input = Input::open(global, Scan::Measure, output)?;
    let mut scene = Scene::of(input.audit(), input.filesystem().as_ref());
    let wanted = lint::wanted_to_start(&scene);
    look_into(&input, &mut scene, wanted);
    let text = lint::starter(&scene);
    let file = OpenOptions::new().write(true).create_new(true).open(&args.policy);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| cannot_write(&args.policy, &error))?;
    output.say(&format!("{} was written; all that is here now passes", escape::path(&args.policy)));
    Ok(Status::Fine)
}

fn read(path: &Path) -> Result<Policy, Failure> {
    let shown = escape::path(path);
    let text = fs::read_to_string(path).map_err(|error| {
        Failure::usage(format!("cannot read the policy {shown}: {error}")).hint("`layerwise lint --init` writes one to begin with")
    })?;
    lint::parse(&text).map_err(|error| {
        let failure = |why: &str| Failure::usage(format!("the policy {shown} is not understood: {why}"));
        match &error {
            // It shows the place in the file.
            PolicyError::Syntax(text) => {
                let (why, place) = text.split_once('\n').unwrap_or((text, ""));
                failure(why).with_lines(place.lines().map(str::to_owned))
            }
            error => failure(&error.to_string()),
        }
    })
}

/// By what name the results know an image.
fn name(input: &Input, text: &str) -> Result<String, Failure> {
    match input.find(text)? {
        Target::Thing(thing @ Thing::Image(_)) => Ok(name_of(input.audit(), &thing)),
        other => Err(Failure::usage(format!("{text} is a {}: rules are about images", other.kind()))),
    }
}

fn write_files(args: &Args, lint: &Lint) -> Result<(), Failure> {
    let write = |path: &Path, text: String| fs::write(path, text).map_err(|error| cannot_write(path, &error));
    if let Some(path) = &args.junit {
        write(path, report::junit(lint))?;
    }
    if let Some(path) = &args.sarif {
        write(path, format!("{:#}\n", report::sarif(lint)))?;
    }
    if let Some(path) = args.github.then(|| std::env::var_os("GITHUB_STEP_SUMMARY")).flatten().map(PathBuf::from) {
        let file = OpenOptions::new().append(true).create(true).open(&path);
        file.and_then(|mut file| file.write_all(report::summary(lint).as_bytes())).map_err(|error| cannot_write(&path, &error))?;
    }
    Ok(())
}
