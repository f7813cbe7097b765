//! Files, and parts of files, that are made from the program itself.
//!
//! Owns the table [`GENERATED`]: a new one is one line there. `cargo xtask generate` writes them, and
//! `--check`, which the tests run, compares them, so that documentation cannot drift from the program.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell;

/// `cargo xtask generate`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail when a file is not what would be written
    #[arg(long)]
    pub(crate) check: bool,
}

/// One generated file or part of a file.
struct Generated {
    /// From the root of the workspace.
    path: &'static str,
    part: Part,
    /// Is given that root.
    make: fn(&Path) -> Result<String>,
}

#[derive(Clone, Copy)]
enum Part {
    Whole,
    /// What stands between `<!-- NAME:begin -->` and `<!-- NAME:end -->`.
    Between(&'static str),
}

const GENERATED: &[Generated] = &[
    Generated {
        path: "sync-py/python/bothways/_reports.py",
        part: Part::Whole,
        make: crate::reports::python,
    },
    Generated { path: "docs/matrix.md", part: Part::Whole, make: matrix_page },
    Generated { path: "README.md", part: Part::Between("matrix"), make: matrix },
    Generated { path: "README.md", part: Part::Between("plan"), make: crate::picture::plan },
    Generated { path: "sync-ffi/include/bothways.h", part: Part::Whole, make: crate::clib::header },
];

/// The decision matrix as the core has it.
fn matrix(_: &Path) -> Result<String> {
    Ok(sync_core::matrix::markdown())
}

fn matrix_page(root: &Path) -> Result<String> {
    Ok(format!("{MATRIX_INTRODUCTION}\n{}", matrix(root)?))
}

const MATRIX_INTRODUCTION: &str = "# The decision matrix

<!-- Made by `cargo xtask generate` from sync-core/src/matrix.rs. Do not edit. -->

What became of a path on each side since the two sides last agreed on it (the *baseline*) decides what happens
to it. Each cell gives the action and, in brackets, the rule's name, by which plans, logs and `bothways explain`
call it, and the number of the requirement that asks for it. `L→R` means from left to right.
";

pub(crate) fn run(options: &Options) -> Result<()> {
    let root = shell::root();
    let mut stale = Vec::new();
    for item in GENERATED {
        let path = root.join(item.path);
        let made = (item.make)(&root).with_context(|| format!("cannot make {}", item.path))?;
        let old = match (fs::read_to_string(&path), item.part) {
            (Ok(text), _) => text,
            (Err(error), Part::Whole) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            (Err(error), _) => return Err(error).with_context(|| format!("cannot read {}", item.path)),
        };
        let new = match item.part {
            Part::Whole => made,
            Part::Between(name) => {
                replaced(&old, name, &made).with_context(|| format!("cannot place it in {}", item.path))?
            }
        };
        if new == old {
            continue;
        }
        if options.check {
            stale.push(format!("{}: {}", item.path, first_difference(&old, &new)));
        } else {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&path, new).with_context(|| format!("cannot write {}", item.path))?;
            println!("wrote {}", item.path);
        }
    }
    if !stale.is_empty() {
        bail!("not what the program says; run `cargo xtask generate`\n  {}", stale.join("\n  "));
    }
    println!("{} generated parts are as the program says", GENERATED.len());
    Ok(())
}

/// The text with what stands between the two markers of that name replaced.
fn replaced(text: &str, name: &str, made: &str) -> Result<String> {
    let [begin, end] = ["begin", "end"].map(|word| format!("<!-- {name}:{word} -->"));
    let (before, rest) =
        text.split_once(&begin).with_context(|| format!("the marker `{begin}` is missing"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("the marker `{end}` is missing"))?;
    if after.contains(&begin) || before.contains(&end) {
        bail!("the markers `{begin}` and `{end}` are there more than once");
    }
    Ok(format!("{before}{begin}\n{}\n{end}{after}", made.trim_end()))
}

fn first_difference(old: &str, new: &str) -> String {
    let (mut old, mut new) = (old.lines(), new.lines());
    let mut number = 1;
    loop {
        match (old.next(), new.next()) {
            (Some(one), Some(other)) if one == other => number += 1,
            (None, None) => return "differs in its line ends".to_owned(),
            (one, other) => {
                let show = |line: Option<&str>| line.map_or("nothing".to_owned(), |line| format!("`{line}`"));
                return format!("line {number} is {}, and should be {}", show(one), show(other));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_markers_changes() {
        let text = "a\n<!-- it:begin -->\nold\n<!-- it:end -->\nb\n";
        let new = replaced(text, "it", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- it:begin -->\nnew\n<!-- it:end -->\nb\n");
        assert_eq!(replaced(&new, "it", "new\n").unwrap(), new);
    }

    #[test]
    fn missing_and_repeated_markers_are_errors() {
        assert!(replaced("<!-- it:begin -->", "it", "").is_err());
        assert!(replaced("nothing", "it", "").is_err());
        let twice = "<!-- it:begin --><!-- it:end -->".repeat(2);
        assert!(replaced(&twice, "it", "").is_err());
    }

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(first_difference("a\nb", "a\nc"), "line 2 is `b`, and should be `c`");
        assert_eq!(first_difference("a", "a\nc"), "line 2 is nothing, and should be `c`");
    }
}
