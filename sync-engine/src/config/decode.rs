//! From a tree to a [`Config`].
//!
//! Owns what each key may hold. Every key of the text is either taken by exactly one line below or is an error, so
//! that nothing a user wrote is ignored.

mod hours;

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use log::LevelFilter;
use sync_core::clash::check_template;
use sync_core::policy::{ConflictPolicy, FirstMatch};
use sync_core::side::{Side, Sides};

use super::changes::Written;
use super::error::{ConfigError, Fault, Source};
use super::keys::{self, Key as Known};
use super::model::{
    Address, Auth, Config, Granularity, LogFormat, Password, Secret, Security, Verify, WatchMode, days,
};
use super::tree::{Format, Key, Node, Span, Value};
use super::values::{parse_duration, parse_size};

/// The configuration that `tree` is, with relative paths taken from `folder`.
pub(super) fn config(
    source: &Source<'_>,
    folder: &Path,
    tree: Vec<(Key, Node)>,
) -> Result<Config, ConfigError> {
    let mut fields = Fields::sort(source, folder, tree)?;
    let written = Written::of(fields.found.iter().map(|(name, field)| (*name, &field.node.value)));
    let mut config = Config::of(fields.roots()?);
    config.written = written;
    read(&mut fields, &mut config)?;
    match fields.found.pop_first() {
        None => Ok(config),
        // Only a key of the table that `read` forgot could get here, and a test reads them all.
        Some((_, field)) => Err(fields.source.fault(&field.span, "this key is not read").into()),
    }
}

/// Why two absolute paths cannot be a pair, and what to do; nothing when they can.
pub(super) fn not_a_pair(roots: &Sides<PathBuf>) -> Option<String> {
    let spelled = |path: &Path| {
        let parts = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
        parts.map(|part| if cfg!(windows) { part.to_lowercase() } else { part }).collect::<Vec<_>>()
    };
    let (left, right) = (spelled(&roots.left), spelled(&roots.right));
    if left == right {
        Some("both roots are the same folder: name two different ones".to_owned())
    } else if left.starts_with(&right) {
        Some(
            "the left root lies inside the right one: name two folders of which neither holds the other"
                .to_owned(),
        )
    } else if right.starts_with(&left) {
        Some(
            "the right root lies inside the left one: name two folders of which neither holds the other"
                .to_owned(),
        )
    } else {
        None
    }
}

fn read(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    if let Some(seconds) = fields.number("", "sync_interval_seconds", 1, 86_400)? {
        config.sync_interval = Duration::from_secs(seconds);
    }
    conflict(fields, config)?;
    soft_delete(fields, config)?;
    versions(fields, config)?;
    set(&mut config.policy.guard.max_change_percent, fields.number("guard", "max_change_percent", 0, 100)?);
    set(
        &mut config.policy.guard.max_change_min_files,
        fields.number("guard", "max_change_min_files", 0, u64::MAX)?,
    );

    let ignore = &mut config.ignore;
    set(&mut ignore.extensions, fields.names("extensions", |name| name.trim_start_matches('.'))?);
    set(&mut ignore.filenames_prefix, fields.names("filenames_prefix", |name| name)?);
    set(&mut ignore.filenames_exact, fields.names("filenames_exact", |name| name)?);
    set(
        &mut ignore.globs,
        fields.texts("ignore", "globs")?.map(|texts| texts.into_iter().map(|t| t.0).collect()),
    );
    set(&mut ignore.text_only, fields.truth("ignore", "text_only")?);

    let performance = &mut config.performance;
    if let Some(count) = fields.number("performance", "max_concurrent_copies", 0, 1024)? {
        performance.max_concurrent_copies = (count > 0).then_some(count);
    }
    set(&mut performance.large_file_bytes, fields.size("performance", "large_file_bytes")?);
    performance.bandwidth_limit =
        fields.bandwidth("performance")?.map(|limit| limit.filter(|bytes| *bytes > 0));
    let verify = [("none", Verify::None), ("changed", Verify::Changed), ("all", Verify::All)];
    set(&mut performance.verify, fields.choice("performance", "verify", &verify)?);

    hours::read(fields, config)?;
    live(fields, config)?;
    email(fields, config)?;
    alert(fields, config)?;
    webhook(fields, config)?;

    let logging = &mut config.logging;
    logging.file = fields.path("logging", "log_file_path")?;
    let levels = [
        ("error", LevelFilter::Error),
        ("warn", LevelFilter::Warn),
        ("info", LevelFilter::Info),
        ("debug", LevelFilter::Debug),
        ("trace", LevelFilter::Trace),
        ("off", LevelFilter::Off),
    ];
    set(&mut logging.level, fields.choice("logging", "log_level", &levels)?);
    let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    set(&mut logging.format, fields.choice("logging", "format", &formats)?);
    if let Some(size) = fields.size("logging", "max_log_size")? {
        logging.max_size = (size > 0).then_some(size);
    }
    set(&mut logging.keep_files, fields.number("logging", "keep_files", 0, 1000)?);
    if let Some(count) = fields.number("history", "retention_days", 0, 36_500)? {
        config.history_retention = (count > 0).then(|| days(count));
    }
    Ok(())
}

