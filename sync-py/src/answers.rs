//! What came of a request, as JSON.
//!
//! Owns which documents say whether somebody should look.

use sync_engine::SessionError;
use sync_engine::control::{Answer, Request, WireError};

use crate::errors::{json, judged};

/// The document of an answer. `python/bothways` makes a dataclass of it.
///
/// # Errors
/// When there is no such run, and when the answer is none.
pub(crate) fn document(answer: Answer, request: &Request) -> Result<String, SessionError> {
    Ok(match answer {
        Answer::Sync(report) => judged(&report),
        Answer::SyncReviewed(report) => judged(&report),
        Answer::Resolve(report) => judged(&report),
        Answer::Resync(report) => judged(&report),
        Answer::Undo(report) => judged(&report),
        Answer::Restore(report) => judged(&report),
        Answer::Purge(report) => judged(&report),
        Answer::Status(report) => json(&report),
        Answer::History(report) => json(&report),
        Answer::Conflicts(report) => json(&report),
        Answer::Conflict(report) => json(&report),
        Answer::Trash(report) => json(&report),
        Answer::Plan(report) => json(&report),
        Answer::Scan(report) => json(&report),
        Answer::Explain(report) => json(&report),
        Answer::Paused(report) => json(&report),
        Answer::Run(Some(report)) => json(&report),
        Answer::Run(None) => match request {
            Request::Run { run, .. } => return Err(SessionError::NoRun { run: *run }),
            _ => return Err(WireError::OtherAnswer.into()),
        },
        _ => return Err(WireError::OtherAnswer.into()),
    })
}
