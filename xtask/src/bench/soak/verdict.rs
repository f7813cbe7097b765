//! What is asked when everything is quiet.
//!
//! Owns the questions: are both sides the same, is there nothing left to do, is every version somewhere, is the memory
//! what it was, and what did the log complain of.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::ledger::{Key, Ledger, Tally};
use super::work::{Counts, NOT_OURS};
use crate::bench::tools::Tool;

/// The memory of the last quarter may be so many times that of the second.
const FLAT: f64 = 1.15;
/// How many of what is wrong are shown.
const SHOWN: usize = 10;

/// The session at one moment.
pub(super) struct Sample {
    pub(super) at: Duration,
    pub(super) done: u64,
    pub(super) resident: u64,
    pub(super) cpu: Duration,
}

/// What is asked, and of whom.
pub(super) struct Questions<'a> {
    pub(super) binary: &'a Path,
    pub(super) config: &'a Path,
    pub(super) tool: &'a Tool,
    pub(super) ledger: &'a Ledger,
}

/// What is at a path: the permissions, and of a file the content.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Seen {
    mode: u32,
    content: Option<Key>,
}

type Tree = BTreeMap<PathBuf, Seen>;

/// Waits until both sides are the same for a while. Says how long that took, and what differs where they never were.
pub(super) fn settle(tool: &Tool, patience: Duration) -> Result<(Duration, Vec<String>)> {
    let begun = Instant::now();
    let mut before: Option<Tree> = None;
    let mut since = begun.elapsed();
    loop {
        let [left, right] = [tree(&tool.left()), tree(&tool.right())];
        // A tree that changes while it is looked at is not quiet.
        if let (Ok(left), Ok(right)) = (left, right) {
            let differences = differences(&left, &right);
            if differences.is_empty() && before.as_ref() == Some(&left) {
                return Ok((since, differences));
            }
            if !differences.is_empty() || before.is_none() {
                since = begun.elapsed();
            }
            if begun.elapsed() > patience {
                return Ok((begun.elapsed(), differences));
            }
            before = differences.is_empty().then_some(left);
        }
        std::thread::sleep(Duration::from_secs(3));
    }
}

fn differences(left: &Tree, right: &Tree) -> Vec<String> {
    let paths: std::collections::BTreeSet<&PathBuf> = left.keys().chain(right.keys()).collect();
    let mut differences = Vec::new();
    for path in paths {
        let word = match (left.get(path), right.get(path)) {
            (Some(_), None) => "only left",
            (None, Some(_)) => "only right",
            (Some(left), Some(right)) if left.content != right.content => "other content",
            (Some(left), Some(right)) if left.mode != right.mode => "other permissions",
            _ => continue,
        };
        differences.push(format!("{}: {word}", path.display()));
    }
    differences
}

fn tree(root: &Path) -> Result<Tree> {
    let mut tree = Tree::new();
    fill(root, Path::new(""), &mut tree)?;
    Ok(tree)
}

fn fill(root: &Path, below: &Path, tree: &mut Tree) -> Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if NOT_OURS.iter().any(|name| path == Path::new(name)) {
            continue;
        }
        let found = entry.metadata()?;
        let content = if found.is_dir() { None } else { Some(Key::of(&fs::read(entry.path())?)) };
        if found.is_dir() {
            fill(root, &path, tree)?;
        }
        tree.insert(path, Seen { mode: mode(&found), content });
    }
    Ok(())
}

#[cfg(unix)]
fn mode(found: &fs::Metadata) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    found.mode()
}

#[cfg(not(unix))]
fn mode(found: &fs::Metadata) -> u32 {
    u32::from(found.permissions().readonly())
}

/// Every content below a folder, whatever it is called.
fn contents(folder: &Path, into: &mut HashSet<Key>) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            contents(&entry.path(), into)?;
        } else {
            into.insert(Key::of(&fs::read(entry.path())?));
        }
    }
    Ok(())
}