fn conflict(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    use ConflictPolicy::{Clash, Newer, Notify};
    let named = [("clash", Clash), ("notify", Notify), ("newer", Newer)];
    let three: Vec<_> =
        named.into_iter().chain([("option1", Clash), ("option2", Notify), ("option3", Newer)]).collect();
    // The requirements number the options of 6.2.2 differently.
    let two: Vec<_> = named.into_iter().chain([("option1", Clash), ("option2", Newer)]).collect();
    let policy = &mut config.policy;
    set(&mut policy.same_file_changed_both, fields.choice("conflict", "same_file_changed_both", &three)?);
    set(&mut policy.new_file_both_different, fields.choice("conflict", "new_file_both_different", &two)?);
    set(&mut policy.properties_conflict_both, fields.choice("conflict", "properties_conflict_both", &three)?);
    let sides = Side::BOTH.map(|side| (side.name(), side));
    set(&mut policy.tie_breaker, fields.choice("conflict", "tie_breaker", &sides)?);
    let matches = [("metadata", FirstMatch::Metadata), ("digest", FirstMatch::Digest)];
    set(&mut policy.first_match, fields.choice("conflict", "first_match", &matches)?);
    if let Some((name, span)) = fields.text("conflict", "clash_name")? {
        if let Some(wrong) = bad_clash_name(&name) {
            let help = "a name such as \"{stem} - clash {time}{ext}\"";
            return Err(fields.source.fault(&span, format!("`clash_name` {wrong}")).help(help));
        }
        policy.clash_name = name;
    }
    Ok(())
}

/// What is wrong with a template for clash names: beyond what the core asks, it must give a name that both Windows
/// and Unix can hold, and hold no placeholder that nobody fills in.
fn bad_clash_name(name: &str) -> Option<String> {
    if let Err(wrong) = check_template(name) {
        return Some(wrong.strip_prefix("it ").unwrap_or(wrong).to_owned());
    }
    let own = ["{stem}", "{time}", "{ext}"].iter().fold(name.to_owned(), |rest, part| rest.replace(part, ""));
    if own.contains(['{', '}']) {
        return Some("knows `{stem}`, `{time}` and `{ext}`, and nothing else in braces".to_owned());
    }
    if let Some(c) = own.chars().find(|c| "<>:\"|?*".contains(*c)) {
        return Some(format!("has a `{c}`, which not every file name can hold"));
    }
    (own.len() > 60).then(|| "is too long".to_owned())
}

