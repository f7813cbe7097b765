//! Windows: everything by paths that begin with `\\?\`, below directories that are held open.
//!
//! A [`Dir`] below the root holds itself and every directory above it open without sharing deletion, so that none
//! of them can be renamed or become a link while it is used; a junction or link on the way is refused.
#![allow(clippy::unused_self, reason = "both systems offer the same functions")]

use std::fs::{self, File, FileTimes, OpenOptions};
use std::io;
use std::os::windows::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use sync_core::abilities::{Abilities, AttributeKind, NameRules};
use sync_core::entry::{Attributes, Kind};
use sync_core::fold::Equivalence;
use sync_replica::Xattrs;
use windows_sys::Win32::Foundation::{GENERIC_READ, GENERIC_WRITE};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES,
    FILE_SHARE_DELETE, FILE_SHARE_READ, FILE_SHARE_WRITE, FILE_WRITE_ATTRIBUTES,
};

use super::{Stat, ffi, kill};

pub(crate) use super::names::{name_bytes, path_from_bytes};

/// Windows has no call for this that an ordinary user may make.
pub(crate) const CAN_SYNC_ALL: bool = false;

const SHARE_ALL: u32 = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
/// A link is opened as itself, a directory at all.
const AS_ITSELF: u32 = FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS;
/// Read-only, hidden, system, archive.
const SYNCED_BITS: u32 = 0x1 | 0x2 | 0x4 | 0x20;
const READ_ONLY: u32 = 0x1;
/// What a file without any attribute has.
const NORMAL: u32 = 0x80;
const TICKS_TO_1970: i64 = 116_444_736_000_000_000;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
    /// The directory, and those above it up to the root.
    held: Vec<File>,
}

fn open(path: &Path, access: u32, share: u32) -> io::Result<File> {
    OpenOptions::new().access_mode(access).share_mode(share).custom_flags(AS_ITSELF).open(path)
}

/// Tries again for a moment where a virus scanner or an indexer has the file in its hands.
fn patiently<T>(mut work: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const ACCESS_DENIED: i32 = 5;
    const SHARING_VIOLATION: i32 = 32;
    let mut pause = Duration::from_millis(5);
    for attempt in 0..9 {
        match work() {
            Err(error) => match error.raw_os_error() {
                Some(SHARING_VIOLATION) => {}
                // Mostly meant for good, so it is worth less waiting.
                Some(ACCESS_DENIED) if attempt < 5 => {}
                _ => return Err(error),
            },
            done => return done,
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(250));
    }
    work()
}

fn ticks_to_ns(ticks: i64) -> i64 {
    ticks.saturating_sub(TICKS_TO_1970).saturating_mul(100)
}

/// What an open file is.
pub(crate) fn file_stat(file: &File) -> io::Result<Stat> {
    let metadata = file.metadata()?;
    let identity = ffi::identity(file)?;
    let kind = match metadata.file_type() {
        kind if kind.is_symlink() => Some(Kind::Symlink),
        kind if kind.is_dir() => Some(Kind::Dir),
        kind if kind.is_file() => Some(Kind::File),
        _ => None,
    };
    Ok(Stat {
        kind,
        dev: identity.volume,
        id: identity.index,
        size: metadata.file_size(),
        allocated: metadata.file_size(),
        mtime_ns: ticks_to_ns(metadata.last_write_time() as i64),
        ctime_ns: if identity.changed == 0 { 0 } else { ticks_to_ns(identity.changed) },
        bits: (metadata.file_attributes() & SYNCED_BITS) as u16,
        // A volume mounted in a folder is a junction, which counts as a link.
        mount_root: false,
        links: identity.links,
    })
}

