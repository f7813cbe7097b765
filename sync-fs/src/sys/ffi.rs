//! The calls into the system for which no safe wrapper exists. The only module of this crate with unsafe code.
#![allow(unsafe_code)]

#[cfg(target_os = "linux")]
pub(crate) use lease::{Writers, no_writer_came, writers};

/// Gives memory that is free back to the system, which the allocator keeps otherwise: what a busy hour needed would stay
/// with the process for weeks.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn trim_memory() {
    // SAFETY: it takes a number, may be called at any time from any thread, and moves nothing that is in use.
    unsafe { libc::malloc_trim(0) };
}

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

#[cfg(windows)]
pub(crate) use win::{free_bytes, identity, move_without_replacing, set_attribute_bits, volume_name};

/// What std does not tell or do on Windows.
#[cfg(windows)]
mod win {
    use std::fs::File;
    use std::io;
    use std::mem::{size_of, zeroed};
    use std::os::windows::ffi::OsStrExt;
    use std::os::windows::io::AsRawHandle;
    use std::path::Path;
    use std::ptr::{from_mut, from_ref, null_mut};

    use windows_sys::Win32::Foundation::HANDLE;
    use windows_sys::Win32::Storage::FileSystem::{
        BY_HANDLE_FILE_INFORMATION, FILE_BASIC_INFO, FileBasicInfo, GetDiskFreeSpaceExW,
        GetFileInformationByHandle, GetFileInformationByHandleEx, GetVolumeInformationByHandleW, MoveFileExW,
        SetFileInformationByHandle,
    };

    const BASIC_SIZE: u32 = size_of::<FILE_BASIC_INFO>() as u32;

    /// What makes a file the one it is.
    pub(crate) struct Identity {
        pub(crate) volume: u64,
        pub(crate) index: u64,
        pub(crate) links: u32,
        /// In steps of 100 ns since 1601; 0 where the file system does not tell.
        pub(crate) changed: i64,
    }

    fn handle(file: &File) -> HANDLE {
        file.as_raw_handle()
    }

    fn check(result: i32) -> io::Result<()> {
        if result != 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    fn wide(path: &Path) -> io::Result<Vec<u16>> {
        let mut wide: Vec<u16> = path.as_os_str().encode_wide().collect();
        if wide.contains(&0) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a name with a NUL"));
        }
        wide.push(0);
        Ok(wide)
    }

    pub(crate) fn identity(file: &File) -> io::Result<Identity> {
        // SAFETY: both are plain structures of integers, for which all zeros is a value.
        let (mut info, mut basic): (BY_HANDLE_FILE_INFORMATION, FILE_BASIC_INFO) =
            unsafe { (zeroed(), zeroed()) };
        // SAFETY: the handle is open as long as `file` is borrowed; `info` outlives the call.
        check(unsafe { GetFileInformationByHandle(handle(file), &raw mut info) })?;
        // SAFETY: as above; the size given is that of `basic`.
        let told = unsafe {
            GetFileInformationByHandleEx(handle(file), FileBasicInfo, from_mut(&mut basic).cast(), BASIC_SIZE)
        };
        Ok(Identity {
            volume: u64::from(info.dwVolumeSerialNumber),
            index: u64::from(info.nFileIndexHigh) << 32 | u64::from(info.nFileIndexLow),
            links: info.nNumberOfLinks,
            changed: if told != 0 { basic.ChangeTime } else { 0 },
        })
    }

    /// Sets the attributes and leaves every time as it is.
    pub(crate) fn set_attribute_bits(file: &File, bits: u32) -> io::Result<()> {
        let basic = FILE_BASIC_INFO {
            CreationTime: 0,
            LastAccessTime: 0,
            LastWriteTime: 0,
            ChangeTime: 0,
            FileAttributes: bits,
        };
        // SAFETY: the handle is open as long as `file` is borrowed; the size given is that of `basic`.
        check(unsafe {
            SetFileInformationByHandle(handle(file), FileBasicInfo, from_ref(&basic).cast(), BASIC_SIZE)
        })
    }

    /// Bytes that the user can still write on the volume of `path`.
    pub(crate) fn free_bytes(path: &Path) -> io::Result<u64> {
        let path = wide(path)?;
        let mut free = 0_u64;
        // SAFETY: `path` ends in a NUL and outlives the call, as does `free`; the others may be null.
        check(unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &raw mut free, null_mut(), null_mut()) })?;
        Ok(free)
    }

    /// The serial number of a volume and the name of its file system, such as `NTFS`.
    pub(crate) fn volume_name(file: &File) -> io::Result<(u32, String)> {
        let mut serial = 0_u32;
        let mut name = [0_u16; 64];
        // SAFETY: the handle is open; the length given is that of `name`; the others may be null.
        check(unsafe {
            GetVolumeInformationByHandleW(
                handle(file),
                null_mut(),
                0,
                &raw mut serial,
                null_mut(),
                null_mut(),
                name.as_mut_ptr(),
                name.len() as u32,
            )
        })?;
        let length = name.iter().position(|unit| *unit == 0).unwrap_or(name.len());
        Ok((serial, String::from_utf16_lossy(&name[..length])))
    }

    /// Renames within a volume, and fails when something is there.
    pub(crate) fn move_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (wide(from)?, wide(to)?);
        // SAFETY: both end in a NUL and outlive the call.
        check(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 0) })
    }
}
