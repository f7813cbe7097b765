//! Trees that never stand still while they are looked at.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Dice, STATE, configure, ends_clean, in_sync, tell, tree};
use crate::running::Running;
use crate::world::World;

const RACE: Duration = Duration::from_secs(6);

/// Moves folders of files about. Nobody else does anything there.
fn moves(root: &Path, mut dice: Dice) -> u64 {
    let begun = Instant::now();
    let parents = ["tree", "other", "tree/deep/deeper"];
    let mut at: Vec<String> = (0..12).map(|branch| format!("tree/branch {branch}")).collect();
    let mut moved = 0;
    while begun.elapsed() < RACE {
        let branch = dice.below(at.len() as u64) as usize;
        let to = format!("{}/branch {branch} {}", parents[dice.below(3) as usize], dice.below(3));
        if to != at[branch] {
            fs::rename(root.join(&at[branch]), root.join(&to)).unwrap();
            at[branch] = to;
            moved += 1;
        }
        std::thread::sleep(Duration::from_millis(dice.below(30)));
    }
    moved
}

/// Replaces files by folders, and folders by files.
fn swaps(root: &Path, mut dice: Dice) -> u64 {
    let begun = Instant::now();
    let mut swapped = 0;
    while begun.elapsed() < RACE {
        let at = root.join(format!("swap/{}", dice.below(15)));
        if at.is_dir() {
            fs::remove_dir_all(&at).unwrap();
            fs::write(&at, format!("a file, {swapped}")).unwrap();
        } else {
            fs::remove_file(&at).unwrap();
            fs::create_dir(&at).unwrap();
            fs::write(at.join("inner"), format!("in a folder, {swapped}")).unwrap();
        }
        swapped += 1;
        std::thread::sleep(Duration::from_millis(dice.below(40)));
    }
    swapped
}

#[test]
fn folders_that_move_while_they_are_scanned_and_files_that_turn_into_folders_lose_nothing() {
    let world = World::new();
    // Everything is looked at in every second, besides what is reported.
    configure(&world, "right", "[guard]\nmax_change_min_files = 1000000\n[live]\nfull_scan_every = '1s'\n");
    let mut wanted = BTreeSet::new();
    for number in 0..300 {
        let content = format!("content {number}");
        world.write(&format!("left/tree/branch {}/file {number}", number % 12), &content);
        wanted.insert(content.into_bytes());
    }
    for folder in ["left/other", "left/tree/deep/deeper"] {
        fs::create_dir_all(world.path(folder)).unwrap();
    }
    for number in 0..15 {
        world.write(&format!("right/swap/{number}"), &format!("at first {number}"));
    }
    let session = Running::configured(&world, |_| {});
    let (left, right) = (world.path("left"), world.path("right"));
    let (moved, swapped) = std::thread::scope(|scope| {
        let moved = scope.spawn(|| moves(&left, Dice::new(7)));
        let swapped = scope.spawn(|| swaps(&right, Dice::new(8)));
        (moved.join().unwrap(), swapped.join().unwrap())
    });
    let swaps = |root: &Path| {
        let all = tree(root).into_iter();
        all.filter(|(path, _)| path.starts_with("swap/")).collect::<Vec<_>>()
    };
    let as_left = swaps(&right);
    let begun = Instant::now();
    in_sync(&world, "right");
    let again = begun.elapsed();
    assert_eq!(swaps(&left), as_left, "what the person made last is there");
    let all = tree(&right);
    let found: BTreeSet<_> = all.iter().filter(|(path, _)| !path.starts_with("swap/")).collect();
    let contents: Vec<_> = found.iter().filter_map(|(_, content)| content.as_ref()).collect();
    assert_eq!(contents.len(), wanted.len(), "each once: {:?}", all.keys());
    assert!(contents.into_iter().all(|content| wanted.contains(content)));
    assert!(!all.keys().any(|path| path.contains("clash")), "nobody else did anything: {:?}", all.keys());
    let (_, conflicts) = world.json(["conflicts", "list"].iter().chain(&STATE));
    assert!(conflicts["conflicts"].as_array().unwrap().is_empty(), "{conflicts}");
    ends_clean(&world, session, "right");
    let seen = format!("{moved} moves, {swapped} files and folders swapped, no clash");
    tell("trees that never stand still", &seen, again);
}
