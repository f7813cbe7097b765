//! What one run of a program cost.
//!
//! The system tells a parent the peak memory of its finished children, but only as the highest of all of
//! them so far; so each run has a parent of its own, this program started again as `xtask measure`. That
//! parent is small, because a child starts with the peak of the one it was made from. The clock is read
//! in that parent too, so making it is not timed.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// `xtask measure`, hidden.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the cost is written
    #[arg(long)]
    report: PathBuf,
    /// Where the program's output goes
    #[arg(long)]
    log: PathBuf,
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// The cost of one run.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// From its start to its end.
    pub(crate) seconds: f64,
    /// Processor time of it and its children, user and system.
    pub(crate) cpu_seconds: f64,
    /// The highest resident memory of any one process of it.
    pub(crate) peak_bytes: u64,
    code: Option<i32>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let cost = in_this_process(options)?;
    fs::write(&options.report, serde_json::to_vec(&cost)?).context("cannot write the cost of a run")
}

/// Runs the command in `scratch` with its output in a file there, and fails with that output when the
/// command does.
pub(crate) fn cost(command: &Command, scratch: &Path) -> Result<Cost> {
    let [own, report, log] = ["xtask", "cost.json", "output.log"].map(|name| scratch.join(name));
    if !own.exists() {
        // A copy: a build that runs meanwhile would replace the file that we were started from.
        let origin = std::env::current_exe().context("cannot find this program again")?;
        fs::copy(origin, &own).context("cannot copy this program")?;
    }
    let mut parent = Command::new(own);
    parent.arg("measure").arg("--report").arg(&report).arg("--log").arg(&log).arg("--");
    parent.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => parent.env(name, value),
            None => parent.env_remove(name),
        };
    }
    crate::shell::run(parent.current_dir(scratch))?;
    let cost: Cost = serde_json::from_slice(&fs::read(&report)?)?;
    if cost.code != Some(0) {
        let said = fs::read(&log).unwrap_or_default();
        let said = String::from_utf8_lossy(&said[said.len().saturating_sub(4_000)..]).into_owned();
        bail!(
            "`{}` ended with {}\n{said}",
            crate::shell::show(command),
            cost.code.map_or("a signal".to_owned(), |code| code.to_string())
        );
    }
    Ok(cost)
}

#[cfg(unix)]
fn in_this_process(options: &Options) -> Result<Cost> {
    use nix::sys::resource::{UsageWho, getrusage};

    let log = fs::File::create(&options.log).context("cannot create the log of a run")?;
    let mut command = Command::new(&options.command[0]);
    command
        .args(&options.command[1..])
        .stdin(std::process::Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let started = std::time::Instant::now();
    let status =
        command.status().with_context(|| format!("cannot start {}", options.command[0].display()))?;
    let seconds = started.elapsed().as_secs_f64();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = [usage.user_time(), usage.system_time()];
    // Kilobytes everywhere but on macOS.
    let unit = if cfg!(target_vendor = "apple") { 1 } else { 1024 };
    Ok(Cost {
        seconds,
        cpu_seconds: cpu.iter().map(|time| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6).sum(),
        peak_bytes: usage.max_rss() as u64 * unit,
        code: status.code(),
    })
}

#[cfg(not(unix))]
fn in_this_process(_: &Options) -> Result<Cost> {
    bail!("runs are measured on Unix only")
}
