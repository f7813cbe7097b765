//! Undoing runs, over replicas in memory: any run, by itself and one after the other, disturbed at every step.
//!
//! Users work on both sides, a run follows, and again. What each run did is undone: right after it, which must give
//! back exactly what was there before it; and all of them in reverse order at the end, which must keep every edit
//! that was made since. In all of it no content is lost that was anywhere, and the next sync does not do again what
//! was undone.

use std::collections::BTreeSet;
use std::sync::Arc;

use sync_core::abilities::Abilities;
use sync_core::path::RelPath;
use sync_core::policy::{GuardPolicy, Policy, Versions};
use sync_core::side::{Side, Sides};
use sync_engine::{Silent, UndoOptions, UndoReport};
use sync_replica::memory::{MemoryReplica, Node};

use super::sweep::{Failure, drawn, seed, sweep};
use super::world::{EAGER, Picture, STEADY, World, mismatches};

/// Where users work.
const NAMES: [&str; 8] = ["a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "f/a"];

fn policy() -> Policy {
    Policy {
        versions: Versions { enabled: true, max_size_bytes: u64::MAX },
        guard: GuardPolicy { max_change_percent: 100, max_change_min_files: u64::MAX },
        ..Policy::default()
    }
}

fn pairs() -> [(&'static str, Sides<Abilities>); 2] {
    let full = Abilities::FULL;
    let poor = Abilities { exchange: false, hard_links: false, ..full.clone() };
    [("full", Sides::new(full.clone(), full.clone())), ("poor", Sides::new(full, poor))]
}

/// What chance decides.
struct Dice {
    seed: u64,
    rolls: u64,
}

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.rolls += 1;
        usize::try_from(drawn(self.seed, self.rolls) % sides as u64).unwrap()
    }
}

fn is_dir(side: &MemoryReplica, at: &RelPath) -> bool {
    at.is_root() || matches!(side.node(at), Some(Node::Dir { .. }))
}

/// One edit of a user, if it can be made.
fn edit(side: &MemoryReplica, dice: &mut Dice, words: &str) -> Option<String> {
    let at = RelPath::try_from(NAMES[dice.roll(NAMES.len())]).unwrap();
    let there = side.node(&at);
    let parents = at.ancestors().all(|above| is_dir(side, &above) || side.node(&above).is_none());
    let done = match (dice.roll(8), &there) {
        (0..=3, None) if parents => {
            side.write(&at, words);
            "writes"
        }
        (0..=3, Some(Node::File { .. })) => {
            side.write(&at, format!("{words} again"));
            "rewrites"
        }
        (4, Some(Node::File { .. })) => {
            side.chmod(&at, 0o600);
            "closes"
        }
        (4, None) if parents => {
            side.mkdir(&at);
            "makes"
        }
        (5, Some(Node::Dir { .. })) => {
            side.remove_tree(&at);
            "removes"
        }
        (5, Some(_)) => {
            side.remove(&at);
            "removes"
        }
        (6..=7, Some(_)) => {
            let to = RelPath::try_from(NAMES[dice.roll(NAMES.len())]).unwrap();
            let parent = to.parent().unwrap();
            if side.node(&to).is_some() || to.starts_with(&at) || !is_dir(side, &parent) {
                return None;
            }
            side.rename(&at, &to);
            return Some(format!("moves {at} to {to}"));
        }
        _ => return None,
    };
    Some(format!("{done} {at}"))
}

fn undo(world: &World, run: u64, options: &UndoOptions) -> Result<UndoReport, String> {
    let session = world.session().map_err(|error| format!("the session does not open: {error}"))?;
    session.undo(run, options, &Silent).map_err(|error| format!("undo {run} fails: {error}"))
}

fn plainly(world: &World, run: u64) -> Result<UndoReport, String> {
    undo(world, run, &UndoOptions::default())
}

/// How the trees of two pictures differ.
fn apart(wanted: &Picture, now: &Picture) -> Vec<String> {
    let mut found = Vec::new();
    for side in Side::BOTH {
        let (wanted, now) = (&wanted.trees[side], &now.trees[side]);
        for path in wanted.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            if wanted.get(path) != now.get(path) {
                found.push(format!("{side} `{path}`: {:?} instead of {:?}", now.get(path), wanted.get(path)));
            }
        }
    }
    found
}

fn nothing_lost(before: &Picture, after: &Picture, what: &str) -> Result<(), String> {
    match before.contents.difference(&after.contents).next() {
        None => Ok(()),
        Some(lost) => Err(format!("{what} loses \"{}\"", lost.escape_ascii())),
    }
}

