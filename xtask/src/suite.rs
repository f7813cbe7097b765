//! `cargo xtask test`: every check, in order, until the first that fails.
//!
//! Owns the list [`STEPS`]: cheap checks first, so that a slip is told within seconds. A tool that is
//! missing fails its step; nothing is skipped unless the command line says so.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::{generate, layers, python, setup, shell, windows};

/// `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run this step only (may be repeated)
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Leave this step out (may be repeated)
    #[arg(long, value_name = "STEP")]
    skip: Vec<String>,
    /// List the steps and run none
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    what: &'static str,
    run: fn() -> Result<()>,
}

const STEPS: &[Step] = &[
    Step { name: "format", what: "every file is formatted", run: format },
    Step { name: "layers", what: "crates import only what lies below them", run: layers::run },
    Step { name: "lint", what: "no compiler or clippy warning", run: lint },
    Step { name: "test", what: "unit, integration and property tests", run: tests },
    Step { name: "doctest", what: "examples in the documentation run", run: doc_tests },
    Step { name: "docs", what: "the documentation builds, and its links lead somewhere", run: docs },
    Step { name: "examples", what: "the programs in examples/ run", run: examples },
    Step { name: "python", what: "the Python module: wheel, tests, types", run: python::run },
    Step { name: "generated", what: "generated files are up to date", run: generated },
    Step { name: "peers", what: "a small run of the comparison with rsync and unison", run: peers },
    Step { name: "audit", what: "licences, sources and duplicates of dependencies", run: audit },
    Step { name: "windows", what: "everything compiles for Windows without a warning", run: for_windows },
];

pub(crate) fn run(options: &Options) -> Result<()> {
    for name in options.only.iter().chain(&options.skip) {
        if !STEPS.iter().any(|step| step.name == name) {
            let known: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; the steps are {}", known.join(", "));
        }
    }
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|step| options.only.is_empty() || options.only.iter().any(|name| name == step.name))
        .filter(|step| !options.skip.iter().any(|name| name == step.name))
        .collect();
    if options.list {
        for step in &chosen {
            println!("{:<10} {}", step.name, step.what);
        }
        return Ok(());
    }
    if chosen.is_empty() {
        bail!("no step is left to run");
    }
    let mut times = Vec::new();
    let began = Instant::now();
    for (number, step) in chosen.iter().enumerate() {
        println!("\n== {}/{} {}: {}", number + 1, chosen.len(), step.name, step.what);
        let started = Instant::now();
        let done = (step.run)();
        let took = started.elapsed();
        times.push((step.name, took));
        if let Err(error) = done {
            summary(&times, began.elapsed());
            return Err(error).with_context(|| {
                format!("step `{0}` failed (alone: cargo xtask test --only {0})", step.name)
            });
        }
        println!("== {} passed in {:.1} s", step.name, took.as_secs_f64());
    }
    summary(&times, began.elapsed());
    let left_out = STEPS.len() - chosen.len();
    match left_out {
        0 => println!("all {} steps passed", chosen.len()),
        _ => println!("{} steps passed, {left_out} were left out on request", chosen.len()),
    }
    Ok(())
}

fn summary(times: &[(&str, Duration)], all: Duration) {
    println!();
    for (name, took) in times {
        println!("{name:<10} {:>7.1} s", took.as_secs_f64());
    }
    println!("{:<10} {:>7.1} s", "together", all.as_secs_f64());
}

fn format() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))
}

fn lint() -> Result<()> {
    shell::run(shell::cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn tests() -> Result<()> {
    let mut tests = shell::cargo();
    // For those that need this program: it is here already.
    if let Ok(program) = std::env::current_exe() {
        tests.env("BOTHWAYS_XTASK", program);
    }
    // All crates run, so that one failure does not hide another.
    shell::run(tests.args(["test", "--workspace", "--all-targets", "--no-fail-fast"]))
}

fn doc_tests() -> Result<()> {
    shell::run(shell::cargo().args(["test", "--workspace", "--doc", "--no-fail-fast"]))
}

fn docs() -> Result<()> {
    // A link from a public item to a private one is of use to who reads the source.
    shell::run(
        shell::cargo()
            .args(["doc", "--workspace", "--no-deps"])
            .env("RUSTDOCFLAGS", "-D warnings -A rustdoc::private_intra_doc_links"),
    )
}

const EXAMPLES: &str = "bothways-examples";

/// Runs every example and every binary of the examples package.
fn examples() -> Result<()> {
    let metadata = shell::metadata()?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let Some(package) = packages.iter().find(|package| package["name"] == EXAMPLES) else {
        if shell::root().join("examples").exists() {
            bail!("there is a folder examples/, but no package {EXAMPLES} in the workspace");
        }
        println!("there is no folder examples/ yet");
        return Ok(());
    };
    let mut count = 0;
    for target in package["targets"].as_array().context("a package without targets")? {
        let name = target["name"].as_str().unwrap_or_default();
        for kind in ["example", "bin"] {
            if target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|it| it == kind)) {
                println!("-- {name}");
                let option = format!("--{kind}");
                shell::run(shell::cargo().args(["run", "--quiet", "--package", EXAMPLES, &option, name]))?;
                count += 1;
            }
        }
    }
    if count == 0 {
        bail!("the package {EXAMPLES} has no program to run");
    }
    Ok(())
}

fn generated() -> Result<()> {
    generate::run(&generate::Options { check: true })
}

/// Keeps the comparison running, and compares every file after a first copy, no change and 100 changes.
fn peers() -> Result<()> {
    shell::run(shell::cargo().args(["build", "--quiet", "--package", "sync-cli"]))?;
    let binary = shell::target_dir()?.join("debug/bothways");
    let own = std::env::current_exe().context("cannot find this program again")?;
    shell::run(
        Command::new(own)
            .args(["bench", "peers", "--files", "300", "--rounds", "1", "--image", "never", "--bothways"])
            .arg(binary),
    )?;
    println!("figures of so small a tree and of a debug build mean nothing; the comparison itself works");
    Ok(())
}

fn audit() -> Result<()> {
    setup::require_cargo_deny()?;
    // deny.toml says why advisories are not among these.
    let checks = ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    shell::run(shell::cargo().args(["deny", "--workspace"]).args(checks))
}

fn for_windows() -> Result<()> {
    windows::run(&windows::Options { check: true })
}
