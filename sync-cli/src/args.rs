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

/// The two folders, for commands that take other paths too.
#[derive(Args, Debug, Default)]
pub(crate) struct NamedRoots {
    /// The left folder, where no configuration names it
    #[arg(long, value_name = "DIR", requires = "right")]
    left: Option<PathBuf>,
    /// The right folder, likewise
    #[arg(long, value_name = "DIR", requires = "left")]
    right: Option<PathBuf>,
}

impl From<NamedRoots> for Roots {
    fn from(NamedRoots { left, right }: NamedRoots) -> Self {
        Self { left, right }
    }
}

/// Which conflicts to list.
#[derive(Args, Debug, Default)]
pub(crate) struct ListConflicts {
    /// Also those that a clash copy or the policy has settled
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) named: NamedRoots,
}

/// What to do with conflicts.
#[derive(Subcommand, Debug)]
pub(crate) enum Conflicts {
    /// List those that wait
    List(ListConflicts),
    /// Show one closely: both versions, why it is a conflict, and what differs
    Show {
        /// The path below the two roots, or a path inside one of them
        path: PathBuf,
        #[command(flatten)]
        named: NamedRoots,
    },
    /// Settle conflicts; a version that is given up goes to the trash, whatever its size
    Resolve {
        /// Paths, or patterns for those that wait: `*.txt` in any folder, `docs/*.txt` or `/*.txt` from the root
        #[arg(value_name = "PATH|GLOB", required_unless_present = "all", conflicts_with = "all")]
        paths: Vec<String>,
        /// All that wait
        #[arg(long)]
        all: bool,
        /// Which version stays at the path, on both sides; with `both` the older one stays beside it
        #[arg(long, value_enum, value_name = "WHICH")]
        keep: KeepArg,
        #[command(flatten)]
        named: NamedRoots,
    },
}

/// Which things in the trash are meant.
#[derive(Args, Debug, Default)]
pub(crate) struct TrashArgs {
    /// Only in the trash of this side
    #[arg(long, value_enum)]
    pub(crate) side: Option<SideArg>,
    /// Only what went there since then: `2h`, `3d`, `yesterday`, `2026-11-20`
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Only what went there before then
    #[arg(long, value_name = "TIME")]
    pub(crate) before: Option<String>,
    /// Only what is at least so large, such as `10 MiB`
    #[arg(long, value_name = "SIZE")]
    pub(crate) min_size: Option<String>,
    /// Only what is at most so large
    #[arg(long, value_name = "SIZE")]
    pub(crate) max_size: Option<String>,
    /// Only versions that another one replaced
    #[arg(long)]
    pub(crate) versions: bool,
}

/// What to do with the trash.
#[derive(Subcommand, Debug)]
pub(crate) enum Trash {
    /// List what lies there; `gone` marks what somebody took away by hand
    List {
        /// Paths with all below them, or patterns: `*.txt` in any folder, `docs/*.txt` or `/*.txt` from the root
        #[arg(value_name = "PATH|GLOB")]
        paths: Vec<String>,
        #[command(flatten)]
        which: TrashArgs,
        #[command(flatten)]
        named: NamedRoots,
    },
    /// Take deleted files and folders back, never over anything; with `--versions`, older versions
    ///
    /// Of a path that was deleted several times the newest comes back. The next sync carries it to the other side.
    Restore {
        /// Paths with all below them, or patterns: `*.txt` in any folder, `docs/*.txt` or `/*.txt` from the root
        #[arg(required = true, value_name = "PATH|GLOB")]
        paths: Vec<String>,
        /// Another place for it, below the two roots
        #[arg(long, value_name = "PATH")]
        to: Option<String>,
        /// The version that was the newest in the trash then
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Where something is there now, put it beside that
        #[arg(long, conflicts_with = "to")]
        keep_both: bool,
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        which: TrashArgs,
        #[command(flatten)]
        named: NamedRoots,
    },
    /// Drop things from the trash for good
    Purge {
        /// Paths with all below them, or patterns: `*.txt` in any folder, `docs/*.txt` or `/*.txt` from the root
        #[arg(value_name = "PATH|GLOB", required_unless_present_any = ["older_than", "expired", "all"])]
        paths: Vec<String>,
        /// What has been there for longer than this, such as `30d`
        #[arg(long, value_name = "TIME", conflicts_with = "before")]
        older_than: Option<String>,
        /// What has been there for longer than the configuration keeps it
        #[arg(long)]
        expired: bool,
        /// All of it
        #[arg(long, conflicts_with_all = ["paths", "older_than", "expired"])]
        all: bool,
        /// Only show what would be dropped
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        which: TrashArgs,
        #[command(flatten)]
        named: NamedRoots,
    },
}