/// What is at a path, without following it if it is a link; none when nothing is.
pub(crate) fn stat_path(path: &Path) -> io::Result<Option<Stat>> {
    match open(path, FILE_READ_ATTRIBUTES, SHARE_ALL) {
        Ok(file) => file_stat(&file).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Dir {
    /// Opens the directory a user named; links in that path are the user's own wish.
    pub(crate) fn open_root(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        // Shared in every way: a drive is not kept from being taken out.
        let file = open(&path, FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES, SHARE_ALL)?;
        if !file.metadata()?.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        Ok(Self { path, held: vec![file] })
    }

    /// Opens the directory at `rel`, components divided by `/`, without passing any link.
    pub(crate) fn open_beneath(&self, rel: &[u8]) -> io::Result<Self> {
        let mut path = self.path.clone();
        let mut held = Vec::new();
        for name in rel.split(|b| *b == b'/') {
            path.push(path_from_bytes(name));
            let access = FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES;
            let file = patiently(|| open(&path, access, FILE_SHARE_READ | FILE_SHARE_WRITE))?;
            let kind = file.metadata()?.file_type();
            if kind.is_symlink() || !kind.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            held.push(file);
        }
        Ok(Self { path, held })
    }

    /// The same directory once more.
    pub(crate) fn reopen(&self) -> io::Result<Self> {
        let held = self.held.iter().map(File::try_clone).collect::<io::Result<_>>()?;
        Ok(Self { path: self.path.clone(), held })
    }

    fn at(&self, name: &[u8]) -> PathBuf {
        self.path.join(path_from_bytes(name))
    }

    /// What is called `name` here; none when nothing is.
    pub(crate) fn stat(&self, name: &[u8]) -> io::Result<Option<Stat>> {
        stat_path(&self.at(name))
    }

    /// The directory itself.
    pub(crate) fn stat_self(&self) -> io::Result<Stat> {
        self.held.last().map_or_else(|| Err(io::ErrorKind::NotFound.into()), file_stat)
    }

    /// Every name in the directory.
    pub(crate) fn names(&self) -> io::Result<Vec<Box<[u8]>>> {
        fs::read_dir(&self.path)?.map(|entry| Ok(name_bytes(&entry?.file_name()).into())).collect()
    }

    /// Opens a file for reading, never through a link. Others may go on writing it.
    pub(crate) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        let file = open(&self.at(name), GENERIC_READ, SHARE_ALL)?;
        if file.metadata()?.file_type().is_file() {
            Ok(file)
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Opens a file so that nobody can open it for writing meanwhile; fails when somebody has.
    pub(crate) fn open_to_hold(&self, name: &[u8]) -> io::Result<File> {
        patiently(|| open(&self.at(name), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE))
    }

    /// Opens a file of our own to go on writing it.
    pub(crate) fn open_to_change(&self, name: &[u8]) -> io::Result<File> {
        patiently(|| open(&self.at(name), GENERIC_READ | GENERIC_WRITE, SHARE_ALL))
    }

    /// Opens a file to ask whether somebody writes to it: none when that is known at once, as nobody who has it open
    /// for writing lets it be opened by who allows no writing.
    pub(crate) fn open_to_ask(&self, name: &[u8]) -> io::Result<Option<File>> {
        const SHARING_VIOLATION: i32 = 32;
        match open(&self.at(name), GENERIC_READ, FILE_SHARE_READ | FILE_SHARE_DELETE) {
            Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
            other => other.map(Some),
        }
    }

    /// Opens a file or directory to set its properties.
    pub(crate) fn open_for_properties(&self, name: &[u8]) -> io::Result<File> {
        patiently(|| open(&self.at(name), FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES, SHARE_ALL))
    }

    /// Creates a file that must not be there yet.
    pub(crate) fn create(&self, name: &[u8], _attributes: Attributes) -> io::Result<File> {
        kill::point();
        OpenOptions::new().read(true).write(true).create_new(true).open(self.at(name))
    }

    pub(crate) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let target = fs::read_link(self.at(name))?;
        // Relative targets are told with `/`, as everywhere else.
        let mut bytes = name_bytes(target.as_os_str()).into_owned();
        if target.is_relative() {
            bytes.iter_mut().filter(|b| **b == b'\\').for_each(|b| *b = b'/');
        }
        Ok(bytes)
    }

    pub(crate) fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<()> {
        kill::point();
        let text = std::str::from_utf8(target).map_err(|_| io::Error::from(io::ErrorKind::Unsupported))?;
        let target = PathBuf::from(text.replace('/', "\\"));
        // Windows wants to know what the link will lead to.
        if self.path.join(&target).is_dir() {
            std::os::windows::fs::symlink_dir(target, self.at(name))
        } else {
            std::os::windows::fs::symlink_file(target, self.at(name))
        }
    }

    pub(crate) fn mkdir(&self, name: &[u8], _attributes: Attributes) -> io::Result<()> {
        kill::point();
        fs::create_dir(self.at(name))
    }

    pub(crate) fn unlink(&self, name: &[u8]) -> io::Result<()> {
        kill::point();
        let path = self.at(name);
        let removed = patiently(|| match fs::remove_file(&path) {
            // A link to a directory is removed as a directory.
            Err(error) if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) => {
                fs::remove_dir(&path).map_err(|_| error)
            }
            other => other,
        });
        match removed {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let file = self.open_for_properties(name)?;
                let attributes = file.metadata()?.file_attributes();
                if attributes & READ_ONLY == 0 {
                    return Err(error);
                }
                ffi::set_attribute_bits(&file, (attributes & !READ_ONLY).max(NORMAL))?;
                drop(file);
                fs::remove_file(&path)
            }
            other => other,
        }
    }

    pub(crate) fn rmdir(&self, name: &[u8]) -> io::Result<()> {
        kill::point();
        // std would remove a link to a directory as well.
        if fs::symlink_metadata(self.at(name))?.is_symlink() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        patiently(|| fs::remove_dir(self.at(name)))
    }

    /// Renames, overwriting what is there.
    pub(crate) fn rename_over(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        kill::point();
        patiently(|| fs::rename(self.at(name), to.at(to_name)))
    }

    /// Renames, and fails with `AlreadyExists` when something is there.
    pub(crate) fn rename_noreplace(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        kill::point();
        patiently(|| ffi::move_without_replacing(&self.at(name), &to.at(to_name)))
    }

    /// Windows has no such call.
    pub(crate) fn exchange(&self, _name: &[u8], _to: &Self, _to_name: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives a file a second name.
    pub(crate) fn link(&self, name: &[u8], to: &Self, to_name: &[u8]) -> io::Result<()> {
        kill::point();
        patiently(|| fs::hard_link(self.at(name), to.at(to_name)))
    }

    /// Sets the time of a link itself.
    pub(crate) fn set_link_mtime(&self, name: &[u8], mtime_ns: i64) -> io::Result<()> {
        set_mtime(&self.open_for_properties(name)?, mtime_ns)
    }

    /// Makes the names in this directory durable, where the file system lets a directory be flushed.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let share = SHARE_ALL;
        match open(&self.path, GENERIC_READ | GENERIC_WRITE, share).and_then(|dir| dir.sync_all()) {
            // NTFS writes names ahead into its own journal; others refuse this and have nothing better.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            Err(error) if error.raw_os_error() == Some(1) => Ok(()),
            other => other,
        }
    }

    /// Makes everything on this file system durable; false where the system cannot.
    pub(crate) fn sync_all(&self) -> io::Result<bool> {
        Ok(false)
    }

    /// Opens a file so that it can be made durable.
    pub(crate) fn open_to_sync(&self, name: &[u8]) -> io::Result<File> {
        patiently(|| open(&self.at(name), GENERIC_READ | GENERIC_WRITE, SHARE_ALL))
    }

    /// Bytes the user can still write.
    pub(crate) fn free_bytes(&self) -> io::Result<Option<u64>> {
        ffi::free_bytes(&self.path).map(Some)
    }

    /// Which file system this is, for as long as it is not made anew.
    pub(crate) fn file_system(&self) -> io::Result<FileSystem> {
        let root = self.held.last().ok_or(io::ErrorKind::NotFound)?;
        let (serial, name) = ffi::volume_name(root)?;
        let remote = self.path.as_os_str().as_encoded_bytes().starts_with(br"\\?\UNC\");
        let kind = match name.as_str() {
            "NTFS" if !remote => FileSystem::NTFS,
            _ => FileSystem::OTHER,
        };
        Ok(FileSystem { kind, id: u64::from(serial) })
    }
}

/// A file system's identity.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FileSystem {
    pub(crate) kind: u64,
    pub(crate) id: u64,
}

