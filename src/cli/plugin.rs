//! As a plugin of Docker's client: `docker layerwise df`.
//!
//! ```text
//! /usr/libexec/docker/cli-plugins/docker-layerwise      this program, or a link to it
//! docker-layerwise docker-cli-plugin-metadata           the client asks what it is; an answer makes it a plugin
//! docker-layerwise docker-cli-plugin-hooks JSON         the client ran a command that the user's config.json names for this plugin
//! docker-layerwise --context default layerwise df       the client passes its whole command line, its own options first
//! docker-layerwise help layerwise df                    `docker help layerwise df`
//! ```
//!
//! The name by which the program is started decides: nothing else tells a plugin's command line from any other.

use super::exit::Failure;
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The file name of a plugin.
const FILE: &str = "docker-layerwise";
/// What the client calls the plugin.
const NAME: &str = "layerwise";
/// Asks what the plugin is.
const METADATA: &str = "docker-cli-plugin-metadata";
/// Asks for a line to show after a command of Docker's.
const HOOKS: &str = "docker-cli-plugin-hooks";

/// Options of the client that have a value, and say nothing about where the data-root is.
const WITH_VALUE: [&str; 6] = ["--config", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey"];
/// Those without a value.
const FLAGS: [&str; 4] = ["-D", "--debug", "--tls", "--tlsverify"];
/// Options that choose the daemon to talk to.
const DAEMON: [&str; 4] = ["-H", "--host", "-c", "--context"];

/// What the program was started for.
#[derive(Debug)]
pub(super) enum Invocation {
    /// To run a command: with this command line, and called so in help texts.
    Command {
        /// The command line, with the program's name first.
        arguments: Vec<OsString>,
        /// What a person types before the command.
        called: &'static str,
    },
    /// To answer the client with this text.
    Answer(String),
}

/// Finds out from its whole command line what the program was started for.
///
/// Fails if an option of the client's asks for another machine's Docker.
pub(super) fn invocation(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Failure> {
    let mut arguments = arguments.into_iter();
    let program = arguments.next().unwrap_or_default();
    if Path::new(&program).file_name() != Some(OsStr::new(FILE)) {
        return Ok(Invocation::Command { arguments: std::iter::once(program).chain(arguments).collect(), called: NAME });
    }
    let mut rest = arguments.peekable();
    match rest.peek().and_then(|first| first.to_str()) {
        Some(METADATA) => return Ok(Invocation::Answer(metadata())),
        Some(HOOKS) => return Ok(Invocation::Answer(hook())),
        _ => {}
    }
    let mut command = vec![program];
    while let Some(argument) = rest.next() {
        let text = argument.to_string_lossy();
        let (option, value) = text.split_once('=').map_or((&*text, None), |(option, value)| (option, Some(value.to_owned())));
        if *text == *NAME {
            break;
        } else if DAEMON.contains(&option) {
            let value = value.or_else(|| Some(rest.next()?.to_string_lossy().into_owned())).unwrap_or_default();
            refuse_other_machines(option, &value)?;
        } else if WITH_VALUE.contains(&option) {
            drop(value.map_or_else(|| rest.next(), |_| None));
        } else if !FLAGS.contains(&option) {
            // `help` stands before the name of the plugin.
            command.push(argument);
        }
    }
    command.extend(rest);
    Ok(Invocation::Command { arguments: command, called: "docker layerwise" })
}

/// A daemon that is reached through a socket of this machine may have any data-root on it: which one is for `--data-root` to say.
fn refuse_other_machines(option: &str, value: &str) -> Result<(), Failure> {
    let is_here = match option {
        "-H" | "--host" => value.starts_with("unix://") || value.starts_with("fd://"),
        _ => value == "default",
    };
    if is_here {
        return Ok(());
    }
    Err(Failure::usage(format!("layerwise reads the disk of this machine, so docker's option {option} {value} has no meaning for it"))
        .hint("run it on the machine that the daemon runs on; --data-root DIR names a data-root of this machine"))
}

/// What the client wants to know of a plugin.
fn metadata() -> String {
    let metadata = json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "layerwise",
        "Version": concat!("v", env!("CARGO_PKG_VERSION")),
        "ShortDescription": "Show what the disk space of images, containers and build cache is used for, and reclaim it safely",
    });
    metadata.to_string() + "\n"
}

/// The line that the client shows after a command, for whoever has named this plugin as a hook of it in their `config.json`.
fn hook() -> String {
    json!({ "Type": 0, "Template": "docker layerwise prune --dry-run shows what is left on the disk and belongs to nothing" }).to_string()
        + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(words: &str) -> Result<Invocation, Failure> {
        invocation(words.split(' ').map(OsString::from))
    }

    fn command(words: &str) -> String {
        match started(words).unwrap() {
            Invocation::Command { arguments, called } => {
                let words: Vec<_> = arguments.iter().skip(1).map(|argument| argument.to_str().unwrap()).collect();
                format!("{called} {}", words.join(" "))
            }
            Invocation::Answer(answer) => answer,
        }
    }

    #[test]
    fn the_options_of_docker_are_left_out() {
        const PLUGIN: &str = "/usr/libexec/docker/cli-plugins/docker-layerwise";
        for (words, expected) in [
            ("layerwise df -v", "layerwise df -v"),
            ("/usr/bin/layerwise layerwise", "layerwise layerwise"),
            (&format!("{PLUGIN} layerwise df -v"), "docker layerwise df -v"),
            (&format!("{PLUGIN} --context default -D layerwise df -c x"), "docker layerwise df -c x"),
            (&format!("{PLUGIN} --config=/x --log-level debug layerwise images layerwise"), "docker layerwise images layerwise"),
            (&format!("{PLUGIN} --host unix:///run/docker.sock layerwise df"), "docker layerwise df"),
            (&format!("{PLUGIN} help layerwise df"), "docker layerwise help df"),
            (&format!("{PLUGIN} layerwise"), "docker layerwise "),
            (PLUGIN, "docker layerwise "),
        ] {
            assert_eq!(command(words), expected, "{words}");
        }
    }

    #[test]
    fn another_machine_is_refused() {
        for words in ["--host tcp://10.0.0.1:2375 layerwise df", "-H=ssh://host layerwise df", "--context prod layerwise df", "-c"] {
            assert!(started(&format!("docker-layerwise {words}")).is_err(), "{words}");
        }
    }

    #[test]
    fn the_client_is_answered() {
        let metadata: serde_json::Value = serde_json::from_str(&command("docker-layerwise docker-cli-plugin-metadata")).unwrap();
        assert_eq!(metadata["SchemaVersion"], "0.1.0");
        assert!(metadata["Vendor"].is_string() && metadata["ShortDescription"].is_string());
        let hook: serde_json::Value = serde_json::from_str(&command("docker-layerwise docker-cli-plugin-hooks {}")).unwrap();
        assert_eq!(hook["Type"], 0);
    }
}
