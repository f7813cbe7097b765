//! The open state: every question and every change goes through here.
//!
//! Owns [`State`] and [`Commit`]. Reading sees one consistent moment; a commit is one transaction that is durable
//! when it returns, or has not happened.

use std::fmt;
use std::ops::RangeBounds;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction};
use sync_core::baseline::{Agreed, BaselineChange, BaselineDir};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;

use crate::checked::{self, Checked};
use crate::compact;
use crate::counts::Counts;
use crate::error::{Fault, StateError};
use crate::guard::guarded;
use crate::inbox::{self, Conflict, ConflictChange};
use crate::journal::{self, JournalReader, JournalRow};
use crate::lock::SessionLock;
use crate::open;
use crate::outbox::{self, AlertChanges, Room, Told, Waiting};
use crate::pair::{self, Pair};
use crate::problems::{self, ProblemChange, StandingProblem};
use crate::reader::{self, BaselineReader};
use crate::rekey::{self, Rekeyed};
use crate::runs::{self, Purged, Run, RunId, RunSummary};
use crate::schema::{BASELINE, NOTES, TOMBSTONES};
use crate::search::{self, Found, JournalQuery};
use crate::tombstones::{self, Tombstone};
use crate::trash::{self, TrashEntry};

/// How a state is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Memory for pages of the file, in bytes.
    pub cache_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { cache_bytes: 16 << 20 }
    }
}

/// A state that was opened, and what happened on the way.
#[derive(Debug)]
pub struct Opened {
    /// The state.
    pub state: State,
    /// The damaged file was renamed to this, and the state is a new, empty one.
    pub set_aside: Option<PathBuf>,
    /// There was no state, and this is a new one.
    pub created: bool,
}

/// What belongs together: remembered as a whole or not at all. Everything is optional.
#[derive(Clone, Copy, Debug, Default)]
pub struct Commit<'a> {
    /// Changes of the baseline, in any order; the last one for a path stands.
    pub baseline: &'a [BaselineChange],
    /// Deletions to remember.
    pub tombstones: &'a [Tombstone],
    /// The run that the journal rows and the end belong to.
    pub run: Option<RunId>,
    /// Rows for the journal of `run`.
    pub journal: &'a [JournalRow],
    /// The end of `run`.
    pub finish: Option<&'a RunSummary>,
    /// Versions that went to the trash.
    pub trashed: &'a [TrashEntry],
    /// Versions that are no longer there.
    pub untrashed: &'a [TrashEntry],
    /// Changes of the inbox.
    pub conflicts: &'a [ConflictChange],
    /// Changes of the standing problems.
    pub problems: &'a [ProblemChange],
    /// What a look at the whole pair found.
    pub checked: Option<&'a Checked>,
    /// Notes to set, or to take away.
    pub notes: &'a [(&'a str, Option<&'a [u8]>)],
}

impl Commit<'_> {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.baseline.is_empty()
            && self.tombstones.is_empty()
            && self.journal.is_empty()
            && self.finish.is_none()
            && self.trashed.is_empty()
            && self.untrashed.is_empty()
            && self.conflicts.is_empty()
            && self.problems.is_empty()
            && self.checked.is_none()
            && self.notes.is_empty()
    }
}

/// What Bothways remembers of one pair between runs. One process at a time has it.
pub struct State {
    folder: PathBuf,
    file: PathBuf,
    options: Options,
    database: RwLock<Option<Database>>,
    /// A write failed: nothing more is written until the file is opened again.
    poisoned: AtomicBool,
    /// Dropped last, after the database is closed.
    _lock: SessionLock,
}

impl State {
    /// Opens the state in `folder`, making folder and file where there are none, for their owner alone.
    pub fn open(folder: &Path) -> Result<Opened, StateError> {
        Self::open_with(folder, Options::default())
    }

