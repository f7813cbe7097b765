//! The log file.

use serde_json::Value;

use crate::world::World;

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[test]
fn every_operation_is_a_line_and_every_run_a_sum() {
    let world = World::new();
    world.write("left/a.txt", "12345");
    assert_eq!(world.run(["sync", "left", "right", "--state", "st"]).code, 0);
    let all = lines(&world.read("st/bothways.log"));
    let copy = all.iter().find(|line| line["operation"] == "copy").expect("a line for the copy");
    assert_eq!((&copy["path"], &copy["side"], &copy["size"]), (&"a.txt".into(), &"right".into(), &5.into()));
    assert_eq!((&copy["run"], &copy["level"]), (&1.into(), &"info".into()));
    let sum = all.iter().find(|line| line["operation"] == "cycle").expect("a line for the run");
    assert_eq!((&sum["bytes"], &sum["conflicts"], &sum["result"]), (&5.into(), &0.into(), &"clean".into()));
    for line in &all {
        assert!(line["time"].as_str().unwrap().ends_with('Z') && line["to"] != "None", "{line}");
    }
}

#[cfg(unix)]
#[test]
fn no_file_name_can_forge_a_line_or_colour_a_screen() {
    let world = World::new();
    world.write("left/evil\n{\"level\":\"error\"}\u{1b}[31m\u{202e}.txt", "x");
    let plan = world.run(["plan", "left", "right"]);
    let outcome = world.run(["sync", "left", "right", "--state", "st", "-v"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.out, outcome.err);
    for shown in [&plan.out, &outcome.out, &outcome.err] {
        assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown:?}");
        assert!(!shown.lines().any(|line| line.starts_with('{')), "{shown}");
    }
    assert!(plan.out.contains("evil\\n"), "{}", plan.out);
    let text = world.read("st/bothways.log");
    assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    assert!(lines(&text).iter().all(|line| line["level"] != "error"), "{text}");
}

#[test]
fn it_is_where_and_how_the_configuration_says() {
    let world = World::new();
    world.write("left/a.txt", "x");
    world.write(
        "c.toml",
        "left_root = 'left'\nright_root = 'right'\n[logging]\nlog_file_path = 'logs/x.log'\nformat = 'text'\n\
         max_log_size = 300\nkeep_files = 2\n",
    );
    for number in 0..6 {
        world.write(&format!("left/f{number}.txt"), "x");
        assert_eq!(world.run(["sync", "--config", "c.toml", "--state", "st"]).code, 0);
    }
    assert_eq!(world.names("logs"), ["x.log", "x.log.1", "x.log.2"]);
    let text = world.read("logs/x.log");
    assert!(text.len() <= 700 && text.ends_with('\n'), "{text}");
    assert!(text.lines().all(|line| line.contains("Z INFO ")), "{text}");
    assert!(!world.has("st/bothways.log"));
}

#[test]
fn looking_leaves_no_log_where_there_is_no_state() {
    let world = World::new();
    world.write("left/a.txt", "x");
    world.write("c.toml", "left_root = 'left'\nright_root = 'right'\n[logging]\nlog_file_path = 'x.log'\n");
    for command in ["plan", "scan", "check"] {
        assert_eq!(world.run([command, "--config", "c.toml", "--state", "st"]).code, 0);
        assert!(!world.has("x.log") && !world.has("st"), "{command}");
    }
}

#[test]
fn a_log_that_cannot_be_written_is_said_once_and_stops_nothing() {
    let world = World::new();
    world.write("left/a.txt", "x");
    world.write("left/b.txt", "x");
    world.write("file", "no folder");
    world.write(
        "c.toml",
        "left_root = 'left'\nright_root = 'right'\n[logging]\nlog_file_path = 'file/x.log'\n",
    );
    let outcome = world.run(["sync", "--config", "c.toml"]);
    assert_eq!(outcome.code, 0, "{}", outcome.err);
    assert_eq!(outcome.err.matches("cannot be written").count(), 1, "{}", outcome.err);
    assert_eq!(world.read("right/b.txt"), "x");
}
