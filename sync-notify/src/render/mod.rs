//! How a letter reads.
//!
//! Owns [`Rendered`]: a subject, a text and a page of HTML that say the same, since both are written from one [`Page`].
//! Whatever a page holds is escaped by the writer of each form, never before.

mod html;
mod text;
mod words;

use crate::letter::Letter;
use crate::plain::{plain, short};

/// A letter in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rendered {
    /// One line without control characters.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// A whole page.
    pub html: String,
}

/// What a letter says, before it is text or HTML.
struct Page {
    title: String,
    lead: Vec<String>,
    parts: Vec<Part>,
    foot: Vec<String>,
}

/// One matter.
struct Part {
    heading: String,
    tone: Tone,
    lines: Vec<Line>,
}

/// How urgent a part looks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Alarm,
    Care,
    Good,
    Calm,
}

enum Line {
    /// A word and what it is.
    Row(&'static str, String),
    /// A sentence.
    Say(String),
    /// What a command does, and the command.
    Command(String, String),
}

/// More than this of a subject nobody sees.
const SUBJECT: usize = 140;

/// Puts a letter into words. `prefix` begins the subject.
pub fn render(letter: &Letter, prefix: &str) -> Rendered {
    let page = words::page(letter);
    let subject = [plain(prefix.trim()), plain(&page.title)];
    let subject = subject.iter().filter(|part| !part.is_empty()).map(String::as_str).collect::<Vec<_>>();
    Rendered {
        // A name that looks like an encoded word (RFC 2047) would be decoded, control characters and all.
        subject: short(&subject.join(" "), SUBJECT).replace("=?", "\\u{3d}?"),
        text: text::write(&page),
        html: html::write(&page),
    }
}
