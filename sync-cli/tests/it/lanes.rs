//! Large files in a live session: nothing waits for them, and what is interrupted goes on.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::time::Duration;

use super::running::{Running, wait, within};
use super::world::World;

const MIB: usize = 1 << 20;

/// Bytes in which no part is like another.
fn film(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.take(len.div_ceil(8)).flatten().take(len).collect()
}

/// Two folders over a line on which a large file takes minutes, until it [`is_fast`]. Files from 4 MiB on are large.
fn slow_line() -> World {
    let world = World::new();
    line(&world, "512 KiB");
    world
}

fn line(world: &World, limit: &str) {
    let config = format!(
        "left_root = 'left'\nright_root = 'right'\n[performance]\nbandwidth_limit = '{limit}'\n\
         large_file_bytes = '4 MiB'\n"
    );
    fs::write(world.path("slow.toml"), config).unwrap();
}

/// What is on its way arrives soon, under a running session too.
fn is_fast(world: &World) {
    line(world, "0");
}

fn start(world: &World) -> Running {
    Running::with(world, &["--config", "slow.toml"])
}

fn put(world: &World, name: &str, bytes: &[u8]) {
    fs::write(world.path(name), bytes).unwrap();
    world.age(name, 3600);
}

fn logged(world: &World, words: &str) -> usize {
    world.log().lines().filter(|line| line.contains(words)).count()
}

/// Bytes of what is on its way to the right.
fn staged(world: &World) -> u64 {
    world.bytes("right/.bothways/partial")
}

#[test]
fn a_document_overtakes_a_large_file_on_its_way() {
    let world = slow_line();
    // It takes a minute and more.
    let content = film(1, 40 * MIB);
    put(&world, "left/film.mov", &content);
    let running = start(&world);
    wait("the film's first bytes", || staged(&world) > MIB as u64);
    within(Duration::from_secs(3), "a document", |turn| {
        let (note, answer) = (format!("note {turn}.txt"), format!("answer {turn}.txt"));
        world.write(&format!("left/{note}"), "changed while the film is on its way");
        world.write(&format!("right/{answer}"), "and the other way");
        wait("the document", || world.has(&format!("right/{note}")) && world.has(&format!("left/{answer}")))
    });
    assert!(!world.has("right/film.mov"), "the film came first");
    fs::rename(world.path("left/note 0.txt"), world.path("left/renamed.txt")).unwrap();
    wait("a rename", || world.has("right/renamed.txt") && !world.has("right/note 0.txt"));
    assert!(!world.has("right/film.mov"), "the film came first");
    let (_, status) = world.json(["status", "--config", "slow.toml", "--state", "state"]);
    assert_eq!(status["in_sync"], false, "{status}");
    let copying = &status["live"]["copying"][0];
    assert_eq!(
        (&copying["path"], &copying["bytes"]),
        (&"film.mov".into(), &content.len().into()),
        "{status}"
    );
    is_fast(&world);
    wait("the film", || world.has("right/film.mov"));
    assert!(fs::read(world.path("right/film.mov")).unwrap() == content);
    assert_eq!(running.stop().0, 0);
    let quiet = world.run(["sync", "--config", "slow.toml", "--state", "state"]);
    assert!(quiet.out.contains("Nothing to do"), "{}", quiet.out);
    assert_eq!(staged(&world), 0, "nothing is left in the staging area");
}

#[test]
fn a_large_copy_goes_on_after_a_kill_and_after_a_stop() {
    let world = slow_line();
    // It takes a minute and more.
    let content = film(2, 40 * MIB);
    put(&world, "left/film.mov", &content);
    within(Duration::from_secs(5), "stopping", |_| {
        let before = staged(&world);
        let running = start(&world);
        // Less than this is not worth keeping.
        wait("some of the film", || staged(&world) > before + 3 * MIB as u64);
        running.stop().1
    });
    let kept = staged(&world);
    let running = start(&world);
    wait("more of the film", || staged(&world) > kept + MIB as u64);
    running.kill();
    assert!(!world.has("right/film.mov"));
    is_fast(&world);
    let running = start(&world);
    wait("the film", || world.has("right/film.mov"));
    assert!(fs::read(world.path("right/film.mov")).unwrap() == content);
    assert_eq!(running.stop().0, 0);
    assert!(logged(&world, "did not have to be copied again") >= 1, "a stopped copy goes on");
    assert_eq!(staged(&world), 0, "nothing is left in the staging area");
}

