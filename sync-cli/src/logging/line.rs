//! One record, one line: on the console, as JSON, as text.
//!
//! Whatever a file is called, it stays within its line and its field: control characters, and characters that
//! reorder or hide text, are escaped.

use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use log::{Level, Record};

use crate::show::{harmless, plain};

/// The fields that come first, in this order.
const FIRST: [&str; 9] = ["run", "operation", "path", "to", "side", "size", "result", "error", "rule"];

/// `warning: copy a/b: no space`
pub(super) fn console(out: &mut dyn Write, record: &Record<'_>) -> io::Result<()> {
    let (word, color) = match record.level() {
        Level::Error => ("error", AnsiColor::Red),
        Level::Warn => ("warning", AnsiColor::Yellow),
        Level::Info => ("info", AnsiColor::Green),
        Level::Debug => ("debug", AnsiColor::Cyan),
        Level::Trace => ("trace", AnsiColor::BrightBlack),
    };
    let style = Style::new().bold().fg_color(Some(color.into()));
    writeln!(out, "{style}{word}{style:#}: {}{}", plain(&record.args().to_string()), pairs(record, &["run"]))
}

/// `2026-11-20T15:43:07.123Z INFO copied run=7 operation=copy path="a/b" …`
pub(super) fn text(out: &mut dyn Write, record: &Record<'_>) -> io::Result<()> {
    let time = now();
    writeln!(out, "{time} {} {}{}", record.level(), plain(&record.args().to_string()), pairs(record, &[]))
}

/// `{"time":"2026-11-20T15:43:07.123Z","level":"info","run":7,"operation":"copy","path":"a/b",…}`
pub(super) fn json(out: &mut dyn Write, record: &Record<'_>) -> io::Result<()> {
    // A run of many thousand files logs a line for each: it is put together in one text, without steps in between.
    let level = record.level().as_str().to_ascii_lowercase();
    let mut line = String::with_capacity(512);
    // Writing to a text cannot fail.
    let _ = write!(line, "{{\"time\":\"{:.3}\",\"level\":\"{level}\"", jiff::Timestamp::now());
    for (key, value) in fields(record) {
        // What a record calls one of the fields of every line must not stand beside it under the same name.
        let taken = if ["time", "level", "message"].contains(&key.as_str()) { "_" } else { "" };
        put(&mut line, &value, |line| {
            let _ = write!(line, ",\"");
            let _ = write!(Escaped(line), "{key}{taken}");
            line.push_str("\":");
        });
    }
    let message = record.args();
    if message.as_str() != Some("") {
        line.push_str(",\"message\":");
        quoted(&mut line, message);
    }
    line.push_str("}\n");
    out.write_all(line.as_bytes())
}

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// Text on its way into a JSON string. JSON needs only quotes, backslashes and control characters escaped; what some
/// readers take for a line break or an order is escaped as well.
struct Escaped<'a>(&'a mut String);

impl std::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let as_it_is = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        let mut rest = text;
        loop {
            let run = rest.bytes().take_while(|byte| as_it_is(byte)).count();
            let (plain, others) = rest.split_at(run);
            self.0.push_str(plain);
            let mut others = others.chars();
            match others.next() {
                None => return Ok(()),
                Some(c @ ('"' | '\\')) => self.0.extend(['\\', c]),
                Some('\n') => self.0.push_str("\\n"),
                Some('\r') => self.0.push_str("\\r"),
                Some('\t') => self.0.push_str("\\t"),
                Some(c) if harmless(c) => self.0.push(c),
                // All of them lie in the basic plane; others are never escaped here.
                Some(c) => write!(self.0, "\\u{:04x}", u32::from(c))?,
            }
            rest = others.as_str();
        }
    }
}

fn quoted(out: &mut String, text: impl std::fmt::Display) {
    out.push('"');
    // Writing to a text cannot fail.
    let _ = write!(Escaped(out), "{text}");
    out.push('"');
}

