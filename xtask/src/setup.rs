//! What the checks need besides Rust, and how it is installed on Debian.
//!
//! Owns the one list of packages and the pinned version of each tool. A check that misses something fails
//! and names the command that installs it; only [`run`] installs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// `cargo xtask setup`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only say what is missing
    #[arg(long)]
    dry_run: bool,
}

/// A second Rust toolchain with the standard library's source, and a linker for Windows.
pub(crate) const WINDOWS_PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-clippy",
    "gcc-mingw-w64-x86-64-win32",
    "ca-certificates",
];

/// Peers to measure against.
pub(crate) const PEER_PACKAGES: &[&str] = &["rsync", "unison"];

/// File systems that the tests mount and look at: NTFS and exFAT as Linux has them, ACLs and attributes.
const FILE_SYSTEM_PACKAGES: &[&str] =
    &["ntfs-3g", "exfat-fuse", "exfatprogs", "btrfs-progs", "fuse3", "acl", "attr", "strace"];

/// A clock that the tests can set.
const CLOCK_PACKAGES: &[&str] = &["faketime"];

/// What looks at the unit of a service.
const SERVICE_PACKAGES: &[&str] = &["systemd"];

/// A mail server that the tests send to, and what the folder for Python's packages is made with.
const MAIL_PACKAGES: &[&str] = &["opensmtpd", "python3", "python3-venv"];

/// From PyPI, into `python/` in cargo's target folder: a mail server that can be told how to misbehave, what builds and
/// checks the Python module, and what its example reads its configuration with.
const PYTHON_PACKAGES: &[&str] =
    &["aiosmtpd==1.4.6", "maturin==1.16.0", "mypy==2.4.1", "pytest==9.2.0", "PyYAML==6.0.3"];

/// What programs in C are compiled and looked after with: AddressSanitizer comes with the compiler.
const C_PACKAGES: &[&str] = &["gcc", "g++", "libc6-dev", "valgrind", "pkgconf", "binutils"];

const CARGO_DENY: &str = "0.20.2";

/// Writes the header for C. A program and no crate that we build on: its licence asks more of who builds on it.
const CBINDGEN: &str = "0.29.4";

pub(crate) fn run(options: &Options) -> Result<()> {
    let wanted: Vec<&str> = [
        WINDOWS_PACKAGES,
        PEER_PACKAGES,
        FILE_SYSTEM_PACKAGES,
        CLOCK_PACKAGES,
        SERVICE_PACKAGES,
        MAIL_PACKAGES,
        C_PACKAGES,
    ]
    .concat();
    let missing = missing_packages(&wanted)?;
    if !missing.is_empty() {
        println!("missing packages: {}", missing.join(" "));
        if !options.dry_run {
            shell::run(apt_get().arg("update").arg("--quiet"))?;
            shell::run(apt_get().args(INSTALL).arg("--quiet").args(&missing))?;
        }
    }
    if let Err(reason) = require_cargo_deny() {
        println!("{reason:#}");
        if !options.dry_run {
            install_tool("cargo-deny", CARGO_DENY)?;
        }
    }
    if let Err(reason) = require_cbindgen() {
        println!("{reason:#}");
        if !options.dry_run {
            install_tool("cbindgen", CBINDGEN)?;
        }
    }
    if !has_python_packages()? {
        println!("missing in Python: {}", PYTHON_PACKAGES.join(" "));
        if !options.dry_run {
            install_python_packages()?;
        }
    }
    println!("{}", if options.dry_run { "nothing was installed" } else { "everything is installed" });
    Ok(())
}

