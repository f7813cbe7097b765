//! `resync`: what no metadata shows is found, waits, and is never spread.

use std::time::SystemTime;

use crate::schema::faults;
use crate::world::World;

/// Changes a file's content and puts its time back. The change time moves, as on no bad disk: a side that holds none
/// is played by the engine's tests.
fn rot(world: &World, name: &str, content: &str) {
    let path = world.path(name);
    let time: SystemTime = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, content).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
}

fn resync(world: &World, code: i32, path: &str) -> serde_json::Value {
    let (got, report) = world.json(["resync", path, "--left", "left", "--right", "right"]);
    assert_eq!(got, code, "{report}");
    assert_eq!(faults("resync", &report), Vec::<String>::new(), "{report}");
    report
}

#[test]
fn what_is_the_same_is_said_to_be_the_same() {
    let world = World::new();
    for name in ["a.txt", "docs/b.txt", "docs/deep/c.txt"] {
        world.write(&format!("left/{name}"), name);
    }
    world.sync();
    let report = resync(&world, 0, "docs");
    assert_eq!((&report["examined"], &report["same"]), (&2.into(), &2.into()));
    assert_eq!(report["corrupt"], serde_json::json!([]));
    assert_eq!(resync(&world, 0, ".")["examined"], 3);
    let inside = world.path("left/docs/b.txt").display().to_string();
    assert_eq!(resync(&world, 0, &inside)["examined"], 1);
    let text = world.run(["resync", ".", "--left", "left", "--right", "right"]);
    assert!(text.out.contains("All the same"), "{}", text.out);
    // A path that was mistyped is not in order.
    assert_eq!(resync(&world, 1, "doc")["examined"], 0);
    let text = world.run(["resync", "left/docs", "--left", "left", "--right", "right", "-q"]);
    assert!(text.code == 1 && text.out.contains("Nothing compared"), "{}", text.out);
    assert_eq!(world.json(["resync", "../x", "--left", "left", "--right", "right"]).0, 2);
}

#[test]
fn what_the_metadata_shows_follows_its_ordinary_rule() {
    let world = World::new();
    world.write("left/in/a.txt", "aaa");
    world.write("left/in/b.txt", "bbb");
    world.write("left/out.txt", "out");
    world.sync();
    world.write("right/in/a.txt", "changed on the right");
    world.write("right/in/new.txt", "new");
    world.write("left/out.txt", "not looked at");
    rot(&world, "left/in/b.txt", "BBB");
    let report = resync(&world, 0, "in");
    assert_eq!(report["done"]["COPY_RIGHT_TO_LEFT"], 2, "{report}");
    // The change time tells that somebody has written it.
    assert_eq!(world.read("right/in/b.txt"), "BBB");
    assert_eq!(world.read("left/in/a.txt"), "changed on the right");
    assert_eq!(world.read("right/out.txt"), "out", "outside of what was named nothing happens");
}

#[test]
fn first_meetings_that_metadata_took_for_the_same_are_told_apart() {
    let world = World::new();
    world.write("left/a.txt", "aaa");
    world.write("right/a.txt", "bbb");
    let time = std::fs::metadata(world.path("left/a.txt")).unwrap().modified().unwrap();
    let right = std::fs::File::options().write(true).open(world.path("right/a.txt")).unwrap();
    right.set_modified(time).unwrap();
    drop(right);
    // Same size, same time: adopted as it is.
    assert!(world.run(["sync", "left", "right"]).code == 0);
    assert_eq!((world.read("left/a.txt"), world.read("right/a.txt")), ("aaa".into(), "bbb".into()));

    let report = resync(&world, 1, ".");
    assert_eq!(report["corrupt"][0]["path"], "a.txt", "{report}");
    assert_eq!(report["corrupt"][0]["intact"], serde_json::Value::Null);
    let shown = world.json(["conflicts", "show", "a.txt", "--left", "left", "--right", "right"]).1;
    assert_eq!(shown["conflict"]["rule"], "silent-corruption", "{shown}");
    assert_eq!(faults("conflict", &shown), Vec::<String>::new());

    // A sync, even of a version that was touched, spreads neither.
    world.age("left/a.txt", 10);
    for _ in 0..2 {
        let sync = world.run(["sync", "left", "right"]);
        assert_eq!(sync.code, 1, "{}", sync.out);
        assert_eq!((world.read("left/a.txt"), world.read("right/a.txt")), ("aaa".into(), "bbb".into()));
    }
    let kept =
        world.run(["conflicts", "resolve", "a.txt", "--keep", "right", "--left", "left", "--right", "right"]);
    assert_eq!(kept.code, 0, "{}{}", kept.out, kept.err);
    assert_eq!((world.read("left/a.txt"), world.read("right/a.txt")), ("bbb".into(), "bbb".into()));
    assert_eq!(resync(&world, 0, ".")["same"], 1);
    assert_eq!(world.run(["sync", "left", "right"]).code, 0);
}
