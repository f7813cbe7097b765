//! One module per command.

use crate::args::Command;
use crate::context::Context;
use crate::exit::{Exit, Failure};

mod check;
mod conflicts;
mod explain;
mod generate;
mod history;
mod init;
mod pause;
mod plan;
mod resync;
mod run;
mod scan;
mod status;
mod sync;
mod trash;
mod undo;

/// Does what was asked.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Sync { roots, dry_run: true, .. } => plan::run(context, &roots, false, None),
        Command::Sync { roots, approve, plan: Some(file), .. } => {
            sync::reviewed(context, &roots, approve, &file)
        }
        Command::Sync { roots, approve, .. } => sync::run(context, &roots, approve),
        Command::Plan { roots, all, output } => plan::run(context, &roots, all, output.as_deref()),
        Command::Run { roots } => run::run(context, &roots),
        Command::Pause { roots } => pause::run(context, &roots, &sync_engine::control::Request::Pause),
        Command::Resume { roots } => pause::run(context, &roots, &sync_engine::control::Request::Resume),
        Command::Scan { roots } => scan::run(context, &roots),
        Command::Init { roots } => init::run(context, &roots),
        Command::Check { roots, send_test_mail } => check::run(context, &roots, send_test_mail),
        Command::Explain { path, left, right } => {
            explain::run(context, &path, &crate::args::Roots { left, right })
        }
        Command::Conflicts { list, what } => conflicts::run(context, list, what),
        Command::Resync { paths, named } => resync::run(context, &paths, &named.into()),
        Command::Status { roots, hours, watch } => status::run(context, &roots, hours, watch),
        Command::History { run, filter, named } => history::run(context, run, &filter, &named.into()),
        Command::Undo { run, keep_both, dry_run, yes, named } => {
            undo::run(context, run, &undo::How { keep_both, dry_run, yes }, &named.into())
        }
        Command::Trash { what } => trash::run(context, what),
        Command::Service { what } => crate::service::run(context, &what),
        Command::Completions { shell } => generate::completions(context, shell),
        Command::Man => generate::man(context),
    }
}

/// Prints the result: what a person reads, or with `--json` the document.
fn print(
    context: &Context,
    document: &impl serde::Serialize,
    human: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let text = if context.json { crate::show::document(document) } else { human() };
    context.screen.print(&text).map_err(|error| {
        Failure::new(Exit::Internal, anyhow::Error::new(error).context("cannot print the result"))
    })
}

/// The live session, for the service of the system.
#[cfg(windows)]
pub(crate) fn live(context: &Context) -> Result<Exit, Failure> {
    run::run(context, &crate::args::Roots::default())
}

/// The same, for what ends well when it was printed.
pub(crate) fn printed(
    context: &Context,
    document: &impl serde::Serialize,
    human: impl FnOnce() -> String,
) -> Result<Exit, Failure> {
    print(context, document, human).map(|()| Exit::Clean)
}

/// Asks a question that is answered with yes or no; none where nobody is there to answer.
fn asks(context: &Context, question: &str) -> Result<Option<bool>, Failure> {
    use std::io::{BufRead as _, IsTerminal as _};
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    context.screen.stderr(format!("{question} [y/N] ").as_bytes());
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| Failure::new(Exit::Internal, error))?;
    Ok(Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")))
}
