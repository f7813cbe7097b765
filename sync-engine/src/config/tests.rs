//! What a person meets: the same mistakes in three formats, the template, the reference.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use sync_core::policy::{ConflictPolicy, FirstMatch};
use sync_core::side::{Side, Sides};

use super::keys::{KEYS, SECTIONS, nearest};
use super::*;

const ROOTS: &str = "left_root = 'a'\nright_root = 'b'\n";

/// A configuration for a pair, the rest as given.
fn toml(rest: &str) -> Result<Config, ConfigError> {
    Config::from_text(&format!("{ROOTS}{rest}"), Path::new("/home/anna/pair.toml"))
}

fn good(rest: &str) -> Config {
    toml(rest).unwrap_or_else(|error| panic!("{error}"))
}

/// A path as Windows too has it: with a drive.
fn abs(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap()
}

/// The error of a whole file.
fn error_of(file: &str, text: &str) -> String {
    Config::from_text(text, Path::new(file)).expect_err(text).to_string()
}

#[test]
fn the_template_holds_every_key_at_its_default() {
    let filled = template_for(Path::new("/x"), Path::new("/y")).unwrap();
    let read = Config::from_text(&filled, Path::new("/home/anna/pair.toml")).unwrap();
    let mut plain = Config::for_roots("/x", "/y").unwrap();
    plain.file = Some(abs("/home/anna/pair.toml"));
    assert_eq!(read, plain);
    for key in KEYS {
        assert_eq!(
            filled.matches(&format!("\n{} = ", key.name)).count(),
            occurrences(key.name),
            "{}",
            key.name
        );
    }
    let left_empty = error_of("pair.toml", &template());
    assert!(left_empty.contains("`left_root` is empty"), "{left_empty}");
}

/// `enabled` is a key of two sections.
fn occurrences(name: &str) -> usize {
    KEYS.iter().filter(|key| key.name == name).count()
}

#[test]
fn the_template_can_hold_any_root_that_is_text() {
    for root in [r"C:\local_share", "/tmp/it's", "/tmp/\"q\"\\ \n", "/täglich"] {
        let text = template_for(Path::new(root), Path::new("/other")).unwrap();
        match Config::from_text(&text, Path::new("/pair.toml")) {
            Ok(config) => assert_eq!(config.roots.left, abs(root)),
            // Not a mistake of the template: no root may hold a line break, and no drive is on Unix.
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains("control character") || error.contains("Windows path"), "{error}");
            }
        }
    }
}

#[test]
fn every_key_is_read_from_every_format() {
    let mut json = serde_json::Map::new();
    let mut yaml = String::new();
    for (section, _) in SECTIONS {
        let indent = if section.is_empty() { "" } else { "  " };
        if !section.is_empty() {
            let _ = writeln!(yaml, "{section}:");
        }
        let mut inner = serde_json::Map::new();
        for key in KEYS.iter().filter(|key| key.section == *section) {
            let value: serde_json::Value = match key.name {
                "left_root" => "/x".into(),
                "right_root" => "/y".into(),
                _ => serde_json::from_str(key.default).unwrap(),
            };
            let _ = writeln!(yaml, "{indent}{}: {value}", key.name);
            inner.insert(key.name.to_owned(), value);
        }
        if section.is_empty() {
            json = inner;
        } else {
            json.insert((*section).to_owned(), inner.into());
        }
    }
    let mut plain = Config::for_roots("/x", "/y").unwrap();
    for (file, text) in [("/c.json", serde_json::Value::from(json).to_string()), ("/c.yml", yaml)] {
        plain.file = Some(abs(file));
        let read =
            Config::from_text(&text, Path::new(file)).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read, plain, "{file}");
    }
}

