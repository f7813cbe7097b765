//! A disk that fills.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::{
    Dice, Disk, MIB, configure, ends_clean, in_sync, is_root, leftovers, problems, status, tell, tree,
};
use super::{STATE, wait};
use crate::running::Running;
use crate::world::World;

/// How often each failure was told to a person.
fn told(world: &World) -> BTreeMap<String, usize> {
    let text = fs::read_to_string(world.path("told")).unwrap_or_default();
    let mut told = BTreeMap::new();
    for message in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
        let message = message.unwrap();
        let events = message["events"].as_array().cloned().unwrap_or_default();
        for event in events.iter().filter(|event| event["event"] == "failure") {
            assert_eq!(event["kind"], "no-space", "{event}");
            *told.entry(event["path"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    told
}

/// Leaves no byte of a disk free.
fn fill(disk: &Path) {
    let mut file = fs::File::create(disk.join("filler")).unwrap();
    let block = vec![1; 1 << 16];
    for size in [block.len(), 4096, 1] {
        loop {
            match file.write_all(&block[..size]) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[test]
fn a_full_disk_takes_what_fits_and_the_rest_as_soon_as_there_is_room() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let disk = Disk::in_memory(&world, "disk", "4m");
    fs::create_dir(world.path("disk/right")).unwrap();
    let alert = format!("command = ['sh', '-c', 'cat >> {}']\n", world.path("told").display());
    configure(&world, "disk/right", &format!("[performance]\nlarge_file_bytes = '1 MiB'\n[alert]\n{alert}"));
    let mut dice = Dice::new(1);
    for number in 0..100 {
        fs::write(world.path(&format!("left/small {number}")), dice.bytes(50_000)).unwrap();
    }
    fs::write(world.path("left/film"), dice.bytes(6 * MIB)).unwrap();
    let wanted = tree(&world.path("left"));
    let session = Running::configured(&world, |_| {});
    let right = world.path("disk/right");
    wait("that everything has arrived or stands as a problem", || {
        let problems = problems(&world);
        problems.len() > 20 && tree(&right).len() + problems.len() == wanted.len()
    });
    let arrived = tree(&right);
    let stands = problems(&world);
    assert!(arrived.len() >= 70, "what fits goes: {}", arrived.len());
    assert!(stands.values().all(|kind| kind == "no-space"), "{stands:?}");
    assert!(stands.contains_key("film"), "{stands:?}");
    for (path, content) in &arrived {
        assert!(content == &wanted[path], "{path} is not whole");
    }
    assert_eq!(leftovers(&right), Vec::<String>::new(), "nothing takes up room without use");
    assert_eq!(status(&world)["in_sync"], false);
    let words = world.run(["status"].iter().chain(&STATE));
    assert!(words.code == 1 && words.out.contains("no room"), "{}: {}", words.code, words.out);

    // Not a byte is free: what takes no room goes on.
    fill(&world.path("disk"));
    let (gone, stays) = (arrived.keys().next().unwrap(), arrived.keys().nth(1).unwrap());
    fs::remove_file(world.path("left").join(gone)).unwrap();
    fs::rename(world.path("left").join(stays), world.path("left/renamed")).unwrap();
    wait("a deletion and a rename on the full disk", || {
        !right.join(gone).exists() && right.join("renamed").exists() && !right.join(stays).exists()
    });
    let third = arrived.keys().nth(2).unwrap();
    fs::write(right.join(third), "changed on the full disk").unwrap();
    wait("a change from the full disk", || {
        fs::read(world.path("left").join(third)).is_ok_and(|now| now == b"changed on the full disk")
    });

    let begun = Instant::now();
    fs::remove_file(world.path("disk/filler")).unwrap();
    disk.resize("32m");
    in_sync(&world, "disk/right");
    let again = begun.elapsed();
    let all = tree(&world.path("left"));
    assert_eq!(all.len(), wanted.len() - 1);
    for (path, content) in wanted.iter().filter(|(path, _)| *path != gone && *path != stays && *path != third)
    {
        assert!(all.get(path) == Some(content), "{path}");
    }
    assert_eq!(all["renamed"], wanted[stays]);
    assert_eq!(problems(&world), BTreeMap::new());
    assert_eq!(status(&world)["needs_person"], false);
    ends_clean(&world, session, "disk/right");
    let told = told(&world);
    assert!(stands.keys().all(|path| told.get(path) == Some(&1)), "each is told once: {told:?}");
    let seen = format!("{} arrived, {} told once as no-space", arrived.len(), stands.len());
    tell("a disk fills", &seen, again);
}

#[test]
fn a_disk_that_fills_under_a_large_copy_keeps_the_old_version_until_there_is_room() {
    if !is_root() {
        return;
    }
    let world = World::new();
    let _disk = Disk::in_memory(&world, "disk", "40m");
    fs::create_dir(world.path("disk/right")).unwrap();
    let line = |limit: &str| {
        let line = format!("[performance]\nlarge_file_bytes = '1 MiB'\nbandwidth_limit = '{limit}'\n");
        configure(&world, "disk/right", &line);
    };
    line("1 MiB");
    let mut dice = Dice::new(2);
    let (old, new) = (dice.bytes(200_000), dice.bytes(16 * MIB));
    fs::write(world.path("left/film"), &old).unwrap();
    let session = Running::configured(&world, |_| {});
    let right = world.path("disk/right");
    let film = right.join("film");
    wait("the old version", || film.exists());
    fs::write(world.path("left/film"), &new).unwrap();
    wait("some of the new version", || world.bytes("disk/right/.bothways/partial") > 3 * MIB as u64);
    fill(&world.path("disk"));
    wait("that it stands as a problem", || {
        problems(&world).get("film").is_some_and(|kind| kind == "no-space")
    });
    assert!(fs::read(&film).unwrap() == old, "the old version stays");
    assert!(world.bytes("disk/right/.bothways/partial") > MIB as u64, "what was copied waits for room");
    fs::write(world.path("left/after"), "").unwrap();
    fs::write(right.join("film.txt"), "").unwrap();
    wait("what takes no room", || world.has("left/film.txt"));

    let begun = Instant::now();
    line("0");
    fs::remove_file(world.path("disk/filler")).unwrap();
    in_sync(&world, "disk/right");
    let again = begun.elapsed();
    assert!(fs::read(&film).unwrap() == new);
    assert!(world.log().contains("\"result\":\"resumed\""), "it went on from where it was: {}", world.log());
    assert_eq!(problems(&world), BTreeMap::new());
    wait("nothing that is left over", || leftovers(&right).is_empty());
    ends_clean(&world, session, "disk/right");
    tell("a disk fills under a large copy", "no-space, the old version stayed, the copy went on", again);
}
