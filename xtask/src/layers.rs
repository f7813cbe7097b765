//! Which crate imports which.
//!
//! Owns the table of allowed arrows between the crates of the workspace: they only ever point down, and
//! the rooms of one floor do not know each other. A crate that is not in the table fails the check, so
//! adding one means deciding where it stands.

use anyhow::{Context, Result, bail};

use crate::shell;

/// Each crate, and the crates of the workspace that it may be built on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("sync-core", &[]),
    ("sync-replica", &["sync-core"]),
    ("sync-fs", &["sync-core", "sync-replica"]),
    ("sync-net", &["sync-core", "sync-replica"]),
    ("sync-state", &["sync-core"]),
    ("sync-notify", &["sync-core"]),
    ("sync-engine", &["sync-core", "sync-replica", "sync-fs", "sync-net", "sync-state", "sync-notify"]),
    ("sync-web", &["sync-engine"]),
    ("sync-cli", &["sync-engine", "sync-web"]),
    ("sync-py", &["sync-engine"]),
    ("sync-ffi", &["sync-engine"]),
];

/// Tools and demonstrations: nothing is built on them, so they may use anything.
const FREE: &[&str] = &["xtask", "bothways-examples", "bothways-benches", "benches", "bothways-fuzz"];

pub(crate) fn run() -> Result<()> {
    let metadata = shell::metadata()?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut wrong = Vec::new();
    for (name, package) in names.iter().zip(packages) {
        if FREE.contains(name) {
            continue;
        }
        let Some((_, allowed)) = ALLOWED.iter().find(|(it, _)| it == name) else {
            wrong.push(format!("{name} has no place in xtask/src/layers.rs"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().context("a package without dependencies")?;
        for dependency in dependencies {
            let target = dependency["name"].as_str().unwrap_or_default();
            // Tests may look anywhere below and beside; what is shipped may not.
            let shipped = dependency["kind"].as_str() != Some("dev");
            if shipped && names.contains(&target) && !allowed.contains(&target) {
                wrong.push(format!("{name} must not import {target}"));
            }
        }
    }
    if !wrong.is_empty() {
        bail!("the arrows between the crates are wrong\n  {}", wrong.join("\n  "));
    }
    println!("the arrows between {} crates point down", names.len());
    Ok(())
}
