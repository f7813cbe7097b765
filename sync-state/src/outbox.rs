//! Messages to a person that wait for delivery, and what was told already.
//!
//! Owns [`Waiting`], [`Told`] and their rows. What a message says, when it is tried again and when something is told
//! again is not decided here; only how much may wait is kept to, by dropping the oldest.

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use crate::codec::{Put, Reader, begin, seal, show_key};
use crate::error::Fault;
use crate::schema::{META, NOTES, OUTBOX, OUTBOX_BODIES, TOLD, decode};

/// A message that waits, without what it says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Its number; never used again.
    pub id: u64,
    /// The way it goes.
    pub channel: String,
    /// When it was written: UTC nanoseconds.
    pub queued_ns: i64,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried next: UTC nanoseconds.
    pub next_ns: i64,
    /// Why the last try failed.
    pub error: Option<String>,
    /// How many bytes it takes.
    pub bytes: u64,
}

/// A message to keep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewMessage {
    /// The way it goes.
    pub channel: String,
    /// When it was written: UTC nanoseconds.
    pub queued_ns: i64,
    /// What it says.
    pub body: Vec<u8>,
}

/// What is known of one matter that was met, and perhaps told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// When it was met first: UTC nanoseconds.
    pub first_seen_ns: i64,
    /// When it was told last: UTC nanoseconds.
    pub told_ns: Option<i64>,
    /// How often it was told.
    pub times: u32,
    /// What it was about when it was met last: another value is another matter.
    pub version: [u8; 16],
    /// The message that told of it last.
    pub letter: Option<String>,
    /// What it is, in words.
    pub what: String,
}

/// What belongs together of one turn: remembered as a whole or not at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct AlertChanges<'a> {
    /// Matters by their key, changed or, with none, forgotten.
    pub told: &'a [(Vec<u8>, Option<Told>)],
    /// Messages to keep, oldest first.
    pub push: &'a [NewMessage],
    /// Messages that are delivered, or given up.
    pub remove: &'a [u64],
    /// Messages that were tried in vain: when to try next (UTC nanoseconds), and why it failed.
    pub failed: &'a [(u64, i64, String)],
    /// Notes to set, or to take away.
    pub notes: &'a [(&'a str, Option<&'a [u8]>)],
}

impl AlertChanges<'_> {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.told.is_empty()
            && self.push.is_empty()
            && self.remove.is_empty()
            && self.failed.is_empty()
            && self.notes.is_empty()
    }
}

/// How much may wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// Messages.
    pub messages: usize,
    /// Bytes of all messages.
    pub bytes: u64,
}

const FORMAT: u8 = 1;
const NEXT: &str = "next_message";

fn put(row: &mut Vec<u8>, waiting: &Waiting) {
    row.put_bytes(waiting.channel.as_bytes());
    row.put_i64(waiting.queued_ns);
    row.put_u64(u64::from(waiting.attempts));
    row.put_i64(waiting.next_ns);
    row.put_option(waiting.error.as_ref(), |row, error| row.put_bytes(error.as_bytes()));
    row.put_u64(waiting.bytes);
}

fn waiting(key: &[u8], row: &[u8]) -> Result<Waiting, Fault> {
    let id = key.try_into().map(u64::from_be_bytes);
    let id = id.map_err(|_| {
        Fault::malformed("outbox", show_key(key), crate::codec::Malformed("the key is no number"))
    })?;
    decode("outbox", FORMAT, key, row, |row: &mut Reader<'_>| {
        Ok(Waiting {
            id,
            channel: row.text()?.to_owned(),
            queued_ns: row.i64()?,
            attempts: u32::try_from(row.u64()?).unwrap_or(u32::MAX),
            next_ns: row.i64()?,
            error: row.option(|row| row.text().map(ToOwned::to_owned))?,
            bytes: row.u64()?,
        })
    })
}

fn told(key: &[u8], row: &[u8]) -> Result<Told, Fault> {
    decode("told", FORMAT, key, row, |row: &mut Reader<'_>| {
        Ok(Told {
            first_seen_ns: row.i64()?,
            told_ns: row.option(Reader::i64)?,
            times: u32::try_from(row.u64()?).unwrap_or(u32::MAX),
            version: {
                let mut version = [0; 16];
                version.copy_from_slice(row.raw(16)?);
                version
            },
            letter: row.option(|row| row.text().map(ToOwned::to_owned))?,
            what: row.text()?.to_owned(),
        })
    })
}

/// Everything that waits, oldest first.
pub(crate) fn list(transaction: &ReadTransaction) -> Result<Vec<Waiting>, Fault> {
    let table = transaction.open_table(OUTBOX)?;
    let mut found = Vec::new();
    for next in table.iter()? {
        let (key, row) = next?;
        found.push(waiting(key.value(), row.value())?);
    }
    Ok(found)
}

