//! The reference page for commands.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::{NOTICE, cell};
use crate::cli::Cli;

/// Returns the page.
pub(super) fn page() -> String {
    let mut root = Cli::command();
    root.build();
    let mut text = format!("{NOTICE}\n\n# Commands\n\n");
    let about = root.get_about().map(ToString::to_string).unwrap_or_default();
    let _infallible = writeln!(text, "{about}.\n\n## Global options\n");
    table(&mut text, root.get_arguments());
    for command in root.get_subcommands().filter(|command| is_shown(command)) {
        section(&mut text, command, "bespoke");
    }
    let _infallible = writeln!(text, "\n## Examples\n\n```text\n{}\n```", crate::cli::EXAMPLES.trim());
    text
}

fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

/// Writes the section about a command and its subcommands.
fn section(text: &mut String, command: &Command, parent: &str) {
    let name = format!("{parent} {}", command.get_name());
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let _infallible = writeln!(text, "\n## {name}\n\n{about}.");
    let arguments: Vec<&Arg> = command.get_arguments().filter(|argument| !argument.is_global_set()).collect();
    if arguments.iter().any(|argument| is_listed(argument)) {
        text.push('\n');
        table(text, arguments);
    }
    for below in command.get_subcommands().filter(|command| is_shown(command)) {
        section(text, below, &name);
    }
}

fn is_listed(argument: &Arg) -> bool {
    let automatic = matches!(argument.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::Version);
    !argument.is_hide_set() && !automatic
}

/// Writes the table of arguments.
fn table<'a>(text: &mut String, arguments: impl IntoIterator<Item = &'a Arg>) {
    text.push_str("| Argument | Description | Default | Environment |\n|---|---|---|---|\n");
    for argument in arguments.into_iter().filter(|argument| is_listed(argument)) {
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let takes_value = argument.get_action().takes_values();
        let default = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
        let default = if takes_value { default.collect::<Vec<_>>().join(", ") } else { String::new() };
        let environment = argument.get_env().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let _infallible = writeln!(
            text,
            "| {} | {} | {} | {} |",
            code(&cell(&signature(argument))),
            cell(&help),
            code(&cell(&default)),
            code(&environment)
        );
    }
}

/// Returns an argument as a user would type it.
fn signature(argument: &Arg) -> String {
    let value = argument.get_value_names().unwrap_or_default().first().map(ToString::to_string).unwrap_or_default();
    if argument.is_positional() {
        return if argument.is_required_set() { value } else { format!("[{value}]") };
    }
    let short = argument.get_short().map(|short| format!("-{short}, ")).unwrap_or_default();
    let long = argument.get_long().map(|long| format!("--{long}")).unwrap_or_default();
    if argument.get_action().takes_values() { format!("{short}{long} {value}") } else { format!("{short}{long}") }
}

fn code(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("`{text}`") }
}
