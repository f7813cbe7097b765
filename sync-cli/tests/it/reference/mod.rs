//! The command reference, `docs/commands.md`: made from what can be typed and from examples that are run here.
//!
//! Owns how the page is put together and the comparison with the file. The commands and their options come from the
//! program's own definitions (`syntax`); each example is run over real folders, must end with the exit code it states,
//! and the page shows what it printed, with times and places made the same every day (`stable`). Start at `scenes`.
//!
//! To write the page anew: `BOTHWAYS_WRITE_DOCS=1 cargo test -p sync-cli --test it reference`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

mod play;
mod scenes;
mod stable;
mod syntax;

use play::{Played, Stage};
use scenes::{COMMON, EVERYWHERE, SCENES, Scene};

const INTRODUCTION: &str = "# Commands

<!-- Made by `BOTHWAYS_WRITE_DOCS=1 cargo test -p sync-cli --test it reference` from the program. Do not edit. -->

Every command, its arguments and options, as the program has them. Each example was run, and this page shows what it
printed; only times, durations and the place of the folders (`/srv`) are made the same every day. The examples lie in a
folder with `office` and `cloud`. Where a command names neither, a `bothways.toml` beside them does:

```toml
left_root = 'office'
right_root = 'cloud'
```
";

/// The whole page.
fn page() -> String {
    let program = syntax::program();
    // Each scene has folders of its own.
    let played: BTreeMap<&str, String> = std::thread::scope(|threads| {
        let all: Vec<_> = SCENES
            .iter()
            .chain([&EVERYWHERE])
            .map(|scene| (scene.command, threads.spawn(|| section_of(scene))))
            .collect();
        all.into_iter().map(|(command, playing)| (command, playing.join().unwrap())).collect()
    });
    let mut out = INTRODUCTION.to_owned();
    let _ = write!(out, "\n{}\n## Exit codes\n\n{COMMON}\n", syntax::overview(&program));
    out.push_str(&played[EVERYWHERE.command]);
    let _ = write!(out, "## What every command takes\n\n{}", syntax::common(&program));
    for command in syntax::commands(&program) {
        let level = command.path.split(' ').count() + 1;
        let _ = write!(out, "\n{} bothways {}\n\n{}", "#".repeat(level), command.path, command.text);
        if let Some(section) = played.get(command.path.as_str()) {
            let _ = write!(out, "\n{section}");
        }
    }
    out.trim_end().to_owned() + "\n"
}

/// What a scene showed, and the exit codes it states, all of which were met.
fn section_of(scene: &Scene) -> String {
    let mut out = String::new();
    let mut stage = Stage::new(scene.world);
    let mut met = BTreeSet::new();
    for step in scene.steps {
        match stage.play(step) {
            Played::Words(words) => {
                let _ = write!(out, "{words}\n\n");
            }
            Played::Call { code, shown, of } => {
                if of.starts_with(scene.command) {
                    met.insert(code);
                }
                if let Some(shown) = shown {
                    let code = if code == 0 { String::new() } else { format!("# exit code {code}\n") };
                    let _ = write!(out, "```console\n{shown}{code}```\n\n");
                }
            }
            Played::Nothing => {}
        }
    }
    let stated: BTreeMap<i32, &str> = scene.exits.iter().copied().collect();
    let all: BTreeSet<i32> = stated.keys().copied().collect();
    if !scene.command.is_empty() {
        met.retain(|code| !matches!(code, 2 | 3) || all.contains(code));
        assert_eq!(met, all, "`{}`: the exit codes that were met, and those that are stated", scene.command);
        out.push_str("| ends with | when |\n| --- | --- |\n");
        for (code, when) in stated {
            let _ = writeln!(out, "| {code} | {when} |");
        }
    }
    out.push('\n');
    out
}

#[test]
fn the_page_is_what_the_program_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md");
    let made = squeezed(&page());
    if std::env::var_os("BOTHWAYS_WRITE_DOCS").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    for (number, (written, made)) in (1..).zip(written.lines().zip(made.lines())) {
        assert_eq!(
            written, made,
            "docs/commands.md, line {number}: see the head of sync-cli/tests/it/reference"
        );
    }
    assert_eq!(written.lines().count(), made.lines().count(), "docs/commands.md is too long or too short");
}

/// Without empty lines after empty lines.
fn squeezed(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if !(line.is_empty() && out.ends_with("\n\n")) {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

/// A command without an example, and an example without a command, are mistakes.
#[test]
fn every_command_has_examples() {
    let program = syntax::program();
    let all: BTreeSet<String> =
        syntax::commands(&program).into_iter().filter(|one| one.is_leaf).map(|one| one.path).collect();
    let played: BTreeSet<String> = SCENES.iter().map(|scene| scene.command.to_owned()).collect();
    assert_eq!(all, played);
    for scene in SCENES {
        let own = |step: &scenes::Step| step.shown_call().is_some_and(|call| call.starts_with(scene.command));
        assert!(scene.steps.iter().any(own), "`{}` has no example that is shown", scene.command);
    }
}

/// Everything that can be given is somewhere in the page, under its command.
#[test]
fn every_option_is_in_the_page() {
    let written =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/commands.md")).unwrap();
    let program = syntax::program();
    for command in syntax::commands(&program) {
        let heading = format!("# bothways {}\n", command.path);
        let (_, rest) = written.split_once(&heading).unwrap_or_else(|| panic!("{heading} is missing"));
        let section = rest.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
        for option in command.options {
            assert!(section.contains(&format!("--{option}")), "`{}` lacks --{option}", command.path);
        }
    }
}