#[test]
fn values_arrive_where_they_belong() {
    let trash = if cfg!(windows) { "C:/trash" } else { "/trash" };
    let config = good(
        &r#"
sync_interval_seconds = 60
[conflict]
same_file_changed_both = "option2"
new_file_both_different = "option2"
properties_conflict_both = "option3"
tie_breaker = "right"
first_match = "digest"
clash_name = "{stem} (older, {time}){ext}"
[soft_delete]
enabled = false
max_size_bytes = 1000
left_trash_root = "./old/files"
right_trash_root = "/trash"
retention_days = 0
[versions]
enabled = true
max_size_bytes = "1 GiB"
retention_days = 7
[guard]
max_change_percent = 100
max_change_min_files = 7
[ignore]
extensions = [".bak", "tmp"]
globs = ["build/", "!keep"]
text_only = true
[performance]
max_concurrent_copies = 3
large_file_bytes = "1 GiB"
bandwidth_limit = "5 MB/s"
verify = "all"
[live]
watch = "off"
watch_right = "on"
debounce_ms = 0
full_scan_every = "1h30m"
scan_per_second = 7
[email]
enabled = true
smtp_host = "mail.example.org"
smtp_port = 465
security = "tls"
auth = "xoauth2"
username = "anna"
password_file = "secret.txt"
from_address = "a@example.org"
to_addresses = ["b@example.org", "c@example.org"]
granularity = "daily"
[logging]
log_file_path = "logs/x.log"
log_level = "warn"
format = "text"
max_log_size = 0
keep_files = 0
[history]
retention_days = 0
"#
        .replace("/trash", trash),
    );
    let folder = abs("/home/anna");
    assert_eq!(config.file, Some(folder.join("pair.toml")));
    assert_eq!(config.roots, Sides::new(folder.join("a"), folder.join("b")));
    assert_eq!(config.sync_interval, Duration::from_mins(1));
    let policy = &config.policy;
    assert_eq!(policy.same_file_changed_both, ConflictPolicy::Notify);
    assert_eq!(policy.new_file_both_different, ConflictPolicy::Newer);
    assert_eq!(policy.properties_conflict_both, ConflictPolicy::Newer);
    assert_eq!((policy.tie_breaker, policy.first_match), (Side::Right, FirstMatch::Digest));
    assert_eq!(policy.clash_name, "{stem} (older, {time}){ext}");
    assert_eq!((policy.soft_delete.enabled, policy.soft_delete.max_size_bytes), (false, 1000));
    assert_eq!((policy.versions.enabled, policy.versions.max_size_bytes), (true, 1 << 30));
    assert_eq!(config.version_retention, Some(Duration::from_hours(7 * 24)));
    assert_eq!((policy.guard.max_change_percent, policy.guard.max_change_min_files), (100, 7));
    assert_eq!(config.soft_delete.trash_roots, Sides::new(PathBuf::from("old/files"), PathBuf::from(trash)));
    assert_eq!(config.soft_delete.retention, None);
    assert_eq!(config.ignore.extensions, ["bak", "tmp"]);
    assert_eq!(config.ignore.globs, ["build/", "!keep"]);
    assert!(config.ignore.text_only);
    assert_eq!(config.ignore.filenames_exact, Ignore::default().filenames_exact);
    assert_eq!(config.performance.max_concurrent_copies, Some(3));
    assert_eq!(config.performance.large_file_bytes, 1 << 30);
    assert_eq!(config.performance.bandwidth_limit, Sides { left: Some(5_000_000), right: Some(5_000_000) });
    assert_eq!(config.performance.verify, Verify::All);
    assert_eq!(config.live.watch, Sides::new(WatchMode::Off, WatchMode::On));
    assert_eq!(config.live.full_scan_every, Duration::from_mins(90));
    assert_eq!(config.live.scan_per_second, 7);
    assert_eq!(config.email.password, Password::File(folder.join("secret.txt")));
    assert_eq!(config.email.to.len(), 2);
    assert_eq!((config.email.security, config.email.auth), (Security::Tls, Auth::Xoauth2));
    assert_eq!(config.logging.file, Some(folder.join("logs/x.log")));
    assert_eq!((config.logging.max_size, config.logging.keep_files), (None, 0));
    assert_eq!(config.history_retention, None);
}

