//! The contract as checks: what every replica must pass.
//!
//! Owns [`CHECKS`], one named check per sentence of the contract in `replica.rs`, `source.rs`, `control.rs` and
//! `filter.rs`, and [`run`], which runs them all over fresh [`Fixture`]s. A fixture is a replica together with the
//! hands of a *user* of the same folder: a check never asks the replica to judge itself. Must never know a
//! concrete replica.
//!
//! Start with [`Fixture`], then [`run`]: `conformance::run(|| Box::new(MyFixture::new())).assert_passed()`.

mod dirs;
mod install;
mod kit;
mod listing;
mod moving;
mod names;
mod reading;
mod removing;
mod resuming;
mod scanning;
mod staging;
mod trash;
mod whole;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use sync_core::path::RelPath;

use crate::problem::Problem;
use crate::replica::{Replica, Trashed};

/// A replica over an empty root, and a user's hands on the same root.
///
/// The hands panic where they fail: the check is then reported as failed with the panic's words. Those that return
/// a `bool` say whether they could do it here; where they could not, checks that need them do not apply.
pub trait Fixture: Sync {
    /// The side.
    fn replica(&self) -> &dyn Replica;

    /// The same root as the next process finds it, after this one was killed. Copies that were staged are leftovers
    /// then. No other instance of the replica works on the root any more.
    fn restarted(&self) -> Box<dyn Fixture + '_>;

    /// Writes a file, in place when it is there.
    fn write(&self, at: &RelPath, content: &[u8]);

    /// Reads a file, without following a link; none when no file is there.
    fn read(&self, at: &RelPath) -> Option<Vec<u8>>;

    /// Makes a directory, with those above it.
    fn mkdir(&self, at: &RelPath);

    /// Makes a link.
    fn symlink(&self, at: &RelPath, target: &[u8]);

    /// A link's target; none when no link is there.
    fn target(&self, at: &RelPath) -> Option<Vec<u8>>;

    /// Whether a directory is there, without following a link.
    fn is_dir(&self, at: &RelPath) -> bool;

    /// Removes a file, a link or an empty directory.
    fn remove(&self, at: &RelPath);

    /// Sets a file's modification time, UTC nanoseconds.
    fn set_mtime(&self, at: &RelPath, ns: i64);

    /// A file's modification time, UTC nanoseconds.
    fn mtime(&self, at: &RelPath) -> i64;

    /// Sets the permission bits, or the Windows attributes where the side keeps those.
    fn chmod(&self, at: &RelPath, bits: u16);

    /// Sets an extended attribute. Only asked where the side holds them.
    fn set_xattr(&self, at: &RelPath, name: &[u8], value: &[u8]);

    /// The names in a directory, in any order, with those that are the replica's own.
    fn list(&self, dir: &RelPath) -> Vec<Vec<u8>>;

    /// The names in the root that are the replica's own (marker, staging, trash), as far as they exist now.
    fn own_names(&self) -> Vec<Vec<u8>>;

    /// Reads a file in the trash, or a link's target.
    fn trashed(&self, at: &Trashed) -> Option<Vec<u8>>;

    /// How many files and directories lie in the trash, those on the way to them not counted.
    fn trash_count(&self) -> usize;

    /// How many staged copies lie there, finished or not.
    fn staged_count(&self) -> usize;

    /// How many partial copies lie there, with and without a note.
    fn partial_count(&self) -> usize;

    /// Spoils every partial copy that lies there.
    fn spoil_partials(&self, spoil: Spoil);

    /// Opens a file for writing and keeps it open until what comes back is dropped; none where it cannot.
    fn keep_writing<'a>(&'a self, at: &RelPath) -> Option<Box<dyn Send + 'a>> {
        let _ = at;
        None
    }

    /// Makes a directory unreadable to the replica.
    fn make_unreadable(&self, dir: &RelPath) -> bool {
        let _ = dir;
        false
    }

    /// Makes a pipe.
    fn make_pipe(&self, at: &RelPath) -> bool {
        let _ = at;
        false
    }

    /// Takes the root away, as an unplugged drive.
    fn take_root_away(&self) -> bool {
        false
    }

    /// Brings back what [`Fixture::take_root_away`] took.
    fn bring_root_back(&self) {}
}

