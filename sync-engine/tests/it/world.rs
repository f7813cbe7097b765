//! A pair of replicas in memory with a real state, which can be copied, killed and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sync_core::abilities::Abilities;
use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_core::policy::Policy;
use sync_core::side::{Side, Sides};
use sync_engine::config::Performance;
use sync_engine::report::SyncReport;
use sync_engine::{Session, SessionError, SessionOptions, SessionParts, Silent, State, SyncOptions};
use sync_replica::memory::{Faults, MemoryReplica, Node, kinds};
use sync_replica::{Filter, Replica};
use tempfile::TempDir;

/// After so many runs at most nothing may be left to do.
const RUNS_UNTIL_QUIET: usize = 8;

/// A folder for a test, in memory where the machine offers that.
pub(crate) fn temp() -> TempDir {
    let shm = Path::new("/dev/shm");
    let made = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
    made.unwrap()
}

/// Hides what an office program leaves beside an open document.
struct HidesLocks;

impl Filter for HidesLocks {
    fn hides(&self, _parent: &RelPath, name: &[u8], _kind: Kind) -> bool {
        name.starts_with(b"~$")
    }
}

/// How a session works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Commits after every action, instead of once at the end.
    pub(crate) eager: bool,
    /// Copies one file after the other, so that the same run takes the same steps each time.
    pub(crate) single: bool,
}

pub(crate) const STEADY: Pace = Pace { eager: false, single: true };
pub(crate) const EAGER: Pace = Pace { eager: true, single: true };
pub(crate) const PARALLEL: Pace = Pace { eager: true, single: false };

/// What both sides show and keep.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Picture {
    pub(crate) trees: Sides<BTreeMap<RelPath, Node>>,
    /// Every content that lies anywhere, trash included.
    pub(crate) contents: BTreeSet<Arc<[u8]>>,
}

pub(crate) struct World {
    pub(crate) sides: Sides<MemoryReplica>,
    pub(crate) faults: Faults,
    pub(crate) policy: Policy,
    pub(crate) pace: Pace,
    folder: TempDir,
}

impl World {
    pub(crate) fn new(abilities: Sides<Abilities>, policy: Policy) -> Self {
        let faults = Faults::new();
        let sides = abilities.map(|abilities| MemoryReplica::with_faults(abilities, faults.clone()));
        Self { sides, faults, policy, pace: STEADY, folder: temp() }
    }

    /// An independent world in the same state.
    pub(crate) fn fork(&self) -> Self {
        let faults = Faults::new();
        let sides = self.sides.as_ref().map(|side| side.fork(faults.clone()));
        let folder = temp();
        copy_state(self.folder.path(), folder.path());
        Self { sides, faults, policy: self.policy.clone(), pace: self.pace, folder }
    }

