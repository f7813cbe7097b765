//! Every key of a configuration, in the order in which they are documented.
//!
//! Owns the names, defaults, choices and sentences; the template, the reference and the suggestions in errors are
//! all made from this one table.

/// One key.
pub(super) struct Key {
    /// The name of its section; empty for those before the first one.
    pub(super) section: &'static str,
    /// Its name in the section.
    pub(super) name: &'static str,
    /// Its default as TOML.
    pub(super) default: &'static str,
    /// What it can be.
    pub(super) values: &'static str,
    /// What it means, in one sentence without a full stop.
    pub(super) about: &'static str,
    /// Other names it has: `section.name`.
    pub(super) aliases: &'static [&'static str],
}

const fn key(
    section: &'static str,
    name: &'static str,
    default: &'static str,
    values: &'static str,
    about: &'static str,
) -> Key {
    Key { section, name, default, values, about, aliases: &[] }
}

impl Key {
    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }

    /// Whether it goes by `name` in `section`.
    pub(super) fn is(&self, section: &str, name: &str) -> bool {
        let alias = |alias: &&str| alias.split_once('.') == Some((section, name));
        (self.section == section && self.name == name) || self.aliases.iter().any(alias)
    }
}

/// What the sections are for, in the order of the documentation.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("", "The two folders"),
    ("conflict", "What happens when two versions may both be wanted"),
    ("soft_delete", "Where deleted files go"),
    ("versions", "Whether versions that a sync replaces are kept, in the same trash"),
    ("guard", "When a run halts and asks"),
    ("ignore", "What is not synced"),
    ("performance", "How hard to work"),
    ("schedule", "When to work harder, or less hard"),
    ("live", "How `bothways run` notices changes"),
    ("email", "Mail to a person"),
    ("alert", "What a person is told, by mail or otherwise"),
    ("webhook", "A web service that is told"),
    ("logging", "The log file"),
    ("history", "What is remembered of runs"),
];

