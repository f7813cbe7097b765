//! The command line of Bothways.
//!
//! Owns what is typed, what is shown and how the program ends. It decides nothing: all work is `sync-engine`'s. Start
//! at `commands`.

use std::process::ExitCode;

use clap::Parser as _;

mod args;
mod commands;
mod context;
mod document;
mod exit;
mod hints;
mod logging;
mod manager;
mod progress;
mod screen;
mod service;
mod show;
mod stop;

use args::Cli;
use context::Context;
use exit::{Exit, Failure};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(not_understood(&error).code()),
    };
    let context = Context::new(cli.global);
    let exit = commands::run(&context, cli.command).unwrap_or_else(|failure| fail(&context, &failure));
    log::logger().flush();
    ExitCode::from(exit.code())
}

/// Help and version are results; anything else is a mistake in what was typed.
fn not_understood(error: &clap::Error) -> Exit {
    let exit = if error.use_stderr() { Exit::Usage } else { Exit::Clean };
    let machine = std::env::args_os().skip(1).take_while(|arg| arg != "--").any(|arg| arg == "--json");
    if machine && exit == Exit::Usage {
        let screen = screen::Screen::new(args::Color::Auto, 0, 0, true);
        let message = error.render().to_string();
        let first = message.lines().next().unwrap_or_default();
        // A stdout that is gone leaves nobody to tell.
        let _ = screen.print(&show::document(&document::ErrorReport::new(exit, first, &[])));
    }
    let _ = error.print();
    exit
}

/// Shows why there is no result, and what to do.
fn fail(context: &Context, failure: &Failure) -> Exit {
    let hints = hints::of(failure);
    context.screen.tell(&show::failure(failure, &hints));
    if context.json {
        let message = show::chain(&failure.error);
        let document = document::ErrorReport::new(failure.exit, &message, &hints).halted(failure);
        if let Err(error) = context.screen.print(&show::document(&document)) {
            log::debug!("stdout: {error}");
        }
    }
    failure.exit
}
