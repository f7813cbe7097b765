//! Names with a time in them: what the trash and recovery call a version.
//!
//! Owns [`stamped_name`] and its inverse, [`parse_stamped`].

/// The word in the names of the trash.
pub(crate) const DELETED: &str = "deleted";

/// `report.docx` becomes `report - WORD 20261120T154312123Z.docx`, from the second on with ` (2)` before the ending.
pub(crate) fn stamped_name(name: &[u8], word: &str, ns: i64, number: u32) -> Vec<u8> {
    const LONGEST_ENDING: usize = 32;
    let dot =
        name.iter().rposition(|b| *b == b'.').filter(|dot| *dot > 0 && name.len() - dot <= LONGEST_ENDING);
    let (stem, ending) = name.split_at(dot.unwrap_or(name.len()));
    let again = if number > 1 { format!(" ({number})") } else { String::new() };
    let middle = format!(" - {word} {}{again}", utc_stamp(ns));
    let room = 255_usize.saturating_sub(middle.len() + ending.len());
    let mut cut = stem.len().min(room);
    // Never through the middle of a character.
    while cut > 0 && cut < stem.len() && stem[cut] & 0xc0 == 0x80 {
        cut -= 1;
    }
    [&stem[..cut], middle.as_bytes(), ending].concat()
}

/// UTC nanoseconds as `YYYYMMDDTHHMMSSmmmZ`.
pub(crate) fn utc_stamp(ns: i64) -> String {
    let millis = ns.div_euclid(1_000_000);
    let days = millis.div_euclid(86_400_000);
    let within = millis.rem_euclid(86_400_000);
    // Years that begin on the first of March put the leap day last; 400 of them have 146,097 days.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (seconds, ms) = (within / 1000, within % 1000);
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{h:02}{m:02}{s:02}{ms:03}Z")
}

/// UTC nanoseconds of a text that [`utc_stamp`] made.
fn parse_stamp(text: &[u8]) -> Option<i64> {
    let (&(b'Z' | b'z'), rest) = text.split_last()? else { return None };
    let (date, clock) = rest.split_at_checked(8)?;
    let (&(b'T' | b't'), clock) = clock.split_first()? else { return None };
    let number = |digits: &[u8]| -> Option<i64> {
        digits.iter().try_fold(0, |sum, b| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0')))
    };
    if clock.len() != 9 {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[4..6])?, number(&date[6..])?);
    let (h, m, s, ms) =
        (number(&clock[..2])?, number(&clock[2..4])?, number(&clock[4..6])?, number(&clock[6..])?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || h > 23 || m > 59 || s > 59 {
        return None;
    }
    let shifted_year = year - i64::from(month <= 2);
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * march_month + 2) / 5 + day - 1;
    let days = era * 146_097 + day_of_era - 719_468;
    ((((days * 24 + h) * 60 + m) * 60 + s) * 1000 + ms).checked_mul(1_000_000)
}

/// The name a stamped name was made from and its time; none for what [`stamped_name`] would not have made. A name
/// that was cut stays cut. Some sides show every name in lower case.
pub(crate) fn parse_stamped(name: &[u8], word: &str) -> Option<(Vec<u8>, i64)> {
    const STAMP: usize = "YYYYMMDDTHHMMSSmmmZ".len();
    let mark = format!(" - {word} ").into_bytes();
    let at = name.windows(mark.len()).rposition(|window| window.eq_ignore_ascii_case(&mark))?;
    let (stamp, rest) = name[at + mark.len()..].split_at_checked(STAMP)?;
    let ns = parse_stamp(stamp)?;
    let (number, ending) = match rest.strip_prefix(b" (") {
        Some(rest) => {
            let close = rest.iter().position(|b| *b == b')')?;
            (std::str::from_utf8(&rest[..close]).ok()?.parse().ok()?, &rest[close + 1..])
        }
        None => (1, rest),
    };
    let was = [&name[..at], ending].concat();
    (at > 0 && stamped_name(&was, word, ns, number).eq_ignore_ascii_case(name)).then_some((was, ns))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_utc_to_the_millisecond() {
        assert_eq!(utc_stamp(0), "19700101T000000000Z");
        assert_eq!(utc_stamp(1_795_189_392_123_456_789), "20261120T154312123Z");
        assert_eq!(utc_stamp(951_782_400_000_000_000), "20000229T000000000Z");
        assert_eq!(utc_stamp(-1), "19691231T235959999Z");
    }

    #[test]
    fn a_stamped_name_keeps_its_ending_and_stays_short_enough() {
        let name = |name: &str, number| {
            String::from_utf8(stamped_name(name.as_bytes(), "deleted", 0, number)).unwrap()
        };
        assert_eq!(name("a.tar.gz", 1), "a.tar - deleted 19700101T000000000Z.gz");
        assert_eq!(name(".profile", 1), ".profile - deleted 19700101T000000000Z");
        assert_eq!(name("plain", 2), "plain - deleted 19700101T000000000Z (2)");
        let long = name(&format!("{}.docx", "ä".repeat(125)), 1);
        assert!(long.len() <= 255 && long.starts_with("ää") && long.ends_with("Z.docx"), "{long}");
    }

    #[test]
    fn a_stamped_name_reads_back() {
        let long = format!("{}.docx", "ä".repeat(125));
        for (was, ns) in
            [("a.tar.gz", 0), (".profile", -1), ("plain", 951_782_400_000_000_000), ("x - deleted y", 5)]
        {
            for number in [1, 2, 10] {
                let name = stamped_name(was.as_bytes(), DELETED, ns, number);
                let whole = ns.div_euclid(1_000_000) * 1_000_000;
                assert_eq!(
                    parse_stamped(&name, DELETED),
                    Some((was.as_bytes().to_vec(), whole)),
                    "{was} {ns} {number}"
                );
            }
        }
        assert!(parse_stamped(b"x - deleted 19700101t000000000z.txt", DELETED).is_some());
        let cut = stamped_name(long.as_bytes(), DELETED, 0, 1);
        let (was, _) = parse_stamped(&cut, DELETED).unwrap();
        assert!(was.ends_with(b".docx") && long.as_bytes().starts_with(&was[..was.len() - 5]));
        for other in [
            "plain",
            " - deleted 19700101T000000000Z",
            "x - deleted 19701301T000000000Z",
            "x - deleted 19700101T000000000Z y",
            "x - deleted 19700101T000000000Z (1)",
            "x - deleted 1970",
        ] {
            assert_eq!(parse_stamped(other.as_bytes(), DELETED), None, "{other}");
        }
    }
}