#[test]
fn the_older_names_mean_the_same() {
    let config = good(
        "[soft_delete]\nmax_size_mb = 20\n[conflict_policy]\nmodify_modify = \"newer\"\nnew_new = \"notify\"\n\
         metadata_conflict = \"option2\"\n[email]\nfrom = \"a@b.c\"\nto = \"d@e.f\"\n",
    );
    assert_eq!(config.policy.soft_delete.max_size_bytes, 20 << 20);
    assert_eq!(config.policy.same_file_changed_both, ConflictPolicy::Newer);
    assert_eq!(config.policy.new_file_both_different, ConflictPolicy::Notify);
    assert_eq!(config.policy.properties_conflict_both, ConflictPolicy::Notify);
    assert_eq!(config.email.from.map(|a| a.as_str().to_owned()).as_deref(), Some("a@b.c"));
    assert_eq!(config.email.to.len(), 1);
}

#[test]
fn an_unknown_key_shows_its_place_and_the_nearest_one_in_every_format() {
    assert_eq!(
        error_of("/c.toml", "left_root = 'a'\nright_root = 'b'\n[conflict]\ntie_braker = \"left\"\n"),
        "/c.toml:4:1: unknown key `tie_braker` in [conflict]\n   |\n 4 | tie_braker = \"left\"\n   | ^^^^^^^^^^\n   \
         = did you mean `tie_breaker`?"
    );
    assert_eq!(
        error_of(
            "/c.json",
            "{\n  \"left_root\": \"a\", \"right_root\": \"b\",\n  \"é\": 1, \"tie_braker\": \"left\"\n}"
        ),
        "/c.json:3:3: unknown key `é`\n   |\n 3 |   \"é\": 1, \"tie_braker\": \"left\"\n   |   ^^^\n   = known here: \
         left_root, right_root, sync_interval_seconds, conflict, soft_delete, versions, guard, ignore, performance, schedule, live, email, \
         alert, webhook, logging, history"
    );
    assert_eq!(
        error_of("/c.json", "{\"conflict\": {\n\t\"tie_braker\": \"left\"}}"),
        "/c.json:2:2: unknown key `tie_braker` in \"conflict\"\n   |\n 2 | \u{FFFD}\"tie_braker\": \"left\"}}\n   |  \
         ^^^^^^^^^^^^\n   = did you mean `tie_breaker`?"
    );
    assert_eq!(
        error_of("/c.yaml", "left_root: a\nright_root: b\nconflict:\n  tie_braker: left\n"),
        "/c.yaml:4:3: unknown key `tie_braker` in `conflict:`\n   |\n 4 |   tie_braker: left\n   |   ^^^^^^^^^^\n   = \
         did you mean `tie_breaker`?"
    );
}

