//! What was promised, and what was measured.
//!
//! Owns the targets and the table. A ratio is that of two medians of the same scenario in the same run:
//! figures of different runs or machines are never compared.

use serde_json::{Value, json};

use super::measure::Cost;
use super::peers::Scenario;
use super::tools::{Program, Tool};
use crate::tree::Tally;

/// All timed runs of one program in one scenario.
pub(super) struct Runs {
    pub(super) program: Program,
    pub(super) costs: Vec<Cost>,
}

/// At most this share of the peer's time.
struct Target {
    scenario: Scenario,
    peer: Program,
    ratio: f64,
}

const TARGETS: &[Target] = &[
    Target { scenario: Scenario::First, peer: Program::Rsync, ratio: 0.8 },
    Target { scenario: Scenario::First, peer: Program::Unison, ratio: 0.2 },
    Target { scenario: Scenario::Nothing, peer: Program::Rsync, ratio: 0.5 },
    Target { scenario: Scenario::Nothing, peer: Program::Unison, ratio: 0.4 },
    Target { scenario: Scenario::Changed, peer: Program::Rsync, ratio: 0.6 },
];

/// Peak memory with nothing to do, at 90,000 files a side.
const PEAK_BYTES: u64 = 64_000_000;

/// What a run of the comparison found.
pub(super) struct Report {
    tally: Tally,
    seed: u64,
    rounds: u32,
    versions: Vec<(Program, String, String)>,
    scenarios: Vec<(Scenario, Vec<Runs>)>,
}

/// A target beside what was measured.
struct Verdict {
    what: String,
    measured: f64,
    limit: f64,
    unit: &'static str,
}

impl Verdict {
    fn met(&self) -> bool {
        self.measured <= self.limit
    }
}

impl Report {
    pub(super) fn new(
        tools: &[Tool],
        tally: Tally,
        seed: u64,
        rounds: u32,
        scenarios: Vec<(Scenario, Vec<Runs>)>,
    ) -> Self {
        let versions = tools.iter().map(|tool| (tool.program, tool.version(), tool.shown())).collect();
        Self { tally, seed, rounds, versions, scenarios }
    }

    /// How many targets are missed. A target whose two programs were not both measured is neither.
    pub(super) fn misses(&self) -> usize {
        self.verdicts().iter().filter(|verdict| !verdict.met()).count()
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for target in TARGETS {
            let Some((_, runs)) = self.scenarios.iter().find(|(it, _)| *it == target.scenario) else {
                continue;
            };
            let own = runs.iter().find(|runs| runs.program == Program::Bothways);
            let peer = runs.iter().find(|runs| runs.program == target.peer);
            if let (Some(own), Some(peer)) = (own, peer) {
                verdicts.push(Verdict {
                    what: format!("{}, of {}", target.scenario.title(), target.peer.name()),
                    measured: own.median() / peer.median(),
                    limit: target.ratio,
                    unit: "",
                });
            }
        }
        let nothing = self.scenarios.iter().find(|(it, _)| *it == Scenario::Nothing);
        let own = nothing.and_then(|(_, runs)| runs.iter().find(|it| it.program == Program::Bothways));
        if let Some(own) = own {
            verdicts.push(Verdict {
                what: "peak memory, nothing to do".to_owned(),
                measured: own.peak() as f64 / 1e6,
                limit: PEAK_BYTES as f64 / 1e6,
                unit: " MB",
            });
        }
        verdicts
    }

    pub(super) fn print_table(&self) {
        println!(
            "{} files in {} folders a side, {:.1} MB, seed {}; {} rounds, warm cache",
            self.tally.files,
            self.tally.folders,
            self.tally.bytes as f64 / 1e6,
            self.seed,
            self.rounds
        );
        for (_, version, shown) in &self.versions {
            println!("  {version}\n    {shown}");
        }
        println!(
            "\n{:<14} {:<9} {:>8} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}",
            "seconds", "", "median", "min", "max", "cpu", "of rsync", "of unison", "peak MB"
        );
        for (scenario, runs) in &self.scenarios {
            for one in runs {
                let ratio = |peer| {
                    runs.iter()
                        .find(|it| it.program == peer && it.program != one.program)
                        .map_or(String::new(), |it| format!("{:.2}", one.median() / it.median()))
                };
                println!(
                    "{:<14} {:<9} {:>8.3} {:>8.3} {:>8.3} {:>8.3} {:>9} {:>9} {:>9.1}",
                    scenario.title(),
                    one.program.name(),
                    one.median(),
                    one.least(),
                    one.most(),
                    one.cpu(),
                    ratio(Program::Rsync),
                    ratio(Program::Unison),
                    one.peak() as f64 / 1e6
                );
            }
        }
        let verdicts = self.verdicts();
        if !verdicts.is_empty() {
            println!("\n{:<28} {:>10} {:>10}", "target", "measured", "at most");
        }
        for verdict in verdicts {
            let [measured, limit] =
                [verdict.measured, verdict.limit].map(|it| format!("{it:.2}{}", verdict.unit));
            let word = if verdict.met() { "met" } else { "MISSED" };
            println!("{:<28} {measured:>10} {limit:>10}  {word}", verdict.what);
        }
    }

    pub(super) fn print_json(&self) -> serde_json::Result<()> {
        let scenarios: Vec<Value> = self
            .scenarios
            .iter()
            .flat_map(|(scenario, runs)| {
                runs.iter().map(|one| {
                    json!({
                        "scenario": scenario.title(), "program": one.program.name(), "runs": one.costs,
                        "median_seconds": one.median(), "min_seconds": one.least(), "max_seconds": one.most(),
                        "peak_bytes": one.peak(),
                    })
                })
            })
            .collect();
        let targets: Vec<Value> = self
            .verdicts()
            .iter()
            .map(|it| json!({"target": it.what, "measured": it.measured, "at_most": it.limit, "met": it.met()}))
            .collect();
        let programs: Vec<Value> = self
            .versions
            .iter()
            .map(|(program, version, shown)| {
                json!({"program": program.name(), "version": version, "command": shown})
            })
            .collect();
        let document = json!({
            "files": self.tally.files, "folders": self.tally.folders, "bytes": self.tally.bytes,
            "seed": self.seed, "rounds": self.rounds,
            "programs": programs, "results": scenarios, "targets": targets,
        });
        println!("{}", serde_json::to_string_pretty(&document)?);
        Ok(())
    }
}

impl Runs {
    fn sorted(&self, of: fn(&Cost) -> f64) -> Vec<f64> {
        let mut all: Vec<f64> = self.costs.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn median(&self) -> f64 {
        median(&self.sorted(|cost| cost.seconds))
    }

    fn cpu(&self) -> f64 {
        median(&self.sorted(|cost| cost.cpu_seconds))
    }

    fn least(&self) -> f64 {
        self.sorted(|cost| cost.seconds).first().copied().unwrap_or(f64::NAN)
    }

    fn most(&self) -> f64 {
        self.sorted(|cost| cost.seconds).last().copied().unwrap_or(f64::NAN)
    }

    fn peak(&self) -> u64 {
        self.costs.iter().map(|cost| cost.peak_bytes).max().unwrap_or_default()
    }
}

/// Of sorted numbers; of an even count, the mean of the two in the middle.
fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => f64::NAN,
        (_, 1) => sorted[half],
        _ => f64::midpoint(sorted[half - 1], sorted[half]),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_lies_in_the_middle() {
        assert!((median(&[1.0, 2.0, 9.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[1.0, 2.0, 4.0, 9.0]) - 3.0).abs() < 1e-9);
        assert!(median(&[]).is_nan());
    }
}
