//! Random bigger trees, edited on both sides over several rounds.
//!
//! Owns [`Script`]: a list of numbered edits that can be replayed on any tree, so that a failing one is shrunk by
//! leaving edits out. `BOTHWAYS_SEED` gives the first seed and `BOTHWAYS_CASES` the number of cases; a failure
//! prints its seed and the smallest script found.

use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use sync_core::abilities::{Abilities, AttributeKind, NameRules};
use sync_core::entry::Kind;
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::policy::{ConflictPolicy, FirstMatch, Policy};
use sync_core::side::{Side, Sides};

use crate::checks::{Adopted, Care, cycle, tell};
use crate::interrupted::stop_everywhere;
use crate::parts::take_parts;
use crate::replica::{Node, Replica, START_NS, STEP_NS, is_hidden};
use crate::world::World;

/// A small generator of our own, so that a seed means the same on every machine and in every version.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound as u64) as usize
    }
}

/// One edit by a user; its numbers are looked up in the tree as it then is.
#[derive(Clone, Copy, Debug)]
struct Edit {
    side: Side,
    what: What,
    which: usize,
    whither: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum What {
    NewFile,
    NewDir,
    NewLink,
    Rewrite,
    Replace,
    Touch,
    Mode,
    Delete,
    Move,
    Case,
    Copy,
    Become,
    Hide,
    Blind,
    See,
}

/// How often each comes up.
const MIX: [(What, usize); 15] = [
    (What::NewFile, 16),
    (What::NewDir, 8),
    (What::NewLink, 3),
    (What::Rewrite, 10),
    (What::Replace, 5),
    (What::Touch, 4),
    (What::Mode, 4),
    (What::Delete, 12),
    (What::Move, 22),
    (What::Case, 7),
    (What::Copy, 6),
    (What::Become, 6),
    (What::Hide, 2),
    (What::Blind, 3),
    (What::See, 4),
];

const NAMES: [&str; 8] = ["a", "b", "c", "A", "B", "d.txt", "e", "D.txt"];

#[derive(Clone, Debug)]
struct Script {
    pair: usize,
    policy: Policy,
    rounds: Vec<Vec<Edit>>,
}

const PAIRS: usize = 9;

fn abilities(pair: usize) -> Sides<Abilities> {
    let full = Abilities::FULL;
    let folding = Abilities { equivalence: Equivalence { case: true, form: true }, ..full.clone() };
    let like_fat = Abilities {
        mtime_precision_ns: 2_000_000_000,
        attributes: AttributeKind::None,
        xattrs: false,
        symlinks: false,
        hard_links: false,
        exchange: false,
        file_ids: false,
        ctimes: false,
        names: NameRules::WINDOWS,
        ..folding.clone()
    };
    let like_ntfs = Abilities { mtime_precision_ns: 100, attributes: AttributeKind::None, ..folding.clone() };
    let lower = Abilities { shows_spelling: false, ..folding.clone() };
    let without_numbers = Abilities { file_ids: false, ..full.clone() };
    let forgetful = Abilities { keeps_mtime: false, ..full.clone() };
    let (left, right) = match pair {
        0 => (full.clone(), full),
        1 => (full, folding),
        2 => (folding.clone(), folding.clone()),
        3 => (full, like_fat.clone()),
        4 => (like_ntfs, full),
        5 => (without_numbers.clone(), without_numbers),
        6 => (full, forgetful),
        7 => (full, lower),
        _ => (Abilities { shows_spelling: false, ..like_fat }, folding),
    };
    Sides { left, right }
}

fn invent(seed: u64) -> Script {
    let mut dice = Dice(seed);
    let pair = dice.below(PAIRS);
    let choice = |dice: &mut Dice| match dice.below(6) {
        0 => ConflictPolicy::Notify,
        1 => ConflictPolicy::Newer,
        _ => ConflictPolicy::Clash,
    };
    let policy = Policy {
        same_file_changed_both: choice(&mut dice),
        new_file_both_different: choice(&mut dice),
        properties_conflict_both: choice(&mut dice),
        tie_breaker: Side::BOTH[dice.below(2)],
        first_match: if dice.below(2) == 0 { FirstMatch::Metadata } else { FirstMatch::Digest },
        ..Policy::default()
    };
    let faults = dice.below(4) == 0;
    let rounds = (0..4)
        .map(|round| {
            let count = if round == 0 { 10 + dice.below(8) } else { 1 + dice.below(7) };
            (0..count).map(|_| edit(&mut dice, round == 0, faults)).collect()
        })
        .collect();
    Script { pair, policy, rounds }
}

fn edit(dice: &mut Dice, first: bool, faults: bool) -> Edit {
    // The first round mostly fills the left side; the first cycle then brings both together.
    let side = if first && dice.below(4) != 0 { Side::Left } else { Side::BOTH[dice.below(2)] };
    let total: usize = MIX.iter().map(|(_, weight)| weight).sum();
    let mut roll = dice.below(total);
    let mut what = What::NewFile;
    for (one, weight) in MIX {
        if roll < weight {
            what = one;
            break;
        }
        roll -= weight;
    }
    if first && dice.below(3) != 0 {
        what = if dice.below(3) == 0 { What::NewDir } else { What::NewFile };
    }
    if !faults && what == What::Blind {
        what = What::Rewrite;
    }
    Edit { side, what, which: dice.below(1 << 20), whither: dice.below(1 << 20) }
}

/// The users of both sides at work.
struct Users {
    /// Contents and times are counted up, so that no two edits make the same.
    count: u32,
}

impl Users {
    fn apply(&mut self, world: &mut World, edit: Edit) {
        self.count += 1;
        let mtime = START_NS + i64::from(self.count) * STEP_NS;
        let replica = &mut world.sides[edit.side];
        let reach: Vec<RelPath> = replica
            .tree
            .keys()
            .filter(|path| path.name() != b"zz")
            .filter(|path| !path.ancestors().any(|dir| replica.unreadable.contains(&dir)))
            .cloned()
            .collect();
        let files: Vec<RelPath> =
            reach.iter().filter(|path| replica.tree[*path].kind == Kind::File).cloned().collect();
        let dirs: Vec<RelPath> = std::iter::once(RelPath::root())
            .chain(reach.iter().filter(|path| replica.is_dir(path) && path.depth() < 4).cloned())
            .filter(|path| !replica.unreadable.contains(path) && !replica.unobserved.contains(path))
            .collect();
        let pick = |list: &[RelPath]| list.get(edit.which % list.len().max(1)).cloned();
        let name = NAMES[edit.whither % NAMES.len()];
        let dir = &dirs[(edit.whither / NAMES.len()) % dirs.len()];
        let Ok(new) = dir.join(name.as_bytes()) else { return };
        match edit.what {
            What::NewFile => self.put(replica, &new, Kind::File, mtime),
            What::NewDir => self.put(replica, &new, Kind::Dir, mtime),
            What::NewLink => self.put(replica, &new, Kind::Symlink, mtime),
            What::Rewrite => {
                let Some(at) = pick(&files) else { return };
                let ctime = replica.tick();
                if let Some(node) = replica.tree.get_mut(&at) {
                    (node.content, node.mtime, node.ctime) =
                        (self.count, rounded(replica_precision(&replica.abilities), mtime), ctime);
                }
            }
            What::Replace => {
                let Some(at) = pick(&files) else { return };
                let _ = replica.take(&at, false);
                self.put(replica, &at, Kind::File, mtime);
            }
            What::Touch => {
                let Some(at) = pick(&files) else { return };
                let _ = replica.set(&at, Some(mtime), replica.tree[&at].mode);
            }
            What::Mode => {
                let Some(at) = pick(&reach) else { return };
                let node = replica.tree[&at];
                if node.kind != Kind::Symlink {
                    let _ = replica.set(&at, None, node.mode ^ 0o040);
                }
            }
            What::Delete => {
                if let Some(at) = pick(&reach) {
                    delete(replica, &at);
                }
            }
            What::Move => {
                if let Some(at) = pick(&reach).filter(|at| !new.starts_with(at)) {
                    let _ = replica.rename(&at, &new);
                }
            }
            What::Case => {
                let Some(at) = pick(&reach) else { return };
                let mut name = at.name().to_vec();
                for byte in &mut name {
                    *byte ^= if byte.is_ascii_alphabetic() { 0x20 } else { 0 };
                }
                if let Ok(to) = at.with_name(&name) {
                    let _ = replica.rename(&at, &to);
                }
            }
            What::Copy => {
                let Some(at) = pick(&files) else { return };
                let node = Node { ctime: replica.tick(), id: replica.new_id(), ..replica.tree[&at] };
                let _ = replica.put(&new, node);
            }
            What::Become => {
                let Some(at) = pick(&reach) else { return };
                let was = replica.tree[&at].kind;
                delete(replica, &at);
                self.put(replica, &at, if was == Kind::Dir { Kind::File } else { Kind::Dir }, mtime);
            }
            What::Hide => {
                if let Ok(hidden) = dir.join(b"hidden.tmp") {
                    self.put(replica, &hidden, Kind::File, mtime);
                }
            }
            What::Blind => {
                let Some(at) = pick(&reach).filter(|at| !at.components().any(is_hidden)) else { return };
                let blind =
                    if replica.is_dir(&at) { &mut replica.unreadable } else { &mut replica.unobserved };
                blind.insert(at);
            }
            What::See => {
                replica.unreadable.clear();
                replica.unobserved.clear();
            }
        }
    }

