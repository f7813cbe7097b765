//! A socket in the state folder.
//!
//! Owns [`Door`], by which a running session can be reached, and [`knock`]. Only the session's own user and root come
//! in: the socket is theirs alone to open, and on Linux the system is asked who is at the other end, on both ends.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::door::Entrance;
use super::wire::{Line, WireError};

const SOCKET: &str = "control.sock";
/// A socket that is being made; it gets its name when nobody else can open it.
const UNFINISHED: &str = "control.sock.new";
/// What the system surely takes as the path of a socket.
const SHORT: usize = 100;

/// A connection.
pub(super) type Stream = UnixStream;

impl Line for UnixStream {
    fn patience(&self, patience: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(patience))?;
        self.set_write_timeout(Some(patience))
    }
}

/// Where a running session is reached.
#[derive(Debug)]
pub(super) struct Door {
    listener: UnixListener,
    socket: PathBuf,
    /// Given back last: as long as it is held, nobody takes the socket for one that was left behind.
    _entrance: Entrance,
}

impl Door {
    /// Opens it. None when another session has one in this folder; what a killed one left is replaced.
    pub(super) fn open(folder: &Path) -> io::Result<Option<Self>> {
        let Some(entrance) = Entrance::take(folder)? else { return Ok(None) };
        let socket = folder.join(SOCKET);
        let place = Place::of(folder)?;
        let unfinished = place.at(UNFINISHED);
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&unfinished)?;
        fs::set_permissions(&unfinished, Permissions::from_mode(0o600))?;
        fs::rename(&unfinished, place.at(SOCKET))?;
        Ok(Some(Self { listener, socket, _entrance: entrance }))
    }

    /// Waits for somebody.
    pub(super) fn accept(&self) -> io::Result<Stream> {
        Ok(self.listener.accept()?.0)
    }

    /// Makes [`Door::accept`] return.
    pub(super) fn wake(&self) {
        // On Linux this ends the waiting by itself; elsewhere somebody has to come.
        let _ = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both);
        if let Some(folder) = self.socket.parent() {
            let _ = knock(folder);
        }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.socket);
    }
}

/// Asks for entry. None when no session listens there.
pub(super) fn knock(folder: &Path) -> io::Result<Option<Stream>> {
    let place = match Place::of(folder) {
        Ok(place) => place,
        Err(error) if is_nobody(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    match UnixStream::connect(place.at(SOCKET)) {
        Ok(stream) => Ok(Some(stream)),
        Err(error) if is_nobody(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether it only means that nobody is there, or nobody for us.
fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::NotFound
            | ErrorKind::NotADirectory
            | ErrorKind::ConnectionRefused
            | ErrorKind::PermissionDenied
    )
}

/// A folder by a path that is short enough for a socket.
struct Place {
    path: PathBuf,
    /// What the short path stands for, open as long as it is used.
    _folder: Option<File>,
}

impl Place {
    fn of(folder: &Path) -> io::Result<Self> {
        if folder.as_os_str().len() + UNFINISHED.len() < SHORT {
            return Ok(Self { path: folder.to_owned(), _folder: None });
        }
        shorter(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

#[cfg(target_os = "linux")]
fn shorter(folder: &Path) -> io::Result<Place> {
    use std::os::fd::AsRawFd as _;
    let open = File::open(folder)?;
    Ok(Place { path: format!("/proc/self/fd/{}", open.as_raw_fd()).into(), _folder: Some(open) })
}

#[cfg(not(target_os = "linux"))]
fn shorter(folder: &Path) -> io::Result<Place> {
    let reason = format!("the path of the state folder `{}` is too long for a socket", folder.display());
    Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
}

/// Whether this user, or root, is at the other end. `us` tells whether root trusts whoever is there: it may look into
/// any user's session, and nobody else's word makes it do anything.
#[cfg(target_os = "linux")]
pub(super) fn check_peer(stream: &Stream, us: super::door::End) -> Result<(), WireError> {
    let peer = rustix::net::sockopt::socket_peercred(stream).map_err(|error| WireError::Io(error.into()))?;
    let own = rustix::process::geteuid();
    let trusted = peer.uid == own || peer.uid.is_root() || (own.is_root() && us == super::door::End::Client);
    if trusted { Ok(()) } else { Err(WireError::Foreign) }
}

/// The socket is its owner's alone to open, which must do here.
#[cfg(not(target_os = "linux"))]
pub(super) fn check_peer(_: &Stream, _: super::door::End) -> Result<(), WireError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_session_has_the_door_and_a_left_one_is_replaced() {
        let temp = tempfile::tempdir().unwrap();
        for folder in [temp.path().to_owned(), temp.path().join("a folder with a long name ".repeat(8))] {
            fs::create_dir_all(&folder).unwrap();
            assert!(knock(&folder).unwrap().is_none(), "nobody yet");
            let door = Door::open(&folder).unwrap().unwrap();
            assert!(Door::open(&folder).unwrap().is_none(), "a live one stays");
            let mode = fs::metadata(folder.join(SOCKET)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            let here = knock(&folder).unwrap().unwrap();
            let there = door.accept().unwrap();
            check_peer(&here, super::super::door::End::Client).unwrap();
            check_peer(&there, super::super::door::End::Session).unwrap();
            drop(door);
            assert!(!folder.join(SOCKET).exists());

            // As a kill leaves it: the socket is there and nobody listens.
            drop(UnixListener::bind(Place::of(&folder).unwrap().at(SOCKET)).unwrap());
            assert!(knock(&folder).unwrap().is_none());
            let door = Door::open(&folder).unwrap().unwrap();
            let waiting = std::thread::spawn(move || door.accept().is_ok());
            assert!(knock(&folder).unwrap().is_some());
            assert!(waiting.join().unwrap());
        }
    }

    #[test]
    fn waiting_for_somebody_can_be_ended() {
        let temp = tempfile::tempdir().unwrap();
        let door = std::sync::Arc::new(Door::open(temp.path()).unwrap().unwrap());
        let waits = std::sync::Arc::clone(&door);
        let waiting = std::thread::spawn(move || drop(waits.accept()));
        std::thread::sleep(Duration::from_millis(50));
        door.wake();
        waiting.join().unwrap();
    }
}
