//! Interruptions of every kind, kills at every step, and hands that spoil what lies there: never a wrong byte.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sync_core::entry::{Digest, Entry};
use sync_core::path::RelPath;
use sync_replica::{
    Control, Displaced, Expect, Operation, Problem, ProblemKind, Properties, Replica, Source, Staged,
    Uncontrolled,
};

use super::BLOCK;
use crate::local::{Access, LocalOptions, LocalReplica};
use crate::sys::kill;
use crate::testing::Dice;

fn p(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

fn open(root: &Path) -> LocalReplica {
    LocalReplica::open(LocalOptions::new(root), Access::ReadWrite).unwrap()
}

fn entry(replica: &LocalReplica, path: &str) -> Entry {
    replica.look(&p(path)).unwrap().unwrap_or_else(|| panic!("{path} is not there"))
}

/// Stops the work after so many bytes.
struct StopAfter {
    left: AtomicU64,
}

impl StopAfter {
    fn bytes(bytes: u64) -> Self {
        Self { left: AtomicU64::new(bytes) }
    }
}

impl Control for StopAfter {
    fn is_cancelled(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }

    fn bytes_done(&self, bytes: u64) {
        let less = |left: u64| Some(left.saturating_sub(bytes));
        let _ = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
    }
}

/// A source behind a line: no file, and it counts what it is asked for.
struct Far {
    inner: Box<dyn Source>,
    sent: u64,
    skipped: u64,
    /// Where the line is cut.
    cut_after: Option<u64>,
}

impl Far {
    fn new(inner: Box<dyn Source>) -> Self {
        Self { inner, sent: 0, skipped: 0, cut_after: None }
    }
}

impl Read for Far {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Pieces of a size that divides no block.
        let len = buffer.len().min(300_007);
        let len = match self.cut_after {
            Some(cut) if self.sent >= cut => return Err(io::ErrorKind::ConnectionReset.into()),
            Some(cut) => len.min(usize::try_from(cut - self.sent).unwrap()),
            None => len,
        };
        let count = self.inner.read(&mut buffer[..len])?;
        self.sent += count as u64;
        Ok(count)
    }
}

impl Source for Far {
    fn entry(&self) -> &Entry {
        self.inner.entry()
    }

    fn target(&self) -> Option<&[u8]> {
        None
    }

    fn properties(&self) -> &Properties {
        self.inner.properties()
    }

    fn skip_to(&mut self, offset: u64) -> io::Result<()> {
        self.skipped = offset;
        self.inner.skip_to(offset)
    }

    fn confirm(&mut self) -> Result<Entry, Problem> {
        self.inner.confirm()
    }
}

struct World {
    _dir: tempfile::TempDir,
    from: LocalReplica,
    root: PathBuf,
}

impl World {
    fn new(content: &[u8]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for side in ["from", "to"] {
            fs::create_dir(dir.path().join(side)).unwrap();
        }
        fs::write(dir.path().join("from/big"), content).unwrap();
        let from = open(&dir.path().join("from"));
        Self { from, root: dir.path().join("to"), _dir: dir }
    }

    fn source(&self) -> Far {
        Far::new(self.from.open(&p("big"), &entry(&self.from, "big")).unwrap())
    }

    fn rewrite(&self, content: &[u8]) {
        fs::write(self.from.root().join("big"), content).unwrap();
    }

    fn kept(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> = match fs::read_dir(self.root.join(".bothways/partial")) {
            Ok(found) => found.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => Vec::new(),
        };
        paths.sort();
        paths
    }

    /// The partial copy and its note.
    fn copy_and_note(&self) -> (PathBuf, PathBuf) {
        let kept = self.kept();
        let find = |letter: &str| {
            let mut found = kept.iter().filter(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.starts_with(letter) && !name.ends_with(".new")
            });
            found.next().unwrap_or_else(|| panic!("no {letter} in {kept:?}")).clone()
        };
        (find("p-"), find("n-"))
    }
}

fn digest(bytes: &[u8]) -> Option<Digest> {
    Some(Digest(*blake3::hash(bytes).as_bytes()))
}

fn install(to: &LocalReplica, staged: Staged) {
    to.settle(&[&staged]).unwrap();
    let expect = to.look(&p("copy")).unwrap().map_or(Expect::Absent, Expect::Is);
    to.install(staged, &p("copy"), &expect, Displaced::Drop).unwrap();
}

#[test]
fn what_was_cut_off_goes_on_and_only_the_rest_is_sent() {
    let content = noise(10 * BLOCK as usize + 77, 1);
    let world = World::new(&content);
    let to = open(&world.root);
    let mut source = world.source();
    source.cut_after = Some(6 * BLOCK + 1000);
    let problem = to.stage_resumable(&mut source, &p("copy"), false, &Uncontrolled).err().unwrap();
    assert_eq!(problem.operation, Operation::Read, "{problem}");
    let [partial] = to.partials().unwrap().try_into().unwrap();
    assert_eq!(
        (partial.at, partial.source, partial.bytes),
        (p("copy"), entry(&world.from, "big"), 6 * BLOCK)
    );
    // By the same process, and by the next.
    drop(to);
    let to = open(&world.root);
    to.recover().unwrap();
    let mut source = world.source();
    let staged = to.stage_resumable(&mut source, &p("copy"), true, &Uncontrolled).unwrap();
    assert_eq!((staged.resumed, source.skipped), (6 * BLOCK, 6 * BLOCK));
    assert_eq!(source.sent, content.len() as u64 - 6 * BLOCK);
    assert_eq!(staged.digest, digest(&content));
    install(&to, staged);
    assert_eq!(fs::read(world.root.join("copy")).unwrap(), content);
    assert_eq!(world.kept(), Vec::<PathBuf>::new());
    assert_eq!(to.partials().unwrap(), []);
}
