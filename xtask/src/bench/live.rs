//! How soon a live session brings a change to the other side, and what it costs to wait for one.
//!
//! One edit after the other in a tree of many files, each timed from the end of its write until the other side
//! shows it whole; then many edits at once; then nothing at all.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use super::measure::cost;
use super::place::Place;
use super::tools::{Program, Tool, build_bothways};
use crate::tree::{Layout, Sizes};

/// What the configuration's default makes a change rest.
const DEBOUNCE: Duration = Duration::from_millis(300);
const MEDIAN: Duration = Duration::from_millis(350);
const P99: Duration = Duration::from_millis(600);
const BURST: Duration = Duration::from_secs(3);
const BURST_FILES: usize = 1000;
const IDLE: Duration = Duration::from_secs(20);
const IDLE_SHARE: f64 = 0.005;
const PATIENCE: Duration = Duration::from_mins(1);

/// `cargo xtask bench live`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Files in the tree
    #[arg(long, default_value_t = 90_000)]
    files: u64,
    /// Single edits
    #[arg(long, default_value_t = 1000)]
    edits: usize,
    /// The tree's seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the trees are made; a local disk [default: the system's temporary folder]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Whether the trees get an ext4 of their own, for as long as the run lasts
    #[arg(long, value_enum, default_value = "auto")]
    image: super::place::Image,
    /// This binary instead of a release build made now
    #[arg(long, value_name = "FILE")]
    bothways: Option<PathBuf>,
    /// One JSON document on standard output instead of the table
    #[arg(long)]
    json: bool,
}

/// The session, killed when this is dropped.
struct Session(Child);

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(super) fn run(options: &Options) -> Result<()> {
    let binary = match &options.bothways {
        Some(binary) => fs::canonicalize(binary).context("cannot find that bothways")?,
        None => build_bothways()?,
    };
    let place =
        Place::new(options.dir.as_deref(), options.image, false, options.files * 2, options.files * 14_000)?;
    let Some(place) = place else { return Ok(()) };
    let tool = Tool::new(Program::Bothways, binary.clone(), place.path());
    let layout = Layout::new(options.files, options.seed, Sizes::Office);
    eprintln!("making a tree of {} files", options.files);
    layout.build(&tool.left())?;
    tool.forget()?;
    eprintln!("first copy, not timed");
    cost(&tool.command(), place.path())?;

    let mut command = Command::new(binary);
    command.args(["run", "-qq"]).args([tool.left(), tool.right()]).arg("--state").arg(tool.memory());
    let session = Session(command.stdin(Stdio::null()).spawn().context("cannot start the session")?);
    let edited = layout.some_files(options.edits.max(BURST_FILES));
    // The first change that arrives says that the session is at work.
    edit(&tool, &edited[0], "first", PATIENCE)?;
    let mut taken = Vec::with_capacity(options.edits);
    for (number, path) in edited.iter().take(options.edits).enumerate() {
        taken.push(edit(&tool, path, &format!("edit {number}"), PATIENCE)?);
    }
    taken.sort_unstable();
    let at = |share: f64| taken[((taken.len() - 1) as f64 * share) as usize];
    let (median, p99) = (at(0.5), at(0.99));
    let burst = burst(&tool, &edited[..BURST_FILES.min(edited.len())])?;
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
        let document = json!({"files": options.files, "edits": taken.len(), "rows": listed});
        println!("{}", serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    println!(
        "{} files a side, {} single edits, rest {} ms",
        options.files,
        taken.len(),
        DEBOUNCE.as_millis()
    );
    for (what, value, most, unit) in rows {
        let word = if value <= most { "met" } else { "MISSED" };
        println!("  {what:<28} {value:>10.2} {unit:<2}  at most {most:>8.2}  {word}");
    }
    Ok(())
}

/// Writes a new content on the left and waits until the right shows it.
fn edit(tool: &Tool, path: &str, words: &str, patience: Duration) -> Result<Duration> {
    let (left, right) = (tool.left().join(path), tool.right().join(path));
    fs::write(&left, words).with_context(|| format!("cannot write {}", left.display()))?;
    let begun = Instant::now();
    while !shows(&right, words) {
        if begun.elapsed() > patience {
            bail!("{path} did not arrive within {patience:?}");
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    Ok(begun.elapsed())
}

fn shows(path: &Path, words: &str) -> bool {
    let same_size = fs::metadata(path).is_ok_and(|found| found.len() == words.len() as u64);
    same_size && fs::read(path).is_ok_and(|content| content == words.as_bytes())
}

fn burst(tool: &Tool, paths: &[String]) -> Result<Duration> {
    let words = |number: usize| format!("all at once {number}");
    let begun = Instant::now();
    for (number, path) in paths.iter().enumerate() {
        fs::write(tool.left().join(path), words(number))?;
    }
    for (number, path) in paths.iter().enumerate() {
        while !shows(&tool.right().join(path), &words(number)) {
            ensure!(begun.elapsed() < PATIENCE, "{path} did not arrive");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    Ok(begun.elapsed())
}

/// What a process has used up.
struct Spent {
    cpu: Duration,
    written: u64,
}

impl Spent {
    #[cfg(target_os = "linux")]
    fn of(process: u32) -> Result<Self> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let stat = fs::read_to_string(folder.join("stat")).context("the session is gone")?;
        let after_name = stat.rsplit_once(')').context("an unknown format")?.1;
        let fields: Vec<i64> = after_name.split_whitespace().filter_map(|field| field.parse().ok()).collect();
        // The state is no number: user and system time are the 11th and 12th of those that are. Ticks are hundredths.
        let ticks = fields.get(10).zip(fields.get(11)).map(|(user, system)| user + system);
        let io = fs::read_to_string(folder.join("io")).context("cannot read what was written")?;
        let written = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
        Ok(Self {
            cpu: Duration::from_millis(10 * ticks.context("an unknown format")?.unsigned_abs()),
            written: written.context("an unknown format")?,
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_process: u32) -> Result<Self> {
        bail!("this is measured on Linux only")
    }
}
