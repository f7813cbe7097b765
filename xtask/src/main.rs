//! `cargo xtask …`: everything a developer or CI runs.
//!
//! Owns the order of the checks, the recipe for Windows, the generated files and the measurements
//! against other tools. Must never be needed by a user, and holds no rule about syncing.
//! Start reading at [`Task`]; each variant lives in the module of its name.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program's output is its purpose")]

mod bench;
mod clib;
mod generate;
mod layers;
mod picture;
mod python;
mod reports;
mod rng;
mod setup;
mod shell;
mod suite;
mod tree;
mod windows;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Everything a developer or CI runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check in order, and stop at the first that fails
    Test(suite::Options),
    /// Install what the checks need on a Debian machine (asks nothing; needs root or sudo)
    Setup(setup::Options),
    /// Check the workspace for Windows from Debian
    Windows(windows::Options),
    /// Write the generated files, or compare them with --check
    Generate(generate::Options),
    /// Check which crate imports which
    Layers,
    /// Build the library for C and put it, its header and its pkg-config file below a prefix
    InstallC(clib::Options),
    /// Measurements
    Bench(bench::Options),
    /// Make a deterministic office-like tree of files
    Tree(tree::Options),
    /// Run one command and write what it cost (used by `bench`)
    #[command(hide = true)]
    Measure(bench::measure::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Test(options) => suite::run(&options),
        Task::Setup(options) => setup::run(&options),
        Task::Windows(options) => windows::run(&options),
        Task::Generate(options) => generate::run(&options),
        Task::Layers => layers::run(),
        Task::InstallC(options) => clib::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Tree(options) => tree::run(&options),
        Task::Measure(options) => bench::measure::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
