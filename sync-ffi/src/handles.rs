//! What is behind a handle.
//!
//! Owns the one table of all handles that are open. A handle is a number that is given out once and never again in a
//! process, so that every misuse can be told from a use. Nothing here looks at memory.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::status::{Fault, Status};

/// Handles are odd: no object that C knows lies there, and a debugger shows at once that it is none.
const STEP: usize = 2;
const FIRST: usize = 0x1001;

/// Something that C holds by a handle.
pub(crate) trait Held: Any + Send + Sync {
    /// The word for it, with its article.
    const KIND: &'static str;

    /// Where the words of its last error stand.
    fn complaint(&self) -> &Mutex<String>;
}

/// What the table holds of each.
struct Slot {
    kind: &'static str,
    held: Arc<dyn Any + Send + Sync>,
    complaint: fn(&(dyn Any + Send + Sync)) -> Option<&Mutex<String>>,
}

struct Table {
    next: usize,
    /// A map that holds no memory while it is empty, so that a program can close everything.
    slots: BTreeMap<usize, Slot>,
}

static TABLE: LazyLock<Mutex<Table>> =
    LazyLock::new(|| Mutex::new(Table { next: FIRST, slots: BTreeMap::new() }));

fn table() -> MutexGuard<'static, Table> {
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn complaint_of<T: Held>(held: &(dyn Any + Send + Sync)) -> Option<&Mutex<String>> {
    held.downcast_ref::<T>().map(Held::complaint)
}

/// Gives it a handle.
pub(crate) fn give<T: Held>(held: T) -> Result<usize, Fault> {
    let mut table = table();
    let handle = table.next;
    let next = handle.checked_add(STEP);
    table.next = next.ok_or_else(|| Fault::new(Status::Internal, "all handles were given out"))?;
    let slot = Slot { kind: T::KIND, held: Arc::new(held), complaint: complaint_of::<T> };
    table.slots.insert(handle, slot);
    Ok(handle)
}

fn missing(table: &Table, handle: usize, kind: &str) -> Fault {
    if handle == 0 {
        Fault::new(Status::NullArgument, format!("{kind} is NULL"))
    } else if (FIRST..table.next).contains(&handle) && (handle - FIRST).is_multiple_of(STEP) {
        Fault::new(Status::ClosedHandle, format!("{kind} is closed already"))
    } else {
        Fault::new(Status::UnknownHandle, format!("{kind} was never given out"))
    }
}

fn wrong(slot: &Slot, kind: &str) -> Fault {
    Fault::new(Status::WrongHandle, format!("{kind} is wanted, and this handle is {}", slot.kind))
}

/// What is behind a handle.
pub(crate) fn find<T: Held>(handle: usize) -> Result<Arc<T>, Fault> {
    let table = table();
    let Some(slot) = table.slots.get(&handle) else { return Err(missing(&table, handle, T::KIND)) };
    Arc::clone(&slot.held).downcast::<T>().map_err(|_| wrong(slot, T::KIND))
}

/// Makes a handle one that is closed. `may` is asked before.
pub(crate) fn close<T: Held>(
    handle: usize,
    may: impl FnOnce(&T) -> Result<(), Fault>,
) -> Result<Arc<T>, Fault> {
    let held = find::<T>(handle)?;
    may(&held)?;
    match table().slots.remove(&handle) {
        Some(_) => Ok(held),
        None => Err(Fault::new(Status::ClosedHandle, format!("{} is closed already", T::KIND))),
    }
}

/// Notes the words of an error on whatever is behind a handle, or that there was none. Says whether there is a handle.
pub(crate) fn complain(handle: usize, message: &str) -> bool {
    // C would see an end at a NUL.
    let words = message.replace('\0', "\u{fffd}");
    with_complaint(handle, |text| *text = words).is_ok()
}

/// The words of the last error on a handle of any kind.
pub(crate) fn last_complaint(handle: usize) -> Result<String, Fault> {
    with_complaint(handle, |text| text.clone())
}

fn with_complaint<R>(handle: usize, act: impl FnOnce(&mut String) -> R) -> Result<R, Fault> {
    let table = table();
    let Some(slot) = table.slots.get(&handle) else { return Err(missing(&table, handle, "the handle")) };
    let (held, complaint) = (Arc::clone(&slot.held), slot.complaint);
    drop(table);
    let Some(text) = complaint(&*held) else {
        return Err(Fault::new(Status::Internal, "a handle of no kind"));
    };
    let mut text = text.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(act(&mut text))
}
