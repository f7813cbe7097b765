//! Faults of the world around a running session: disks that fill, roots that are unmounted, kills, clocks that jump,
//! trees that never stand still, permissions that are missing. Real disks, real signals, the real program.
//!
//! Each test counts what could be lost, and prints a line of a table with `--nocapture`: the fault, what was seen, what
//! was lost, how long it took from the end of the fault until both sides were the same again.

mod clock;
mod full;
mod killed;
mod permissions;
mod restless;
mod unmounted;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::running::Running;
pub(crate) use super::running::wait;
use super::world::World;

const MIB: usize = 1 << 20;
const STATE: [&str; 4] = ["--config", "pair.toml", "--state", "state"];

/// Both roots, and whatever else the configuration shall say.
fn configure(world: &World, right: &str, text: &str) {
    let roots = format!("left_root = 'left'\nright_root = '{right}'\nsync_interval_seconds = 1\n");
    fs::write(world.path("pair.toml"), format!("{roots}{text}")).unwrap();
}

/// A line of the table of faults. What was lost has been checked by then.
fn tell(fault: &str, seen: &str, again: Duration) {
    println!("| {fault} | {seen} | nothing lost | in sync again after {:.1} s |", again.as_secs_f64());
}

fn status(world: &World) -> Value {
    world.json(["status"].iter().chain(&STATE)).1
}

/// The kinds of the problems that stand, by path.
fn problems(world: &World) -> BTreeMap<String, String> {
    let status = status(world);
    let all = status["problems"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    all.iter().map(|one| (text(&one["path"]), text(&one["kind"]))).collect()
}

/// All files and folders below a folder with what the files hold, while others may change them.
fn walk(folder: &Path, prefix: &str, skip: &[&str], all: &mut BTreeMap<String, Option<Vec<u8>>>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if skip.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{path}/"), skip, all);
            all.insert(path, None);
        } else if let Ok(content) = fs::read(entry.path()) {
            all.insert(path, Some(content));
        }
    }
}

/// What is synced below a root.
fn tree(root: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut all = BTreeMap::new();
    walk(root, "", &[".bothways", ".sync_trash"], &mut all);
    all
}

/// The contents that a root holds anywhere, in its trash too, but not what is on its way.
fn contents(root: &Path) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeMap::new();
    walk(root, "", &[".bothways"], &mut all);
    all.into_values().flatten().collect()
}

/// What a session has left in the staging areas of a root.
fn leftovers(root: &Path) -> Vec<String> {
    let mut all = BTreeMap::new();
    for area in ["staged", "partial"] {
        walk(&root.join(".bothways").join(area), &format!("{area}/"), &[], &mut all);
    }
    all.into_keys().collect()
}

/// Waits until both roots are the same and the session says so.
#[track_caller]
fn in_sync(world: &World, right: &str) -> Duration {
    let (left, right) = (world.path("left"), world.path(right));
    wait("the same on both sides", || {
        tree(&left) == tree(&right) && {
            let status = status(world);
            let quiet = |name: &str| status["live"][name].as_u64().unwrap_or_default() == 0;
            status["in_sync"] == true && quiet("waiting_files") && quiet("told")
        }
    })
}

/// Stops the session and looks whether it has left anything to do.
#[track_caller]
fn ends_clean(world: &World, session: Running, right: &str) {
    assert_eq!(session.stop().0, 0);
    for root in ["left", right] {
        assert_eq!(leftovers(&world.path(root)), Vec::<String>::new(), "{root}");
    }
    let quiet = world.run(["sync"].iter().chain(&STATE));
    assert!(quiet.out.contains("Nothing to do"), "{}\n{}", quiet.out, quiet.err);
    assert_eq!(tree(&world.path("left")), tree(&world.path(right)));
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        (self.next() >> 16) % end
    }

    /// Bytes in which no part is like another.
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_le_bytes()).flatten().take(len).collect()
    }
}

/// Whether root runs this; says so where not, because nobody else may mount anything.
fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("not tried: this takes root");
    }
    root
}

#[track_caller]
fn done(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| {
        panic!("{program}: {error}");
    });
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A disk of its own, for as long as this lives.
struct Disk {
    at: PathBuf,
    device: Option<String>,
}

impl Disk {
    /// One in memory that holds so much.
    fn in_memory(world: &World, at: &str, size: &str) -> Self {
        let disk = Self { at: world.path(at), device: None };
        fs::create_dir_all(&disk.at).unwrap();
        done("mount", &["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs", disk.text()]);
        disk
    }

    /// An image with ext4 on it.
    fn of_image(world: &World, at: &str, mib: u64) -> Self {
        let image = world.path("image");
        fs::File::create(&image).unwrap().set_len(mib << 20).unwrap();
        let image = image.to_str().unwrap();
        done("mkfs.ext4", &["-q", "-F", "-m", "0", image]);
        // The device stays when the disk is unmounted, as that of a real one does.
        let mut disk = Self { at: world.path(at), device: None };
        disk.device = Some(done("losetup", &["--find", "--show", image]));
        disk.mount();
        fs::remove_dir(disk.at.join("lost+found")).unwrap();
        disk
    }

    fn text(&self) -> &str {
        self.at.to_str().unwrap()
    }

    #[track_caller]
    fn mount(&self) {
        done("mount", &[self.device.as_ref().unwrap(), self.text()]);
    }

    /// Takes it away from under whoever uses it.
    #[track_caller]
    fn unmount(&self) {
        done("umount", &["-l", self.text()]);
    }

    #[track_caller]
    fn resize(&self, size: &str) {
        done("mount", &["-o", &format!("remount,size={size}"), self.text()]);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).output();
        if let Some(device) = &self.device {
            let _ = Command::new("losetup").args(["-d", device]).output();
        }
    }
}
