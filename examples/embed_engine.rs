//! Embeds the engine: two folders, a first sync, a conflict, and the reports a program gets back.
//!
//! Run with `cargo run -p bothways-examples --example embed_engine`; it works in a temporary folder.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use sync_engine::config::Config;
use sync_engine::{Phase, Session, SessionOptions, Silent, SyncOptions, Watch};

/// Follows a session by counting what it is told.
#[derive(Default)]
struct Counting {
    done: AtomicU64,
}

impl Watch for Counting {
    fn begin(&self, phase: Phase, count: Option<u64>, bytes: Option<u64>) {
        println!("  {phase:?}: {} things, {} bytes", count.unwrap_or_default(), bytes.unwrap_or_default());
    }

    fn advance(&self, count: u64, _bytes: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
    }
}

fn main() -> Result<()> {
    let place = tempfile::tempdir()?;
    let (left, right) = (place.path().join("left"), place.path().join("right"));
    fs::create_dir_all(left.join("letters"))?;
    fs::create_dir_all(&right)?;
    fs::write(left.join("letters/offer.txt"), "first draft")?;
    fs::write(right.join("prices.csv"), "item,price\n")?;

    let config = Config::for_roots(&left, &right)?;
    let options = SessionOptions { state_dir: Some(place.path().join("state")), ..SessionOptions::default() };

    println!("first sync:");
    let session = Session::open(&config, &options)?;
    let watch = Counting::default();
    let report = session.sync(&SyncOptions::default(), &watch)?;
    println!("  done: {:?}", report.done);
    ensure!(fs::read_to_string(right.join("letters/offer.txt"))? == "first draft");
    ensure!(left.join("prices.csv").exists());
    ensure!(watch.done.load(Ordering::Relaxed) > 0);

    println!("both sides change the same file:");
    fs::write(left.join("letters/offer.txt"), "the left draft")?;
    fs::write(right.join("letters/offer.txt"), "another draft on the right")?;
    let plan = session.plan(false, &Silent)?;
    for step in &plan.transitions {
        println!("  would {} {} ({})", step.action, step.path, step.rule);
    }
    let report = session.sync(&SyncOptions::default(), &Silent)?;
    for conflict in &report.conflicts {
        println!(
            "  {}: newer on the {}, older kept as {:?}",
            conflict.path, conflict.newer, conflict.clash_path
        );
    }
    ensure!(report.conflicts.len() == 1);
    ensure!(fs::read_dir(left.join("letters"))?.count() == 2, "both versions are on the left");
    ensure!(fs::read_dir(right.join("letters"))?.count() == 2, "both versions are on the right");

    println!("nothing to do:");
    let report = session.sync(&SyncOptions::default(), &Silent)?;
    ensure!(report.run.is_none() && report.problems.is_empty(), "{report:?}");
    println!("  quiet");
    Ok(())
}
