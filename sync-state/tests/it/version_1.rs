//! A state that version 1 of the layout wrote. `version_1.txt` has its rows as that version left them: table, key and
//! row in hexadecimal digits.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTableMetadata, TableDefinition};
use sync_core::fold::Equivalence;
use sync_core::side::{Side, Sides};
use sync_state::{Pair, RowResult, RunId, State, TrashEntry, TrashReason};

use crate::support::path;

const ROWS: &str = include_str!("version_1.txt");

fn bytes(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(digit).collect()
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

/// Lays the rows down as they were.
fn write(folder: &Path) {
    let database = Database::create(folder.join("state.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    for line in ROWS.lines() {
        let mut words = line.split(' ');
        let (table, key, row) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap_or(""));
        let (key, row) = (bytes(key), bytes(row));
        match table {
            "meta" | "notes" => {
                let name = std::str::from_utf8(&key).unwrap();
                let definition = TableDefinition::<&str, &[u8]>::new(table);
                transaction.open_table(definition).unwrap().insert(name, row.as_slice()).unwrap();
            }
            "runs" => {
                let definition = TableDefinition::<u64, &[u8]>::new(table);
                transaction.open_table(definition).unwrap().insert(number(&key), row.as_slice()).unwrap();
            }
            "runs_by_time" => {
                let key = (number(&key[..8]) as i64, number(&key[8..]));
                let definition = TableDefinition::<(i64, u64), ()>::new(table);
                transaction.open_table(definition).unwrap().insert(key, ()).unwrap();
            }
            "journal" => {
                let key = (number(&key[..8]), number(&key[8..]));
                let definition = TableDefinition::<(u64, u64), &[u8]>::new(table);
                transaction.open_table(definition).unwrap().insert(key, row.as_slice()).unwrap();
            }
            _ => {
                let definition = TableDefinition::<&[u8], &[u8]>::new(table);
                let mut table = transaction.open_table(definition).unwrap();
                table.insert(key.as_slice(), row.as_slice()).unwrap();
            }
        }
    }
    transaction.commit().unwrap();
}

#[test]
fn everything_is_still_there_and_has_what_came_since() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let opened = State::open(dir.path()).unwrap();
    assert!(opened.set_aside.is_none() && !opened.created);
    let state = opened.state;
    let pair = Pair {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        roots: Sides::new("/data/left".to_owned(), r"R:\".to_owned()),
        equivalence: Equivalence { case: true, form: false },
    };
    assert_eq!(state.pair().unwrap().as_ref(), Some(&pair));
    let trashed = |side, at: &str, to: &str, run| TrashEntry {
        side,
        path: path(at),
        trashed: path(to),
        size: 5,
        deleted_ns: 1500,
        run,
        reason: TrashReason::Deleted,
    };
    assert_eq!(
        state.trash().unwrap(),
        [
            trashed(Side::Left, "dir", "dir 1", None),
            trashed(Side::Right, "dir/old.txt", "dir/old 1.txt", Some(RunId(1))),
        ]
    );
    let runs = state.runs(.., 10).unwrap();
    let seen: Vec<_> = runs.iter().map(|run| (run.id.0, run.started_ns, run.answers)).collect();
    assert_eq!(seen, [(2, 3000, None), (1, 1000, None)]);
    assert_eq!(runs[1].summary.as_ref().unwrap().counts["SOFT_DELETE_RIGHT"], 2);
    let rows: Vec<_> = state.journal(RunId(1)).unwrap().map(|row| row.unwrap().row).collect();
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[1].path.display().as_str(), rows[1].result), ("dir/other.txt", RowResult::Done));
    assert_eq!(state.conflicts().unwrap().len(), 1);
    assert!(state.agreed(&path("dir/kept.txt")).unwrap().is_some());
    assert!(state.tombstone(&path("dir/old.txt")).unwrap().is_some_and(|found| found.last.is_some()));
    assert_eq!(state.note("underway").unwrap().as_deref(), Some(b"{}".as_slice()));
    assert_eq!(state.problems().unwrap(), []);
    assert_eq!(state.checked().unwrap(), None);

    // The next run goes on counting, and the digest of filters is nobody's any more.
    assert_eq!(state.begin_answer("undo", 4000, RunId(1)).unwrap(), RunId(3));
    state.set_pair(&pair).unwrap();
    drop(state);
    let state = State::open(dir.path()).unwrap().state;
    assert_eq!(state.run(RunId(3)).unwrap().unwrap().answers, Some(RunId(1)));
    assert_eq!(state.pair().unwrap(), Some(pair));
    drop(state);
    let database = Database::open(dir.path().join("state.redb")).unwrap();
    let transaction = database.begin_read().unwrap();
    let meta = transaction.open_table(TableDefinition::<&str, &[u8]>::new("meta")).unwrap();
    assert_eq!(meta.get("schema").unwrap().unwrap().value(), 2_u32.to_le_bytes());
    let problems = transaction.open_table(TableDefinition::<&[u8], &[u8]>::new("problems")).unwrap();
    assert_eq!(problems.len().unwrap(), 0);
}

#[test]
fn a_damaged_row_stops_the_migration_and_the_file_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path());
    let file = dir.path().join("state.redb");
    let definition = TableDefinition::<u64, &[u8]>::new("runs");
    let database = Database::open(&file).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(definition).unwrap().insert(1, b"nonsense".as_slice()).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let aside = State::open(dir.path()).unwrap().set_aside.expect("it was set aside");
    let database = Database::open(aside).unwrap();
    let runs = database.begin_read().unwrap().open_table(definition).unwrap();
    assert_eq!(runs.get(1).unwrap().unwrap().value(), b"nonsense");
    assert_eq!(runs.len().unwrap(), 2);
}
