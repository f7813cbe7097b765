//! A replica in memory, for tests: it does what it is told to be able to do, and fails where it is told to fail.
//!
//! Owns [`MemoryReplica`], a whole side behind one lock, shared by its clones. Three kinds of hands change it:
//!
//! - the program, through the [`Replica`](crate::Replica) trait;
//! - a *user* of the folder, through the editing calls (`write`, `rename`, `remove`, …), which count no steps,
//!   never fail by injection, and are durable at once;
//! - the test, through [`Faults`]: failures at a step, kills, power cuts (what those may take is told in
//!   `journal.rs`), and [`MemoryReplica::between`], which lets the user act just before any step.
//!
//! A *step* is the entry of a trait call (`call`) and every change of the visible tree, the staging area, the
//! trash or the marker on its own, and each read and confirmation of an open source. A replacing change is made
//! as a careful real side makes it: noted, exchanged, compared afterwards, finished or taken back; so a kill in
//! between leaves work for `recover`.
//!
//! Must never be used outside of tests: a mistake of the test (a path that is none, a parent that is a file) is a
//! panic with words.
//!
//! The user's hands and the program's share the names `remove` and `rename`: on a `MemoryReplica` itself they are
//! the user's, on a `&dyn Replica` the program's.
//!
//! Start with [`MemoryReplica::new`]; `actions.rs` holds the trait, `replacing.rs` and `displace.rs` the replacing.

mod actions;
mod displace;
mod faults;
mod journal;
pub mod kinds;
mod partial;
mod reading;
mod replacing;
mod scanning;
mod trash;
mod tree;
mod user;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sync_core::abilities::Abilities;
use sync_core::entry::{Attributes, Entry};
use sync_core::path::RelPath;

pub use faults::{End, Faults, Injected, Step};
pub use user::{Node, ToRelPath};

use crate::problem::{Operation, Problem, ProblemKind};
use crate::source::Properties;
use journal::{Change, Journal};
use tree::{Body, FIRST_FREE, Ino, Inode, Key, ROOT, Slot, Tree};

/// 2026-01-01, where every clock starts.
const CLOCK_START_NS: i64 = 1_767_225_600_000_000_000;
/// How far each change moves the clock.
const TICK_NS: i64 = 1_000;
/// Names in the root that are the replica's own.
const OWN_NAMES: [&[u8]; 2] = [b".bothways", b".sync_trash"];

type Hook = Arc<dyn Fn(&MemoryReplica, &Step) + Send + Sync>;

/// One side in memory.
#[derive(Clone)]
pub struct MemoryReplica {
    shared: Arc<Shared>,
}

struct Shared {
    abilities: Abilities,
    faults: Faults,
    state: Mutex<State>,
    hook: Mutex<Option<Hook>>,
}

#[derive(Clone)]
struct State {
    live: Tree,
    journal: Journal,
    clock: i64,
    next: Ino,
    unreadable: BTreeSet<Ino>,
    held: BTreeSet<Ino>,
    /// Open for writing by somebody.
    writing: BTreeSet<Ino>,
    tells_writers: bool,
    busy: partial::Busy,
    root_gone: bool,
    capacity: Option<u64>,
    /// The process this replica belongs to.
    boot: u64,
    hasty: u64,
}

/// Where a path leads within its directory.
#[derive(Clone, Debug)]
struct Place {
    dir: Ino,
    key: Key,
    slot: Option<Slot>,
}

impl MemoryReplica {
    /// An empty side that can do what `abilities` say.
    pub fn new(abilities: Abilities) -> Self {
        Self::with_faults(abilities, Faults::new())
    }

    /// An empty side that shares its steps and its end with whatever else holds `faults`.
    pub fn with_faults(abilities: Abilities, faults: Faults) -> Self {
        let live = Tree::new(CLOCK_START_NS);
        let boot = faults.boot();
        Self::build(
            abilities,
            faults,
            State {
                journal: Journal::new(&live),
                live,
                clock: CLOCK_START_NS,
                next: FIRST_FREE,
                unreadable: BTreeSet::new(),
                held: BTreeSet::new(),
                writing: BTreeSet::new(),
                tells_writers: true,
                busy: partial::Busy::default(),
                root_gone: false,
                capacity: None,
                boot,
                hasty: 0,
            },
        )
    }

    fn build(abilities: Abilities, faults: Faults, state: State) -> Self {
        let state = Mutex::new(state);
        Self { shared: Arc::new(Shared { abilities, faults, state, hook: Mutex::new(None) }) }
    }

    /// An independent side in the very same state, numbers, clock, and what is not yet durable included; without
    /// the hook.
    pub fn fork(&self, faults: Faults) -> Self {
        let mut state = self.lock().clone();
        state.boot = faults.boot();
        state.busy = partial::Busy::default();
        Self::build(self.shared.abilities.clone(), faults, state)
    }

    /// The steps and failures of this replica's process.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Makes the `n`-th step fail; see [`Faults::fail_at`].
    pub fn fail_at(&self, n: u64, kind: ProblemKind) {
        self.shared.faults.fail_at(n, kind);
    }

