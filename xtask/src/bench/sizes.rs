//! What one changed file costs, by the number of files beside it.
//!
//! The same few edits in trees of more and more files, with a session that lets changes rest for no time at all. What
//! it takes from the write to the other side is the engine's time then; it should not depend on the tree.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::latency::{AtWork, Pair, Spent, at, edit, resident};
use super::live::{Options, PATIENCE};
use super::measure::cost;
use super::place::Place;
use super::tools::{Program, Tool};
use crate::tree::{Layout, Sizes};

const FIRST: u64 = 1_000;
/// A session may take this long until it is at work in the largest tree.
const READY: Duration = Duration::from_mins(10);
/// How much longer one edit may take in the largest tree than in the smallest.
const RATIO: f64 = 2.0;

struct Row {
    files: u64,
    median: Duration,
    p99: Duration,
    /// Of the session, for one edit.
    cpu: Duration,
    resident: u64,
}

pub(super) fn run(options: &Options, binary: PathBuf) -> Result<()> {
    let most = options.files().max(FIRST);
    let sizes: Vec<u64> = std::iter::successors(Some(FIRST), |files| Some(files * 10))
        .take_while(|files| *files <= most)
        .collect();
    let Some(place) = Place::new(options.dir.as_deref(), options.image, false, most * 3, most * 300)? else {
        return Ok(());
    };
    let edits = options.edits.clamp(1, 200);
    may_watch(2 * Layout::new(most, options.seed, Sizes::Tiny).folders())?;
    let mut rows = Vec::new();
    for files in sizes {
        let home = place.path().join(files.to_string());
        rows.push(one(options.seed, files, edits, &binary, &home)?);
        fs::remove_dir_all(&home)?;
    }
    let ratio = |row: &Row| row.median.as_secs_f64() / rows[0].median.as_secs_f64();
    let last = rows.last().map(ratio).unwrap_or_default();
    let met = last <= RATIO;
    if options.json {
        let listed: Vec<_> = rows
            .iter()
            .map(|row| {
                json!({
                    "files": row.files, "median_ms": row.median.as_secs_f64() * 1e3,
                    "p99_ms": row.p99.as_secs_f64() * 1e3, "cpu_ms": row.cpu.as_secs_f64() * 1e3,
                    "resident_bytes": row.resident, "ratio": ratio(row),
                })
            })
            .collect();
        let document = json!({"edits": edits, "rows": listed, "ratio": last, "at_most": RATIO, "met": met});
        println!("{}", serde_json::to_string_pretty(&document)?);
        return Ok(());
    }
    println!("one changed file, {edits} times, with no rest before it");
    println!(
        "{:>10} {:>10} {:>10} {:>10} {:>10} {:>8}",
        "files", "median ms", "99 % ms", "cpu ms", "MB", "ratio"
    );
    for row in &rows {
        println!(
            "{:>10} {:>10.2} {:>10.2} {:>10.2} {:>10.1} {:>8.2}",
            row.files,
            row.median.as_secs_f64() * 1e3,
            row.p99.as_secs_f64() * 1e3,
            row.cpu.as_secs_f64() * 1e3,
            row.resident as f64 / 1e6,
            ratio(row)
        );
    }
    println!("largest of smallest: {last:.2}, at most {RATIO:.2}: {}", if met { "met" } else { "MISSED" });
    Ok(())
}

/// A session that cannot watch looks at its folders in turn: what that takes is another question.
fn may_watch(folders: u64) -> Result<()> {
    let limit = "/proc/sys/fs/inotify/max_user_watches";
    let Ok(words) = fs::read_to_string(limit) else { return Ok(()) };
    let most: u64 = words.trim().parse().with_context(|| format!("cannot understand {limit}"))?;
    if most < folders {
        bail!(
            "both trees have {folders} folders, and the system lets {most} be watched: raise fs.inotify.max_user_watches \
             for as long as this takes (sysctl), or ask for fewer --files"
        );
    }
    Ok(())
}

fn one(seed: u64, files: u64, edits: usize, binary: &std::path::Path, home: &std::path::Path) -> Result<Row> {
    let tool = Tool::new(Program::Bothways, binary.to_owned(), home);
    let layout = Layout::new(files, seed, Sizes::Tiny);
    eprintln!("making two trees of {files} files");
    tool.forget()?;
    fs::remove_dir(tool.right())?;
    for side in [tool.left(), tool.right()] {
        layout.build(&side)?;
    }
    cost(&tool.command(), home)?;
    let config = home.join("no-rest.toml");
    let text = format!(
        "left_root = '{}'\nright_root = '{}'\n[live]\ndebounce_ms = 0\n",
        tool.left().display(),
        tool.right().display()
    );
    fs::write(&config, text)?;
    let mut command = Command::new(binary);
    command.args(["run", "-qq", "--config"]).arg(&config).arg("--state").arg(tool.memory());
    let session = AtWork(command.stdin(Stdio::null()).spawn().context("cannot start the session")?);
    let pair = Pair { left: tool.left(), right: tool.right() };
    let edited = layout.some_files(edits);
    edit(&pair, &edited[0], "first", READY)?;
    // What the first look has left to do is done by then.
    std::thread::sleep(Duration::from_secs(2));
    let before = Spent::of(session.0.id())?;
    let mut taken = Vec::with_capacity(edits);
    for number in 0..edits {
        let path = &edited[number % edited.len()];
        taken.push(edit(&pair, path, &format!("edit {number}"), PATIENCE)?);
        // Each is a change of its own.
        std::thread::sleep(Duration::from_millis(20));
    }
    let cpu = Spent::of(session.0.id())?.cpu.saturating_sub(before.cpu) / u32::try_from(edits).unwrap_or(1);
    taken.sort_unstable();
    let resident = resident(session.0.id())?;
    session.end(PATIENCE)?;
    Ok(Row { files, median: at(&taken, 0.5), p99: at(&taken, 0.99), cpu, resident })
}
