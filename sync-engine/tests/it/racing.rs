//! A user who is at work at the very moment and at the very path that a run handles.
//!
//! The story is told again and again; each time, just before one step, a user does one thing at the path that the
//! step is about, on the side it happens on or on the other one. Whatever the run makes of it: once the next runs
//! have come to rest, what the user wrote is shown on both sides, and nothing is lost but what the user deleted.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sync_core::path::RelPath;
use sync_core::policy::Policy;
use sync_core::side::Side;
use sync_replica::memory::{MemoryReplica, Node, Step};

use super::story::adopted;
use super::sweep::{Failure, Undisturbed, drawn, seed, sweep};
use super::world::{PARALLEL, STEADY, World, mismatches, pairs};

/// What the user does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Deed {
    /// Writes into the file, or makes one.
    Write,
    /// Puts another file in its place by renaming it over.
    Replace,
    /// Moves it elsewhere.
    MoveAway,
    /// Deletes it, with everything in it.
    Delete,
    /// Moves the directory it lies in elsewhere.
    MoveParent,
    /// Puts a new file beside it.
    WriteBeside,
    /// Puts a file into it, if it is a directory.
    WriteInside,
}

const DEEDS: [Deed; 7] = [
    Deed::Write,
    Deed::Replace,
    Deed::MoveAway,
    Deed::Delete,
    Deed::MoveParent,
    Deed::WriteBeside,
    Deed::WriteInside,
];

/// What came of it: what the user wrote, and what may be missing because the user took it away.
#[derive(Default)]
struct Done {
    written: Option<Arc<[u8]>>,
    taken: BTreeSet<Arc<[u8]>>,
}

fn is_file(side: &MemoryReplica, at: &RelPath) -> bool {
    matches!(side.node(at), Some(Node::File { .. }))
}

fn is_dir(side: &MemoryReplica, at: &RelPath) -> bool {
    at.is_root() || matches!(side.node(at), Some(Node::Dir { .. }))
}

/// The contents at a path and below it.
fn contents(side: &MemoryReplica, at: &RelPath) -> BTreeSet<Arc<[u8]>> {
    side.files().into_iter().filter(|(path, _)| path.starts_with(at)).map(|(_, content)| content).collect()
}

/// Does it, where it can be done. None where it cannot.
fn act(side: &MemoryReplica, at: &RelPath, deed: Deed, words: &str) -> Option<Done> {
    let parent = at.parent()?;
    if !is_dir(side, &parent) {
        return None;
    }
    let mut done = Done::default();
    let text: Arc<[u8]> = format!("{words}: {deed:?}").into_bytes().into();
    match deed {
        Deed::Write if is_file(side, at) || side.node(at).is_none() => {
            done.taken = contents(side, at);
            side.write(at, &text);
            done.written = Some(text);
        }
        Deed::Replace if is_file(side, at) => {
            done.taken = contents(side, at);
            let other = parent.join(b"~$draft").ok()?;
            side.write(&other, &text);
            side.rename(&other, at);
            done.written = Some(text);
        }
        Deed::MoveAway if side.node(at).is_some() => {
            side.rename(at, RelPath::try_from("moved by the user").ok()?);
        }
        Deed::Delete if side.node(at).is_some() => {
            done.taken = contents(side, at);
            side.remove_tree(at);
        }
        Deed::MoveParent if !parent.is_root() => {
            side.rename(&parent, RelPath::try_from("folder moved by the user").ok()?);
        }
        Deed::WriteBeside => {
            side.write(parent.join(b"beside, by the user").ok()?, &text);
            done.written = Some(text);
        }
        Deed::WriteInside if is_dir(side, at) => {
            side.write(at.join(b"inside, by the user").ok()?, &text);
            done.written = Some(text);
        }
        _ => return None,
    }
    Some(done)
}

/// Whether both users wrote this, each at a time of its own.
fn is_adopted(content: &[u8]) -> bool {
    content.starts_with(b"by chance the same") || content.starts_with(b"made by both")
}

struct Job<'a> {
    told: &'a Undisturbed,
    step: u64,
    deed: Deed,
    across: bool,
}