/// The answers.
pub(super) struct Verdict {
    samples: Vec<Sample>,
    counts: Counts,
    settled: Duration,
    files: usize,
    differences: Vec<String>,
    to_do: u64,
    conflicts: u64,
    problems: u64,
    tally: Tally,
    lost: Vec<String>,
    complaints: BTreeMap<String, u64>,
    code: Option<i32>,
}

impl Verdict {
    pub(super) fn of(
        asked: &Questions<'_>,
        samples: Vec<Sample>,
        counts: Counts,
        settled: Duration,
        differences: Vec<String>,
        code: Option<i32>,
    ) -> Result<Self> {
        let plan = asked.document("plan")?;
        let open = asked.document("conflicts")?;
        let length = |value: &Value| value.as_array().map_or(0, |list| list.len() as u64);
        let mut found = HashSet::new();
        for root in [asked.tool.left(), asked.tool.right()] {
            for entry in fs::read_dir(&root)? {
                let entry = entry?;
                // Half a copy is no version; the trash holds whole ones.
                if entry.file_name() == ".bothways" {
                    continue;
                }
                if entry.file_type()?.is_dir() {
                    contents(&entry.path(), &mut found)?;
                } else {
                    found.insert(Key::of(&fs::read(entry.path())?));
                }
            }
        }
        let (tally, lost) = asked.ledger.lost(&found);
        Ok(Self {
            samples,
            counts,
            settled,
            files: tree(&asked.tool.left())?.values().filter(|seen| seen.content.is_some()).count(),
            differences,
            to_do: length(&plan["transitions"]),
            conflicts: open["open"].as_u64().context("a list of conflicts without a number")?,
            problems: length(&plan["problems"]),
            tally,
            lost,
            complaints: complaints(&super::log_file(asked.tool))?,
            code,
        })
    }

    /// Of the last quarter of the changes to the second, by their medians.
    fn growth(&self) -> Option<f64> {
        let while_changing = &self.samples[..self.samples.len().saturating_sub(1)];
        let quarter = while_changing.len() / 4;
        let median = |part: &[Sample]| {
            let mut sizes: Vec<u64> = part.iter().map(|sample| sample.resident).collect();
            sizes.sort_unstable();
            sizes.get(sizes.len() / 2).copied()
        };
        let (second, last) =
            (median(&while_changing[quarter..quarter * 2])?, median(&while_changing[quarter * 3..])?);
        Some(last as f64 / second as f64)
    }

    fn answers(&self) -> Vec<(&'static str, String, bool)> {
        let growth = self.growth();
        vec![
            (
                "both sides the same",
                format!("{} differences", self.differences.len()),
                self.differences.is_empty(),
            ),
            ("nothing left to do", format!("{} transitions", self.to_do), self.to_do == 0),
            ("nothing stands in the way", format!("{} problems", self.problems), self.problems == 0),
            (
                "no version lost",
                format!("{} of {}", self.lost.len(), self.tally.written),
                self.lost.is_empty(),
            ),
            (
                "memory flat",
                growth.map_or("too few samples".to_owned(), |growth| {
                    format!("{growth:.3} of the second quarter")
                }),
                growth.is_some_and(|growth| growth <= FLAT),
            ),
            ("ended when asked", format!("{:?}", self.code), self.code == Some(0)),
        ]
    }

    pub(super) fn is_fine(&self) -> bool {
        self.answers().iter().all(|(_, _, is_right)| *is_right)
    }