/// Fails with the command that installs them when any of these packages is missing.
pub(crate) fn require_packages(wanted: &[&str]) -> Result<()> {
    let missing = missing_packages(wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    bail!(
        "missing Debian packages; run `cargo xtask setup`, or\n    sudo apt-get {} {}",
        INSTALL.join(" "),
        missing.join(" ")
    );
}

/// Fails unless cargo-deny is there in the version whose rules `deny.toml` is written for.
pub(crate) fn require_cargo_deny() -> Result<()> {
    let said = shell::output(shell::cargo().args(["deny", "--version"])).unwrap_or_default();
    if said.split_whitespace().nth(1) == Some(CARGO_DENY) {
        return Ok(());
    }
    bail!(
        "cargo-deny {CARGO_DENY} is missing; run `cargo xtask setup`, or\n    cargo install --locked cargo-deny@{CARGO_DENY}"
    );
}

/// Fails unless cbindgen is there in the version that wrote the committed header.
pub(crate) fn require_cbindgen() -> Result<()> {
    let said = shell::output(Command::new("cbindgen").arg("--version")).unwrap_or_default();
    if said.split_whitespace().nth(1) == Some(CBINDGEN) {
        return Ok(());
    }
    bail!(
        "cbindgen {CBINDGEN} is missing; run `cargo xtask setup`, or\n    cargo install --locked cbindgen@{CBINDGEN}"
    );
}

const INSTALL: &[&str] = &["install", "--yes", "--no-install-recommends"];

fn apt_get() -> Command {
    // Root has no need of sudo and often does not have it.
    let mut command = if shell::in_path("sudo") && !is_root() {
        let mut sudo = Command::new("sudo");
        sudo.args(["--non-interactive", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    } else {
        Command::new("apt-get")
    };
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

fn missing_packages<'a>(wanted: &[&'a str]) -> Result<Vec<&'a str>> {
    if !shell::in_path("dpkg-query") {
        bail!("this needs a Debian system (dpkg-query is not there)");
    }
    // It fails for an unknown name and prints the others all the same.
    let output = Command::new("dpkg-query")
        .args(["--show", "--showformat=${binary:Package} ${db:Status-Status}\n"])
        .args(wanted)
        .output()
        .context("cannot start dpkg-query")?;
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    let installed = |name: &str| {
        listed
            .lines()
            .any(|line| line.strip_suffix(" installed").is_some_and(|it| it.split(':').next() == Some(name)))
    };
    Ok(wanted.iter().copied().filter(|name| !installed(name)).collect())
}

/// Where Python's packages are: nothing outside cargo's target folder changes.
pub(crate) fn python_dir() -> Result<PathBuf> {
    Ok(shell::target_dir()?.join("python"))
}

/// Fails with the command that installs them when any of Python's packages is missing.
pub(crate) fn require_python_packages() -> Result<()> {
    if has_python_packages()? {
        return Ok(());
    }
    bail!("missing in Python: {}; run `cargo xtask setup`", PYTHON_PACKAGES.join(" "));
}

fn has_python_packages() -> Result<bool> {
    let python = python_dir()?.join("bin/python");
    // The folder may have been made by a Python that is gone since.
    let said = shell::output(Command::new(python).args(["-m", "pip", "freeze"])).unwrap_or_default();
    Ok(PYTHON_PACKAGES.iter().all(|wanted| said.lines().any(|line| line == *wanted)))
}

fn install_python_packages() -> Result<()> {
    let dir = python_dir()?;
    // Debian's own: another Python in the path may lack what it takes.
    let system = if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" };
    shell::run(Command::new(system).args(["-m", "venv", "--clear"]).arg(&dir))?;
    shell::run(
        Command::new(dir.join("bin/python")).args(["-m", "pip", "install", "--quiet"]).args(PYTHON_PACKAGES),
    )
}

/// Built without optimisation: it runs for a second and would take minutes more to build.
fn install_tool(name: &str, version: &str) -> Result<()> {
    let build = tempfile::tempdir()?;
    shell::run(
        shell::cargo()
            .args(["install", "--quiet", "--locked", "--force"])
            .arg(format!("{name}@{version}"))
            .arg("--target-dir")
            .arg(build.path())
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0"),
    )
}
