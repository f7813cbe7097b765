//! Interruptions of every kind, kills at every step, and hands that spoil what lies there: never a wrong byte.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "tests fail by panicking and say what they did")]

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
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
                name.starts_with(letter) && path.extension().is_none()
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

/// One way of making sure that nothing is left but a right copy.
fn finish(world: &World, to: &LocalReplica, content: &[u8], case: &str) -> u64 {
    let staged = to.stage_resumable(&mut world.source(), &p("copy"), false, &Uncontrolled);
    let staged = staged.unwrap_or_else(|problem| panic!("{case}: {problem}"));
    let resumed = staged.resumed;
    if staged.digest.is_some() {
        assert_eq!(staged.digest, digest(content), "{case}: the digest");
    }
    install(to, staged);
    assert!(fs::read(world.root.join("copy")).unwrap() == content, "{case}: other bytes");
    assert_eq!(world.kept(), Vec::<PathBuf>::new(), "{case}: leftovers");
    assert_eq!(fs::read_dir(world.root.join(".bothways/staged")).unwrap().count(), 0, "{case}: leftovers");
    resumed
}

/// A side that can do less, with or without an exchange.
fn open_as(root: &Path, exchange: bool) -> LocalReplica {
    let mut replica = open(root);
    replica.abilities.exchange = exchange;
    replica
}

/// Copies half of it, then the rest, and puts it over what is there.
fn copy_in_two(world: &World, to: &LocalReplica) -> Result<(), Problem> {
    let stop = StopAfter::bytes(2 * BLOCK);
    match to.stage_resumable(&mut world.source(), &p("copy"), false, &stop) {
        Err(problem) if problem.kind == ProblemKind::Cancelled => {}
        Err(problem) => return Err(problem),
        Ok(staged) => drop(staged),
    }
    let staged = to.stage_resumable(&mut world.source(), &p("copy"), true, &Uncontrolled)?;
    to.settle(&[&staged])?;
    let expect = to.look(&p("copy"))?.map_or(Expect::Absent, Expect::Is);
    to.install(staged, &p("copy"), &expect, Displaced::Drop).map(|_| ())
}

#[test]
fn a_kill_before_any_step_loses_no_more_than_what_was_not_noted() {
    let content = noise(4 * BLOCK as usize + 9, 2);
    let (mut kills, mut resumed) = (0, 0);
    for exchange in [true, false] {
        for step in 0.. {
            let world = World::new(&content);
            fs::write(world.root.join("copy"), "old").unwrap();
            let to = open_as(&world.root, exchange);
            let case = format!("exchange {exchange}, killed before step {step}");
            let ended = kill::at_step(step, || copy_in_two(&world, &to));
            drop(to);
            let next = open_as(&world.root, exchange);
            let recovered = next.recover().unwrap();
            assert_eq!(recovered.restored, [], "{case}");
            let found = fs::read(world.root.join("copy")).unwrap();
            assert!(found == b"old" || found == content, "{case}: {} bytes at the path", found.len());
            let Some(done) = ended else {
                kills += 1;
                let begun = next.partials().unwrap();
                // What recover left makes sense.
                assert_eq!(begun.len(), world.kept().len() / 2, "{case}: {:?}", world.kept());
                let more = finish(&world, &next, &content, &case);
                assert_eq!(more, begun.first().map_or(0, |partial| partial.bytes), "{case}");
                resumed += u64::from(more > 0);
                continue;
            };
            done.unwrap_or_else(|problem| panic!("{case}: {problem}"));
            assert_eq!(world.kept(), Vec::<PathBuf>::new(), "{case}");
            break;
        }
    }
    println!("{kills} kills, {resumed} of them gone on with");
    assert!(kills > 40 && resumed > 20, "{kills} kills, {resumed} of them gone on with");
}

#[test]
fn a_kill_of_the_recovery_leaves_no_wrong_copy() {
    let content = noise(4 * BLOCK as usize + 9, 3);
    for first in 0..30 {
        for second in 0..4 {
            let world = World::new(&content);
            let to = open(&world.root);
            let _ = kill::at_step(first, || copy_in_two(&world, &to));
            drop(to);
            let next = open(&world.root);
            let _ = kill::at_step(second, || next.recover().unwrap());
            drop(next);
            let last = open(&world.root);
            last.recover().unwrap();
            finish(&world, &last, &content, &format!("kills at {first} and {second}"));
        }
    }
}

/// What somebody, or the power, does to what lies there.
fn spoil(world: &World, dice: &mut Dice) -> &'static str {
    if world.kept().len() != 2 {
        return "nothing to spoil";
    }
    let (copy, note) = world.copy_and_note();
    let spoiled = if dice.roll(2) == 0 { &copy } else { &note };
    let mut bytes = fs::read(spoiled).unwrap();
    let at = dice.roll(bytes.len() as u64) as usize;
    match dice.roll(7) {
        0 => {
            bytes[at] ^= 1 << dice.roll(8);
            fs::write(spoiled, bytes).unwrap();
            "a bit turned"
        }
        1 => {
            bytes.truncate(at);
            fs::write(spoiled, bytes).unwrap();
            "cut"
        }
        2 => {
            bytes[at..].fill(0);
            fs::write(spoiled, bytes).unwrap();
            "zeros at the end"
        }
        3 => {
            bytes.extend(noise(5000, 9));
            fs::write(spoiled, bytes).unwrap();
            "grown"
        }
        4 => {
            fs::remove_file(spoiled).unwrap();
            "removed"
        }
        5 => {
            fs::remove_file(&copy).unwrap();
            fs::write(&copy, noise(3 * BLOCK as usize, 10)).unwrap();
            "another copy"
        }
        _ => {
            fs::write(note.with_extension("new"), b"half a no").unwrap();
            "half a note beside it"
        }
    }
}

