//! Looking whether a configuration can work. Nothing changes but for a file that is written for a moment in our own
//! folder of each root, to read that side's clock.

mod clocks;
mod places;

use std::thread;
use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;
use sync_core::abilities::{Abilities, AttributeKind};
use sync_core::compare::equivalence;
use sync_core::side::{Side, Sides};
use sync_fs::LocalReplica;
use sync_replica::{Filter, Problem, Replica, ScanRequest};
use sync_state::{State, StateError};

use crate::alerts::{TestDelivery, send_test};
use crate::config::Config;
use crate::control::{Contact, Needs};
use crate::observe::millis;
use crate::report::SideReport;
use crate::session::{SessionOptions, filter_of, look_at_roots, state_dir};
use crate::watch::{Phase, Watch, Watched};

pub use clocks::ClockSkew;
pub use places::PlaceCheck;

use places::Holds;

/// What a look at a configuration found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct CheckReport {
    /// Where the state is, or would be.
    pub state_dir: String,
    /// The left side; none when its root could not be used.
    pub left: Option<SideCheck>,
    /// The right side; none when its root could not be used.
    pub right: Option<SideCheck>,
    /// How far the sides' clocks are apart; none before the first sync, when nothing may be written yet.
    pub clock_skew: Option<ClockSkew>,
    /// The configuration's file; none where there is none.
    pub config_file: Option<PlaceCheck>,
    /// The state's folder; none where there is none yet.
    pub state_folder: Option<PlaceCheck>,
    /// What is wrong, or worth knowing.
    pub findings: Vec<Finding>,
    /// What came of a test message, by each way alerts go; empty where none was asked for.
    pub test_messages: Vec<TestDelivery>,
}

impl CheckReport {
    /// Whether nothing stands in the way of a sync.
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(|finding| !finding.is_error)
    }

    /// Sends a test message by every way that is configured, and adds what came of it.
    pub fn send_test(&mut self, config: &Config) {
        self.test_messages = send_test(config);
        if self.test_messages.is_empty() {
            let message = "alerts go nowhere: set `enabled = true` in [email], `url` in \
                           [webhook], or `command` in [alert]";
            self.findings.push(Finding { is_error: true, message: message.to_owned() });
        }
        for test in &self.test_messages {
            let message = format!("{}: {}", test.place, test.message);
            if !test.delivered {
                self.findings.push(Finding { is_error: true, message });
            }
            for refused in &test.refused {
                if test.delivered {
                    let message = format!("{}: a recipient was refused: {refused}", test.place);
                    self.findings.push(Finding { is_error: true, message });
                }
            }
        }
    }
}

/// One thing that was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Whether a sync could not run.
    pub is_error: bool,
    /// What it is and what to do.
    pub message: String,
}

/// One side as it was measured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct SideCheck {
    /// The root.
    pub root: String,
    /// What its marker says; none before the first sync.
    pub marker: Option<String>,
    /// Bytes that can still be written.
    pub free_bytes: Option<u64>,
    /// What a scan found, and how long it took.
    pub scan: Option<ScanCheck>,
    /// What it can do. Guessed until the first sync has measured it.
    pub abilities: AbilitiesReport,
}

/// A scan of one side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct ScanCheck {
    /// What it holds.
    pub holds: SideReport,
    /// How long a scan takes: both sides are scanned at the same time, as in a sync.
    pub scan_ms: u64,
}

/// What a side can do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct AbilitiesReport {
    /// Names that differ in case alone are one name.
    pub folds_case: bool,
    /// Names that differ in Unicode form alone are one name.
    pub folds_form: bool,
    /// The step of its modification times.
    pub mtime_precision_ns: u64,
    /// Whether a modification time stays as it was set.
    pub keeps_mtime: bool,
    /// `none`, `unix` or `windows`.
    pub attributes: String,
    /// Extended attributes.
    pub xattrs: bool,
    /// Symbolic links.
    pub symlinks: bool,
    /// Several names for one file.
    pub hard_links: bool,
    /// Copies that share blocks.
    pub reflinks: bool,
    /// Exchanging two names in one step.
    pub exchange: bool,
    /// File numbers that stay.
    pub file_ids: bool,
    /// Change times.
    pub ctimes: bool,
    /// Whether names follow Windows' rules.
    pub windows_names: bool,
}

