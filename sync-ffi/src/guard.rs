//! The door of every function: no panic leaves it, and what went wrong is noted on the handle.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::handles;
use crate::status::{Fault, Status};

/// Runs `work`; a panic becomes a [`Fault`]. What was half changed is the business of the caller, which must not use it.
pub(crate) fn caught<T>(work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
        let words = words.unwrap_or_else(|| "without words".to_owned());
        // Dropping it may panic as well, and nothing more can be done about it then.
        std::mem::forget(panic);
        Err(Fault::new(Status::Panic, format!("a mistake of the library: {words}")))
    })
}

/// The whole of a short function on a handle: its status, and its complaint on that handle.
pub(crate) fn on(handle: usize, work: impl FnOnce() -> Result<Status, Fault>) -> Status {
    settle(handle, caught(work))
}

/// Notes what went wrong on the handle, or that nothing did.
pub(crate) fn settle(handle: usize, done: Result<Status, Fault>) -> Status {
    let (status, message) = match done {
        Ok(status) => (status, String::new()),
        Err(fault) => (fault.status, fault.message),
    };
    let noted = caught(|| {
        handles::complain(handle, &message);
        Ok(())
    });
    noted.map_or(Status::Panic, |()| status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_status_with_its_words() {
        for panics in [|| panic!("of {}", "text"), || panic!("of text"), || std::panic::panic_any(7)] {
            let status = on(0, panics);
            assert_eq!(status, Status::Panic);
        }
        let fault = caught::<()>(|| panic!("of {}", 1)).unwrap_err();
        assert_eq!(fault.message, "a mistake of the library: of 1");
    }
}
