//! The same output on every day and every machine: times of now, durations, places and made-up numbers.
//!
//! The examples' own files are of 2024. What carries another year was made while the examples ran.

/// The moment at which all examples are run, as far as a reader can see.
const NOW: [(&str, &str); 4] = [
    ("dddd-dd-dd dd:dd:dd", "2024-05-18 09:00:00"),
    ("dddd-dd-ddTdd:dd:dd.ddddddddd", "2024-05-18T09:00:00.000000000"),
    ("ddddddddTddddddddd", "20240518T090000000"),
    ("dddddddddddd", "202405180900"),
];

/// `text` as it would be there and then.
pub(super) fn stable(text: &str, place: &std::path::Path) -> String {
    let mut out = text.to_owned();
    for place in [place.canonicalize().unwrap(), place.to_owned()] {
        out = out.replace(place.to_str().unwrap().trim_end_matches('/'), "/srv");
    }
    for (pattern, instead) in NOW {
        out = replaced(&out, pattern, |found| (!found.starts_with("2024")).then(|| instead.to_owned()));
    }
    out = replaced(&out, &"h".repeat(32), |_| Some("5f0c1d…".to_owned()));
    durations(&out)
}

/// `text` with what fits `pattern` (`d` a digit, `h` a hexadecimal one) and stands alone given another text.
fn replaced(text: &str, pattern: &str, instead: impl Fn(&str) -> Option<String>) -> String {
    let fits = |text: &str| {
        text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            b'h' => byte.is_ascii_hexdigit(),
            other => byte == other,
        })
    };
    let mut out = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let before = out.chars().next_back().is_some_and(|one| one.is_ascii_alphanumeric());
        let found = rest.get(..pattern.len()).filter(|found| !before && fits(found));
        let after = |found: &str| {
            rest[found.len()..].starts_with(|one: char| one.is_ascii_alphanumeric() && one != 'Z')
        };
        match found.filter(|found| !after(found)).and_then(|found| Some((found, instead(found)?))) {
            Some((found, instead)) => {
                out.push_str(&instead);
                rest = &rest[found.len()..];
            }
            None => {
                let next = rest.chars().next().map_or(rest.len(), char::len_utf8);
                out.push_str(&rest[..next]);
                rest = &rest[next..];
            }
        }
    }
    out
}

/// Every `17 ms` and `1.2 s` is `5 ms`.
fn durations(text: &str) -> String {
    let lines = text.split('\n').map(|line| {
        let mut words: Vec<String> = line.split(' ').map(ToOwned::to_owned).collect();
        for at in 1..words.len() {
            let (unit, tail) =
                words[at].split_at(words[at].find([',', ';', ':', ')']).unwrap_or(words[at].len()));
            let number = &words[at - 1];
            let whole = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let tenths = number.split_once('.').is_some_and(|(one, two)| {
                !one.is_empty()
                    && !two.is_empty()
                    && [one, two].concat().bytes().all(|byte| byte.is_ascii_digit())
            });
            if unit == "ms" && whole || unit == "s" && tenths {
                let unit = format!("ms{tail}");
                "5".clone_into(&mut words[at - 1]);
                words[at] = unit;
            }
        }
        words.join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn only_what_differs_from_day_to_day_is_replaced() {
    let place = std::env::temp_dir();
    for (text, wanted) in [
        ("since 2031-01-02 03:04:05 (x)", "since 2024-05-18 09:00:00 (x)"),
        ("9 bytes, 2024-05-17 10:00:00, 0644", "9 bytes, 2024-05-17 10:00:00, 0644"),
        ("a - deleted 20310102T030405678Z.txt", "a - deleted 20240518T090000000Z.txt"),
        ("a - clash 202405171000.txt", "a - clash 202405171000.txt"),
        ("a - clash 203105171000.txt", "a - clash 202405180900.txt"),
        ("(up to 2 files a side in 152 ms, run 1)", "(up to 2 files a side in 5 ms, run 1)"),
        ("clean, 1.2 s", "clean, 5 ms"),
        ("by 1 h 0 min, 20 bytes", "by 1 h 0 min, 20 bytes"),
    ] {
        assert_eq!(stable(text, &place), wanted);
    }
    let digest = "a7fd9d40abc0eda6cf7f147ad0194a4af5f451b5f674410fed004ddf0ca6ed3c";
    assert_eq!(stable(digest, &place), digest);
}
