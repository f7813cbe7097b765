//! A live session where little can be relied on: sides that tell nothing, systems that allow no more, folders that move
//! and vanish. Real folders, real mounts, real limits.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::running::{Running, send, wait, within};
use super::world::{World, content};

const ROOTS: &str = "left_root = 'left'\nright_root = 'right'\n";

fn configure(world: &World, text: &str) {
    fs::write(world.path("pair.toml"), format!("{ROOTS}{text}")).unwrap();
}

fn live(world: &World) -> Value {
    world.json(["status", "--config", "pair.toml", "--state", "state"]).1["live"].clone()
}

/// What `status` says of how a side is listened to.
fn how(world: &World, side: &str) -> String {
    live(world)[side].as_str().unwrap_or_default().to_owned()
}

/// Runs the session in a user namespace of its own, where this limit holds for it and for nobody else. Whether the
/// machine can do that.
fn limit(name: &str, value: u32) -> Option<impl FnOnce(&mut Command)> {
    let set = format!("echo {value} > /proc/sys/user/{name}");
    let can = Command::new("unshare").args(["-Ur", "sh", "-c", &set]).stderr(Stdio::null()).status();
    if !can.is_ok_and(|status| status.success()) {
        println!("not tried: no limits of one's own here");
        return None;
    }
    Some(move |command: &mut Command| {
        let mut inside = Command::new("unshare");
        inside.args(["-Ur", "sh", "-c", &format!("{set} && exec \"$0\" \"$@\"")]);
        wrap(command, inside);
    })
}

/// Has `outer` run the command.
fn wrap(command: &mut Command, mut outer: Command) {
    outer.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    *command = outer;
}

fn ran(program: &str, arguments: &[&Path]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_side_that_is_not_watched_is_seen_within_the_round_that_status_states() {
    let world = World::new();
    for number in 0..200 {
        world.write(&format!("left/folder {number}/file"), "old");
    }
    configure(
        &world,
        "sync_interval_seconds = 1\n[live]\nwatch_right = 'off'\nscan_per_second = 40\nfull_scan_every = '1h'\n",
    );
    let session = Running::configured(&world, |_| {});
    wait("the first look", || world.has("right/folder 199/file"));
    wait("a whole round", || live(&world)["right_rolling"]["last_round_seconds"].is_u64());
    let state = live(&world);
    assert_eq!(state["left"], "watched", "{state}");
    assert_eq!(state["right"], "looked at in turn: as the configuration says");
    assert_eq!(state["left_rolling"], Value::Null);
    let rolling = &state["right_rolling"];
    assert_eq!((&rolling["directories"], &rolling["per_second"]), (&201.into(), &40.into()), "{rolling}");
    let round = Duration::from_secs(rolling["round_seconds"].as_u64().unwrap());
    assert!(round >= Duration::from_secs(5), "{rolling}");

    // Found in its turn; then there is the work.
    let slack = Duration::from_secs(8);
    within(round * 2 + slack, "a change in its turn", |turn| {
        let name = format!("folder {}/file", 77 + turn);
        fs::write(world.path("right").join(&name), "changed on the right").unwrap();
        wait("a change in its turn", || content(&world.path("left").join(&name)) == "changed on the right")
    });
    // The folder is active now: it is looked at in every interval.
    for again in 0..3 {
        within(Duration::from_secs(1) + slack, "a change in an active folder", |turn| {
            let text = format!("again {again} {turn}");
            fs::write(world.path("right/folder 77/file"), &text).unwrap();
            wait("a change in an active folder", || content(&world.path("left/folder 77/file")) == text)
        });
    }
    assert!(live(&world)["right_rolling"]["active"].as_u64() >= Some(1));
    fs::create_dir_all(world.path("right/new/deep/deeper")).unwrap();
    fs::write(world.path("right/new/deep/deeper/file"), "new").unwrap();
    fs::remove_file(world.path("right/folder 5/file")).unwrap();
    fs::remove_dir_all(world.path("right/folder 6")).unwrap();
    wait("new folders", || content(&world.path("left/new/deep/deeper/file")) == "new");
    wait("deletions", || !world.has("left/folder 5/file") && !world.has("left/folder 6"));
    // The other side is watched as ever.
    fs::write(world.path("left/folder 9/file"), "from the left").unwrap();
    wait("the other way", || content(&world.path("right/folder 9/file")) == "from the left");
    assert_eq!(session.stop().0, 0);
    let quiet = world.run(["sync", "--config", "pair.toml", "--state", "state"]);
    assert!(quiet.out.contains("Nothing to do"), "{}", quiet.out);
}

#[cfg(unix)]
#[test]
fn what_moves_on_a_side_that_is_not_watched_moves_on_the_other_side_too() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new();
    for number in 0..60 {
        world.write(&format!("left/folder {number:02}/file"), &format!("content {number}"));
    }
    world.write("left/tree/branch/leaf", "a leaf");
    configure(
        &world,
        "sync_interval_seconds = 1\n[live]\nwatch_right = 'off'\nscan_per_second = 40\nfull_scan_every = '1h'\n",
    );
    let session = Running::configured(&world, |_| {});
    wait("the first look", || world.has("right/folder 59/file") && world.has("right/tree/branch/leaf"));
    wait("a whole round", || live(&world)["right_rolling"]["last_round_seconds"].is_u64());
    let number = |path: &str| fs::metadata(world.path(path)).map(|found| found.ino()).unwrap_or_default();
    // To a folder that is read later, to one that is read sooner, and a whole folder.
    let moves = [
        ("folder 05/file", "folder 40/moved"),
        ("folder 50/file", "folder 10/moved"),
        ("tree/branch", "folder 30/branch"),
    ];
    let before = moves.map(|(from, _)| number(&format!("left/{from}")));
    for (from, to) in moves {
        fs::rename(world.path(&format!("right/{from}")), world.path(&format!("right/{to}"))).unwrap();
    }
    wait("all of it", || {
        moves.iter().all(|(from, to)| world.has(&format!("left/{to}")) && !world.has(&format!("left/{from}")))
    });
    let after = moves.map(|(_, to)| number(&format!("left/{to}")));
    assert_eq!(after, before, "renamed, not copied");
    assert_eq!(content(&world.path("left/folder 30/branch/leaf")), "a leaf");
    assert_eq!(session.stop().0, 0);
}

