//! `status` and `history`: what is remembered, through the real program.

use serde_json::Value;

use crate::schema::faults;
use crate::world::World;

fn status(world: &World) -> (i32, Value) {
    let (code, document) = world.json(["status", "left", "right"]);
    assert_eq!(faults("status", &document), Vec::<String>::new());
    (code, document)
}

fn history(world: &World, args: &[&str]) -> Value {
    let base = ["history", "--left", "left", "--right", "right"];
    let (code, document) = world.json(base.iter().chain(args));
    assert_eq!(code, 0, "{document}");
    assert_eq!(faults("history", &document), Vec::<String>::new());
    document
}

fn runs(document: &Value) -> Vec<u64> {
    document["runs"].as_array().unwrap().iter().map(|run| run["run"].as_u64().unwrap()).collect()
}

fn synced() -> World {
    let world = World::new();
    world.write("left/docs/a.txt", "one");
    world.write("left/docs/b.txt", "two");
    world.write("right/c.txt", "three");
    world.sync();
    world
}

#[test]
fn a_pair_that_was_never_synced_says_so_and_nothing_is_made() {
    let world = World::new();
    let (code, document) = status(&world);
    assert_eq!((code, &document["checked"], &document["needs_person"]), (1, &Value::Null, &true.into()));
    let shown = world.run(["status", "left", "right"]);
    assert!(shown.code == 1 && shown.out.starts_with("Never synced"), "{}", shown.out);
    assert_eq!(runs(&history(&world, &[])), Vec::<u64>::new());
    assert!(!world.has("home-state"), "looking makes no state");
}

