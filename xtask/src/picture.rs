//! The picture of a plan in the README.
//!
//! Owns a small office with a little of everything, and what the real program says about it. Nothing is drawn by hand.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::shell;

/// When everything was last in order: 2026-11-02 09:00 UTC.
const BEFORE: u64 = 1_793_610_000;
/// When the two offices changed the same file: 2026-11-20 15:43 and 16:10 UTC.
const LEFT_CHANGE: u64 = 1_795_189_380;
const RIGHT_CHANGE: u64 = 1_795_191_000;

fn write(path: &Path, text: &str, time_s: u64) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)?;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(time_s);
    fs::File::options().write(true).open(path)?.set_modified(time)?;
    Ok(())
}

/// What `bothways plan` prints, as a code block.
pub(crate) fn plan(root: &Path) -> Result<String> {
    let place = tempfile::tempdir()?;
    let (left, right) = (place.path().join("office"), place.path().join("cloud"));
    fs::create_dir(&right)?;
    for name in ["letters/offer.docx", "letters/old.txt", "budget/2026.xlsx", "film/cut.prproj"] {
        write(&left.join(name), &format!("the first version of {name}\n"), BEFORE)?;
    }
    bothways(root, place.path(), &["sync", "office", "cloud"])?;

    write(&left.join("letters/offer.docx"), "the second draft\n", LEFT_CHANGE)?;
    write(&left.join("budget/2026.xlsx"), "as the office counts\n", LEFT_CHANGE)?;
    write(&right.join("budget/2026.xlsx"), "as others count, and later\n", RIGHT_CHANGE)?;
    write(&right.join("minutes.md"), "new\n", RIGHT_CHANGE)?;
    fs::remove_file(right.join("letters/old.txt"))?;
    fs::rename(left.join("film"), left.join("film 2026"))?;
    let shown = bothways(root, place.path(), &["plan", "office", "cloud"])?;

    let mut lines: Vec<&str> = shown.trim().lines().skip_while(|line| !line.is_empty()).skip(1).collect();
    // How long it took is another thing every time.
    if let Some(last) = lines.last_mut() {
        *last = last.split(" (up to").next().unwrap_or_default();
    }
    Ok(format!("```\n$ bothways plan office cloud\n{}\n```", lines.join("\n")))
}

fn bothways(root: &Path, place: &Path, args: &[&str]) -> Result<String> {
    let output = shell::cargo()
        .args(["run", "--quiet", "--package", "sync-cli", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .args(["--", "--state", "state", "--color", "never"])
        .args(args)
        .current_dir(place)
        .output()
        .context("cannot run bothways")?;
    // A conflict asks for a person's look, which is what the picture shows.
    if !matches!(output.status.code(), Some(0 | 1)) {
        bail!("bothways {args:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}
