//! Completions and the manual page, made from the arguments themselves.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::context::Context;
use crate::exit::{Exit, Failure};

pub(super) fn completions(context: &Context, shell: Shell) -> Result<Exit, Failure> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "bothways", &mut out);
    raw(context, &out)
}

/// One page for everything, as `man` shows it.
pub(super) fn man(context: &Context) -> Result<Exit, Failure> {
    let mut out = Vec::new();
    let failed = |error: std::io::Error| Failure::new(Exit::Internal, error);
    let mut command = Cli::command();
    command.build();
    let page = clap_mangen::Man::new(command.clone());
    page.render_title(&mut out).map_err(failed)?;
    page.render_name_section(&mut out).map_err(failed)?;
    page.render_synopsis_section(&mut out).map_err(failed)?;
    page.render_description_section(&mut out).map_err(failed)?;
    page.render_options_section(&mut out).map_err(failed)?;
    // Instead of a list of pages of their own, each command gets its section here.
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        out.extend(format!(".SH \"BOTHWAYS {}\"\n", sub.get_name().to_uppercase()).bytes());
        // Options that every command takes are described once, above.
        let own = sub.clone().mut_args(|arg| if arg.is_global_set() { arg.hide(true) } else { arg });
        let page = clap_mangen::Man::new(own);
        let mut part = Vec::new();
        page.render_description_section(&mut part).map_err(failed)?;
        page.render_options_section(&mut part).map_err(failed)?;
        // Sections of a command become parts of its section.
        out.extend(String::from_utf8_lossy(&part).replace(".SH ", ".SS ").bytes());
    }
    page.render_extra_section(&mut out).map_err(failed)?;
    page.render_version_section(&mut out).map_err(failed)?;
    raw(context, &out)
}

fn raw(context: &Context, bytes: &[u8]) -> Result<Exit, Failure> {
    let text = String::from_utf8_lossy(bytes);
    context.screen.print(&text).map_err(|error| Failure::new(Exit::Internal, error))?;
    Ok(Exit::Clean)
}