#[test]
fn whatever_a_user_does_at_the_path_that_is_handled_survives() {
    let seed = seed();
    let stories = Undisturbed::all();
    let full = std::env::var_os("BOTHWAYS_SWEEP").is_some_and(|wish| wish == "full");
    let every = if full { 1 } else { 31 };
    let jobs: Vec<Job<'_>> = stories
        .iter()
        .flat_map(|told| {
            let steps = (1..=told.steps).flat_map(move |step| DEEDS.map(|deed| (step, deed)));
            steps.enumerate().flat_map(move |(index, (step, deed))| {
                let index = index as u64;
                let wanted = move |across: bool| (index + u64::from(across) * 4 + seed).is_multiple_of(every);
                [false, true].into_iter().filter(move |across| wanted(*across)).map(move |across| Job {
                    told,
                    step,
                    deed,
                    across,
                })
            })
        })
        .collect();
    let raced = std::sync::atomic::AtomicU64::new(0);
    sweep("races with a user", &jobs, |job| {
        let mut world = job.told.world.fork();
        world.pace = if drawn(seed, job.step).is_multiple_of(4) { PARALLEL } else { STEADY };
        let done: Arc<Mutex<Option<(String, Done)>>> = Arc::default();
        let acted = Arc::new(AtomicBool::new(false));
        for side in Side::BOTH {
            let (done, acted) = (Arc::clone(&done), Arc::clone(&acted));
            let other = world.sides[side.other()].clone();
            let (wanted, deed, across) = (job.step, job.deed, job.across);
            world.sides[side].between(move |here: &MemoryReplica, step: &Step| {
                if step.number != wanted || acted.swap(true, Ordering::SeqCst) {
                    return;
                }
                let at = if across { &other } else { here };
                let words = format!("step {wanted}");
                if let Some(what) = act(at, &step.path, deed, &words) {
                    *done.lock().unwrap() = Some((format!("{step} on the {side}"), what));
                }
            });
        }
        // How the disturbed run ends is its own business.
        let _ = world.run();
        for side in Side::BOTH {
            world.sides[side].undisturbed();
        }
        let Some((step, done)) = done.lock().unwrap().take() else { return Ok(()) };
        raced.fetch_add(1, Ordering::Relaxed);
        let across = if job.across { "across from" } else { "at" };
        let fail = |what: String| Failure {
            how: format!("{}: {:?} {across} {step} (seed {seed})", job.told.name, job.deed),
            what,
        };
        let rest = world.settle().map_err(&fail)?;
        world.check_at_rest().map_err(&fail)?;
        let shown = world.shown();
        if let Some(written) = &done.written {
            // Beside a name that is the same to the other side it stays where it is, and is told.
            let everywhere = rest.problems.is_empty();
            let here = shown.as_ref().map(|shown| shown.contains(written));
            if !(here.left && here.right || !everywhere && (here.left || here.right)) {
                return Err(fail(format!("what the user wrote is lost: {here:?}")));
            }
        }
        let now = world.picture();
        for kept in &job.told.end.contents {
            // A version both sides once agreed on may go for the user's.
            let superseded = done.written.is_some() && kept.windows(9).any(|words| words == b" at first");
            if !now.contents.contains(kept) && !done.taken.contains(kept) && !superseded {
                return Err(fail(format!("lost: \"{}\"", kept.escape_ascii())));
            }
        }
        let mut except = adopted();
        for replica in [&world.sides.left, &world.sides.right] {
            // What is hidden stays where somebody works on beside it. Of something that was moved in the same breath,
            // permissions and attributes that were still to come are not looked at.
            let moved = matches!(job.deed, Deed::MoveAway | Deed::MoveParent);
            let unlike = |path: &RelPath, node: &Node| {
                path.name().starts_with(b"~$")
                    || (moved && matches!(node, Node::Dir { .. }))
                    || (moved && matches!(node, Node::File { content, .. } if is_adopted(content)))
                    || (moved && matches!(node, Node::File { xattrs, .. } if !xattrs.0.is_empty()))
            };
            except.extend(
                replica.dump().iter().filter(|(path, node)| unlike(path, node)).map(|(path, _)| path.clone()),
            );
        }
        let found = mismatches(&world, &except);
        // What collides is on one side only.
        if found.is_empty() || !rest.problems.is_empty() { Ok(()) } else { Err(fail(found.join("\n      "))) }
    });
    println!("{} of them met a run at work", raced.load(Ordering::Relaxed));
}

/// Copies are staged while directories are made; the copy of what makes way for a directory waits for that.
#[test]
fn what_makes_way_for_a_directory_is_copied_from_where_it_went() {
    for file_side in Side::BOTH {
        let mut world = World::new(pairs()[0].1.clone(), Policy::default());
        world.pace = PARALLEL;
        world.sides[file_side].write("name", "a file");
        world.sides[file_side.other()].write("name/inside", "a directory");
        world.sides[file_side].between(|_, step| {
            if step.what == "rename" {
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let report = world.run().unwrap();
        assert!(report.problems.is_empty(), "file on the {file_side}: {:?}", report.problems);
        assert_eq!(world.sides.left.files(), world.sides.right.files());
        assert_eq!(world.sides.left.files().len(), 2);
    }
}
