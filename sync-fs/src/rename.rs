//! Renaming without ever overwriting, also where only the spelling changes.

use std::io;

use sync_core::entry::Entry;
use sync_core::path::RelPath;
use sync_replica::{Displaced, Operation, Problem, ProblemKind};

use crate::intent::{Intent, Version, Way, old_name};
use crate::local::LocalReplica;
use crate::place::{Place, leads_nowhere};

impl LocalReplica {
    pub(crate) fn rename_entry(
        &self,
        from: &RelPath,
        expect: &Entry,
        to: &RelPath,
    ) -> Result<Entry, Problem> {
        let operation = Operation::Rename;
        self.staging()?;
        let io = |error| Problem::io(operation, from, error);
        let source = match self.place(from, operation) {
            Err(Problem { source: Some(error), .. }) if leads_nowhere(&error) => {
                return Err(Problem::stale(operation, from, "it is gone"));
            }
            other => other?,
        };
        let before = self.expect(&source, expect, operation)?;
        let target = self.place(to, operation)?;
        if from == to {
            return self.entry_of(&before).ok_or_else(|| io(io::ErrorKind::InvalidInput.into()));
        }
        if self.is_respelling(&source, &target)? {
            return self.respell(&source, expect, &target);
        }
        match source.dir.rename_noreplace(source.name, &target.dir, target.name) {
            Ok(()) => {}
            Err(error) => {
                return Err(match error.kind() {
                    io::ErrorKind::AlreadyExists => {
                        Problem::new(operation, to, ProblemKind::Exists, "something is there already")
                    }
                    io::ErrorKind::NotFound => Problem::stale(operation, from, "it is gone"),
                    _ => io(error),
                });
            }
        }
        self.recent.forget();
        self.touch_name(from);
        self.touch_name(to);
        self.check_renamed(&source, expect, &target)
    }

    /// Looks at what was renamed, and renames it back when it is not what was expected.
    fn check_renamed(
        &self,
        source: &Place<'_>,
        expect: &Entry,
        target: &Place<'_>,
    ) -> Result<Entry, Problem> {
        let operation = Operation::Rename;
        let found = target.stat(operation)?.and_then(|stat| self.entry_of(&stat));
        match found {
            Some(found) if expect.is_same_version_moved(&found) => Ok(found),
            Some(_) => {
                let mut problem = Problem::stale(operation, source.path, "it changed while it was renamed");
                if let Err(error) = target.dir.rename_noreplace(target.name, &source.dir, source.name) {
                    let (found, now) = (&problem.message, target.path);
                    problem.message =
                        format!("{found}; it could not be renamed back and is now `{now}` ({error})");
                }
                Err(problem)
            }
            None => {
                Err(Problem::stale(operation, target.path, "it was taken away right after it was renamed"))
            }
        }
    }

    /// Whether `target` is but another spelling of `source` to this side.
    fn is_respelling(&self, source: &Place<'_>, target: &Place<'_>) -> Result<bool, Problem> {
        let folds = self.abilities.equivalence;
        if folds.is_exact() || folds.path_key(source.path) != folds.path_key(target.path) {
            return Ok(false);
        }
        // Told apart after all, it is a rename like any other.
        let (here, there) = (source.stat(Operation::Rename)?, target.stat(Operation::Rename)?);
        Ok(matches!((here, there), (Some(here), Some(there)) if here.may_be(&there, &self.abilities)))
    }

    fn respell(&self, source: &Place<'_>, expect: &Entry, target: &Place<'_>) -> Result<Entry, Problem> {
        let operation = Operation::Rename;
        let io = |error| Problem::io(operation, source.path, error);
        self.touch_name(source.path);
        let tried = source.dir.rename_over(source.name, &target.dir, target.name);
        self.recent.forget();
        let respelled = || -> Result<bool, Problem> {
            let names = target.dir.names().map_err(io)?;
            let has = |name: &[u8]| names.iter().any(|listed| **listed == *name);
            Ok(has(target.name) && (source.name == target.name || !has(source.name)))
        };
        if tried.is_ok() && respelled()? {
            return self.check_renamed(source, expect, target);
        }
        // This side takes both spellings for the same name and leaves it as it was. Through the staging area, then:
        // no stranger name ever shows, and a kill in between is made good by the next recovery.
        let staging = self.staging()?;
        let number = staging.number();
        let intent = Intent {
            way: Way::Respell,
            displaced: Displaced::Drop,
            old: Version::of(expect),
            new: None,
            target: source.path.clone(),
            to: Some(target.path.clone()),
        };
        self.intend(staging, &number, &intent).map_err(io)?;
        let old = old_name(&number);
        if let Err(error) = source.dir.rename_over(source.name, &staging.dir, &old) {
            staging.fulfilled(&number);
            return Err(io(error));
        }
        let placed = staging.dir.rename_noreplace(&old, &target.dir, target.name);
        if let Err(error) = placed {
            let problem = io(error);
            return Err(self.undo(staging, &number, &old, target.path, None, problem));
        }
        staging.fulfilled(&number);
        if !respelled()? {
            let words = "the side keeps showing the old spelling";
            return Err(Problem::new(operation, target.path, ProblemKind::Unsupported, words));
        }
        self.check_renamed(source, expect, target)
    }
}
