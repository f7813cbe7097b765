//! How each program is called.
//!
//! Owns the flags, chosen so that each does the same work: content, times, permissions and links of one
//! folder, without questions and without a line per file. `rsync` looks one way only and remembers nothing;
//! `unison` and `bothways` look both ways and keep a memory, which lies in a folder of its own here.
//! Every program works on a pair of trees of its own, so none meets another's marks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Program {
    Bothways,
    Rsync,
    Unison,
}

impl Program {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bothways => "bothways",
            Self::Rsync => "rsync",
            Self::Unison => "unison",
        }
    }
}

/// One program with its pair of trees and its memory.
pub(super) struct Tool {
    pub(super) program: Program,
    binary: PathBuf,
    home: PathBuf,
}

const UNISON_FLAGS: [&str; 8] = ["-ui", "text", "-batch", "-auto", "-silent", "-times", "-perms", "-1"];

impl Tool {
    /// Its folders lie below `base`.
    pub(super) fn new(program: Program, binary: PathBuf, base: &Path) -> Self {
        Self { program, binary, home: base.join(program.name()) }
    }

    pub(super) fn left(&self) -> PathBuf {
        self.home.join("left")
    }

    pub(super) fn right(&self) -> PathBuf {
        self.home.join("right")
    }

    pub(super) fn memory(&self) -> PathBuf {
        self.home.join("memory")
    }

    /// Forgets everything, and leaves an empty right side: the state before a first copy.
    pub(super) fn forget(&self) -> Result<()> {
        // The mark that it may have left in its own left tree is memory too.
        for old in [self.right(), self.memory(), self.left().join(MARK)] {
            if old.exists() {
                fs::remove_dir_all(&old).with_context(|| format!("cannot remove {}", old.display()))?;
            }
        }
        for new in [self.right(), self.memory()] {
            fs::create_dir_all(&new).with_context(|| format!("cannot create {}", new.display()))?;
        }
        Ok(())
    }

    /// The whole call, as it is measured.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        let [left, right] = [self.left(), self.right()];
        match self.program {
            Program::Bothways => {
                command.arg("sync").args([left, right]).arg("--state").arg(self.memory());
                command.env_remove("BOTHWAYS_CONFIG");
            }
            Program::Rsync => {
                // The slash means what lies in it, and not it.
                command.arg("-a").args([left.join(""), right.join("")]);
            }
            Program::Unison => {
                command.args([left, right]).args(UNISON_FLAGS).env("UNISON", self.memory());
            }
        }
        command
    }

    /// The call for people, without the temporary paths.
    pub(super) fn shown(&self) -> String {
        match self.program {
            Program::Bothways => "bothways sync LEFT RIGHT --state DIR".to_owned(),
            Program::Rsync => "rsync -a LEFT/ RIGHT/".to_owned(),
            Program::Unison => format!("UNISON=DIR unison LEFT RIGHT {}", UNISON_FLAGS.join(" ")),
        }
    }

    /// The first line that the program says of its version.
    pub(super) fn version(&self) -> String {
        let option = if self.program == Program::Unison { "-version" } else { "--version" };
        shell::output(Command::new(&self.binary).arg(option))
            .ok()
            .and_then(|said| said.lines().next().map(|line| line.trim().to_owned()))
            .unwrap_or_else(|| format!("{} (version unknown)", self.program.name()))
    }
}

/// Where Bothways marks a root as the one it knows; no part of what is compared.
pub(super) const MARK: &str = ".bothways";

/// Builds the program as users get it, and returns its path.
pub(super) fn build_bothways() -> Result<PathBuf> {
    eprintln!("building bothways in release");
    shell::run(shell::cargo().args(["build", "--quiet", "--release", "--package", "sync-cli"]))?;
    let built = shell::target_dir()?.join("release/bothways");
    anyhow::ensure!(built.is_file(), "the package sync-cli built no binary named bothways");
    Ok(built)
}
