//! The memory that Bothways needs at a million files a side.
//!
//! Both sides are made from one seed, so they are the same without any program's help. The first run meets
//! them and remembers; the runs that count have nothing to do.

use anyhow::{Context, Result, bail};
use serde_json::json;

use super::measure::{Cost, cost};
use super::peers::{warm, write_out};
use super::place::Place;
use super::tools::{Program, Tool, build_bothways};
use crate::tree::{Layout, Sizes};

const PEAK_BYTES: u64 = 400_000_000;

pub(super) fn run(options: &super::Peers) -> Result<()> {
    let binary = match &options.bothways {
        Some(binary) => std::fs::canonicalize(binary).context("cannot find that bothways")?,
        None => build_bothways()?,
    };
    let files = options.files.unwrap_or(1_000_000);
    let Some(place) =
        Place::new(options.dir.as_deref(), options.image, options.keep, files * 2, files * 2 * 100)?
    else {
        return Ok(());
    };
    let tool = Tool::new(Program::Bothways, binary, place.path());
    let layout = Layout::new(files, options.seed, Sizes::Tiny);
    tool.forget()?;
    for side in [tool.left(), tool.right()] {
        eprintln!("making a tree of {files} tiny files");
        layout.build(&side)?;
    }
    let mut runs: Vec<(&str, Cost)> = Vec::new();
    for round in 0..=options.rounds {
        write_out()?;
        warm(&tool, false)?;
        let what = if round == 0 { "first meeting" } else { "nothing to do" };
        let one = cost(&tool.command(), place.path())?;
        eprintln!("{what}: {:.3} s, peak {:.1} MB", one.seconds, one.peak_bytes as f64 / 1e6);
        runs.push((what, one));
    }
    let peak = runs[1..].iter().map(|(_, cost)| cost.peak_bytes).max().unwrap_or_default();
    let met = peak <= PEAK_BYTES;
    if options.json {
        let listed: Vec<_> = runs.iter().map(|(what, cost)| json!({"run": what, "cost": cost})).collect();
        let document = json!({
            "files": files, "seed": options.seed, "runs": listed,
            "peak_bytes": peak, "at_most": PEAK_BYTES, "met": met,
        });
        println!("{}", serde_json::to_string_pretty(&document)?);
    } else {
        println!("{files} tiny files a side, seed {}", options.seed);
        for (what, cost) in &runs {
            println!("  {what:<14} {:>8.3} s  peak {:>6.1} MB", cost.seconds, cost.peak_bytes as f64 / 1e6);
        }
        let word = if met { "met" } else { "MISSED" };
        println!(
            "peak memory, nothing to do: {:.1} MB, at most {:.1} MB: {word}",
            peak as f64 / 1e6,
            PEAK_BYTES as f64 / 1e6
        );
    }
    if options.strict && !met {
        bail!("the target is missed");
    }
    Ok(())
}