impl FileSystem {
    const NTFS: u64 = 1;
    const OTHER: u64 = 2;

    /// Whether its file numbers stay with the file and its change times are its own: on a local NTFS.
    pub(crate) fn is_trusted(&self) -> bool {
        self.kind == Self::NTFS
    }

    /// A server minds who has a file open as well.
    pub(crate) fn knows_all_writers(&self) -> bool {
        true
    }

    /// Windows has no such file systems.
    pub(crate) fn is_layered(&self) -> bool {
        false
    }
}

/// What a local volume mostly can do, for where nothing may be tried.
pub(crate) const TYPICAL: Abilities = Abilities {
    equivalence: Equivalence { case: true, form: false },
    mtime_precision_ns: 100,
    attributes: AttributeKind::Windows,
    xattrs: false,
    exchange: false,
    names: NameRules { utf8_only: true, ..NameRules::WINDOWS },
    ..Abilities::FULL
};

/// Who writes to a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Writers {
    /// Nobody, as long as it is held open.
    None,
    /// Somebody has it open for writing.
    Some,
    /// The system does not tell.
    Unknown,
}

/// A file that was opened by [`Dir::open_to_hold`] has no writers: it could not have been opened otherwise.
pub(crate) fn writers(file: &File) -> Writers {
    match file.metadata() {
        Ok(_) => Writers::None,
        Err(error) if error.raw_os_error() == Some(32) => Writers::Some,
        Err(_) => Writers::Unknown,
    }
}

