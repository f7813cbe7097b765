//! What happened at some paths, found out from those paths alone: the same end as from a whole scan.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use sync_core::path::RelPath;
use sync_core::policy::ConflictPolicy;
use sync_core::side::Side;
use sync_engine::{Silent, SyncOptions};

use super::folders::Pair;

/// A small generator: the same seed plays the same day.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides
    }
}

type Told = BTreeMap<RelPath, bool>;

/// A path of a world of few names, so that things meet.
fn some_path(dice: &mut Dice) -> String {
    let names = ["a", "b", "c", "d"];
    let depth = 1 + dice.roll(3);
    (0..depth).map(|_| names[dice.roll(names.len())]).collect::<Vec<_>>().join("/")
}

/// One thing a user does; the paths a watcher would tell of.
fn act(pair: &Pair, side: Side, dice: &mut Dice, told: &mut Told) {
    let path = some_path(dice);
    let at = pair.at(side, &path);
    let mut tell = |path: &str| {
        told.insert(RelPath::try_from(path).unwrap(), false);
    };
    match dice.roll(8) {
        0..=2 => {
            if at.is_dir() || at.is_symlink() || !parent_is_possible(&pair.root(side), &path) {
                return;
            }
            let content = "x".repeat(dice.roll(40));
            fs::create_dir_all(at.parent().unwrap()).unwrap();
            // What a watcher tells of a new folder is the folder, or what is made in it, or both.
            fs::write(&at, content).unwrap();
            tell(&path);
        }
        3 => {
            if at.is_dir() {
                fs::remove_dir_all(&at).unwrap();
            } else if fs::remove_file(&at).is_err() {
                return;
            }
            tell(&path);
        }
        4 => {
            let to = some_path(dice);
            let target = pair.at(side, &to);
            let moves = !to.starts_with(&path) && parent_is_possible(&pair.root(side), &to);
            if fs::symlink_metadata(&target).is_ok() || fs::symlink_metadata(&at).is_err() || !moves {
                return;
            }
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::rename(&at, &target).unwrap();
            tell(&path);
            tell(&to);
        }
        5 => {
            if parent_is_possible(&pair.root(side), &path) && fs::create_dir_all(&at).is_ok() {
                tell(&path);
            }
        }
        6 => {
            if !at.parent().unwrap().is_dir() || symlink("goal", &at).is_err() {
                return;
            }
            tell(&path);
        }
        _ => {
            let mode = [0o600, 0o640, 0o644][dice.roll(3)];
            if fs::symlink_metadata(&at).is_ok_and(|found| found.is_file()) {
                fs::set_permissions(&at, PermissionsExt::from_mode(mode)).unwrap();
                tell(&path);
            }
        }
    }
}

fn parent_is_possible(root: &Path, path: &str) -> bool {
    let mut at = root.to_owned();
    let steps: Vec<_> = path.split('/').collect();
    steps[..steps.len() - 1].iter().all(|step| {
        at.push(step);
        fs::symlink_metadata(&at).map_or(true, |found| found.is_dir())
    })
}

