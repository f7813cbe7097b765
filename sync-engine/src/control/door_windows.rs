//! A named pipe.
//!
//! Owns [`Door`], by which a running session can be reached, and [`knock`]. The pipe's name is random and stands in a
//! file of the state folder, so nobody who cannot read that can listen in its place; and only the session's own user
//! and the system may open it, from this computer alone.

use std::fs;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use interprocess::ConnectWaitMode;
use interprocess::os::windows::named_pipe::{
    DuplexPipeStream, PipeListener, PipeListenerOptions, pipe_mode::Bytes,
};
use interprocess::os::windows::security_descriptor::SecurityDescriptor;
use widestring::u16cstr;

use super::door::{End, Entrance};
use super::wire::{Line, WireError};

/// Where the pipe's name stands.
const NAME: &str = "control.pipe";
/// What every pipe of ours begins with.
const PREFIX: &str = r"\\.\pipe\bothways-";

/// How long a session may take to open the door.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection.
pub(super) type Stream = DuplexPipeStream<Bytes>;

impl Line for Stream {
    /// A pipe has no such bound here: one who is silent holds a thread, and nothing else.
    fn patience(&self, _: Duration) -> io::Result<()> {
        Ok(())
    }
}

/// Where a running session is reached.
#[derive(Debug)]
pub(super) struct Door {
    listener: PipeListener<Bytes, Bytes>,
    folder: PathBuf,
    _entrance: Entrance,
}

impl Door {
    /// Opens it. None when another session has one in this folder; what a killed one left is replaced.
    pub(super) fn open(folder: &Path) -> io::Result<Option<Self>> {
        let Some(entrance) = Entrance::take(folder)? else { return Ok(None) };
        let random = || RandomState::new().hash_one(std::time::SystemTime::now());
        let name = format!("{PREFIX}{:016x}{:016x}", random(), random());
        // All rights for the owner of the pipe and for the system, and for nobody else, inherited or not.
        let owner_alone = SecurityDescriptor::deserialize(u16cstr!("D:P(A;;GA;;;OW)(A;;GA;;;SY)"))?;
        let listener = PipeListenerOptions::new()
            .path(name.as_str())
            .security_descriptor(Some(owner_alone))
            .accept_remote(false)
            .create_duplex::<Bytes>()?;
        fs::write(folder.join(NAME), name)?;
        Ok(Some(Self { listener, folder: folder.to_owned(), _entrance: entrance }))
    }

    /// Waits for somebody.
    pub(super) fn accept(&self) -> io::Result<Stream> {
        self.listener.accept()
    }

    /// Makes [`Door::accept`] return.
    pub(super) fn wake(&self) {
        let _ = knock(&self.folder);
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(NAME));
    }
}

/// Asks for entry. None when no session listens there.
pub(super) fn knock(folder: &Path) -> io::Result<Option<Stream>> {
    use io::ErrorKind;
    let nobody = |error: &io::Error| {
        matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::PermissionDenied)
    };
    let name = match fs::read_to_string(folder.join(NAME)) {
        Ok(name) if name.starts_with(PREFIX) => name,
        Ok(_) => return Ok(None),
        Err(error) if nobody(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    match Stream::connect_by_path_with_wait_mode(name.as_str(), ConnectWaitMode::Timeout(PATIENCE)) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if nobody(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The pipe is its owner's alone to open, and its name a secret of the state folder.
#[allow(clippy::unnecessary_wraps, reason = "elsewhere the system is asked")]
pub(super) fn check_peer(_: &Stream, _: End) -> Result<(), WireError> {
    Ok(())
}
