//! The library for C: its header, and its place on a system.
//!
//! Owns where the files lie below a prefix and what `bothways.pc` says. The library's own number in the names is that
//! of `sync-ffi/build.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{setup, shell};

/// `cargo xtask install-c`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where programs will look for it, such as /usr/local
    #[arg(long, value_name = "DIR")]
    prefix: PathBuf,
    /// Put before every path that is written, for who makes a package
    #[arg(long, value_name = "DIR")]
    destdir: Option<PathBuf>,
    /// Build without optimisation
    #[arg(long)]
    debug: bool,
    /// Take the libraries from this folder instead of building them
    #[arg(long, value_name = "DIR", conflicts_with = "debug")]
    from: Option<PathBuf>,
}

const SHARED: &str = "libbothways.so";
const SHARED_AS: &str = "libbothways.so.0";
const STATIC: &str = "libbothways.a";

/// What the static library needs of the system, as `rustc --print native-static-libs` has it for Linux.
const SYSTEM: &str = "-lgcc_s -lutil -lrt -lpthread -lm -ldl -lc";

/// The header as cbindgen makes it.
pub(crate) fn header(root: &Path) -> Result<String> {
    setup::require_cbindgen()?;
    let folder = root.join("sync-ffi");
    let config = folder.join("cbindgen.toml");
    shell::output(Command::new("cbindgen").arg("--quiet").arg("--config").arg(config).arg(folder))
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if !cfg!(target_os = "linux") {
        bail!(
            "this knows the places of Linux alone: `cargo build --release -p sync-ffi` makes the libraries"
        );
    }
    if !options.prefix.is_absolute() {
        bail!("the prefix `{}` must be an absolute path", options.prefix.display());
    }
    let built = match &options.from {
        Some(folder) => folder.clone(),
        None => build(options.debug)?,
    };
    let root = match &options.destdir {
        None => options.prefix.clone(),
        Some(dir) => dir.join(options.prefix.strip_prefix("/").unwrap_or(&options.prefix)),
    };
    let (include, lib) = (root.join("include"), root.join("lib"));
    put(&shell::root().join("sync-ffi/include/bothways.h"), &include.join("bothways.h"))?;
    put(&built.join(STATIC), &lib.join(STATIC))?;
    put(&built.join(SHARED), &lib.join(SHARED_AS))?;
    link(&lib.join(SHARED))?;
    let description = lib.join("pkgconfig/bothways.pc");
    make_parent(&description)?;
    fs::write(&description, pkg_config(&options.prefix)?)
        .with_context(|| format!("cannot write `{}`", description.display()))?;
    println!("the library is below {}", root.display());
    Ok(())
}

/// Builds the libraries; where they lie.
fn build(debug: bool) -> Result<PathBuf> {
    let mut build = shell::cargo();
    build.args(["build", "--quiet", "--locked", "--package", "sync-ffi", "--lib"]);
    if !debug {
        build.arg("--release");
    }
    shell::run(&mut build)?;
    Ok(shell::target_dir()?.join(if debug { "debug" } else { "release" }))
}

fn make_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(parent).with_context(|| format!("cannot make `{}`", parent.display()))
}

/// Copies beside the place and then into it: a program that uses the old one goes on with it.
fn put(from: &Path, to: &Path) -> Result<()> {
    make_parent(to)?;
    let beside = to.with_extension("new");
    fs::copy(from, &beside)
        .and_then(|_| fs::rename(&beside, to))
        .with_context(|| format!("cannot copy `{}` to `{}`", from.display(), to.display()))
}

/// The name that the linker looks for leads to the one that programs look for.
fn link(at: &Path) -> Result<()> {
    match fs::remove_file(at) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot replace `{}`", at.display()));
        }
        _ => {}
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(SHARED_AS, at).with_context(|| format!("cannot link `{}`", at.display()))?;
    Ok(())
}

fn pkg_config(prefix: &Path) -> Result<String> {
    let metadata = shell::metadata()?;
    let packages = metadata["packages"].as_array().context("cargo metadata names no packages")?;
    let found = packages.iter().find(|package| package["name"] == "sync-ffi");
    let version = found.and_then(|package| package["version"].as_str()).context("sync-ffi has no version")?;
    // In such a file a space separates and a dollar stands for a variable.
    let prefix = prefix.to_str().context("the prefix is not UTF-8")?;
    if prefix.contains(['\n', '"', '$', '\\', ' ']) {
        bail!("a pkg-config file cannot name the prefix `{prefix}`");
    }
    Ok(format!(
        "prefix={prefix}\n\
         includedir=${{prefix}}/include\n\
         libdir=${{prefix}}/lib\n\
         \n\
         Name: bothways\n\
         Description: Keeps two folders the same, both ways\n\
         Version: {version}\n\
         Cflags: -I${{includedir}}\n\
         Libs: -L${{libdir}} -lbothways\n\
         Libs.private: {SYSTEM}\n"
    ))
}
