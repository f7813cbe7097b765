//! Sizes and times as people write them.

use std::time::Duration;

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("bytes", 1),
    ("kb", 1000),
    ("mb", 1000 * 1000),
    ("gb", 1000 * 1000 * 1000),
    ("tb", 1000 * 1000 * 1000 * 1000),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("tib", 1 << 40),
];

const TIMES: &[(&str, u64)] =
    &[("ms", 1), ("s", 1000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// A size in bytes: `20 MiB`, `64MB`, `1.5 GiB`, `512`. A unit of 1000 has no `i`, one of 1024 has.
///
/// # Errors
/// What is wrong with it, to follow "is no size: ".
pub fn parse_size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let cut = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_')).unwrap_or(text.len());
    let (number, unit) = (text[..cut].replace('_', ""), text[cut..].trim().to_ascii_lowercase());
    let Some((_, factor)) = SIZES.iter().find(|(name, _)| *name == unit) else {
        return Err(match unit.as_str() {
            "k" | "m" | "g" | "t" => {
                format!("write `{0}iB` (1024) or `{0}B` (1000)", unit.to_ascii_uppercase())
            }
            _ => "write it as `20 MiB`, `64 MB` or a number of bytes".to_owned(),
        });
    };
    scaled(&number, *factor).ok_or_else(|| "write it as `20 MiB`, `64 MB` or a number of bytes".to_owned())
}

/// A time: `6h`, `10s`, `300ms`, `1h30m`, `2d`. `0` needs no unit.
///
/// # Errors
/// What is wrong with it, to follow "is no time: ".
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write it as `10s`, `5m`, `6h`, `2d` or `1h30m`".to_owned();
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut millis = 0_u64;
    while !rest.is_empty() {
        let cut = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(cut);
        let tail = tail.trim_start();
        let cut = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(cut);
        let (_, factor) = TIMES.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        millis = scaled(number, *factor).and_then(|part| millis.checked_add(part)).ok_or_else(wrong)?;
        rest = tail.trim_start();
    }
    Ok(Duration::from_millis(millis))
}

/// A decimal number times `factor`, rounded down, exactly.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole)
        || !digits(part)
        || whole.is_empty()
        || part.len() > 9
        || (part.is_empty() && number.contains('.'))
    {
        return None;
    }
    let part_value: u128 = if part.is_empty() { 0 } else { part.parse().ok()? };
    let base = 10_u128.pow(part.len() as u32);
    let whole: u128 = whole.parse::<u64>().ok()?.into();
    u64::try_from((whole * base + part_value) * u128::from(factor) / base).ok()
}

/// A size for a person: `20.0 MiB`, `512 bytes`.
pub fn format_size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") };
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A time for a person: `340 ms`, `12.4 s`, `5 min 12 s`, `6 h 3 min`.
pub fn format_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", (time.as_millis() / 100) as f64 / 10.0),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("0", 0),
            ("20971520", 20 << 20),
            ("20 MiB", 20 << 20),
            ("20mib", 20 << 20),
            ("64 MB", 64_000_000),
            ("1.5 GiB", 3 << 29),
            ("1_000", 1000),
            ("7 bytes", 7),
            ("0.5 KiB", 512),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for bad in
            ["", "x", "MiB", "1.2.3 MB", "-1", "20 M", "1e9", "999999999999 TiB", ".5 MB", "5. MB", "1 MB x"]
        {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert_eq!(parse_size("20 M"), Err("write `MiB` (1024) or `MB` (1000)".to_owned()));
    }

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, millis) in [
            ("0", 0),
            ("300ms", 300),
            ("10s", 10_000),
            ("1h30m", 5_400_000),
            ("2 d", 172_800_000),
            ("1.5h", 5_400_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "10", "h", "6 hours", "1h30", "-1s", "99999999999999999999d", "1h,2m"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_and_times_are_shown_in_three_digits_or_so() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (20 << 20, "20.0 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(format_size(bytes), text);
        }
        for (millis, text) in
            [(340, "340 ms"), (12_449, "12.4 s"), (312_000, "5 min 12 s"), (21_780_000, "6 h 3 min")]
        {
            assert_eq!(format_duration(Duration::from_millis(millis)), text);
        }
    }
}
