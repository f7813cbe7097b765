//! Two real folders with a state, for tests that play what users fear.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sync_core::side::{Side, Sides};
use sync_engine::config::Config;
use sync_engine::report::SyncReport;
use sync_engine::{Session, SessionError, SessionOptions, Silent, SyncOptions};
use tempfile::TempDir;

use super::world::temp;

/// What lies at a path: kind, permissions, whole seconds of the time, content.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Thing {
    File { mode: u32, seconds: i64, content: Vec<u8> },
    Dir { mode: u32 },
    Link(PathBuf),
    Other,
}

pub(crate) type Tree = BTreeMap<Vec<u8>, Thing>;

pub(crate) struct Pair {
    pub(crate) place: TempDir,
    pub(crate) config: Config,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let place = temp();
        for root in ["left", "right"] {
            fs::create_dir(place.path().join(root)).unwrap();
        }
        let config = Config::for_roots(place.path().join("left"), place.path().join("right")).unwrap();
        Self { place, config }
    }

    /// A pair whose left root holds these files and which has agreed on them.
    pub(crate) fn agreed(files: &[(&str, &str)]) -> Self {
        let pair = Self::new();
        for (path, content) in files {
            pair.write(Side::Left, path, content);
        }
        pair.sync();
        pair
    }

    pub(crate) fn root(&self, side: Side) -> PathBuf {
        self.config.roots[side].clone()
    }

    pub(crate) fn at(&self, side: Side, path: impl AsRef<Path>) -> PathBuf {
        self.root(side).join(path)
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.place.path().join("state")
    }

    pub(crate) fn write(&self, side: Side, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(side, path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Writes with a time of its own, in minutes after 2026-01-01.
    pub(crate) fn write_at(&self, side: Side, path: &str, content: impl AsRef<[u8]>, minute: u64) {
        self.write(side, path, content);
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600 + minute * 60);
        File::options().write(true).open(self.at(side, path)).unwrap().set_modified(time).unwrap();
    }

    pub(crate) fn read(&self, side: Side, path: &str) -> Option<String> {
        fs::read_to_string(self.at(side, path)).ok()
    }

    pub(crate) fn open(&self, approve: bool) -> Result<Session, SessionError> {
        let options = SessionOptions { state_dir: Some(self.state()), approve, ..SessionOptions::default() };
        Session::open(&self.config, &options)
    }

    /// One run, with or without approval.
    pub(crate) fn run(&self, approve: bool) -> Result<SyncReport, SessionError> {
        self.open(approve)?.sync(&SyncOptions { approve }, &Silent)
    }

    /// One run in which nothing may go wrong, and after which nothing is left to do.
    pub(crate) fn sync(&self) -> SyncReport {
        let report = self.run(false).unwrap();
        assert!(report.halt.is_none() && report.problems.is_empty(), "{report:?}");
        let quiet = self.run(false).unwrap();
        assert!(quiet.run.is_none(), "not at rest: {:?}", quiet.done);
        assert_eq!(self.tree(Side::Left), self.tree(Side::Right));
        report
    }

    /// The reason for which a run is halted.
    pub(crate) fn halt(&self) -> String {
        match self.run(false) {
            Ok(report) => report.halt.map_or_else(|| format!("none: {:?}", report.done), |halt| halt.reason),
            Err(SessionError::Halted(halt)) => halt.reason,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn tree(&self, side: Side) -> Tree {
        tree(&self.root(side))
    }

    pub(crate) fn trees(&self) -> Sides<Tree> {
        Sides::from_fn(|side| self.tree(side))
    }

    /// Contents in the trash of a side.
    pub(crate) fn trash(&self, side: Side) -> Vec<Vec<u8>> {
        let things = tree(&self.at(side, ".sync_trash")).into_values();
        let content = |thing| match thing {
            Thing::File { content, .. } => Some(content),
            _ => None,
        };
        things.filter_map(content).collect()
    }
}

/// Everything below a folder but what is Bothways' own.
pub(crate) fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().as_os_str().as_bytes().to_vec();
            if [b".bothways".as_slice(), b".sync_trash".as_slice()].contains(&name.as_slice()) {
                continue;
            }
            // An editor may be at work in it.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let thing = if metadata.is_dir() {
                todo.push(path);
                Thing::Dir { mode: metadata.mode() & 0o7777 }
            } else if metadata.is_symlink() {
                Thing::Link(fs::read_link(&path).unwrap())
            } else if metadata.is_file() {
                let Ok(content) = fs::read(&path) else { continue };
                Thing::File { mode: metadata.mode() & 0o7777, seconds: metadata.mtime(), content }
            } else {
                Thing::Other
            };
            tree.insert(name, thing);
        }
    }
    tree
}
