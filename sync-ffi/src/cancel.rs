//! The wish to stop, shared between threads.

use std::sync::{Arc, Mutex};

use sync_engine::Cancel;

use crate::foreign;
use crate::guard;
use crate::handles::{self, Held};
use crate::status::Status;

/// A wish to stop, which any thread may utter. One may serve many calls; once uttered it stays.
pub struct CancelHandle {
    pub(crate) cancel: Arc<Cancel>,
    complaint: Mutex<String>,
}

impl Held for CancelHandle {
    const KIND: &'static str = "the handle of a cancel";
    fn complaint(&self) -> &Mutex<String> {
        &self.complaint
    }
}

/// Makes a wish to stop that is not uttered yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_cancel_new(out: *mut *mut CancelHandle) -> Status {
    guard::on(0, || {
        // SAFETY: the header asks for a place that may be written.
        unsafe { foreign::cleared(out, "out") }?;
        let made = CancelHandle { cancel: Arc::default(), complaint: Mutex::default() };
        let handle = handles::give(made)?;
        // SAFETY: cleared above.
        unsafe { foreign::put_handle(out, handle) };
        Ok(Status::Ok)
    })
}

/// Asks every call that was given this handle to end at its next safe point. Any thread may call it, a signal handler
/// must not: there, set a variable of your own and have the progress function answer with it.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_cancel_request(cancel: *mut CancelHandle) -> Status {
    guard::on(cancel.addr(), || {
        handles::find::<CancelHandle>(cancel.addr())?.cancel.cancel();
        Ok(Status::Ok)
    })
}

/// Closes the handle. Calls that were given it go on.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_cancel_close(cancel: *mut CancelHandle) -> Status {
    guard::on(cancel.addr(), || {
        handles::close::<CancelHandle>(cancel.addr(), |_| Ok(()))?;
        Ok(Status::Ok)
    })
}