    /// As [`State::open`], with options.
    pub fn open_with(folder: &Path, options: Options) -> Result<Opened, StateError> {
        open::make_folder(folder)?;
        let lock = SessionLock::take(folder)?;
        let mut set_aside = None;
        let created = !open::exists(folder)?;
        let database = if created {
            open::create(folder, options.cache_bytes)?
        } else {
            match open::open(folder, options.cache_bytes) {
                Err(error) if error.is_corrupt() => {
                    set_aside = Some(open::set_aside(folder)?);
                    open::create(folder, options.cache_bytes)?
                }
                other => other?,
            }
        };
        let state = Self {
            folder: folder.to_owned(),
            file: folder.join(open::FILE),
            options,
            database: RwLock::new(Some(database)),
            poisoned: AtomicBool::new(false),
            _lock: lock,
        };
        Ok(Opened { state, set_aside, created })
    }

    /// Opens the state in `folder` when there is one. Where there is none, nothing is made.
    pub fn open_existing(folder: &Path) -> Result<Option<Opened>, StateError> {
        if open::exists(folder)? { Self::open(folder).map(Some) } else { Ok(None) }
    }

    /// The folder it was opened in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a write failed, so that nothing more is written until [`State::reopen`].
    pub fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
    }

    /// Closes the file and opens it again, as is needed after a write failed. Streams that are still being read
    /// end with an error.
    pub fn reopen(&self) -> Result<(), StateError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        close(database.take());
        *database = Some(open::open(&self.folder, self.options.cache_bytes)?);
        self.poisoned.store(false, Ordering::Release);
        Ok(())
    }

    /// Makes the file as small as what it holds, where at least `waste_bytes` and half of it are free. Whether it did;
    /// not while a stream is being read. Others wait meanwhile, so this is for a moment at which nobody does.
    pub fn compact(&self, waste_bytes: u64) -> Result<bool, StateError> {
        if self.is_poisoned() {
            return Err(StateError::Poisoned { path: self.file.clone() });
        }
        let size = std::fs::metadata(&self.file)
            .map_err(|source| StateError::io("look at", &self.file, source))?
            .len();
        if size < waste_bytes {
            return Ok(false);
        }
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        let result = guarded(|| compact::run(database.as_mut().ok_or(Fault::Closed)?, size, waste_bytes))
            .map_err(|fault| fault.at("compact", &self.file));
        if result.is_err() {
            self.poisoned.store(true, Ordering::Release);
        }
        result
    }

    /// Renames the file, which turned out to be damaged, and begins an empty one. Where the damaged one is now.
    pub fn set_aside_and_restart(&self) -> Result<PathBuf, StateError> {
        let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
        close(database.take());
        let aside = open::set_aside(&self.folder)?;
        *database = Some(open::create(&self.folder, self.options.cache_bytes)?);
        self.poisoned.store(false, Ordering::Release);
        Ok(aside)
    }

    fn read<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Fault>,
    ) -> Result<T, StateError> {
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        guarded(|| read(&database.as_ref().ok_or(Fault::Closed)?.begin_read()?))
            .map_err(|fault| fault.at(operation, &self.file))
    }

    fn write<T>(
        &self,
        operation: &'static str,
        durability: Durability,
        write: impl FnOnce(&Database, &WriteTransaction) -> Result<T, Fault>,
    ) -> Result<T, StateError> {
        if self.is_poisoned() {
            return Err(StateError::Poisoned { path: self.file.clone() });
        }
        let database = self.database.read().unwrap_or_else(PoisonError::into_inner);
        let result = guarded(|| {
            let database = database.as_ref().ok_or(Fault::Closed)?;
            let mut transaction = database.begin_write()?;
            transaction.set_durability(durability)?;
            transaction.set_quick_repair(true);
            let value = write(database, &transaction)?;
            transaction.commit()?;
            Ok(value)
        })
        .map_err(|fault| fault.at(operation, &self.file));
        if let Err(error) = &result
            && !matches!(error, StateError::Misuse { .. })
        {
            self.poisoned.store(true, Ordering::Release);
        }
        result
    }

    /// The pair this is about; none until it is set.
    pub fn pair(&self) -> Result<Option<Pair>, StateError> {
        self.read("read the pair from", pair::read)
    }

    /// Sets the pair. When only its equivalence changes, [`State::rekey`] is what to use.
    pub fn set_pair(&self, pair: &Pair) -> Result<(), StateError> {
        self.write("write the pair to", Durability::Immediate, |_, transaction| {
            pair::write(transaction, pair)
        })
    }

    /// What the baseline holds in all.
    pub fn counts(&self) -> Result<Counts, StateError> {
        self.read("read the counts from", Counts::read)
    }

    /// The whole baseline in path order.
    pub fn baseline(&self) -> Result<BaselineReader, StateError> {
        self.read("read the baseline from", |transaction| {
            BaselineReader::whole(transaction, self.file.clone())
        })
    }

    /// The directories of the baseline that are `dir` or lie below it, in path order.
    pub fn baseline_below(&self, dir: &RelPath) -> Result<BaselineReader, StateError> {
        self.read("read the baseline from", |transaction| {
            BaselineReader::below(transaction, self.file.clone(), dir)
        })
    }

    /// The agreed children of one directory.
    pub fn baseline_dir(&self, dir: &RelPath) -> Result<BaselineDir, StateError> {
        self.read("read the baseline from", |transaction| reader::dir(transaction, dir))
    }

    /// What was agreed at one key path.
    pub fn agreed(&self, path: &RelPath) -> Result<Option<Agreed>, StateError> {
        self.read("read the baseline from", |transaction| crate::baseline::agreed(transaction, path))
    }

    /// Remembers all of it, durably, or nothing.
    pub fn commit(&self, commit: &Commit<'_>) -> Result<(), StateError> {
        if commit.is_empty() {
            return Ok(());
        }
        self.write("commit to", Durability::Immediate, |_, transaction| apply(transaction, commit))
    }

    /// Makes new keys for the whole baseline, and notes the equivalence in the pair. Where two paths meet under one
    /// key, or the sides' spellings would now be two paths, they leave the baseline.
    pub fn rekey(&self, to: Equivalence) -> Result<Rekeyed, StateError> {
        self.write("rekey", Durability::Immediate, |database, transaction| {
            rekey::run(&database.begin_read()?, transaction, &self.file, to)
        })
    }

    /// Empties the baseline, so that the next run is a first meeting. Everything else stays.
    pub fn forget_baseline(&self) -> Result<(), StateError> {
        self.write("write the baseline to", Durability::Immediate, |_, transaction| {
            transaction.delete_table(BASELINE)?;
            transaction.open_table(BASELINE)?;
            Counts::default().write(transaction)
        })
    }

    /// Begins a run. It becomes durable with the next commit: a run that was killed before it changed anything may
    /// leave no trace.
    pub fn begin_run(&self, kind: &str, started_ns: i64) -> Result<RunId, StateError> {
        self.write("begin a run in", Durability::None, |_, transaction| {
            runs::start(transaction, kind, started_ns, None)
        })
    }

    /// As [`State::begin_run`], for a run that undoes or otherwise answers an earlier one.
    pub fn begin_answer(&self, kind: &str, started_ns: i64, answers: RunId) -> Result<RunId, StateError> {
        self.write("begin a run in", Durability::None, |_, transaction| {
            runs::start(transaction, kind, started_ns, Some(answers))
        })
    }

    /// Notes how a run ended. A last [`Commit`] can do so as well.
    pub fn finish_run(&self, run: RunId, summary: &RunSummary) -> Result<(), StateError> {
        self.commit(&Commit { run: Some(run), finish: Some(summary), ..Commit::default() })
    }

    /// One run.
    pub fn run(&self, id: RunId) -> Result<Option<Run>, StateError> {
        self.read("read the runs from", |transaction| runs::get(transaction, id))
    }

    /// At most `limit` runs that started within a span of UTC nanoseconds, the latest first.
    pub fn runs(&self, started_ns: impl RangeBounds<i64>, limit: usize) -> Result<Vec<Run>, StateError> {
        self.read("read the runs from", |transaction| runs::list(transaction, started_ns, limit))
    }

    /// What a run did, in the order it was written.
    pub fn journal(&self, run: RunId) -> Result<JournalReader, StateError> {
        self.read("read the journal from", |transaction| {
            JournalReader::of_run(transaction, self.file.clone(), run)
        })
    }

    /// What was done at `since_ns` (UTC nanoseconds) or later, run by run.
    pub fn journal_since(&self, since_ns: i64) -> Result<JournalReader, StateError> {
        self.read("read the journal from", |transaction| {
            JournalReader::since(transaction, self.file.clone(), since_ns)
        })
    }

    /// The rows of the journal that a query asks for, the latest first.
    pub fn search(&self, query: &JournalQuery<'_>) -> Result<Found, StateError> {
        self.read("search the journal of", |transaction| search::run(transaction, query))
    }

    /// Forgets runs that started before `before_ns`, with their journal. How many there were.
    pub fn purge_runs(&self, before_ns: i64) -> Result<u64, StateError> {
        Ok(self.purge_some_runs(before_ns, usize::MAX)?.runs)
    }

    /// One step of the same: some 16 KiB of journal times `most`, so that nobody waits long.
    pub fn purge_some_runs(&self, before_ns: i64, most: usize) -> Result<Purged, StateError> {
        self.write("purge the runs of", Durability::Immediate, |_, transaction| {
            runs::purge(transaction, before_ns, most)
        })
    }

    /// The inbox in path order.
    pub fn conflicts(&self) -> Result<Vec<Conflict>, StateError> {
        self.read("read the conflicts from", inbox::list)
    }

    /// The conflict at one path.
    pub fn conflict(&self, path: &RelPath) -> Result<Option<Conflict>, StateError> {
        self.read("read the conflicts from", |transaction| inbox::get(transaction, path))
    }

    /// Standing problems in path order.
    pub fn problems(&self) -> Result<Vec<StandingProblem>, StateError> {
        self.read("read the problems from", problems::list)
    }

    /// What the last look at the whole pair found; none before the first.
    pub fn checked(&self) -> Result<Option<Checked>, StateError> {
        self.read("read the last look from", checked::read)
    }

    /// The messages that wait for delivery, oldest first.
    pub fn outbox(&self) -> Result<Vec<Waiting>, StateError> {
        self.read("read the outbox from", outbox::list)
    }

    /// What a message that waits says.
    pub fn outbox_body(&self, id: u64) -> Result<Option<Vec<u8>>, StateError> {
        self.read("read the outbox from", |transaction| outbox::body(transaction, id))
    }

    /// What was met and told, by the matter's key.
    pub fn told(&self) -> Result<Vec<(Vec<u8>, Told)>, StateError> {
        self.read("read what was told from", outbox::all_told)
    }

    /// Remembers a turn of the alerts, durably, and drops the oldest messages that have no room. How many those were.
    pub fn change_alerts(&self, changes: &AlertChanges<'_>, room: Room) -> Result<u64, StateError> {
        if changes.is_empty() {
            return Ok(0);
        }
        self.write("write alerts to", Durability::Immediate, |_, transaction| {
            outbox::apply(transaction, changes, room)
        })
    }

    /// Everything in the trash, by original path.
    pub fn trash(&self) -> Result<Vec<TrashEntry>, StateError> {
        self.trash_below(&RelPath::root())
    }

    /// What was deleted at a path or below it, by original path.
    pub fn trash_below(&self, path: &RelPath) -> Result<Vec<TrashEntry>, StateError> {
        self.read("read the trash index from", |transaction| trash::list(transaction, path))
    }

    /// The deletion remembered at one path.
    pub fn tombstone(&self, path: &RelPath) -> Result<Option<Tombstone>, StateError> {
        self.read("read the tombstones from", |transaction| tombstones::get(transaction, path))
    }

    /// All remembered deletions in path order.
    pub fn tombstones(&self) -> Result<Vec<Tombstone>, StateError> {
        self.read("read the tombstones from", tombstones::list)
    }

    /// Forgets deletions that happened before `before_ns`. How many there were.
    pub fn purge_tombstones(&self, before_ns: i64) -> Result<u64, StateError> {
        self.write("purge the tombstones of", Durability::Immediate, |_, transaction| {
            tombstones::purge(transaction, before_ns)
        })
    }

    /// What somebody noted under `key`.
    pub fn note(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        self.read("read the notes from", |transaction| {
            let table = transaction.open_table(NOTES)?;
            Ok(ReadableTable::get(&table, key)?.map(|row| row.value().to_vec()))
        })
    }

    /// Notes something under `key`, or takes the note away.
    pub fn set_note(&self, key: &str, value: Option<&[u8]>) -> Result<(), StateError> {
        self.commit(&Commit { notes: &[(key, value)], ..Commit::default() })
    }
}

