//! Small files of Bothways' own: read whole, written whole or not at all, durably.

use std::io::{self, Read, Write};

use sync_core::entry::{Attributes, Kind};

use crate::sys::Dir;

/// Nothing of ours is larger; what is, is not ours.
const LIMIT: u64 = 1 << 20;

/// The content of a small file; none when it is not there.
pub(crate) fn read(dir: &Dir, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let file = match dir.stat(name)? {
        None => return Ok(None),
        Some(stat) if stat.kind == Some(Kind::File) => dir.open_file(name)?,
        Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not an ordinary file")),
    };
    let mut bytes = Vec::new();
    file.take(LIMIT).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces the content of a small file in one step, and returns when it is durable.
pub(crate) fn write(dir: &Dir, name: &[u8], bytes: &[u8]) -> io::Result<()> {
    let temporary = [name, b".new"].concat();
    match dir.unlink(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = dir.create(&temporary, Attributes::NotHeld)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    dir.rename_over(&temporary, dir, name)?;
    dir.sync()
}