/// Nobody can come while it is held.
pub(crate) fn no_writer_came(_file: &File) -> bool {
    true
}

pub(crate) fn set_mtime(file: &File, mtime_ns: i64) -> io::Result<()> {
    kill::point();
    let distance = Duration::from_nanos(mtime_ns.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let time = if mtime_ns < 0 { epoch.checked_sub(distance) } else { epoch.checked_add(distance) };
    let time = time.ok_or(io::ErrorKind::InvalidInput)?;
    file.set_times(FileTimes::new().set_modified(time))
}

/// Sets attribute bits; permissions of another family are left out.
pub(crate) fn set_attributes(file: &File, attributes: Attributes) -> io::Result<()> {
    if let Attributes::Windows(bits) = attributes {
        kill::point();
        let others = file.metadata()?.file_attributes() & !(SYNCED_BITS | NORMAL);
        // Only what may be set this way is passed on: not compressed, encrypted, sparse, reparse or directory.
        let kept = others & (0x100 | 0x1000 | 0x2000);
        ffi::set_attribute_bits(file, (u32::from(bits) & SYNCED_BITS | kept).max(NORMAL))?;
    }
    Ok(())
}

/// Windows has no such bits.
pub(crate) fn may_keep_set_id(_source: &File) -> bool {
    false
}

/// Windows keeps none of this kind.
pub(crate) fn xattrs(_file: &File) -> io::Result<Xattrs> {
    Ok(Xattrs::default())
}

/// Windows keeps none of this kind.
pub(crate) fn set_xattrs(_file: &File, _wanted: &Xattrs) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Not done on Windows.
pub(crate) fn share_blocks(_from: &File, _to: &File) -> bool {
    false
}

/// Holes are not told apart on Windows: all of it is data.
pub(crate) fn next_data(file: &File, offset: u64) -> io::Result<Option<(u64, u64)>> {
    let end = file.metadata()?.file_size();
    Ok((offset < end).then_some((offset, end)))
}

pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}

pub(crate) fn write_all_at(file: &File, mut buffer: &[u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match file.seek_write(buffer, offset)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => {
                buffer = &buffer[written..];
                offset += written as u64;
            }
        }
    }
    Ok(())
}
