//! `--json`: one document, of the shape that its schema says.

use serde_json::Value;

use crate::schema::faults;
use crate::world::World;

/// Runs, and judges the document.
fn judged(world: &World, schema: &str, code: i32, args: &[&str]) -> Value {
    let (got, document) = world.json(args);
    assert_eq!(got, code, "{args:?}: {document}");
    assert_eq!(faults(schema, &document), Vec::<String>::new(), "{args:?}: {document}");
    document
}

#[test]
fn every_document_has_the_shape_of_its_schema() {
    let world = World::new();
    world.write("left/docs/a.txt", "aa");
    world.write("right/b.txt", "bbb");
    world.write("left/both.txt", "1");
    world.age("left/both.txt", 9000);
    world.write("right/both.txt", "22");
    let roots = ["left", "right"];

    let plan = judged(&world, "plan", 1, &["plan", "left", "right"]);
    assert_eq!(plan["format"], 1);
    assert_eq!(plan["counts"]["MKDIR_RIGHT"], 1);
    assert_eq!(plan["conflicts"][0]["newer"], "right");
    assert_eq!(plan["halt"], Value::Null);
    let copy =
        plan["transitions"].as_array().unwrap().iter().find(|one| one["path"] == "docs/a.txt").unwrap();
    assert_eq!(
        (&copy["action"], &copy["rule"], &copy["requirement"], &copy["size"], &copy["side"]),
        (&"COPY_LEFT_TO_RIGHT".into(), &"created-left".into(), &"6.2.9".into(), &2.into(), &"right".into())
    );

    let scan = judged(&world, "scan", 0, &["scan", roots[0], roots[1]]);
    assert_eq!((&scan["only_left"]["files"], &scan["both"]["files"]), (&1.into(), &1.into()));
    judged(&world, "check", 0, &["check", "left", "right"]);

    let sync = judged(&world, "sync", 1, &["sync", "left", "right"]);
    assert_eq!(sync["done"]["COPY_RIGHT_TO_LEFT"], 2);
    assert_eq!(sync["conflicts"].as_array().unwrap().len(), 1);
    let again = judged(&world, "sync", 0, &["sync", "left", "right"]);
    assert_eq!((&again["run"], &again["done"]), (&Value::Null, &serde_json::json!({})));

    let explain =
        judged(&world, "explain", 0, &["explain", "docs/a.txt", "--left", "left", "--right", "right"]);
    assert_eq!(explain["left_state"], "unchanged");

    std::fs::remove_dir_all(world.path("left/docs")).unwrap();
    for name in world.names("left") {
        std::fs::remove_file(world.path(&format!("left/{name}"))).unwrap();
    }
    let halted = judged(&world, "sync", 4, &["sync", "left", "right"]);
    assert_eq!(halted["halt"]["reason"], "empty-root");
    assert_eq!(judged(&world, "plan", 4, &["plan", "left", "right"])["halt"]["side"], "left");
}

#[test]
fn without_a_result_the_document_is_the_error() {
    let world = World::new();
    let away = judged(&world, "error", 3, &["sync", "left", "nowhere"]);
    assert_eq!((&away["error"]["kind"], &away["error"]["exit_code"]), (&"try-again".into(), &3.into()));
    assert!(!away["error"]["hints"].as_array().unwrap().is_empty());
    let same = judged(&world, "error", 2, &["sync", "left", "left"]);
    assert_eq!(same["error"]["kind"], "usage");
    judged(&world, "error", 2, &["sync", "left"]);
    judged(&world, "error", 2, &["frobnicate"]);
    world.write("bad.toml", "left_root = 5\n");
    let config = judged(&world, "error", 2, &["check", "--config", "bad.toml"]);
    assert!(config["error"]["message"].as_str().unwrap().contains("bad.toml:1:13"), "{config}");
}

#[test]
fn init_answers_a_machine_too() {
    let world = World::new();
    let done = judged(&world, "init", 0, &["init", "left", "right", "--config", "new.toml"]);
    assert_eq!(done["config"], "new.toml");
    judged(&world, "error", 2, &["init", "left", "right", "--config", "new.toml"]);
}
