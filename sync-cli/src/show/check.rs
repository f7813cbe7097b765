//! What a look at a configuration found, for a person.

use std::fmt::Write as _;
use std::time::Duration;

use sync_engine::CheckReport;
use sync_engine::config::{format_duration, format_size};

use super::{BAD, BOLD, CARE, GOOD, count, paint, path, plain};

pub(crate) fn text(report: &CheckReport) -> String {
    let mut out = String::new();
    for (name, side) in [("left", &report.left), ("right", &report.right)] {
        let Some(side) = side else { continue };
        let free = side.free_bytes.map_or_else(|| "unknown".to_owned(), format_size);
        let marker = side.marker.as_deref().map_or_else(|| "not synced before".to_owned(), plain);
        let can = &side.abilities;
        let yes = |word: &str, truth: bool| format!("{}{word}", if truth { "" } else { "no " });
        let _ = writeln!(out, "{} {}", paint(BOLD, name), path(&side.root));
        let _ = writeln!(out, "  free space   {free}\n  marker       {marker}");
        let _ = writeln!(
            out,
            "  names        {}; {}; {}",
            if can.folds_case { "upper and lower case are one" } else { "upper and lower case differ" },
            if can.folds_form { "Unicode forms are one" } else { "Unicode forms differ" },
            if can.windows_names { "as Windows allows them" } else { "as Unix allows them" },
        );
        let _ = writeln!(
            out,
            "  times        {}, to {}",
            if can.keeps_mtime { "kept" } else { "not kept" },
            precision(can.mtime_precision_ns)
        );
        let _ = writeln!(
            out,
            "  holds        {}",
            [
                format!("attributes: {}", plain(&can.attributes)),
                yes("extended attributes", can.xattrs),
                yes("symbolic links", can.symlinks),
                yes("hard links", can.hard_links),
                yes("file numbers", can.file_ids),
            ]
            .join(", ")
        );
        let quick = [yes("shared blocks", can.reflinks), yes("exchange of names", can.exchange)].join(", ");
        let _ = writeln!(out, "  can          {quick}");
        if let Some(scan) = &side.scan {
            let (files, dirs) =
                (count(scan.holds.files, "file", "files"), count(scan.holds.dirs, "folder", "folders"));
            let time = format_duration(Duration::from_millis(scan.scan_ms));
            let size = format_size(scan.holds.bytes);
            let _ = writeln!(out, "  a scan       takes {time}: {files} in {dirs}, {size}");
        }
        out.push('\n');
    }
    if let Some(skew) = &report.clock_skew {
        let apart = format_duration(Duration::from_millis(skew.left_ahead_ms.unsigned_abs()));
        let error = format_duration(Duration::from_millis(skew.error_ms));
        let line = if skew.left_ahead_ms.unsigned_abs() <= skew.error_ms {
            format!("the same on both sides, to within {error}")
        } else if skew.left_ahead_ms > 0 {
            format!("the left one is {apart} ahead, give or take {error}")
        } else {
            format!("the right one is {apart} ahead, give or take {error}")
        };
        let _ = writeln!(out, "{} {line}", paint(BOLD, "clocks"));
    }
    for (name, place) in [("config", &report.config_file), ("state folder", &report.state_folder)] {
        let Some(place) = place else { continue };
        let others = place
            .others
            .as_deref()
            .map_or_else(String::new, |may| format!(", others may do: {}", plain(may)));
        let mode =
            place.mode.as_deref().map_or_else(String::new, |mode| format!(" ({}{others})", plain(mode)));
        let _ = writeln!(out, "{} {}{mode}", paint(BOLD, name), path(&place.path));
    }
    let _ = writeln!(out, "{} {}", paint(BOLD, "state"), path(&report.state_dir));
    for test in report.test_messages.iter().filter(|test| test.delivered) {
        let said =
            if test.message.is_empty() { String::new() } else { format!(" ({})", plain(&test.message)) };
        let _ = writeln!(out, "{} {}: delivered{said}", paint(BOLD, "test"), plain(&test.place));
    }
    for finding in &report.findings {
        let (word, style) = if finding.is_error { ("error", BAD) } else { ("note", CARE) };
        let _ = writeln!(out, "{}: {}", paint(style.bold(), word), plain(&finding.message));
    }
    if report.is_ok() && !report.test_messages.is_empty() {
        let _ =
            writeln!(out, "{}: a sync can run, and alerts are delivered.", paint(GOOD.bold(), "All is well"));
    } else if report.is_ok() {
        let _ = writeln!(out, "{}: a sync can run.", paint(GOOD.bold(), "All is well"));
    }
    out
}

/// A step of time for a person.
fn precision(ns: u64) -> String {
    match ns {
        0..1000 => format!("{ns} ns"),
        1000..1_000_000 => format!("{} µs", ns / 1000),
        1_000_000..1_000_000_000 => format!("{} ms", ns / 1_000_000),
        _ => format!("{} s", ns / 1_000_000_000),
    }
}
