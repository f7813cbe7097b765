//! The trash in memory.
//!
//! Owns the names in it, `NAME - deleted NANOSECONDS` below the directory where the version was, and what is done
//! with what lies there. Each change is one step that happens whole or not at all.

use sync_core::entry::Entry;
use sync_core::path::RelPath;

use super::journal::Change;
use super::tree::{Body, Ino, Inode, Slot, TRASH};
use super::{MemoryReplica, State, child};
use crate::problem::{Operation, Problem, ProblemKind};
use crate::replica::{Displaced, Expect, InTrash, Installed, Trashed};
use crate::source::Xattrs;

const MARK: &[u8] = b" - deleted ";

/// `NAME` and the time of a name in the trash; none for a name that was not given by [`stamped`].
fn parse(name: &[u8]) -> Option<(&[u8], i64)> {
    let at = name.windows(MARK.len()).rposition(|window| window == MARK)?;
    let text = std::str::from_utf8(&name[at + MARK.len()..]).ok()?;
    let (time, number) = text.split_once(" (").unwrap_or((text, "1)"));
    number.strip_suffix(')')?.parse::<u32>().ok()?;
    Some((&name[..at], time.parse().ok()?)).filter(|(stem, _)| !stem.is_empty())
}

fn stamped(name: &[u8], ns: i64, number: u32) -> Vec<u8> {
    let again = if number > 1 { format!(" ({number})") } else { String::new() };
    [name, MARK, ns.to_string().as_bytes(), again.as_bytes()].concat()
}

impl MemoryReplica {
    /// A free place in the trash for what was at `at`, with the directories it needs.
    pub(super) fn trash_place(&self, state: &mut State, stamp: i64, at: &RelPath) -> (Ino, RelPath) {
        let (mut dir, mut path) = (TRASH, RelPath::root());
        for name in at.parent().unwrap_or_default().components() {
            let key = self.key(name);
            dir = match state.live.slots.get(&(dir, key.clone())) {
                Some(slot) if state.live.is_dir(slot.ino) => slot.ino,
                // Something that bears the name of a directory: then the version lies beside it.
                Some(_) => break,
                None => {
                    let ino = state.number();
                    let now = state.now();
                    let inode = Inode {
                        body: Body::Dir,
                        mtime_ns: now,
                        ctime_ns: now,
                        bits: self.default_bits(&Body::Dir),
                        xattrs: Xattrs::default(),
                    };
                    let slot = Slot { name: name.into(), ino };
                    // Durable at once: a trash that is not there could hold nothing.
                    state.commit(Change::new().slot(dir, &key, Some(slot)).inode(ino, inode).synced());
                    ino
                }
            };
            path = child(&path, name);
        }
        let mut number = 1;
        loop {
            let name = stamped(at.name(), stamp, number);
            if !state.live.slots.contains_key(&(dir, self.key(&name))) {
                return (dir, child(&path, &name));
            }
            number += 1;
        }
    }

    /// Where a place in the trash leads.
    fn trash_slot(&self, state: &State, place: &RelPath) -> Option<(Ino, Slot)> {
        let mut dir = TRASH;
        let mut names = place.components().peekable();
        while let Some(name) = names.next() {
            let slot = state.live.slots.get(&(dir, self.key(name)))?;
            if names.peek().is_none() {
                return Some((dir, slot.clone()));
            }
            dir = Some(slot.ino).filter(|ino| state.live.is_dir(*ino))?;
        }
        None
    }

    pub(super) fn trash_list(&self) -> Vec<InTrash> {
        let state = self.lock();
        let mut found = Vec::new();
        let mut todo = vec![(TRASH, RelPath::root())];
        while let Some((dir, path)) = todo.pop() {
            for (_, slot) in state.live.children(dir) {
                let place = child(&path, &slot.name);
                match (parse(&slot.name), self.entry_of(&state, slot.ino)) {
                    (Some((name, deleted_ns)), Some(entry)) => {
                        found.push(InTrash { place, was: child(&path, name), deleted_ns, entry });
                    }
                    _ if state.live.is_dir(slot.ino) => todo.push((slot.ino, place)),
                    _ => {}
                }
            }
        }
        found
    }

    pub(super) fn trash_look(&self, place: &RelPath) -> Option<Entry> {
        let state = self.lock();
        let (_, slot) = self.trash_slot(&state, place)?;
        self.entry_of(&state, slot.ino)
    }

    pub(super) fn trash_restore(
        &self,
        from: &RelPath,
        version: &Entry,
        at: &RelPath,
        expect: &Expect,
        displaced: Displaced,
    ) -> Result<Installed, Problem> {
        const OP: Operation = Operation::Restore;
        self.step(OP, at, "restore")?;
        let mut state = self.lock();
        let gone =
            || Problem::new(OP, at, ProblemKind::NotFound, "the trash no longer holds that version of it");
        let (dir, slot) = self.trash_slot(&state, from).ok_or_else(gone)?;
        let ino = slot.ino;
        let held = self.entry_of(&state, ino).ok_or_else(gone)?;
        if !version.is_same_version_moved(&held) || version.attributes.differ(held.attributes) {
            return Err(gone());
        }
        let mut change = Change::new().slot(dir, &self.key(&slot.name), None);
        let mut trashed = None;
        let place = match expect {
            Expect::Absent => {
                let place = self.place_for(&state, OP, at)?;
                if place.slot.is_some() {
                    return Err(Problem::stale(OP, at, "something is there now"));
                }
                place
            }
            Expect::Is(old) => {
                let (place, old_ino) = self.expected(&state, OP, at, old)?;
                if old.is_dir() || held.is_dir() {
                    let words = "a directory takes no other's place, and gives none";
                    return Err(Problem::new(OP, at, ProblemKind::Unsupported, words));
                }
                Self::refuse_held(&state, OP, at, old_ino)?;
                if let Displaced::Trash(stamp) = displaced {
                    let (dir, path) = self.trash_place(&mut state, stamp.0, at);
                    let slot = Slot { name: path.name().into(), ino: old_ino };
                    change = change.slot(dir, &self.key(path.name()), Some(slot));
                    trashed = Some(Trashed { path });
                }
                change = state.touching(change, old_ino);
                place
            }
        };
        let change = change.slot(place.dir, &place.key, Some(Slot { name: self.shown(at.name()), ino }));
        let change = state.touching(change, ino);
        state.commit(change);
        state.stir(place.dir);
        let entry = self.entry_or_stale(&state, OP, at, ino)?;
        Ok(Installed { entry, trashed })
    }

    pub(super) fn trash_purge(&self, place: &RelPath) -> Result<bool, Problem> {
        const OP: Operation = Operation::Purge;
        if parse(place.name()).is_none() {
            return Err(Problem::new(OP, place, ProblemKind::Unsupported, "its name is not of our making"));
        }
        self.step(OP, place, "purge")?;
        let mut state = self.lock();
        let Some((dir, slot)) = self.trash_slot(&state, place) else { return Ok(false) };
        state.commit(Change::new().slot(dir, &self.key(&slot.name), None));
        for above in place.ancestors().filter(|above| !above.is_root()) {
            let Some((dir, slot)) = self.trash_slot(&state, &above) else { break };
            if parse(&slot.name).is_some() || state.live.children(slot.ino).next().is_some() {
                break;
            }
            state.commit(Change::new().slot(dir, &self.key(&slot.name), None));
        }
        Ok(true)
    }
}