#[test]
fn a_conflict_that_stands_is_told_once_and_not_at_every_visit() {
    let world = World::new();
    configure(
        &world,
        "sync_interval_seconds = 1\n[conflict]\nsame_file_changed_both = 'notify'\n[live]\nwatch = 'off'\n",
    );
    world.write("left/both", "old");
    let session = Running::configured(&world, |_| {});
    wait("the first look", || world.has("right/both"));
    wait("the look round", || live(&world)["right_rolling"].is_object());
    session.signal("-STOP");
    fs::write(world.path("left/both"), "changed on the left").unwrap();
    fs::write(world.path("right/both"), "changed on the right too").unwrap();
    session.signal("-CONT");
    wait("the conflict", || {
        let (_, list) = world.json(["conflicts", "list", "--config", "pair.toml", "--state", "state"]);
        list.to_string().contains("both-changed")
    });
    let runs = || {
        let (_, history) = world.json(["history", "--config", "pair.toml", "--state", "state"]);
        history["runs"].as_array().map(Vec::len)
    };
    let before = runs();
    // Five intervals and more.
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(runs(), before, "nothing is recorded while it stands");
    assert_eq!(session.stop().0, 0);
}

#[test]
fn a_root_that_goes_away_while_nobody_watches_is_waited_for() {
    let world = World::new();
    for number in 0..30 {
        world.write(&format!("left/folder {number}/file"), "kept");
    }
    configure(&world, "sync_interval_seconds = 1\n[live]\nwatch = 'off'\n");
    let session = Running::configured(&world, |_| {});
    wait("the first look", || (0..30).all(|number| world.has(&format!("right/folder {number}/file"))));
    wait("the look round", || live(&world)["right_rolling"].is_object());
    fs::rename(world.path("right"), world.path("away")).unwrap();
    wait("that it waits", || live(&world)["waits_for"].is_string());
    assert!(!world.has("right"), "nothing is made where the folder was");
    assert!((0..30).all(|number| world.has(&format!("left/folder {number}/file"))), "nothing is deleted");
    fs::rename(world.path("away"), world.path("right")).unwrap();
    fs::write(world.path("right/folder 3/new"), "made there").unwrap();
    wait("what is made afterwards", || world.has("left/folder 3/new"));
    assert_eq!(session.stop().0, 0);
}