impl From<&Abilities> for AbilitiesReport {
    fn from(abilities: &Abilities) -> Self {
        Self {
            folds_case: abilities.equivalence.case,
            folds_form: abilities.equivalence.form,
            mtime_precision_ns: abilities.mtime_precision_ns,
            keeps_mtime: abilities.keeps_mtime,
            attributes: match abilities.attributes {
                AttributeKind::None => "none",
                AttributeKind::Unix => "unix",
                AttributeKind::Windows => "windows",
            }
            .to_owned(),
            xattrs: abilities.xattrs,
            symlinks: abilities.symlinks,
            hard_links: abilities.hard_links,
            reflinks: abilities.reflinks,
            exchange: abilities.exchange,
            file_ids: abilities.file_ids,
            ctimes: abilities.ctimes,
            windows_names: abilities.names.windows,
        }
    }
}

/// Looks at a configuration, its roots and its state, and scans both sides. Nothing changes anywhere.
pub fn check(config: &Config, options: &SessionOptions, watch: &dyn Watch) -> CheckReport {
    let options = SessionOptions { read_only: true, ..options.clone() };
    let folder = state_dir(config, &options);
    let mut findings = Vec::new();
    let state = State::open_existing(&folder);
    if let Err(why) = &state {
        // Whoever looks at a pair that is kept the same finds it so, and nothing wrong with it.
        let is_locked = matches!(why, StateError::Locked { .. });
        let runs = is_locked && Contact::open(config, &options, Needs::Running).is_ok();
        let message = if runs { format!("a session is running: {why}") } else { why.to_string() };
        findings.push(Finding { is_error: !runs, message });
    }
    drop(state);
    let mut error = |message: String| findings.push(Finding { is_error: true, message });
    let filter = filter_of(config).map_err(|why| error(why.to_string())).ok();
    let mut sides = Sides { left: None, right: None };
    let mut clocks = None;
    match look_at_roots(config, &options) {
        Err(why) => error(why.to_string()),
        Ok(replicas) => {
            clocks = Some(replicas.as_ref().map(LocalReplica::clock));
            let mut scans = Sides { left: None, right: None };
            if let Some(filter) = &filter {
                for (side, scan) in Side::BOTH.into_iter().zip(scan(&replicas, filter, watch)) {
                    scans[side] = scan.map_err(|problem| error(format!("{side}: {problem}"))).ok();
                }
            }
            for side in Side::BOTH {
                let replica = &replicas[side];
                let marker = replica.marker().unwrap_or_else(|problem| {
                    error(format!("{side}: {problem}"));
                    None
                });
                let free_bytes = replica.free_bytes().unwrap_or_else(|problem| {
                    error(format!("{side}: {problem}"));
                    None
                });
                sides[side] = Some(SideCheck {
                    root: replica.location(),
                    marker: marker.map(|marker| marker.to_string()),
                    free_bytes,
                    scan: scans[side].take(),
                    abilities: replica.abilities().into(),
                });
            }
        }
    }
    let mut note = |message: String| findings.push(Finding { is_error: false, message });
    let mut readings = Sides { left: None, right: None };
    for (side, reading) in clocks.iter().flat_map(Sides::iter) {
        match reading {
            Ok(reading) => readings[side] = *reading,
            Err(problem) => note(format!("the clock of the {side} side could not be read: {problem}")),
        }
    }
    let skew = readings.left.zip(readings.right).map(|(left, right)| clocks::compare(Sides { left, right }));
    let config_file = config.file.as_ref().and_then(|file| places::look(file, Holds::Config));
    let state_folder = places::look(&folder, Holds::State);
    for (_, word) in config_file.iter().chain(&state_folder) {
        word.iter().cloned().for_each(&mut note);
    }
    skew.iter().filter_map(|(_, word)| word.clone()).for_each(&mut note);
    CheckReport {
        state_dir: folder.display().to_string(),
        left: sides.left,
        right: sides.right,
        clock_skew: skew.map(|(skew, _)| skew),
        config_file: config_file.map(|(place, _)| place),
        state_folder: state_folder.map(|(place, _)| place),
        findings,
        test_messages: Vec::new(),
    }
}

/// Scans both sides at the same time, as a sync does.
fn scan(
    replicas: &Sides<LocalReplica>,
    filter: &dyn Filter,
    watch: &dyn Watch,
) -> [Result<ScanCheck, Problem>; 2] {
    watch.begin(Phase::Scan, None, None);
    let control = Watched { watch, throttle: None };
    let request = ScanRequest {
        equivalence: equivalence(&replicas.as_ref().map(|replica| replica.abilities().clone())),
        filter,
        control: &control,
        threads: thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)),
    };
    let one = |replica: &LocalReplica| {
        let start = Instant::now();
        let snapshot = replica.scan(&request)?;
        Ok(ScanCheck { holds: snapshot.totals().into(), scan_ms: millis(start) })
    };
    thread::scope(|scope| {
        let right = scope.spawn(|| one(&replicas.right));
        let left = one(&replicas.left);
        [left, right.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))]
    })
}
