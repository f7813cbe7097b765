//! Measurements of whole programs.
//!
//! Owns what is compared with what, and which figures are promised. Micro-benchmarks lie in `benches/`.
//! Start reading at [`peers`]: the scenarios and their order; [`tools`] says how each program is called,
//! [`live`] the live session, [`soak`] a live session under load; [`measure`] how a run is measured, [`report`] what is
//! promised and printed, [`place`] where the trees lie, [`million`] the memory at a million files.

mod latency;
mod live;
pub(crate) mod measure;
mod million;
mod peers;
mod place;
mod report;
mod rivals;
mod sizes;
mod soak;
mod tools;

use std::path::PathBuf;

use anyhow::{Result, bail};

/// `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Side by side with rsync and unison, in one run
    Peers(Peers),
    /// How soon a live session brings a change to the other side
    Live(live::Options),
    /// A live session under thousands of random changes on both sides: memory, and what became of every version
    Soak(soak::Options),
    /// Plans of rows that come from Python, beside the Rust call and pure Python
    Python(Python),
}

/// `cargo xtask bench python`.
#[derive(clap::Args)]
struct Python {
    /// Handed to sync-py/benches/plan.py
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// `cargo xtask bench peers`.
#[derive(clap::Args)]
struct Peers {
    /// Files in the tree [default: 90000, with --million 1000000]
    #[arg(long)]
    files: Option<u64>,
    /// Timed runs of each program in each scenario
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// The tree's seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// This scenario only (may be repeated)
    #[arg(long, value_enum)]
    only: Vec<peers::Scenario>,
    /// Where the trees are made; a local disk [default: the system's temporary folder]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Leave the trees there
    #[arg(long)]
    keep: bool,
    /// Whether the trees get an ext4 of their own, for as long as the run lasts
    #[arg(long, value_enum, default_value = "auto")]
    image: place::Image,
    /// One JSON document on standard output instead of the table
    #[arg(long)]
    json: bool,
    /// Fail when a target is missed
    #[arg(long)]
    strict: bool,
    /// The other programs alone
    #[arg(long)]
    skip_bothways: bool,
    /// This binary instead of a release build made now
    #[arg(long, value_name = "FILE")]
    bothways: Option<PathBuf>,
    /// Measure the memory of a run with nothing to do at a million tiny files a side, and nothing else
    #[arg(long, conflicts_with_all = ["only", "skip_bothways"])]
    million: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !cfg!(unix) {
        bail!("the peers run on Unix only");
    }
    match &options.what {
        What::Peers(peers) if peers.million => million::run(peers),
        What::Peers(peers) => peers::run(peers),
        What::Live(live) => live::run(live),
        What::Soak(soak) => soak::run(soak),
        What::Python(python) => crate::python::bench(&python.arguments),
    }
}
