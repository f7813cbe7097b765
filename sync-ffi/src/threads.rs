//! Threads of ours inside somebody else's program.
//!
//! Owns how they begin. A connection or pipe that breaks must be an error to us and nothing to the program, whose
//! default is to die of SIGPIPE; so our threads, and those that they start, never get that signal. Nothing else of the
//! program's signals is touched.

use std::thread::{Builder, JoinHandle};

use crate::guard::caught;
use crate::status::{Fault, Status};

/// Starts a thread.
pub(crate) fn start<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, Fault> {
    let run = move || {
        without_broken_pipes();
        work()
    };
    let started = Builder::new().name("bothways".to_owned()).spawn(run);
    started.map_err(|error| Fault::new(Status::TryAgain, format!("no thread can be started: {error}")))
}

/// Does something on a thread of ours, and waits for it.
pub(crate) fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let ended = start(move || caught(work))?.join();
    ended.unwrap_or_else(|_| Err(Fault::new(Status::Panic, "a mistake of the library: a thread is gone")))
}

/// From here on this thread and those that it starts get no SIGPIPE.
#[cfg(unix)]
fn without_broken_pipes() {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the set is filled before it is read, and the mask is this thread's own.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGPIPE);
        libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
    }
}

/// There are no signals.
#[cfg(not(unix))]
const fn without_broken_pipes() {}