    /// Kills the process before its `n`-th step; see [`Faults::crash_at`].
    pub fn crash_at(&self, n: u64) {
        self.shared.faults.crash_at(n);
    }

    /// Cuts the power before the `n`-th step; see [`Faults::power_cut_at`].
    pub fn power_cut_at(&self, n: u64, seed: u64) {
        self.shared.faults.power_cut_at(n, seed);
    }

    /// Steps taken; see [`Faults::steps`].
    pub fn steps(&self) -> u64 {
        self.shared.faults.steps()
    }

    /// Whether the process has ended.
    pub fn is_crashed(&self) -> bool {
        self.shared.faults.is_crashed() || self.lock().boot != self.shared.faults.boot()
    }

    /// Starts the next process on what the last one left on the disk. Handles of the last one are dead. After a
    /// power cut, now is when unsynced changes are lost. Every replica that shares the [`Faults`] is to be revived.
    pub fn revive(&self) {
        let mut state = self.lock();
        let (boot, end) = self.shared.faults.revive(state.boot);
        state.boot = boot;
        if let End::PowerCut { seed } = end {
            let tree = state.journal.cut(seed);
            state.journal = Journal::new(&tree);
            state.live = tree;
        }
        state.held.clear();
        state.busy = partial::Busy::default();
    }

