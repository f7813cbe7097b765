//! The commented configuration that `init` writes, and the reference in the documentation.

use std::fmt::Write as _;
use std::path::Path;

use super::keys::{HOURS, KEYS, Key, SECTIONS};

/// A commented TOML file with every key at its default; the two roots are left empty, to be filled in.
pub fn template() -> String {
    filled("''", "''")
}

/// The same with the two roots filled in; none where a root's name is not Unicode, which no configuration can
/// hold.
pub fn template_for(left: &Path, right: &Path) -> Option<String> {
    Some(filled(&toml_text(left.to_str()?), &toml_text(right.to_str()?)))
}

fn filled(left: &str, right: &str) -> String {
    let mut out = String::from(
        "# Bothways keeps two folders the same, both ways.\n\
         # Every key is here with its default; what is left out keeps it. `bothways check` says whether all is well.\n",
    );
    for (section, title) in SECTIONS {
        if section.is_empty() {
            let _ = writeln!(out, "\n# {title}");
        } else {
            let _ = writeln!(out, "\n# {title}\n[{section}]");
        }
        for key in KEYS.iter().filter(|key| key.section == *section) {
            let value = match key.name {
                "left_root" => left,
                "right_root" => right,
                _ => key.default,
            };
            let choice = if is_choice(key) { format!(" ({})", key.values) } else { String::new() };
            let _ = writeln!(out, "# {}{choice}\n{} = {value}", key.about.replace('`', ""), key.name);
        }
    }
    out
}

/// Whether the words a key takes are to be listed.
fn is_choice(key: &Key) -> bool {
    key.default.starts_with('"') && key.values.contains(", ")
}

/// A text in TOML: as it is between single quotes where that can be, for the sake of backslashes.
fn toml_text(text: &str) -> String {
    if !text.contains('\'') && !text.chars().any(char::is_control) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Every key as tables of Markdown, one per section.
pub fn reference_markdown() -> String {
    let mut out = String::new();
    for (section, title) in SECTIONS {
        let heading = if section.is_empty() { "Top".to_owned() } else { format!("`[{section}]`") };
        let _ = write!(
            out,
            "\n## {heading}\n\n{title}.\n\n| key | default | takes | meaning |\n| --- | --- | --- | --- |\n"
        );
        for key in KEYS.iter().filter(|key| key.section == *section) {
            row(&mut out, key);
        }
        if *section == "schedule" {
            out.push_str(
                "\nThe first of the `hours` that fits holds, and `[performance]` outside of all of them \
                 ([the timetable](live.md#the-timetable)). Each of them is a section `[[schedule.hours]]` with:\n\n\
                 | key | default | takes | meaning |\n| --- | --- | --- | --- |\n",
            );
            for key in HOURS {
                row(&mut out, key);
            }
        }
    }
    out
}

fn row(out: &mut String, key: &Key) {
    let default = match key.name {
        "left_root" | "right_root" => "required".to_owned(),
        _ if key.default.starts_with("as ") => key.default.to_owned(),
        _ => format!("`{}`", key.default),
    };
    let aliases = match key.aliases {
        [] => String::new(),
        aliases => format!("; also `{}`", aliases.join("`, `")),
    };
    let _ = writeln!(out, "| `{}` | {default} | {} | {}{aliases} |", key.name, key.values, key.about);
}