/// What one message says.
pub(crate) fn body(transaction: &ReadTransaction, id: u64) -> Result<Option<Vec<u8>>, Fault> {
    let key = id.to_be_bytes();
    let table = transaction.open_table(OUTBOX_BODIES)?;
    let row = table.get(key.as_slice())?;
    row.map(|row| decode("outbox_bodies", FORMAT, &key, row.value(), |row| row.bytes().map(<[u8]>::to_vec)))
        .transpose()
}

/// Every matter that is remembered, by key.
pub(crate) fn all_told(transaction: &ReadTransaction) -> Result<Vec<(Vec<u8>, Told)>, Fault> {
    let table = transaction.open_table(TOLD)?;
    let mut found = Vec::new();
    for next in table.iter()? {
        let (key, row) = next?;
        found.push((key.value().to_vec(), told(key.value(), row.value())?));
    }
    Ok(found)
}

/// Makes the changes, then drops the oldest messages until the rest has room. How many were dropped.
pub(crate) fn apply(
    transaction: &WriteTransaction,
    changes: &AlertChanges<'_>,
    room: Room,
) -> Result<u64, Fault> {
    let mut matters = transaction.open_table(TOLD)?;
    for (key, change) in changes.told {
        let Some(matter) = change else {
            matters.remove(key.as_slice())?;
            continue;
        };
        let mut row = begin();
        row.put_i64(matter.first_seen_ns);
        row.put_option(matter.told_ns, Put::put_i64);
        row.put_u64(u64::from(matter.times));
        row.put_raw(&matter.version);
        row.put_option(matter.letter.as_ref(), |row, letter| row.put_bytes(letter.as_bytes()));
        row.put_bytes(matter.what.as_bytes());
        matters.insert(key.as_slice(), seal(FORMAT, key, row).as_slice())?;
    }
    let mut outbox = transaction.open_table(OUTBOX)?;
    let mut bodies = transaction.open_table(OUTBOX_BODIES)?;
    for id in changes.remove {
        outbox.remove(id.to_be_bytes().as_slice())?;
        bodies.remove(id.to_be_bytes().as_slice())?;
    }
    for (id, next_ns, error) in changes.failed {
        let key = id.to_be_bytes();
        let found = outbox.get(key.as_slice())?.map(|row| waiting(&key, row.value())).transpose()?;
        // It may have been dropped while it was under way.
        let Some(mut found) = found else { continue };
        found.attempts = found.attempts.saturating_add(1);
        found.next_ns = *next_ns;
        found.error = Some(error.clone());
        let mut row = begin();
        put(&mut row, &found);
        outbox.insert(key.as_slice(), seal(FORMAT, &key, row).as_slice())?;
    }
    let mut dropped = 0;
    if !changes.push.is_empty() {
        let mut meta = transaction.open_table(META)?;
        let mut next =
            meta.get(NEXT)?.and_then(|row| row.value().try_into().ok()).map_or(1, u64::from_le_bytes).max(1);
        for message in changes.push {
            let key = next.to_be_bytes();
            let mut row = begin();
            put(
                &mut row,
                &Waiting {
                    id: next,
                    channel: message.channel.clone(),
                    queued_ns: message.queued_ns,
                    attempts: 0,
                    next_ns: message.queued_ns,
                    error: None,
                    bytes: message.body.len() as u64,
                },
            );
            outbox.insert(key.as_slice(), seal(FORMAT, &key, row).as_slice())?;
            let mut row = begin();
            row.put_bytes(&message.body);
            bodies.insert(key.as_slice(), seal(FORMAT, &key, row).as_slice())?;
            next = next.saturating_add(1);
        }
        meta.insert(NEXT, next.to_le_bytes().as_slice())?;
        let mut held = Vec::new();
        for row in outbox.iter()? {
            let (key, row) = row?;
            let found = waiting(key.value(), row.value())?;
            held.push((found.id, found.bytes));
        }
        let (mut messages, mut bytes) = (held.len(), held.iter().map(|(_, bytes)| bytes).sum::<u64>());
        for (id, size) in held {
            if messages <= room.messages && bytes <= room.bytes {
                break;
            }
            outbox.remove(id.to_be_bytes().as_slice())?;
            bodies.remove(id.to_be_bytes().as_slice())?;
            messages -= 1;
            bytes -= size;
            dropped += 1;
        }
    }
    if !changes.notes.is_empty() {
        let mut notes = transaction.open_table(NOTES)?;
        for (key, value) in changes.notes {
            match value {
                Some(value) => notes.insert(*key, *value)?,
                None => notes.remove(*key)?,
            };
        }
    }
    Ok(dropped)
}
