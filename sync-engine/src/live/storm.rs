//! A live session in a storm: two sides in memory that are edited all the time, fail, fill, go away and come back, while
//! the session is stopped, killed and given other configurations. When it is calm again, both sides must become the same
//! by themselves, a new plan must be empty, and every version must lie somewhere that nobody took away himself.
//!
//! The same seed makes the same weather; how the threads meet in it is another matter, so a seed that fails may need a few
//! runs to fail again (`BOTHWAYS_SEED=7`, `BOTHWAYS_STORMS=100`).
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking and prints its seed")]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sync_core::abilities::Abilities;
use sync_core::path::RelPath;
use sync_core::policy::{GuardPolicy, Policy, SoftDelete};
use sync_core::side::{Side, Sides};
use sync_replica::memory::{End, Faults, MemoryReplica, Node};
use sync_replica::{ProblemKind, Replica, ShowAll};
use sync_state::State;

use super::{LiveWatch, Reread, Settings, live_with};
use crate::config::{Config, Performance, WatchMode};
use crate::error::SessionError;
use crate::session::{Session, SessionOptions, SessionParts};
use crate::watch::{Silent, Watch};

/// From here on a file is large; a copy of less is not kept when it is interrupted.
const LARGE: usize = 2 << 20;
/// How long the weather is bad.
const STORM: Duration = Duration::from_millis(2500);
/// How long it may take until both sides are the same again.
const PATIENCE: Duration = Duration::from_secs(90);

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }

    fn side(&mut self) -> Side {
        Side::BOTH[self.roll(2)]
    }

    /// A path of a world of few names, so that things meet.
    fn path(&mut self) -> RelPath {
        let names = ["a", "b", "c", "d"];
        let depth = 1 + self.roll(3);
        let path: Vec<_> = (0..depth).map(|_| names[self.roll(names.len())]).collect();
        RelPath::try_from(path.join("/").as_str()).unwrap()
    }
}

/// Where the configuration comes from: another one, when there is one.
pub(super) struct Changing {
    pub(super) config: Config,
    next: Mutex<Option<Config>>,
}

impl Settings for Changing {
    fn current(&self) -> Config {
        self.config.clone()
    }

    fn changed(&self) -> Option<Reread> {
        let config = self.next.lock().unwrap().take()?;
        Some(Reread { asked: false, config: Ok(config) })
    }
}

pub(super) struct Stops(pub(super) AtomicBool);

impl Watch for Stops {
    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl LiveWatch for Stops {}

pub(super) struct World {
    pub(super) sides: Sides<MemoryReplica>,
    pub(super) settings: Changing,
    pub(super) guard: GuardPolicy,
    faults: Faults,
    folder: tempfile::TempDir,
    written: AtomicU64,
}

impl World {
    pub(super) fn new() -> Self {
        let faults = Faults::new();
        let sides = Sides::from_fn(|_| MemoryReplica::with_faults(Abilities::FULL, faults.clone()));
        let mut config = Config::for_roots("/left of a storm", "/right of a storm").unwrap();
        config.sync_interval = Duration::from_millis(50);
        config.live.debounce = Duration::from_millis(5);
        config.live.watch = Sides { left: WatchMode::Off, right: WatchMode::Off };
        config.live.scan_per_second = 2000;
        let settings = Changing { config, next: Mutex::new(None) };
        let guard = GuardPolicy { max_change_percent: 100, max_change_min_files: 10_000 };
        let folder = tempfile::tempdir().unwrap();
        Self { sides, settings, guard, faults, folder, written: AtomicU64::new(0) }
    }