/// A mistake in three formats: each must give the message, the help, the line and the column.
#[test]
fn every_mistake_says_where_and_what_to_do() {
    #[rustfmt::skip]
    let table: &[(&str, &str, (usize, usize), &str, &str)] = &[
        // file, text, place, message, help
        ("c.toml", "left_root = 'a'\nright_root = 'b'\nconflct = 1\n", (3, 1), "unknown key `conflct`", "did you mean `conflict`?"),
        ("c.toml", "left_root = 'a'\nright_root = 'b'\ntie_breaker = 'left'\n", (3, 1), "unknown key `tie_breaker`", "belongs in [conflict]"),
        ("c.toml", "[conflict]\nleft_root = 'a'\n", (2, 1), "unknown key `left_root` in [conflict]", "at the top"),
        ("c.json", "{\"guard\": {\"tie_breaker\": 1}}", (1, 12), "unknown key `tie_breaker`", "belongs in \"conflict\""),
        ("c.yaml", "tie_breaker: left\n", (1, 1), "unknown key `tie_breaker`", "belongs in `conflict:`"),
        ("c.toml", "left_root = 'a'\nleft_root = 'b'\n", (2, 1), "duplicate key", ""),
        ("c.json", "{\"left_root\": \"a\",\n \"left_root\": \"b\"}", (2, 2), "the key `left_root` is there twice", "the first is in line 1"),
        ("c.yaml", "left_root: a\nleft_root: b\n", (2, 1), "left_root", ""),
        ("c.toml", "[email]\nfrom = 'a@b.c'\nfrom_address = 'a@b.c'\n", (3, 1), "`from_address` sets what `from` in line 2 has set", "keep one"),
        ("c.toml", "left_root = 'a\n", (1, 15), "invalid literal string", ""),
        ("c.json", "{\"left_root\": 'a'}", (1, 15), "expected value", ""),
        ("c.json", "{\"left_root\": \"a\",}", (1, 19), "key must be a string", ""),
        ("c.yaml", "left_root: [a\n", (1, 12), "unclosed bracket", ""),
        ("c.toml", "right_root = 'b'", (1, 1), "`left_root` is missing", "add left_root = 'FOLDER'"),
        ("c.json", "{\"left_root\": \"a\"}", (1, 1), "`right_root` is missing", "add \"right_root\": \"FOLDER\""),
        ("c.yaml", "# nothing yet\n", (1, 1), "`left_root` is missing", "add left_root: FOLDER"),
        ("c.json", "[1]", (1, 1), "this is a list", ""),
        ("c.yaml", "just words\n", (1, 1), "this is a text", ""),
        ("c.toml", "left_root = 'a'\nright_root = './a'\n", (2, 14), "both roots are the same folder", "two different"),
        ("c.json", "{\"left_root\": \"a\", \"right_root\": \"a/b\"}", (1, 34), "the right root lies inside the left one", "neither"),
        ("c.yaml", "left_root: a/b\nright_root: a\n", (2, 13), "the left root lies inside the right one", "neither"),
        ("c.toml", "left_root = '~/a'\n", (1, 13), "`~` is not replaced", "whole path"),
        ("c.toml", "left_root = \"a\\nb\"\n", (1, 13), "control character \\n", "single quotes"),
        ("c.toml", "left_root = 5\n", (1, 13), "`left_root` takes a text, and this is a number", "in quotes"),
        ("c.json", "{\"left_root\": null}", (1, 2), "`left_root` has no value", "leave the key out"),
        ("c.yaml", "left_root:\n", (1, 1), "`left_root` has no value", "leave the key out"),
        ("c.toml", "conflict = 1\nleft_root = 'a'\nright_root = 'b'\n", (1, 12), "`conflict` is a section, and this is a number", "[conflict]"),
    ];
    for (file, text, place, message, help) in table {
        check(file, text, *place, message, help);
    }
    #[rustfmt::skip]
    let values: &[(&str, &str, usize, &str, &str)] = &[
        // section, line, column, message, help
        ("conflict", "same_file_changed_both = 'clsh'", 26, "cannot be `clsh`", "did you mean \"clash\"?"),
        ("conflict", "new_file_both_different = 'option3'", 27, "cannot be `option3`", "option2"),
        ("conflict", "tie_breaker = true", 15, "takes a text, and this is a truth value", "in quotes"),
        ("conflict", "clash_name = '{stem}{ext}'", 14, "must differ", "{stem} - clash {time}{ext}"),
        ("conflict", "clash_name = '{stem}: {time}{ext}'", 14, "has a `:`", "{time}"),
        ("conflict", "clash_name = '{stem} {date}{ext}'", 14, "nothing else in braces", "{time}"),
        ("soft_delete", "enabled = 'yes'", 11, "takes true or false", "without quotes"),
        ("soft_delete", "max_size_bytes = '20 M'", 18, "no size", "`MiB`"),
        ("soft_delete", "max_size_bytes = -1", 18, "no size", "negative"),
        ("soft_delete", "max_size_mb = '20 MB'", 15, "`max_size_mb` takes a number", ""),
        ("soft_delete", "left_trash_root = '../x'", 19, "below the left root", ".sync_trash"),
        ("soft_delete", "right_trash_root = '.'", 20, "below the right root", ".sync_trash"),
        ("soft_delete", "retention_days = 1.5", 18, "and this is a fraction", ""),
        ("guard", "max_change_percent = 101", 22, "a number from 0 to 100", ""),
        ("guard", "max_change_min_files = 1979-05-27", 24, "and this is a date", ""),
        ("ignore", "extensions = ['*.tmp']", 15, "`*.tmp` is a pattern", "`globs`"),
        ("ignore", "globs = [1]", 10, "and this is a number", "in quotes"),
        ("ignore", "filenames_exact = ['']", 20, "holds an empty text", ""),
        ("performance", "bandwidth_limit_left = '2 M'", 24, "no size", "`MiB`"),
        ("schedule", "hours = 'always'", 9, "`hours` takes a list of sections, and this is a text", "[[schedule.hours]]"),
        ("schedule", "hours = ['always']", 10, "`hours` takes sections, and this is a text", "[[schedule.hours]]"),
        ("schedule", "from = '08:00'", 1, "unknown key `from` in [schedule]", "belongs in [[schedule.hours]]"),
        ("[schedule.hours]", "form = '08:00'", 1, "unknown key `form` in [[schedule.hours]]", "did you mean `from`?"),
        ("[schedule.hours]", "verify = 'all'", 1, "unknown key `verify`", "belongs in [performance]"),
        ("[schedule.hours]", "from = '8'", 8, "`from`: `8` is no time of the day", "08:00"),
        ("[schedule.hours]", "to = '18:60'", 6, "`to`: `18:60` is no time of the day", "24:00"),
        ("[schedule.hours]", "to = '24:01'", 6, "is no time of the day", "24:00"),
        ("[schedule.hours]", "to = '8:+1'", 6, "is no time of the day", ""),
        ("[schedule.hours]", "from = 08:00:00", 8, "`from` takes a text, and this is a date", ""),
        ("[schedule.hours]", "from = '24:00'", 8, "`from` cannot be `24:00`", "next day"),
        ("[schedule.hours]", "to = '00:00'", 1, "`from` and `to` are the same time", "whole day"),
        ("[schedule.hours]", "days = 'mon-fryday'", 8, "`fryday` is no day", "mon-fri"),
        ("[schedule.hours]", "days = ['mon', 'x']", 16, "`x` is no day", "mon-fri"),
        ("[schedule.hours]", "days = 5", 8, "takes a list of texts, and this is a number", ""),
        ("[schedule.hours]", "max_concurrent_copies = 1025", 25, "a number from 0 to 1024", ""),
        ("[schedule.hours]", "bandwidth_limit = 'fast'", 19, "no size", "20 MiB"),
        ("live", "full_scan_every = '6'", 19, "is no time", "6h"),
        ("live", "full_scan_every = '0'", 19, "a second at least", "cannot be turned off"),
        ("live", "scan_per_second = 0", 19, "1 to 100000", ""),
        ("email", "smtp_port = 0", 13, "a number from 1 to 65535", ""),
        ("email", "to_addresses = ['anna']", 17, "no mail address", "name@example.org"),
        ("email", "to_addresses = [\"a@b.c\\nBcc: x@y.z\"]", 17, "control character", ""),
        ("email", "enabled = true", 1, "not complete", "`from_address`"),
        ("email", "password_file = 'x'\npassword_env = 'X'", 1, "more than one way", "keep one"),
        ("logging", "log_level = 'verbose'", 13, "cannot be `verbose`", "it takes error, warn"),
    ];
    for (section, line, column, message, help) in values {
        let text = format!("{ROOTS}[{section}]\n{line}\n");
        let row = if message.contains("more than") { 1 } else { 4 };
        check("c.toml", &text, (row, *column), message, help);
    }
}

