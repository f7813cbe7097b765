//! What a power cut takes back.
//!
//! Owns [`Journal`]: the changes since the last flush. The model:
//!
//! - A *change* (a name made, moved, exchanged or taken away; properties set) is atomic: it is there or it is not.
//! - Until a flush, each change may be lost, independently of all others, except that changes which touch a common
//!   name or a common file keep their order, that nothing can be in a directory before the directory is, that a
//!   directory goes after what was in it, and that moves of directories keep their order among themselves. So an
//!   unflushed rename may be undone, whole; a later one may survive it when they have nothing in common.
//! - A *content* that was not settled may, whether or not the name it lies under survived, be whole, empty, cut
//!   short, or of its full size with zeros at its end.
//! - The note that goes with a slot of the staging area counts as part of the slot's name: it keeps its order with
//!   whatever is put there. A real side that keeps such notes in files of their own has to make them durable first.
//! - The note of a partial copy is a file of its own: it may be there without its copy, and an older one beside it.
//! - What a user did by the editing calls is durable at once, with every change it needs.
//! - What was flushed is there, and a content that was settled is whole wherever its name is.
//!
//! Must never lose a change that was flushed, nor tear one into halves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::tree::{Body, Claim, Ino, Inode, Key, Note, PARTIAL, STAGING, Slot, Tree};
use crate::marker::Marker;

/// One assignment of a change.
#[derive(Clone, Debug)]
pub(super) enum Write {
    Slot(Ino, Key, Option<Slot>),
    Inode(Ino, Inode),
    Note(Key, Option<Note>),
    Claim(Key, Option<Claim>),
    Marker(Option<Marker>),
}

/// What happens at once or not at all.
#[derive(Clone, Debug, Default)]
pub(super) struct Change {
    writes: Vec<Write>,
    /// Durable as soon as it is made.
    pub synced: bool,
}

impl Change {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn slot(mut self, dir: Ino, key: &[u8], slot: Option<Slot>) -> Self {
        self.writes.push(Write::Slot(dir, key.into(), slot));
        self
    }

    pub(super) fn inode(mut self, ino: Ino, inode: Inode) -> Self {
        self.writes.push(Write::Inode(ino, inode));
        self
    }

    pub(super) fn note(mut self, key: &[u8], note: Option<Note>) -> Self {
        self.writes.push(Write::Note(key.into(), note));
        self
    }

    pub(super) fn claim(mut self, key: &[u8], claim: Option<Claim>) -> Self {
        self.writes.push(Write::Claim(key.into(), claim));
        self
    }

    pub(super) fn marker(mut self, marker: Option<Marker>) -> Self {
        self.writes.push(Write::Marker(marker));
        self
    }

    pub(super) fn synced(mut self) -> Self {
        self.synced = true;
        self
    }

    fn apply(&self, tree: &mut Tree) {
        for write in &self.writes {
            match write.clone() {
                Write::Slot(dir, key, Some(slot)) => {
                    tree.slots.insert((dir, key), slot);
                }
                Write::Slot(dir, key, None) => {
                    tree.slots.remove(&(dir, key));
                }
                Write::Inode(ino, inode) => {
                    tree.inodes.insert(ino, inode);
                }
                Write::Note(key, Some(note)) => {
                    tree.notes.insert(key, note);
                }
                Write::Note(key, None) => {
                    tree.notes.remove(&key);
                }
                Write::Claim(key, Some(claim)) => {
                    tree.claims.insert(key, claim);
                }
                Write::Claim(key, None) => {
                    tree.claims.remove(&key);
                }
                Write::Marker(marker) => tree.marker = marker,
            }
        }
    }
}

/// What two changes can have in common.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Common {
    Slot(Ino, Key),
    Claim(Key),
    Inode(Ino),
    Marker,
    DirMoves,
}

#[derive(Clone, Debug)]
struct Logged {
    change: Change,
    /// Earlier changes without which this one cannot be.
    needs: BTreeSet<usize>,
}

/// The changes since the last flush, and the tree as it was then.
#[derive(Clone, Debug)]
pub(super) struct Journal {
    durable: Tree,
    log: Vec<Logged>,
    last: BTreeMap<Common, usize>,
    births: BTreeMap<Ino, usize>,
    /// When something new first got a name that a user can see.
    named: BTreeMap<Ino, usize>,
    inside: BTreeMap<Ino, Vec<usize>>,
    /// Contents that were written and not settled.
    unsettled: BTreeSet<Ino>,
}

impl Journal {
    pub(super) fn new(tree: &Tree) -> Self {
        Self {
            durable: tree.clone(),
            log: Vec::new(),
            last: BTreeMap::new(),
            births: BTreeMap::new(),
            named: BTreeMap::new(),
            inside: BTreeMap::new(),
            unsettled: BTreeSet::new(),
        }
    }

