//! Help, colours, and what is made from the arguments.

use crate::world::World;

#[test]
fn every_command_has_a_help_text() {
    let world = World::new();
    let all = world.run(["--help"]);
    assert_eq!((all.code, all.err.as_str()), (0, ""));
    assert!(all.out.contains("Exit codes:") && all.out.contains("4  halted by a guard"), "{}", all.out);
    for command in ["sync", "plan", "scan", "init", "check", "explain", "completions", "man"] {
        assert!(
            all.out.lines().any(|line| line.trim_start().starts_with(command)),
            "{command} is not listed"
        );
        let one = world.run([command, "--help"]);
        assert_eq!(one.code, 0);
        assert!(one.out.contains(&format!("Usage: bothways {command}")), "{}", one.out);
        assert!(one.out.contains("--state <DIR>"), "{}", one.out);
    }
    assert_eq!(world.run(["--version"]).out, format!("bothways {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_pipe_gets_no_colours_unless_it_is_asked_for() {
    let world = World::new();
    world.write("left/a.txt", "x");
    world.write("right/a.txt", "yy");
    let plan = |when: &str| world.run(["plan", "left", "right", "--color", when]);
    assert!(!plan("auto").out.contains('\u{1b}'));
    assert!(!plan("never").out.contains('\u{1b}'));
    assert!(plan("always").out.contains('\u{1b}'));
    let error = world.run(["sync", "left", "nowhere"]).err;
    assert!(!error.contains('\u{1b}'), "{error}");
    assert!(world.run(["sync", "left", "nowhere", "--color", "always"]).err.contains('\u{1b}'));
}

#[test]
fn a_pipe_gets_no_progress() {
    let world = World::new();
    world.write("left/a.txt", "x");
    assert_eq!(world.sync().err, "");
}

#[test]
fn quiet_says_nothing_when_nothing_is_to_be_said() {
    let world = World::new();
    world.write("left/a.txt", "x");
    let outcome = world.run(["sync", "left", "right", "-q"]);
    assert_eq!((outcome.code, outcome.out.as_str(), outcome.err.as_str()), (0, "", ""));
}

#[test]
fn verbose_tells_each_operation_as_it_happens() {
    let world = World::new();
    world.write("left/a.txt", "x");
    let outcome = world.run(["sync", "left", "right", "-v"]);
    assert!(
        outcome.err.contains("operation=\"copy\"") && outcome.err.contains("path=\"a.txt\""),
        "{}",
        outcome.err
    );
}

#[test]
fn completions_and_the_manual_are_complete() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let outcome = world.run(["completions", shell]);
        assert_eq!(outcome.code, 0, "{}", outcome.err);
        for word in ["bothways", "dry-run", "explain"] {
            assert!(outcome.out.contains(word), "{shell} lacks {word}");
        }
    }
    let man = world.run(["man"]);
    assert_eq!(man.code, 0);
    for part in [".TH bothways", "BOTHWAYS SYNC", "BOTHWAYS EXPLAIN", "approve", "Exit codes"] {
        assert!(man.out.contains(part), "{part}\n{}", man.out);
    }
}

/// A reader such as `head` that has seen enough.
#[cfg(unix)]
#[test]
fn a_reader_that_left_is_no_error() {
    use std::process::Stdio;
    let world = World::new();
    let mut child = world.command(["man"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
}
