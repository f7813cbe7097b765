//! What is wrong with a configuration, and where.
//!
//! Owns [`ConfigError`] and the rendering of a line of the text with a caret under the mistake. A line is shown
//! without control characters, and never with a secret in it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use sync_core::path::harmless;

use super::tree::{Format, Span};

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration `{}`: {source}", shown(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The file is no text, or far too large for a configuration.
    #[error("`{}` is no configuration: {reason}", shown(.path))]
    NoText {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// Something in the text is wrong.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It holds a password and others may read it.
    #[error(
        "`{}` holds a password and others can read it (mode {mode:03o}): run `chmod 600` on it, or put the \
         password into a file of its own and name that with `password_file`",
        shown(.path)
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The two roots given on the command line cannot be a pair.
    #[error("{reason}")]
    Roots {
        /// What is wrong with them, and what to do.
        reason: String,
    },
}

impl ConfigError {
    /// The same in one line, for a log: without the line of the text.
    pub fn line(&self) -> String {
        let Self::Fault(fault) = self else { return self.to_string() };
        let help = if fault.help.is_empty() { String::new() } else { format!(" ({})", fault.help) };
        format!("{}:{}:{}: {}{help}", shown(&fault.file), fault.line, fault.column, fault.message)
    }
}

/// A mistake at one place of the text; boxed, for it is large and rare. Reads as its [`Mistake`].
///
/// Shows as the place, the message, the line with a caret, and what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault(Box<Mistake>);

impl std::ops::Deref for Fault {
    type Target = Mistake;
    fn deref(&self) -> &Mistake {
        &self.0
    }
}

/// The parts of a [`Fault`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mistake {
    /// The file, as it was given.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it; empty where the message says it all.
    pub help: String,
    /// The line, fit to be shown.
    pub text: String,
    /// Where the caret stands in `text`, in characters from 0, and how many characters it marks.
    pub caret: (usize, usize),
}

impl Fault {
    /// The same with what to do.
    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.0.help = shown_text(&help.into());
        self
    }
}

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line.to_string();
        let gutter = " ".repeat(number.len());
        let (at, width) = self.caret;
        writeln!(f, "{}:{}:{}: {}", shown(&self.file), self.line, self.column, self.message)?;
        writeln!(f, " {gutter} |")?;
        writeln!(f, " {number} | {}", self.text)?;
        write!(f, " {gutter} | {}{}", " ".repeat(at), "^".repeat(width.max(1)))?;
        if !self.help.is_empty() {
            write!(f, "\n {gutter} = {}", self.help)?;
        }
        Ok(())
    }
}

/// A text with what is needed to speak about it.
pub(super) struct Source<'t> {
    pub(super) file: &'t Path,
    pub(super) format: Format,
    pub(super) text: &'t str,
}

/// As much of a line as is shown: enough for a sentence, and for a screen.
const MAX_SHOWN: usize = 100;

impl Source<'_> {
    /// The number of the line that holds the byte `at`.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.text.bytes().take(at).filter(|b| *b == b'\n').count() + 1
    }

    /// A mistake at `span`.
    pub(super) fn fault(&self, span: &Span, message: impl Into<String>) -> Fault {
        let start = floor(self.text, span.start);
        let end = floor(self.text, span.end).max(start);
        let line_start = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        let line = self.text[line_start..line_end].trim_end_matches('\r');
        let before = self.text[line_start..start].chars().count();
        let marked = self.text[start..end.min(line_end)].chars().count();
        let (text, caret) = presentable(line, before, marked);
        Fault(Box::new(Mistake {
            file: self.file.to_owned(),
            line: self.line_of(start),
            column: before + 1,
            message: shown_text(&message.into()),
            help: String::new(),
            text,
            caret,
        }))
    }
}

/// The line and its caret with secrets, control characters and what does not fit on a screen taken out.
fn presentable(line: &str, before: usize, marked: usize) -> (String, (usize, usize)) {
    let line: String = line.chars().map(|c| if harmless(c) { c } else { '\u{FFFD}' }).collect();
    let (line, before, marked) = match secret_at(&line) {
        None => (line, before, marked),
        Some(cut) => {
            let kept = line[..cut].chars().count();
            let marked = if before >= kept { 1 } else { marked.min(kept - before) };
            (format!("{}…", &line[..cut]), before.min(kept), marked)
        }
    };
    let skipped = if before > MAX_SHOWN * 3 / 4 { before - MAX_SHOWN / 2 } else { 0 };
    let lead = if skipped > 0 { "…" } else { "" };
    let length = line.chars().count();
    let shown: String = line.chars().skip(skipped).take(MAX_SHOWN).collect();
    let tail = if length > skipped + MAX_SHOWN { "…" } else { "" };
    let at = before - skipped + lead.chars().count();
    let room = (shown.chars().count() + lead.chars().count()).saturating_sub(at);
    (format!("{lead}{shown}{tail}"), (at, marked.min(room).max(1)))
}

/// Where the value of something that sounds like a secret begins on this line.
///
/// Works on the bare text, for it must hold also where the text is no TOML, JSON or YAML at all. What follows on
/// the same line is hidden with it.
fn secret_at(line: &str) -> Option<usize> {
    let lower = line.to_ascii_lowercase();
    let mut from = 0;
    while let Some(found) =
        ["pass", "pwd", "secret", "token"].iter().filter_map(|w| lower[from..].find(w)).min()
    {
        let word_start = from + found;
        let word_length = lower[word_start..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-'))
            .unwrap_or(lower.len() - word_start);
        let word = &lower[word_start..word_start + word_length];
        let rest = &lower[word_start + word_length..];
        let gap = rest.find(|c: char| !(c.is_whitespace() || matches!(c, '"' | '\''))).unwrap_or(rest.len());
        let assigned = rest[gap..].starts_with(['=', ':']);
        if assigned && !word.ends_with("_file") && !word.ends_with("_env") {
            return Some((word_start + word_length + gap + 2).min(line.len())).map(|cut| floor(line, cut));
        }
        from = word_start + word_length.max(1);
    }
    None
}

/// The last boundary of a character at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The byte that stands at `line` and `column`, both from 1 and the column in characters.
pub(super) fn offset_of(text: &str, line: usize, column: usize) -> usize {
    let start = match line {
        0 | 1 => 0,
        _ => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    let column = column.saturating_sub(1);
    let within = text[start..].char_indices().take_while(|(_, c)| *c != '\n').nth(column);
    let end = || text[start..].find('\n').map_or(text.len(), |at| start + at);
    within.map_or_else(end, |(at, _)| start + at)
}

fn shown_text(text: &str) -> String {
    text.chars().map(|c| if harmless(c) { c } else { '\u{FFFD}' }).collect()
}

/// A path for a person: no control characters.
pub(super) fn shown(path: &Path) -> String {
    shown_text(&path.to_string_lossy())
}