#[test]
fn after_a_sync_it_is_in_sync_and_a_quiet_one_leaves_only_the_time_of_its_look() {
    let world = synced();
    let (code, first) = status(&world);
    assert_eq!(
        (code, &first["in_sync"], &first["needs_person"]),
        (0, &true.into(), &false.into()),
        "{first}"
    );
    assert_eq!(first["recent"]["runs"], 1);
    assert_eq!(first["recent"]["done"]["COPY_LEFT_TO_RIGHT"], 2);
    assert_eq!(first["recent"]["bytes_copied"], 11);
    assert_eq!(first["last_run"]["outcome"], "clean");
    assert!(first["left_root"].as_str().unwrap().ends_with("left"));
    world.sync();
    let (code, second) = status(&world);
    assert_eq!(code, 0);
    assert!(first["checked"].as_str() < second["checked"].as_str(), "{second}");
    for same in ["since", "last_run", "recent", "in_sync"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    let shown = world.run(["status", "left", "right"]);
    assert!(shown.out.starts_with("In sync since 2"), "{}", shown.out);
    assert!(shown.out.contains("2 copies to the right"), "{}", shown.out);
    assert_eq!(world.run(["status", "left", "right", "--hours", "0"]).code, 2);
}

#[test]
fn a_conflict_that_waits_needs_a_person_until_it_has_settled_itself() {
    let world = World::new();
    let config = "left_root = 'left'\nright_root = 'right'\n[conflict]\nnew_file_both_different = 'notify'\n";
    std::fs::write(world.path("bothways.toml"), config).unwrap();
    world.write("left/x.txt", "one");
    world.write("right/x.txt", "another");
    world.run(["sync"]);
    let look = || {
        let (code, document) = world.json(["status"]);
        assert_eq!(faults("status", &document), Vec::<String>::new());
        (code, document)
    };
    let (code, first) = look();
    assert_eq!((code, &first["in_sync"]), (1, &false.into()));
    assert_eq!(first["conflicts"][0]["path"], "x.txt");
    assert_eq!(first["conflicts"][0]["requirement"], "6.2.2");
    assert_eq!(first["conflicts"][0]["right"]["size"], 7);
    world.run(["sync"]);
    assert_eq!(look().1["conflicts"], first["conflicts"], "since when it waits does not move");
    let shown = world.run(["status"]);
    assert!(shown.out.contains("1 conflict waits"), "{}", shown.out);
    world.write("left/x.txt", "another");
    world.run(["sync"]);
    let (code, after) = look();
    assert_eq!((code, &after["conflicts"], &after["in_sync"]), (0, &Value::Array(Vec::new()), &true.into()));
    assert!(after["since"].as_str() > first["since"].as_str());
}

#[cfg(unix)]
#[test]
fn a_problem_stands_from_when_it_was_first_met_until_it_is_gone() {
    let world = synced();
    let pipe = world.path("left/docs/pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(world.sync().code, 1);
    let (code, first) = status(&world);
    let problem = &first["problems"][0];
    assert_eq!((code, &first["in_sync"], &problem["path"]), (1, &false.into(), &"docs/pipe".into()));
    assert_eq!((&problem["kind"], &problem["side"]), (&"special-file".into(), &"left".into()));
    world.sync();
    assert_eq!(status(&world).1["problems"], first["problems"], "a quiet look changes nothing");
    world.write("left/more.txt", "more");
    world.sync();
    let (_, third) = status(&world);
    assert_eq!(third["problems"][0]["since"], problem["since"]);
    assert_eq!(third["problems"][0]["times"], 2, "a recorded run counts it");
    let shown = world.run(["status", "left", "right"]);
    assert!(shown.out.contains("1 problem stands") && shown.out.contains("docs/pipe"), "{}", shown.out);
    std::fs::remove_file(pipe).unwrap();
    world.sync();
    let (code, after) = status(&world);
    assert_eq!((code, &after["problems"]), (0, &Value::Array(Vec::new())));
    assert_eq!(after["in_sync"], true);
}

#[test]
fn a_halt_is_recorded_once_and_stands_until_it_is_approved() {
    let world = synced();
    for name in ["c.txt", "docs/a.txt", "docs/b.txt"] {
        std::fs::remove_file(world.path(&format!("left/{name}"))).unwrap();
    }
    std::fs::remove_dir(world.path("left/docs")).unwrap();
    for _ in 0..2 {
        assert_eq!(world.run(["sync", "left", "right"]).code, 4);
    }
    let (code, halted) = status(&world);
    assert_eq!((code, &halted["in_sync"]), (1, &false.into()));
    assert_eq!((&halted["halt"]["reason"], &halted["halt"]["run"]), (&"empty-root".into(), &2.into()));
    assert!(halted["halt"]["approval"].as_str().unwrap().contains("--approve"));
    let all = history(&world, &[]);
    assert_eq!(runs(&all), [2, 1], "the same halt again is no new run");
    assert_eq!(all["runs"][0]["outcome"], "halted");
    assert!(world.run(["status", "left", "right"]).out.contains("HALTED since"));
    assert_eq!(world.run(["sync", "left", "right", "--approve"]).code, 0);
    let (code, after) = status(&world);
    assert_eq!((code, &after["halt"], &after["in_sync"]), (0, &Value::Null, &true.into()));
    assert_eq!(after["trash"]["right"]["files"], 3);
    assert_eq!(after["trash"]["right"]["bytes"], 11);
    assert_eq!(after["trash"]["left"]["oldest"], Value::Null);
}

#[test]
fn a_run_is_found_by_path_action_and_time_and_shown_in_full() {
    let world = synced();
    world.write("left/docs/a.txt", "changed");
    world.sync();
    std::fs::remove_file(world.path("right/docs/b.txt")).unwrap();
    world.sync();
    assert_eq!(runs(&history(&world, &[])), [3, 2, 1]);
    let some = history(&world, &["--limit", "2"]);
    assert_eq!((runs(&some), &some["more"]), (vec![3, 2], &true.into()));
    assert_eq!(runs(&history(&world, &["--since", "1h"])), [3, 2, 1]);
    assert_eq!(runs(&history(&world, &["--until", "1h"])), Vec::<u64>::new());
    assert_eq!(runs(&history(&world, &["--since", "2100-01-01"])), Vec::<u64>::new());
    let of_a = history(&world, &["--path", "docs/a.txt"]);
    assert_eq!(runs(&of_a), [2, 1]);
    assert_eq!(of_a["runs"][0]["rows"][0]["rule"], "changed-left");
    assert_eq!(runs(&history(&world, &["--path", "docs"])), [3, 2, 1]);
    assert_eq!(runs(&history(&world, &["--path", "b.*"])), [3, 1]);
    assert_eq!(runs(&history(&world, &["--path", "*/b.*", "--action", "delete"])), [3]);
    assert_eq!(runs(&history(&world, &["--action", "copy"])), [2, 1]);
    assert_eq!(runs(&history(&world, &["--action", "rename"])), Vec::<u64>::new());
    assert_eq!(runs(&history(&world, &["--path", "doc"])), Vec::<u64>::new());

    let base = ["history", "--left", "left", "--right", "right"];
    let (code, one) = world.json(base.iter().chain(&["2"]));
    assert_eq!((code, faults("run", &one)), (0, Vec::new()));
    let row = &one["rows"][0];
    assert_eq!(one["rows"].as_array().unwrap().len(), 1);
    let of = |name: &str| row[name].as_str().unwrap();
    assert_eq!((of("action"), of("requirement"), of("path")), ("COPY_LEFT_TO_RIGHT", "6.2.3", "docs/a.txt"));
    assert_eq!((of("result"), &row["size"], of("side")), ("done", &7.into(), "right"));
    assert_eq!((&row["before"]["size"], &row["after"]["size"]), (&3.into(), &7.into()));
    let shown = world.run(base.iter().chain(&["1"])).out;
    for part in ["docs/a.txt", "docs/b.txt", "c.txt", "copy left to right", "(6.2.9)"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let shown = world.run(base.iter().chain(&["--path", "*.txt"])).out;
    assert!(shown.contains("left to the trash") || shown.contains("docs/b.txt"), "{shown}");
    for wrong in [&["9"][..], &["--since", "soon"], &["--path", "a["]] {
        let outcome = world.run(base.iter().chain(wrong));
        assert_eq!((outcome.code, outcome.out.as_str()), (2, ""), "{wrong:?}: {}", outcome.err);
    }
}

#[cfg(unix)]
#[test]
fn watching_in_a_pipe_goes_on_until_it_is_stopped_and_lets_others_sync() {
    use std::io::{BufRead as _, BufReader, Read as _};
    use std::process::Stdio;
    let world = synced();
    let mut command = world.command(["status", "left", "right", "--watch"]);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(line.starts_with("In sync"), "{line}");
    world.write("left/new.txt", "x");
    assert_eq!(world.sync().code, 0);
    let mut found = String::new();
    while !found.contains("3 copies to the right") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended: {found}");
        found.push_str(&line);
    }
    let stop = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(stop.success());
    out.read_to_string(&mut found).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{found}");
}