/// Contents that a side shows in `now` and did not show in `before`.
fn news(before: &Picture, now: &Picture, side: Side) -> BTreeSet<Arc<[u8]>> {
    let of = |picture: &Picture| -> BTreeSet<Arc<[u8]>> {
        let nodes = picture.trees[side].values();
        nodes
            .filter_map(|node| match node {
                Node::File { content, .. } => Some(Arc::clone(content)),
                _ => None,
            })
            .collect()
    };
    &of(now) - &of(before)
}

struct Story {
    seed: u64,
    pair: &'static str,
    abilities: Sides<Abilities>,
    undone: std::sync::atomic::AtomicU64,
}

/// A run, and what the sides were before and after it.
struct Told {
    run: u64,
    before: Picture,
    after: Picture,
}

impl Story {
    fn tell(&self) -> Result<(), String> {
        let world = World::new(self.abilities.clone(), policy());
        // An empty side is a matter of its own: a guard asks then.
        world.sides.left.write("bystander", "nobody touches this");
        world.settle()?;
        let mut dice = Dice { seed: self.seed, rolls: 0 };
        let mut told: Vec<Told> = Vec::new();
        let mut log = Vec::new();
        for round in 0..3 {
            for number in 0..=dice.roll(5) {
                let side = if dice.roll(2) == 0 { Side::Left } else { Side::Right };
                let words = format!("{side} {round} {number}");
                log.extend(edit(&world.sides[side], &mut dice, &words).map(|done| format!("{side} {done}")));
            }
            let before = world.picture();
            let report = world.run().map_err(|error| format!("a run fails: {error}"))?;
            log.push(format!("run {:?}", report.run));
            if !report.problems.is_empty() {
                return Err(format!("{log:?}: {:?}", report.problems));
            }
            let Some(run) = report.run else { continue };
            let after = world.picture();
            let one = Told { run, before, after };
            self.undo_right_after(&world, &one).map_err(|what| format!("{log:?}: {what}"))?;
            told.push(one);
        }
        Self::undo_all(&world, &told).map_err(|what| format!("{log:?}: {what}"))
    }

    /// A run that is undone at once gives back exactly what was there; the undo can be undone; and what was undone
    /// is not done again.
    fn undo_right_after(&self, world: &World, told: &Told) -> Result<(), String> {
        let fork = world.fork();
        let asked = undo(&fork, told.run, &UndoOptions { dry_run: true, ..UndoOptions::default() })?;
        let untouched = apart(&told.after, &fork.picture());
        if !untouched.is_empty() {
            return Err(format!("a dry run changes {}", untouched.join("\n      ")));
        }
        let report = plainly(&fork, told.run)?;
        if asked.transitions != report.transitions || !report.is_whole() {
            return Err(format!("asked {asked:?}, done {report:?}"));
        }
        let back = fork.picture();
        let found = apart(&told.before, &back);
        if !found.is_empty() {
            return Err(format!("undo of {}: {}", told.run, found.join("\n      ")));
        }
        nothing_lost(&told.after, &back, "undo")?;
        fork.check_at_rest()?;
        self.undone.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        if let Some(run) = report.run {
            let again = fork.fork();
            let redone = plainly(&again, run)?;
            let found = apart(&told.after, &again.picture());
            if !found.is_empty() || !redone.is_whole() {
                return Err(format!("undo of undo {run}: {:?} {}", redone.left, found.join("\n      ")));
            }
            nothing_lost(&back, &again.picture(), "undo of undo")?;
        }
        fork.settle().map_err(|what| format!("after an undo: {what}"))?;
        let settled = fork.picture();
        nothing_lost(&back, &settled, "the sync after an undo")?;
        let found = mismatches(&fork, &BTreeSet::new());
        if !found.is_empty() {
            return Err(format!("after an undo: {}", found.join("\n      ")));
        }
        for side in Side::BOTH {
            // What came back is on both sides now.
            let shown = fork.shown();
            for content in news(&told.after, &back, side) {
                if !shown.both(|side| side.contains(&content)) {
                    return Err(format!("the next sync takes \"{}\" away again", content.escape_ascii()));
                }
            }
        }
        Ok(())
    }

