//! What was put away comes back: undoing runs, the trash, and what a killed run left there unremembered.
//!
//! Owns one tool per file. What undoing a run takes is decided by `sync_core::undo`; it is carried out by the cycle
//! like any plan, as a recorded run of its own kind, under the same preconditions, and so can be undone itself. Must
//! never drop anything but what the index or its own name says went to the trash.
//!
//! Start at [`Session::undo`](crate::Session::undo) and [`Session::trash`](crate::Session::trash).

mod expire;
mod killed;
mod onward;
mod restore;
mod trash;
mod undo;

pub use expire::Keeping;
pub(crate) use killed::{forget_trashing, note_trashing};
pub(crate) use onward::{Onward, onward_after, waiting_onward};
pub use restore::{RestoreOptions, RestoreReport, Restored};
pub use trash::{PurgeReport, Purged, TrashFilter, TrashItem, TrashList, TrashSum};
pub use undo::{LeftAlone, UndoOptions, UndoReport};

use std::collections::BTreeSet;

use sync_core::path::RelPath;
use sync_core::side::Side;

use crate::error::SessionError;
use crate::remember::reach::Reach;
use crate::session::Session;

/// A plan about single paths says nothing of the pair as a whole.
pub(crate) fn nothing_else() -> Reach {
    Reach::Below(BTreeSet::new())
}

impl Session {
    /// Makes sure that this session may change something, and that both roots are there.
    pub(crate) fn ready(&self) -> Result<(), SessionError> {
        if let Some(halt) = &self.halt {
            return Err(SessionError::Halted(halt.clone()));
        }
        for side in Side::BOTH {
            self.is_present(side).map_err(|problem| self.root_error(side, problem))?;
        }
        Ok(())
    }
}

/// The first of `numbered(1)`, `numbered(2)`, … where nothing is.
fn free(numbered: impl Fn(u32) -> Option<RelPath>, taken: impl Fn(&RelPath) -> bool) -> Option<RelPath> {
    (1..1000).map_while(numbered).find(|path| !taken(path))
}
