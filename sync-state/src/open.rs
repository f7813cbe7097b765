//! How a state folder becomes an open database.
//!
//! Owns making, opening, migrating and setting aside. A damaged file is renamed, never deleted and never written
//! to; a file of a newer version is not touched at all.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, DatabaseError, ReadableDatabase};

use crate::error::{Fault, StateError};
use crate::guard::guarded;
use crate::lock::private;
use crate::schema::{self, STEPS, Step, VERSION};
use crate::{Counts, pair};

/// The database's name in the state folder.
pub(crate) const FILE: &str = "state.redb";
/// A database that is being made; it gets its name when it is whole.
const UNFINISHED: &str = "state.redb.new";

const OPEN: &str = "open";
const CREATE: &str = "create";

/// Makes the folder, for its owner alone.
pub(crate) fn make_folder(folder: &Path) -> Result<(), StateError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| StateError::io(CREATE, folder, source))
}

/// Whether there is a state in the folder.
pub(crate) fn exists(folder: &Path) -> Result<bool, StateError> {
    let file = folder.join(FILE);
    match fs::symlink_metadata(&file) {
        Ok(_) => Ok(true),
        Err(source) if matches!(source.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(source) => Err(StateError::io(OPEN, &file, source)),
    }
}

/// Makes an empty state and opens it. The session lock is held.
pub(crate) fn create(folder: &Path, cache_bytes: usize) -> Result<Database, StateError> {
    let unfinished = folder.join(UNFINISHED);
    match fs::remove_file(&unfinished) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(StateError::io("remove", &unfinished, source));
        }
        _ => {}
    }
    let file = private(OpenOptions::new().read(true).write(true).create_new(true))
        .open(&unfinished)
        .map_err(|source| StateError::io(CREATE, &unfinished, source))?;
    guarded(|| {
        let database = builder(cache_bytes).create_file(file)?;
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        schema::create(&transaction)?;
        transaction.commit()?;
        Ok(())
    })
    .map_err(|fault| fault.at(CREATE, &unfinished))?;
    let file = folder.join(FILE);
    fs::rename(&unfinished, &file).map_err(|source| StateError::io(CREATE, &file, source))?;
    sync_folder(folder)?;
    open(folder, cache_bytes)
}

/// Opens the state that is there, migrating it when it is an older one.
pub(crate) fn open(folder: &Path, cache_bytes: usize) -> Result<Database, StateError> {
    open_with_steps(folder, cache_bytes, VERSION, STEPS)
}

fn open_with_steps(
    folder: &Path,
    cache_bytes: usize,
    known: u32,
    steps: &[(u32, Step)],
) -> Result<Database, StateError> {
    let file = folder.join(FILE);
    let database = guarded(|| match builder(cache_bytes).open(&file) {
        Err(DatabaseError::DatabaseAlreadyOpen) => Ok(None),
        other => Ok(Some(other?)),
    })
    .map_err(|fault| fault.at(OPEN, &file))?
    // The session lock is ours, so whoever has the file did not say who they are.
    .ok_or_else(|| StateError::Locked { path: folder.to_owned(), holder: None })?;

    let found =
        guarded(|| schema::version(&database.begin_read()?)).map_err(|fault| fault.at(OPEN, &file))?;
    if found > known {
        return Err(StateError::Newer { path: file, found, known });
    }
    guarded(|| {
        if found < known {
            let mut transaction = database.begin_write()?;
            transaction.set_quick_repair(true);
            schema::migrate(&transaction, found, known, steps)?;
            transaction.commit()?;
        }
        Ok(())
    })
    .map_err(|fault| fault.at("migrate", &file))?;
    guarded(|| {
        let transaction = database.begin_read()?;
        schema::check(&transaction)?;
        pair::read(&transaction)?;
        Counts::read(&transaction)?;
        Ok::<_, Fault>(())
    })
    .map_err(|fault| fault.at(OPEN, &file))?;
    Ok(database)
}

fn builder(cache_bytes: usize) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    builder
}

