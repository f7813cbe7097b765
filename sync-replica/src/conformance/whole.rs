//! The side as a whole: identity, cleaning up, several threads at once.

use std::sync::Barrier;
use std::thread;

use sync_core::path::RelPath;
use sync_core::side::Side;

use super::kit::{
    Given, Result, TO_TRASH, clean, ensure, holds, look, names, needs, noise, p, plain, put, refused, same,
    scan, side, stage, vacant, written,
};
use super::{Check, Fixture};
use crate::control::Uncontrolled;
use crate::marker::Marker;
use crate::problem::ProblemKind;
use crate::replica::{Displaced, Expect};

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("the side says where it is and what it can do", tells),
    ("a fresh root has no marker", no_marker),
    ("a marker reads as it was written, and can be replaced", marker_round_trip),
    ("a marker outlives the process", marker_stays),
    ("recover on a clean root does nothing", recover_clean),
    ("recover keeps what users and runs have made", recover_keeps),
    ("everything is still there for the next process", restart_keeps),
    ("a root that is away is a problem, not an empty root", root_gone),
    ("flush and free space can be asked at any time", flush_and_space),
    ("several threads stage and install at once", threads_install),
    ("of two threads that replace one version, one does", threads_race_replace),
    ("of two threads that fill one path, one does", threads_race_absent),
    ("of two threads that remove one version, one does", threads_race_remove),
];

fn marker(side: Side) -> Marker {
    Marker { pair: "0123456789abcdef".repeat(2), side }
}

fn tells(fx: &dyn Fixture) -> Result {
    ensure!(!fx.replica().location().is_empty(), "it says nothing of where it is");
    ensure!(fx.replica().abilities().mtime_precision_ns >= 1, "a clock without a step");
    Ok(())
}

fn no_marker(fx: &dyn Fixture) -> Result {
    same!(fx.replica().marker()?, None, "the marker");
    Ok(())
}

fn marker_round_trip(fx: &dyn Fixture) -> Result {
    for one in [marker(Side::Left), marker(Side::Right), Marker { pair: "f".repeat(32), side: Side::Left }] {
        fx.replica().set_marker(&one)?;
        same!(fx.replica().marker()?, Some(one), "the marker");
    }
    Ok(())
}

fn marker_stays(fx: &dyn Fixture) -> Result {
    fx.replica().set_marker(&marker(Side::Right))?;
    same!(fx.restarted().replica().marker()?, Some(marker(Side::Right)), "the marker");
    Ok(())
}

fn recover_clean(fx: &dyn Fixture) -> Result {
    for when in ["an empty root", "a used root"] {
        let recovered = fx.replica().recover()?;
        same!((recovered.removed, recovered.restored.len()), (0, 0), "recover on {when}");
        if fx.read(&p("file")).is_none() {
            ensure!(names(fx, &RelPath::root()).is_empty(), "recover made something");
            put(fx, &p("file"), b"x")?;
        }
    }
    holds(fx, &p("file"), b"x", "after recover")
}

fn recover_keeps(fx: &dyn Fixture) -> Result {
    fx.write(&p("dir/user's"), b"user's");
    let old = put(fx, &p("dir/file"), b"old")?.entry;
    let staged = stage(fx, Given::file(b"new"))?;
    let trashed = fx.replica().install(staged, &p("dir/file"), &Expect::Is(old), TO_TRASH)?.trashed;
    let trashed = trashed.ok_or("no place in the trash was told")?;
    let next = fx.restarted();
    let recovered = next.replica().recover()?;
    same!((recovered.removed, recovered.restored.len()), (0, 0), "recover");
    holds(next.as_ref(), &p("dir/user's"), b"user's", "after recover")?;
    holds(next.as_ref(), &p("dir/file"), b"new", "after recover")?;
    same!(next.trashed(&trashed).as_deref(), Some(b"old".as_slice()), "what is in the trash");
    Ok(())
}

fn restart_keeps(fx: &dyn Fixture) -> Result {
    let told = put(fx, &p("file"), &noise(10_000))?.entry;
    fx.replica().make_dir(&p("dir"), &plain(0), &Expect::Absent, Displaced::Drop)?;
    fx.replica().flush()?;
    let next = fx.restarted();
    let seen = look(next.as_ref(), &p("file"))?;
    ensure!(told.is_same_version(&seen), "another version: {told:?}, {seen:?}");
    holds(next.as_ref(), &p("file"), &noise(10_000), "after a restart")?;
    ensure!(next.is_dir(&p("dir")), "the directory is gone");
    Ok(())
}

