//! The conformance suite over every kind of side.

use sync_replica::conformance::{self, Outcome};

use super::fixture::{MemoryFixture, sides};

fn outcome(name: &str) -> Outcome {
    let (_, abilities) = sides().into_iter().find(|(side, _)| *side == name).unwrap();
    let outcome = conformance::run(|| Box::new(MemoryFixture::new(abilities.clone())));
    println!("{name}: {outcome}");
    outcome
}

#[test]
fn a_full_side_conforms() {
    let outcome = outcome("full");
    outcome.assert_passed();
    // A side that can do everything is spared only what is about lacking something.
    let spared: Vec<_> = outcome.not_applicable.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        spared,
        [
            "a name the side cannot hold is refused and not mangled",
            "another spelling of a name is taken where the side folds it"
        ]
    );
}

#[test]
fn a_side_without_exchange_conforms() {
    outcome("no exchange").assert_passed();
    outcome("no exchange, one name per file").assert_passed();
}

#[test]
fn a_folding_side_conforms() {
    outcome("folding").assert_passed();
}

#[test]
fn an_ntfs_like_side_conforms() {
    outcome("ntfs-like").assert_passed();
}

#[test]
fn a_fat_like_side_conforms() {
    outcome("fat-like").assert_passed();
}

#[test]
fn no_two_checks_share_a_name() {
    let mut names: Vec<_> = conformance::checks().map(|(name, _)| name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count > 100, "{count}");
}

#[test]
fn a_broken_side_is_found_out() {
    // The suite itself is tested: a side that claims what it cannot do must fail, and the failure must be named.
    let mut boasting = super::fixture::fat();
    boasting.names.utf8_only = false;
    let honest = MemoryFixture::new(boasting.clone());
    drop(honest);
    let lying = || -> Box<dyn conformance::Fixture> { Box::new(Lying(MemoryFixture::new(super::fixture::fat()))) };
    let outcome = conformance::run(lying);
    let failed: Vec<_> = outcome.failed.iter().map(|(name, _)| *name).collect();
    assert!(failed.contains(&"a discarded copy leaves nothing"), "{failed:?}");
    assert!(failed.contains(&"the expected version is replaced and goes to the trash"), "{failed:?}");
    let caught = std::panic::catch_unwind(|| outcome.assert_passed());
    assert!(caught.is_err(), "a failed outcome was taken as passed");
}

/// Sees one staged copy too many, and an empty trash.
struct Lying(MemoryFixture);

impl conformance::Fixture for Lying {
    fn replica(&self) -> &dyn sync_replica::Replica {
        self.0.replica()
    }
    fn restarted(&self) -> Box<dyn conformance::Fixture + '_> {
        self.0.restarted()
    }
    fn write(&self, at: &sync_core::path::RelPath, content: &[u8]) {
        self.0.write(at, content);
    }
    fn read(&self, at: &sync_core::path::RelPath) -> Option<Vec<u8>> {
        self.0.read(at)
    }
    fn mkdir(&self, at: &sync_core::path::RelPath) {
        self.0.mkdir(at);
    }
    fn symlink(&self, at: &sync_core::path::RelPath, target: &[u8]) {
        self.0.symlink(at, target);
    }
    fn target(&self, at: &sync_core::path::RelPath) -> Option<Vec<u8>> {
        self.0.target(at)
    }
    fn is_dir(&self, at: &sync_core::path::RelPath) -> bool {
        self.0.is_dir(at)
    }
    fn remove(&self, at: &sync_core::path::RelPath) {
        self.0.remove(at);
    }
    fn set_mtime(&self, at: &sync_core::path::RelPath, ns: i64) {
        self.0.set_mtime(at, ns);
    }
    fn mtime(&self, at: &sync_core::path::RelPath) -> i64 {
        self.0.mtime(at)
    }
    fn chmod(&self, at: &sync_core::path::RelPath, bits: u16) {
        self.0.chmod(at, bits);
    }
    fn set_xattr(&self, at: &sync_core::path::RelPath, name: &[u8], value: &[u8]) {
        self.0.set_xattr(at, name, value);
    }
    fn list(&self, dir: &sync_core::path::RelPath) -> Vec<Vec<u8>> {
        self.0.list(dir)
    }
    fn own_names(&self) -> Vec<Vec<u8>> {
        self.0.own_names()
    }
    fn trashed(&self, _: &sync_replica::Trashed) -> Option<Vec<u8>> {
        None
    }
    fn trash_count(&self) -> usize {
        0
    }
    fn staged_count(&self) -> usize {
        self.0.staged_count() + 1
    }
}
