//! `plan -o` and `sync --plan`: what was reviewed is done, as far as the world still is as it was planned on.

use serde_json::Value;

use crate::schema::faults;
use crate::world::World;

/// Two folders with something to do at each of these paths.
fn pair() -> World {
    let world = World::new();
    world.write("left/changed.txt", "old");
    world.write("left/deleted.txt", "deleted");
    world.write("left/moved.txt", "this one is moved");
    world.write("left/keep.txt", "keep");
    world.sync();
    world.write("left/changed.txt", "newer");
    std::fs::remove_file(world.path("right/deleted.txt")).unwrap();
    world.write("right/docs/deep/new.txt", "new");
    world.write("left/other.txt", "other");
    world
}

fn plan(world: &World) -> Value {
    let planned = world.run(["plan", "left", "right", "-o", "plan.json"]);
    assert_eq!(planned.code, 0, "{}{}", planned.out, planned.err);
    let file: Value = serde_json::from_str(&world.read("plan.json")).unwrap();
    assert_eq!(faults("plan-file", &file), Vec::<String>::new(), "{file}");
    file
}

fn carry_out(world: &World, code: i32) -> Value {
    let (got, report) = world.json(["sync", "left", "right", "--plan", "plan.json"]);
    assert_eq!(got, code, "{report}");
    assert_eq!(faults("sync-plan", &report), Vec::<String>::new(), "{report}");
    report
}

fn store(world: &World, file: &Value) {
    std::fs::write(world.path("plan.json"), serde_json::to_vec(file).unwrap()).unwrap();
}

#[test]
fn a_whole_plan_is_carried_out_whole() {
    let world = pair();
    let file = plan(&world);
    assert_eq!(file["transitions"].as_array().unwrap().len(), 6);
    let new =
        file["transitions"].as_array().unwrap().iter().find(|one| one["path"] == "changed.txt").unwrap();
    assert_eq!((&new["left"]["size"], &new["right"]["size"]), (&5.into(), &3.into()));
    assert!(new["left"]["mtime_ns"].is_i64());
    let report = carry_out(&world, 0);
    assert_eq!((&report["planned"], &report["not_in_plan"]), (&6.into(), &0.into()));
    assert!(!world.has("left/deleted.txt") && world.has("left/docs/deep/new.txt"));
    assert_eq!(
        (world.read("right/changed.txt"), world.read("right/other.txt")),
        ("newer".into(), "other".into())
    );
    let again = world.sync();
    assert!(again.out.contains("Nothing to do"), "{}", again.out);
    // Once more: all of it is overtaken, and nothing is done.
    let report = carry_out(&world, 1);
    assert_eq!(report["left_out"].as_array().unwrap().len(), 6);
    assert_eq!(report["run"], Value::Null);
}

#[test]
fn what_was_removed_from_the_file_is_not_done_and_nothing_that_needs_it() {
    let world = pair();
    let mut file = plan(&world);
    let all = file["transitions"].as_array_mut().unwrap();
    all.retain(|one| one["path"] != "deleted.txt" && one["path"] != "docs");
    store(&world, &file);
    let report = carry_out(&world, 1);
    let out: Vec<&str> =
        report["left_out"].as_array().unwrap().iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(out, ["docs/deep", "docs/deep/new.txt"], "{report}");
    assert_eq!(report["not_in_plan"], 2);
    assert!(world.has("left/deleted.txt") && !world.has("left/docs"));
    assert_eq!((world.read("right/changed.txt").as_str(), world.has("right/other.txt")), ("newer", true));
    // The next sync does the rest.
    world.sync();
    assert!(!world.has("left/deleted.txt") && world.has("left/docs/deep/new.txt"));
}

