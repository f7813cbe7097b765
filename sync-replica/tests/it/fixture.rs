//! The hands of a user over the in-memory replica, and the kinds of sides the tests run over.

use sync_core::abilities::Abilities;
use sync_core::path::RelPath;
use sync_replica::conformance::{Fixture, Spoil};
use sync_replica::memory::{End, MemoryReplica, Node, kinds};
use sync_replica::{Replica, Trashed};

pub(crate) struct MemoryFixture(pub(crate) MemoryReplica);

impl MemoryFixture {
    pub(crate) fn new(abilities: Abilities) -> Self {
        Self(MemoryReplica::new(abilities))
    }
}

impl Fixture for MemoryFixture {
    fn replica(&self) -> &dyn Replica {
        &self.0
    }

    fn restarted(&self) -> Box<dyn Fixture + '_> {
        self.0.faults().end_now(End::Killed);
        self.0.revive();
        Box::new(Self(self.0.clone()))
    }

    fn write(&self, at: &RelPath, content: &[u8]) {
        self.0.write(at, content);
    }

    fn read(&self, at: &RelPath) -> Option<Vec<u8>> {
        self.0.read(at).map(|bytes| bytes.to_vec())
    }

    fn mkdir(&self, at: &RelPath) {
        self.0.mkdir(at);
    }

    fn symlink(&self, at: &RelPath, target: &[u8]) {
        self.0.symlink(at, target);
    }

    fn target(&self, at: &RelPath) -> Option<Vec<u8>> {
        match self.0.node(at)? {
            Node::Link { target } => Some(target.to_vec()),
            _ => None,
        }
    }

    fn is_dir(&self, at: &RelPath) -> bool {
        matches!(self.0.node(at), Some(Node::Dir { .. }))
    }

    fn remove(&self, at: &RelPath) {
        self.0.remove(at);
    }

    fn set_mtime(&self, at: &RelPath, ns: i64) {
        self.0.touch(at, ns);
    }

    fn mtime(&self, at: &RelPath) -> i64 {
        match self.0.node(at) {
            Some(Node::File { mtime_ns, .. }) => mtime_ns,
            other => panic!("no file at `{at}`: {other:?}"),
        }
    }

    fn chmod(&self, at: &RelPath, bits: u16) {
        self.0.chmod(at, bits);
    }

    fn set_xattr(&self, at: &RelPath, name: &[u8], value: &[u8]) {
        self.0.set_xattr(at, std::str::from_utf8(name).unwrap(), value);
    }

    fn list(&self, dir: &RelPath) -> Vec<Vec<u8>> {
        let all = self.0.dump();
        all.keys()
            .filter(|path| path.parent().as_ref() == Some(dir))
            .map(|path| path.name().to_vec())
            .collect()
    }

    fn own_names(&self) -> Vec<Vec<u8>> {
        vec![b".bothways".to_vec(), b".sync_trash".to_vec()]
    }

    fn trashed(&self, at: &Trashed) -> Option<Vec<u8>> {
        match self.0.trash_dump().remove(&at.path)? {
            Node::File { content, .. } => Some(content.to_vec()),
            Node::Link { target } => Some(target.to_vec()),
            _ => None,
        }
    }

    fn trash_count(&self) -> usize {
        self.0.trash_dump().values().filter(|node| !matches!(node, Node::Dir { .. })).count()
    }

    fn staged_count(&self) -> usize {
        self.0.staged_count()
    }

    fn partial_count(&self) -> usize {
        self.0.partial_count()
    }

    fn spoil_partials(&self, spoil: Spoil) {
        self.0.spoil_partials(spoil);
    }

    fn keep_writing<'a>(&'a self, at: &RelPath) -> Option<Box<dyn Send + 'a>> {
        struct Writing<'a>(&'a MemoryReplica, RelPath);
        impl Drop for Writing<'_> {
            fn drop(&mut self) {
                self.0.end_writing(&self.1);
            }
        }
        self.0.begin_writing(at);
        Some(Box::new(Writing(&self.0, at.clone())))
    }

    fn make_unreadable(&self, dir: &RelPath) -> bool {
        self.0.mark_unreadable(dir);
        true
    }

    fn make_pipe(&self, at: &RelPath) -> bool {
        self.0.special(at);
        true
    }

    fn take_root_away(&self) -> bool {
        self.0.set_root_gone(true);
        true
    }

    fn bring_root_back(&self) {
        self.0.set_root_gone(false);
    }
}

/// The sides every test of this crate runs over, by name.
pub(crate) fn sides() -> [(&'static str, Abilities); 7] {
    let full = Abilities::FULL;
    [
        ("full", full.clone()),
        ("no exchange", Abilities { exchange: false, ..full.clone() }),
        ("no exchange, one name per file", Abilities { exchange: false, hard_links: false, ..full }),
        ("folding", kinds::FOLDING),
        ("ntfs-like", kinds::NTFS),
        ("fat-like", kinds::FAT),
        ("lower-case", kinds::LOWER_CASE),
    ]
}