/// Renames the file out of the way. The database is closed and the session lock held.
pub(crate) fn set_aside(folder: &Path) -> Result<PathBuf, StateError> {
    let file = folder.join(FILE);
    let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut number = 1_u32;
    let aside = loop {
        let more = if number == 1 { String::new() } else { format!("-{number}") };
        let aside = folder.join(format!("{FILE}.corrupt-{stamp}{more}"));
        match fs::symlink_metadata(&aside) {
            Err(source) if source.kind() == io::ErrorKind::NotFound => break aside,
            Err(source) => return Err(StateError::io("look at", &aside, source)),
            Ok(_) => number += 1,
        }
    };
    fs::rename(&file, &aside).map_err(|source| StateError::io("set aside", &file, source))?;
    sync_folder(folder)?;
    Ok(aside)
}

/// Makes names in the folder durable. Windows does so by itself.
fn sync_folder(folder: &Path) -> Result<(), StateError> {
    #[cfg(unix)]
    fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| StateError::io("flush", folder, source))?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{META, NOTES};
    use redb::{ReadableTable, WriteTransaction};

    const CACHE: usize = 1 << 20;

    fn set_version(folder: &Path, version: u32) {
        let database = open(folder, CACHE).unwrap();
        let transaction = database.begin_write().unwrap();
        transaction.open_table(META).unwrap().insert("schema", version.to_le_bytes().as_slice()).unwrap();
        transaction.commit().unwrap();
    }

    fn step_one(transaction: &WriteTransaction) -> Result<(), Fault> {
        transaction.open_table(NOTES)?.insert("one", b"1".as_slice())?;
        Ok(())
    }

    fn step_two(transaction: &WriteTransaction) -> Result<(), Fault> {
        let mut notes = transaction.open_table(NOTES)?;
        let one = notes.get("one")?.map(|row| row.value().to_vec());
        notes.insert("two", one.unwrap_or_default().as_slice())?;
        Ok(())
    }

    fn failing(_: &WriteTransaction) -> Result<(), Fault> {
        Err(Fault::Misuse("the step failed".to_owned()))
    }

    fn note(database: &Database, key: &str) -> Option<Vec<u8>> {
        let table = database.begin_read().unwrap().open_table(NOTES).unwrap();
        let row = ReadableTable::get(&table, key).unwrap();
        row.map(|row| row.value().to_vec())
    }

    #[test]
    fn an_older_state_takes_every_step_in_order_and_once() {
        let dir = tempfile::tempdir().unwrap();
        drop(create(dir.path(), CACHE).unwrap());
        let steps: &[(u32, Step)] = &[(VERSION, step_one), (VERSION + 1, step_two)];
        let database = open_with_steps(dir.path(), CACHE, VERSION + 2, steps).unwrap();
        assert_eq!(note(&database, "two").as_deref(), Some(b"1".as_slice()));
        assert_eq!(schema::version(&database.begin_read().unwrap()).unwrap(), VERSION + 2);
        drop(database);
        let again: &[(u32, Step)] = &[(VERSION, failing), (VERSION + 1, failing)];
        open_with_steps(dir.path(), CACHE, VERSION + 2, again).unwrap();
    }

    #[test]
    fn a_migration_that_fails_leaves_the_older_state_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        drop(create(dir.path(), CACHE).unwrap());
        let steps: &[(u32, Step)] = &[(VERSION, step_one), (VERSION + 1, failing)];
        assert!(open_with_steps(dir.path(), CACHE, VERSION + 2, steps).is_err());
        let database = open(dir.path(), CACHE).unwrap();
        assert_eq!(note(&database, "one"), None);
        assert_eq!(schema::version(&database.begin_read().unwrap()).unwrap(), VERSION);
    }

    #[test]
    fn a_version_without_a_way_on_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        drop(create(dir.path(), CACHE).unwrap());
        set_version(dir.path(), 0);
        assert!(open(dir.path(), CACHE).unwrap_err().is_corrupt());
    }

    #[test]
    fn a_newer_state_is_refused_and_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        drop(create(dir.path(), CACHE).unwrap());
        set_version(dir.path(), VERSION + 1);
        let refused = open(dir.path(), CACHE).unwrap_err();
        assert!(
            matches!(refused, StateError::Newer { found, known: VERSION, .. } if found == VERSION + 1),
            "{refused}"
        );
        assert!(crate::State::open(dir.path()).is_err());
        assert!(dir.path().join(FILE).exists());
    }
}
