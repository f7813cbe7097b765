//! The real program, killed at every single call that changes something.
//!
//! `strace` counts the calls of each thread and kills the program on entry to the n-th of a kind, for every n until a
//! run gets through. Where a delay would meet a moment by chance, this meets every one. Then the program runs again,
//! and both folders must be where the undisturbed run has led: contents, times, permissions, links; with nothing
//! missing in the trash and nothing left in the staging areas.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{World, place};

/// The calls that change something.
const CALLS: [&str; 16] = [
    "renameat2",
    "renameat",
    "rename",
    "linkat",
    "unlinkat",
    "mkdirat",
    "symlinkat",
    "fchmod",
    "utimensat",
    "fsetxattr",
    "syncfs",
    "ftruncate",
    "fsync",
    "fdatasync",
    "write",
    "pwrite64",
];

/// Path, permissions, time and content of everything in a root but what is Bothways' own.
type Picture = BTreeMap<String, String>;

fn picture(root: &Path) -> Picture {
    let mut picture = Picture::new();
    let mut todo = vec![root.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if [".bothways", ".sync_trash"].contains(&name.as_str()) {
                continue;
            }
            let metadata = fs::symlink_metadata(&path).unwrap();
            let what = if metadata.is_dir() {
                todo.push(path);
                format!("directory {:o}", metadata.mode())
            } else if metadata.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else {
                let (mode, seconds, nanos) = (metadata.mode(), metadata.mtime(), metadata.mtime_nsec());
                format!("{mode:o} {seconds}.{nanos:09} {}", fs::read_to_string(&path).unwrap())
            };
            picture.insert(name, what);
        }
    }
    picture
}

/// Every kind of transition, in as few files as will do.
fn tell(world: &World<'_>) {
    let base = world.base;
    for root in ["left", "right"] {
        fs::create_dir_all(base.join(root)).unwrap();
    }
    let config = "left_root = 'left'\nright_root = 'right'\n[soft_delete]\nmax_size_bytes = '1 KiB'\n[guard]\n\
                  max_change_percent = 100\n[performance]\nmax_concurrent_copies = 1\nlarge_file_bytes = '2 KiB'\n";
    fs::write(base.join("pair.toml"), config).unwrap();
    let names = [
        "changed",
        "both",
        "gone left",
        "gone right",
        "gone and changed",
        "props",
        "renamed",
        "moving/a",
        "moving/b",
        "leaving/a",
        "leaving/deep/b",
        "a file/inside",
        "a folder",
        "stays",
    ];
    for (day, name) in (1..).zip(names) {
        world.write(&format!("left/{name}"), &format!("{name} at first"), day);
    }
    world.write("left/big gone", &"big ".repeat(600), 1);
    fs::create_dir(base.join("right/empty")).unwrap();
    world.sync();

    world.write("left/changed", "changed on the left", 40);
    world.write("left/both", "changed on the left", 41);
    world.write("right/both", "changed on the right, too", 42);
    world.remove("left/gone left");
    world.remove("right/gone right");
    world.remove("left/gone and changed");
    world.write("right/gone and changed", "changed while deleted", 43);
    world.remove("left/big gone");
    world.remove("left/empty");
    world.write("left/props", "props at first", 44);
    fs::set_permissions(base.join("left/props"), fs::Permissions::from_mode(0o640)).unwrap();
    world.rename("left/renamed", "left/got a name");
    world.rename("right/moving", "right/moved");
    world.write("right/moved/a", "changed after the move", 45);
    world.remove("left/leaving");
    world.remove("right/a file");
    world.write("right/a file", "no folder any more", 46);
    world.remove("left/a folder");
    world.write("left/a folder/inside", "a folder now", 47);
    world.write("left/new/deep/one", "new on the left", 48);
    world.write("right/new on the right", "new on the right", 49);
    world.write("right/new and big", &"BIG ".repeat(900), 50);
    world.write("left/made by both", "made on the left", 51);
    world.write("right/made by both", "made on the right", 52);
    world.write("left/kinds", "a file", 53);
    world.write("right/kinds/inside", "a folder", 54);
    world.write("left/closed/inside", "nobody may write here", 55);
    fs::set_permissions(base.join("left/closed"), fs::Permissions::from_mode(0o555)).unwrap();
    fs::create_dir(base.join("left/shared")).unwrap();
    fs::set_permissions(base.join("left/shared"), fs::Permissions::from_mode(0o775)).unwrap();
    symlink("nowhere/at all", base.join("right/link")).unwrap();
}