    /// Calls `user` before every step, without any lock held. Steps that `user` takes itself through the trait are
    /// not counted and cannot fail by injection.
    pub fn between(&self, user: impl Fn(&Self, &Step) + Send + Sync + 'static) {
        *self.shared.hook.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(user));
    }

    /// Ends what [`MemoryReplica::between`] began.
    pub fn undisturbed(&self) {
        *self.shared.hook.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// How often a version was replaced by a copy that was not settled, against the contract.
    pub fn hasty_installs(&self) -> u64 {
        self.lock().hasty
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn able(&self) -> &Abilities {
        &self.shared.abilities
    }

    fn key(&self, name: &[u8]) -> Key {
        self.able().equivalence.key(name).into()
    }

    /// A name as the side shows it.
    fn shown(&self, name: &[u8]) -> Key {
        if self.able().shows_spelling { name.into() } else { self.key(name) }
    }

    /// Takes a step: lets the user act, then happens or fails.
    fn step(&self, operation: Operation, at: &RelPath, what: &'static str) -> Result<(), Problem> {
        if hook_depth::inside() {
            return Ok(());
        }
        let faults = &self.shared.faults;
        let number = faults.begin().map_err(|injected| injected.problem(operation, at))?;
        let step = Step { number, operation, what, path: at.clone() };
        faults.note(&step);
        let hook = self.shared.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(hook) = hook {
            hook_depth::within(|| hook(self, &step));
        }
        faults.judge(number).map_err(|injected| injected.problem(operation, at))?;
        let state = self.lock();
        if state.boot != faults.boot() {
            return Err(Injected { kind: None, number }.problem(operation, at));
        }
        if state.root_gone {
            return Err(Problem::new(operation, at, ProblemKind::RootGone, "the root is away"));
        }
        Ok(())
    }

    fn is_own(&self, at: &RelPath) -> bool {
        at.components()
            .next()
            .is_some_and(|first| OWN_NAMES.iter().any(|own| self.key(own) == self.key(first)))
    }

    /// Where `at` leads. None when its parent is not there, is no directory, or lies behind a link.
    fn place(&self, state: &State, operation: Operation, at: &RelPath) -> Result<Option<Place>, Problem> {
        if self.is_own(at) {
            let words = "the name is the replica's own";
            return Err(Problem::new(operation, at, ProblemKind::Unsupported, words));
        }
        let mut dir = ROOT;
        let mut names = at.components().peekable();
        while let Some(name) = names.next() {
            if state.unreadable.contains(&dir) {
                let words = "the directory above cannot be read";
                return Err(Problem::new(operation, at, ProblemKind::PermissionDenied, words));
            }
            let key = self.key(name);
            let slot = state.live.slots.get(&(dir, key.clone())).cloned();
            if names.peek().is_none() {
                return Ok(Some(Place { dir, key, slot }));
            }
            match slot {
                Some(slot) if state.live.is_dir(slot.ino) => dir = slot.ino,
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// As [`Self::place`]; a missing parent is a problem.
    fn place_for(&self, state: &State, operation: Operation, at: &RelPath) -> Result<Place, Problem> {
        self.place(state, operation, at)?
            .ok_or_else(|| Problem::new(operation, at, ProblemKind::NotFound, "its directory is not there"))
    }

    /// The number and the slot's place at a path, if it is the expected version.
    fn expected(
        &self,
        state: &State,
        operation: Operation,
        at: &RelPath,
        expect: &Entry,
    ) -> Result<(Place, Ino), Problem> {
        let gone = || Problem::stale(operation, at, "it is gone");
        if at.is_root() {
            let place = Place { dir: ROOT, key: Key::default(), slot: None };
            return Ok((place, ROOT));
        }
        let place = self.place(state, operation, at)?.ok_or_else(gone)?;
        let ino = place.slot.as_ref().ok_or_else(gone)?.ino;
        match self.entry_of(state, ino) {
            Some(now) if expect.is_same_version(&now) => Ok((place, ino)),
            Some(now) => Err(Problem::stale(operation, at, &format!("{} of {} bytes", now.kind, now.size))),
            None => Err(Problem::stale(operation, at, "it is no file, directory or link any more")),
        }
    }

    fn entry_of(&self, state: &State, ino: Ino) -> Option<Entry> {
        state.live.inodes.get(&ino)?.entry(ino, self.able())
    }

    fn refuse_held(state: &State, operation: Operation, at: &RelPath, ino: Ino) -> Result<(), Problem> {
        if state.held.contains(&ino) {
            return Err(Problem::new(operation, at, ProblemKind::InUse, "somebody holds it open"));
        }
        Ok(())
    }

    /// Whether the side can hold the last name of a path.
    fn check_name(&self, operation: Operation, at: &RelPath) -> Result<(), Problem> {
        let rules = &self.able().names;
        rules.check(at.name()).map_err(|words| {
            let long = at.name().len() > usize::from(rules.max_bytes)
                || String::from_utf8_lossy(at.name()).encode_utf16().count() > usize::from(rules.max_utf16);
            let kind = if long { ProblemKind::NameTooLong } else { ProblemKind::Unsupported };
            Problem::new(operation, at, kind, words)
        })
    }

    /// A modification time as the side keeps it.
    fn kept_mtime(&self, wanted: i64, now: i64) -> i64 {
        let step = i64::try_from(self.able().mtime_precision_ns.max(1)).unwrap_or(i64::MAX);
        let exact = if self.able().keeps_mtime { wanted } else { now };
        exact.div_euclid(step).saturating_mul(step)
    }

    /// Sets properties on a file that is not yet, or no longer, the user's to see.
    fn dress(&self, inode: &mut Inode, properties: &Properties, now: i64) {
        self.dress_bits(inode, properties.attributes);
        if let (true, Some(xattrs)) = (self.able().xattrs, &properties.xattrs) {
            inode.xattrs = xattrs.clone();
        }
        if inode.body != Body::Dir {
            inode.mtime_ns = self.kept_mtime(properties.mtime_ns, now);
        }
    }

    fn dress_bits(&self, inode: &mut Inode, attributes: Attributes) {
        use sync_core::abilities::AttributeKind as Held;
        match (attributes, self.able().attributes) {
            (Attributes::Unix(bits), Held::Unix) | (Attributes::Windows(bits), Held::Windows) => {
                inode.bits = bits;
            }
            _ => {}
        }
    }

    fn default_bits(&self, body: &Body) -> u16 {
        match (self.able().attributes, body) {
            (sync_core::abilities::AttributeKind::Unix, Body::Dir) => 0o755,
            (sync_core::abilities::AttributeKind::Unix, _) => 0o644,
            _ => 0,
        }
    }
}

impl State {
    /// The next moment; no two changes share one.
    fn now(&mut self) -> i64 {
        self.clock += TICK_NS;
        self.clock
    }

    /// A new number.
    fn number(&mut self) -> Ino {
        self.next += 1;
        self.next
    }

    fn commit(&mut self, change: Change) {
        self.journal.commit(&mut self.live, change);
    }

    /// The inode as it is after a change of its names.
    fn touched(&mut self, ino: Ino) -> Option<Inode> {
        let now = self.now();
        let mut inode = self.live.inodes.get(&ino)?.clone();
        inode.ctime_ns = now;
        Some(inode)
    }

    /// Adds to `change` that the file's change time moves.
    fn touching(&mut self, change: Change, ino: Ino) -> Change {
        match self.touched(ino) {
            Some(inode) => change.inode(ino, inode),
            None => change,
        }
    }

    /// The directory above a place has changed. Its times are nobody's fingerprint, so this is no change of the
    /// journal's.
    fn stir(&mut self, dir: Ino) {
        let clock = self.clock;
        if let Some(inode) = self.live.inodes.get_mut(&dir) {
            inode.mtime_ns = clock;
        }
    }

    /// Bytes that lie in files that have a name.
    fn used(&self) -> u64 {
        let alive = self.live.reachable();
        alive.iter().filter_map(|ino| self.live.inodes.get(ino)).map(Inode::size).sum()
    }
}

/// The child of a directory under a name that is in use, and so is one.
fn child(dir: &RelPath, name: &[u8]) -> RelPath {
    dir.join(name).unwrap_or_else(|_| dir.clone())
}

/// Whether this thread is inside a hook.
mod hook_depth {
    use std::cell::Cell;

    thread_local! {
        static INSIDE: Cell<bool> = const { Cell::new(false) };
    }

    pub(super) fn inside() -> bool {
        INSIDE.get()
    }

    pub(super) fn within(hook: impl FnOnce()) {
        struct Leave;
        impl Drop for Leave {
            fn drop(&mut self) {
                INSIDE.set(false);
            }
        }
        INSIDE.set(true);
        let _leave = Leave;
        hook();
    }
}