#[test]
fn no_interruption_and_no_spoiling_ever_leads_to_a_wrong_byte() {
    let mut resumed = 0;
    for seed in 0..40 {
        let mut dice = Dice::new(seed);
        let size = |dice: &mut Dice| (2 * BLOCK + dice.roll(4 * BLOCK)) as usize;
        let mut content = noise(size(&mut dice), seed);
        let world = World::new(&content);
        let mut story = vec![format!("seed {seed}")];
        let mut to = open(&world.root);
        for _ in 0..=dice.roll(6) {
            let limit = dice.roll(content.len() as u64);
            let file = dice.roll(3) == 0;
            let reread = dice.roll(4) == 0;
            let how = dice.roll(3);
            let steps = dice.roll(30) as u32;
            story.push(format!("{how}: {limit} bytes, {steps} steps, a local file {file}"));
            let mut far = world.source();
            far.cut_after = (how == 0).then_some(limit);
            let stop = StopAfter::bytes(if how == 1 { limit } else { u64::MAX });
            let source: &mut dyn Source = if file { &mut *far.inner } else { &mut far };
            let mut copy = || to.stage_resumable(source, &p("copy"), reread, &stop);
            let outcome = if how == 2 { kill::at_step(steps, copy) } else { Some(copy()) };
            match outcome {
                Some(Ok(staged)) => {
                    assert!(staged.digest.is_none() || staged.digest == digest(&content), "{story:?}");
                    resumed += u64::from(staged.resumed > 0);
                }
                Some(Err(problem)) => story.push(problem.to_string()),
                None => {}
            }
            if how == 2 || dice.roll(3) == 0 {
                drop(to);
                to = open(&world.root);
                to.recover().unwrap();
            }
            match dice.roll(6) {
                0 => {
                    content = noise(size(&mut dice), seed + 1000);
                    world.rewrite(&content);
                    story.push("another version".to_owned());
                }
                1 => {
                    // One that only its times tell apart.
                    let last = content.len() - 1;
                    content[last] ^= 1;
                    world.rewrite(&content);
                    story.push("another version of the same size".to_owned());
                }
                2 | 3 => story.push(spoil(&world, &mut dice).to_owned()),
                _ => {}
            }
        }
        to.recover().unwrap();
        resumed += u64::from(finish(&world, &to, &content, &format!("{story:?}")) > 0);
    }
    println!("{resumed} copies were gone on with");
    assert!(resumed > 15, "only {resumed} copies were gone on with");
}

#[test]
fn holes_stay_holes_and_are_gone_on_with() {
    let world = World::new(b"");
    let data = noise(2 * BLOCK as usize, 4);
    let file = fs::File::options().write(true).open(world.from.root().join("big")).unwrap();
    let size = 12 * BLOCK + 4096;
    file.set_len(size).unwrap();
    for start in [BLOCK / 2, 7 * BLOCK] {
        file.write_all_at(&data, start).unwrap();
    }
    drop(file);
    let content = fs::read(world.from.root().join("big")).unwrap();
    let to = open(&world.root);
    let mut source = world.from.open(&p("big"), &entry(&world.from, "big")).unwrap();
    let result = to.stage_resumable(&mut *source, &p("copy"), false, &StopAfter::bytes(3 * BLOCK));
    assert_eq!(result.err().unwrap().kind, ProblemKind::Cancelled);
    let mut source = world.from.open(&p("big"), &entry(&world.from, "big")).unwrap();
    let staged = to.stage_resumable(&mut *source, &p("copy"), true, &Uncontrolled).unwrap();
    assert_eq!((staged.resumed, staged.digest), (8 * BLOCK, digest(&content)));
    install(&to, staged);
    assert!(fs::read(world.root.join("copy")).unwrap() == content);
    let allocated = |path: PathBuf| fs::metadata(path).unwrap().blocks() * 512;
    let (before, after) = (allocated(world.from.root().join("big")), allocated(world.root.join("copy")));
    assert!(after < before + BLOCK && before < size / 2, "{before} bytes take up {after} in the copy");
}

#[test]
fn a_finished_copy_that_nobody_may_write_is_gone_on_with() {
    let content = noise(4 * BLOCK as usize, 5);
    let world = World::new(&content);
    let big = world.from.root().join("big");
    fs::set_permissions(&big, fs::Permissions::from_mode(0o440)).unwrap();
    let to = open(&world.root);
    drop(to.stage_resumable(&mut world.source(), &p("copy"), false, &Uncontrolled).unwrap());
    let (copy, _) = world.copy_and_note();
    assert_eq!(fs::metadata(copy).unwrap().permissions().mode() & 0o777, 0o440);
    assert!(finish(&world, &to, &content, "a copy that nobody may write") >= 3 * BLOCK);
    let mode = fs::metadata(world.root.join("copy")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o440);
}

#[test]
fn a_copy_that_got_another_name_is_not_written_on() {
    let content = noise(4 * BLOCK as usize, 6);
    let world = World::new(&content);
    let to = open(&world.root);
    let stop = StopAfter::bytes(3 * BLOCK);
    to.stage_resumable(&mut world.source(), &p("copy"), false, &stop).err().unwrap();
    let (copy, _) = world.copy_and_note();
    let linked = world.root.join("linked");
    fs::hard_link(copy, &linked).unwrap();
    let was = fs::read(&linked).unwrap();
    assert_eq!(finish(&world, &to, &content, "a copy with two names"), 0);
    assert!(fs::read(&linked).unwrap() == was, "somebody's file was written to");
}
