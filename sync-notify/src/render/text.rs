//! A page as plain text: one line for each thing, so that nothing a name holds can look like another.

use super::{Line, Page};
use crate::plain::plain;

pub(super) fn write(page: &Page) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(&plain(text));
        out.push('\n');
    };
    line(&page.title);
    line("");
    for lead in &page.lead {
        line(lead);
    }
    for part in &page.parts {
        line("");
        line(&format!("== {}", part.heading));
        for one in &part.lines {
            match one {
                Line::Row("", value) => line(&format!("{:<14}{value}", "")),
                Line::Row(label, value) => line(&format!("{:<14}{value}", format!("{label}:"))),
                Line::Say(text) => line(text),
                Line::Command(does, command) => {
                    line(&format!("{does}:"));
                    line(&format!("    {command}"));
                }
            }
        }
    }
    line("");
    // What follows is no part of the message to a mail program.
    line("-- ");
    for foot in &page.foot {
        line(foot);
    }
    out
}
