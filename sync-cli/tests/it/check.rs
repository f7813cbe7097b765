//! `check`: what was measured, and that looking leaves nothing behind.

use serde_json::Value;

use crate::schema::faults;
use crate::world::World;

fn check(world: &World, args: &[&str]) -> Value {
    let (code, report) = world.json([&["check"], args].concat());
    assert_eq!((code, faults("check", &report)), (0, Vec::new()), "{report}");
    report
}

#[test]
fn before_the_first_sync_nothing_is_written_anywhere() {
    let world = World::new();
    world.write("left/docs/a.txt", "four");
    let report = check(&world, &["left", "right"]);
    assert_eq!((&report["clock_skew"], &report["state_folder"]), (&Value::Null, &Value::Null));
    assert_eq!(report["left"]["scan"]["holds"], serde_json::json!({ "files": 1, "dirs": 1, "bytes": 4 }));
    assert!(!world.has("left/.bothways") && !world.has("right/.bothways") && !world.has("home-state"));
}

#[test]
fn afterwards_the_clocks_are_compared_and_nothing_is_left_behind() {
    let world = World::new();
    world.write("bothways.toml", "left_root = 'left'\nright_root = 'right'\n");
    world.write("left/a.txt", "a");
    assert_eq!(world.run(["sync"]).code, 0);
    let report = check(&world, &[]);
    let skew = &report["clock_skew"];
    let error = skew["error_ms"].as_u64().unwrap();
    // Both lie on one disk of this machine.
    assert!(skew["left_ahead_ms"].as_i64().unwrap().unsigned_abs() <= error, "{skew}");
    assert!(error < 10_000, "{skew}");
    for side in ["left", "right"] {
        let staged = std::fs::read_dir(world.path(&format!("{side}/.bothways/staged"))).unwrap();
        assert_eq!(staged.count(), 0, "the probe's file is gone");
    }
    let text = world.run(["check"]);
    for words in ["clocks", "a scan", "takes", "state folder", "All is well"] {
        assert!(text.out.contains(words), "{words}: {}", text.out);
    }
}

#[cfg(unix)]
#[test]
fn what_others_may_read_or_change_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    world.write("bothways.toml", "left_root = 'left'\nright_root = 'right'\n");
    assert_eq!(world.run(["sync", "--state", "state"]).code, 0);
    let mode = |name: &str, mode: u32| {
        std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("bothways.toml", 0o644);
    let report = check(&world, &["--state", "state"]);
    assert_eq!(
        (&report["config_file"]["mode"], &report["config_file"]["others"]),
        (&"0644".into(), &"read".into())
    );
    assert_eq!(report["state_folder"]["others"], "nothing");
    assert_eq!(report["findings"], serde_json::json!([]));

    mode("bothways.toml", 0o666);
    mode("state", 0o755);
    let report = check(&world, &["--state", "state"]);
    let told: Vec<&str> =
        report["findings"].as_array().unwrap().iter().map(|one| one["message"].as_str().unwrap()).collect();
    assert!(told.iter().any(|one| one.contains("bothways.toml") && one.contains("chmod go-w")), "{told:?}");
    assert!(told.iter().any(|one| one.contains("state") && one.contains("chmod go-rwx")), "{told:?}");
}
