//! Where the trees of a measurement lie.
//!
//! Owns the folder and its removal. An ext4 without a journal scans over every recently deleted inode before
//! it makes a new one, which makes a first copy after a removed one take many times as long, for every
//! program, by an amount that depends on what was removed when. On such a disk, or when asked, the trees lie
//! in an ext4 of their own: a sparse image, mounted in a mount namespace of our own and unlinked at once, so
//! that nothing of it is left even when we are killed. That needs root.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Whether the trees lie in an ext4 of their own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub(super) enum Image {
    /// Where the disk is an ext4 without a journal
    Auto,
    /// Always (Linux, as root)
    Always,
    /// Never
    Never,
}

/// Set for the program started again in its own mount namespace.
const INSIDE: &str = "XTASK_BENCH_INSIDE_NAMESPACE";

/// A folder for everything; removed at the end unless it is to be kept.
pub(super) struct Place {
    base: tempfile::TempDir,
    mounted: Option<PathBuf>,
}

impl Place {
    /// Makes the folder, with room for this many files and bytes. Returns `None` when the whole task was
    /// done by this program started again in a namespace of its own.
    pub(super) fn new(
        dir: Option<&Path>,
        image: Image,
        keep: bool,
        files: u64,
        bytes: u64,
    ) -> Result<Option<Self>> {
        let parent = dir.map_or_else(std::env::temp_dir, Path::to_owned);
        let parent =
            fs::canonicalize(&parent).with_context(|| format!("cannot find {}", parent.display()))?;
        let image = match image {
            Image::Always => true,
            Image::Never => false,
            Image::Auto => lacks_journal(&parent),
        };
        if image && std::env::var_os(INSIDE).is_none() {
            if keep {
                bail!("a disk of our own does not outlive us: --keep needs --image never");
            }
            return again_in_namespace().map(|()| None);
        }
        let mut base = tempfile::Builder::new()
            .prefix("bothways-bench-")
            .tempdir_in(&parent)
            .with_context(|| format!("cannot create a folder in {}", parent.display()))?;
        base.disable_cleanup(keep);
        let mounted = if image { Some(mount(base.path(), files, bytes)?) } else { None };
        let place = Self { base, mounted };
        eprintln!(
            "trees lie in {}{}",
            place.path().display(),
            match (image, keep) {
                (true, _) => ", an ext4 of its own",
                (_, true) => " and stay there",
                _ => "",
            }
        );
        Ok(Some(place))
    }

    pub(super) fn path(&self) -> &Path {
        self.mounted.as_deref().unwrap_or_else(|| self.base.path())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(at) = &self.mounted
            && let Err(error) = shell::run(Command::new("umount").arg(at))
        {
            eprintln!("{error:#}");
        }
    }
}

fn again_in_namespace() -> Result<()> {
    let own = std::env::current_exe().context("cannot find this program again")?;
    eprintln!("the trees get an ext4 of their own (see --image)");
    shell::run(
        Command::new("unshare").arg("--mount").arg(own).args(std::env::args_os().skip(1)).env(INSIDE, "1"),
    )
}

fn mount(base: &Path, files: u64, bytes: u64) -> Result<PathBuf> {
    let [image, at] = ["disk.img", "disk"].map(|name| base.join(name));
    // Sparse: what is not used takes no room. Every file takes a block of 4 KiB or more.
    File::create(&image)?.set_len((bytes + files * 6_000) * 3 / 2 + (2 << 30))?;
    fs::create_dir(&at)?;
    // Everything is laid out now, so that no kernel thread does it while we measure.
    shell::run(
        Command::new("mkfs.ext4")
            .args(["-q", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", "-N"])
            .arg((files * 5 / 4 + 100_000).to_string())
            .arg(&image),
    )?;
    shell::run(Command::new("mount").args(["-o", "loop,nodiscard"]).args([&image, &at]))?;
    fs::remove_file(&image)?;
    Ok(at)
}

/// Whether this folder lies on an ext4 that has no journal.
fn lacks_journal(dir: &Path) -> bool {
    let Ok(source) = shell::output(Command::new("findmnt").args(["-n", "-o", "SOURCE", "--target"]).arg(dir))
    else {
        return false;
    };
    let Some(device) = source.trim().strip_prefix("/dev/") else { return false };
    Path::new("/proc/fs/ext4").join(device).exists()
        && !fs::read_dir("/proc/fs/jbd2").is_ok_and(|journals| {
            journals.flatten().any(|it| {
                it.file_name()
                    .to_string_lossy()
                    .strip_prefix(device)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
        })
}
