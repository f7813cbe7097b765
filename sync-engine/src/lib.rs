//! Sessions: observe, decide, act, remember.
//!
//! Owns the configuration, the [`Session`] over a pair of replicas, the cycle of four steps, the executor with its
//! lanes, and the reports. Must never print, read the command line, or hold a second copy of a rule.
//!
//! Start with [`Session::open`] and [`Session::sync`] in `cycle`; each of the four steps has a module: `observe`
//! (with the decision, which is `sync-core`'s), `act`, `remember`. Faces import this crate alone: what they need of
//! the others is re-exported here.
#![forbid(unsafe_code)]

mod act;
mod alerts;
pub mod brought;
mod check;
mod clock;
pub mod config;
pub mod control;
mod cycle;
mod desk;
mod error;
mod halt;
mod lately;
mod live;
mod near;
mod observe;
pub mod one_tree;
mod pace;
mod put_back;
pub mod records;
mod remember;
pub mod report;
mod session;
mod throttle;
mod timetable;
mod underway;
mod upkeep;
mod verdict;
mod watch;

pub use alerts::{AlertsReport, TestDelivery, alert_failure, alerts_report, send_test};
pub use check::{CheckReport, ClockSkew, Finding, PlaceCheck, ScanCheck, SideCheck, check};
pub use cycle::SyncOptions;
pub use desk::{
    ConflictItem, ConflictList, ConflictView, Corruption, Exact, LeftOut, PlanFile, PlanFileError,
    PlannedReport, PlannedTransition, ResolveReport, Resolved, ResyncReport, ReviewedPlan, ShownVersion,
    Unresolved, Which,
};
pub use error::{ErrorKind, SessionError};
pub use halt::{HaltFolder, HaltReport};
pub use live::{FileSettings, LiveWatch, Reloaded, Reread, RollingReport, Settings, Source, live};
pub use put_back::{
    Keeping, LeftAlone, PurgeReport, Purged, RestoreOptions, RestoreReport, Restored, TrashFilter, TrashItem,
    TrashList, TrashSum, UndoOptions, UndoReport,
};
pub use records::parse_moment;
pub use session::{Session, SessionOptions, SessionParts, state_dir};
pub use sync_core as core;
pub use sync_notify as notify;
pub use sync_replica as replica;
pub use sync_state::{State, StateError};
pub use timetable::Standing;
pub use verdict::{Judged, Verdict};
pub use watch::{Cancel, Phase, Silent, Watch};
