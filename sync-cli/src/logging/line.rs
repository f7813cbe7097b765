//! One record, one line: on the console, as JSON, as text.
//!
//! Whatever a file is called, it stays within its line and its field: control characters, and characters that
//! reorder or hide text, are escaped.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use log::kv::{Error, Key, Value, VisitSource, VisitValue};
use log::{Level, Record};
use serde_json::Value as Json;

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
    // A run of many thousand files logs a line for each: it is put together by hand, in one text.
    let level = record.level().as_str().to_ascii_lowercase();
    let mut line = format!("{{\"time\":\"{}\",\"level\":\"{level}\"", now());
    for (key, value) in fields(record) {
        // What a record calls one of the fields of every line must not stand beside it under the same name.
        let taken = if ["time", "level", "message"].contains(&&*key) { "_" } else { "" };
        let _ = write!(line, ",{}:{value}", Json::String(format!("{key}{taken}")));
    }
    let message = record.args().to_string();
    if !message.is_empty() {
        let _ = write!(line, ",\"message\":{}", Json::String(message));
    }
    line.push('}');
    writeln!(out, "{}", escape_json(&line))
}

fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// JSON escapes line breaks by itself, but leaves alone what only some readers take for a line break or an order.
fn escape_json(line: &str) -> Cow<'_, str> {
    if line.chars().all(harmless) {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if harmless(c) {
            out.push(c);
        } else {
            // All of them lie in the basic plane; others are never escaped here.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
    }
    Cow::Owned(out)
}

fn pairs(record: &Record<'_>, without: &[&str]) -> String {
    let mut out = String::new();
    for (key, value) in fields(record) {
        if !without.contains(&key.as_str()) {
            // A text is shown as JSON shows it, so that none can look like another pair.
            let _ = write!(out, " {}={}", plain(&key), escape_json(&value.to_string()));
        }
    }
    out
}

/// The key-values of a record, the well-known ones first.
fn fields(record: &Record<'_>) -> Vec<(String, Json)> {
    struct Collect(Vec<(String, Json)>);
    impl<'kvs> VisitSource<'kvs> for Collect {
        fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
            let mut seen = Seen(Json::Null);
            value.visit(&mut seen)?;
            if seen.0 != Json::Null {
                self.0.push((key.to_string(), seen.0));
            }
            Ok(())
        }
    }
    /// A value as JSON; what is not there is null.
    struct Seen(Json);
    impl VisitValue<'_> for Seen {
        fn visit_any(&mut self, value: Value<'_>) -> Result<(), Error> {
            self.0 = Json::String(value.to_string());
            Ok(())
        }
        fn visit_null(&mut self) -> Result<(), Error> {
            Ok(())
        }
        fn visit_u64(&mut self, value: u64) -> Result<(), Error> {
            self.0 = value.into();
            Ok(())
        }
        fn visit_i64(&mut self, value: i64) -> Result<(), Error> {
            self.0 = value.into();
            Ok(())
        }
        fn visit_f64(&mut self, value: f64) -> Result<(), Error> {
            self.0 = value.into();
            Ok(())
        }
        fn visit_bool(&mut self, value: bool) -> Result<(), Error> {
            self.0 = value.into();
            Ok(())
        }
    }
    let mut collect = Collect(Vec::new());
    // Collecting cannot fail.
    let _ = record.key_values().visit(&mut collect);
    let rank = |key: &str| FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len());
    collect.0.sort_by_key(|(key, _)| rank(key));
    collect.0
}

#[cfg(test)]
mod tests {
    use super::*;

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
