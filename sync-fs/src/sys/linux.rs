//! Linux: everything relative to an open directory, nothing through a link.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RawDir, RenameFlags, ResolveFlags, Statx, StatxAttributes, StatxFlags,
    Timespec, Timestamps, XattrFlags,
};
use rustix::io::Errno;
use sync_core::entry::{Attributes, Kind};
use sync_replica::Xattrs;

use super::{Stat, kill};

pub(crate) use super::ffi::{Writers, no_writer_came, writers};

/// Whether a whole file system can be made durable at once.
pub(crate) const CAN_SYNC_ALL: bool = true;
/// Longest path given to the kernel in one call; longer ones are walked in pieces.
const PIECE: usize = 4000;
const DIR_FLAGS: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const STAT_MASK: StatxFlags = StatxFlags::BASIC_STATS;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Dir(OwnedFd);

impl AsFd for Dir {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn nanoseconds(seconds: i64, nanos: u32) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(i64::from(nanos))
}

fn to_stat(x: &Statx) -> Stat {
    let kind = match rustix::fs::FileType::from_raw_mode(x.stx_mode.into()) {
        rustix::fs::FileType::RegularFile => Some(Kind::File),
        rustix::fs::FileType::Directory => Some(Kind::Dir),
        rustix::fs::FileType::Symlink => Some(Kind::Symlink),
        _ => None,
    };
    Stat {
        kind,
        dev: rustix::fs::makedev(x.stx_dev_major, x.stx_dev_minor),
        id: x.stx_ino,
        size: x.stx_size,
        allocated: x.stx_blocks.saturating_mul(512),
        mtime_ns: nanoseconds(x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec),
        ctime_ns: nanoseconds(x.stx_ctime.tv_sec, x.stx_ctime.tv_nsec),
        bits: x.stx_mode & 0o7777,
        mount_root: x.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
        links: x.stx_nlink,
    }
}

/// Whether `openat2` was found missing, on an old kernel or behind a strict sandbox.
static NO_OPENAT2: AtomicBool = AtomicBool::new(false);