fn soft_delete(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    set(&mut config.policy.soft_delete.enabled, fields.truth("soft_delete", "enabled")?);
    let megabytes = fields.alias("soft_delete", "max_size_bytes").is_some_and(|name| name == "max_size_mb");
    let size = if megabytes {
        let most = u64::MAX >> 20;
        fields.number("soft_delete", "max_size_bytes", 0, most)?.map(|size: u64| size << 20)
    } else {
        fields.size("soft_delete", "max_size_bytes")?
    };
    set(&mut config.policy.soft_delete.max_size_bytes, size);
    for (side, key) in [(Side::Left, "left_trash_root"), (Side::Right, "right_trash_root")] {
        let Some((text, span)) = fields.text("soft_delete", key)? else { continue };
        let path = PathBuf::from(&text);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
            && path.components().any(|part| matches!(part, Component::Normal(_)));
        if !inside && !path.is_absolute() {
            let message = format!("`{key}` must be a folder below the {side} root, or an absolute path");
            return Err(fields.source.fault(&span, message).help("the default is \".sync_trash\""));
        }
        config.soft_delete.trash_roots[side] =
            path.components().filter(|part| *part != Component::CurDir).collect();
    }
    if let Some(count) = fields.number("soft_delete", "retention_days", 0, 36_500)? {
        config.soft_delete.retention = (count > 0).then(|| days(count));
    }
    Ok(())
}

fn versions(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    set(&mut config.policy.versions.enabled, fields.truth("versions", "enabled")?);
    set(&mut config.policy.versions.max_size_bytes, fields.size("versions", "max_size_bytes")?);
    if let Some(count) = fields.number("versions", "retention_days", 0, 36_500)? {
        config.version_retention = (count > 0).then(|| days(count));
    }
    Ok(())
}

fn live(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    let modes = [("auto", WatchMode::Auto), ("on", WatchMode::On), ("off", WatchMode::Off)];
    let or_both: Vec<_> =
        modes.into_iter().map(|(name, mode)| (name, Some(mode))).chain([("", None)]).collect();
    let both = fields.choice("live", "watch", &modes)?.unwrap_or_default();
    config.live.watch = Sides {
        left: fields.choice("live", "watch_left", &or_both)?.flatten().unwrap_or(both),
        right: fields.choice("live", "watch_right", &or_both)?.flatten().unwrap_or(both),
    };
    if let Some(millis) = fields.number("live", "debounce_ms", 0, 60_000)? {
        config.live.debounce = Duration::from_millis(millis);
    }
    if let Some((text, span)) = fields.text("live", "full_scan_every")? {
        let every = parse_duration(&text).map_err(|help| {
            fields.source.fault(&span, format!("`full_scan_every`: `{text}` is no time")).help(help)
        })?;
        if every < Duration::from_secs(1) {
            // Watchers lose events without saying so; a pair that is never scanned drifts apart.
            let fault = fields.source.fault(&span, "`full_scan_every` must be a second at least");
            return Err(fault.help("full scans cannot be turned off: watchers lose changes now and then"));
        }
        config.live.full_scan_every = every;
    }
    set(&mut config.live.scan_per_second, fields.number("live", "scan_per_second", 1, 100_000)?);
    Ok(())
}

