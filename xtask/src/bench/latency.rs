//! How long a change takes from one side to the other, whoever carries it, and what a process uses up.
//!
//! Owns the watched process, which never outlives a measurement, and the two ways of measuring: one edit, and many at
//! once. It knows no program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// The two folders that somebody keeps the same.
pub(super) struct Pair {
    pub(super) left: PathBuf,
    pub(super) right: PathBuf,
}

/// A program at work. It is asked to end when this is dropped, and killed when it does not.
pub(super) struct AtWork(pub(super) Child);

const LAST_WORDS: Duration = Duration::from_secs(10);

impl AtWork {
    /// Asks it to end, and says how it did.
    pub(super) fn end(mut self, patience: Duration) -> Result<std::process::ExitStatus> {
        self.ask();
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                return Ok(status);
            }
            ensure!(begun.elapsed() < patience, "it did not end within {patience:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Fails when it has ended by itself.
    pub(super) fn still_there(&mut self) -> Result<()> {
        match self.0.try_wait()? {
            Some(status) => bail!("the program ended by itself ({status})"),
            None => Ok(()),
        }
    }

    #[cfg(unix)]
    fn ask(&mut self) {
        use nix::sys::signal::{Signal, kill};
        // It may be gone already.
        let _ = kill(nix::unistd::Pid::from_raw(self.0.id() as i32), Signal::SIGTERM);
    }

    #[cfg(not(unix))]
    fn ask(&mut self) {
        // There is no way to ask.
        let _ = self.0.kill();
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.ask();
        let begun = Instant::now();
        while begun.elapsed() < LAST_WORDS && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The one at this share of sorted times.
pub(super) fn at(sorted: &[Duration], share: f64) -> Duration {
    sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or_default()
}

/// Resident memory of a process, in bytes.
pub(super) fn resident(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).context("the process is gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("an unknown format")?;
    let kilobytes = line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    Ok(kilobytes.context("an unknown format")? * 1024)
}

/// Writes a new content on the left and waits until the right shows it.
pub(super) fn edit(pair: &Pair, path: &str, words: &str, patience: Duration) -> Result<Duration> {
    let (left, right) = (pair.left.join(path), pair.right.join(path));
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

/// Writes all of them at once and waits until the right shows the last one.
pub(super) fn burst(pair: &Pair, paths: &[String], patience: Duration) -> Result<Duration> {
    let words = |number: usize| format!("all at once {number}");
    let begun = Instant::now();
    for (number, path) in paths.iter().enumerate() {
        fs::write(pair.left.join(path), words(number))?;
    }
    for (number, path) in paths.iter().enumerate() {
        while !shows(&pair.right.join(path), &words(number)) {
            ensure!(begun.elapsed() < patience, "{path} did not arrive");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    Ok(begun.elapsed())
}

/// What a process has used up.
pub(super) struct Spent {
    pub(super) cpu: Duration,
    pub(super) written: u64,
}

impl Spent {
    #[cfg(target_os = "linux")]
    pub(super) fn of(process: u32) -> Result<Self> {
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
    pub(super) fn of(_process: u32) -> Result<Self> {
        bail!("this is measured on Linux only")
    }
}
