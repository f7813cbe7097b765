//! A clock that is set back, and forward again, under a running session.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::{STATE, configure, ends_clean, in_sync, tell, tree, wait};
use crate::running::Running;
use crate::world::World;

const HOUR: i64 = 3600;

/// The library that shows a program another time, from the Debian package faketime.
fn library() -> PathBuf {
    let all = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = all.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1")).find(|path| path.exists());
    found.expect("libfaketime is missing: run `cargo xtask setup`, or `apt-get install faketime`")
}

/// The clock that the session reads.
struct Clock(PathBuf);

impl Clock {
    /// Sets it, so many seconds from the right time. Whoever reads it meets the old time or the new one.
    fn set(&self, offset: i64) {
        let draft = self.0.with_extension("draft");
        fs::write(&draft, format!("{offset:+}s\n")).unwrap();
        fs::rename(&draft, &self.0).unwrap();
    }
}

/// Writes a file, whose time is that of a clock that is so many seconds off.
fn write(path: &Path, content: &str, offset: i64) {
    fs::write(path, content).unwrap();
    let now = SystemTime::now();
    let distance = Duration::from_secs(offset.unsigned_abs());
    let time = if offset < 0 { now - distance } else { now + distance };
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_clock_that_is_set_back_and_forward_again_changes_nothing() {
    let world = World::new();
    configure(&world, "right", "[versions]\nenabled = true\n");
    let clock = Clock(world.path("clock"));
    clock.set(0);
    for number in 0..30 {
        world.write(&format!("left/file {number}"), &format!("old {number}"));
    }
    let library = library();
    let began = SystemTime::now();
    let session = Running::configured(&world, |command| {
        command.env("LD_PRELOAD", &library).env("FAKETIME_TIMESTAMP_FILE", &clock.0);
        // Pauses are measured by another clock, which nobody sets; the times of files are those that they have.
        command.env("FAKETIME_NO_CACHE", "1").env("NO_FAKE_STAT", "1");
        command.env("DONT_FAKE_MONOTONIC", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        // Nothing of the library's own outlives the session.
        command.env("FAKETIME_DISABLE_SHM", "1");
    });
    in_sync(&world, "right");
    let (mut longest, mut again) = (Duration::ZERO, Duration::ZERO);
    for (turn, offset) in [-HOUR, 0, HOUR, 0].into_iter().enumerate() {
        clock.set(offset);
        let text = |what: &str| format!("{what} in turn {turn}");
        let [changed, back, made, gone, from] =
            [turn, 10 + turn, 20 + turn, 4 + turn, 14 + turn].map(|number| format!("file {number}"));
        let (made, to) = (format!("{made} made"), format!("{from} renamed"));
        write(&world.path("left").join(&changed), &text("changed"), offset);
        write(&world.path("right").join(&back), &text("changed"), offset);
        write(&world.path("left").join(&made), &text("made"), offset);
        fs::remove_file(world.path("left").join(&gone)).unwrap();
        fs::rename(world.path("right").join(&from), world.path("right").join(&to)).unwrap();
        let begun = Instant::now();
        wait("what was changed", || {
            let is = |side: &str, name: &str, what: &str| {
                fs::read_to_string(world.path(side).join(name)).is_ok_and(|now| now == text(what))
            };
            is("right", &changed, "changed") && is("left", &back, "changed") && is("right", &made, "made")
        });
        wait("what went and what moved", || {
            let has = |side: &str, name: &str| world.path(side).join(name).exists();
            !has("right", &gone) && has("left", &to) && !has("left", &from)
        });
        longest = longest.max(begun.elapsed());
        // Each turn begins where the last one has come to rest.
        again = in_sync(&world, "right");
    }
    let all = tree(&world.path("left"));
    assert_eq!(all.len(), 30, "{:?}", all.keys());
    assert!(!all.keys().any(|name| name.contains("clash")), "no clash without a reason: {:?}", all.keys());
    let (_, conflicts) = world.json(["conflicts", "list"].iter().chain(&STATE));
    assert_eq!(conflicts["conflicts"], Value::Array(Vec::new()));
    // Each run was begun by one of the clocks that were shown, and none took hours.
    let (_, history) = world.json(["history", "--limit", "100000"].iter().chain(&STATE));
    let runs = history["runs"].as_array().unwrap();
    let seconds = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let [earliest, latest] = [seconds(began) - HOUR - 5, seconds(SystemTime::now()) + HOUR + 5].map(date);
    for run in runs {
        let started = &run["started"].as_str().unwrap()[..19];
        assert!(started >= earliest.as_str() && started <= latest.as_str(), "{earliest} {run} {latest}");
        assert!(run["took_ms"].as_u64().is_none_or(|took| took < 600_000), "{run}");
    }
    let shown = |offset: i64| {
        let [from, to] = [offset - 120, offset + 600].map(|more| date(seconds(began) + more));
        runs.iter().any(|run| {
            let started = &run["started"].as_str().unwrap()[..19];
            started >= from.as_str() && started <= to.as_str()
        })
    };
    assert!(shown(-HOUR) && shown(0) && shown(HOUR), "the session has seen every clock: {history}");
    ends_clean(&world, session, "right");
    let mut kept = super::contents(&world.path("left"));
    kept.extend(super::contents(&world.path("right")));
    for number in 0..30 {
        assert!(kept.contains(format!("old {number}").as_bytes()), "old {number}");
    }
    let seen = format!("4 jumps, changes within {:.1} s, no clash", longest.as_secs_f64());
    tell("the clock set back an hour and forward", &seen, again);
}

/// Seconds since 1970 as documents write them.
fn date(seconds: i64) -> String {
    super::done("date", &["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%S"])
}