    /// Makes a change of the living tree and remembers it.
    pub(super) fn commit(&mut self, live: &mut Tree, change: Change) {
        let index = self.log.len();
        let mut needs = BTreeSet::new();
        let mut common = BTreeSet::new();
        for write in &change.writes {
            match write {
                Write::Slot(dir, key, slot) => {
                    common.insert(Common::Slot(*dir, key.clone()));
                    needs.extend(self.births.get(dir));
                    needs.extend(self.named.get(dir));
                    self.inside.entry(*dir).or_default().push(index);
                    let before = live.slots.get(&(*dir, key.clone())).map(|slot| slot.ino);
                    let after = slot.as_ref().map(|slot| slot.ino);
                    for ino in before.into_iter().chain(after) {
                        common.insert(Common::Inode(ino));
                        if live.is_dir(ino) {
                            common.insert(Common::DirMoves);
                        }
                    }
                    if let Some(ino) = after
                        && ![STAGING, PARTIAL].contains(dir)
                        && (self.births.contains_key(&ino) || !live.inodes.contains_key(&ino))
                    {
                        self.named.entry(ino).or_insert(index);
                    }
                    // A directory that loses this name may be on its way out: what left it has left before.
                    if let Some(inside) = before.and_then(|ino| self.inside.get(&ino)) {
                        needs.extend(inside);
                    }
                }
                Write::Inode(ino, _) => {
                    common.insert(Common::Inode(*ino));
                    if !live.inodes.contains_key(ino) {
                        self.births.insert(*ino, index);
                    }
                }
                Write::Note(key, _) => {
                    common.insert(Common::Slot(STAGING, key.clone()));
                }
                Write::Claim(key, _) => {
                    common.insert(Common::Claim(key.clone()));
                }
                Write::Marker(_) => {
                    common.insert(Common::Marker);
                }
            }
        }
        for common in common {
            needs.extend(self.last.insert(common, index));
        }
        needs.remove(&index);
        change.apply(live);
        self.log.push(Logged { change, needs });
    }

    /// A content was written that is not durable yet.
    pub(super) fn unsettle(&mut self, ino: Ino) {
        self.unsettled.insert(ino);
    }

    /// A content is durable.
    pub(super) fn settle(&mut self, ino: Ino) {
        self.unsettled.remove(&ino);
    }

    pub(super) fn is_settled(&self, ino: Ino) -> bool {
        !self.unsettled.contains(&ino)
    }

    /// Everything done so far is durable.
    pub(super) fn flush(&mut self) {
        for logged in self.log.drain(..) {
            logged.change.apply(&mut self.durable);
        }
        self.last.clear();
        self.births.clear();
        self.named.clear();
        self.inside.clear();
        self.unsettled.clear();
    }

    /// The tree after the power has gone, as `seed` decides.
    pub(super) fn cut(&mut self, seed: u64) -> Tree {
        let mut dice = Dice(seed);
        // Some seeds go to an extreme: the likeliest bugs show there.
        let luck = match dice.roll(5) {
            0 => Luck::Nothing,
            1 => Luck::Everything,
            2 => Luck::First(dice.roll(self.log.len() as u64 + 1) as usize),
            _ => Luck::Coin,
        };
        let mut tree = self.durable.clone();
        let required = self.required();
        let mut kept = BTreeSet::new();
        for (index, logged) in self.log.iter().enumerate() {
            let lucky = match luck {
                Luck::Nothing => false,
                Luck::Everything => true,
                Luck::First(count) => index < count,
                Luck::Coin => dice.roll(2) == 0,
            };
            if required.contains(&index) || (lucky && logged.needs.iter().all(|need| kept.contains(need))) {
                logged.change.apply(&mut tree);
                kept.insert(index);
            }
        }
        for ino in &self.unsettled {
            if let Some(Inode { body: Body::File(bytes), .. }) = tree.inodes.get_mut(ino) {
                *bytes = torn(bytes, &mut dice);
            }
        }
        tree.sweep();
        tree
    }

    /// The changes that are durable although nothing was flushed, with all that they need.
    fn required(&self) -> BTreeSet<usize> {
        let mut required = BTreeSet::new();
        for (index, logged) in self.log.iter().enumerate().rev() {
            if logged.change.synced || required.contains(&index) {
                required.insert(index);
                required.extend(&logged.needs);
            }
        }
        required
    }
}

#[derive(Clone, Copy)]
enum Luck {
    Nothing,
    Everything,
    First(usize),
    Coin,
}

/// A content that was not durable when the power went.
fn torn(bytes: &Arc<[u8]>, dice: &mut Dice) -> Arc<[u8]> {
    let cut = dice.roll(bytes.len() as u64 + 1) as usize;
    match dice.roll(4) {
        0 => Arc::clone(bytes),
        1 => Arc::default(),
        2 => bytes[..cut].into(),
        _ => {
            let mut zeroed = bytes.to_vec();
            zeroed[cut..].fill(0);
            zeroed.into()
        }
    }
}

/// Deterministic numbers (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides.max(1)
    }
}
