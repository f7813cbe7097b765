//! Kills while both sides change all the time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Dice, MIB, STATE, configure, contents, ends_clean, in_sync, tell, tree};
use crate::running::Running;
use crate::world::World;

/// When a session is killed.
enum Moment {
    /// So many milliseconds after its start.
    Started(u64),
    /// So many milliseconds after it was ready.
    Ready(u64),
    /// While something is on its way to its place, after so many milliseconds of work.
    Staged(u64),
}

const KILLS: [Moment; 10] = [
    Moment::Started(60),
    Moment::Staged(0),
    Moment::Ready(50),
    Moment::Staged(100),
    Moment::Started(200),
    Moment::Staged(300),
    Moment::Ready(600),
    Moment::Staged(900),
    Moment::Ready(1300),
    Moment::Staged(1600),
];

/// Somebody who works on one side, and knows what he wrote where.
struct Person {
    root: PathBuf,
    name: &'static str,
    dice: Dice,
    /// What he wrote last and has not overwritten or deleted since, by where he left it.
    wrote: BTreeMap<String, Vec<u8>>,
    done: u64,
}

impl Person {
    fn new(root: &Path, name: &'static str, seed: u64) -> Self {
        let (root, wrote) = (root.to_owned(), BTreeMap::new());
        Self { root, name, dice: Dice::new(seed), wrote, done: 0 }
    }

    fn somewhere(&mut self) -> String {
        format!("folder {}/file {}", self.dice.below(6), self.dice.below(12))
    }

    /// One change. What fails because the session was faster is left alone.
    fn acts(&mut self) {
        self.done += 1;
        let path = self.somewhere();
        let fresh = format!("folder {}/{} {}", self.dice.below(6), self.name, self.done);
        match self.dice.below(20) {
            0..9 => self.writes(&path),
            9..12 => self.writes(&fresh),
            12..15 => self.renames(&path, &fresh),
            15..19 => {
                if fs::remove_file(self.root.join(&path)).is_ok() {
                    self.wrote.remove(&path);
                }
            }
            _ => {
                let folder = format!("folder {}", self.dice.below(6));
                let into = format!("folder {}/{} {}", 6 + self.dice.below(3), self.name, self.done);
                self.renames(&folder, &into);
            }
        }
    }

    fn writes(&mut self, path: &str) {
        let mut content = format!("{} {} {path} ", self.name, self.done).into_bytes();
        let more = self.dice.below(4000) as usize;
        content.extend(self.dice.bytes(more));
        let full = self.root.join(path);
        // Whatever was there, he has given it up.
        self.wrote.remove(path);
        let written = fs::create_dir_all(full.parent().unwrap()).and_then(|()| {
            if self.dice.below(2) == 0 {
                return fs::write(&full, &content);
            }
            // As most editors do it.
            let draft = full.with_extension("tmp");
            fs::write(&draft, &content)?;
            fs::rename(&draft, &full)
        });
        if written.is_ok() {
            self.wrote.insert(path.to_owned(), content);
        }
    }

    fn renames(&mut self, from: &str, to: &str) {
        let target = self.root.join(to);
        let renamed = fs::create_dir_all(target.parent().unwrap())
            .and_then(|()| fs::rename(self.root.join(from), &target));
        if renamed.is_ok() {
            let below = format!("{from}/");
            let moved = |path: &str| {
                (path == from)
                    .then(|| to.to_owned())
                    .or_else(|| path.strip_prefix(&below).map(|rest| format!("{to}/{rest}")))
            };
            let all = std::mem::take(&mut self.wrote);
            self.wrote = all.into_iter().map(|(path, it)| (moved(&path).unwrap_or(path), it)).collect();
        }
    }
}

/// Whether some version is on its way to its place, or from it.
fn is_at_work(world: &World) -> bool {
    let holds = |side: &str| {
        let staged = fs::read_dir(world.path(side).join(".bothways/staged"));
        staged.is_ok_and(|mut entries| entries.next().is_some())
    };
    holds("left") || holds("right")
}

/// How many runs have been killed in the middle.
fn cut_short(world: &World) -> usize {
    let (_, history) = world.json(["history", "--limit", "100000"].iter().chain(&STATE));
    history.to_string().matches("cut-short").count()
}

#[test]
fn a_session_that_is_killed_again_and_again_under_load_loses_no_version() {
    let world = World::new();
    // Every version that a sync replaces is kept, so that what is missing was lost.
    configure(
        &world,
        "right",
        "[versions]\nenabled = true\n[guard]\nmax_change_min_files = 1000000\n\
         [performance]\nlarge_file_bytes = '1 MiB'\nbandwidth_limit = '3 MiB'\n",
    );
    // Other numbers make other changes at the same moments.
    let seed = std::env::var("BOTHWAYS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(4);
    let film = Dice::new(seed).bytes(12 * MIB);
    fs::write(world.path("left/film"), &film).unwrap();
    let mut people = [("left", seed + 1), ("right", seed + 2)]
        .map(|(side, seed)| Person::new(&world.path(side), side, seed));
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for person in &mut people {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    person.acts();
                    std::thread::sleep(Duration::from_millis(1 + person.dice.below(14)));
                }
            });
        }
        // On a busy machine it may take more of them until one has come in the middle.
        let more = std::iter::repeat_with(|| Moment::Staged(0)).take(20);
        for (kill, moment) in KILLS.into_iter().chain(more).enumerate() {
            if kill >= KILLS.len() && cut_short(&world) > 0 {
                break;
            }
            let session = Running::configured(&world, |_| {});
            let (Moment::Started(after) | Moment::Ready(after) | Moment::Staged(after)) = moment;
            if !matches!(moment, Moment::Started(_)) {
                session.says("both folders are there", 1);
            }
            std::thread::sleep(Duration::from_millis(after));
            if matches!(moment, Moment::Staged(_)) {
                let begun = Instant::now();
                while !is_at_work(&world) && begun.elapsed() < Duration::from_secs(10) {
                    std::hint::spin_loop();
                }
            }
            drop(session);
        }
        over.store(true, Ordering::Relaxed);
    });
    let begun = Instant::now();
    let session = Running::configured(&world, |_| {});
    in_sync(&world, "right");
    let again = begun.elapsed();
    let cut = cut_short(&world);
    assert!(cut > 0, "a kill came in the middle of a run");
    ends_clean(&world, session, "right");
    assert!(fs::read(world.path("right/film")).unwrap() == film);

    let mut kept = contents(&world.path("left"));
    kept.extend(contents(&world.path("right")));
    let mut versions = 0;
    for person in &people {
        for (path, content) in &person.wrote {
            let words = String::from_utf8_lossy(&content[..content.len().min(40)]).into_owned();
            assert!(kept.contains(content), "lost: {path} of the {}, {words:?}", person.name);
            versions += 1;
        }
    }
    let changes: u64 = people.iter().map(|person| person.done).sum();
    let clashes = tree(&world.path("left")).keys().filter(|path| path.contains(" - clash ")).count();
    let seen =
        format!("{changes} changes, {cut} runs cut short, {clashes} clash copies, {versions} versions found");
    tell("10 kills under load", &seen, again);
}
