//! The workspace checked for Windows, on Debian.
//!
//! Debian's own rustc has the standard library's source beside it, so its standard library for Windows can
//! be built here once; the compiler and the source must be of the same version, which is why the toolchain
//! that runs everything else is not used. The result lies under `target/windows-sysroot/`, one folder per
//! compiler, and is passed with `--sysroot`: nothing under `/usr` is changed. Build scripts and procedural
//! macros run here and use Debian's own library.
//! Must never install anything by itself; [`crate::setup`] does that when it is asked.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{setup, shell};

/// `cargo xtask windows`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Compile and lint everything, tests included, without linking or running it
    #[arg(long, required = true)]
    pub(crate) check: bool,
}

const TARGET: &str = "x86_64-pc-windows-gnu";
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const CLIPPY: &str = "/usr/bin/cargo-clippy";

pub(crate) fn run(options: &Options) -> Result<()> {
    if cfg!(windows) {
        println!("this is Windows: the other checks have compiled and linted the workspace for it");
        return Ok(());
    }
    debug_assert!(options.check);
    setup::require_packages(setup::WINDOWS_PACKAGES)?;
    let target_dir = shell::target_dir()?;
    let sysroot = sysroot(&target_dir.join("windows-sysroot"))?;
    let flags = format!("--sysroot\u{1f}{}", path_text(&sysroot)?);
    // `cargo clippy` would look for its second half among rustup's programs first.
    let mut clippy = debian(CLIPPY);
    clippy
        .current_dir(shell::root())
        .env("CARGO_TARGET_DIR", target_dir.join("windows"))
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .args(["clippy", "--workspace", "--all-targets", "--target", TARGET, "--", "-D", "warnings"])
        // On this target the macro expands so that clippy does not see an initializer's `const`.
        .args(["-A", "clippy::missing_const_for_thread_local"]);
    shell::run(&mut clippy)
}

/// A program of Debian's toolchain, free of what rustup and the cargo above us left in the environment.
fn debian(program: &str) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("RUSTUP_") || text.starts_with("CARGO_PKG_") || text == "LD_LIBRARY_PATH" {
            command.env_remove(&name);
        }
    }
    for name in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CLIPPY_ARGS"] {
        command.env_remove(name);
    }
    command
        .env("CARGO", CARGO)
        .env("RUSTC", RUSTC)
        .env("RUSTDOC", "/usr/bin/rustdoc")
        .env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc");
    command
}

/// The folder for `--sysroot`, built when this compiler has none yet.
fn sysroot(base: &Path) -> Result<PathBuf> {
    let ready = base.join(key()?);
    if ready.is_dir() {
        return Ok(ready);
    }
    println!("building the standard library for {TARGET}, once for this compiler (1 to 3 minutes)");
    fs::create_dir_all(base).with_context(|| format!("cannot create {}", base.display()))?;
    let work = tempfile::Builder::new().prefix("building-").tempdir_in(base)?;
    let package = work.path().join("package");
    fs::create_dir_all(package.join("src"))?;
    fs::write(package.join("src/lib.rs"), "#![no_std]\n")?;
    fs::write(package.join("Cargo.toml"), EMPTY_PACKAGE)?;
    let build = work.path().join("build");
    let mut cargo = debian(CARGO);
    cargo
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", &build)
        // -Zbuild-std is not stable; this makes the stable compiler accept it.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["build", "--quiet", "--release", "--target", TARGET])
        .arg("-Zbuild-std=std,panic_unwind,panic_abort,test,proc_macro");
    shell::run(&mut cargo)?;

    let made = work.path().join("sysroot");
    let libs = made.join("lib/rustlib").join(TARGET).join("lib");
    fs::create_dir_all(&libs)?;
    let mut count = 0;
    for entry in fs::read_dir(build.join(TARGET).join("release/deps"))? {
        let path = entry?.path();
        let own = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(OWN_LIBRARY));
        if path.extension().is_some_and(|ending| ending == "rlib") && !own {
            fs::copy(&path, libs.join(path.file_name().unwrap_or_default()))?;
            count += 1;
        }
    }
    if count == 0 {
        bail!("building the standard library for {TARGET} left no libraries");
    }
    match fs::rename(&made, &ready) {
        Ok(()) => Ok(ready),
        // Another run was faster.
        Err(_) if ready.is_dir() => Ok(ready),
        Err(error) => Err(error).with_context(|| format!("cannot create {}", ready.display())),
    }
}

const OWN_LIBRARY: &str = "libempty_for_sysroot-";
const EMPTY_PACKAGE: &str = r#"[package]
name = "empty-for-sysroot"
version = "0.0.0"
edition = "2024"

[workspace]

[profile.release]
opt-level = 1
"#;

/// Names the compiler: its release for people, and a hash of all it says of itself.
fn key() -> Result<OsString> {
    let said = shell::output(debian(RUSTC).arg("-vV"))?;
    let release = said.lines().find_map(|line| line.strip_prefix("release: ")).unwrap_or("unknown");
    // FNV-1a: stable between runs, which the standard hasher does not promise.
    let hash = said
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    Ok(format!("{release}-{hash:016x}").into())
}

fn path_text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8, and compiler flags must be", path.display()))
}
