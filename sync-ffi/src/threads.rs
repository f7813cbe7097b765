//! Threads of ours inside somebody else's program.
//!
//! Owns how they begin. A pipe that breaks, as to a command that is told of alerts and does not listen, must be an error
//! to us and nothing to the program, whose default is to die of SIGPIPE; so our threads, and those that they start,
//! never get that signal. Nothing else of the program's signals is touched.

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

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// Whether this thread would be sent SIGPIPE.
    fn hears_of_broken_pipes() -> bool {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: without a set nothing is changed, and the mask is written where the set is read.
        unsafe {
            assert_eq!(libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), set.as_mut_ptr()), 0);
            libc::sigismember(set.as_ptr(), libc::SIGPIPE) == 0
        }
    }

    #[test]
    fn our_threads_and_theirs_hear_of_no_broken_pipe() {
        assert!(hears_of_broken_pipes(), "the caller's mask is as it was");
        assert!(!start(hears_of_broken_pipes).unwrap().join().unwrap());
        let of_ours = || Ok(std::thread::spawn(hears_of_broken_pipes).join().unwrap());
        assert!(!aside(of_ours).unwrap());
        assert!(hears_of_broken_pipes(), "the caller's mask stays as it was");
    }

    #[test]
    fn a_panic_aside_is_a_status() {
        let fault = aside::<()>(|| panic!("of the work")).unwrap_err();
        assert_eq!(fault.status, Status::Panic);
        assert!(fault.message.contains("of the work"), "{}", fault.message);
    }
}
