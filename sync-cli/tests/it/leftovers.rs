//! What a test leaves that was killed, cleared away by the next run of the tests.
//!
//! A test that ends, well or not, clears up by itself. One that is killed cannot: its folders stay, and disks that were
//! mounted in them. They bear the number of its process, which tells whether it still runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// Clears up once for each run.
pub(crate) fn clear() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for folder in of_the_dead() {
            for mount in mounted_below(&folder) {
                let _ = Command::new("umount").arg("-l").arg(mount).output();
            }
            if let Some(device) = device_of(&folder.join("image")) {
                let _ = Command::new("losetup").args(["-d", &device]).output();
            }
            let _ = fs::remove_dir_all(folder);
        }
    });
}

/// The folders of tests whose process is gone.
fn of_the_dead() -> Vec<PathBuf> {
    let all = fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let is_dead = |name: &str| {
        let owner = name.strip_prefix("bothways-test-").and_then(|rest| rest.split('-').next());
        owner
            .and_then(|owner| owner.parse::<u32>().ok())
            .is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists())
    };
    all.filter(|entry| is_dead(&entry.file_name().to_string_lossy())).map(|entry| entry.path()).collect()
}

/// Everything that is mounted there, the deepest first.
fn mounted_below(folder: &Path) -> Vec<PathBuf> {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let places = table.lines().filter_map(|line| line.split(' ').nth(1));
    let mut found: Vec<_> = places.map(PathBuf::from).filter(|place| place.starts_with(folder)).collect();
    found.sort();
    found.reverse();
    found
}

/// The device that shows an image as a disk.
fn device_of(image: &Path) -> Option<String> {
    let shown = Command::new("losetup").arg("--associated").arg(image).output().ok()?;
    let shown = String::from_utf8(shown.stdout).ok()?;
    shown.split_once(':').map(|(device, _)| device.to_owned())
}

#[test]
fn what_a_killed_test_left_goes_and_what_a_running_one_uses_stays() {
    clear();
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let at = |process: u32| {
        std::env::temp_dir().join(format!("bothways-test-{process}-of {}", std::process::id()))
    };
    let (dead, living) = (at(gone.id()), at(std::process::id()));
    for folder in [&dead, &living] {
        fs::create_dir_all(folder.join("left")).unwrap();
    }
    let found = of_the_dead();
    assert!(found.contains(&dead) && !found.contains(&living), "{found:?}");
    for folder in [&dead, &living] {
        fs::remove_dir_all(folder).unwrap();
    }
}