    pub(crate) fn state_folder(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Goes back to what was remembered by `other`: every commit made since is lost.
    pub(crate) fn remember_as(&self, other: &Self) {
        fs::remove_dir_all(self.state_folder()).unwrap();
        copy_state(other.folder.path(), self.folder.path());
    }

    pub(crate) fn session(&self) -> Result<Session, SessionError> {
        let mut performance = Performance::default();
        if self.pace.single {
            performance.max_concurrent_copies = Some(1);
            performance.large_file_bytes = u64::MAX;
        } else {
            performance.max_concurrent_copies = Some(3);
            performance.large_file_bytes = 60;
        }
        let parts = SessionParts {
            replicas: self.sides.as_ref().map(|side| Arc::new(side.clone()) as Arc<dyn Replica>),
            filter: Box::new(HidesLocks),
            state: Some(State::open(&self.state_folder())?.state),
            policy: self.policy.clone(),
            performance,
        };
        let mut session = Session::assemble(parts, &SessionOptions::default())?;
        if self.pace.eager {
            session.remember_every(Duration::ZERO);
        }
        Ok(session)
    }

    /// Opens, syncs once, closes.
    pub(crate) fn run(&self) -> Result<SyncReport, SessionError> {
        self.session()?.sync(&SyncOptions::default(), &Silent)
    }

    /// Opens once and syncs until nothing is left to do; says what is wrong when that does not come.
    pub(crate) fn settle(&self) -> Result<SyncReport, String> {
        let session = self.session().map_err(|error| format!("the session does not open: {error}"))?;
        let mut last = None;
        for _ in 0..RUNS_UNTIL_QUIET {
            let report = session.sync(&SyncOptions::default(), &Silent);
            let report = report.map_err(|error| format!("a run fails: {error}"))?;
            if let Some(halt) = &report.halt {
                return Err(format!("halted: {}", halt.message));
            }
            if report.run.is_none() {
                return Ok(report);
            }
            last = Some(report);
        }
        Err(format!("{RUNS_UNTIL_QUIET} runs do not suffice; the last: {last:?}"))
    }

    /// Starts the next process after a kill or a power cut.
    pub(crate) fn revive(&self) {
        for side in Side::BOTH {
            self.sides[side].undisturbed();
            self.sides[side].revive();
        }
    }

    pub(crate) fn picture(&self) -> Picture {
        let trees = self.sides.as_ref().map(MemoryReplica::dump);
        let trash = self.sides.as_ref().map(MemoryReplica::trash_dump);
        let contents = [&trees.left, &trees.right, &trash.left, &trash.right]
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter_map(content_of)
            .collect();
        Picture { trees, contents }
    }

    /// Contents that both sides show.
    pub(crate) fn shown(&self) -> Sides<BTreeSet<Arc<[u8]>>> {
        self.sides.as_ref().map(|side| side.dump().values().filter_map(content_of).collect())
    }

    /// What must hold whenever no run is under way and nothing is left to do.
    pub(crate) fn check_at_rest(&self) -> Result<(), String> {
        for (side, replica) in self.sides.iter() {
            if replica.staged_count() != 0 {
                return Err(format!("{} things are left in staging on the {side}", replica.staged_count()));
            }
            if replica.hasty_installs() != 0 {
                return Err(format!("a copy was installed on the {side} before it was durable"));
            }
        }
        Ok(())
    }
}

fn content_of(node: &Node) -> Option<Arc<[u8]>> {
    match node {
        Node::File { content, .. } => Some(Arc::clone(content)),
        _ => None,
    }
}

fn copy_state(from: &Path, to: &Path) {
    let (from, to) = (from.join("state"), to.join("state"));
    if !from.exists() {
        return;
    }
    fs::create_dir_all(&to).unwrap();
    for entry in fs::read_dir(&from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// How two pictures of the same story differ; empty when `now` is as good as `wanted`.
pub(crate) fn differences(wanted: &Picture, now: &Picture) -> Vec<String> {
    let mut found = Vec::new();
    for side in Side::BOTH {
        let (wanted, now) = (&wanted.trees[side], &now.trees[side]);
        for path in wanted.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            if wanted.get(path) != now.get(path) {
                found.push(format!("{side} `{path}`: {:?} instead of {:?}", now.get(path), wanted.get(path)));
            }
        }
    }
    for content in wanted.contents.difference(&now.contents) {
        found.push(format!("lost: \"{}\"", content.escape_ascii()));
    }
    found
}

/// How the two sides differ from each other, as far as both can hold what the other has.
pub(crate) fn mismatches(world: &World, except: &BTreeSet<RelPath>) -> Vec<String> {
    let able = world.sides.as_ref().map(|side| side.abilities().clone());
    let step = able.left.mtime_precision_ns.max(able.right.mtime_precision_ns) as i64;
    let trees = world.sides.as_ref().map(MemoryReplica::dump);
    let mut found = Vec::new();
    for path in trees.left.keys().chain(trees.right.keys()).collect::<BTreeSet<_>>() {
        if except.contains(path) {
            continue;
        }
        let pair = (trees.left.get(path), trees.right.get(path));
        let same = match pair {
            (
                Some(Node::File { content: a, mtime_ns: ta, attributes: pa, xattrs: xa }),
                Some(Node::File { content: b, mtime_ns: tb, attributes: pb, xattrs: xb }),
            ) => {
                a == b
                    && (ta - tb).abs() < step
                    && !pa.differ(*pb)
                    && (xa == xb || !(able.left.xattrs && able.right.xattrs))
            }
            (Some(Node::Dir { attributes: a }), Some(Node::Dir { attributes: b })) => !a.differ(*b),
            (Some(Node::Link { target: a }), Some(Node::Link { target: b })) => a == b,
            _ => false,
        };
        if !same {
            found.push(format!("`{path}`: {:?} on the left, {:?} on the right", pair.0, pair.1));
        }
    }
    found
}

/// The pairs of sides that every sweep runs over, by name.
pub(crate) fn pairs() -> Vec<(&'static str, Sides<Abilities>)> {
    let full = Abilities::FULL;
    let poor = Abilities { exchange: false, hard_links: false, ..full.clone() };
    vec![
        ("full", Sides::new(full.clone(), full.clone())),
        ("poor", Sides::new(full.clone(), poor)),
        ("fat", Sides::new(full.clone(), kinds::FAT)),
        ("folding", Sides::new(kinds::FOLDING, full)),
    ]
}
