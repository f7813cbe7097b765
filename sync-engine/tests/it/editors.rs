//! Editors at work on both sides of two real folders while one run follows the other.
//!
//! Every version says of itself who wrote it, how long it is and what it adds up to, so that a torn one betrays
//! itself anywhere. An editor looks at each version that it writes over or deletes, in a way that cannot miss one. In
//! the end every version that was finished and that no editor took away must be somewhere: at a path, in a clash copy
//! or in the trash.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use sync_core::side::{Side, Sides};

use super::folders::{Pair, Thing, tree};
use super::sweep::{drawn, seed};

const PATHS: u64 = 12;
const EDITS: u64 = 1500;

/// A version: a line that tells who wrote it and what follows, and what follows.
fn version(name: &str, seed: u64) -> Vec<u8> {
    let length = drawn(seed, 1) % if drawn(seed, 2).is_multiple_of(8) { 60_000 } else { 400 };
    let body: Vec<u8> = (0..length).map(|n| b'a' + (drawn(seed, n / 16) % 26) as u8).collect();
    let mut all = format!("{name} {} {}\n", body.len(), blake3::hash(&body).to_hex()).into_bytes();
    all.extend(body);
    all
}

/// The name of a version; none when it is no whole one.
fn name_of(content: &[u8]) -> Option<String> {
    let end = content.iter().position(|byte| *byte == b'\n')?;
    let (line, body) = (std::str::from_utf8(&content[..end]).ok()?, &content[end + 1..]);
    let mut words = line.split(' ');
    let (name, length, digest) = (words.next()?, words.next()?, words.next()?);
    let whole = length.parse() == Ok(body.len()) && blake3::hash(body).to_hex().as_str() == digest;
    whole.then(|| name.to_owned())
}

/// What an editor did.
#[derive(Default)]
struct Deeds {
    finished: BTreeSet<String>,
    taken: BTreeSet<String>,
    /// What stood there for long in the middle of a version, because the machine let the editor wait.
    halves: BTreeSet<Vec<u8>>,
}

/// A version takes an editor less than this, unless others want the processor.
const A_MOMENT: Duration = Duration::from_millis(3);

impl Deeds {
    fn took(&mut self, content: &[u8]) {
        self.taken.extend(name_of(content));
    }
}

fn edit(root: &Path, side: Side, seed: u64, stop: &AtomicBool) -> Deeds {
    let mut deeds = Deeds::default();
    let aside = root.join(format!("~$aside {side}"));
    for n in 0..EDITS {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let chance = drawn(seed, n);
        let number = chance % PATHS;
        let path = root.join(format!("dir {}/file {number}", number % 3));
        let name = format!("{side}-{n}");
        let content = version(&name, chance);
        let done = match (chance >> 8) % 12 {
            0..6 => write_into(&path, &content, (chance >> 16).is_multiple_of(2), &mut deeds).is_ok(),
            6..11 => replace(&aside, &path, &content, &mut deeds).is_ok(),
            _ => {
                if fs::rename(&path, &aside).is_ok() {
                    deeds.took(&fs::read(&aside).unwrap());
                    fs::remove_file(&aside).unwrap();
                }
                false
            }
        };
        if done {
            deeds.finished.insert(name);
        }
        if chance.is_multiple_of(5) {
            thread::sleep(Duration::from_micros(chance % 3000));
        }
    }
    deeds
}

/// Writes over the content of the very file that is open, in two pieces with a pause between them or at once.
fn write_into(path: &Path, content: &[u8], slowly: bool, deeds: &mut Deeds) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let mut before = Vec::new();
    file.read_to_end(&mut before)?;
    deeds.took(&before);
    let began = Instant::now();
    file.set_len(0)?;
    file.rewind()?;
    let (head, tail) = content.split_at(content.len() / 2);
    file.write_all(head)?;
    if slowly {
        thread::sleep(Duration::from_micros(300));
    }
    file.write_all(tail)?;
    // Who looked in between has seen a file at rest.
    if began.elapsed() > A_MOMENT {
        deeds.halves.extend([Vec::new(), head.to_vec()]);
    }
    Ok(())
}