/// One of the two sides.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum SideArg {
    /// The left one
    Left,
    /// The right one
    Right,
}

/// Which version stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum KeepArg {
    /// That of the left side
    Left,
    /// That of the right side
    Right,
    /// The newer one
    Newer,
    /// Both: the newer one at the path, the older one under its clash name
    Both,
}

/// Which runs to list, and which of their rows.
#[derive(Args, Debug)]
pub(crate) struct HistoryFilter {
    /// Runs from this moment on
    #[arg(long, value_name = "MOMENT", conflicts_with = "run")]
    pub(crate) since: Option<String>,
    /// Runs before this moment
    #[arg(long, value_name = "MOMENT", conflicts_with = "run")]
    pub(crate) until: Option<String>,
    /// At most so many runs, the latest
    #[arg(long, value_name = "N", default_value_t = 20, conflicts_with = "run")]
    pub(crate) limit: usize,
    /// What was done at a path and below it, or at a pattern: `*.txt` in any folder, `docs/*.txt` or `/*.txt` from the root
    #[arg(long, value_name = "PATH|GLOB")]
    pub(crate) path: Option<String>,
    /// What was done of a kind: an action or a part of its name, such as `delete` or `copy-left-to-right`
    #[arg(long, value_name = "WORD")]
    pub(crate) action: Option<String>,
}

/// What to do with the service.
#[derive(Subcommand, Debug)]
pub(crate) enum Service {
    /// Make the live session of a configuration a service that starts with the machine
    ///
    /// With systemd it writes a unit that may do as little as works, makes a user for it, and enables it; `start` starts
    /// it. Installing again writes the unit anew. A unit that Bothways did not make is never touched.
    Install(InstallService),
    /// Stop the service and remove it; the folders, the state and the configuration stay
    Uninstall(NamedService),
    /// Start the service
    Start(NamedService),
    /// Stop the service; what is being done is finished or rolled back first
    Stop(NamedService),
    /// Show what the system knows of the service
    Status(NamedService),
    /// What the system starts
    #[cfg(windows)]
    #[command(hide = true)]
    Dispatch,
}

/// Which service is meant.
#[derive(Args, Debug)]
pub(crate) struct NamedService {
    /// The service's name, instead of one made from the name of the configuration file
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Write below this folder, for the image of a system that does not run; nothing is started or stopped
    #[arg(long, value_name = "DIR", hide = cfg!(windows))]
    pub(crate) root: Option<PathBuf>,
}

