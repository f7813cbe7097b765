//! A real folder with a user's hands on it.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sync_core::path::RelPath;
use sync_fs::{Access, LocalOptions, LocalReplica};
use sync_replica::conformance::{Fixture, Spoil};
use sync_replica::{Replica, Trashed};

/// Changes to the stored abilities: a side that can do less than the disk below it.
pub(crate) type Lacking = &'static [(&'static str, serde_json::Value)];

pub(crate) struct FolderFixture {
    parent: PathBuf,
    replica: OnceLock<LocalReplica>,
    /// Kept for as long as the folder is needed.
    _owner: Option<tempfile::TempDir>,
}

impl FolderFixture {
    /// An empty root in a new folder inside `inside`, with the abilities named in `lacking` set otherwise.
    pub(crate) fn new(inside: &Path, lacking: &[(&str, serde_json::Value)]) -> Self {
        let owner = tempfile::tempdir_in(inside).unwrap();
        let parent = owner.path().to_owned();
        fs::create_dir(parent.join("root")).unwrap();
        drop(open(&parent));
        let stored = parent.join("root/.bothways/abilities.json");
        let mut abilities: serde_json::Value = serde_json::from_slice(&fs::read(&stored).unwrap()).unwrap();
        for (name, value) in lacking {
            assert!(abilities.get(name).is_some(), "no ability is called {name}");
            abilities[*name] = value.clone();
        }
        fs::write(&stored, abilities.to_string()).unwrap();
        Self { replica: OnceLock::from(open(&parent)), parent, _owner: Some(owner) }
    }

    pub(crate) fn path(&self, at: &RelPath) -> PathBuf {
        self.parent.join("root").join(OsStr::from_bytes(at.as_bytes()))
    }

    fn partials(&self) -> Vec<PathBuf> {
        let dir = self.parent.join("root/.bothways/partial");
        names(&dir).iter().map(|name| dir.join(OsStr::from_bytes(name))).collect()
    }

    fn staged(&self) -> Vec<Vec<u8>> {
        names(&self.parent.join("root/.bothways/staged"))
    }
}

fn open(parent: &Path) -> LocalReplica {
    LocalReplica::open(LocalOptions::new(parent.join("root")), Access::ReadWrite).unwrap()
}

fn names(dir: &Path) -> Vec<Vec<u8>> {
    match fs::read_dir(dir) {
        Ok(entries) => entries.map(|entry| entry.unwrap().file_name().into_vec()).collect(),
        Err(_) => Vec::new(),
    }
}

fn starts_with(path: &Path, letter: &str) -> bool {
    path.file_name().is_some_and(|name| name.as_bytes().starts_with(letter.as_bytes()))
}

fn count_files(dir: &Path) -> usize {
    let count = |name: &Vec<u8>| {
        let path = dir.join(OsStr::from_bytes(name));
        if path.is_dir() && !path.is_symlink() { count_files(&path) } else { 1 }
    };
    names(dir).iter().map(count).sum()
}

impl Fixture for FolderFixture {
    fn replica(&self) -> &dyn Replica {
        self.replica.get().unwrap()
    }