fn email(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    let email = &mut config.email;
    let enabled_at = fields.span("email", "enabled");
    let password_at = fields.span("email", "password");
    set(&mut email.enabled, fields.truth("email", "enabled")?);
    set(&mut email.smtp_host, fields.text("email", "smtp_host")?.map(|(text, _)| text.trim().to_owned()));
    set(&mut email.smtp_port, fields.number("email", "smtp_port", 1, 65_535)?);
    let kinds = [("starttls", Security::StartTls), ("tls", Security::Tls), ("none", Security::None)];
    set(&mut email.security, fields.choice("email", "security", &kinds)?);
    let kinds = [("password", Auth::Password), ("xoauth2", Auth::Xoauth2), ("none", Auth::None)];
    set(&mut email.auth, fields.choice("email", "auth", &kinds)?);
    set(&mut email.username, fields.text("email", "username")?.map(|(text, _)| text));
    set(&mut email.subject_prefix, fields.text("email", "subject_prefix")?.map(|(text, _)| text));
    let kinds = [("event", Granularity::Event), ("run", Granularity::Run), ("daily", Granularity::Daily)];
    set(&mut email.granularity, fields.choice("email", "granularity", &kinds)?);

    let file = fields.path("email", "password_file")?.map(Password::File);
    let env = fields.text("email", "password_env")?.filter(|(name, _)| !name.is_empty());
    let env = env.map(|(name, _)| Password::Env(name));
    let inline = fields.text("email", "password")?.filter(|(text, _)| !text.is_empty());
    let inline = inline.map(|(text, _)| Password::Inline(Secret::new(text)));
    let command = fields.words("email", "password_command")?.filter(|words| !words.is_empty());
    let mut given = [file, env, inline, command.map(Password::Command)].into_iter().flatten();
    email.password = given.next().unwrap_or_default();
    if given.next().is_some() {
        let at = password_at.or_else(|| enabled_at.clone()).unwrap_or(0..0);
        let fault = fields.source.fault(&at, "the mail password is given in more than one way");
        return Err(
            fault.help("keep one of `password_file`, `password_env`, `password_command` and `password`")
        );
    }
    email.ca_file = fields.path("email", "ca_file")?;
    set(&mut email.timeout, fields.wait("email", "timeout")?);

    let address = |fields: &Fields<'_>, text: &str, span: &Span| {
        Address::new(text).ok_or_else(|| {
            let fault = fields.source.fault(span, format!("`{text}` is no mail address"));
            fault.help("write it as \"name@example.org\"")
        })
    };
    if let Some((text, span)) = fields.text("email", "from_address")?
        && !text.is_empty()
    {
        email.from = Some(address(fields, &text, &span)?);
    }
    if let Some(texts) = fields.texts("email", "to_addresses")? {
        email.to = texts.iter().map(|(text, span)| address(fields, text, span)).collect::<Result<_, _>>()?;
    }

    if email.enabled {
        let logs_in = email.auth != Auth::None;
        let missing = [
            (email.smtp_host.is_empty(), "`smtp_host`, the mail server"),
            (email.from.is_none(), "`from_address`, who sends"),
            (email.to.is_empty(), "`to_addresses`, who receives"),
            (logs_in && email.username.is_empty(), "`username` (or auth = \"none\")"),
            (
                logs_in && email.password == Password::None,
                "`password_file`, `password_env`, `password_command` or `password` (or auth = \"none\")",
            ),
            (
                logs_in && email.security == Security::None && !is_this_machine(&email.smtp_host),
                "`security` to \"starttls\" or \"tls\" (or auth = \"none\"): a password is not sent in the open",
            ),
        ];
        if let Some((_, what)) = missing.iter().find(|(missing, _)| *missing) {
            let fault = fields.source.fault(&enabled_at.unwrap_or(0..0), "mail is enabled and not complete");
            return Err(fault.help(format!("set {what}")));
        }
    }
    Ok(())
}

/// Whether a host is this machine, so that nothing said to it leaves it.
fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn alert(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    let at_most_at = fields.span("alert", "repeat_at_most").or_else(|| fields.span("alert", "repeat_after"));
    let alert = &mut config.alert;
    set(&mut alert.repeat_after, fields.duration("alert", "repeat_after", Duration::from_mins(1))?);
    set(&mut alert.repeat_at_most, fields.duration("alert", "repeat_at_most", Duration::from_mins(1))?);
    if alert.repeat_at_most < alert.repeat_after {
        let fault =
            fields.source.fault(&at_most_at.unwrap_or(0..0), "`repeat_at_most` is less than `repeat_after`");
        return Err(fault.help("the time between repetitions only grows"));
    }
    set(&mut alert.daily_summary, fields.truth("alert", "daily_summary")?);
    set(&mut alert.command, fields.words("alert", "command")?);
    set(&mut alert.command_timeout, fields.wait("alert", "command_timeout")?);
    Ok(())
}

