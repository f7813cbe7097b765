//! `conflicts`: the inbox, one conflict closely, and settling it each way.

use serde_json::Value;

use crate::schema::faults;
use crate::world::World;

const NOTIFY: &str = "\
left_root = 'left'
right_root = 'right'
[conflict]
same_file_changed_both = 'notify'
new_file_both_different = 'notify'
";

/// Two folders that agreed on some texts, which both users then changed; the right ones are newer.
fn quarrel(config: &str, names: &[&str]) -> World {
    let world = World::new();
    world.write("bothways.toml", config);
    for name in names {
        world.write(&format!("left/{name}"), "one\ntwo\nthree\n");
    }
    world.write("left/quiet.txt", "quiet");
    assert_eq!(world.run(["sync"]).code, 0);
    for name in names {
        world.write(&format!("left/{name}"), "one\nLEFT\nthree\n");
        world.age(&format!("left/{name}"), 7200);
        world.write(&format!("right/{name}"), "one\nRIGHT\nthree\n");
        world.age(&format!("right/{name}"), 3600);
    }
    assert_eq!(world.run(["sync"]).code, 1);
    world
}

fn judged(world: &World, schema: &str, code: i32, args: &[&str]) -> Value {
    let (got, document) = world.json(args);
    assert_eq!(got, code, "{args:?}: {document}");
    assert_eq!(faults(schema, &document), Vec::<String>::new(), "{args:?}: {document}");
    document
}

fn contents(world: &World, name: &str) -> [String; 2] {
    ["left", "right"].map(|side| world.read(&format!("{side}/{name}")))
}

/// What lies in a side's trash, as texts.
fn trashed(world: &World, side: &str) -> Vec<String> {
    let trash = format!("{side}/.sync_trash");
    let names = world.names(&trash);
    let files = names.iter().filter(|name| world.path(&format!("{trash}/{name}")).is_file());
    files.map(|name| world.read(&format!("{trash}/{name}"))).collect()
}

const LEFT: &str = "one\nLEFT\nthree\n";
const RIGHT: &str = "one\nRIGHT\nthree\n";

