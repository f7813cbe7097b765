//! A page as HTML: no links, no images, nothing that is loaded from elsewhere.

use std::fmt::Write as _;

use super::{Line, Page, Tone};
use crate::plain::html;

const LABEL: &str = "padding:1px 14px 1px 0;color:#666;vertical-align:top;white-space:nowrap";
const VALUE: &str = "padding:1px 0;vertical-align:top;word-break:break-word";
const COMMAND: &str = "display:block;margin:2px 0 6px 0;padding:5px 8px;background:#f3f3f3;font-family:monospace;\
                       white-space:pre-wrap";

pub(super) fn write(page: &Page) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title></head>\n\
         <body style=\"font-family:sans-serif;font-size:14px;color:#222\">\n\
         <h2 style=\"font-size:17px\">{0}</h2>\n",
        html(&page.title)
    );
    for lead in &page.lead {
        let _ = writeln!(out, "<p style=\"margin:3px 0\">{}</p>", html(lead));
    }
    for part in &page.parts {
        let color = match part.tone {
            Tone::Alarm => "#b00020",
            Tone::Care => "#b26a00",
            Tone::Good => "#1b7f3b",
            Tone::Calm => "#555555",
        };
        let _ = writeln!(
            out,
            "<div style=\"margin:14px 0;padding:2px 0 2px 10px;border-left:4px solid {color}\">\n\
             <h3 style=\"font-size:15px;margin:2px 0 6px 0\">{}</h3>",
            html(&part.heading)
        );
        let mut in_table = false;
        for line in &part.lines {
            let is_row = matches!(line, Line::Row(..));
            if is_row != in_table {
                out.push_str(if is_row {
                    "<table style=\"border-collapse:collapse\">\n"
                } else {
                    "</table>\n"
                });
                in_table = is_row;
            }
            let _ = match line {
                // The order of letters in a name must not reach beyond it.
                Line::Row(label, value) => writeln!(
                    out,
                    "<tr><td style=\"{LABEL}\">{}</td><td style=\"{VALUE}\"><bdi>{}</bdi></td></tr>",
                    html(label),
                    html(value)
                ),
                Line::Say(text) => writeln!(out, "<p style=\"margin:4px 0\">{}</p>", html(text)),
                Line::Command(does, command) => writeln!(
                    out,
                    "<p style=\"margin:4px 0 0 0\">{}:</p><code style=\"{COMMAND}\">{}</code>",
                    html(does),
                    html(command)
                ),
            };
        }
        if in_table {
            out.push_str("</table>\n");
        }
        out.push_str("</div>\n");
    }
    out.push_str("<hr style=\"border:0;border-top:1px solid #ddd\">\n");
    for foot in &page.foot {
        let _ = writeln!(out, "<p style=\"margin:2px 0;font-size:12px;color:#777\">{}</p>", html(foot));
    }
    out.push_str("</body></html>\n");
    out
}
