//! A live session under thousands of random changes on both sides at once.
//!
//! Owns the course: a pair of trees, a session that keeps them the same, somebody at work on each side, and at the end
//! the questions. Start at [`run`]; [`work`] says what is done to the trees, [`ledger`] what must become of every
//! version, [`verdict`] what is asked at the end and how it is printed. The changes follow from the seed; how they meet
//! the session does not.

mod ledger;
mod verdict;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::latency::{AtWork, Spent, resident};
use super::measure::cost;
use super::place::Place;
use super::tools::{Program, Tool, build_bothways};
use crate::tree::{Layout, Sizes};
use ledger::Ledger;
use verdict::{Questions, Sample, Verdict};
use work::{Counts, Worker};

/// `cargo xtask bench soak`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long the changes go on
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// How many changes, spread over that time, half of them on each side
    #[arg(long, default_value_t = 200_000)]
    operations: u64,
    /// Files in the trees, about
    #[arg(long, default_value_t = 5_000)]
    files: u64,
    /// The seed of the tree and of the changes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long the session may take at the end until both sides are the same, in minutes
    #[arg(long, default_value_t = 10.0)]
    patience: f64,
    /// Where the trees are made; a local disk [default: the system's temporary folder]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Whether the trees get an ext4 of their own, for as long as the run lasts
    #[arg(long, value_enum, default_value = "auto")]
    image: super::place::Image,
    /// Leave everything there, the log of the session included
    #[arg(long)]
    keep: bool,
    /// This binary instead of a release build made now
    #[arg(long, value_name = "FILE")]
    bothways: Option<PathBuf>,
    /// One JSON document on standard output instead of the table
    #[arg(long)]
    json: bool,
    /// Fail when an answer is not the right one
    #[arg(long)]
    strict: bool,
}

/// How many times the session is looked at while changes go on.
const SAMPLES: u32 = 24;
const GLANCE: Duration = Duration::from_millis(100);

pub(super) fn run(options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!("a soak takes Linux: it exchanges files in one step, and looks into /proc");
    }
    let binary = match &options.bothways {
        Some(binary) => fs::canonicalize(binary).context("cannot find that bothways")?,
        None => build_bothways()?,
    };
    let files = options.files + options.operations;
    let Some(place) =
        Place::new(options.dir.as_deref(), options.image, options.keep, files * 2, files * 8_000)?
    else {
        return Ok(());
    };
    let tool = Tool::new(Program::Bothways, binary.clone(), place.path());
    eprintln!("making a tree of {} files", options.files);
    Layout::new(options.files, options.seed, Sizes::Office).build(&tool.left())?;
    tool.forget()?;
    cost(&tool.command(), place.path())?;
    let config = place.path().join("soak.toml");
    fs::write(&config, configuration(&tool))?;

    let log = fs::File::create(place.path().join("output.log"))?;
    let mut command = Command::new(&binary);
    command.args(["run", "-qq", "--config"]).arg(&config).arg("--state").arg(tool.memory());
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let mut session = AtWork(command.spawn().context("cannot start the session")?);
    let begun = Instant::now();

    let ledger = Ledger::default();
    let (counts, mut samples) = changes(options, &tool, place.path(), &ledger, &mut session)?;
    eprintln!("waiting until both sides are the same");
    let patience = Duration::from_secs_f64(options.patience * 60.0);
    let (settled, same) = verdict::settle(&tool, patience)?;
    let spent = Spent::of(session.0.id())?;
    samples.push(Sample {
        at: begun.elapsed(),
        done: counts.done() + counts.missed,
        resident: resident(session.0.id())?,
        cpu: spent.cpu,
    });
    session.still_there()?;
    let status = session.end(Duration::from_mins(2))?;
    let asked = Questions { binary: &binary, config: &config, tool: &tool, ledger: &ledger };
    let verdict = Verdict::of(&asked, samples, counts, settled, same, status.code())?;
    if options.json {
        verdict.print_json(options.seed)?;
    } else {
        verdict.print(options.seed);
    }
    if options.strict && !verdict.is_fine() {
        bail!("an answer is not the right one");
    }
    Ok(())
}

/// The defaults, but for what a soak is no test of: so many deletions are no accident, and the log is read whole.
fn configuration(tool: &Tool) -> String {
    format!(
        "left_root = '{}'\nright_root = '{}'\n\n[guard]\nmax_change_percent = 100\nmax_change_min_files = 1000000000\n\n\
         [logging]\nlog_file_path = '{}'\nmax_log_size = '4 GiB'\n",
        tool.left().display(),
        tool.right().display(),
        log_file(tool).display()
    )
}

/// Where the session writes its log.
fn log_file(tool: &Tool) -> PathBuf {
    tool.memory().join("soak.log")
}

/// Everything that is done to the trees, and what was seen of the session meanwhile.
fn changes(
    options: &Options,
    tool: &Tool,
    place: &Path,
    ledger: &Ledger,
    session: &mut AtWork,
) -> Result<(Counts, Vec<Sample>)> {
    let span = Duration::from_secs_f64(options.minutes * 60.0);
    let (done, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let workers = ["left", "right"].map(|side| {
            let root = if side == "left" { tool.left() } else { tool.right() };
            let yard = place.join(format!("yard-{side}"));
            let (done, over) = (&done, &over);
            scope.spawn(move || {
                let mut worker = Worker::new(side, root, yard, options.seed, options.files, ledger)?;
                let half = options.operations / 2;
                for number in 0..half {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    // Spread over the time: what is late is made up for.
                    let due = span.mul_f64(number as f64 / half as f64);
                    std::thread::sleep(due.saturating_sub(begun.elapsed()));
                    worker.step()?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(worker.counts)
            })
        });
        let mut samples = Vec::new();
        let mut due = Duration::ZERO;
        let watched = loop {
            if workers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
                break Ok(());
            }
            if begun.elapsed() >= due {
                due += span / SAMPLES;
                let done = done.load(Ordering::Relaxed);
                match sample(session, begun.elapsed(), done) {
                    Ok(sample) => samples.push(sample),
                    Err(error) => break Err(error),
                }
            }
            std::thread::sleep(GLANCE);
        };
        over.store(true, Ordering::Relaxed);
        let mut counts = Counts::default();
        for worker in workers {
            counts.add(&worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        watched.map(|()| (counts, samples))
    })
}

fn sample(session: &mut AtWork, at: Duration, done: u64) -> Result<Sample> {
    session.still_there()?;
    let process = session.0.id();
    let sample = Sample { at, done, resident: resident(process)?, cpu: Spent::of(process)?.cpu };
    eprintln!("{:>6.0} s  {done:>8} changes  {:>7.1} MB", at.as_secs_f64(), sample.resident as f64 / 1e6);
    Ok(sample)
}
