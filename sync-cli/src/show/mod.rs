//! What a person reads.
//!
//! Owns the words and colours. Everything shown was decided and counted elsewhere; a name is never printed before
//! its control characters are gone.

use anstyle::{AnsiColor, Color, Style};
use serde_json::json;
use std::fmt::Write as _;
pub(crate) use sync_engine::core::path::harmless;
pub(crate) use sync_engine::notify::plain;
use sync_engine::notify::{count, grouped};

use crate::exit::{Exit, Failure};

pub(crate) mod check;
pub(crate) mod conflicts;
pub(crate) mod explain;
pub(crate) mod history;
mod lists;
pub(crate) mod plan;
pub(crate) mod reload;
pub(crate) mod resync;
pub(crate) mod scan;
pub(crate) mod status;
pub(crate) mod sync;
pub(crate) mod trash;
pub(crate) mod undo;
mod words;

const fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(Color::Ansi(color)))
}

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
const GOOD: Style = color(AnsiColor::Green);
const CARE: Style = color(AnsiColor::Yellow);
const BAD: Style = color(AnsiColor::Red);
const ALARM: Style = color(AnsiColor::Red).bold();
const PATH: Style = color(AnsiColor::Cyan);

/// `text` in a style. Colours are taken out again where nobody sees them.
fn paint(style: Style, text: impl AsRef<str>) -> String {
    format!("{style}{}{style:#}", text.as_ref())
}

/// A path, in its colour; the root has a word of its own.
fn path(text: &str) -> String {
    if text.is_empty() { "the root".to_owned() } else { paint(PATH, plain(text)) }
}

/// A time of a report without the decimals nobody reads: `2026-11-20 15:43:07`.
fn when(time: &str) -> String {
    let (day, clock) = time.split_once('T').unwrap_or((time, ""));
    let clock = clock.split(['.', 'Z']).next().unwrap_or_default();
    plain(format!("{day} {clock}").trim_end())
}

/// A machine's document: one line that ends with a line break.
pub(crate) fn document(document: &impl serde::Serialize) -> String {
    // The documents are plain data with texts as keys, which cannot fail to be written.
    let text = serde_json::to_string(document)
        .unwrap_or_else(|error| json!({ "error": error.to_string() }).to_string());
    text + "\n"
}

/// An error with its causes, as one text.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut out = String::new();
    for cause in error.chain().map(ToString::to_string) {
        // Many errors name their cause themselves.
        if !out.contains(&cause) {
            if !out.is_empty() {
                out.push_str(": ");
            }
            out.push_str(&cause);
        }
    }
    out
}

/// Why there is no result, and what to do.
pub(crate) fn failure(failure: &Failure, hints: &[String]) -> String {
    let message = chain(&failure.error);
    let lines: Vec<_> = message.lines().map(plain).collect();
    let word = if failure.exit == Exit::Halted { "halted" } else { "error" };
    let mut out = format!("{}: {}", paint(ALARM, word), lines.join("\n"));
    for hint in hints {
        let _ = write!(out, "\n{}: {}", paint(GOOD, "hint"), plain(hint));
    }
    out
}

/// What `init` has done.
pub(crate) fn written(file: &std::path::Path, roots_missing: bool) -> String {
    let file = plain(&file.display().to_string());
    let first =
        if roots_missing { "Fill in left_root and right_root, then check it with" } else { "Check it with" };
    format!("Wrote {}. {first} `bothways check --config {file}`.\n", paint(PATH, &file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(
            (count(1, "file", "files").as_str(), count(2, "file", "files").as_str()),
            ("1 file", "2 files")
        );
    }

    #[test]
    fn an_error_names_each_cause_once() {
        let error =
            anyhow::Error::msg("no space").context("cannot write `x`: no space").context("cannot print");
        assert_eq!(chain(&error), "cannot print: cannot write `x`: no space");
    }

    #[test]
    fn times_lose_their_decimals() {
        assert_eq!(when("2026-11-20T15:43:07.123456789Z"), "2026-11-20 15:43:07");
        assert_eq!(when("2026-11-20T15:43:07Z"), "2026-11-20 15:43:07");
        assert_eq!(when("12 ns"), "12 ns");
    }
}