/// All keys.
pub(super) const KEYS: &[Key] = &[
    key("", "left_root", "''", "a folder", "The left folder; relative ones are relative to this file's folder"),
    key("", "right_root", "''", "a folder", "The right folder"),
    key(
        "",
        "sync_interval_seconds",
        "10",
        "1 to 86400",
        "The pause of the live loop; also the longest a change may wait",
    ),
    key(
        "conflict",
        "same_file_changed_both",
        "\"clash\"",
        "clash, notify, newer",
        "Both sides changed a file: keep the older beside the newer, touch nothing, or let the newer win (6.2.1)",
    )
    .or(&["conflict_policy.modify_modify"]),
    key(
        "conflict",
        "new_file_both_different",
        "\"clash\"",
        "clash, newer, notify",
        "Both sides made the same file with other contents (6.2.2)",
    )
    .or(&["conflict_policy.new_new"]),
    key(
        "conflict",
        "properties_conflict_both",
        "\"clash\"",
        "clash, notify, newer",
        "Both sides changed a file's properties or the case of its name (6.2.13)",
    )
    .or(&["conflict_policy.metadata_conflict"]),
    key(
        "conflict",
        "tie_breaker",
        "\"left\"",
        "left, right",
        "The side that counts as newer when two times are too close to tell",
    ),
    key(
        "conflict",
        "first_match",
        "\"metadata\"",
        "metadata, digest",
        "When both sides have a file at the first meeting: compare size and time, or read everything",
    ),
    key(
        "conflict",
        "clash_name",
        "\"{stem} - clash {time}{ext}\"",
        "a name",
        "What the older version is called: `{stem}`, `{time}` (UTC) and `{ext}` are filled in",
    ),
    key("soft_delete", "enabled", "true", "true, false", "Whether deleted files go to the trash first"),
    key(
        "soft_delete",
        "max_size_bytes",
        "\"20 MiB\"",
        "a size",
        "The largest file that does; larger ones are deleted for good, and logged",
    )
    .or(&["soft_delete.max_size_mb"]),
    key(
        "soft_delete",
        "left_trash_root",
        "\".sync_trash\"",
        "a folder",
        "The left trash: relative to the left root, or absolute on the same volume",
    ),
    key("soft_delete", "right_trash_root", "\".sync_trash\"", "a folder", "The right trash, likewise"),
    key("soft_delete", "retention_days", "30", "0 to 36500", "How long a file stays in the trash; 0 keeps for ever"),
    key("versions", "enabled", "false", "true, false", "Whether a version that a sync replaces goes to the trash first"),
    key("versions", "max_size_bytes", "\"20 MiB\"", "a size", "The largest file of which older versions are kept"),
    key("versions", "retention_days", "30", "0 to 36500", "How long such a version is kept; 0 keeps for ever"),
    key(
        "guard",
        "max_change_percent",
        "50",
        "0 to 100",
        "Halt when a run would delete or overwrite a larger share of a side",
    ),
    key("guard", "max_change_min_files", "20", "a number", "But never for this many files or fewer"),
    key(
        "ignore",
        "extensions",
        "[\"tmp\", \"part\", \"crdownload\"]",
        "a list of texts",
        "Endings of names that are not synced",
    ),
    key(
        "ignore",
        "filenames_prefix",
        "[\"~$\", \".~lock.\"]",
        "a list of texts",
        "Beginnings of names that are not synced",
    ),
    key(
        "ignore",
        "filenames_exact",
        "[\"Thumbs.db\", \"desktop.ini\", \".DS_Store\"]",
        "a list of texts",
        "Whole names that are not synced",
    ),
    key("ignore", "globs", "[]", "a list of texts", "Patterns in gitignore's syntax that are not synced"),
    key("ignore", "text_only", "false", "true, false", "Whether only files whose content is text are synced"),
    key(
        "performance",
        "max_concurrent_copies",
        "0",
        "0 to 1024",
        "Files copied at the same time; 0 chooses from the machine",
    ),
    key(
        "performance",
        "large_file_bytes",
        "\"64 MiB\"",
        "a size",
        "From here on a file goes to the slow lane, so that small files never wait for it",
    ),
    key("performance", "bandwidth_limit", "\"0\"", "a size", "Bytes per second that go to each side; \"0\" for no limit"),
    key(
        "performance",
        "bandwidth_limit_left",
        "\"\"",
        "a size",
        "The same for what goes to the left side alone; empty to do as `bandwidth_limit` says",
    ),
    key("performance", "bandwidth_limit_right", "\"\"", "a size", "The same for what goes to the right side, likewise"),
    key(
        "performance",
        "verify",
        "\"changed\"",
        "none, changed, all",
        "What is read again after it was written: nothing, replaced files, every file",
    ),
    key(
        "schedule",
        "hours",
        "[]",
        "a list of sections",
        "Times with limits of their own, e.g. { days = \"mon-fri\", from = \"08:00\", to = \"18:00\", bandwidth_limit = \"2 MiB\" }",
    ),
    key(
        "live",
        "watch",
        "\"auto\"",
        "auto, on, off",
        "Whether the system reports changes; `auto` does where that can be relied on",
    ),
    key("live", "watch_left", "\"\"", "auto, on, off", "The same for the left side alone; empty to do as `watch` says"),
    key("live", "watch_right", "\"\"", "auto, on, off", "The same for the right side alone, likewise"),
    key("live", "debounce_ms", "300", "0 to 60000", "How long a file must rest before it is looked at, in ms"),
    key(
        "live",
        "full_scan_every",
        "\"6h\"",
        "a time",
        "How often everything is scanned although no change was reported",
    ),
    key(
        "live",
        "scan_per_second",
        "50",
        "1 to 100000",
        "How many folders of a side that is not watched are looked at in a second",
    ),
    key("email", "enabled", "false", "true, false", "Whether conflicts and errors are mailed"),
    key("email", "smtp_host", "\"smtp.gmail.com\"", "a host", "The mail server"),
    key("email", "smtp_port", "587", "1 to 65535", "Its port"),
    key("email", "security", "\"starttls\"", "starttls, tls, none", "How the connection is protected"),
    key("email", "auth", "\"password\"", "password, xoauth2, none", "How to log in"),
    key("email", "username", "\"\"", "a text", "As whom to log in"),
    key("email", "password_file", "\"\"", "a file", "A file whose first line is the password or token"),
    key("email", "password_env", "\"\"", "a name", "Or the variable of the environment that holds it"),
    key(
        "email",
        "password",
        "\"\"",
        "a text",
        "Or the password itself; then nobody else may be able to read this file",
    ),
    key(
        "email",
        "password_command",
        "[]",
        "a program and its arguments",
        "Or a program whose first line of output is the password or token",
    ),
    key(
        "email",
        "ca_file",
        "\"\"",
        "a file",
        "Certificates, as PEM, of the authorities to trust instead of the system's",
    ),
    key("email", "timeout", "\"20s\"", "a time", "How long the server may take for one answer"),
    key("email", "from_address", "\"\"", "an address", "Who sends").or(&["email.from"]),
    key("email", "to_addresses", "[]", "a list of addresses", "Who receives").or(&["email.to"]),
    key("email", "subject_prefix", "\"[bothways]\"", "a text", "How every subject begins"),
    key("email", "granularity", "\"run\"", "event, run, daily", "One mail for each event, for each run, or a day"),
    key(
        "alert",
        "repeat_after",
        "\"4h\"",
        "a time",
        "When a failure that still stands is told again; the time doubles with each repetition",
    ),
    key("alert", "repeat_at_most", "\"7d\"", "a time", "The longest that this time grows to"),
    key("alert", "daily_summary", "false", "true, false", "Whether a summary of each day is told"),
    key(
        "alert",
        "command",
        "[]",
        "a program and its arguments",
        "A program that gets each message as JSON on its standard input",
    ),
    key("alert", "command_timeout", "\"30s\"", "a time", "How long that program may take"),
    key("webhook", "url", "\"\"", "an address", "Where each message is POSTed as JSON; empty for nowhere"),
    key("webhook", "secret_file", "\"\"", "a file", "A file whose first line signs the messages (HMAC-SHA256)"),
    key("webhook", "secret_env", "\"\"", "a name", "Or the variable of the environment that holds it"),
    key(
        "webhook",
        "secret",
        "\"\"",
        "a text",
        "Or the secret itself; then nobody else may be able to read this file",
    ),
    key(
        "webhook",
        "ca_file",
        "\"\"",
        "a file",
        "Certificates, as PEM, of the authorities to trust instead of the system's",
    ),
    key("webhook", "timeout", "\"20s\"", "a time", "How long the web service may take"),
    key(
        "logging",
        "log_file_path",
        "\"\"",
        "a file",
        "The log file; empty for `bothways.log` beside the state",
    ),
    key("logging", "log_level", "\"info\"", "error, warn, info, debug, trace, off", "What is written to it"),
    key("logging", "format", "\"json\"", "json, text", "One JSON object a line, or words"),
    key(
        "logging",
        "max_log_size",
        "\"10 MiB\"",
        "a size",
        "A new file is begun at this size; \"0\" lets it grow",
    ),
    key("logging", "keep_files", "5", "0 to 1000", "How many older log files are kept"),
    key(
        "history",
        "retention_days",
        "90",
        "0 to 36500",
        "How long `bothways history` knows a run; 0 keeps all for ever",
    ),
];