#[test]
fn a_timetable_reads_as_it_is_written() {
    let performance =
        "[performance]\nbandwidth_limit = '10 MB/s'\nbandwidth_limit_right = 0\nmax_concurrent_copies = 6\n";
    let sections = "[[schedule.hours]]\ndays = 'mon-wed, FRI'\nfrom = '8:00'\nto = '18:30'\nbandwidth_limit = '2 MiB'\n\
                    max_concurrent_copies = 1\n[[schedule.hours]]\ndays = ['sat-mon', 'thursday']\nfrom = '22:00'\nto = '06:00'\n\
                    bandwidth_limit_left = '0'\n[[schedule.hours]]\nmax_concurrent_copies = 0\n";
    let inline = "[schedule]\nhours = [\n  { days = ['mon-wed', 'fri'], from = '08:00', to = '18:30', bandwidth_limit = '2 MiB', \
                  max_concurrent_copies = 1 },\n  { days = 'thu,sat-mon', from = '22:00', to = '06:00', bandwidth_limit_left = 0 },\n  \
                  { max_concurrent_copies = 0 },\n]\n";
    let config = good(&format!("{performance}{sections}"));
    assert_eq!(config, good(&format!("{inline}{performance}")), "wherever it stands");
    let (ten, two) = (Some(10_000_000), Some(2 << 20));
    assert_eq!(config.performance.bandwidth_limit, Sides { left: ten, right: None });
    let limits = |left, right, copies| Limits { bandwidth: Sides { left, right }, copies };
    let all: Vec<_> = config.schedule.iter().map(|hours| (hours.from, hours.to, hours.limits)).collect();
    assert_eq!(
        all,
        [
            (480, 1110, limits(two, two, Some(1))),
            // What it does not name is as `[performance]` says.
            (1320, 360, limits(None, None, Some(6))),
            (0, 1440, limits(ten, None, None)),
        ]
    );
    assert_eq!(config.schedule[0].days, [true, true, true, false, true, false, false]);
    assert_eq!(config.schedule[1].days, [true, false, false, true, false, true, true]);
    assert_eq!(config.schedule[2].days, [true; 7]);
    assert_eq!(config.timetable().otherwise, limits(ten, None, Some(6)));
    let yaml = "left_root: a\nright_root: b\nschedule:\n  hours:\n    - days: mon-fri\n      from: 08:00\n      bandwidth_limit: 1 KiB\n";
    let yaml = Config::from_text(yaml, Path::new("/c.yaml")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((yaml.schedule[0].from, yaml.schedule[0].to), (480, 1440));
    let many = format!("[schedule]\nhours = [{}]\n", "{},".repeat(101));
    assert!(toml(&many).unwrap_err().to_string().contains("more than 100"));
}

fn check(file: &str, text: &str, (line, column): (usize, usize), message: &str, help: &str) {
    let Err(error) = Config::from_text(text, Path::new(file)) else { panic!("taken: {text}") };
    let ConfigError::Fault(fault) = &error else { panic!("{text}: {error}") };
    assert_eq!((fault.line, fault.column), (line, column), "{text}\n{error}");
    assert!(fault.message.contains(message), "{text}\n{error}");
    assert!(fault.help.contains(help), "{text}\n{error}");
    let shown = error.to_string();
    let bar = shown.lines().nth(3).unwrap_or_default();
    assert!(bar.trim_end().ends_with('^'), "{shown}");
    assert!(shown.lines().count() >= 4 && !shown.chars().any(|c| c.is_control() && c != '\n'), "{shown}");
}

#[test]
fn a_password_is_never_shown() {
    let fine = "[email]\npassword = 'hunter2'\nusername = 'x'\n";
    assert!(!format!("{:?}", good(fine)).contains("hunter2"));
    for (file, text) in [
        ("c.toml", "[email]\npassword = 'hunter2\n"),
        ("c.toml", "[email]\npassword = ['hunter2']\n"),
        ("c.toml", "[email]\npasswrd = 'hunter2'\n"),
        ("c.toml", "[email]\npassword = 'hunter2' x\n"),
        ("c.json", "{\"email\": {\"password\": \"hunter2\", \"usernme\": 1}}"),
        ("c.json", "{\"email\": {\"password\": \"hunter2\" \"username\": 1}}"),
        ("c.yaml", "email:\n  password: [hunter2\n"),
        ("c.yaml", "email: {smtp_password: hunter2}\n"),
    ] {
        let error = error_of(file, text);
        assert!(!error.contains("hunter2"), "{error}");
        assert!(!format!("{:?}", Config::from_text(text, Path::new(file))).contains("hunter2"));
    }
}

#[cfg(unix)]
#[test]
fn a_password_in_the_file_keeps_the_file_to_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("c.toml");
    let chmod = |mode| std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::write(&path, format!("{ROOTS}[email]\npassword = 'x'\n")).unwrap();
    chmod(0o644);
    let error = Config::load(&path).unwrap_err();
    assert!(matches!(error, ConfigError::Exposed { mode: 0o644, .. }), "{error}");
    assert!(error.to_string().contains("chmod 600"));
    chmod(0o600);
    assert_eq!(Config::load(&path).unwrap().email.password, Password::Inline(Secret::new("x")));
    std::fs::write(&path, ROOTS).unwrap();
    chmod(0o644);
    assert!(Config::load(&path).is_ok());
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("c.toml");
    assert!(matches!(Config::load(&path), Err(ConfigError::Read { .. })));
    assert!(matches!(Config::load(temp.path()), Err(ConfigError::Read { .. })));
    std::fs::write(&path, b"a = 1\nb = '\xff'").unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("line 2 is not UTF-8"));
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(Config::load(&path).unwrap_err().to_string().contains("larger than 1 MiB"));
    // Editors on Windows put a mark in front.
    std::fs::write(&path, format!("\u{FEFF}{ROOTS}")).unwrap();
    assert!(Config::load(&path).is_ok());
}