impl Dir {
    /// Opens the directory a user named; links in that path are the user's own wish.
    pub(crate) fn open_root(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(rustix::fs::openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens the directory at `rel`, components divided by `/`, without passing any link.
    pub(crate) fn open_beneath(&self, rel: &[u8]) -> io::Result<Self> {
        let mut rest = rel;
        let mut at: Option<OwnedFd> = None;
        loop {
            let piece = if rest.len() <= PIECE {
                rest
            } else {
                let cut = rest[..PIECE].iter().rposition(|b| *b == b'/').ok_or(Errno::NAMETOOLONG)?;
                &rest[..cut]
            };
            let next = open_piece(at.as_ref().unwrap_or(&self.0), piece)?;
            if piece.len() == rest.len() {
                return Ok(Self(next));
            }
            rest = &rest[piece.len() + 1..];
            at = Some(next);
        }
    }

    /// The same directory, opened once more to be read from its start.
    pub(crate) fn reopen(&self) -> io::Result<Self> {
        Ok(Self(rustix::fs::openat(&self.0, c".", DIR_FLAGS, Mode::empty())?))
    }

    /// What is called `name` here; none when nothing is.
    pub(crate) fn stat(&self, name: &[u8]) -> io::Result<Option<Stat>> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statx(&self.0, name, flags, STAT_MASK) {
            Ok(x) => Ok(Some(to_stat(&x))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The same for a name as the kernel gave it.
    pub(crate) fn stat_c(&self, name: &std::ffi::CStr) -> io::Result<Option<Stat>> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        match rustix::fs::statx(&self.0, name, flags, STAT_MASK) {
            Ok(x) => Ok(Some(to_stat(&x))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The directory itself.
    pub(crate) fn stat_self(&self) -> io::Result<Stat> {
        Ok(to_stat(&rustix::fs::statx(&self.0, c"", AtFlags::EMPTY_PATH, STAT_MASK)?))
    }

    /// Every name in the directory.
    pub(crate) fn names(&self) -> io::Result<Vec<Box<[u8]>>> {
        let fresh = rustix::fs::openat(&self.0, c".", DIR_FLAGS, Mode::empty())?;
        let mut buffer = vec![MaybeUninit::uninit(); 32 * 1024];
        let mut entries = RawDir::new(fresh, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.into());
            }
        }
        Ok(names)
    }

    /// Opens a file for reading, never through a link and never blocking on a pipe.
    pub(crate) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match rustix::fs::openat(&self.0, name, flags | OFlags::NOATIME, Mode::empty()) {
            Ok(fd) => Ok(fd.into()),
            Err(Errno::PERM) => Ok(rustix::fs::openat(&self.0, name, flags, Mode::empty())?.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a file to learn whether somebody writes to it.
    pub(crate) fn open_to_hold(&self, name: &[u8]) -> io::Result<File> {
        self.open_file(name)
    }

    /// Opens a file of our own to go on writing it.
    pub(crate) fn open_to_change(&self, name: &[u8]) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, Mode::empty())?.into())
    }

    /// Opens a file to ask whether somebody writes to it: none when that is known at once.
    pub(crate) fn open_to_ask(&self, name: &[u8]) -> io::Result<Option<File>> {
        self.open_file(name).map(Some)
    }

    /// Opens a file or directory to set its properties.
    pub(crate) fn open_for_properties(&self, name: &[u8]) -> io::Result<File> {
        match self.open_file(name) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                Ok(rustix::fs::openat(&self.0, name, flags, Mode::empty())?.into())
            }
            other => other,
        }
    }

    /// Creates a file that must not be there yet.
    pub(crate) fn create(&self, name: &[u8], attributes: Attributes) -> io::Result<File> {
        kill::point();
        let mode = match attributes {
            // Set-id bits only ever come by a deliberate `set_attributes`.
            Attributes::Unix(mode) => Mode::from_raw_mode(u32::from(mode) & 0o777),
            _ => Mode::from_raw_mode(0o666),
        };
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.0, name, flags, mode)?.into())
    }

    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    pub(crate) fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<()> {
        kill::point();
        Ok(rustix::fs::symlinkat(target, &self.0, name)?)
    }

    /// Makes a directory; with no mode of its own it gets the user's default.
    pub(crate) fn mkdir(&self, name: &[u8], attributes: Attributes) -> io::Result<()> {
        kill::point();
        let mode = match attributes {
            Attributes::Unix(mode) => Mode::from_raw_mode(mode.into()),
            _ => Mode::from_raw_mode(0o777),
        };
        Ok(rustix::fs::mkdirat(&self.0, name, mode)?)
    }

    pub(crate) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        kill::point();
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::empty())?)
    }

    pub(crate) fn rmdir(&self, name: &[u8]) -> io::Result<()> {
        kill::point();
        Ok(rustix::fs::unlinkat(&self.0, name, AtFlags::REMOVEDIR)?)
    }

    /// Renames, overwriting what is there.
    pub(crate) fn rename_over(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        kill::point();
        Ok(rustix::fs::renameat(&self.0, name, &to.0, to_name)?)
    }

    /// Renames, and fails with `AlreadyExists` when something is there.
    pub(crate) fn rename_noreplace(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        kill::point();
        match rustix::fs::renameat_with(&self.0, name, &to.0, to_name, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                self.rename_noreplace_in_steps(name, to, to_name)
            }
            other => Ok(other?),
        }
    }

    /// A second name fails when the place is taken, so it keeps the promise for files; directories and sides
    /// without second names are left with looking first.
    fn rename_noreplace_in_steps(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        static ALONE: Mutex<()> = Mutex::new(());
        match rustix::fs::linkat(&self.0, name, &to.0, to_name, AtFlags::empty()) {
            Ok(()) => return self.unlink(name),
            Err(Errno::EXIST) => return Err(Errno::EXIST.into()),
            Err(Errno::XDEV) => return Err(Errno::XDEV.into()),
            Err(_) => {}
        }
        // Of two threads here, the later one has to find the work of the first.
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        if to.stat(to_name)?.is_some() {
            return Err(Errno::EXIST.into());
        }
        self.rename_over(name, to, to_name)
    }

    /// Exchanges two names in one step.
    pub(crate) fn exchange(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        kill::point();
        Ok(rustix::fs::renameat_with(&self.0, name, &to.0, to_name, RenameFlags::EXCHANGE)?)
    }

    /// Gives a file or link a second name.
    pub(crate) fn link(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        kill::point();
        Ok(rustix::fs::linkat(&self.0, name, &to.0, to_name, AtFlags::empty())?)
    }

    /// Sets the time of a link itself.
    pub(crate) fn set_link_mtime(&self, name: &[u8], mtime_ns: i64) -> io::Result<()> {
        kill::point();
        Ok(rustix::fs::utimensat(&self.0, name, &times(mtime_ns), AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Makes the names in this directory durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let readable = rustix::fs::openat(&self.0, c".", DIR_FLAGS, Mode::empty())?;
        Ok(rustix::fs::fsync(readable)?)
    }

    /// Makes everything on this file system durable; false where the system cannot.
    pub(crate) fn sync_all(&self) -> io::Result<bool> {
        rustix::fs::syncfs(&self.0)?;
        Ok(true)
    }

    /// Opens a file so that it can be made durable.
    pub(crate) fn open_to_sync(&self, name: &[u8]) -> io::Result<File> {
        self.open_for_properties(name)
    }

    /// Bytes an ordinary user can still write.
    pub(crate) fn free_bytes(&self) -> io::Result<Option<u64>> {
        let statvfs = rustix::fs::fstatvfs(&self.0)?;
        Ok(Some(statvfs.f_bavail.saturating_mul(statvfs.f_frsize)))
    }

    /// Which file system this is, for as long as it is not made anew.
    pub(crate) fn file_system(&self) -> io::Result<FileSystem> {
        let statfs = rustix::fs::fstatfs(&self.0)?;
        let fsid = rustix::fs::fstatvfs(&self.0)?.f_fsid;
        Ok(FileSystem { kind: (statfs.f_type as u64) & 0xffff_ffff, id: fsid })
    }
}

/// A file system's identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileSystem {
    pub(crate) kind: u64,
    pub(crate) id: u64,
}

