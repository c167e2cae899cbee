//! The list of commands in `layerwise --help`, by what they are for.

use clap::Command;

/// The commands by what they are for, the most used first.
const GROUPS: [(&str, &[&str]); 6] = [
    ("Look", &["df", "images", "layers", "containers", "volumes", "build-cache", "tree", "roots"]),
    ("Explain", &["why", "freed", "inspect", "history", "changes", "locate", "waste"]),
    ("Clean up", &["prune", "trash"]),
    ("Mend", &["check", "repair"]),
    ("Automate", &["lint", "metrics"]),
    ("More", &["demo", "completions", "man", "help"]),
];

/// Puts the commands of `command` in groups above its options.
pub(super) fn group(command: Command) -> Command {
    let commands = commands(&command);
    command.help_template(format!("{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{commands}\nOptions:\n{{options}}{{after-help}}"))
}

fn commands(command: &Command) -> String {
    let about = |name: &str| {
        let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
        about.unwrap_or_else(|| "Print help for a command".to_owned())
    };
    let line = |name: &&str| format!("  {name:<13}{}\n", about(name));
    let group = |(title, names): &(&str, &[&str])| [format!("\n{title}:\n")].into_iter().chain(names.iter().map(line)).collect::<Vec<_>>();
    GROUPS.iter().flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn every_command_is_in_one_group() {
        let command = super::super::Cli::command();
        let visible = command.get_subcommands().filter(|command| !command.is_hide_set()).map(Command::get_name);
        let mut visible: Vec<&str> = visible.chain(["help"]).collect();
        let mut grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        visible.sort_unstable();
        grouped.sort_unstable();
        assert_eq!(visible, grouped);
    }
}