#[test]
fn told_paths_lead_where_a_whole_scan_leads() {
    let seeds = std::env::var("BOTHWAYS_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = seeds.map_or(1..=12, |seed: u64| seed..=seed);
    for seed in seeds {
        let mut dice = Dice(seed);
        let mut pair = Pair::agreed(&[("a/b/c", "1"), ("a/d", "2"), ("b", "3"), ("c/c/a", "4")]);
        pair.config.policy.guard.max_change_percent = 100;
        for round in 0..15 {
            let mut told = Told::new();
            for _ in 0..=dice.roll(4) {
                let side = Side::BOTH[dice.roll(2)];
                act(&pair, side, &mut dice, &mut told);
            }
            let session = pair.open(false).unwrap();
            let report = session.sync_near(&told, &SyncOptions::default(), &Silent).unwrap();
            assert!(report.halt.is_none(), "seed {seed}, round {round}: {:?}", report.halt);
            let plan = session.plan(false, &Silent).unwrap();
            let left: Vec<_> = plan.transitions.iter().map(|one| (&one.action, &one.path)).collect();
            assert!(
                left.is_empty(),
                "seed {seed}, round {round}, told {told:?}: {left:?} {:?}",
                plan.problems
            );
            assert_eq!(pair.tree(Side::Left), pair.tree(Side::Right), "seed {seed}, round {round}");
        }
    }
}

#[test]
fn the_last_file_of_a_root_may_go() {
    let pair = Pair::agreed(&[("only", "1")]);
    fs::remove_file(pair.at(Side::Left, "only")).unwrap();
    let session = pair.open(false).unwrap();
    let told = Told::from([(RelPath::try_from("only").unwrap(), false)]);
    let report = session.sync_near(&told, &SyncOptions::default(), &Silent).unwrap();
    assert_eq!(report.halt.map(|halt| halt.reason), Some("empty-root".to_owned()), "as a whole cycle has it");
    assert!(pair.at(Side::Right, "only").exists());
}

#[test]
fn nothing_happened_and_nothing_is_written() {
    let pair = Pair::agreed(&[("a/b", "1")]);
    let session = pair.open(false).unwrap();
    let state = pair.state().join("state.redb");
    let before = fs::read(&state).unwrap();
    let told = Told::from([(RelPath::try_from("a/b").unwrap(), false), (RelPath::root(), false)]);
    let report = session.sync_near(&told, &SyncOptions::default(), &Silent).unwrap();
    assert_eq!(report.run, None);
    assert_eq!(fs::read(&state).unwrap(), before, "an echo of our own writes costs no write");
}

#[test]
fn a_look_at_a_folder_alone_forgets_nothing_that_waits_in_it() {
    let mut pair = Pair::agreed(&[("d/f", "old"), ("d/g", "1")]);
    pair.config.policy.same_file_changed_both = ConflictPolicy::Notify;
    pair.write_at(Side::Left, "d/f", "left", 1);
    pair.write_at(Side::Right, "d/f", "right", 2);
    let session = pair.open(false).unwrap();
    session.sync(&SyncOptions::default(), &Silent).unwrap();
    assert_eq!(session.conflicts(false).unwrap().open, 1);
    let path = |text: &str| RelPath::try_from(text).unwrap();
    for told in [path("d"), RelPath::root(), path("d/g")] {
        session.sync_near(&Told::from([(told.clone(), false)]), &SyncOptions::default(), &Silent).unwrap();
        assert_eq!(session.conflicts(false).unwrap().open, 1, "after a look at `{told}` alone");
    }
    // With all below it, or without the folder, there is no doubt.
    fs::write(pair.at(Side::Left, "d/f"), "right").unwrap();
    session.sync_near(&Told::from([(path("d"), true)]), &SyncOptions::default(), &Silent).unwrap();
    assert_eq!(session.conflicts(false).unwrap().open, 0);
}

#[test]
fn a_file_that_is_saved_again_and_again_is_one_file_to_the_guard() {
    let names: Vec<String> = (0..30).map(|at| format!("f{at}")).collect();
    let files: Vec<_> = names.iter().map(|name| (name.as_str(), "old")).collect();
    let pair = Pair::agreed(&files);
    let session = pair.open(false).unwrap();
    let save = |name: &str, content: &str| {
        fs::write(pair.at(Side::Left, name), content).unwrap();
        let told = Told::from([(RelPath::try_from(name).unwrap(), false)]);
        session.sync_near(&told, &SyncOptions::default(), &Silent).unwrap().halt
    };
    for time in 0..40 {
        assert_eq!(save("f0", &"x".repeat(time)), None, "save {time}");
    }
    // Of thirty files one was taken before; the twenty-first is one too many.
    let stopped = names[1..].iter().position(|name| save(name, "garbage").is_some());
    assert_eq!(stopped, Some(19));
    assert_eq!(pair.read(Side::Right, "f20").as_deref(), Some("old"));
}
