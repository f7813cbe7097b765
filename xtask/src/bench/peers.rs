//! Side by side with rsync and unison: first copy, nothing to do, 100 changed files.
//!
//! Owns the order of things. Within a scenario the programs take turns, and each round starts with
//! another one, so that a slow moment of the machine falls on all of them. Before every timed run what
//! earlier ones left unwritten is written out. Removing an old tree, making changes and comparing the two
//! sides afterwards is not timed. The cache is warm: just before a run both trees are listed and, for a
//! first copy, the left one is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result, bail, ensure};

use super::measure::{Cost, cost};
use super::place::Place;
use super::report::{Report, Runs};
use super::tools::{MARK, Program, Tool, build_bothways};
use crate::rng::Rng;
use crate::tree::{Layout, Sizes, Tally};
use crate::{setup, shell};

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Scenario {
    /// Everything from left to an empty right
    First,
    /// Both sides are the same
    Nothing,
    /// 100 files have changed on the left
    Changed,
}

const ALL: [Scenario; 3] = [Scenario::First, Scenario::Nothing, Scenario::Changed];
const CHANGES: usize = 100;

impl Scenario {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::First => "first copy",
            Self::Nothing => "nothing to do",
            Self::Changed => "100 changed",
        }
    }
}

pub(super) fn run(options: &super::Peers) -> Result<()> {
    setup::require_packages(setup::PEER_PACKAGES)?;
    let own = match (&options.bothways, options.skip_bothways) {
        (_, true) => None,
        (Some(binary), false) => Some(fs::canonicalize(binary).context("cannot find that bothways")?),
        (None, false) => Some(build_bothways()?),
    };
    let files = options.files.unwrap_or(90_000);
    // Three programs with two sides each.
    let Some(place) =
        Place::new(options.dir.as_deref(), options.image, options.keep, files * 6, files * 6 * 7_000)?
    else {
        return Ok(());
    };
    let home = place.path();
    let layout = Layout::new(files, options.seed, Sizes::Office);

    let tools: Vec<Tool> = own
        .map(|binary| (Program::Bothways, binary))
        .into_iter()
        .chain([(Program::Rsync, "rsync".into()), (Program::Unison, "unison".into())])
        .map(|(program, binary)| Tool::new(program, binary, home))
        .collect();
    let mut tally = Tally::default();
    for tool in &tools {
        eprintln!("making a tree of {files} files for {}", tool.program.name());
        tally = layout.build(&tool.left())?;
    }

    let bench = Bench {
        tools,
        changing: layout.some_files(CHANGES),
        seed: options.seed,
        rounds: options.rounds,
        home: home.to_owned(),
    };
    let mut all = Vec::new();
    for scenario in ALL {
        if options.only.is_empty() || options.only.contains(&scenario) {
            all.push((scenario, bench.scenario(scenario)?));
        }
    }
    let report = Report::new(&bench.tools, tally, options.seed, options.rounds, all);
    if options.json {
        report.print_json()?;
    } else {
        report.print_table();
    }
    if options.strict && report.misses() > 0 {
        bail!("{} targets are missed", report.misses());
    }
    Ok(())
}

struct Bench {
    tools: Vec<Tool>,
    changing: Vec<String>,
    seed: u64,
    rounds: u32,
    home: PathBuf,
}