    fn restarted(&self) -> Box<dyn Fixture + '_> {
        // The process that ends here lives on in the test, and would keep its lock.
        fs::remove_file(self.parent.join("root/.bothways/lock")).unwrap();
        Box::new(Self {
            parent: self.parent.clone(),
            replica: OnceLock::from(open(&self.parent)),
            _owner: None,
        })
    }

    fn write(&self, at: &RelPath, content: &[u8]) {
        fs::create_dir_all(self.path(at).parent().unwrap()).unwrap();
        let mut file = File::options().write(true).create(true).truncate(true).open(self.path(at)).unwrap();
        file.write_all(content).unwrap();
    }

    fn read(&self, at: &RelPath) -> Option<Vec<u8>> {
        let path = self.path(at);
        let kind = fs::symlink_metadata(&path).ok()?.file_type();
        kind.is_file().then(|| fs::read(&path).unwrap())
    }

    fn mkdir(&self, at: &RelPath) {
        fs::create_dir_all(self.path(at)).unwrap();
    }

    fn symlink(&self, at: &RelPath, target: &[u8]) {
        fs::create_dir_all(self.path(at).parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(OsStr::from_bytes(target), self.path(at)).unwrap();
    }

    fn target(&self, at: &RelPath) -> Option<Vec<u8>> {
        fs::read_link(self.path(at)).ok().map(|target| target.into_os_string().into_vec())
    }

    fn is_dir(&self, at: &RelPath) -> bool {
        fs::symlink_metadata(self.path(at)).is_ok_and(|metadata| metadata.is_dir())
    }

    fn remove(&self, at: &RelPath) {
        let path = self.path(at);
        if self.is_dir(at) { fs::remove_dir(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    fn set_mtime(&self, at: &RelPath, ns: i64) {
        let distance = Duration::from_nanos(ns.unsigned_abs());
        let time = if ns < 0 { UNIX_EPOCH - distance } else { UNIX_EPOCH + distance };
        let file = File::open(self.path(at)).unwrap();
        file.set_times(FileTimes::new().set_accessed(time).set_modified(time)).unwrap();
    }

    fn mtime(&self, at: &RelPath) -> i64 {
        let metadata = fs::symlink_metadata(self.path(at)).unwrap();
        metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec()
    }

    fn chmod(&self, at: &RelPath, bits: u16) {
        fs::set_permissions(self.path(at), fs::Permissions::from_mode(bits.into())).unwrap();
    }

    fn set_xattr(&self, at: &RelPath, name: &[u8], value: &[u8]) {
        rustix::fs::setxattr(self.path(at), name, value, rustix::fs::XattrFlags::empty()).unwrap();
    }

    fn list(&self, dir: &RelPath) -> Vec<Vec<u8>> {
        names(&self.path(dir))
    }

    fn own_names(&self) -> Vec<Vec<u8>> {
        let own = [b".bothways".to_vec(), b".sync_trash".to_vec()];
        let there = names(&self.parent.join("root"));
        own.into_iter().filter(|name| there.contains(name)).collect()
    }

    fn trashed(&self, at: &Trashed) -> Option<Vec<u8>> {
        let path = self.parent.join("root/.sync_trash").join(OsStr::from_bytes(at.path.as_bytes()));
        match fs::read_link(&path) {
            Ok(target) => Some(target.into_os_string().into_vec()),
            Err(_) => fs::read(&path).ok(),
        }
    }

    fn trash_count(&self) -> usize {
        count_files(&self.parent.join("root/.sync_trash"))
    }

    fn staged_count(&self) -> usize {
        self.staged().iter().filter(|name| name.starts_with(b"s-") || name.starts_with(b"o-")).count()
    }

    fn partial_count(&self) -> usize {
        self.partials().iter().filter(|path| starts_with(path, "p-")).count()
    }

    fn spoil_partials(&self, spoil: Spoil) {
        for path in self.partials() {
            let is_note = starts_with(&path, "n-");
            match spoil {
                Spoil::Bytes if !is_note => {
                    let mut file = File::options().write(true).open(&path).unwrap();
                    file.write_all(b"other bytes").unwrap();
                }
                Spoil::Shorter if !is_note => {
                    let file = File::options().write(true).open(&path).unwrap();
                    file.set_len(file.metadata().unwrap().len() / 2).unwrap();
                }
                Spoil::Note if is_note => fs::write(&path, "bothways-partial-1\nno note").unwrap(),
                Spoil::Age if is_note => {
                    let before = SystemTime::now() - sync_replica::PARTIAL_KEPT - Duration::from_mins(1);
                    let file = File::open(&path).unwrap();
                    file.set_times(FileTimes::new().set_accessed(before).set_modified(before)).unwrap();
                }
                _ => {}
            }
        }
    }

    fn keep_writing<'a>(&'a self, at: &RelPath) -> Option<Box<dyn Send + 'a>> {
        Some(Box::new(File::options().append(true).open(self.path(at)).unwrap()))
    }

    fn make_unreadable(&self, dir: &RelPath) -> bool {
        // Root reads everything, whatever the mode says.
        if rustix::process::geteuid().is_root() {
            return false;
        }
        self.chmod(dir, 0);
        true
    }

    fn make_pipe(&self, at: &RelPath) -> bool {
        rustix::fs::mkfifoat(rustix::fs::CWD, self.path(at), rustix::fs::Mode::RWXU).is_ok()
    }

    fn take_root_away(&self) -> bool {
        fs::rename(self.parent.join("root"), self.parent.join("away")).is_ok()
    }

    fn bring_root_back(&self) {
        fs::rename(self.parent.join("away"), self.parent.join("root")).unwrap();
    }
}
