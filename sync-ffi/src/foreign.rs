//! The caller's memory.
//!
//! Owns reading and writing it. Every pointer is looked at for NULL; that it points to what the header says, and stays
//! so for the length of the call, is what the caller must see to. Nothing of it is kept.

use std::ffi::{CStr, c_char};
use std::path::PathBuf;

use crate::status::{Fault, Status};

/// The bytes of a text.
///
/// # Safety
/// `text` is NULL, or ends with a NUL byte and stays as it is while the result is used.
pub(crate) unsafe fn bytes<'a>(text: *const c_char, name: &str) -> Result<&'a [u8], Fault> {
    if text.is_null() {
        return Err(Fault::null(name));
    }
    // SAFETY: not NULL, and the caller vouches for the rest.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// A text that must be UTF-8.
///
/// # Safety
/// As for [`bytes`].
pub(crate) unsafe fn text(text: *const c_char, name: &str) -> Result<String, Fault> {
    // SAFETY: the same condition.
    let bytes = unsafe { bytes(text, name) }?;
    let found = str::from_utf8(bytes);
    found.map(ToOwned::to_owned).map_err(|_| Fault::invalid(format!("the argument `{name}` is not UTF-8")))
}

/// The same where NULL stands for none.
///
/// # Safety
/// As for [`bytes`].
pub(crate) unsafe fn optional_text(given: *const c_char, name: &str) -> Result<Option<String>, Fault> {
    // SAFETY: the same condition.
    if given.is_null() { Ok(None) } else { unsafe { text(given, name) }.map(Some) }
}

/// A path as the system has it: bytes on Unix, UTF-8 elsewhere.
///
/// # Safety
/// As for [`bytes`].
pub(crate) unsafe fn path(given: *const c_char, name: &str) -> Result<PathBuf, Fault> {
    // SAFETY: the same condition.
    let bytes = unsafe { bytes(given, name) }?;
    if bytes.is_empty() {
        return Err(Fault::invalid(format!("the argument `{name}` is empty")));
    }
    #[cfg(unix)]
    let path = {
        use std::os::unix::ffi::OsStrExt as _;
        PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
    };
    #[cfg(not(unix))]
    let path = PathBuf::from(
        str::from_utf8(bytes).map_err(|_| Fault::invalid(format!("the argument `{name}` is not UTF-8")))?,
    );
    Ok(path)
}

/// The same as a place of the caller's: a relative one counts from what is the working folder now.
///
/// # Safety
/// As for [`bytes`].
pub(crate) unsafe fn place(given: *const c_char, name: &str) -> Result<PathBuf, Fault> {
    // SAFETY: the same condition.
    let path = unsafe { path(given, name) }?;
    std::path::absolute(&path).map_err(|error| {
        Fault::new(Status::Usage, format!("cannot tell where `{}` is: {error}", path.display()))
    })
}

/// Each of an array of texts.
///
/// # Safety
/// `array` is NULL, or holds `count` pointers for each of which the condition of [`bytes`] holds.
pub(crate) unsafe fn each<T>(
    array: *const *const c_char,
    count: usize,
    name: &str,
    read: unsafe fn(*const c_char, &str) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if array.is_null() {
        return Err(Fault::null(name));
    }
    // No array is larger than half of what can be addressed.
    if count > isize::MAX as usize / size_of::<*const c_char>() {
        return Err(Fault::invalid(format!("`{name}` cannot be {count} texts")));
    }
    (0..count)
        .map(|at| {
            // SAFETY: `at` is below the count that the caller vouches for, and so is what the pointer leads to.
            unsafe { read(*array.add(at), name) }
        })
        .collect()
}

/// Where a result goes. It holds nothing until there is one.
///
/// # Safety
/// `out` is NULL, or a place that may be written.
pub(crate) unsafe fn cleared<T>(out: *mut *mut T, name: &str) -> Result<(), Fault> {
    if out.is_null() {
        return Err(Fault::null(name));
    }
    // SAFETY: not NULL, and the caller vouches that it may be written.
    unsafe { out.write(std::ptr::null_mut()) };
    Ok(())
}

/// Puts a handle where the caller wants it.
///
/// # Safety
/// `out` went through [`cleared`].
pub(crate) unsafe fn put_handle<T>(out: *mut *mut T, handle: usize) {
    // SAFETY: it was written before, at the beginning of this call.
    unsafe { out.write(std::ptr::without_provenance_mut(handle)) };
}