impl Bench {
    fn scenario(&self, scenario: Scenario) -> Result<Vec<Runs>> {
        let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); self.tools.len()];
        if scenario != Scenario::First {
            for tool in &self.tools {
                self.settle(tool)?;
            }
        }
        for round in 0..self.rounds {
            for turn in 0..self.tools.len() {
                let at = (turn + round as usize) % self.tools.len();
                let tool = &self.tools[at];
                match scenario {
                    Scenario::First => tool.forget()?,
                    Scenario::Nothing => (),
                    Scenario::Changed => self.change(tool)?,
                }
                write_out()?;
                warm(tool, scenario == Scenario::First)?;
                let cost = cost(&tool.command(), &self.home)?;
                eprintln!(
                    "{} {}/{}: {} {:.3} s",
                    scenario.title(),
                    round + 1,
                    self.rounds,
                    tool.program.name(),
                    cost.seconds
                );
                costs[at].push(cost);
                self.done(tool, round == 0).with_context(|| {
                    format!("{} left the two sides different ({})", tool.program.name(), scenario.title())
                })?;
            }
        }
        Ok(self.tools.iter().zip(costs).map(|(tool, costs)| Runs { program: tool.program, costs }).collect())
    }

    /// Fails unless the two sides are the same: in every run by size, time and the content of the files that
    /// change, and with `content` by the content of all.
    fn done(&self, tool: &Tool, content: bool) -> Result<()> {
        let [left, right] = [tool.left(), tool.right()];
        same(&left, &right, content)?;
        for path in &self.changing {
            ensure!(fs::read(left.join(path))? == fs::read(right.join(path))?, "{path} has another content");
        }
        Ok(())
    }

    /// Brings the pair in sync, and once more so that every cache is warm and every memory complete.
    fn settle(&self, tool: &Tool) -> Result<()> {
        if !tool.right().exists() {
            eprintln!("first copy of {}, not timed", tool.program.name());
            tool.forget()?;
            cost(&tool.command(), &self.home)?;
        }
        write_out()?;
        cost(&tool.command(), &self.home)?;
        Ok(())
    }

    /// Changes one byte of the same files and appends one; their mtime is the present.
    fn change(&self, tool: &Tool) -> Result<()> {
        let mut rng = Rng::part(self.seed, u64::MAX - 2);
        for path in &self.changing {
            let path = tool.left().join(path);
            let mut content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            content.push(b'+');
            // Whatever it was in the round before, it is something else now.
            let at = rng.below(content.len() as u64) as usize;
            content[at] = content[at].wrapping_add(1);
            fs::write(&path, content)?;
        }
        Ok(())
    }
}

/// Writes what waits in the system's cache to the disk, so that no run pays for another.
pub(super) fn write_out() -> Result<()> {
    shell::run(&mut Command::new("sync"))
}

/// Reads what the program will look at, so that none finds on the disk what another finds in memory.
pub(super) fn warm(tool: &Tool, content: bool) -> Result<()> {
    for path in list(&tool.left())?.into_keys().filter(|_| content) {
        fs::read(tool.left().join(path))?;
    }
    list(&tool.right())?;
    for path in list(&tool.memory())?.into_keys() {
        fs::read(tool.memory().join(path))?;
    }
    Ok(())
}

/// Every program must have done the whole job: the same files with the same sizes and, to the second that
/// every program keeps, the same times; with `content`, the same bytes too.
fn same(left: &Path, right: &Path, content: bool) -> Result<()> {
    let [one, other] = [list(left)?, list(right)?];
    ensure!(one.len() == other.len(), "{} files on the left, {} on the right", one.len(), other.len());
    for (path, (size, time)) in &one {
        let Some((size_there, time_there)) = other.get(path) else {
            bail!("{} is missing on the right", path.display());
        };
        let shown = path.display();
        ensure!(size == size_there, "{shown} has {size} bytes on the left, {size_there} on the right");
        ensure!(time == time_there, "{shown} has another time on the right");
        if content {
            let [bytes, bytes_there] = [left, right].map(|side| fs::read(side.join(path)));
            ensure!(bytes? == bytes_there?, "{shown} has another content on the right");
        }
    }
    Ok(())
}

/// Size and whole seconds of the time of every file below the root, without what a program keeps there for itself.
fn list(root: &Path) -> Result<BTreeMap<PathBuf, (u64, u64)>> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![PathBuf::new()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if path == Path::new(MARK) {
                continue;
            }
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                waiting.push(path);
            } else {
                let time = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                found.insert(path, (metadata.len(), time.as_secs()));
            }
        }
    }
    Ok(found)
}