/// Contents that lie in either trash.
fn trashed(base: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut todo: Vec<_> = ["left", "right"].map(|root| base.join(root).join(".sync_trash")).into();
    while let Some(dir) = todo.pop() {
        for entry in fs::read_dir(&dir).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { todo.push(path) } else { found.extend(fs::read_to_string(path)) }
        }
    }
    found
}

/// Runs the program until its `nth` `call`; whether it came so far.
fn killed_at(world: &World<'_>, call: &str, nth: u32) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={nth}");
    let status = Command::new("strace")
        .args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject])
        .args([env!("CARGO_BIN_EXE_bothways"), "sync", "--config", "pair.toml", "--state", "state", "--json"])
        .current_dir(world.base)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("strace runs; `cargo xtask setup` installs it");
    !matches!(status.code(), Some(0 | 1))
}

struct End {
    trees: [Picture; 2],
    trashed: BTreeSet<String>,
}

impl End {
    fn of(base: &Path) -> Self {
        Self { trees: ["left", "right"].map(|root| picture(&base.join(root))), trashed: trashed(base) }
    }
}

/// One kill. None when the run got through.
fn one(wanted: &End, call: &str, nth: u32) -> Option<Result<(), String>> {
    let place = place();
    let world = World { base: place.path() };
    tell(&world);
    if !killed_at(&world, call, nth) {
        return None;
    }
    world.sync();
    let now = End::of(world.base);
    let mut found = world.leftovers();
    for (side, (wanted, now)) in ["left", "right"].iter().zip(wanted.trees.iter().zip(&now.trees)) {
        for name in wanted.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
            if wanted.get(name) != now.get(name) {
                found.push(format!(
                    "{side}/{name}: {:.90?} instead of {:.90?}",
                    now.get(name),
                    wanted.get(name)
                ));
            }
        }
    }
    found.extend(wanted.trashed.difference(&now.trashed).map(|lost| format!("not in the trash: {lost:.60}")));
    let fail = || Err(format!("killed at {call} number {nth}:\n      {}", found.join("\n      ")));
    Some(if found.is_empty() { Ok(()) } else { fail() })
}

#[test]
fn a_run_that_is_killed_at_any_call_ends_where_an_undisturbed_one_does() {
    let undisturbed = place();
    let world = World { base: undisturbed.path() };
    tell(&world);
    world.sync();
    let wanted = End::of(world.base);
    let clashes = wanted.trees[0].keys().filter(|name| name.contains(" - clash ")).count();
    assert_eq!(clashes, 3, "{:?}", wanted.trees[0].keys());

    let (kills, next) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failures = Mutex::new(Vec::new());
    let met = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some(call) = CALLS.get(next.fetch_add(1, Ordering::Relaxed)) {
            for nth in 1.. {
                let Some(result) = one(&wanted, call, nth) else { break };
                kills.fetch_add(1, Ordering::Relaxed);
                *met.lock().unwrap().entry(*call).or_insert(0) += 1;
                failures.lock().unwrap().extend(result.err());
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let killed = kills.into_inner();
    println!("{killed} kills at calls: {:?}", met.into_inner().unwrap());
    let failures = failures.into_inner().unwrap();
    assert!(killed > 100, "only {killed} kills");
    assert!(failures.is_empty(), "{} kills went wrong\n    {}", failures.len(), failures.join("\n    "));
}
