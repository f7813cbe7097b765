//! Configurations: written by `init`, found, named, wrong.

use crate::world::World;

#[test]
fn init_writes_a_configuration_that_works_and_never_overwrites() {
    let world = World::new();
    let made = world.run(["init", "left", "right"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("bothways check --config bothways.toml"), "{}", made.out);
    let text = world.read("bothways.toml");
    assert!(text.contains("[soft_delete]") && text.contains("max_size_bytes = \"20 MiB\""), "{text}");
    world.write("left/a.txt", "x");
    // The file that lies here is used by itself.
    assert_eq!(world.run(["check"]).code, 0);
    assert_eq!(world.run(["sync"]).code, 0);
    assert_eq!(world.read("right/a.txt"), "x");

    world.write("bothways.toml", "mine");
    let again = world.run(["init", "left", "right"]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("stays as it is"), "{}", again.err);
    assert_eq!(world.read("bothways.toml"), "mine");
}

#[cfg(unix)]
#[test]
fn init_writes_through_no_link() {
    let world = World::new();
    std::os::unix::fs::symlink("elsewhere.toml", world.path("link.toml")).unwrap();
    assert_eq!(world.run(["init", "left", "right", "--config", "link.toml"]).code, 2);
    assert!(!world.has("elsewhere.toml"));
}

#[test]
fn without_folders_init_leaves_them_to_be_filled_in() {
    let world = World::new();
    let made = world.run(["init", "--config", "c.toml"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("Fill in left_root and right_root"), "{}", made.out);
    let check = world.run(["check", "--config", "c.toml"]);
    assert_eq!(check.code, 2);
    assert!(check.err.contains("`left_root` is empty"), "{}", check.err);
    assert_eq!(world.run(["init", "--config", "c.json"]).code, 2);
}

#[test]
fn a_mistake_is_shown_where_it_stands() {
    let world = World::new();
    world.write("c.toml", "left_root = 'left'\nright_root = 'right'\n[gard]\nmax_change_percent = 5\n");
    let outcome = world.run(["sync", "--config", "c.toml"]);
    assert_eq!(outcome.code, 2);
    let shown =
        "error: c.toml:3:2: unknown key `gard`\n   |\n 3 | [gard]\n   |  ^^^^\n   = did you mean `guard`?\n";
    assert_eq!(outcome.err, shown);
    assert!(outcome.out.is_empty());
}

#[test]
fn the_environment_can_name_the_configuration() {
    let world = World::new();
    world.write("sub/pair.yaml", "left_root: ../left\nright_root: ../right\nlogging:\n  format: text\n");
    world.write("left/a.txt", "x");
    let output = world.command(["sync"]).env("BOTHWAYS_CONFIG", "sub/pair.yaml").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(world.read("right/a.txt"), "x");
    let none = world.command(["sync"]).env("BOTHWAYS_CONFIG", "").output().unwrap();
    assert_eq!(none.status.code(), Some(2));
}

#[test]
fn check_finds_what_is_missing() {
    let world = World::new();
    let fine = world.run(["check", "left", "right"]);
    assert_eq!(fine.code, 0, "{}{}", fine.out, fine.err);
    assert!(fine.out.contains("All is well") && fine.out.contains("free space"), "{}", fine.out);
    let missing = world.run(["check", "left", "nowhere"]);
    assert_eq!(missing.code, 1, "{}{}", missing.out, missing.err);
    assert!(missing.out.contains("error: ") && missing.out.contains("nowhere"), "{}", missing.out);
    assert!(!world.has("home-state") && !world.has("left/.bothways"));
}