#[test]
fn what_the_world_has_overtaken_is_left_out_and_told() {
    let world = pair();
    plan(&world);
    world.write("right/changed.txt", "both changed it now");
    world.write("left/other.txt", "other, later");
    std::fs::remove_file(world.path("left/deleted.txt")).unwrap();
    world.write("right/unplanned.txt", "unplanned");
    let report = carry_out(&world, 1);
    let told = |path: &str| {
        let all = report["left_out"].as_array().unwrap();
        all.iter().find(|one| one["path"] == path).unwrap_or_else(|| panic!("{path}: {report}"))["reason"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert!(told("other.txt").contains("changed since"));
    assert!(told("deleted.txt").contains("nothing is to be done"));
    told("changed.txt");
    assert_eq!(world.read("right/changed.txt"), "both changed it now");
    assert_eq!(world.read("left/changed.txt"), "newer");
    assert!(!world.has("right/other.txt") && !world.has("left/unplanned.txt"));
    assert!(world.has("left/docs/deep/new.txt"), "what holds is done");
    assert!(report["not_in_plan"].as_u64().unwrap() >= 3);
}

#[test]
fn a_plan_of_another_pair_or_format_or_one_that_was_altered_is_refused() {
    let world = pair();
    let file = plan(&world);
    let before = [world.names("left"), world.names("right")];
    let refused = |words: &str| {
        let (code, report) = world.json(["sync", "left", "right", "--plan", "plan.json"]);
        assert_eq!((code, faults("error", &report)), (2, Vec::new()), "{report}");
        let message = report["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
        assert_eq!([world.names("left"), world.names("right")], before);
    };
    let altered = |change: &dyn Fn(&mut Value)| {
        let mut file = file.clone();
        change(&mut file);
        store(&world, &file);
    };
    altered(&|file| file["plan_file"] = 7.into());
    refused("format 7");
    altered(&|file| file["transitions"][0]["path"] = "keep.txt".into());
    refused("was edited");
    altered(&|file| file["left_root"] = "/elsewhere".into());
    refused("was edited");
    altered(&|file| *file = serde_json::json!({ "hello": 1 }));
    refused("no plan file");
    let text = serde_json::to_string(&file).unwrap();
    std::fs::write(world.path("plan.json"), &text[..text.len() / 2]).unwrap();
    refused("cut off");
    std::fs::remove_file(world.path("plan.json")).unwrap();
    refused("cannot be read");

    let other = pair();
    store(&other, &file);
    let (code, report) = other.json(["sync", "left", "right", "--plan", "plan.json"]);
    assert_eq!(code, 2, "{report}");
    assert!(report["error"]["message"].as_str().unwrap().contains("another pair"), "{report}");
}

#[test]
fn a_plan_from_before_the_first_meeting_holds_for_the_first_meeting_alone() {
    let world = World::new();
    world.write("left/a.txt", "a");
    world.write("right/b.txt", "b");
    plan(&world);
    assert_eq!(carry_out(&world, 0)["done"]["COPY_LEFT_TO_RIGHT"], 1);
    assert!(world.has("right/a.txt") && world.has("left/b.txt"));
    world.write("left/c.txt", "c");
    let (code, report) = world.json(["sync", "left", "right", "--plan", "plan.json"]);
    assert_eq!(code, 2, "{report}");
    assert!(!world.has("right/c.txt"));
}

#[test]
fn a_guard_stops_a_plan_file_too_unless_it_is_approved() {
    let world = World::new();
    for number in 0..30 {
        world.write(&format!("left/{number}.txt"), &format!("number {number}"));
    }
    world.write("left/stays.txt", "stays");
    world.sync();
    for number in 0..30 {
        std::fs::remove_file(world.path(&format!("left/{number}.txt"))).unwrap();
    }
    let planned = world.run(["plan", "left", "right", "-o", "plan.json"]);
    assert_eq!(planned.code, 4, "{}", planned.out);
    assert_eq!(carry_out(&world, 4)["halt"]["reason"], "too-many-changes");
    assert!(world.has("right/7.txt"));
    // A plan that was cut down to few deletions needs no approval.
    let mut file: Value = serde_json::from_str(&world.read("plan.json")).unwrap();
    file["transitions"].as_array_mut().unwrap().truncate(3);
    store(&world, &file);
    assert_eq!(carry_out(&world, 0)["done"]["SOFT_DELETE_RIGHT"], 3);
}