impl FileSystem {
    /// Whether its file numbers stay with the file and its change times are its own: so on the local file systems
    /// that are known for it, and not where a network or a user's program stands between.
    pub(crate) fn is_trusted(&self) -> bool {
        const EXT: u64 = 0xef53;
        const XFS: u64 = 0x5846_5342;
        const BTRFS: u64 = 0x9123_683e;
        const TMPFS: u64 = 0x0102_1994;
        const F2FS: u64 = 0xf2f5_2010;
        const BCACHEFS: u64 = 0xca45_1a4e;
        const ZFS: u64 = 0x2fc1_2fc1;
        [EXT, XFS, BTRFS, TMPFS, F2FS, BCACHEFS, ZFS].contains(&self.kind)
    }

    /// Whether nobody can write a file here without this system's knowledge: where it is on a disk of this machine.
    pub(crate) fn knows_all_writers(&self) -> bool {
        const FAT: u64 = 0x4d44;
        const EXFAT: u64 = 0x2011_bab0;
        const NTFS: u64 = 0x7366_746e;
        self.is_trusted() || self.is_layered() || [FAT, EXFAT, NTFS].contains(&self.kind)
    }

    /// Layered file systems keep change times, but a file's number may change when it is first written.
    pub(crate) fn is_layered(&self) -> bool {
        const OVERLAY: u64 = 0x794c_7630;
        self.kind == OVERLAY
    }
}

fn open_piece(dir: &OwnedFd, rel: &[u8]) -> rustix::io::Result<OwnedFd> {
    const BENEATH: ResolveFlags = ResolveFlags::BENEATH
        .union(ResolveFlags::NO_SYMLINKS)
        .union(ResolveFlags::NO_MAGICLINKS)
        .union(ResolveFlags::NO_XDEV);
    if !NO_OPENAT2.load(Ordering::Relaxed) {
        for _ in 0..16 {
            match rustix::fs::openat2(dir, rel, DIR_FLAGS, Mode::empty(), BENEATH) {
                // A rename elsewhere disturbed the lookup.
                Err(Errno::AGAIN) => {}
                Err(Errno::NOSYS | Errno::PERM) => {
                    NO_OPENAT2.store(true, Ordering::Relaxed);
                    break;
                }
                other => return other,
            }
        }
    }
    open_stepwise(dir, rel)
}

/// The same one component at a time.
fn open_stepwise(dir: &OwnedFd, rel: &[u8]) -> rustix::io::Result<OwnedFd> {
    let device = |fd: &OwnedFd| rustix::fs::fstat(fd).map(|stat| stat.st_dev);
    let home = device(dir)?;
    let mut at: Option<OwnedFd> = None;
    for name in rel.split(|b| *b == b'/') {
        if name.is_empty() || name == b"." || name == b".." {
            return Err(Errno::INVAL);
        }
        let next = rustix::fs::openat(at.as_ref().unwrap_or(dir), name, DIR_FLAGS, Mode::empty())?;
        if device(&next)? != home {
            return Err(Errno::XDEV);
        }
        at = Some(next);
    }
    at.ok_or(Errno::INVAL)
}

/// The access time is set along with it: some file systems take either both or none.
fn times(mtime_ns: i64) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW },
        last_modification: Timespec {
            tv_sec: mtime_ns.div_euclid(1_000_000_000),
            tv_nsec: mtime_ns.rem_euclid(1_000_000_000),
        },
    }
}

/// What an open file is.
pub(crate) fn file_stat(file: &File) -> io::Result<Stat> {
    Ok(to_stat(&rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, STAT_MASK)?))
}

