//! Counts for a person.

use std::fmt::Write as _;
use std::time::Duration;

use sync_engine::config::{format_duration, format_size};
use sync_engine::report::{ScanReport, SideReport};

use super::lists::{self, Limit};
use super::{BOLD, FAINT, grouped, paint, plain};

pub(crate) fn text(report: &ScanReport, level: i8) -> String {
    let mut out = String::new();
    if level >= 0 {
        let _ = writeln!(out, "{}  {}", paint(BOLD, "left "), plain(&report.left_root));
        let _ = writeln!(out, "{}  {}\n", paint(BOLD, "right"), plain(&report.right_root));
    }
    out.push_str(&paint(BOLD, format!("{:<12}{:>12}{:>12}{:>14}", "", "files", "folders", "size")));
    out.push('\n');
    let rows: [(&str, &SideReport); 5] = [
        ("left", &report.left),
        ("right", &report.right),
        ("only left", &report.only_left),
        ("only right", &report.only_right),
        ("both", &report.both),
    ];
    for (name, side) in rows {
        let (files, dirs, size) = (grouped(side.files), grouped(side.dirs), format_size(side.bytes));
        let _ = writeln!(out, "{name:<12}{files:>12}{dirs:>12}{size:>14}");
    }
    lists::problems(&mut out, &report.problems, Limit::of(level, 20));
    if level >= 0 {
        let time = format_duration(Duration::from_millis(report.scan_ms));
        let ignored = grouped(report.ignored);
        out.push_str(&paint(
            FAINT,
            format!("\nscanned in {time}; {ignored} names ignored, with what lies below them"),
        ));
        out.push('\n');
    }
    out
}
