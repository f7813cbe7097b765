//! What can be typed.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

/// Keeps two folders the same, both ways, and can say why it did everything it did.
#[derive(Parser, Debug)]
#[command(name = "bothways", version, max_term_width = 100, after_help = AFTER)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Exit codes:
  0  clean
  1  finished, and a person should look: a conflict, a problem, something left undone
  2  usage or configuration error
  3  could not run now, try again
  4  halted by a guard
  5  internal error";

/// What every command takes.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// The configuration file: TOML, or JSON or YAML by its ending
    #[arg(long, value_name = "FILE", env = "BOTHWAYS_CONFIG", hide_env_values = true, global = true)]
    pub(crate) config: Option<PathBuf>,
    /// The folder of the state of this pair, instead of the one the platform has for programs
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) state: Option<PathBuf>,
    /// Print one JSON document on stdout and nothing else
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more; twice for everything
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,
    /// Say less; twice for nothing but the result
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: u8,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, default_value = "auto", global = true)]
    pub(crate) color: Color,
}

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal
    Auto,
    /// Also in a pipe
    Always,
    /// Not at all
    Never,
}

/// The two folders, where they do not come from a configuration.
#[derive(Args, Debug, Default)]
pub(crate) struct Roots {
    /// The left folder; without both folders, the configuration says which
    #[arg(value_name = "LEFT", requires = "right")]
    pub(crate) left: Option<PathBuf>,
    /// The right folder
    #[arg(value_name = "RIGHT")]
    pub(crate) right: Option<PathBuf>,
}

/// What to do.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Make both folders the same, once
    ///
    /// With two folders and no configuration, the defaults apply, and the state goes to the platform's place for it
    /// under a name made from the two.
    Sync {
        #[command(flatten)]
        roots: Roots,
        /// Show what would happen, as `plan` does, and change nothing
        #[arg(long, conflicts_with = "approve")]
        dry_run: bool,
        /// Let a plan through, once, that a guard has halted
        #[arg(long)]
        approve: bool,
    },
    /// Show what a sync would do, and change nothing anywhere
    Plan {
        #[command(flatten)]
        roots: Roots,
        /// List every path, also those at which nothing would be done
        #[arg(long)]
        all: bool,
    },
    /// Count files and bytes: left, right, only left, only right, both
    Scan {
        #[command(flatten)]
        roots: Roots,
    },
    /// Write a commented configuration with every key at its default
    ///
    /// It goes to `--config`, or to `bothways.toml` here, and never over an existing file. On a terminal, the
    /// folders are asked for when they are not given.
    Init {
        #[command(flatten)]
        roots: Roots,
    },
    /// Check the configuration, both folders and what each side can do
    Check {
        #[command(flatten)]
        roots: Roots,
    },
    /// Say what was seen of one path, which rule applies and what will happen
    Explain {
        /// The path below the two roots, or a path inside one of them
        path: PathBuf,
        /// The left folder, where no configuration names it
        #[arg(long, value_name = "DIR", requires = "right")]
        left: Option<PathBuf>,
        /// The right folder, likewise
        #[arg(long, value_name = "DIR", requires = "left")]
        right: Option<PathBuf>,
    },
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}