#[test]
fn nesting_without_end_is_refused() {
    for (file, open) in
        [("c.json", "["), ("c.json", "{\"a\":"), ("c.toml", "a = ["), ("c.yaml", "- "), ("c.yaml", "[")]
    {
        let deep = match file {
            "c.toml" => format!("a = {}", "[".repeat(100_000)),
            _ => open.repeat(100_000),
        };
        assert!(Config::from_text(&deep, Path::new(file)).is_err(), "{file} {open}");
    }
    let closed = format!("{}1{}", "[".repeat(50), "]".repeat(50));
    for (file, text) in [("c.json", closed.clone()), ("c.toml", format!("a = {closed}")), ("c.yaml", closed)]
    {
        let error = error_of(file, &text);
        assert!(error.contains("nested too deeply"), "{error}");
    }
}

#[test]
fn roots_on_the_command_line_must_be_a_pair() {
    for (left, right, wrong) in [
        ("", "/b", "left root is empty"),
        ("/a", "/a/.", "same folder"),
        ("/a/b", "/a", "inside"),
        ("/a", "/a/b", "inside"),
    ] {
        let error = Config::for_roots(left, right).unwrap_err().to_string();
        assert!(error.contains(wrong), "{error}");
    }
    let config = Config::for_roots("x", "/a").unwrap();
    assert!(config.roots.left.is_absolute() && config.roots.left.ends_with("x"));
}