#[test]
fn a_large_file_that_changes_on_its_way_arrives_as_it_is_at_last() {
    let world = slow_line();
    put(&world, "left/film.mov", &film(3, 24 * MIB));
    put(&world, "left/gone.mov", &film(4, 24 * MIB));
    let running = start(&world);
    wait("some of it", || staged(&world) > 2 * MIB as u64);
    let mut file = fs::File::options().write(true).open(world.path("left/film.mov")).unwrap();
    file.seek(SeekFrom::Start(MIB as u64)).unwrap();
    file.write_all(b"another cut").unwrap();
    drop(file);
    fs::remove_file(world.path("left/gone.mov")).unwrap();
    is_fast(&world);
    wait("the film", || world.has("right/film.mov"));
    let [left, right] = ["left", "right"].map(|side| fs::read(world.path(side).join("film.mov")).unwrap());
    assert!(left == right && left[MIB..].starts_with(b"another cut"));
    assert!(!world.has("right/gone.mov"));
    assert_eq!(running.stop().0, 0);
    let quiet = world.run(["sync", "--config", "slow.toml", "--state", "state"]);
    assert!(quiet.out.contains("Nothing to do"), "{}", quiet.out);
    assert_eq!(staged(&world), 0, "nothing is left in the staging area");
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_being_written_waits_until_it_is_closed() {
    let world = World::new();
    let running = Running::start(&world);
    let mut file = fs::File::create(world.path("left/render.bin")).unwrap();
    for part in 0..8 {
        file.write_all(&[part; 1000]).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        assert!(!world.has("right/render.bin"), "it was copied while it was written");
    }
    world.write("left/other.txt", "nobody waits for it");
    wait("another file", || world.has("right/other.txt"));
    assert!(!world.has("right/render.bin"));
    drop(file);
    wait("the closed file", || world.bytes("right") >= 8000 && world.has("right/render.bin"));
    assert_eq!(running.stop().0, 0);
}

#[test]
fn a_backlog_does_not_hold_up_what_changes_now() {
    let world = slow_line();
    for number in 0..600 {
        world.write(&format!("left/old/{number}.bin"), &"x".repeat(60_000));
    }
    let running = start(&world);
    wait("the beginning of the backlog", || world.has("right/old"));
    wait("something of the backlog", || world.names("right/old").len() > 20);
    world.write("left/now.txt", "now");
    let took = wait("what changed now", || world.has("right/now.txt"));
    assert!(world.names("right/old").len() < 600, "the backlog was there first, after {took:?}");
    is_fast(&world);
    wait("the whole backlog", || world.names("right/old").len() == 600);
    assert_eq!(running.stop().0, 0);
    let quiet = world.run(["sync", "--config", "slow.toml", "--state", "state"]);
    assert!(quiet.out.contains("Nothing to do"), "{}", quiet.out);
}

#[test]
fn a_conflict_of_large_files_holds_nothing_up_either() {
    let world = slow_line();
    is_fast(&world);
    let [left, right] = [film(5, 20 * MIB), film(6, 21 * MIB)];
    put(&world, "left/film.mov", &film(7, 9 * MIB));
    let running = start(&world);
    wait("the first version", || world.has("right/film.mov"));
    assert_eq!(running.stop().0, 0);
    put(&world, "left/film.mov", &left);
    put(&world, "right/film.mov", &right);
    world.age("left/film.mov", 600);
    line(&world, "512 KiB");
    let running = start(&world);
    wait("both versions on their way", || {
        staged(&world) > MIB as u64 && world.bytes("left/.bothways/partial") > MIB as u64
    });
    world.write("left/note.txt", "changed meanwhile");
    let took = wait("the document", || world.has("right/note.txt"));
    assert!(world.names("right").iter().all(|name| !name.contains("clash")), "after {took:?}");
    is_fast(&world);
    let clash = |side: &str| {
        let names = world.names(side);
        let found = names.into_iter().find(|name| !name.contains('/') && name.contains("clash"))?;
        fs::read(world.path(side).join(found)).ok()
    };
    wait("both versions on both sides", || {
        ["left", "right"].iter().all(|side| {
            fs::read(world.path(side).join("film.mov")).unwrap() == left
                && clash(side).as_ref() == Some(&right)
        })
    });
    assert_eq!(running.stop().0, 0);
    let quiet = world.run(["sync", "--config", "slow.toml", "--state", "state"]);
    assert!(quiet.out.contains("Nothing to do"), "{}", quiet.out);
    assert_eq!((staged(&world), world.bytes("left/.bothways/partial")), (0, 0), "nothing is left over");
}
