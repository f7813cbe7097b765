//! A run that is ended, or fails, at every single step.
//!
//! Each sweep tells the story once without a disturbance, then again for every step of it: the run is disturbed
//! just before that step, and the runs after it must arrive at the very same trees, with nothing lost that the
//! undisturbed run keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Instant;

use sync_core::abilities::Abilities;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_replica::ProblemKind;
use sync_replica::memory::{End, Node};

use super::story::{adopted, path, told};
use super::world::{EAGER, PARALLEL, Pace, Picture, STEADY, World, differences, mismatches, pairs};

/// A story that was told up to its last run, and what that run leads to.
pub(crate) struct Undisturbed {
    pub(crate) name: &'static str,
    pub(crate) world: World,
    pub(crate) steps: u64,
    pub(crate) end: Picture,
}

impl Undisturbed {
    fn new(name: &'static str, abilities: Sides<Abilities>) -> Self {
        let world = told(abilities);
        let whole = world.fork();
        whole.run().expect("the undisturbed run");
        let steps = whole.faults.steps();
        whole.settle().expect("the runs after it");
        Self { name, world, steps, end: whole.picture() }
    }

    /// Every kind of pair.
    pub(crate) fn all() -> Vec<Self> {
        pairs().into_iter().map(|(name, abilities)| Self::new(name, abilities)).collect()
    }

    /// Brings a disturbed world to rest and says what of the undisturbed one is lost, or not the same on both sides.
    fn judge_loss(&self, world: &World, except: &[&str]) -> Result<(), String> {
        world.settle()?;
        world.check_at_rest()?;
        let now = world.picture();
        let mut found: Vec<_> =
            self.end.contents.difference(&now.contents).map(|lost| shown("lost", lost)).collect();
        for side in Side::BOTH {
            let wanted = files(&self.end.trees[side]);
            found.extend(
                wanted.difference(&files(&now.trees[side])).map(|lost| shown("no longer shown", lost)),
            );
        }
        let except = adopted().into_iter().chain(except.iter().map(|text| path(text))).collect();
        found.extend(mismatches(world, &except));
        if found.is_empty() { Ok(()) } else { Err(found.join("\n      ")) }
    }

    /// Brings a disturbed world to rest and says how it differs from the undisturbed one.
    fn judge(&self, world: &World) -> Result<(), String> {
        world.settle()?;
        world.check_at_rest()?;
        let mut found = differences(&self.end, &world.picture());
        found.extend(mismatches(world, &adopted()));
        if found.is_empty() { Ok(()) } else { Err(found.join("\n      ")) }
    }
}

fn shown(word: &str, content: &[u8]) -> String {
    format!("{word}: \"{}\"", content.escape_ascii())
}

/// The contents that a side shows.
fn files(tree: &BTreeMap<RelPath, Node>) -> BTreeSet<Arc<[u8]>> {
    let content = |node: &Node| match node {
        Node::File { content, .. } => Some(Arc::clone(content)),
        _ => None,
    };
    tree.values().filter_map(content).collect()
}

/// How many different failures a sweep reports before it gives up.
const ENOUGH: usize = 12;

