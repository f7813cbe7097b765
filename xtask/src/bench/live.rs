//! How soon a live session brings a change to the other side, and what it costs to wait for one.
//!
//! One edit after the other in a tree of many files, each timed from the end of its write until the other side
//! shows it whole; then many edits at once; then nothing at all. `latency` does the measuring; `rivals` and `sizes` are
//! the other two things that can be asked here.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::latency::{AtWork, Pair, Spent, at, burst, edit};
use super::measure::cost;
use super::place::Place;
use super::tools::{Program, Tool, build_bothways};
use crate::tree::{Layout, Sizes};

/// What the configuration's default makes a change rest.
const DEBOUNCE: Duration = Duration::from_millis(300);
const MEDIAN: Duration = Duration::from_millis(350);
const P99: Duration = Duration::from_millis(600);
const BURST: Duration = Duration::from_secs(3);
pub(super) const BURST_FILES: usize = 1000;
pub(super) const IDLE: Duration = Duration::from_secs(20);
const IDLE_SHARE: f64 = 0.005;
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// `cargo xtask bench live`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Files in the tree [default: 90000, with --sizes 1000000]
    #[arg(long)]
    files: Option<u64>,
    /// Single edits
    #[arg(long, default_value_t = 1000)]
    pub(super) edits: usize,
    /// The tree's seed
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Where the trees are made; a local disk [default: the system's temporary folder]
    #[arg(long)]
    pub(super) dir: Option<PathBuf>,
    /// Whether the trees get an ext4 of their own, for as long as the run lasts
    #[arg(long, value_enum, default_value = "auto")]
    pub(super) image: super::place::Image,
    /// This binary instead of a release build made now
    #[arg(long, value_name = "FILE")]
    bothways: Option<PathBuf>,
    /// Beside other programs, in the same run: lsyncd, syncthing, unison
    #[arg(long, value_name = "PROGRAM", value_delimiter = ',', value_enum)]
    pub(super) against: Vec<super::rivals::Rival>,
    /// What one changed file costs in trees of 1,000 files to --files [default of --files then: 1,000,000]
    #[arg(long)]
    sizes: bool,
    /// One JSON document on standard output instead of the table
    #[arg(long)]
    pub(super) json: bool,
}

impl Options {
    pub(super) fn files(&self) -> u64 {
        self.files.unwrap_or(if self.sizes { 1_000_000 } else { 90_000 })
    }
}

pub(super) fn run(options: &Options) -> Result<()> {
    let binary = match &options.bothways {
        Some(binary) => fs::canonicalize(binary).context("cannot find that bothways")?,
        None => build_bothways()?,
    };
    match (options.sizes, options.against.is_empty()) {
        (true, true) => return super::sizes::run(options, binary),
        (false, false) => return super::rivals::run(options, binary),
        (true, false) => bail!("--sizes and --against are two measurements: one of them at a time"),
        (false, true) => {}
    }
    let place = Place::new(
        options.dir.as_deref(),
        options.image,
        false,
        options.files() * 2,
        options.files() * 14_000,
    )?;
    let Some(place) = place else { return Ok(()) };
    let tool = Tool::new(Program::Bothways, binary.clone(), place.path());
    let layout = Layout::new(options.files(), options.seed, Sizes::Office);
    eprintln!("making a tree of {} files", options.files());
    layout.build(&tool.left())?;
    tool.forget()?;
    eprintln!("first copy, not timed");
    cost(&tool.command(), place.path())?;

    let mut command = Command::new(binary);
    command.args(["run", "-qq"]).args([tool.left(), tool.right()]).arg("--state").arg(tool.memory());
    let session = AtWork(command.stdin(Stdio::null()).spawn().context("cannot start the session")?);
    let pair = Pair { left: tool.left(), right: tool.right() };
    let edited = layout.some_files(options.edits.max(BURST_FILES));
    // The first change that arrives says that the session is at work.
    edit(&pair, &edited[0], "first", PATIENCE)?;
    let mut taken = Vec::with_capacity(options.edits);
    for (number, path) in edited.iter().take(options.edits).enumerate() {
        taken.push(edit(&pair, path, &format!("edit {number}"), PATIENCE)?);
    }
    taken.sort_unstable();
    let (median, p99) = (at(&taken, 0.5), at(&taken, 0.99));
    let burst = burst(&pair, &edited[..BURST_FILES.min(edited.len())], PATIENCE)?;
    // What the burst has left to be written is written by now.
    std::thread::sleep(Duration::from_secs(3));
    let before = Spent::of(session.0.id())?;
    std::thread::sleep(IDLE);
    let after = Spent::of(session.0.id())?;
    let idle = (after.cpu.saturating_sub(before.cpu)).as_secs_f64() / IDLE.as_secs_f64();
    let written = after.written - before.written;

    let rows = [
        ("one edit, median", median.as_secs_f64() * 1e3, MEDIAN.as_secs_f64() * 1e3, "ms"),
        ("one edit, 99th percentile", p99.as_secs_f64() * 1e3, P99.as_secs_f64() * 1e3, "ms"),
        ("1,000 edits at once", burst.as_secs_f64() * 1e3, BURST.as_secs_f64() * 1e3, "ms"),
        ("idle, of one core", idle * 100.0, IDLE_SHARE * 100.0, "%"),
        ("idle, bytes written", written as f64, 0.0, "B"),
    ];
    if options.json {
        let listed: Vec<_> = rows
            .iter()
            .map(|(what, value, most, unit)| {
                json!({"what": what, "value": value, "at_most": most, "unit": unit, "met": value <= most})
            })
            .collect();
        let document = json!({"files": options.files(), "edits": taken.len(), "rows": listed});
        println!("{}", serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    println!(
        "{} files a side, {} single edits, rest {} ms",
        options.files(),
        taken.len(),
        DEBOUNCE.as_millis()
    );
    for (what, value, most, unit) in rows {
        let word = if value <= most { "met" } else { "MISSED" };
        println!("  {what:<28} {value:>10.2} {unit:<2}  at most {most:>8.2}  {word}");
    }
    Ok(())
}
