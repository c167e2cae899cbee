//! Commands that people type because Docker has them: those that mean the same here are done, of the others it is said who does it.

use super::args::Global;
use super::exit::{Failure, Status};
use super::output::Output;
use super::{changes, containers, df, history, images, inspect, volumes};
use clap::Subcommand;
use std::ffi::OsString;

/// `docker image …`
#[derive(Debug, Subcommand)]
pub(super) enum Image {
    /// List images
    #[command(visible_alias = "list")]
    Ls(images::Args),
    /// List the steps that made an image
    History(history::Args),
    /// Show all that is known of a thing
    Inspect(inspect::Args),
    /// What is Docker's alone.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `docker container …`
#[derive(Debug, Subcommand)]
pub(super) enum Container {
    /// List the containers that run, or all of them
    #[command(visible_aliases = ["ps", "list"])]
    Ls(containers::PsArgs),
    /// List what a container changed
    Diff(changes::Args),
    /// Show all that is known of a thing
    Inspect(inspect::Args),
    /// What is Docker's alone.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `docker volume …`
#[derive(Debug, Subcommand)]
pub(super) enum Volume {
    /// List volumes
    #[command(visible_alias = "list")]
    Ls(volumes::Args),
    /// Show all that is known of a thing
    Inspect(inspect::Args),
    /// What is Docker's alone.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `docker system …`
#[derive(Debug, Subcommand)]
pub(super) enum System {
    /// Show what the disk space and the inodes are used for
    Df(df::Args),
    /// What is Docker's alone.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// `docker builder …`
#[derive(Debug, Subcommand)]
pub(super) enum Builder {
    /// What is Docker's alone.
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// Whatever stands behind a word.
#[derive(Debug, clap::Args)]
pub(super) struct Rest {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    words: Vec<OsString>,
}

/// Does what `docker image …` means here.
pub(super) fn image(command: &Image, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    match command {
        Image::Ls(args) => images::run(args, global, output),
        Image::History(args) => history::run(args, global, output),
        Image::Inspect(args) => inspect::run(args, global, output),
        Image::Other(words) => Err(other("image", words)),
    }
}

/// Does what `docker container …` means here.
pub(super) fn container(command: &Container, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    match command {
        Container::Ls(args) => containers::ps(args, global, output),
        Container::Diff(args) => changes::run(args, global, output),
        Container::Inspect(args) => inspect::run(args, global, output),
        Container::Other(words) => Err(other("container", words)),
    }
}

/// Does what `docker volume …` means here.
pub(super) fn volume(command: &Volume, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    match command {
        Volume::Ls(args) => volumes::run(args, global, output),
        Volume::Inspect(args) => inspect::run(args, global, output),
        Volume::Other(words) => Err(other("volume", words)),
    }
}

/// Does what `docker system …` means here.
pub(super) fn system(command: &System, global: &Global, output: &mut Output) -> Result<Status, Failure> {
    match command {
        System::Df(args) => df::system(args, global, output),
        System::Other(words) => Err(other("system", words)),
    }
}

/// Says who does what `docker builder …` does.
pub(super) fn builder(Builder::Other(words): &Builder) -> Failure {
    other("builder", words)
}

/// Says who does what `docker rm` and `docker rmi` do.
pub(super) fn removal(word: &str, Rest { .. }: &Rest) -> Failure {
    not_ours(&[word])
}

fn other(group: &str, words: &[OsString]) -> Failure {
    let word = words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    not_ours(&[group, &word])
}

/// Says which command does what these words do with `docker`.
pub(super) fn not_ours(words: &[&str]) -> Failure {
    let hint = match words {
        [.., "prune" | "rm" | "rmi" | "remove"] => format!(
            "`docker {}` removes what Docker still knows; `layerwise df` says how much that gives back, `layerwise prune` takes what belongs to nothing",
            crate::render::escape::line(&words.join(" "))
        ),
        ["builder", ..] => "`layerwise build-cache` lists the build cache; `docker builder` does the rest".to_owned(),
        ["system", "info"] | ["info"] => "`layerwise roots` lists the data-roots of this machine; `docker info` says the rest".to_owned(),
        ["version"] => "`layerwise --version` says which this is".to_owned(),
        [.., "save" | "load" | "import" | "export"] => "`layerwise --archive FILE` reads what `docker save` writes".to_owned(),
        [.., "tag" | "push" | "pull" | "build" | "login" | "logout" | "search"] => "`layerwise images` lists what there is".to_owned(),
        _ => "`layerwise --help` lists what this program does".to_owned(),
    };
    Failure::usage(format!("{} is a command of docker's, which layerwise does not have", crate::render::escape::brief(&words.join(" "))))
        .hint(hint)
}

/// The words with which commands of docker's begin, besides those that are known here.
const WORDS: [&str; 58] = [
    "attach",
    "build",
    "buildx",
    "checkpoint",
    "commit",
    "compose",
    "config",
    "context",
    "cp",
    "create",
    "engine",
    "events",
    "exec",
    "export",
    "import",
    "info",
    "init",
    "kill",
    "load",
    "login",
    "logout",
    "logs",
    "manifest",
    "network",
    "node",
    "pause",
    "plugin",
    "port",
    "pull",
    "push",
    "rename",
    "restart",
    "run",
    "save",
    "scan",
    "scout",
    "search",
    "secret",
    "service",
    "stack",
    "start",
    "stats",
    "stop",
    "swarm",
    "tag",
    "top",
    "trust",
    "unpause",
    "update",
    "version",
    "wait",
    "debug",
    "desktop",
    "extension",
    "model",
    "sandbox",
    "sbom",
    "offload",
];

/// What to say of a word that is no command here but one of docker's.
pub(super) fn known(word: &str) -> Option<Failure> {
    WORDS.contains(&word).then(|| not_ours(&[word]))
}