fn webhook(fields: &mut Fields<'_>, config: &mut Config) -> Result<(), Fault> {
    let webhook = &mut config.webhook;
    let at = fields.span("webhook", "url");
    if let Some((url, span)) = fields.text("webhook", "url")?
        && !url.is_empty()
    {
        let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/'))
            || url.contains(char::is_whitespace)
        {
            let fault = fields.source.fault(&span, "`url` is no address of a web service");
            return Err(fault.help("write it as \"https://example.org/hook\""));
        }
        webhook.url = Some(Secret::new(url));
    }
    let file = fields.path("webhook", "secret_file")?.map(Password::File);
    let env = fields.text("webhook", "secret_env")?.filter(|(name, _)| !name.is_empty());
    let inline = fields.text("webhook", "secret")?.filter(|(text, _)| !text.is_empty());
    let env = env.map(|(name, _)| Password::Env(name));
    let inline = inline.map(|(text, _)| Password::Inline(Secret::new(text)));
    let mut given = [file, env, inline].into_iter().flatten();
    webhook.secret = given.next().unwrap_or_default();
    if given.next().is_some() {
        let fault = fields
            .source
            .fault(&at.unwrap_or(0..0), "the secret of the web service is given in more than one way");
        return Err(fault.help("keep one of `secret_file`, `secret_env` and `secret`"));
    }
    webhook.ca_file = fields.path("webhook", "ca_file")?;
    set(&mut webhook.timeout, fields.wait("webhook", "timeout")?);
    Ok(())
}

fn set<T>(target: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *target = value;
    }
}

/// What the text sets, each key under its own name whatever alias it was written as.
struct Fields<'s> {
    source: &'s Source<'s>,
    folder: &'s Path,
    found: BTreeMap<(&'static str, &'static str), Field>,
}

struct Field {
    /// As it was written.
    name: String,
    /// Where the key is.
    span: Span,
    node: Node,
}

impl<'s> Fields<'s> {
    fn sort(source: &'s Source<'s>, folder: &'s Path, tree: Vec<(Key, Node)>) -> Result<Self, Fault> {
        let mut fields = Self { source, folder, found: BTreeMap::new() };
        for (key, node) in tree {
            if !keys::is_section(&key.name) {
                fields.add("", key, node)?;
                continue;
            }
            match node.value {
                Value::Table(entries) => {
                    for (inner, node) in entries {
                        fields.add(&key.name, inner, node)?;
                    }
                }
                // `email:` with nothing below it.
                Value::Null if source.format == Format::Yaml => {}
                other => {
                    let message = format!("`{}` is a section, and this is {}", key.name, other.what());
                    return Err(source.fault(&node.span, message).help(match source.format {
                        Format::Toml => format!("write `[{}]` on a line of its own", key.name),
                        Format::Json => format!("write `\"{}\": {{ … }}`", key.name),
                        Format::Yaml => format!("write `{}:` and its keys indented below it", key.name),
                    }));
                }
            }
        }
        Ok(fields)
    }

    fn add(&mut self, section: &str, key: Key, node: Node) -> Result<(), Fault> {
        let Some(known) = keys::find(section, &key.name) else { return Err(self.unknown(section, &key)) };
        let field = Field { name: key.name.clone(), span: key.span.clone(), node };
        if let Some(other) = self.found.insert((known.section, known.name), field) {
            let line = self.source.line_of(other.span.start);
            let message = format!("`{}` sets what `{}` in line {line} has set", key.name, other.name);
            return Err(self.source.fault(&key.span, message).help("keep one of the two"));
        }
        Ok(())
    }

