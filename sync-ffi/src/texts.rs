//! Texts that C gets, and gives back.
//!
//! Owns the list of those that are out, so that a text that is given back twice, or was never given, is told from one
//! that is; as long as no other text has got its place.

use std::collections::BTreeMap;
use std::ffi::{CString, c_char, c_void};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::Serialize;

use crate::guard;
use crate::handles;
use crate::status::{Fault, Status};

static OUT: LazyLock<Mutex<BTreeMap<usize, CString>>> = LazyLock::new(Mutex::default);

/// A document as one line of text.
pub(crate) fn json(document: &impl Serialize) -> Result<CString, Fault> {
    let broken = |error: &dyn std::fmt::Display| {
        Fault::new(Status::Internal, format!("a result cannot be told: {error}"))
    };
    // A control character is escaped, so that there is no NUL.
    let text = serde_json::to_string(document).map_err(|error| broken(&error))?;
    CString::new(text).map_err(|error| broken(&error))
}

/// Hands a text to the caller.
///
/// # Safety
/// `out` went through [`crate::foreign::cleared`].
pub(crate) unsafe fn give(text: CString, out: *mut *mut c_char) {
    // C gets it to read, and the header says so: what it is given back is this same text.
    let address = text.as_ptr().cast_mut();
    OUT.lock().unwrap_or_else(PoisonError::into_inner).insert(address.addr(), text);
    // SAFETY: it was written before, at the beginning of this call.
    unsafe { out.write(address) };
}

/// Frees a text that a function gave as a result. NULL is fine. A text that was never given out, or that is free
/// already, is told with `BOTHWAYS_STATUS_UNKNOWN_TEXT`, and nothing happens; but one that is freed twice may have made
/// room for another one meanwhile, which is freed then.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_text_free(text: *mut c_char) -> Status {
    guard::on(0, || {
        if text.is_null() {
            return Ok(Status::Ok);
        }
        let gone = OUT.lock().unwrap_or_else(PoisonError::into_inner).remove(&text.addr());
        Ok(if gone.is_some() { Status::Ok } else { Status::UnknownText })
    })
}

/// Writes what the call on a handle of any kind that ended last complained of, as one text in UTF-8 that ends with NUL;
/// it is empty where the call succeeded. Where several threads use one handle, that may be another one's call. `needed`,
/// unless NULL, gets the bytes of all of it with the NUL. A smaller buffer gets as much as fits, cut between two
/// characters, and the answer `BOTHWAYS_STATUS_TRUNCATED`; with `size` 0 the buffer may be NULL, and is left alone.
/// Asking changes nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_last_error(
    handle: *const c_void,
    buffer: *mut c_char,
    size: usize,
    needed: *mut usize,
) -> Status {
    let done = guard::caught(|| {
        let text = handles::last_complaint(handle.addr())?;
        if !needed.is_null() {
            // SAFETY: not NULL, and the header asks for a place that may be written.
            unsafe { needed.write(text.len() + 1) };
        }
        if size == 0 {
            return Ok(Status::Truncated);
        }
        if buffer.is_null() {
            return Err(Fault::null("buffer"));
        }
        // Cut between two characters.
        let fits = text.floor_char_boundary(text.len().min(size - 1));
        // SAFETY: the header asks for `size` bytes that may be written, and `fits` is less than that.
        unsafe {
            text.as_ptr().copy_to_nonoverlapping(buffer.cast(), fits);
            buffer.add(fits).write(0);
        }
        Ok(if fits < text.len() { Status::Truncated } else { Status::Ok })
    });
    // The handle's own text stays what it is: this is no call of its own.
    done.unwrap_or_else(|fault| fault.status)
}