pub(crate) fn set_mtime(file: &File, mtime_ns: i64) -> io::Result<()> {
    kill::point();
    Ok(rustix::fs::futimens(file, &times(mtime_ns))?)
}

/// Sets permission bits; attributes of another family are left out.
pub(crate) fn set_attributes(file: &File, attributes: Attributes) -> io::Result<()> {
    if let Attributes::Unix(mode) = attributes {
        kill::point();
        rustix::fs::fchmod(file, Mode::from_raw_mode(mode.into()))?;
    }
    Ok(())
}

/// The set-id bits may travel only where the copy has the owner of the source: a copy made by another user, root
/// above all, would lend that user's rights to everybody.
pub(crate) fn may_keep_set_id(source: &File) -> bool {
    rustix::fs::fstat(source).is_ok_and(|stat| {
        stat.st_uid == rustix::process::geteuid().as_raw()
            && stat.st_gid == rustix::process::getegid().as_raw()
    })
}

/// The extended attributes of the user's own namespace, sorted by name.
pub(crate) fn xattrs(file: &File) -> io::Result<Xattrs> {
    let mut list = Vec::<u8>::with_capacity(1024);
    loop {
        list.clear();
        match rustix::fs::flistxattr(file, rustix::buffer::spare_capacity(&mut list)) {
            Ok(_) => break,
            Err(Errno::RANGE) => {
                let wanted = rustix::fs::flistxattr(file, &mut [0_u8; 0][..])?;
                list.reserve(wanted.max(list.capacity() * 2));
            }
            Err(Errno::OPNOTSUPP) => return Ok(Xattrs::default()),
            Err(error) => return Err(error.into()),
        }
    }
    let mut found = Vec::new();
    for name in list.split(|b| *b == 0).filter(|name| name.starts_with(b"user.")) {
        let mut value = Vec::<u8>::with_capacity(256);
        loop {
            value.clear();
            match rustix::fs::fgetxattr(file, name, rustix::buffer::spare_capacity(&mut value)) {
                Ok(_) => {
                    found.push((name.into(), value.into_boxed_slice()));
                    break;
                }
                Err(Errno::RANGE) => value.reserve(value.capacity() * 4),
                // Taken away since it was listed.
                Err(Errno::NODATA) => break,
                Err(error) => return Err(error.into()),
            }
        }
    }
    found.sort();
    Ok(Xattrs(found))
}

/// Makes the file's own extended attributes these and no others.
pub(crate) fn set_xattrs(file: &File, wanted: &Xattrs) -> io::Result<()> {
    let held = xattrs(file)?;
    for (name, _) in held.0.iter().filter(|(name, _)| wanted.0.iter().all(|(other, _)| other != name)) {
        kill::point();
        rustix::fs::fremovexattr(file, &**name)?;
    }
    for (name, value) in wanted.0.iter().filter(|pair| !held.0.contains(pair)) {
        kill::point();
        rustix::fs::fsetxattr(file, &**name, value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Makes `to`, which is empty, share the blocks of `from`; false where that cannot be.
pub(crate) fn share_blocks(from: &File, to: &File) -> bool {
    kill::point();
    rustix::fs::ioctl_ficlone(to, from).is_ok()
}

/// The next stretch of data at or after `offset`; none when only a hole follows.
pub(crate) fn next_data(file: &File, offset: u64) -> io::Result<Option<(u64, u64)>> {
    use rustix::fs::SeekFrom;
    let start = match rustix::fs::seek(file, SeekFrom::Data(offset)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let end = rustix::fs::seek(file, SeekFrom::Hole(start))?;
    Ok(Some((start, end)))
}

/// The bytes of a name the system gave as an `OsStr`.
pub(crate) fn name_bytes(name: &std::ffi::OsStr) -> std::borrow::Cow<'_, [u8]> {
    std::borrow::Cow::Borrowed(name.as_bytes())
}

/// A path's bytes with `/` between components.
pub(crate) fn path_from_bytes(bytes: &[u8]) -> std::path::PathBuf {
    std::ffi::OsStr::from_bytes(bytes).into()
}

pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match std::os::unix::fs::FileExt::read_at(file, buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

pub(crate) fn write_all_at(file: &File, buffer: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, buffer, offset)
}

/// What a local file system on Linux mostly can do, for where nothing may be tried.
pub(crate) const TYPICAL: sync_core::abilities::Abilities = sync_core::abilities::Abilities::FULL;

/// What is at a path, without following it if it is a link; none when nothing is.
#[cfg(test)]
pub(crate) fn stat_path(path: &Path) -> io::Result<Option<Stat>> {
    match rustix::fs::statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT, STAT_MASK) {
        Ok(x) => Ok(Some(to_stat(&x))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