    fn put(&self, replica: &mut Replica, at: &RelPath, kind: Kind, mtime: i64) {
        let mode = if kind == Kind::Dir { 0o755 } else { 0o644 };
        let content = if kind == Kind::Dir { 0 } else { self.count };
        let keeps = std::mem::replace(&mut replica.abilities.keeps_mtime, true);
        let node = replica.fresh(kind, content, mtime, mode);
        replica.abilities.keeps_mtime = keeps;
        let _ = replica.put(at, node);
    }
}

fn replica_precision(abilities: &Abilities) -> i64 {
    i64::try_from(abilities.mtime_precision_ns.max(1)).unwrap_or(1)
}

fn rounded(precision: i64, mtime: i64) -> i64 {
    mtime - mtime.rem_euclid(precision)
}

fn delete(replica: &mut Replica, at: &RelPath) {
    for path in replica.below(at) {
        replica.tree.remove(&path);
        replica.unobserved.remove(&path);
        replica.unreadable.remove(&path);
    }
}

/// What is done with each world besides the cycle itself, and how often it was.
#[derive(Clone, Copy)]
enum Besides<'a> {
    Nothing,
    Stops(&'a AtomicU64),
    Parts(&'a AtomicU64),
}

/// Plays a script; an error says in which round what went wrong.
fn play(script: &Script, besides: Besides<'_>) -> Result<(), String> {
    let mut world = World::new(abilities(script.pair));
    world.policy = script.policy.clone();
    for side in Side::BOTH {
        let anchor = world.sides[side].fresh(Kind::File, 1, START_NS, 0o644);
        let _ = world.sides[side].put(&RelPath::try_from("zz").map_err(|why| why.to_string())?, anchor);
    }
    let mut users = Users { count: 1 };
    let mut adopted = Adopted::new();
    for (round, edits) in script.rounds.iter().enumerate() {
        for edit in edits {
            users.apply(&mut world, *edit);
        }
        // A cycle ends in a state that the next one starts from, with the same clock.
        let tell = |why: String| format!("round {round}: {why}");
        match besides {
            Besides::Nothing => {}
            Besides::Stops(count) => {
                count.fetch_add(stop_everywhere(&world).map_err(tell)? as u64, Ordering::Relaxed);
            }
            Besides::Parts(count) => {
                count.fetch_add(take_parts(&world).map_err(tell)? as u64, Ordering::Relaxed);
            }
        }
        cycle(&mut world, &mut adopted, Care::Thorough).map_err(tell)?;
    }
    Ok(())
}

fn fails(script: &Script, besides: Besides<'_>) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| play(script, besides))) {
        Ok(Ok(())) => None,
        Ok(Err(why)) => Some(why),
        Err(_) => Some("the core panicked".into()),
    }
}

/// Leaves out one edit after the other as long as it still fails.
fn shrink(mut script: Script, mut why: String, besides: Besides<'_>) -> (Script, String) {
    loop {
        let mut smaller = None;
        'search: for round in 0..script.rounds.len() {
            for at in (0..script.rounds[round].len()).rev() {
                let mut less = script.clone();
                less.rounds[round].remove(at);
                if let Some(still) = fails(&less, besides) {
                    smaller = Some((less, still));
                    break 'search;
                }
            }
        }
        match smaller {
            Some(less) => (script, why) = less,
            None => return (script, why),
        }
    }
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn prove(name: &str, default_cases: u64, besides: Besides<'_>) {
    let first = number_from("BOTHWAYS_SEED").unwrap_or(1);
    let cases = number_from("BOTHWAYS_CASES").unwrap_or(default_cases);
    let next = AtomicU64::new(first);
    let failed: Mutex<Option<(u64, Script, String)>> = Mutex::new(None);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + cases || lock(&failed).is_some() {
                return;
            }
            let script = invent(seed);
            if let Some(why) = fails(&script, besides) {
                lock(&failed).get_or_insert((seed, script, why));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(work);
        }
    });
    let counted = match besides {
        Besides::Nothing => String::new(),
        Besides::Stops(count) => format!(", {} stops", count.load(Ordering::Relaxed)),
        Besides::Parts(count) => format!(", {} parts", count.load(Ordering::Relaxed)),
    };
    tell(&format!(
        "random, {name}: {cases} cases{counted} from seed {first} (BOTHWAYS_SEED, BOTHWAYS_CASES)"
    ));
    let Some((seed, script, why)) = lock(&failed).take() else { return };
    let (script, why) = shrink(script, why, besides);
    let mut text = String::new();
    for (round, edits) in script.rounds.iter().enumerate() {
        for edit in edits {
            let _ = writeln!(text, "  round {round}: {edit:?}");
        }
    }
    panic!(
        "BOTHWAYS_SEED={seed} BOTHWAYS_CASES=1 fails; pair {}, smallest script:\n{text}{why}",
        script.pair
    );
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn random_trees_converge() {
    prove("a first meeting and three rounds", 20_000, Besides::Nothing);
}

#[test]
fn random_trees_survive_a_stop_at_every_step() {
    prove("stopped at every step", 2_500, Besides::Stops(&AtomicU64::new(0)));
}

#[test]
fn random_trees_take_parts_of_a_plan() {
    prove("parts of every plan", 4_000, Besides::Parts(&AtomicU64::new(0)));
}