/// How the service is made.
#[derive(Args, Debug)]
pub(crate) struct InstallService {
    #[command(flatten)]
    pub(crate) named: NamedService,
    /// Run as this user, who must exist, instead of one made for the service
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Let it read and change files whoever owns them (CAP_DAC_OVERRIDE and CAP_FOWNER)
    #[arg(long, hide = cfg!(windows))]
    pub(crate) every_owner: bool,
    /// Only print what would be written
    #[arg(long)]
    pub(crate) print: bool,
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
        /// Do no more than a reviewed plan file allows, as far as the world still is as it was planned on
        #[arg(long, value_name = "FILE", conflicts_with = "dry_run")]
        plan: Option<PathBuf>,
    },
    /// Show what a sync would do, and change nothing anywhere
    Plan {
        #[command(flatten)]
        roots: Roots,
        /// List every path, also those at which nothing would be done
        #[arg(long)]
        all: bool,
        /// Write the plan to a file that can be reviewed and carried out with `sync --plan FILE`
        ///
        /// Transitions that shall not be made may be removed from the file; nothing else may be changed.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Keep both folders the same until it is stopped: what changes on one side is on the other a moment later
    ///
    /// Changes are noticed as the system reports them, and by looking where it does not. A folder that goes away is
    /// waited for. With `--json` each cycle that did something is one document on a line of its own. This is what a
    /// service runs; Ctrl-C or a request to end stops it cleanly.
    Run {
        #[command(flatten)]
        roots: Roots,
    },
    /// Let a running session rest: it goes on noticing what changes, and syncs nothing until `resume`
    ///
    /// What is being done at that moment is finished first; a large file on its way rests where it is. What is asked for by name, such as `sync`, is still done.
    /// A pause ends with the session.
    Pause {
        #[command(flatten)]
        roots: Roots,
    },
    /// Let a paused session go on; what changed meanwhile is synced at once
    Resume {
        #[command(flatten)]
        roots: Roots,
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
        /// Send a test message by mail, and by every other way alerts go, and say what is wrong
        #[arg(long)]
        send_test_mail: bool,
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
    /// Look at conflicts, and settle them
    ///
    /// Without a subcommand it lists those that wait.
    #[command(args_conflicts_with_subcommands = true)]
    Conflicts {
        #[command(flatten)]
        list: ListConflicts,
        #[command(subcommand)]
        what: Option<Conflicts>,
    },
    /// Look at files and folders closely, by content, whatever their metadata claims
    ///
    /// Reads every file there on both sides. A content that differs although nothing shows that it was changed is
    /// reported as a conflict, and is never copied over the other one; everything else follows its ordinary rule.
    Resync {
        /// Files and folders below the two roots, or inside one of them; `.` for all
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        named: NamedRoots,
    },
    /// Say how the pair stands: in sync or not and since when, what waits, what was done lately
    ///
    /// It asks the records alone, so it answers also when a drive is away, and in the middle of a cycle of a session
    /// that runs. It ends with 1 when a person should look.
    Status {
        #[command(flatten)]
        roots: Roots,
        /// Count what was done in so many hours
        #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=87_600))]
        hours: u32,
        /// Show it again every two seconds, until a key or Ctrl-C
        #[arg(long, conflicts_with = "json")]
        watch: bool,
    },
    /// List recorded runs, or show one in full
    ///
    /// Times are in UTC. A moment is `2h` or `3d` ago, `today`, `yesterday`, `2026-11-20` or `2026-11-20T15:00:00Z`.
    History {
        /// The run to show with everything it did; without it, the latest runs are listed
        run: Option<u64>,
        #[command(flatten)]
        filter: HistoryFilter,
        #[command(flatten)]
        named: NamedRoots,
    },
    /// Put back what a run overwrote, renamed, deleted or made, as far as the trash holds it
    ///
    /// First shows what will be put back and what cannot be, and why. Nothing that changed since is overwritten. It
    /// changes the side that the run had changed; the next sync carries that over to the other side. An undo is a run
    /// itself and can be undone.
    Undo {
        /// The number of the run
        run: u64,
        /// Where something else is now, put the old version beside it
        #[arg(long)]
        keep_both: bool,
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        named: NamedRoots,
    },
    /// What was deleted, and the older versions that are kept
    ///
    /// Without a subcommand it lists all of it.
    Trash {
        #[command(subcommand)]
        what: Option<Trash>,
    },
    /// Run the live session as a service of this machine
    ///
    /// It works by a configuration file. Under systemd the unit has the name of that file: several can live side by side.
    Service {
        #[command(subcommand)]
        what: Service,
    },
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}
