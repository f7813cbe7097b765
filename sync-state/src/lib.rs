//! What Bothways remembers between runs.
//!
//! Owns one database file in a state folder: the baseline, tombstones, the journal of runs, the conflict inbox,
//! standing problems, the trash index, and the way from one layout to the next. Must never hold a rule about syncing: it keeps what it is
//! given. `docs/state.md` describes the bytes on disk.
//!
//! Start with [`State`] and [`Commit`].
#![forbid(unsafe_code)]

mod baseline;
mod checked;
mod chunk;
mod codec;
mod compact;
mod counts;
mod error;
mod guard;
mod inbox;
mod journal;
mod lock;
mod open;
mod outbox;
mod pair;
mod problems;
mod reader;
mod rekey;
mod runs;
mod schema;
mod search;
mod state;
mod tombstones;
mod trash;

pub use checked::{Checked, Halted};
pub use counts::Counts;
pub use error::StateError;
pub use inbox::{Conflict, ConflictChange, ConflictState, ConflictVersion};
pub use journal::{JournalReader, JournalRow, Journaled, RowResult};
pub use outbox::{AlertChanges, NewMessage, Room, Told, Waiting};
pub use pair::Pair;
pub use problems::{ProblemChange, ProblemId, StandingProblem};
pub use reader::BaselineReader;
pub use rekey::Rekeyed;
pub use runs::{Purged, Run, RunId, RunSummary};
pub use search::{Found, JournalQuery};
pub use state::{Commit, Opened, Options, State};
pub use tombstones::Tombstone;
pub use trash::{TrashEntry, TrashReason};
