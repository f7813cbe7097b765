//! Cleaning up after a run that was killed.
//!
//! Goes over the staging area: our own copies that never got to their place are removed; a displaced version that
//! is the expected one goes where it was to go; any other displaced version had not been seen by anybody and is put
//! back. What is not ours is left alone. Must hold for a kill between any two steps, of this as well.

use std::collections::BTreeMap;
use std::io;

use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_replica::{Displaced, InTrash, Operation, Problem, Recovered};

use crate::intent::{Intent, Way, old_name, parse_name, read_intent, staged_name};
use crate::local::{LocalReplica, Staging};
use crate::sys::{Stat, Writers, writers};

/// Removes something of ours that lies in the staging area.
fn remove_ours(staging: &Staging, name: &[u8]) -> io::Result<bool> {
    match staging.dir.stat(name)? {
        None => Ok(false),
        Some(Stat { kind: Some(Kind::Dir), .. }) => match staging.dir.rmdir(name) {
            // Nobody but us fills a staged directory, and we never do.
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(false),
            other => other.map(|()| true),
        },
        Some(_) => staging.dir.unlink(name).map(|()| true),
    }
}

impl LocalReplica {
    pub(crate) fn recover_staged(&self) -> Result<Recovered, Problem> {
        let staging = self.staging()?;
        let io = |error| Problem::io(Operation::Recover, &RelPath::root(), error);
        let mut found = Recovered { removed: self.recover_partials()?, ..Recovered::default() };
        // Everything of one number belongs together; the letters are those of `layout.rs`.
        let mut numbers: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for name in staging.dir.names().map_err(io)? {
            if let Some((letter, number)) = parse_name(&name) {
                numbers.entry(number.to_owned()).or_default().push(letter);
            }
        }
        for (number, letters) in numbers {
            let intent =
                if letters.contains(&b'i') { read_intent(&staging.dir, &number).map_err(io)? } else { None };
            match intent {
                Some(intent) => {
                    self.recover_one(staging, &number, &intent, &mut found)
                        .map_err(|error| Problem::io(Operation::Recover, &intent.target, error))?;
                    staging.dir.unlink(&format!("i-{number}").into_bytes()).map_err(io)?;
                }
                // An intent that cannot be read is not ours, or of a later version: with it, all of its number
                // stays.
                None if letters.contains(&b'i') => {}
                None => {
                    for letter in letters {
                        let name = [&[letter, b'-'], number.as_bytes()].concat();
                        found.removed += u64::from(remove_ours(staging, &name).map_err(io)?);
                    }
                }
            }
        }
        Ok(found)
    }

    fn recover_one(
        &self,
        staging: &Staging,
        number: &str,
        intent: &Intent,
        found: &mut Recovered,
    ) -> io::Result<()> {
        let (staged, old) = (staged_name(number), old_name(number));
        match intent.way {
            Way::Exchange => {
                let Some(stat) = staging.dir.stat(&staged)? else { return Ok(()) };
                if self.is_new(intent, &stat) {
                    // Never exchanged, or taken back: it is our own copy. Where a side has no file numbers and
                    // the old version looks just the same, either may go and the one at the path stays.
                    found.removed += u64::from(remove_ours(staging, &staged)?);
                    return Ok(());
                }
                self.settle_displaced(staging, intent, &staged, &stat, found)
            }
            Way::Over => {
                let second = staging.dir.stat(&old)?;
                if self.is_ours_still(staging, intent, &staged)? {
                    // Not renamed yet: the version is in its place, and this is but a second name of it.
                    if second.is_some() {
                        staging.dir.unlink(&old)?;
                    }
                    found.removed += u64::from(remove_ours(staging, &staged)?);
                    return Ok(());
                }
                match second {
                    Some(stat) => self.settle_displaced(staging, intent, &old, &stat, found),
                    None => Ok(()),
                }
            }
            Way::Away => {
                let taken = staging.dir.stat(&old)?;
                let undone = intent.new.is_some() && staging.dir.stat(&staged)?.is_some();
                match taken {
                    Some(_) if undone => {
                        self.restore(staging, intent, &old, found)?;
                    }
                    Some(stat) => self.settle_displaced(staging, intent, &old, &stat, found)?,
                    None => {}
                }
                found.removed += u64::from(remove_ours(staging, &staged)?);
                Ok(())
            }
            Way::Respell => {
                if staging.dir.stat(&old)?.is_some() {
                    let goal = intent.to.as_ref().unwrap_or(&intent.target);
                    let path = self.put_back(staging, &old, goal, None)?;
                    if path != *goal {
                        found.restored.push(path);
                    }
                }
                Ok(())
            }
            Way::Folder => {
                // Whether anything came into it cannot be judged without the filter, so it goes back.
                if staging.dir.stat(&old)?.is_some() {
                    self.restore(staging, intent, &old, found)?;
                }
                Ok(())
            }
        }
    }

    /// Whether the staged name still holds our own copy.
    fn is_ours_still(&self, staging: &Staging, intent: &Intent, staged: &[u8]) -> io::Result<bool> {
        Ok(staging.dir.stat(staged)?.is_some_and(|stat| self.is_new(intent, &stat)))
    }

    fn is_new(&self, intent: &Intent, stat: &Stat) -> bool {
        let entry = self.entry_of(stat);
        intent.new.as_ref().zip(entry).is_some_and(|(new, entry)| new.is(&entry))
    }

    /// A displaced version lies in the staging area as `name`.
    fn settle_displaced(
        &self,
        staging: &Staging,
        intent: &Intent,
        name: &[u8],
        stat: &Stat,
        found: &mut Recovered,
    ) -> io::Result<()> {
        let expected = self.entry_of(stat).is_some_and(|entry| intent.old.is(&entry));
        let written = stat.kind == Some(Kind::File)
            && staging.dir.open_to_hold(name).is_ok_and(|file| writers(&file) == Writers::Some);
        if !expected || written {
            return self.restore(staging, intent, name, found);
        }
        match intent.displaced {
            Displaced::Drop => staging.dir.unlink(name),
            Displaced::Trash(stamp) => {
                let spot = self.prepare_trash(&intent.target, stamp, Operation::Recover);
                let spot = spot.map_err(|problem| io::Error::other(problem.explain()))?;
                let place = self.move_to_trash(&staging.dir, name, &spot)?.path;
                if let Some(entry) = self.entry_of(stat) {
                    let was = intent.target.clone();
                    found.trashed.push(InTrash { place, was, deleted_ns: stamp.0, entry });
                }
                Ok(())
            }
        }
    }

    fn restore(
        &self,
        staging: &Staging,
        intent: &Intent,
        name: &[u8],
        found: &mut Recovered,
    ) -> io::Result<()> {
        let entry = staging.dir.stat(name)?.and_then(|stat| self.entry_of(&stat));
        let seen = entry.is_some_and(|entry| intent.old.is(&entry));
        let path = self.put_back(staging, name, &intent.target, intent.new.as_ref())?;
        if !seen || path != intent.target {
            found.restored.push(path);
        }
        Ok(())
    }
}