    /// All runs undone, the last one first, keep what was edited in between.
    fn undo_all(world: &World, told: &[Told]) -> Result<(), String> {
        for one in told.iter().rev() {
            let before = world.picture();
            // What a side shows and did not show after this run, somebody has made since.
            let since = Sides::from_fn(|side| news(&one.after, &before, side));
            plainly(world, one.run)?;
            nothing_lost(&before, &world.picture(), "undo")?;
            let shown = world.shown();
            for side in Side::BOTH {
                if let Some(lost) = since[side].difference(&shown[side]).next() {
                    return Err(format!(
                        "undo of {} takes away what {side} wrote since: \"{}\"",
                        one.run,
                        lost.escape_ascii()
                    ));
                }
            }
            world.check_at_rest()?;
        }
        world.settle().map(|_| ())
    }
}

#[test]
fn any_run_is_undone_and_no_edit_is_lost() {
    let first = seed();
    let stories: u64 =
        std::env::var("BOTHWAYS_UNDO_STORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let jobs: Vec<Story> = (0..stories)
        .flat_map(|number| {
            pairs().map(|(pair, abilities)| Story {
                seed: drawn(first, number),
                pair,
                abilities,
                undone: std::sync::atomic::AtomicU64::new(0),
            })
        })
        .collect();
    sweep("stories with undo", &jobs, |story| {
        let how = format!("seed {}, {}", story.seed, story.pair);
        story.tell().map_err(|what| Failure { how, what })
    });
    let undone: u64 = jobs.iter().map(|job| job.undone.load(std::sync::atomic::Ordering::Relaxed)).sum();
    println!("{undone} runs undone right after");
    assert!(undone > stories * 3);
}

/// A world in which one run has done one of everything that can be undone.
fn busy(abilities: Sides<Abilities>) -> (World, u64, Picture) {
    let mut world = World::new(abilities, policy());
    world.pace = EAGER;
    let Sides { left, right } = &world.sides;
    for (path, content) in [("kept", "kept"), ("old", "the old version"), ("gone", "to be deleted")] {
        left.write(path, content);
    }
    left.write("dir/inside", "inside");
    left.write("folder/file", "in a folder");
    left.write("both", "agreed");
    left.write("mode", "whose mode changes");
    left.write("name", "to be renamed");
    left.mkdir("empty");
    world.settle().unwrap();
    left.write("old", "the newer version");
    left.remove("gone");
    left.remove_tree("folder");
    left.remove("empty");
    left.rename("name", "dir/other name");
    left.rename("dir", "moved");
    left.write("made/new", "new");
    left.chmod("mode", 0o600);
    left.write("both", "left's own");
    right.write("both", "right's own, later");
    right.write("from the right", "new there");
    let before = world.picture();
    let run = world.run().unwrap().run.unwrap();
    (world, run, before)
}

#[test]
fn everything_a_run_did_comes_back_and_a_kill_at_any_step_changes_nothing_of_that() {
    for (pair, abilities) in pairs() {
        let (world, run, before) = busy(abilities);
        let undisturbed = world.fork();
        let steps = undisturbed.faults.steps();
        let report = plainly(&undisturbed, run).unwrap();
        assert!(report.is_whole(), "{pair}: {:?} {:?}", report.left, report.problems);
        assert_eq!(apart(&before, &undisturbed.picture()), Vec::<String>::new(), "{pair}");
        for word in ["RESTORE_RIGHT", "SOFT_DELETE_RIGHT", "RENAME_RIGHT", "SET_PROPS_RIGHT", "MKDIR_RIGHT"] {
            assert!(report.done.contains_key(word), "{pair}: no {word} in {:?}", report.done);
        }
        let end = undisturbed.faults.steps();
        let jobs: Vec<u64> = (steps..end).collect();
        sweep(&format!("an undo killed at every step, {pair}"), &jobs, |step| {
            let mut fork = world.fork();
            fork.pace = if step % 2 == 0 { EAGER } else { STEADY };
            let held = fork.picture();
            fork.faults.crash_at(*step);
            let _ = plainly(&fork, run);
            fork.revive();
            let judged = (|| {
                nothing_lost(&held, &fork.picture(), "the kill")?;
                let again = plainly(&fork, run)?;
                nothing_lost(&held, &fork.picture(), "the undo after it")?;
                let found = apart(&before, &fork.picture());
                if !found.is_empty() || !again.problems.is_empty() {
                    return Err(format!("{:?} {:?} {}", again.left, again.problems, found.join("\n      ")));
                }
                fork.check_at_rest()?;
                let session = fork.session().map_err(|error| error.to_string())?;
                let listed = session.trash(&sync_engine::TrashFilter::default());
                let listed = listed.map_err(|error| error.to_string())?;
                let unknown = listed.items.iter().find(|one| one.presence == "found");
                match unknown {
                    None => Ok(()),
                    Some(unknown) => Err(format!("nobody knows what lies in the trash: {unknown:?}")),
                }
            })();
            judged.map_err(|what| Failure { how: format!("step {step}"), what })
        });
    }
}

#[test]
fn a_killed_sync_leaves_nothing_in_the_trash_that_the_index_does_not_know() {
    for (pair, abilities) in pairs() {
        let world = World::new(abilities, policy());
        for number in 0..4 {
            world.sides.left.write(format!("file {number}").as_str(), format!("content {number}"));
        }
        world.settle().unwrap();
        for number in 0..2 {
            world.sides.left.remove(format!("file {number}").as_str());
            world.sides.left.write(format!("file {}", number + 2).as_str(), "another content");
        }
        let undisturbed = world.fork();
        let first = undisturbed.faults.steps();
        undisturbed.run().unwrap();
        let jobs: Vec<u64> = (first..undisturbed.faults.steps()).collect();
        sweep(&format!("a sync killed at every step, {pair}"), &jobs, |step| {
            let fork = world.fork();
            fork.faults.crash_at(*step);
            let _ = fork.run();
            fork.revive();
            let judged = (|| {
                fork.settle()?;
                let session = fork.session().map_err(|error| error.to_string())?;
                let listed = session.trash(&sync_engine::TrashFilter::default());
                let listed = listed.map_err(|error| error.to_string())?;
                let wrong = listed.items.iter().find(|one| one.presence != "there");
                match wrong {
                    None if listed.items.len() >= 4 => Ok(()),
                    None => Err(format!("only {} things in the trash", listed.items.len())),
                    Some(wrong) => Err(format!("the index and the trash do not agree: {wrong:?}")),
                }
            })();
            judged.map_err(|what| Failure { how: format!("step {step}"), what })
        });
    }
}

#[test]
fn what_changed_since_stays_and_its_old_version_goes_beside_it_where_that_is_wanted() {
    let world = World::new(Sides::from_fn(|_| Abilities::FULL), policy());
    let Sides { left, right } = &world.sides;
    left.write_at("file", "old", 1_000_000_000_000_000_000);
    left.write("gone", "deleted");
    world.settle().unwrap();
    left.write("file", "newer");
    left.remove("gone");
    let run = world.run().unwrap().run.unwrap();
    right.write("file", "the newest");
    right.write("gone", "made again");
    let report = plainly(&world, run).unwrap();
    let reasons: Vec<_> = report.left.iter().map(|one| (one.path.as_str(), one.reason.as_str())).collect();
    assert_eq!(reasons, [("gone", "taken"), ("file", "changed-since")]);
    assert_eq!((report.run, right.read("file").as_deref()), (None, Some(b"the newest".as_slice())));

    let both = undo(&world, run, &UndoOptions { keep_both: true, dry_run: false }).unwrap();
    assert!(both.is_whole(), "{both:?}");
    assert_eq!(right.read("file").as_deref(), Some(b"the newest".as_slice()));
    assert_eq!(right.read("file - clash 200109090146").as_deref(), Some(b"old".as_slice()));
    assert_eq!(right.read("gone").as_deref(), Some(b"made again".as_slice()));
    assert_eq!(right.files().values().filter(|content| ***content == *b"deleted").count(), 1);
}

#[test]
fn without_kept_versions_an_undo_says_what_it_cannot_put_back() {
    let policy = Policy { versions: Versions::default(), ..policy() };
    let world = World::new(Sides::from_fn(|_| Abilities::FULL), policy);
    world.sides.left.write("file", "old");
    world.sides.left.write("gone", "deleted");
    world.settle().unwrap();
    world.sides.left.write("file", "newer");
    world.sides.left.remove("gone");
    let run = world.run().unwrap().run.unwrap();
    let report = plainly(&world, run).unwrap();
    let reasons: Vec<_> = report.left.iter().map(|one| (one.path.as_str(), one.reason.as_str())).collect();
    assert_eq!(reasons, [("file", "not-kept")]);
    assert_eq!(world.sides.right.read("gone").as_deref(), Some(b"deleted".as_slice()));
    assert!(undo(&world, 4711, &UndoOptions::default()).unwrap_err().contains("no run 4711"));
    world.settle().unwrap();
    assert_eq!(world.sides.left.read("gone").as_deref(), Some(b"deleted".as_slice()));
}
