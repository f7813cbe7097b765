//! The calls into the system for which no safe wrapper exists. The only module of this crate with unsafe code.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
pub(crate) use lease::{Writers, no_writer_came, writers};

/// Learning whether somebody has a file open for writing, by asking for a read lease on it.
#[cfg(target_os = "linux")]
mod lease {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;

    /// Who writes to a file.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Writers {
        /// Nobody; whoever comes now waits until the file is closed here, and is noticed.
        None,
        /// Somebody has it open for writing.
        Some,
        /// The system does not tell.
        Unknown,
    }

    /// From `fcntl.h`; the crate `libc` does not have it.
    const F_SETSIG: libc::c_int = 10;

    /// Takes a read lease on a file that was opened for reading alone; it ends when the file is closed.
    pub(crate) fn writers(file: &File) -> Writers {
        let fd = file.as_raw_fd();
        // A lease that is broken sends a signal, which would end the process were it left at SIGIO.
        // SAFETY: `fd` is open as long as `file` is borrowed; both commands take an integer and touch no memory.
        let taken = unsafe {
            libc::fcntl(fd, F_SETSIG, libc::SIGURG) == 0
                && libc::fcntl(fd, libc::F_SETLEASE, libc::F_RDLCK) == 0
        };
        if taken {
            return Writers::None;
        }
        match io::Error::last_os_error().raw_os_error() {
            Some(libc::EAGAIN | libc::EBUSY) => Writers::Some,
            _ => Writers::Unknown,
        }
    }

    /// Whether nobody has tried to open the file for writing since [`writers`] said `None`.
    pub(crate) fn no_writer_came(file: &File) -> bool {
        // SAFETY: `file` is open; the command takes no further argument and touches no memory.
        let lease = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETLEASE) };
        lease == libc::F_RDLCK
    }
}
