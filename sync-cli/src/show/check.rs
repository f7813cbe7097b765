//! What a look at a configuration found, for a person.

use std::fmt::Write as _;
use sync_engine::CheckReport;
use sync_engine::config::format_size;

use super::{BAD, BOLD, CARE, GOOD, paint, path, plain};

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
        let _ = writeln!(out, "  can          {quick}\n");
    }
    let _ = writeln!(out, "{} {}", paint(BOLD, "state"), path(&report.state_dir));
    for finding in &report.findings {
        let (word, style) = if finding.is_error { ("error", BAD) } else { ("note", CARE) };
        let _ = writeln!(out, "{}: {}", paint(style.bold(), word), plain(&finding.message));
    }
    if report.is_ok() {
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
