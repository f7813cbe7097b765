//! One module per command.

use crate::args::Command;
use crate::context::Context;
use crate::exit::{Exit, Failure};

mod check;
mod explain;
mod generate;
mod init;
mod plan;
mod scan;
mod sync;

/// Does what was asked.
pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Sync { roots, dry_run: true, .. } => plan::run(context, &roots, false),
        Command::Sync { roots, approve, .. } => sync::run(context, &roots, approve),
        Command::Plan { roots, all } => plan::run(context, &roots, all),
        Command::Scan { roots } => scan::run(context, &roots),
        Command::Init { roots } => init::run(context, &roots),
        Command::Check { roots } => check::run(context, &roots),
        Command::Explain { path, left, right } => {
            explain::run(context, &path, &crate::args::Roots { left, right })
        }
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