    fn unknown(&self, section: &str, key: &Key) -> Fault {
        let format = self.source.format;
        let place =
            if section.is_empty() { String::new() } else { format!(" in {}", format.section(section)) };
        let fault = self.source.fault(&key.span, format!("unknown key `{}`{place}", key.name));
        if section == "schedule" && keys::HOURS.iter().any(|known| known.name == key.name) {
            return fault.help(format!("`{}` belongs in {}", key.name, format.section("schedule.hours")));
        }
        let elsewhere: Option<&Known> = keys::KEYS.iter().find(|known| known.name == key.name);
        if let Some(known) = elsewhere {
            return fault.help(if known.section.is_empty() {
                format!("`{}` belongs at the top, outside every section", known.name)
            } else {
                format!("`{}` belongs in {}", known.name, format.section(known.section))
            });
        }
        let near = if section.is_empty() {
            keys::nearest(&key.name, keys::names_in("").chain(keys::sections()))
        } else {
            keys::nearest(&key.name, keys::names_in(section))
        };
        if let Some(near) = near {
            return fault.help(format!("did you mean `{near}`?"));
        }
        // A key that was written into the wrong section, with a slip on top.
        let far = keys::KEYS.iter().map(|known| known.name);
        if let Some(known) =
            keys::nearest(&key.name, far).and_then(|n| keys::KEYS.iter().find(|k| k.name == n))
        {
            let place =
                if known.section.is_empty() { "the top".to_owned() } else { format.section(known.section) };
            return fault.help(format!("did you mean `{}` of {place}?", known.name));
        }
        let sections = keys::SECTIONS
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| section.is_empty() && !name.is_empty());
        let own = keys::KEYS.iter().filter(|known| known.section == section).map(|known| known.name);
        let known: Vec<_> = own.chain(sections).collect();
        fault.help(format!("known here: {}", known.join(", ")))
    }

    fn take(&mut self, section: &'static str, name: &'static str) -> Result<Option<Field>, Fault> {
        debug_assert!(keys::find(section, name).is_some(), "{section}.{name} is not in the table of keys");
        match self.found.remove(&(section, name)) {
            Some(field) if field.node.value == Value::Null => {
                let fault = self.source.fault(&field.span, format!("`{}` has no value", field.name));
                Err(fault.help("leave the key out to have the default"))
            }
            field => Ok(field),
        }
    }

    /// The name under which a key was written.
    fn alias(&self, section: &'static str, name: &'static str) -> Option<&str> {
        self.found.get(&(section, name)).map(|field| field.name.as_str())
    }

    fn span(&self, section: &'static str, name: &'static str) -> Option<Span> {
        self.found.get(&(section, name)).map(|field| field.span.clone())
    }

    fn wrong(&self, field: &Field, wanted: &str) -> Fault {
        let what = field.node.value.what();
        self.source.fault(&field.node.span, format!("`{}` takes {wanted}, and this is {what}", field.name))
    }

    fn truth(&mut self, section: &'static str, name: &'static str) -> Result<Option<bool>, Fault> {
        let Some(field) = self.take(section, name)? else { return Ok(None) };
        match &field.node.value {
            Value::Bool(truth) => Ok(Some(*truth)),
            Value::Text(_) => {
                Err(self.wrong(&field, "true or false").help("write true or false, without quotes"))
            }
            _ => Err(self.wrong(&field, "true or false")),
        }
    }

    fn number<T: TryFrom<u64>>(
        &mut self,
        section: &'static str,
        name: &'static str,
        least: u64,
        most: u64,
    ) -> Result<Option<T>, Fault> {
        let Some(field) = self.take(section, name)? else { return Ok(None) };
        let wanted = if most == u64::MAX {
            format!("a number from {least}")
        } else {
            format!("a number from {least} to {most}")
        };
        let Value::Integer(number) = field.node.value else { return Err(self.wrong(&field, &wanted)) };
        let number = u64::try_from(number).ok().filter(|number| (least..=most).contains(number));
        number
            .and_then(|number| T::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| self.source.fault(&field.node.span, format!("`{}` takes {wanted}", field.name)))
    }

    /// What `bandwidth_limit` and its two siblings say of each side, where 0 is no limit; none where they say nothing.
    fn bandwidth(&mut self, section: &'static str) -> Result<Sides<Option<u64>>, Fault> {
        let both = self.size(section, "bandwidth_limit")?;
        let mut limits = Sides { left: both, right: both };
        for (side, name) in [(Side::Left, "bandwidth_limit_left"), (Side::Right, "bandwidth_limit_right")] {
            // Empty, as the template has it, is as good as left out.
            if matches!(self.found.get(&(section, name)), Some(field) if field.node.value == Value::Text(String::new()))
            {
                self.found.remove(&(section, name));
            } else if let Some(bytes) = self.size(section, name)? {
                limits[side] = Some(bytes);
            }
        }
        Ok(limits)
    }

    /// A size in bytes, as a number or as people write it.
    fn size(&mut self, section: &'static str, name: &'static str) -> Result<Option<u64>, Fault> {
        let Some(field) = self.take(section, name)? else { return Ok(None) };
        let no_size = |help: String| {
            let fault = self.source.fault(&field.node.span, format!("`{}`: this is no size", field.name));
            fault.help(help)
        };
        match &field.node.value {
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(no_size("a size cannot be negative, nor larger than 16 EiB".to_owned())),
            },
            Value::Text(text) => {
                let text =
                    text.strip_suffix("/s").filter(|_| name.starts_with("bandwidth_limit")).unwrap_or(text);
                parse_size(text).map(Some).map_err(no_size)
            }
            _ => Err(self.wrong(&field, "a size").help("write it as \"20 MiB\" or as a number of bytes")),
        }
    }

    fn text(&mut self, section: &'static str, name: &'static str) -> Result<Option<(String, Span)>, Fault> {
        let Some(field) = self.take(section, name)? else { return Ok(None) };
        match &field.node.value {
            Value::Text(text) => {
                self.refuse_controls(text, &field.node.span, &field.name)?;
                Ok(Some((text.clone(), field.node.span)))
            }
            Value::Bool(_) | Value::Integer(_) | Value::Float(_) => {
                Err(self.wrong(&field, "a text").help("put it in quotes"))
            }
            _ => Err(self.wrong(&field, "a text")),
        }
    }

    /// No key has a use for a control character, and in a name or a mail header it could do harm.
    fn refuse_controls(&self, text: &str, span: &Span, name: &str) -> Result<(), Fault> {
        let Some(c) = text.chars().find(|c| c.is_control()) else { return Ok(()) };
        let message = format!("`{name}` holds the control character {}", c.escape_default());
        let help = match self.source.format {
            Format::Toml => "in a path, write it in single quotes: 'C:\\new'",
            _ => "in a path, write each backslash twice: \"C:\\\\new\"",
        };
        Err(self.source.fault(span, message).help(help))
    }

    /// A list of texts; a single text counts as a list of one.
    fn texts(
        &mut self,
        section: &'static str,
        name: &'static str,
    ) -> Result<Option<Vec<(String, Span)>>, Fault> {
        let Some(field) = self.take(section, name)? else { return Ok(None) };
        let nodes = match &field.node.value {
            Value::List(nodes) => nodes.as_slice(),
            Value::Text(text) if text.is_empty() => &[],
            Value::Text(_) => std::slice::from_ref(&field.node),
            _ => return Err(self.wrong(&field, "a list of texts")),
        };
        let mut out = Vec::with_capacity(nodes.len());
        for node in nodes {
            match &node.value {
                Value::Text(text) if text.trim().is_empty() => {
                    return Err(self
                        .source
                        .fault(&node.span, format!("`{}` holds an empty text", field.name)));
                }
                Value::Text(text) => {
                    self.refuse_controls(text, &node.span, &field.name)?;
                    out.push((text.clone(), node.span.clone()));
                }
                other => {
                    let message =
                        format!("`{}` takes a list of texts, and this is {}", field.name, other.what());
                    return Err(self.source.fault(&node.span, message).help("put it in quotes"));
                }
            }
        }
        Ok(Some(out))
    }

    /// A program and its arguments.
    fn words(&mut self, section: &'static str, name: &'static str) -> Result<Option<Vec<String>>, Fault> {
        Ok(self.texts(section, name)?.map(|texts| texts.into_iter().map(|(text, _)| text).collect()))
    }

    /// How long something else may take: a second at least, and ten minutes at most.
    fn wait(&mut self, section: &'static str, name: &'static str) -> Result<Option<Duration>, Fault> {
        let span = self.span(section, name);
        let wait = self.duration(section, name, Duration::from_secs(1))?;
        if wait.is_some_and(|wait| wait > Duration::from_mins(10)) {
            let fault =
                self.source.fault(&span.unwrap_or(0..0), format!("`{name}` must be ten minutes at most"));
            return Err(fault);
        }
        Ok(wait)
    }

    fn duration(
        &mut self,
        section: &'static str,
        name: &'static str,
        least: Duration,
    ) -> Result<Option<Duration>, Fault> {
        let Some((text, span)) = self.text(section, name)? else { return Ok(None) };
        let time = parse_duration(&text)
            .map_err(|help| self.source.fault(&span, format!("`{name}`: `{text}` is no time")).help(help))?;
        if time < least {
            let least = super::values::format_duration(least);
            return Err(self.source.fault(&span, format!("`{name}` must be {least} at least")));
        }
        Ok(Some(time))
    }

    /// A list of names, or of parts of names, of `[ignore]`.
    fn names(&mut self, name: &'static str, tidy: fn(&str) -> &str) -> Result<Option<Vec<String>>, Fault> {
        let Some(texts) = self.texts("ignore", name)? else { return Ok(None) };
        let mut out = Vec::with_capacity(texts.len());
        for (text, span) in texts {
            let tidied = tidy(&text);
            if tidied.is_empty() || tidied.contains(['/', '\\', '*', '?']) {
                let message =
                    format!("`{name}` takes plain parts of names, and `{text}` is a pattern or a path");
                return Err(self.source.fault(&span, message).help("patterns and paths go into `globs`"));
            }
            out.push(tidied.to_owned());
        }
        Ok(Some(out))
    }

    fn choice<T: Copy>(
        &mut self,
        section: &'static str,
        name: &'static str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Fault> {
        let Some((text, span)) = self.text(section, name)? else { return Ok(None) };
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
            return Ok(Some(*value));
        }
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).filter(|word| !word.is_empty()).collect();
        let fault = self.source.fault(&span, format!("`{name}` cannot be `{text}`"));
        Err(match keys::nearest(&text, words.iter().copied()) {
            Some(near) => fault.help(format!("did you mean \"{near}\"? It takes {}", words.join(", "))),
            None => fault.help(format!("it takes {}", words.join(", "))),
        })
    }

    /// A path, absolute; nothing where it is empty or not set, which mean the same for every key that is a path.
    fn path(&mut self, section: &'static str, name: &'static str) -> Result<Option<PathBuf>, Fault> {
        match self.text(section, name)? {
            Some((text, span)) if !text.is_empty() => self.resolve(name, &text, &span).map(Some),
            _ => Ok(None),
        }
    }

    fn resolve(&self, name: &str, text: &str, span: &Span) -> Result<PathBuf, Fault> {
        let bytes = text.as_bytes();
        let drive = bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
        if text == "~" || text.starts_with("~/") || text.starts_with("~\\") {
            let fault = self.source.fault(span, format!("`{name}`: `~` is not replaced by your home folder"));
            return Err(fault.help("write the whole path"));
        }
        if drive && cfg!(not(windows)) {
            let fault =
                self.source.fault(span, format!("`{name}` is a Windows path, and this is not Windows"));
            return Err(fault.help("name a folder of this machine"));
        }
        if drive && !matches!(bytes.get(2), Some(b'\\' | b'/')) {
            // `C:folder` hangs on the working folder of that drive.
            let fault = self.source.fault(span, format!("`{name}` has a drive and no backslash after it"));
            return Err(fault.help("write it as 'C:\\folder'"));
        }
        let joined = self.folder.join(text);
        let path = std::path::absolute(&joined);
        path.map_err(|error| self.source.fault(span, format!("`{name}` is no path: {error}")))
    }

    fn roots(&mut self) -> Result<Sides<PathBuf>, Fault> {
        let right_at = self.found.get(&("", "right_root")).map_or(0..0, |field| field.node.span.clone());
        let roots = Sides::new("left_root", "right_root").map(|name| self.root(name)).transpose()?;
        match not_a_pair(&roots) {
            None => Ok(roots),
            Some(reason) => {
                let (message, help) = reason.split_once(": ").unwrap_or((&reason, ""));
                Err(self.source.fault(&right_at, message).help(help))
            }
        }
    }

    fn root(&mut self, name: &'static str) -> Result<PathBuf, Fault> {
        match self.text("", name)? {
            None => {
                let fault = self.source.fault(&(0..0), format!("`{name}` is missing"));
                Err(fault.help(match self.source.format {
                    Format::Toml => format!("add {name} = 'FOLDER' above the first section"),
                    Format::Json => format!("add \"{name}\": \"FOLDER\""),
                    Format::Yaml => format!("add {name}: FOLDER"),
                }))
            }
            Some((text, span)) if text.trim().is_empty() => Err(self
                .source
                .fault(&span, format!("`{name}` is empty"))
                .help("name the folder to keep in sync")),
            Some((text, span)) => self.resolve(name, &text, &span),
        }
    }
}
