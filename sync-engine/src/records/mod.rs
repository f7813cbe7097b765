//! What the state remembers of a pair, for people: how it stands, and what was done.
//!
//! Owns [`Records`], which asks the state alone: no root is touched, so that it answers also when a drive is away, and
//! in a session that runs. Must never change anything. Start with [`Records::status`] and [`Records::history`].

mod glob;
mod history;
mod rows;
mod running;
mod status;
mod times;

use sync_state::State;

use crate::config::Config;
use crate::error::SessionError;
use crate::session::{Session, SessionOptions, state_dir};

pub use glob::{PathGlob, action_matches};
pub use history::{HistoryItem, HistoryQuery, HistoryReport, RunDetails, RunReport};
pub use rows::RowReport;
pub(crate) use running::Running;
pub use status::{
    HaltStanding, ProblemStanding, RecentReport, StatusReport, TrashReport, TrashSideReport, WaitingConflict,
};
pub use times::parse_moment;

/// The records of one pair.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    state: &'a State,
    /// The runs that are under way, so that they do not count as ones that were cut short.
    running: &'a [u64],
}

impl<'a> Records<'a> {
    /// The records in a state that no run is under way in.
    pub const fn new(state: &'a State) -> Self {
        Self { state, running: &[] }
    }

    /// The same in a session whose runs of these numbers are under way.
    pub const fn while_running(state: &'a State, running: &'a [u64]) -> Self {
        Self { state, running }
    }
}

/// Opens the state of a configured pair to look at its records. None when the pair was never synced.
///
/// # Errors
/// [`SessionError::State`] when the state cannot be used, as while another session has it.
pub fn open_records(config: &Config, options: &SessionOptions) -> Result<Option<State>, SessionError> {
    Ok(State::open_existing(&state_dir(config, options))?.map(|opened| opened.state))
}

impl Session {
    /// The records of this pair; none where nothing is remembered yet and nothing may be written.
    pub fn records(&self) -> Option<Records<'_>> {
        self.state.as_ref().map(Records::new)
    }
}
