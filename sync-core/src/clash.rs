//! Names for clash copies.
//!
//! Owns [`clash_name`]. The name follows from the older version's own time, so that a run which was killed half way
//! and repeated arrives at the same one. No clock is read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The longest name, in bytes, that is left alone.
const MAX_BYTES: usize = 255;

/// The clash name of `name` for a version of time `mtime_ns` (UTC nanoseconds), after `template`; from the second
/// `number` on the number is part of it.
///
/// A name that already is a clash name loses its old mark first, so marks never pile up.
pub fn clash_name(template: &str, name: &[u8], mtime_ns: i64, number: u32) -> Vec<u8> {
    let (stem, ext) = split_ext(name);
    let stem = without_mark(template, stem);
    let time = match number {
        0 | 1 => minute_stamp(mtime_ns),
        _ => format!("{} ({number})", minute_stamp(mtime_ns)),
    };
    let fill = |stem: &[u8]| {
        let mut out = Vec::with_capacity(name.len() + 24);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            out.extend_from_slice(&rest.as_bytes()[..open]);
            rest = &rest[open..];
            let (value, len): (&[u8], usize) = if rest.starts_with("{stem}") {
                (stem, 6)
            } else if rest.starts_with("{time}") {
                (time.as_bytes(), 6)
            } else if rest.starts_with("{ext}") {
                (ext, 5)
            } else {
                (b"{", 1)
            };
            out.extend_from_slice(value);
            rest = &rest[len..];
        }
        out.extend_from_slice(rest.as_bytes());
        if number > 1 && !template.contains("{time}") {
            let at = out.len() - if out.ends_with(ext) { ext.len() } else { 0 };
            let mark = format!(" ({number})");
            out.splice(at..at, mark.bytes());
        }
        out
    };
    let full = fill(stem);
    if full.len() <= MAX_BYTES {
        return full;
    }
    let keep = stem.len().saturating_sub(full.len() - MAX_BYTES);
    fill(&stem[..char_floor(stem, keep)])
}

/// Whether a template can be used: in words, if not.
pub fn check_template(template: &str) -> Result<(), &'static str> {
    if !template.contains("{stem}") {
        return Err("it must contain `{stem}`");
    }
    if template.contains(['/', '\\', '\0']) {
        return Err("it must not contain a slash, a backslash or a NUL");
    }
    let mark = template.replace("{stem}", "").replace("{ext}", "");
    if mark.is_empty() {
        return Err("it must differ from the file's own name: add a mark or `{time}`");
    }
    Ok(())
}

/// `report.tar` and `.gz`; a leading dot begins no extension.
fn split_ext(name: &[u8]) -> (&[u8], &[u8]) {
    match name.iter().rposition(|b| *b == b'.') {
        Some(dot) if dot > 0 && dot + 1 < name.len() => name.split_at(dot),
        _ => (name, b""),
    }
}

fn without_mark<'a>(template: &str, stem: &'a [u8]) -> &'a [u8] {
    let mark = template
        .split_once("{stem}")
        .and_then(|(_, rest)| rest.split_once("{time}"))
        .map(|(mark, _)| mark.as_bytes())
        .filter(|mark| !mark.is_empty());
    let Some(mark) = mark else { return stem };
    let is_stamp = |tail: &[u8]| {
        let Some((stamp, number)) = tail.split_at_checked(12) else { return false };
        stamp.iter().all(u8::is_ascii_digit)
            && (number.is_empty()
                || number
                    .strip_prefix(b" (")
                    .and_then(|rest| rest.strip_suffix(b")"))
                    .is_some_and(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)))
    };
    // A side that folds case may show the mark in another one.
    let is_mark = |tail: &[u8]| {
        tail.split_at_checked(mark.len())
            .is_some_and(|(head, stamp)| head.eq_ignore_ascii_case(mark) && is_stamp(stamp))
    };
    (1..stem.len()).find(|at| is_mark(&stem[*at..])).map_or(stem, |at| &stem[..at])
}