/// Puts another file in its place, and looks at what it was.
fn replace(aside: &Path, path: &Path, content: &[u8], deeds: &mut Deeds) -> std::io::Result<()> {
    fs::write(aside, content)?;
    let rename = |flags| renameat_with(CWD, aside, CWD, path, flags);
    if rename(RenameFlags::EXCHANGE).is_err() {
        rename(RenameFlags::NOREPLACE)?;
        return Ok(());
    }
    deeds.took(&fs::read(aside)?);
    fs::remove_file(aside)
}

/// The names of all whole versions, and the paths of what is no whole one, with what is there.
fn found(pair: &Pair) -> (BTreeSet<String>, Vec<(String, Vec<u8>)>) {
    let mut names = BTreeSet::new();
    let mut torn = Vec::new();
    for side in Side::BOTH {
        for root in [pair.root(side), pair.at(side, ".sync_trash")] {
            for (path, thing) in tree(&root) {
                let Thing::File { content, .. } = thing else { continue };
                match name_of(&content) {
                    Some(name) => {
                        names.insert(name);
                    }
                    None => torn.push((format!("{}/{}", root.display(), path.escape_ascii()), content)),
                }
            }
        }
    }
    (names, torn)
}

#[test]
fn what_editors_finish_survives_any_number_of_runs_at_the_same_time() {
    let seed = seed();
    let pair = Pair::new();
    for dir in 0..3 {
        fs::create_dir(pair.at(Side::Left, format!("dir {dir}"))).unwrap();
    }
    pair.sync();
    let stop = AtomicBool::new(false);
    let (mut runs, began) = (0, Instant::now());
    let (pair, stop) = (&pair, &stop);
    let edited = thread::scope(|scope| {
        let editors = Sides::from_fn(|side| {
            let seed = drawn(seed, side as u64);
            scope.spawn(move || edit(&pair.root(side), side, seed, stop))
        });
        let session = pair.open(false).unwrap();
        while !(editors.left.is_finished() && editors.right.is_finished()) {
            // Whatever a run makes of such a time: it goes on.
            let report = session.sync(&sync_engine::SyncOptions { approve: true }, &sync_engine::Silent);
            let report = report.unwrap();
            assert!(report.halt.is_none() && !report.root_gone, "{report:?}");
            runs += 1;
            if began.elapsed() > Duration::from_mins(4) {
                stop.store(true, Ordering::Relaxed);
            }
        }
        editors.map(|editor| editor.join().unwrap())
    });
    for _ in 0..10 {
        if pair.run(true).unwrap().run.is_none() {
            break;
        }
    }
    pair.sync();
    let (names, torn) = found(pair);
    let edits = edited.left.finished.len() + edited.right.finished.len();
    let taken: BTreeSet<_> = edited.left.taken.union(&edited.right.taken).collect();
    println!(
        "{edits} versions finished by two editors, {} of them written over or deleted by one, during {runs} runs in {:.1} s",
        taken.len(),
        began.elapsed().as_secs_f32()
    );
    let finished = edited.left.finished.iter().chain(&edited.right.finished);
    let missing: Vec<_> = finished.filter(|name| !taken.contains(name) && !names.contains(*name)).collect();
    assert!(missing.is_empty(), "seed {seed}: lost {missing:?}");
    let stood =
        |content: &Vec<u8>| edited.left.halves.contains(content) || edited.right.halves.contains(content);
    let shown: Vec<_> = torn
        .iter()
        .filter(|(path, content)| !path.contains(".sync_trash") && !stood(content))
        .map(|(path, content)| (path, content.len()))
        .collect();
    assert!(shown.is_empty(), "seed {seed}: torn {shown:?}");
    assert!(edits > 500 && runs > 5, "{edits} edits, {runs} runs");
}
