//! Telling text from other content by its beginning.

use std::io::Read;

use crate::sys::Dir;

const BEGINNING: u64 = 8 << 10;

/// Whether the file's beginning is text, and not empty of meaning such as NUL bytes. A file that cannot be read
/// counts as text, so that its trouble shows where it is read.
pub(crate) fn is_text(dir: &Dir, name: &[u8]) -> bool {
    let Ok(file) = dir.open_file(name) else { return true };
    let mut beginning = Vec::new();
    match file.take(BEGINNING).read_to_end(&mut beginning) {
        Ok(_) => content_inspector::inspect(&beginning).is_text(),
        Err(_) => true,
    }
}
