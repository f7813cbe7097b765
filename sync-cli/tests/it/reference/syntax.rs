//! What can be typed, as Markdown, from the program's own definitions.

use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory as _};

/// The definitions that the program itself is made with.
#[allow(dead_code, unreachable_pub)]
#[path = "../../../src/args.rs"]
mod args;

/// One command, or a group of commands.
pub(super) struct Described {
    /// What is typed after the program's name, such as `trash list`.
    pub(super) path: String,
    /// Usage, description, arguments.
    pub(super) text: String,
    /// Whether it is no group.
    pub(super) is_leaf: bool,
    /// Long names of its own options.
    pub(super) options: Vec<String>,
}

pub(super) fn program() -> Command {
    let mut program = args::Cli::command();
    program.build();
    program
}

/// All commands in the order of the program's help, groups before what is in them.
pub(super) fn commands(program: &Command) -> Vec<Described> {
    let mut all = Vec::new();
    for command in children(program) {
        add(command, command.get_name().to_owned(), &mut all);
    }
    all
}

fn children(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|one| one.get_name() != "help" && !one.is_hide_set())
}

fn add(command: &Command, path: String, all: &mut Vec<Described>) {
    let own: Vec<&Arg> = own(command).collect();
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage: Vec<&str> = usage.trim_start_matches("Usage:").lines().map(str::trim).collect();
    let mut text = format!("{}\n\n```\n{}\n```\n", sentences(&about, "\n\n"), usage.join("\n"));
    table(&own, &mut text);
    let options = own.iter().filter_map(|arg| arg.get_long()).map(ToOwned::to_owned).collect();
    let is_leaf = children(command).next().is_none();
    all.push(Described { path: path.clone(), text, is_leaf, options });
    for child in children(command) {
        add(child, format!("{path} {}", child.get_name()), all);
    }
}

/// Its own arguments and options: what every command takes is described once.
fn own(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| !arg.is_global_set() && !is_help(arg) && !arg.is_hide_set())
}

fn is_help(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

/// One line for each command.
pub(super) fn overview(program: &Command) -> String {
    let mut out = String::from("| command | does |\n| --- | --- |\n");
    for command in children(program) {
        let name = command.get_name();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(out, "| [`{name}`](#bothways-{name}) | {} |", cell(&about));
    }
    out
}

/// What every command takes.
pub(super) fn common(program: &Command) -> String {
    let mut out = String::new();
    let all: Vec<&Arg> = program.get_arguments().filter(|arg| !arg.is_hide_set()).collect();
    table(&all, &mut out);
    out
}

fn table(args: &[&Arg], out: &mut String) {
    if args.is_empty() {
        return;
    }
    out.push_str("\n| | |\n| --- | --- |\n");
    let (named, placed): (Vec<&Arg>, Vec<&Arg>) = args.iter().partition(|arg| !arg.is_positional());
    for arg in placed.into_iter().chain(named) {
        let _ = writeln!(out, "| `{}` | {} |", cell(&shape(arg)), cell(&meaning(arg)));
    }
}

/// How it is typed: `-o, --output FILE`.
fn shape(arg: &Arg) -> String {
    let takes = arg.get_action().takes_values();
    let value = arg
        .get_value_names()
        .filter(|_| takes)
        .map(|names| names.iter().map(|name| name.as_str().to_owned()).collect::<Vec<_>>().join(" "));
    if arg.is_positional() {
        let many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        let name = value.unwrap_or_else(|| arg.get_id().as_str().to_uppercase());
        return format!("{name}{}", if many { "…" } else { "" });
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names = short.into_iter().chain(long).collect::<Vec<_>>().join(", ");
    match value {
        Some(value) => format!("{names} {value}"),
        None => names,
    }
}

fn meaning(arg: &Arg) -> String {
    let help = arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default();
    let mut parts = vec![sentences(&help, " ")];
    if arg.is_positional() && arg.is_required_set() {
        parts.push("Required.".to_owned());
    }
    let takes = arg.get_action().takes_values();
    let values = arg.get_possible_values();
    if takes && !values.is_empty() {
        let one = |value: &clap::builder::PossibleValue| {
            let help =
                value.get_help().map(|help| format!(" ({})", lower(&help.to_string()))).unwrap_or_default();
            format!("`{}`{help}", value.get_name())
        };
        let all: Vec<String> = values.iter().filter(|value| !value.is_hide_set()).map(one).collect();
        parts.push(format!("One of {}.", all.join(", ")));
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if takes && !defaults.is_empty() {
        parts.push(format!("Default: `{}`.", defaults.join(" ")));
    }
    if let Some(variable) = arg.get_env() {
        parts.push(format!("Also from the variable `{}`.", variable.to_string_lossy()));
    }
    parts.join(" ")
}

/// Paragraphs, each on one line and with a full stop: clap takes it off the first one.
fn sentences(text: &str, between: &str) -> String {
    let one = |text: &str| {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let stop = if text.is_empty() || text.ends_with(['.', '!', '?']) { "" } else { "." };
        text + stop
    };
    text.split("\n\n").map(one).collect::<Vec<_>>().join(between)
}

fn lower(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Fit for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
