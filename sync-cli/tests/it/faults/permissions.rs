//! What may not be read, and what may not be written.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::time::Duration;

use super::{configure, in_sync, is_root, problems, status, tell, wait};
use crate::running::Running;
use crate::running::within;
use crate::world::World;

const NOBODY: u32 = 65534;
/// After so long a missing permission is tried again for the first time.
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// What is at once; less than the shortest pause.
const AT_ONCE: Duration = Duration::from_secs(10);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_secs(40);

fn owned_by(user: u32, path: &Path) {
    chown(path, Some(user), Some(user)).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn what_may_not_be_read_or_written_waits_and_goes_when_it_may() {
    if !is_root() {
        return;
    }
    let world = World::new();
    configure(&world, "right", "");
    fs::create_dir(world.path("state")).unwrap();
    let secrets = [0, 1, 2, 3].map(|number| format!("secret {number}"));
    for name in secrets.iter().map(String::as_str).chain(["open", "locked/old"]) {
        world.write(&format!("left/{name}"), "old");
    }
    world.write("right/locked/old", "old");
    super::done("chown", &["-R", "65534:65534", world.path("").to_str().unwrap()]);
    let locked = world.path("right/locked");
    for secret in &secrets {
        owned_by(0, &world.path("left").join(secret));
        mode(&world.path("left").join(secret), 0o600);
    }
    owned_by(0, &locked);
    mode(&locked, 0o755);
    mode(&world.path("left/locked"), 0o755);
    fs::write(world.path("left/locked/new"), "new").unwrap();
    let session = Running::configured(&world, |command| {
        command.uid(NOBODY).gid(NOBODY);
    });
    wait("the rest", || read(&world.path("right/open")) == "old");
    wait("that all stand as problems", || {
        let problems = problems(&world);
        secrets.iter().map(String::as_str).chain(["locked/new"]).all(|path| problems.contains_key(path))
    });
    let kinds = problems(&world);
    assert_eq!(kinds["locked/new"], "permission-denied", "{kinds:?}");
    for secret in &secrets {
        assert!(["permission-denied", "unreadable"].contains(&kinds[secret].as_str()), "{kinds:?}");
        assert!(!world.path("right").join(secret).exists());
    }
    assert_eq!(status(&world)["in_sync"], false);
    assert!(!world.has("right/locked/new"));
    for (from, to) in [("left", "right"), ("right", "left")] {
        let words = format!("changed on the {from}");
        fs::write(world.path(&format!("{from}/open")), &words).unwrap();
        wait("what goes on", || read(&world.path(&format!("{to}/open"))) == words);
    }

    // A change at the path itself is a reason to try at once.
    let mut at_once = Duration::MAX;
    let mut allow = |secret: &String| {
        mode(&world.path("left").join(secret), 0o644);
        at_once =
            at_once.min(wait("what may be read now", || read(&world.path("right").join(secret)) == "old"));
        at_once
    };
    within(AT_ONCE, "what may be read now", |turn| allow(&secrets[turn as usize]));
    for secret in &secrets {
        allow(secret);
    }
    mode(&locked, 0o777);
    let again = wait("what may be written now", || read(&locked.join("new")) == "new");
    assert!(again < FIRST_PAUSE * 2 + SLACK, "{again:?}");
    in_sync(&world, "right");
    assert!(problems(&world).is_empty());
    assert_eq!(session.stop().0, 0);
    let seen = format!("five problems, the rest went on, readable again: {:.1} s", at_once.as_secs_f64());
    tell("permissions that are missing", &seen, again);
}