    pub(super) fn options(&self) -> SessionOptions {
        SessionOptions { state_dir: Some(self.state()), ..SessionOptions::default() }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn open(&self) -> Result<Session, SessionError> {
        let mut policy = Policy {
            soft_delete: SoftDelete { enabled: true, max_size_bytes: u64::MAX },
            guard: self.guard,
            ..Policy::default()
        };
        // Whatever is replaced can be found again, so that what is lost shows.
        (policy.versions.enabled, policy.versions.max_size_bytes) = (true, u64::MAX);
        let performance = Performance {
            max_concurrent_copies: Some(2),
            large_file_bytes: LARGE as u64,
            ..Performance::default()
        };
        let parts = SessionParts {
            replicas: self.sides.as_ref().map(|side| Arc::new(side.clone()) as Arc<dyn Replica>),
            filter: Box::new(ShowAll),
            state: Some(State::open(&self.state())?.state),
            policy,
            performance,
        };
        Session::assemble(parts, &SessionOptions::default())
    }

    /// Lives until it is stopped; what ends a program is begun again, as whoever watches over it does.
    pub(super) fn live(&self, stops: &Stops, ends: &Mutex<Vec<String>>) {
        while !stops.is_cancelled() {
            let ended = live_with(&self.settings, &self.options(), stops, &|_, _| self.open());
            if let Err(error) = ended {
                ends.lock().unwrap().push(error.to_string());
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }

    fn calm(&self) {
        for side in Side::BOTH {
            self.sides[side].calm();
        }
    }

    /// A content that is found nowhere else.
    fn content(&self, dice: &mut Dice) -> Arc<[u8]> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let mut content = format!("version {number}, ").repeat(1 + dice.roll(4)).into_bytes();
        if dice.roll(12) == 0 {
            content.resize(LARGE + (dice.roll(3) << 19), b'.');
        }
        content.into()
    }

    /// One thing a user does. What he takes away himself need not be found again.
    fn edit(&self, dice: &mut Dice, owed: &mut BTreeSet<Arc<[u8]>>) {
        let side = &self.sides[dice.side()];
        let at = dice.path();
        let takes = |owed: &mut BTreeSet<Arc<[u8]>>, top: &RelPath| {
            let below = |path: &&RelPath| path.starts_with(top);
            for gone in side.files().iter().filter(|(path, _)| below(path)).map(|(_, content)| content) {
                owed.remove(gone);
            }
        };
        // What he cannot do, because something else has just come to be there, he does not do.
        match dice.roll(12) {
            0..=5 => {
                let content = self.content(dice);
                takes(owed, &at);
                if tried(|| side.write(&at, &content)) {
                    owed.insert(content);
                }
            }
            6..=7 => {
                takes(owed, &at);
                tried(|| side.remove_tree(&at));
            }
            8 => {
                tried(|| side.mkdir(&at));
            }
            9 => {
                let is_dir = matches!(side.node(&at), Some(Node::Dir { .. }));
                tried(|| side.chmod(&at, if is_dir { 0o755 } else { 0o640 }));
            }
            _ => {
                let to = dice.path();
                if side.node(&to).is_none() && !to.starts_with(&at) {
                    takes(owed, &to);
                    tried(|| side.rename(&at, &to));
                }
            }
        }
    }

    /// One thing that goes wrong.
    fn harm(&self, dice: &mut Dice) {
        let side = &self.sides[dice.side()];
        match dice.roll(14) {
            0..=3 => {
                let kinds = [
                    ProblemKind::Io,
                    ProblemKind::NoSpace,
                    ProblemKind::InUse,
                    ProblemKind::PermissionDenied,
                    ProblemKind::Stale,
                ];
                let kind = kinds[dice.roll(kinds.len())];
                self.faults.fail_at(self.faults.steps() + 1 + dice.roll(60) as u64, kind);
            }
            4 | 5 => side.set_capacity(Some((dice.roll(6) << 20) as u64)),
            6 => side.set_capacity(None),
            7 => side.set_root_gone(true),
            8 | 9 => side.set_root_gone(false),
            10 => drop(tried(|| side.hold_open(dice_path(dice.0)))),
            11 => drop(tried(|| side.mark_unreadable(dice_path(dice.0)))),
            12 => drop(tried(|| side.begin_writing(dice_path(dice.0)))),
            _ => side.calm(),
        }
    }

    fn trees(&self) -> Sides<BTreeMap<RelPath, Node>> {
        self.sides.as_ref().map(MemoryReplica::dump)
    }

    /// In what both sides differ.
    pub(super) fn differences(&self) -> Vec<String> {
        let trees = self.trees();
        let paths: BTreeSet<_> = trees.left.keys().chain(trees.right.keys()).collect();
        let shown = |path: &RelPath| {
            let pair = [trees.left.get(path), trees.right.get(path)];
            let same = match pair {
                [Some(Node::File { content: a, .. }), Some(Node::File { content: b, .. })] => a == b,
                [a, b] => a == b,
            };
            (!same).then(|| format!("`{path}`: {:?} on the left, {:?} on the right", pair[0], pair[1]))
        };
        paths.into_iter().filter_map(shown).collect()
    }

    fn contents(&self) -> BTreeSet<Arc<[u8]>> {
        let trash = self.sides.as_ref().map(MemoryReplica::trash_dump);
        let trees = self.trees();
        let all = [&trees.left, &trees.right, &trash.left, &trash.right];
        let content = |node: &Node| match node {
            Node::File { content, .. } => Some(Arc::clone(content)),
            _ => None,
        };
        all.into_iter().flat_map(BTreeMap::values).filter_map(content).collect()
    }
}

thread_local! {
    static TRIES: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether something could be done. What cannot is no news.
fn tried(act: impl FnOnce()) -> bool {
    static QUIET: std::sync::Once = std::sync::Once::new();
    QUIET.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !TRIES.get() {
                before(info);
            }
        }));
    });
    TRIES.set(true);
    let done = catch_unwind(AssertUnwindSafe(act)).is_ok();
    TRIES.set(false);
    done
}

fn dice_path(seed: u64) -> RelPath {
    Dice(seed).path()
}