/// An NTFS image behind a user's program, for as long as this lives.
struct Mounted {
    at: PathBuf,
    image: PathBuf,
}

impl Mounted {
    fn ntfs(world: &World, at: &str) -> Option<Self> {
        let (image, at) = (world.path("image"), world.path(at));
        fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let made = Command::new("mkntfs").args(["-q", "-F", "-Q"]).arg(&image).output();
        let can = made.is_ok_and(|made| made.status.success()) && ran("lowntfs-3g", &[&image, &at]);
        if !can {
            println!("not tried: lowntfs-3g cannot be mounted here");
        }
        can.then_some(Self { at, image })
    }

    /// The program behind it.
    fn server(&self) -> Option<u32> {
        let called = format!("lowntfs-3g {}", self.image.display());
        let found = Command::new("pgrep").args(["-f", &called]).output().ok()?;
        String::from_utf8(found.stdout).ok()?.split_whitespace().next()?.parse().ok()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // While its program stands still nobody could unmount it; and with it gone nothing of the mount stays.
        let server = self.server();
        if let Some(server) = server {
            let _ = ran("kill", &[Path::new("-CONT"), Path::new(&server.to_string())]);
        }
        let _ = ran("umount", &[Path::new("-l"), &self.at]);
        if let Some(server) = server {
            let _ = ran("kill", &[Path::new("-KILL"), Path::new(&server.to_string())]);
        }
    }
}

#[test]
fn a_mount_behind_a_users_program_is_looked_at_in_turn() {
    let world = World::new();
    let Some(mounted) = Mounted::ntfs(&world, "right") else { return };
    for number in 0..20 {
        world.write(&format!("left/folder {number}/file"), "old");
    }
    configure(&world, "sync_interval_seconds = 1\n[live]\nfull_scan_every = '1h'\n");
    let session = Running::configured(&world, |_| {});
    wait("the first look", || (0..20).all(|number| world.has(&format!("right/folder {number}/file"))));
    wait("the look round", || live(&world)["right_rolling"]["directories"] == 21);
    assert!(how(&world, "right").contains("changes that others make there are not reported"));
    assert_eq!(how(&world, "left"), "watched");
    fs::write(world.path("right/folder 8/file"), "changed there").unwrap();
    wait("a change", || content(&world.path("left/folder 8/file")) == "changed there");
    fs::write(world.path("right/folder 8/another"), "another").unwrap();
    wait("a new file", || content(&world.path("left/folder 8/another")) == "another");
    // Unmounted in the middle: nothing is taken for deleted.
    drop(mounted);
    wait("that it waits", || live(&world)["waits_for"].is_string());
    assert!((0..20).all(|number| world.has(&format!("left/folder {number}/file"))));
    let (image, at) = (world.path("image"), world.path("right"));
    assert!(ran("lowntfs-3g", &[&image, &at]));
    let _mounted = Mounted { at, image };
    world.write("left/after", "after");
    wait("what is made afterwards", || content(&world.path("right/after")) == "after");
    assert_eq!(session.stop().0, 0);
}

#[test]
fn a_drive_that_hangs_does_not_hold_up_the_end() {
    let world = World::new();
    let Some(mounted) = Mounted::ntfs(&world, "right") else { return };
    world.write("left/file", "old");
    configure(&world, "sync_interval_seconds = 1\n");
    within(Duration::from_secs(9), "the end", |turn| {
        let session = Running::configured(&world, |_| {});
        wait("the first file", || world.has("right/file") && how(&world, "right").contains("in turn"));
        let server = mounted.server().unwrap();
        send("-STOP", server);
        // Whoever looks there now waits for an answer; it looks once a second.
        std::thread::sleep(Duration::from_secs(3) * (turn + 1));
        let (code, took) = session.stop();
        send("-CONT", server);
        // It ended well where nobody had looked yet.
        assert!([0, 3].contains(&code), "{code}");
        if code == 3 { took } else { Duration::MAX }
    });
    let again = Running::configured(&world, |_| {});
    world.write("left/after", "after");
    wait("what was made afterwards", || content(&world.path("right/after")) == "after");
    assert_eq!(again.stop().0, 0);
    drop(mounted);
}