fn pairs(record: &Record<'_>, without: &[&str]) -> String {
    let mut out = String::new();
    for (key, value) in fields(record) {
        if !without.contains(&key.as_str()) {
            // A text is shown as JSON shows it, so that none can look like another pair.
            put(&mut out, &value, |out| {
                let _ = write!(out, " {}=", plain(key.as_str()));
            });
        }
    }
    out
}

/// Writes a value as JSON, what stands before it first; nothing at all for a value that is not there.
fn put(out: &mut String, value: &Value<'_>, before: impl FnOnce(&mut String)) {
    struct Put<'o, F>(&'o mut String, Option<F>);
    impl<F: FnOnce(&mut String)> Put<'_, F> {
        fn number(&mut self, value: impl std::fmt::Display) -> Result<(), Error> {
            self.begin();
            let _ = write!(self.0, "{value}");
            Ok(())
        }
        fn begin(&mut self) {
            if let Some(before) = self.1.take() {
                before(self.0);
            }
        }
    }
    impl<F: FnOnce(&mut String)> VisitValue<'_> for Put<'_, F> {
        fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
            self.begin();
            quoted(self.0, value);
            Ok(())
        }
        fn visit_null(&mut self) -> Result<(), Error> {
            Ok(())
        }
        fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
            self.number(value)
        }
        fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
            self.number(value)
        }
        fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
            // JSON has no word for what is no number.
            if value.is_finite() { self.number(value) } else { self.visit_any(value.into()) }
        }
        fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
            self.number(value)
        }
    }
    // Writing to a text cannot fail.
    let _ = value.visit(&mut Put(out, Some(before)));
}

/// The key-values of a record, the well-known ones first.
fn fields<'r>(record: &'r Record<'_>) -> Vec<(Key<'r>, Value<'r>)> {
    struct Collect<'r>(Vec<(Key<'r>, Value<'r>)>);
    impl<'r> VisitSource<'r> for Collect<'r> {
        fn visit_pair(&mut self, key: Key<'r>, value: Value<'r>) -> Result<(), Error> {
            self.0.push((key, value));
            Ok(())
        }
    }
    let mut collect = Collect(Vec::with_capacity(FIRST.len()));
    // Collecting cannot fail.
    let _ = record.key_values().visit(&mut collect);
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    collect.0.sort_by_key(|(key, _)| rank(key.as_str()));
    collect.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value as Json;

    fn with(format: fn(&mut dyn Write, &Record<'_>) -> io::Result<()>, path: &str) -> String {
        let pairs: &[(&str, Value<'_>)] = &[
            ("size", 5_u64.into()),
            ("path", path.into()),
            ("run", 7_u64.into()),
            ("time", "x".into()),
            ("to", Value::null()),
        ];
        let mut out = Vec::new();
        let args = format_args!("copied");
        let record = Record::builder().args(args).level(Level::Info).key_values(&pairs).build();
        format(&mut out, &record).unwrap();
        String::from_utf8(out).unwrap()
    }

    const NASTY: &str = "a\nb\r\"}\u{1b}[31m\u{85}\u{2028}\u{202e}x";

    #[test]
    fn no_file_name_can_forge_a_line() {
        for format in [json, text, console] {
            let line = with(format, NASTY);
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            let body = anstream::adapter::strip_str(line.trim_end_matches('\n')).to_string();
            assert!(body.chars().all(harmless), "{body:?}");
        }
    }

    #[test]
    fn a_json_line_gives_back_what_was_logged() {
        let line: Json = serde_json::from_str(&with(json, NASTY)).unwrap();
        assert_eq!(line["path"], NASTY);
        assert_eq!((&line["run"], &line["size"]), (&7.into(), &5.into()));
        assert_eq!((&line["level"], &line["message"]), (&"info".into(), &"copied".into()));
        assert_eq!(line["time_"], "x");
        let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["time", "level", "run", "path", "size", "time_", "message"]);
    }

    #[test]
    fn a_text_line_reads_as_words() {
        let line = with(text, "a b");
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.len() == 24, "{time}");
        assert_eq!(rest, "INFO copied run=7 path=\"a b\" size=5 time=\"x\"\n");
    }
}