fn root_gone(fx: &dyn Fixture) -> Result {
    fx.replica().set_marker(&marker(Side::Left))?;
    let entry = written(fx, &p("file"), b"x")?;
    needs!(fx.take_root_away(), "the root cannot be taken away here");
    refused(fx.replica().marker(), &[ProblemKind::RootGone], "the marker of a root that is away")?;
    ensure!(scan(fx).is_err(), "a root that is away was scanned");
    let removed = fx.replica().remove(&p("file"), &entry, Displaced::Drop);
    ensure!(removed.is_err(), "a file was removed from a root that is away");
    fx.bring_root_back();
    same!(fx.replica().marker()?, Some(marker(Side::Left)), "the marker of a root that came back");
    holds(fx, &p("file"), b"x", "after it came back")
}

fn flush_and_space(fx: &dyn Fixture) -> Result {
    fx.replica().flush()?;
    put(fx, &p("file"), b"x")?;
    fx.replica().flush()?;
    fx.replica().flush()?;
    if let Some(free) = fx.replica().free_bytes()? {
        ensure!(free > 0, "no space is left");
    }
    Ok(())
}

/// Runs the same work on several threads, started together.
fn together<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(count);
    thread::scope(|scope| {
        let (barrier, work) = (&barrier, &work);
        let threads: Vec<_> = (0..count)
            .map(|n| {
                scope.spawn(move || {
                    barrier.wait();
                    work(n)
                })
            })
            .collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    })
}

fn threads_install(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("shared"));
    let done = together(4, |thread| -> Result {
        for n in 0..15 {
            let content = format!("thread {thread}, file {n}").into_bytes();
            let staged = side(fx).stage(&mut Given::file(&content), false, &Uncontrolled)?;
            side(fx).settle(&[&staged])?;
            let at = p(&format!("shared/{thread}-{n}"));
            let entry = side(fx).install(staged, &at, &Expect::Absent, Displaced::Drop)?.entry;
            if n % 3 == 0 {
                side(fx).remove(&at, &entry, TO_TRASH)?;
            }
        }
        Ok(())
    });
    same!(done.len(), 4, "threads that ended well");
    done.into_iter().collect::<Result<Vec<_>>>()?;
    same!(names(fx, &p("shared")).len(), 40, "files");
    same!(fx.trash_count(), 20, "files in the trash");
    holds(fx, &p("shared/3-14"), b"thread 3, file 14", "after all")
}

fn threads_race_replace(fx: &dyn Fixture) -> Result {
    let at = p("file");
    for round in 0..10 {
        let old = written(fx, &at, b"old")?;
        let mut staged = Vec::new();
        for n in 0..2 {
            let given = Given::file(format!("round {round} by {n}").as_bytes());
            staged.push(std::sync::Mutex::new(Some(stage(fx, given)?)));
        }
        let results = together(2, |n| {
            let mine = staged[n].lock().ok().and_then(|mut mine| mine.take());
            mine.map(|mine| side(fx).install(mine, &at, &Expect::Is(old), Displaced::Drop))
        });
        let mut winners = Vec::new();
        for (n, result) in results.into_iter().flatten().enumerate() {
            match result {
                Ok(_) => winners.push(n),
                Err(problem) if problem.kind == ProblemKind::Stale => {}
                Err(problem) => return Err(problem.into()),
            }
        }
        same!(winners.len(), 1, "round {round}: threads that replaced it");
        holds(fx, &at, format!("round {round} by {}", winners[0]).as_bytes(), "after the race")?;
        fx.remove(&at);
    }
    Ok(())
}

fn threads_race_absent(fx: &dyn Fixture) -> Result {
    for round in 0..10 {
        let at = p(&format!("file {round}"));
        let results = together(3, |n| -> Result<_> {
            let staged = stage(fx, Given::file(format!("by {n}").as_bytes()))?;
            Ok(side(fx).install(staged, &at, &Expect::Absent, Displaced::Drop))
        });
        let mut winners = Vec::new();
        for (n, result) in results.into_iter().enumerate() {
            match result? {
                Ok(_) => winners.push(n),
                Err(problem) if super::kit::TAKEN.contains(&problem.kind) => {}
                Err(problem) => return Err(problem.into()),
            }
        }
        same!(winners.len(), 1, "round {round}: threads that filled it");
        holds(fx, &at, format!("by {}", winners[0]).as_bytes(), "after the race")?;
    }
    Ok(())
}

fn threads_race_remove(fx: &dyn Fixture) -> Result {
    for round in 0..10 {
        let at = p("file");
        let entry = written(fx, &at, b"x")?;
        let results = together(2, |_| side(fx).remove(&at, &entry, TO_TRASH));
        let won = results.iter().filter(|result| matches!(result, Ok(Some(_)))).count();
        same!(won, 1, "round {round}: threads that removed it");
        vacant(fx, &at, "after the race")?;
        same!(fx.trash_count(), round + 1, "things in the trash");
    }
    clean(fx, "after the races")
}