#[test]
fn the_inbox_lists_shows_and_settles_each_way() {
    let world = quarrel(NOTIFY, &["a.txt", "b.txt", "docs/c.txt", "docs/d.txt"]);

    let list = judged(&world, "conflicts", 1, &["conflicts"]);
    assert_eq!((&list["open"], &list["settled"]), (&4.into(), &0.into()));
    assert_eq!(list["conflicts"][0]["path"], "a.txt");
    assert_eq!(list["conflicts"][0]["requirement"], "6.2.1");
    assert_eq!(judged(&world, "conflicts", 1, &["conflicts", "list", "--all"])["open"], 4);

    let shown = judged(&world, "conflict", 0, &["conflicts", "show", "a.txt"]);
    assert_eq!(
        (&shown["conflict"]["newer"], &shown["conflict"]["rule"]),
        (&"right".into(), &"both-changed".into())
    );
    assert!(shown["newer_by_ms"].as_u64().unwrap().abs_diff(3_600_000) < 60_000, "{shown}");
    assert_eq!(
        (&shown["left"]["standing"], &shown["right"]["standing"]),
        (&"as-recorded".into(), &"as-recorded".into())
    );
    assert_eq!(shown["left"]["digest"].as_str().unwrap().len(), 64);
    assert_eq!(shown["same_content"], false);
    let diff = shown["diff"].as_str().unwrap();
    assert!(
        diff.contains("-LEFT\n+RIGHT\n") && diff.starts_with("--- left version\n+++ right version\n"),
        "{diff}"
    );
    let text = world.run(["conflicts", "show", "a.txt"]);
    assert!(text.out.contains("requirement 6.2.1") && text.out.contains("+RIGHT"), "{}", text.out);

    let done = judged(&world, "resolve", 0, &["conflicts", "resolve", "a.txt", "--keep", "left"]);
    assert_eq!(
        (&done["resolved"][0]["path"], &done["resolved"][0]["stands"]),
        (&"a.txt".into(), &"left".into())
    );
    assert!(done["run"].is_u64());
    assert_eq!(contents(&world, "a.txt"), [LEFT, LEFT]);
    assert_eq!(trashed(&world, "right"), [RIGHT]);

    // The others have not moved.
    assert_eq!(contents(&world, "b.txt"), [LEFT, RIGHT]);
    assert_eq!(judged(&world, "conflicts", 1, &["conflicts"])["open"], 3);
    judged(&world, "resolve", 0, &["conflicts", "resolve", "b.txt", "--keep", "both"]);
    assert_eq!(contents(&world, "b.txt"), [RIGHT, RIGHT]);
    let list = judged(&world, "conflicts", 1, &["conflicts", "list", "--all"]);
    assert_eq!((&list["open"], &list["settled"]), (&2.into(), &1.into()));
    let clash = list["conflicts"].as_array().unwrap().iter().find(|one| one["path"] == "b.txt").unwrap();
    assert_eq!(contents(&world, clash["clash_path"].as_str().unwrap()), [LEFT, LEFT]);

    let done = judged(&world, "resolve", 0, &["conflicts", "resolve", "docs/*.txt", "--keep", "newer"]);
    assert_eq!(done["resolved"].as_array().unwrap().len(), 2);
    assert_eq!(contents(&world, "docs/c.txt"), [RIGHT, RIGHT]);
    assert_eq!(contents(&world, "docs/d.txt"), [RIGHT, RIGHT]);
    assert_eq!(trashed(&world, "left"), [LEFT, LEFT]);
    assert_eq!(judged(&world, "conflicts", 0, &["conflicts"])["open"], 0);
    let sync = world.run(["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.out);
    assert!(sync.out.contains("Nothing to do"), "{}", sync.out);
}

#[test]
fn what_changed_since_stays_open_with_the_reason() {
    let world = quarrel(NOTIFY, &["a.txt", "b.txt"]);
    world.write("right/a.txt", "a third version");
    let shown = judged(&world, "conflict", 0, &["conflicts", "show", "a.txt"]);
    assert_eq!(
        (&shown["left"]["standing"], &shown["right"]["standing"]),
        (&"as-recorded".into(), &"changed".into())
    );
    let done = judged(&world, "resolve", 1, &["conflicts", "resolve", "--all", "--keep", "left"]);
    assert_eq!(done["resolved"][0]["path"], "b.txt");
    assert_eq!(done["unresolved"][0]["path"], "a.txt");
    let reason = done["unresolved"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("right version has changed"), "{reason}");
    assert_eq!(contents(&world, "a.txt"), [LEFT, "a third version"]);
    assert_eq!(judged(&world, "conflicts", 1, &["conflicts"])["open"], 1);

    // The next sync sees the new version, and then it can be settled.
    assert_eq!(world.run(["sync"]).code, 1);
    judged(&world, "resolve", 0, &["conflicts", "resolve", "a.txt", "--keep", "right"]);
    assert_eq!(contents(&world, "a.txt"), ["a third version", "a third version"]);
}

#[test]
fn what_settled_itself_leaves_the_inbox() {
    let world = quarrel(NOTIFY, &["a.txt", "b.txt", "c.txt"]);
    std::fs::copy(world.path("left/a.txt"), world.path("right/a.txt")).unwrap();
    std::fs::remove_file(world.path("left/b.txt")).unwrap();
    let gone = judged(&world, "conflict", 0, &["conflicts", "show", "b.txt"]);
    assert_eq!(gone["left"]["standing"], "gone");
    assert!(gone["no_diff"].as_str().unwrap().contains("gone"));
    let done = judged(&world, "resolve", 1, &["conflicts", "resolve", "a.txt", "b.txt", "--keep", "left"]);
    assert_eq!(done["unresolved"].as_array().unwrap().len(), 2, "{done}");
    assert_eq!(contents(&world, "a.txt"), [LEFT, LEFT]);
    assert_eq!(world.run(["sync"]).code, 1);
    let list = judged(&world, "conflicts", 1, &["conflicts"]);
    assert_eq!(list["open"], 1);
    assert_eq!(list["conflicts"][0]["path"], "c.txt");
    assert_eq!(
        contents(&world, "b.txt"),
        [RIGHT, RIGHT],
        "changed on one side, deleted on the other: restored"
    );
}

#[test]
fn a_clash_that_was_settled_can_be_thought_over() {
    for (keep, stands, trash) in [("left", LEFT, RIGHT), ("right", RIGHT, LEFT), ("newer", RIGHT, LEFT)] {
        let world = quarrel("left_root = 'left'\nright_root = 'right'\n", &["a.txt", "b.txt"]);
        let list = judged(&world, "conflicts", 0, &["conflicts", "list", "--all"]);
        assert_eq!((&list["open"], &list["settled"]), (&0.into(), &2.into()));
        let clash = list["conflicts"][0]["clash_path"].as_str().unwrap().to_owned();
        let shown = judged(&world, "conflict", 0, &["conflicts", "show", "a.txt"]);
        assert_eq!(shown["left"]["path"], clash.as_str());
        assert_eq!(
            (&shown["left"]["standing"], &shown["right"]["standing"]),
            (&"as-recorded".into(), &"as-recorded".into())
        );
        assert!(shown["diff"].as_str().unwrap().contains("-LEFT\n+RIGHT\n"));

        let done = judged(&world, "resolve", 0, &["conflicts", "resolve", "a.txt", "--keep", keep]);
        assert_eq!(done["resolved"][0]["stands"], if stands == LEFT { "left" } else { "right" });
        assert_eq!(contents(&world, "a.txt"), [stands, stands]);
        for side in ["left", "right"] {
            assert!(!world.has(&format!("{side}/{clash}")), "the clash copy is gone");
            assert!(trashed(&world, side).contains(&trash.to_owned()), "{keep} on the {side}");
        }
        judged(&world, "resolve", 0, &["conflicts", "resolve", "b.txt", "--keep", "both"]);
        assert_eq!(contents(&world, "b.txt"), [RIGHT, RIGHT]);
        assert_eq!(judged(&world, "conflicts", 0, &["conflicts", "list", "--all"])["settled"], 0);
        assert!(world.run(["sync"]).out.contains("Nothing to do"));
    }
}

#[test]
fn a_settled_clash_that_was_worked_on_is_left_alone() {
    let world = quarrel("left_root = 'left'\nright_root = 'right'\n", &["a.txt"]);
    world.write("left/a.txt", "worked on");
    let done = judged(&world, "resolve", 1, &["conflicts", "resolve", "a.txt", "--keep", "left"]);
    assert!(done["unresolved"][0]["reason"].as_str().unwrap().contains("changed since"), "{done}");
    assert_eq!(contents(&world, "a.txt"), ["worked on", RIGHT]);
}

#[test]
fn nothing_is_settled_that_is_no_conflict() {
    let world = quarrel(NOTIFY, &["a.txt"]);
    let done =
        judged(&world, "resolve", 1, &["conflicts", "resolve", "quiet.txt", "none*", "--keep", "left"]);
    assert_eq!(done["unresolved"].as_array().unwrap().len(), 2);
    assert_eq!((&done["run"], &done["resolved"]), (&Value::Null, &serde_json::json!([])));
    judged(&world, "error", 2, &["conflicts", "show", "quiet.txt"]);
    judged(&world, "error", 2, &["conflicts", "resolve", "--keep", "left"]);
    judged(&world, "error", 2, &["conflicts", "resolve", "a.txt"]);
    judged(&world, "error", 2, &["conflicts", "resolve", "[", "--keep", "left"]);
}

#[test]
fn a_pair_is_in_sync_once_its_last_conflict_is_settled() {
    for keep in ["left", "right", "newer", "both"] {
        let world = quarrel(NOTIFY, &["a.txt"]);
        assert_eq!(judged(&world, "status", 1, &["status"])["in_sync"], false);
        judged(&world, "resolve", 0, &["conflicts", "resolve", "a.txt", "--keep", keep]);
        assert_eq!(judged(&world, "status", 0, &["status"])["in_sync"], true, "keeping {keep}");
    }
}
