//! Talking to a running session.
//!
//! Owns what can be asked of a pair and by whom it is answered. Every request is carried out by one function on an
//! open session, whether that session was opened for it or has been running for weeks; between the two lies a socket
//! in the state folder, or a named pipe on Windows, that only the session's own user can open. Must never let what
//! comes in touch the session otherwise than through a request, and must never hold the session up.
//!
//! Start with [`Contact`], which finds whoever answers; `request` says what can be asked, `wire` what travels, `server`
//! and `client` are the two ends, `stage` is where requests meet the loop of a running session, `board` what that says
//! of itself.

mod board;
mod call;
mod client;
mod contact;
mod door;
#[cfg(unix)]
mod door_unix;
#[cfg(windows)]
mod door_windows;
mod request;
mod server;
mod stage;
mod wire;
pub(crate) mod words;

#[cfg(unix)]
use self::door_unix::{Door, Stream, check_peer, knock};
#[cfg(windows)]
use self::door_windows::{Door, Stream, check_peer, knock};

pub(crate) use self::board::Board;
pub use self::board::{CopyingReport, LiveReport};
pub(crate) use self::call::Call;
pub use self::client::{Caller, Client};
pub use self::contact::Contact;
pub use self::request::{About, Answer, Needs, PauseReport, Refusal, Request, carry_out};
pub(crate) use self::server::Server;
pub(crate) use self::stage::Stage;
pub use self::wire::WireError;