/// What each of the `hours` of `[schedule]` holds.
pub(super) const HOURS: &[Key] = &[
    key(
        "schedule.hours",
        "days",
        "\"mon-sun\"",
        "days",
        "The days on which they begin, such as \"mon-fri\" or \"sat,sun\"",
    ),
    key(
        "schedule.hours",
        "from",
        "\"00:00\"",
        "a time of the day",
        "When they begin, by the clock of this machine",
    ),
    key(
        "schedule.hours",
        "to",
        "\"24:00\"",
        "a time of the day",
        "When they are over; before `from`, it is on the day after",
    ),
    key(
        "schedule.hours",
        "bandwidth_limit",
        "as `[performance]`",
        "a size",
        "Bytes per second that go to each side; \"0\" for no limit",
    ),
    key(
        "schedule.hours",
        "bandwidth_limit_left",
        "as `[performance]`",
        "a size",
        "The same for what goes to the left side alone",
    ),
    key(
        "schedule.hours",
        "bandwidth_limit_right",
        "as `[performance]`",
        "a size",
        "The same for what goes to the right side, likewise",
    ),
    key(
        "schedule.hours",
        "max_concurrent_copies",
        "as `[performance]`",
        "0 to 1024",
        "Files copied at the same time; 0 chooses from the machine",
    ),
];

/// The key that goes by `name` in `section`, aliases included.
pub(super) fn find(section: &str, name: &str) -> Option<&'static Key> {
    KEYS.iter().chain(HOURS).find(|key| key.is(section, name))
}

/// Whether `name` is a section, aliases included.
pub(super) fn is_section(name: &str) -> bool {
    !name.is_empty() && sections().any(|section| section == name)
}

/// The names of all sections, aliases included.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let aliases = KEYS.iter().flat_map(|key| key.aliases).filter_map(|alias| Some(alias.split_once('.')?.0));
    SECTIONS.iter().map(|(name, _)| *name).chain(aliases).filter(|name| !name.is_empty())
}

/// The names of all keys in `section`, aliases included.
pub(super) fn names_in(section: &str) -> impl Iterator<Item = &'static str> {
    let own = KEYS.iter().chain(HOURS).filter(move |key| key.section == section).map(|key| key.name);
    let aliases = KEYS.iter().flat_map(|key| key.aliases).filter_map(|alias| alias.split_once('.'));
    own.chain(aliases.filter(move |(of, _)| *of == section).map(|(_, name)| name))
}

/// The one of `known` that `word` was most likely meant to be.
pub(super) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    let (score, name) = known
        .map(|name| (strsim::jaro_winkler(&word, &plain(name)), name))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (score >= 0.82).then_some(name)
}