/// One storm. What is wrong afterwards, in words.
fn storm(seed: u64) -> Result<String, String> {
    let world = World::new();
    let mut dice = Dice(seed);
    let mut owed = BTreeSet::new();
    for _ in 0..12 {
        world.edit(&mut dice, &mut owed);
    }
    let ends = Mutex::new(Vec::new());
    let (mut edits, mut harms, mut starts) = (0, 0, 0);
    let begun = Instant::now();
    while begun.elapsed() < STORM {
        let stops = Stops(AtomicBool::new(false));
        let until = begun.elapsed() + Duration::from_millis(300 + dice.roll(1500) as u64);
        starts += 1;
        std::thread::scope(|scope| {
            scope.spawn(|| world.live(&stops, &ends));
            while begun.elapsed() < until.min(STORM) {
                for _ in 0..dice.roll(5) {
                    world.edit(&mut dice, &mut owed);
                    edits += 1;
                }
                if dice.roll(3) == 0 {
                    world.harm(&mut dice);
                    harms += 1;
                }
                if dice.roll(40) == 0 {
                    let mut config = world.settings.config.clone();
                    config.live.debounce = Duration::from_millis(dice.roll(20) as u64);
                    config.policy.tie_breaker = dice.side();
                    *world.settings.next.lock().unwrap() = Some(config);
                }
                std::thread::sleep(Duration::from_millis(dice.roll(25) as u64));
            }
            match dice.roll(4) {
                0 => world.faults.end_now(End::Killed),
                1 => world.faults.end_now(End::PowerCut { seed }),
                _ => {}
            }
            stops.0.store(true, Ordering::SeqCst);
        });
        for side in Side::BOTH {
            world.sides[side].revive();
        }
    }
    world.faults.reset_steps();
    world.calm();

    // A last session that nothing disturbs but what was there when it began, and a few edits.
    let stops = Stops(AtomicBool::new(false));
    let calm = Instant::now();
    let mut apart = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| world.live(&stops, &ends));
        std::thread::sleep(Duration::from_millis(100));
        for turn in 0..60 {
            world.edit(&mut dice, &mut owed);
            if turn < 20 {
                world.faults.fail_at(world.faults.steps() + 1 + dice.roll(9) as u64, ProblemKind::InUse);
                if turn % 4 == 0 {
                    world.sides[dice.side()].set_capacity(Some((dice.roll(4) << 20) as u64));
                }
            }
            std::thread::sleep(Duration::from_millis(10));
            if turn == 30 {
                world.calm();
                world.faults.reset_steps();
            }
        }
        let calm = Instant::now();
        loop {
            apart = world.differences();
            if apart.is_empty() || calm.elapsed() > PATIENCE {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        stops.0.store(true, Ordering::SeqCst);
    });
    if !apart.is_empty() {
        return Err(format!("not the same after {PATIENCE:?}: {apart:#?}\nends: {:?}", ends.lock().unwrap()));
    }
    let took = calm.elapsed();
    let session = world.open().map_err(|error| format!("the last session does not open: {error}"))?;
    // What was done last may not have been remembered, as the session was stopped: that is all there may be.
    session.sync(&crate::SyncOptions::default(), &Silent).map_err(|error| error.to_string())?;
    let apart = world.differences();
    if !apart.is_empty() {
        return Err(format!("not the same any more: {apart:#?}"));
    }
    let plan = session.plan(false, &Silent).map_err(|error| error.to_string())?;
    if !plan.transitions.is_empty() || !plan.conflicts.is_empty() || plan.halt.is_some() {
        return Err(format!("the plan is not empty: {plan:#?}"));
    }
    let there = world.contents();
    let lost: Vec<_> = owed
        .difference(&there)
        .map(|content| content[..40.min(content.len())].escape_ascii().to_string())
        .collect();
    if !lost.is_empty() {
        return Err(format!("lost: {lost:#?}"));
    }
    drop(session);
    // What was copied of something that was deleted since is dropped by a look at everything at the latest.
    let stops = Stops(AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| world.live(&stops, &ends));
        let begun = Instant::now();
        while world.sides.either(|side| side.partial_count() > 0) && begun.elapsed() < Duration::from_secs(10)
        {
            std::thread::sleep(Duration::from_millis(5));
        }
        stops.0.store(true, Ordering::SeqCst);
    });
    for (side, replica) in world.sides.iter() {
        if replica.staged_count() + replica.partial_count() > 0 {
            let (staged, partial) = (replica.staged_count(), replica.partial_count());
            return Err(format!("{staged} staged and {partial} partial copies are left on the {side}"));
        }
    }
    Ok(format!(
        "{starts} starts, {edits} edits, {harms} harms, {} ends, {} versions owed, {} files; calm after {took:.1?}",
        ends.lock().unwrap().len(),
        owed.len(),
        world.sides.left.files().len()
    ))
}

#[test]
fn nothing_is_lost_in_a_storm_and_all_is_the_same_afterwards() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("BOTHWAYS_SEED") {
        Some(seed) => vec![seed],
        None => (1..=number("BOTHWAYS_STORMS").unwrap_or(6)).collect(),
    };
    let next = AtomicU64::new(0);
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::SeqCst) as usize) {
                    match storm(*seed) {
                        Ok(words) => println!("storm {seed}: {words}"),
                        Err(words) => failed.lock().unwrap().push(format!("storm {seed}: {words}")),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