/// Closes a database that may be damaged: whatever happens then, it is closed.
fn close(database: Option<Database>) {
    let _ = guarded(|| {
        drop(database);
        Ok(())
    });
}

fn apply(transaction: &WriteTransaction, commit: &Commit<'_>) -> Result<(), Fault> {
    let mut last = std::collections::HashMap::new();
    if !commit.tombstones.is_empty() {
        for tombstone in commit.tombstones.iter().filter(|tombstone| tombstone.last.is_none()) {
            last.insert(tombstone.path.clone(), None);
        }
    }
    if !commit.baseline.is_empty() {
        crate::baseline::apply(transaction, commit.baseline, |path, agreed| {
            if let Some(wanted) = last.get_mut(path) {
                *wanted = Some(agreed);
            }
        })?;
    }
    if !commit.tombstones.is_empty() {
        let mut table = transaction.open_table(TOMBSTONES)?;
        for tombstone in commit.tombstones {
            let last = last.get(&tombstone.path).and_then(Option::as_ref);
            tombstones::put(&mut table, tombstone, last)?;
        }
    }
    match commit.run {
        Some(run) => {
            if !commit.journal.is_empty() {
                journal::append(transaction, run, commit.journal)?;
            }
            if let Some(summary) = commit.finish {
                runs::finish(transaction, run, summary)?;
            }
        }
        None if commit.journal.is_empty() && commit.finish.is_none() => {}
        None => return Err(Fault::Misuse("journal rows and the end of a run need a run".to_owned())),
    }
    if !commit.trashed.is_empty() {
        trash::add(transaction, commit.trashed)?;
    }
    if !commit.untrashed.is_empty() {
        trash::remove(transaction, commit.untrashed)?;
    }
    if !commit.conflicts.is_empty() {
        inbox::apply(transaction, commit.conflicts)?;
    }
    if !commit.problems.is_empty() {
        problems::apply(transaction, commit.problems)?;
    }
    if let Some(checked) = commit.checked {
        checked::write(transaction, checked)?;
    }
    if !commit.notes.is_empty() {
        let mut table = transaction.open_table(NOTES)?;
        for (key, value) in commit.notes {
            match value {
                Some(value) => {
                    table.insert(*key, *value)?;
                }
                None => {
                    table.remove(*key)?;
                }
            }
        }
    }
    Ok(())
}

const _: () = {
    const fn shared_by_threads<T: Send + Sync>() {}
    const fn sent_to_threads<T: Send>() {}
    shared_by_threads::<State>();
    sent_to_threads::<BaselineReader>();
    sent_to_threads::<JournalReader>();
};

impl Drop for State {
    fn drop(&mut self) {
        close(self.database.get_mut().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("folder", &self.folder).finish_non_exhaustive()
    }
}