    pub(super) fn print(&self, seed: u64) {
        println!("{:>8} {:>10} {:>9} {:>9}", "seconds", "changes", "MB", "cpu s");
        for sample in &self.samples {
            println!(
                "{:>8.0} {:>10} {:>9.1} {:>9.1}",
                sample.at.as_secs_f64(),
                sample.done,
                sample.resident as f64 / 1e6,
                sample.cpu.as_secs_f64()
            );
        }
        let made: Vec<String> =
            self.counts.named().iter().map(|(name, made)| format!("{made} {name}")).collect();
        println!(
            "\nseed {seed}: {} changes made, {} found their place gone\n  {}",
            self.counts.done(),
            self.counts.missed,
            made.join(", ")
        );
        println!(
            "{} files a side at the end; the same {:.1} s after the last change; {} conflicts open",
            self.files,
            self.settled.as_secs_f64(),
            self.conflicts
        );
        let Tally { written, taken, astray, kept } = self.tally;
        println!(
            "{written} versions written: {kept} are there, {taken} were taken away by their owner, {astray} went into a \
             file that had just left its place\n"
        );
        for (what, measured, is_right) in self.answers() {
            println!("{what:<28} {measured:>34}  {}", if is_right { "yes" } else { "NO" });
        }
        for (title, list) in [("different", &self.differences), ("lost", &self.lost)] {
            for one in list.iter().take(SHOWN) {
                println!("  {title}: {one}");
            }
        }
        println!(
            "\n{}",
            if self.complaints.is_empty() { "the log has no complaint" } else { "the log complains of" }
        );
        for (kind, count) in &self.complaints {
            println!("  {count:>7}  {kind}");
        }
    }

    pub(super) fn print_json(&self, seed: u64) -> Result<()> {
        let samples: Vec<Value> = self
            .samples
            .iter()
            .map(|one| {
                json!({
                    "seconds": one.at.as_secs_f64(), "changes": one.done, "resident_bytes": one.resident,
                    "cpu_seconds": one.cpu.as_secs_f64(),
                })
            })
            .collect();
        let answers: Vec<Value> = self
            .answers()
            .into_iter()
            .map(|(what, measured, is_right)| json!({"what": what, "measured": measured, "met": is_right}))
            .collect();
        let Tally { written, taken, astray, kept } = self.tally;
        let document = json!({
            "seed": seed, "samples": samples, "answers": answers,
            "changes": self.counts.named().into_iter().collect::<BTreeMap<_, _>>(), "missed": self.counts.missed,
            "settled_seconds": self.settled.as_secs_f64(), "files": self.files, "open_conflicts": self.conflicts,
            "versions": {"written": written, "kept": kept, "taken": taken, "astray": astray, "lost": self.lost},
            "differences": self.differences, "complaints": self.complaints,
        });
        println!("{}", serde_json::to_string_pretty(&document)?);
        Ok(())
    }
}

impl Questions<'_> {
    /// What a command says with `--json`, whatever it ends with.
    fn document(&self, command: &str) -> Result<Value> {
        let mut asked = Command::new(self.binary);
        asked
            .args([command, "--json", "-qq", "--config"])
            .arg(self.config)
            .arg("--state")
            .arg(self.tool.memory());
        let output = asked.output().with_context(|| format!("cannot ask `{command}`"))?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!("`{command}` printed no JSON: {}", String::from_utf8_lossy(&output.stderr).trim())
        })
    }
}

/// How often the log complains of what: warnings and errors, by their operation and words, without paths and numbers.
fn complaints(log: &Path) -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(log).with_context(|| format!("cannot read {}", log.display()))?;
    let mut complaints = BTreeMap::new();
    for line in text.lines() {
        let Ok(record) = serde_json::from_str::<Value>(line) else { continue };
        let word = |key: &str| record[key].as_str().unwrap_or_default();
        if !matches!(word("level"), "warn" | "error") {
            continue;
        }
        // Of a conflict the words name a file, and the rule says enough.
        let words = ["error", "rule", "message"].into_iter().map(word).find(|words| !words.is_empty());
        let words = words.unwrap_or_default();
        let words: Vec<String> = words.split_whitespace().take(10).map(without_names).collect();
        let kind = format!("{} {}: {}", word("level"), word("operation"), words.join(" "));
        *complaints.entry(kind).or_default() += 1;
    }
    Ok(complaints)
}

/// A word that is no path and no number.
fn without_names(word: &str) -> String {
    let is_name = word.contains(['/', '`', '"']) || word.chars().any(|c| c.is_ascii_digit());
    if is_name { "…".to_owned() } else { word.to_owned() }
}