#[test]
fn the_nearest_word_is_the_one_that_was_meant() {
    let known = ["tie_breaker", "first_match", "clash_name"];
    assert_eq!(nearest("tie-breaker", known.into_iter()), Some("tie_breaker"));
    assert_eq!(nearest("ClashName", known.into_iter()), Some("clash_name"));
    assert_eq!(nearest("colour", known.into_iter()), None);
}

/// `docs/config.md` shows what the program knows. To write it anew: `BOTHWAYS_WRITE_DOCS=1 cargo test -p sync-engine`.
#[test]
fn the_documentation_is_the_table_of_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/config.md");
    let mark = "<!-- made from the table of keys -->\n";
    let written = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    let (before, shown) = written.split_once(mark).expect("the mark");
    if std::env::var_os("BOTHWAYS_WRITE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{mark}{}", reference_markdown())).unwrap();
        return;
    }
    assert_eq!(shown, reference_markdown(), "docs/config.md is out of date: see this test");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(
        text in prop_oneof![
            "\\PC{0,60}",
            "(?s).{0,40}",
            // Scraps of real configurations in any order.
            proptest::collection::vec(
                proptest::sample::select(vec![
                    "left_root", "right_root", "[email]", "password", " = ", ": ", "\n", "'", "\"", "{", "}", "[", "]",
                    ",", "- ", "  ", "\\u0000", "\\ud800", "&a ", "*a", "<<", "!!binary ", "é", "1e999", "0x", "true",
                    "\t", "|", ">", "---", "...", "%YAML 9", "\u{FEFF}", "\r",
                ]),
                0..30,
            ).prop_map(|scraps| scraps.concat()),
        ],
        file in proptest::sample::select(vec!["c.toml", "c.json", "c.yaml"]),
    ) {
        if let Err(error) = Config::from_text(&text, Path::new(file)) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), ending in 0..3_usize) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join(["c.toml", "c.json", "c.yaml"][ending]);
        std::fs::write(&path, bytes).unwrap();
        let _ = Config::load(&path).map_err(|error| error.to_string());
    }

    #[test]
    fn a_cut_configuration_never_panics(cut in 0..4000_usize, ending in 0..3_usize) {
        let whole = template_for(Path::new("/x"), Path::new("/y")).unwrap();
        let part: String = whole.chars().take(cut).collect();
        let _ = Config::from_text(&part, Path::new(["c.toml", "c.json", "c.yaml"][ending])).map_err(|e| e.to_string());
    }
}