#[test]
fn a_system_that_allows_no_more_watched_folders_is_said_once_and_looked_at_in_turn() {
    let Some(limited) = limit("max_inotify_watches", 60) else { return };
    let world = World::new();
    for number in 0..10 {
        world.write(&format!("left/folder {number}/file"), "old");
    }
    configure(&world, "sync_interval_seconds = 1\n[live]\nfull_scan_every = '1h'\n");
    let session = Running::configured(&world, limited);
    wait("the first look", || (0..10).all(|number| world.has(&format!("right/folder {number}/file"))));
    wait("that both are watched", || how(&world, "left") == "watched" && how(&world, "right") == "watched");
    // More folders than it may watch, while it runs.
    for number in 0..100 {
        fs::create_dir(world.path(&format!("left/more {number}"))).unwrap();
        fs::write(world.path(&format!("left/more {number}/file")), "more").unwrap();
    }
    wait("all of them", || (0..100).all(|number| world.has(&format!("right/more {number}/file"))));
    wait("that it is said", || how(&world, "left").contains("max_user_watches"));
    fs::write(world.path("left/more 50/file"), "changed").unwrap();
    wait("a change afterwards", || content(&world.path("right/more 50/file")) == "changed");
    fs::write(world.path("left/folder 5/file"), "changed").unwrap();
    wait("a change elsewhere", || content(&world.path("right/folder 5/file")) == "changed");
    assert_eq!(world.log().matches("the left side is not watched").count(), 1, "{}", world.log());
    assert_eq!(session.stop().0, 0);
}

#[test]
fn a_side_that_could_be_watched_no_more_is_watched_again_once_that_is_possible() {
    let Some(limited) = limit("max_inotify_watches", 60) else { return };
    let world = World::new();
    world.write("left/folder/file", "old");
    world.write("right/its own/folder/file", "old");
    configure(&world, "sync_interval_seconds = 1\n[live]\nfull_scan_every = '1h'\n");
    let session = Running::configured(&world, limited);
    wait("the first look", || world.has("right/folder/file") && world.has("left/its own/folder/file"));
    for number in 0..100 {
        fs::create_dir(world.path(&format!("left/folder/more {number}"))).unwrap();
    }
    wait("that it is said", || how(&world, "left").contains("max_user_watches"));
    wait("all of them", || (0..100).all(|number| world.has(&format!("right/folder/more {number}"))));
    wait("the look round", || live(&world)["left_rolling"].is_object());
    // There is room again. What happened meanwhile is not missed.
    for number in 0..100 {
        fs::remove_dir(world.path(&format!("left/folder/more {number}"))).unwrap();
        let _ = fs::remove_dir(world.path(&format!("right/folder/more {number}")));
    }
    fs::write(world.path("left/folder/file"), "changed").unwrap();
    wait("both being watched", || how(&world, "left") == "watched" && how(&world, "right") == "watched");
    let state = live(&world);
    assert_eq!((&state["left_rolling"], &state["right_rolling"]), (&Value::Null, &Value::Null), "{state}");
    wait("what happened meanwhile", || content(&world.path("right/folder/file")) == "changed");
    for (number, folder) in ["folder", "its own/folder"].iter().enumerate() {
        fs::write(world.path(&format!("left/{folder}/late")), format!("late {number}")).unwrap();
        wait("a change afterwards", || {
            content(&world.path(&format!("right/{folder}/late"))) == format!("late {number}")
        });
    }
    let log = world.log();
    assert_eq!(log.matches("the left side is watched again").count(), 1, "{log}");
    assert!(!log.contains("Unable to remove the path"), "{log}");
    assert_eq!(session.stop().0, 0);
}

#[test]
fn a_system_that_allows_no_more_watchers_says_which_limit() {
    let Some(limited) = limit("max_inotify_instances", 1) else { return };
    let world = World::new();
    world.write("left/folder/file", "old");
    configure(&world, "sync_interval_seconds = 1\n[live]\nfull_scan_every = '1h'\n");
    let session = Running::configured(&world, limited);
    wait("the first look", || world.has("right/folder/file"));
    wait("the look round", || live(&world)["right_rolling"].is_object());
    assert!(how(&world, "right").contains("max_user_instances"), "{}", how(&world, "right"));
    assert_eq!(how(&world, "left"), "watched");
    fs::write(world.path("right/folder/file"), "changed there").unwrap();
    wait("a change", || content(&world.path("left/folder/file")) == "changed there");
    assert_eq!(session.stop().0, 0);
}