/// Calls `check` for every one of `jobs` on two threads; prints how many there were and fails with what failed. Of
/// failures that end the same way the first is shown.
pub(crate) fn sweep<T: Sync>(title: &str, jobs: &[T], check: impl Fn(&T) -> Result<(), Failure> + Sync) {
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let failures: Mutex<BTreeMap<String, (String, usize)>> = Mutex::default();
    let work = || {
        while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            if let Err(Failure { how, what }) = check(job) {
                let mut failures = failures.lock().unwrap();
                failures.entry(what).or_insert((how, 0)).1 += 1;
                if failures.len() >= ENOUGH {
                    return;
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let failures = failures.into_inner().unwrap();
    println!("{title}: {} points in {:.1} s", jobs.len(), began.elapsed().as_secs_f32());
    let told =
        failures.iter().map(|(what, (how, count))| format!("{count} times, first {how}\n      {what}"));
    let told: Vec<_> = told.collect();
    assert!(told.is_empty(), "{title}: {} ways to fail\n    {}", told.len(), told.join("\n    "));
}

/// What went wrong, and how it came to that.
pub(crate) struct Failure {
    pub(crate) how: String,
    pub(crate) what: String,
}

/// A seed for what is drawn by chance, which `BOTHWAYS_SEED` replaces.
pub(crate) fn seed() -> u64 {
    let seed = env::var("BOTHWAYS_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_120);
    println!("BOTHWAYS_SEED={seed}");
    seed
}

/// A number that follows from `seed` and `n`, and looks drawn by chance.
pub(crate) fn drawn(seed: u64, n: u64) -> u64 {
    let mut x = seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for shift in [30, 27, 31] {
        x = (x ^ (x >> shift)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    x ^ (x >> 29)
}

/// What is disturbed, and where.
struct Job<'a> {
    told: &'a Undisturbed,
    step: u64,
}

/// Every `stride`-th step of every story, and some beyond the last: a run that was ended after its last step. With
/// `BOTHWAYS_SWEEP=full` every single one. Which ones it is follows from `offset`.
fn steps(stories: &[Undisturbed], stride: u64, offset: u64) -> Vec<Job<'_>> {
    let stride = if env::var_os("BOTHWAYS_SWEEP").is_some_and(|wish| wish == "full") { 1 } else { stride };
    let all = stories.iter().flat_map(|told| (1..=told.steps + 3).map(move |step| Job { told, step }));
    all.skip((offset % stride) as usize).step_by(stride as usize).collect()
}

impl Job<'_> {
    /// A world of its own in which the run is disturbed, as `disturb` prepares it.
    fn disturbed(&self, pace: Pace, disturb: impl Fn(&World)) -> World {
        let mut world = self.told.world.fork();
        world.pace = pace;
        world.faults.record();
        disturb(&world);
        // How the disturbed run ends is its own business.
        let _ = world.run();
        world
    }

    fn explain(&self, how: &str, trace: &[sync_replica::memory::Step], what: String) -> Failure {
        let step = trace.iter().find(|step| step.number == self.step);
        let step = step.map_or_else(|| format!("step {}", self.step), ToString::to_string);
        Failure { how: format!("{}: {how} at {step}", self.told.name), what }
    }
}

#[test]
fn undisturbed_the_story_ends_the_same_on_both_sides() {
    for (name, abilities) in pairs() {
        let world = told(abilities);
        let first = world.run().unwrap();
        println!("{name}: {} steps, {:?}", world.faults.steps(), first.done);
        let last = world.settle().unwrap();
        assert!(last.problems.is_empty(), "{name}: {:?}", last.problems);
        assert_eq!(mismatches(&world, &adopted()), Vec::<String>::new(), "{name}");
        world.check_at_rest().unwrap();
    }
}

#[test]
fn killed_at_any_step_the_next_runs_arrive_where_an_undisturbed_run_does() {
    let stories = Undisturbed::all();
    sweep("kills, nothing remembered", &steps(&stories, 1, 0), |job| {
        let world = job.disturbed(STEADY, |world| world.faults.crash_at(job.step));
        let trace = world.faults.trace();
        world.faults.end_now(End::Killed);
        world.revive();
        job.told.judge(&world).map_err(|failure| job.explain("killed", &trace, failure))
    });
}

#[test]
fn killed_at_any_step_and_with_an_older_state_put_back_nothing_is_lost() {
    let stories = Undisturbed::all();
    // Without its note, a directory that was to be closed is adopted as open as it was found; of two directories
    // that meet for the first time neither is touched.
    sweep("kills, an older state put back", &steps(&stories, 7, 3), |job| {
        let world = job.disturbed(STEADY, |world| world.faults.crash_at(job.step));
        let trace = world.faults.trace();
        world.faults.end_now(End::Killed);
        world.revive();
        world.remember_as(&job.told.world);
        job.told
            .judge_loss(&world, &["closed folder", "folder against file"])
            .map_err(|failure| job.explain("killed", &trace, failure))
    });
}

#[test]
fn killed_at_any_step_with_everything_remembered_up_to_there() {
    let stories = Undisturbed::all();
    sweep("kills, every action remembered", &steps(&stories, 7, 1), |job| {
        let world = job.disturbed(EAGER, |world| world.faults.crash_at(job.step));
        let trace = world.faults.trace();
        world.faults.end_now(End::Killed);
        world.revive();
        job.told.judge(&world).map_err(|failure| job.explain("killed", &trace, failure))
    });
}

#[test]
fn killed_again_while_it_recovers() {
    let seed = seed();
    let stories = Undisturbed::all();
    sweep("double kills", &steps(&stories, 9, 2), |job| {
        let pace = if job.step % 2 == 0 { EAGER } else { PARALLEL };
        let world = job.disturbed(pace, |world| world.faults.crash_at(job.step));
        let trace = world.faults.trace();
        world.faults.end_now(End::Killed);
        world.revive();
        let again = 1 + drawn(seed, job.step) % (job.told.steps - job.step.min(job.told.steps) + 20);
        world.faults.crash_at(again);
        let _ = world.run();
        world.faults.end_now(End::Killed);
        world.revive();
        let what = format!("killed again at step {again} (seed {seed}), having been killed first");
        job.told.judge(&world).map_err(|failure| job.explain(&what, &trace, failure))
    });
}

#[test]
fn a_power_cut_at_any_step_takes_back_nothing_that_was_remembered() {
    let seed = seed();
    let stories = Undisturbed::all();
    for round in 0..2 {
        let pace = if round == 0 { STEADY } else { EAGER };
        sweep(&format!("power cuts, {pace:?}"), &steps(&stories, 3 + 8 * round, round), |job| {
            let chance = drawn(seed, job.step * 8 + round);
            let world = job.disturbed(pace, |world| world.faults.power_cut_at(job.step, chance));
            let trace = world.faults.trace();
            world.faults.end_now(End::PowerCut { seed: chance });
            world.revive();
            let what = format!("the power was cut (seed {seed}, round {round})");
            job.told.judge_loss(&world, &[]).map_err(|failure| job.explain(&what, &trace, failure))
        });
    }
}

#[test]
fn a_power_cut_soon_after_a_kill_takes_back_nothing_that_was_remembered() {
    let seed = seed();
    let stories = Undisturbed::all();
    sweep("a kill, one run, a power cut", &steps(&stories, 5, 4), |job| {
        let world = job.disturbed(STEADY, |world| world.faults.crash_at(job.step));
        let trace = world.faults.trace();
        world.faults.end_now(End::Killed);
        world.revive();
        world.run().map_err(|error| job.explain("killed", &trace, error.to_string()))?;
        world.faults.end_now(End::PowerCut { seed: drawn(seed, job.step) });
        world.revive();
        let what = format!("the power was cut after the next run (seed {seed}); first it was killed");
        job.told.judge_loss(&world, &[]).map_err(|failure| job.explain(&what, &trace, failure))
    });
}

#[test]
fn a_failure_at_any_step_costs_that_path_a_run_and_nothing_else() {
    const KINDS: [ProblemKind; 9] = [
        ProblemKind::Io,
        ProblemKind::Stale,
        ProblemKind::NoSpace,
        ProblemKind::InUse,
        ProblemKind::PermissionDenied,
        ProblemKind::NotFound,
        ProblemKind::Exists,
        ProblemKind::Corrupt,
        ProblemKind::RootGone,
    ];
    let stories = Undisturbed::all();
    // Neighbouring steps meet different kinds, and so does the same step in another story.
    let kinds = KINDS.iter().cycle();
    let jobs: Vec<_> =
        steps(&stories, 3, 1).into_iter().zip(kinds).map(|(job, kind)| (job.step, job.told, *kind)).collect();
    sweep("failures", &jobs, |(step, told, kind)| {
        let job = Job { told, step: *step };
        let pace = if step % 2 == 0 { STEADY } else { EAGER };
        let world = job.disturbed(pace, |world| world.faults.fail_at(*step, *kind));
        let trace = world.faults.trace();
        world.faults.reset_steps();
        told.judge(&world).map_err(|failure| job.explain(&format!("{kind:?}"), &trace, failure))
    });
}