/// The last place at or before `at` that does not cut a UTF-8 character in two.
fn char_floor(bytes: &[u8], at: usize) -> usize {
    let starts_char = |index: &usize| bytes.get(*index).is_none_or(|b| b & 0xC0 != 0x80);
    (at.saturating_sub(3)..=at).rev().find(starts_char).unwrap_or(at)
}

/// `YYYYMMDDHHMM` in UTC.
fn minute_stamp(ns: i64) -> String {
    let minutes = ns.div_euclid(60_000_000_000);
    let (year, month, day) = civil(minutes.div_euclid(24 * 60));
    let minute_of_day = minutes.rem_euclid(24 * 60);
    format!("{year:04}{month:02}{day:02}{:02}{:02}", minute_of_day / 60, minute_of_day % 60)
}

/// The date of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
fn civil(day: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    // Years are counted from March, which puts the leap day last.
    let shifted = day + 719_468;
    let era = shifted.div_euclid(DAYS_IN_400_YEARS);
    let day_of_era = shifted.rem_euclid(DAYS_IN_400_YEARS);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::DEFAULT_CLASH_NAME as T;

    const NS: i64 = 1_000_000_000;
    /// 2026-11-20 15:43:10 UTC.
    const TIME: i64 = 1_795_189_390 * NS;

    fn name(original: &str, number: u32) -> String {
        String::from_utf8(clash_name(T, original.as_bytes(), TIME, number)).unwrap()
    }

    #[test]
    fn the_documented_example() {
        assert_eq!(name("report.docx", 1), "report - clash 202611201543.docx");
        assert_eq!(name("report.docx", 2), "report - clash 202611201543 (2).docx");
        assert_eq!(name(".bashrc", 1), ".bashrc - clash 202611201543");
        assert_eq!(name("a.tar.gz", 1), "a.tar - clash 202611201543.gz");
        assert_eq!(name("end.", 1), "end. - clash 202611201543");
    }

    #[test]
    fn marks_do_not_pile_up() {
        assert_eq!(name("report - clash 202001010000.docx", 1), "report - clash 202611201543.docx");
        assert_eq!(name("report - clash 202001010000 (3).docx", 1), "report - clash 202611201543.docx");
        assert_eq!(name("REPORT - CLASH 202001010000.DOCX", 1), "REPORT - clash 202611201543.DOCX");
        assert_eq!(name("a - clash of kings.txt", 1), "a - clash of kings - clash 202611201543.txt");
    }

    #[test]
    fn long_names_are_cut_between_characters() {
        let long = "é".repeat(126) + ".txt";
        let made = clash_name(T, long.as_bytes(), TIME, 1);
        assert!(made.len() <= 255 && core::str::from_utf8(&made).is_ok());
        assert!(made.ends_with(" - clash 202611201543.txt".as_bytes()));
    }

    #[test]
    fn dates_before_1970_and_on_leap_days() {
        assert_eq!(minute_stamp(0), "197001010000");
        assert_eq!(minute_stamp(-NS), "196912312359");
        assert_eq!(minute_stamp(951_782_400 * NS), "200002290000");
        assert_eq!(minute_stamp(4_107_542_399 * NS), "210002282359");
        assert_eq!(minute_stamp(4_107_542_400 * NS), "210003010000");
    }

    #[test]
    fn templates_are_checked() {
        assert!(check_template(T).is_ok());
        assert!(check_template("{stem}_clash_{time}{ext}").is_ok());
        for bad in ["{stem}{ext}", "clash {time}", "a/{stem}"] {
            assert!(check_template(bad).is_err(), "{bad}");
        }
        let odd = clash_name("{stem}.conflict{ext}", b"a.txt", TIME, 2);
        assert_eq!(odd, b"a.conflict (2).txt");
        assert_eq!(clash_name("{stem} {x}{ext}", b"a.txt", TIME, 1), b"a {x}.txt");
    }
}