#[test]
fn what_a_text_changes_is_told_by_key_and_never_by_value() {
    let changes = |old: &str, new: &str| {
        let Changes { keys, later } = good(old).changes_to(&good(new));
        (keys.join(" "), later.join(" "))
    };
    #[rustfmt::skip]
    let table: &[(&str, &str, &str, &str)] = &[
        // old, new, at once, later
        ("", "", "", ""),
        ("", "sync_interval_seconds = 11\n", "sync_interval_seconds", ""),
        ("sync_interval_seconds = 10\n", "# ten is the default\n", "", ""),
        ("[email]\npassword = 'x'\n", "[email]\npassword = 'y'\n", "email.password", ""),
        ("[ignore]\nglobs = ['a', 'b']\n", "[ignore]\nglobs = ['ab']\n", "ignore.globs", ""),
        ("[[schedule.hours]]\nto = '01:00'\n", "[[schedule.hours]]\nto = '02:00'\n", "schedule.hours", ""),
        ("[[schedule.hours]]\nto = '01:00'\n", "[schedule]\nhours = [{ to = '01:00' }]\n", "", ""),
        ("", "[logging]\nlog_level = 'debug'\n[guard]\nmax_change_percent = 1\n", "guard.max_change_percent", "logging.log_level"),
        ("[soft_delete]\nmax_size_mb = 1\n", "[soft_delete]\nmax_size_mb = 2\n", "soft_delete.max_size_bytes", ""),
    ];
    for (old, new, keys, later) in table {
        assert_eq!(changes(old, new), ((*keys).to_owned(), (*later).to_owned()), "{old} {new}");
    }
    let moved = Config::from_text(
        "left_root = 'c'\nright_root = 'b'\n[logging]\nformat = 'text'\n",
        Path::new("/home/anna/pair.toml"),
    );
    let (old, moved) = (good(""), moved.unwrap());
    assert_eq!(old.changes_to(&moved).later, ["left_root", "logging.format"]);
    let taken = moved.within(&old);
    assert_eq!((&taken.roots, &taken.logging), (&old.roots, &old.logging));
    let paced = |text: &str| old.changes_to(&good(text)).only_pace();
    assert!(paced(
        "[performance]\nbandwidth_limit_left = 1\nmax_concurrent_copies = 2\n[[schedule.hours]]\n"
    ));
    assert!(!paced("[performance]\nbandwidth_limit = 1\nverify = 'all'\n") && !paced(""));
}
