//! A disk without space.

use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use sync_core::baseline::BaselineChange;
use sync_state::{Commit, State, StateError};

use crate::support::{file, flat, set};

/// A small file system of its own, for as long as this lives.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    /// None where this process may not mount.
    #[allow(clippy::print_stdout, reason = "a test that does nothing says so")]
    fn new(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = std::ffi::CString::new(format!("size={size},mode=0700")).unwrap();
        match mount("tmpfs", dir.path(), "tmpfs", MountFlags::empty(), Some(options.as_c_str())) {
            Ok(()) => Some(Self { dir }),
            Err(refused) => {
                assert!(!rustix::process::geteuid().is_root(), "root could not mount: {refused}");
                println!("skipped: only root may mount a small disk");
                None
            }
        }
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    fn root(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = unmount(self.dir.path(), UnmountFlags::DETACH);
    }
}

fn batch(number: u64) -> Vec<BaselineChange> {
    (0..500).map(|n| set(&format!("dir {number}/file with a name of some length {n}"), file(n))).collect()
}

fn commit(state: &State, number: u64) -> Result<(), StateError> {
    state.commit(&Commit { baseline: &batch(number), ..Commit::default() })
}

#[test]
fn a_full_disk_loses_nothing_and_the_state_goes_on_when_there_is_space() {
    let Some(disk) = SmallDisk::new("8m") else { return };
    let ballast = disk.root().join("ballast");
    std::fs::write(&ballast, vec![0; 4 << 20]).unwrap();
    let state = State::open(&disk.folder()).unwrap().state;
    let (number, full) = (0..)
        .find_map(|number| commit(&state, number).err().map(|error| (number, error)))
        .expect("the disk is small");
    assert!(number > 0, "not even one commit fitted");
    assert!(matches!(full, StateError::Full { .. }), "{full:?}");
    assert!(state.is_poisoned());
    assert!(matches!(commit(&state, number), Err(StateError::Poisoned { .. })));

    // While the disk is still full: what was committed can be read.
    state.reopen().unwrap();
    assert_eq!(flat(state.baseline().unwrap()).len() as u64, number * 500);

    std::fs::remove_file(&ballast).unwrap();
    state.reopen().unwrap();
    commit(&state, number).unwrap();
    assert_eq!(flat(state.baseline().unwrap()).len() as u64, (number + 1) * 500);
    drop(state);
    let opened = State::open(&disk.folder()).unwrap();
    assert!(opened.set_aside.is_none());
    assert_eq!(flat(opened.state.baseline().unwrap()).len() as u64, (number + 1) * 500);
}

#[test]
fn a_full_disk_makes_no_half_state() {
    let Some(disk) = SmallDisk::new("64k") else { return };
    // More than there is room for; what fits of it stays and fills the disk.
    assert!(std::fs::write(disk.root().join("ballast"), vec![0; 1 << 20]).is_err());
    let refused = State::open(&disk.folder()).unwrap_err();
    assert!(matches!(refused, StateError::Full { .. } | StateError::Io { .. }), "{refused:?}");
    assert!(State::open_existing(&disk.folder()).unwrap().is_none());
}
