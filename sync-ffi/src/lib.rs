//! The engine of Bothways for C.
//!
//! Owns the functions of `include/bothways.h`, which is made from this crate, and what keeps them safe to call. It
//! translates and decides nothing: every function is one call of `sync-engine`, with its report as JSON.
//!
//! The rules of this crate, each with its place:
//!
//! - A handle is a number that looks like a pointer; it is looked up and never followed (`handles`). A handle that was
//!   closed, was never given out or is of another kind is a status, not a crash.
//! - The caller's memory is read and written in `foreign` alone, after a check for NULL.
//! - No panic leaves a function (`guard`).
//! - A caller's function is called on the thread that called us, with next to nothing on the stack that would have to be
//!   cleaned up (`attend`): the work itself is done by a thread of ours, on which a broken pipe raises no signal
//!   (`threads`).
//! - A pair that a session runs on already is answered for by that one (`seat`).
//!
//! Unsafe code is in `foreign`, `texts`, `attend` and `threads`; elsewhere it is the word that C's names and pointers take, and
//! the arguments' conditions are those in the header. Start with `session`, then `attend`.
#![deny(clippy::undocumented_unsafe_blocks)]
#![allow(clippy::missing_safety_doc, reason = "the header says it once for all functions")]

mod attend;
mod cancel;
mod config;
mod decide;
mod foreign;
mod guard;
mod handles;
mod live;
mod options;
mod seat;
mod session;
mod status;
mod texts;
mod threads;

pub use attend::{Event, EventFn, Phase, Progress, ProgressFn, Watch};
pub use cancel::{CancelHandle, bothways_cancel_close, bothways_cancel_new, bothways_cancel_request};
pub use config::*;
pub use decide::*;
pub use live::*;
pub use options::*;
pub use seat::SessionHandle;
pub use session::*;
pub use status::*;
pub use texts::{bothways_last_error, bothways_text_free};
