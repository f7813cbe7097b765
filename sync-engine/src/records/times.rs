//! Moments as a person types them.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::config::parse_duration;

const DAY_NS: i64 = 86_400 * 1_000_000_000;

/// A moment: so long ago (`2h`, `3d`, `1h30m`), `today` or `yesterday` from their first minute on, a day such as
/// `2026-11-20`, or RFC 3339 in full. Days are those of UTC, as all times that are shown. UTC nanoseconds.
///
/// # Errors
/// What to write instead.
pub fn parse_moment(text: &str, now_ns: i64) -> Result<i64, String> {
    let text = text.trim();
    let today = now_ns.saturating_sub(now_ns.rem_euclid(DAY_NS));
    match text {
        "now" => return Ok(now_ns),
        "today" => return Ok(today),
        "yesterday" => return Ok(today.saturating_sub(DAY_NS)),
        _ => {}
    }
    let ns = |time: Timestamp| i64::try_from(time.as_nanosecond()).ok();
    let found = if let Ok(time) = text.parse::<Timestamp>() {
        ns(time)
    } else if let Ok(day) = text.parse::<Date>().and_then(|day| day.to_zoned(TimeZone::UTC)) {
        ns(day.timestamp())
    } else {
        parse_duration(text)
            .ok()
            .and_then(|ago| SignedDuration::try_from(ago).ok())
            .and_then(|ago| i64::try_from(ago.as_nanos()).ok())
            .and_then(|ago| now_ns.checked_sub(ago))
    };
    found.ok_or_else(|| {
        format!(
            "`{text}` is no time: write how long ago it is (`2h`, `3d`), `today`, `yesterday`, a day \
             (`2026-11-20`) or a moment (`2026-11-20T15:00:00Z`)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::time;

    #[test]
    fn what_a_person_types_is_a_moment() {
        let now = 1_795_262_587_500_000_000;
        assert_eq!(time(now), "2026-11-21T12:03:07.5Z");
        for (text, moment) in [
            ("now", "2026-11-21T12:03:07.5Z"),
            ("2h", "2026-11-21T10:03:07.5Z"),
            (" 1d ", "2026-11-20T12:03:07.5Z"),
            ("today", "2026-11-21T00:00:00Z"),
            ("yesterday", "2026-11-20T00:00:00Z"),
            ("2026-11-01", "2026-11-01T00:00:00Z"),
            ("2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00Z"),
        ] {
            assert_eq!(parse_moment(text, now).map(time).as_deref(), Ok(moment), "{text}");
        }
        for wrong in ["", "soon", "2026-13-01", "5", "9999999999d", "-2h"] {
            assert!(parse_moment(wrong, now).unwrap_err().contains("yesterday"), "{wrong}");
        }
    }
}