/// Only somebody who is not allowed everything meets a folder that he may not read.
#[test]
fn a_folder_that_may_not_be_read_does_not_end_the_watching_of_the_rest() {
    let world = World::new();
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let can =
        Command::new("setpriv").args(nobody).arg(env!("CARGO_BIN_EXE_bothways")).arg("--version").output();
    if !can.is_ok_and(|output| output.status.success()) {
        println!("not tried: nobody else can be made to run the program here");
        return;
    }
    for name in ["a", "m", "z"] {
        world.write(&format!("left/{name}/inner/file"), "old");
    }
    fs::create_dir(world.path("state")).unwrap();
    configure(&world, "sync_interval_seconds = 1\n[live]\nwatch = 'on'\nfull_scan_every = '1h'\n");
    let all = world.path("");
    assert!(ran("chown", &[Path::new("-R"), Path::new("65534:65534"), &all]));
    assert!(ran("chown", &[Path::new("0:0"), &world.path("left/m")]));
    assert!(ran("chmod", &[Path::new("700"), &world.path("left/m")]));
    let session = Running::configured(&world, |command| {
        let mut outer = Command::new("setpriv");
        outer.args(nobody);
        wrap(command, outer);
    });
    wait("the rest", || ["a", "z"].iter().all(|name| world.has(&format!("right/{name}/inner/file"))));
    for name in ["a", "z"] {
        fs::write(world.path(&format!("left/{name}/inner/file")), "changed").unwrap();
        wait("a change", || content(&world.path(&format!("right/{name}/inner/file"))) == "changed");
    }
    assert!(world.log().contains("cannot be watched"), "{}", world.log());
    // It may be read again.
    assert!(ran("chown", &[Path::new("65534:65534"), &world.path("left/m")]));
    wait("what may be read now", || world.has("right/m/inner/file"));
    assert_eq!(session.stop().0, 0);
}

/// All files below a folder with what they hold, by name, without what lies in the trash.
fn files(world: &World, side: &str) -> Vec<(String, String)> {
    let names = world.names(side).into_iter();
    let full = names.map(|name| (world.path(&format!("{side}/{name}")), name));
    let wanted = full.filter(|(path, name)| path.is_file() && !name.starts_with(".sync_trash"));
    wanted.map(|(path, name)| (name, content(&path))).collect()
}

#[test]
fn ten_thousand_events_in_a_moment_and_folders_that_move_meanwhile_lose_nothing() {
    let world = World::new();
    for number in 0..300 {
        world.write(&format!("left/tree/branch {}/file {number}", number % 20), &format!("content {number}"));
    }
    configure(&world, "sync_interval_seconds = 1\n[live]\nfull_scan_every = '1h'\n");
    let session = Running::configured(&world, |_| {});
    // The folder moves while it is scanned for the first time, and while the burst is on its way.
    for turn in 0..10 {
        fs::rename(world.path("left/tree"), world.path("left/moved")).unwrap();
        std::thread::sleep(Duration::from_millis(20 + 10 * turn));
        fs::rename(world.path("left/moved"), world.path("left/tree")).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    let begun = Instant::now();
    for number in 0..2500 {
        // Created, opened, written, closed: four events each.
        fs::write(world.path(&format!("left/tree/branch {}/burst {number}", number % 20)), "burst").unwrap();
    }
    println!("10,000 events within {:?}", begun.elapsed());
    fs::rename(world.path("left/tree/branch 7"), world.path("left/branch elsewhere")).unwrap();
    wait("everything", || {
        world.has("right/branch elsewhere")
            && !world.has("right/moved")
            && files(&world, "left") == files(&world, "right")
    });
    assert_eq!(files(&world, "left").len(), 2800);
    fs::write(world.path("left/branch elsewhere/late"), "late").unwrap();
    wait("a change in the moved folder", || content(&world.path("right/branch elsewhere/late")) == "late");
    assert_eq!(session.stop().0, 0);
    assert_eq!(files(&world, "left"), files(&world, "right"));
}