/// What can become of partial copies while nobody looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spoil {
    /// Their first bytes are others.
    Bytes,
    /// Half of each is gone.
    Shorter,
    /// Their notes are garbage.
    Note,
    /// Nobody has asked for them for longer than they are kept.
    Age,
}

/// Why a check did not pass.
#[derive(Debug)]
pub enum Miss {
    /// The contract is broken.
    Broken(String),
    /// The side lacks what the check is about.
    NotApplicable(String),
}

impl From<String> for Miss {
    fn from(words: String) -> Self {
        Self::Broken(words)
    }
}

impl From<&str> for Miss {
    fn from(words: &str) -> Self {
        Self::Broken(words.to_owned())
    }
}

impl From<Problem> for Miss {
    fn from(problem: Problem) -> Self {
        Self::Broken(format!("{problem} [{}]", problem.kind.id()))
    }
}

/// One check.
pub type Check = fn(&dyn Fixture) -> Result<(), Miss>;

/// Every check with its name.
pub fn checks() -> impl Iterator<Item = (&'static str, Check)> {
    CHECKS.iter().flat_map(|group| group.iter().copied())
}

/// Every check by what it is about.
pub const CHECKS: &[&[(&str, Check)]] = &[
    scanning::CHECKS,
    listing::CHECKS,
    reading::CHECKS,
    staging::CHECKS,
    resuming::CHECKS,
    install::CHECKS,
    dirs::CHECKS,
    moving::CHECKS,
    removing::CHECKS,
    trash::CHECKS,
    names::CHECKS,
    whole::CHECKS,
];

/// What came of a run.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The checks that passed.
    pub passed: Vec<&'static str>,
    /// Those that need what the side lacks, with what that is.
    pub not_applicable: Vec<(&'static str, String)>,
    /// Those that failed, and how.
    pub failed: Vec<(&'static str, String)>,
}

impl Outcome {
    /// # Panics
    /// When a check failed, with all that did; or when none passed.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.failed.is_empty() && !self.passed.is_empty(), "{self}");
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, spared, failed) = (self.passed.len(), self.not_applicable.len(), self.failed.len());
        write!(f, "{passed} checks passed, {spared} not applicable, {failed} failed")?;
        for (name, why) in &self.not_applicable {
            write!(f, "\n  not applicable: {name}: {why}")?;
        }
        for (name, why) in &self.failed {
            write!(f, "\n  FAILED: {name}: {why}")?;
        }
        Ok(())
    }
}

/// Runs every check, each over a fresh fixture.
pub fn run<'a>(make: impl FnMut() -> Box<dyn Fixture + 'a>) -> Outcome {
    run_some(make, |_| true)
}

/// Runs the checks whose name `wanted` accepts.
pub fn run_some<'a>(
    mut make: impl FnMut() -> Box<dyn Fixture + 'a>,
    wanted: impl Fn(&str) -> bool,
) -> Outcome {
    let mut outcome = Outcome::default();
    for (name, check) in checks().filter(|(name, _)| wanted(name)) {
        let verdict = catch_unwind(AssertUnwindSafe(|| check(make().as_ref())));
        match verdict {
            Ok(Ok(())) => outcome.passed.push(name),
            Ok(Err(Miss::NotApplicable(why))) => outcome.not_applicable.push((name, why)),
            Ok(Err(Miss::Broken(why))) => outcome.failed.push((name, why)),
            Err(panic) => outcome.failed.push((name, words_of(panic.as_ref()))),
        }
    }
    outcome
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words");
    format!("panicked: {words}")
}
