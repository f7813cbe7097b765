//! What a function answers.
//!
//! Owns the numbers. They are never given another meaning, also when one falls out of use: `tests/it/numbers.rs` holds
//! a copy.

use std::ffi::{CStr, c_char};

use sync_engine::control::About;
use sync_engine::{ErrorKind, SessionError, Verdict};

/// The interface that this header describes. It is one higher whenever something was added; what is there keeps its
/// meaning.
pub const BOTHWAYS_ABI: u32 = 2;

/// What a function answers. 0 to 5 are the exit codes of the command. New numbers may come; no number ever changes its
/// meaning.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// It is done, and everything is in order.
    Ok = 0,
    /// It is done, and a person should look: a conflict, a problem, or something left undone. The result says which.
    Look = 1,
    /// What was asked for makes no sense: a wrong path, key or pattern.
    Usage = 2,
    /// It cannot be done now, and may be later: a root is away, another session has the state.
    TryAgain = 3,
    /// A guard stopped it before anything was touched; a person must look.
    Halted = 4,
    /// The state or the system is broken in a way that is not expected.
    Internal = 5,
    /// It was stopped on request before anything was changed.
    Cancelled = 6,
    /// An argument that must point to something is NULL.
    NullArgument = 7,
    /// An argument is not one of the allowed values, or a text is not UTF-8 where it must be.
    InvalidArgument = 8,
    /// The handle was never given out.
    UnknownHandle = 9,
    /// The handle is closed already.
    ClosedHandle = 10,
    /// The handle is of another kind.
    WrongHandle = 11,
    /// Another call on the session is under way, or it comes from a function that such a call has called.
    Busy = 12,
    /// A mistake of the library. The session of the call can only be closed.
    Panic = 13,
    /// The buffer is too small; as much as fits was written.
    Truncated = 14,
    /// The text was never given out, or is free already.
    UnknownText = 15,
}

impl Status {
    /// What it means, in a few words.
    pub(crate) const fn text(self) -> &'static CStr {
        match self {
            Self::Ok => c"it is done, and everything is in order",
            Self::Look => c"it is done, and a person should look",
            Self::Usage => c"what was asked for makes no sense",
            Self::TryAgain => c"it cannot be done now, and may be later",
            Self::Halted => c"a guard stopped it before anything was touched",
            Self::Internal => c"the state or the system is broken",
            Self::Cancelled => c"it was stopped on request before anything was changed",
            Self::NullArgument => c"an argument is NULL that must point to something",
            Self::InvalidArgument => c"an argument is not one of the allowed values",
            Self::UnknownHandle => c"the handle was never given out",
            Self::ClosedHandle => c"the handle is closed already",
            Self::WrongHandle => c"the handle is of another kind",
            Self::Busy => c"another call on the session is under way",
            Self::Panic => c"a mistake of the library",
            Self::Truncated => c"the buffer is too small",
            Self::UnknownText => c"the text was never given out, or is free already",
        }
    }
}

/// Every status there is.
const ALL: [Status; 16] = [
    Status::Ok,
    Status::Look,
    Status::Usage,
    Status::TryAgain,
    Status::Halted,
    Status::Internal,
    Status::Cancelled,
    Status::NullArgument,
    Status::InvalidArgument,
    Status::UnknownHandle,
    Status::ClosedHandle,
    Status::WrongHandle,
    Status::Busy,
    Status::Panic,
    Status::Truncated,
    Status::UnknownText,
];

/// A status that is an error, with its words.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) status: Status,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn null(argument: &str) -> Self {
        Self::new(Status::NullArgument, format!("the argument `{argument}` is NULL"))
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }
}

impl From<Verdict> for Status {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Clean => Self::Ok,
            Verdict::Look => Self::Look,
            Verdict::Halted => Self::Halted,
        }
    }
}

impl From<SessionError> for Fault {
    fn from(error: SessionError) -> Self {
        let status = match (error.about(), error.kind()) {
            // Here, or in a running session that was asked.
            (About::Stop, _) => Status::Cancelled,
            (_, ErrorKind::Usage) => Status::Usage,
            (_, ErrorKind::TryAgain) => Status::TryAgain,
            (_, ErrorKind::Halted) => Status::Halted,
            _ => Status::Internal,
        };
        Self::new(status, error.to_string())
    }
}

impl From<sync_engine::config::ConfigError> for Fault {
    fn from(error: sync_engine::config::ConfigError) -> Self {
        Self::new(Status::Usage, error.to_string())
    }
}

/// The interface's number of the library that is loaded. It is the header's `BOTHWAYS_ABI` or higher.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_abi() -> u32 {
    BOTHWAYS_ABI
}

/// The version of the library, such as `0.1.0`. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(text) => text,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// What a status means, in a few English words; also for a number that is none. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_status_text(status: i32) -> *const c_char {
    let known = ALL.into_iter().find(|one| *one as i32 == status);
    known.map_or(c"there is no such status", Status::text).as_ptr()
}
