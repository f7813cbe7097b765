//! The resolved values of a configuration.
//!
//! Owns [`Config`]. Every path in it is absolute, unless its field says otherwise, and every choice is a type of
//! its own: whoever holds a `Config` has nothing left to parse.

use std::path::PathBuf;
use std::time::Duration;

use log::LevelFilter;
use sync_core::policy::Policy;
use sync_core::side::Sides;
pub use sync_notify::{Secret, SecretSource as Password};

use super::changes::Written;
pub use crate::timetable::{Hours, Limits, Timetable};

/// A pair of replicas and everything the user chose for it.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The file it was read from, absolute; none where two folders were given.
    pub file: Option<PathBuf>,
    /// The two folders, absolute. Whether they are there is not known here.
    pub roots: Sides<PathBuf>,
    /// The pause of the live loop; also the longest a change may wait.
    pub sync_interval: Duration,
    /// What decisions depend on: `[conflict]`, `[guard]`, and of `[soft_delete]` and `[versions]` whether and up to
    /// which size.
    pub policy: Policy,
    /// The rest of `[soft_delete]`.
    pub soft_delete: SoftDelete,
    /// How long a version that a sync replaced is kept; none for ever.
    pub version_retention: Option<Duration>,
    /// Which names are not synced.
    pub ignore: Ignore,
    /// How hard to work.
    pub performance: Performance,
    /// When to work harder, or less hard; the first that fits holds.
    pub schedule: Vec<Hours>,
    /// How changes are noticed by `run`.
    pub live: Live,
    /// Mail to a person.
    pub email: Email,
    /// What is told, and who else is told.
    pub alert: Alert,
    /// A web service that is told.
    pub webhook: Webhook,
    /// The log file.
    pub logging: Logging,
    /// How long runs are remembered; none for ever.
    pub history_retention: Option<Duration>,
    /// Which keys the text sets.
    pub(super) written: Written,
}

impl Config {
    /// All defaults for two absolute roots.
    pub(super) fn of(roots: Sides<PathBuf>) -> Self {
        Self {
            file: None,
            roots,
            sync_interval: Duration::from_secs(10),
            policy: Policy::default(),
            soft_delete: SoftDelete::default(),
            version_retention: Some(days(30)),
            ignore: Ignore::default(),
            performance: Performance::default(),
            schedule: Vec::new(),
            live: Live::default(),
            email: Email::default(),
            alert: Alert::default(),
            webhook: Webhook::default(),
            logging: Logging::default(),
            history_retention: Some(days(90)),
            written: Written::default(),
        }
    }

    /// How hard to work when.
    pub fn timetable(&self) -> Timetable {
        Timetable { hours: self.schedule.clone(), otherwise: self.performance.limits() }
    }
}

/// Where soft-deleted files go, and for how long.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SoftDelete {
    /// The trash of each side: relative to that side's root and free of `..`, or absolute.
    pub trash_roots: Sides<PathBuf>,
    /// How long a file stays there; none for ever.
    pub retention: Option<Duration>,
}

impl Default for SoftDelete {
    fn default() -> Self {
        Self { trash_roots: Sides::from_fn(|_| PathBuf::from(".sync_trash")), retention: Some(days(30)) }
    }
}

/// `count` days.
pub(super) const fn days(count: u32) -> Duration {
    Duration::from_secs(count as u64 * 24 * 60 * 60)
}

/// Which names are not synced.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Ignore {
    /// Endings without their dot.
    pub extensions: Vec<String>,
    /// How a name begins.
    pub filenames_prefix: Vec<String>,
    /// Whole names.
    pub filenames_exact: Vec<String>,
    /// Patterns in gitignore's syntax, in the order of the file; a later one overrules an earlier one.
    pub globs: Vec<String>,
    /// Whether only files whose content is text are synced.
    pub text_only: bool,
}

impl Default for Ignore {
    fn default() -> Self {
        let list = |items: &[&str]| items.iter().map(|item| (*item).to_owned()).collect();
        Self {
            extensions: list(&["tmp", "part", "crdownload"]),
            filenames_prefix: list(&["~$", ".~lock."]),
            filenames_exact: list(&["Thumbs.db", "desktop.ini", ".DS_Store"]),
            globs: Vec::new(),
            text_only: false,
        }
    }
}

/// How hard to work.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Performance {
    /// How many files are copied at the same time; none to choose from the machine.
    pub max_concurrent_copies: Option<usize>,
    /// From this size on a file goes to the slow lane, in bytes.
    pub large_file_bytes: u64,
    /// Bytes per second that may go to each side; none for no limit.
    pub bandwidth_limit: Sides<Option<u64>>,
    /// What is read again after it was written.
    pub verify: Verify,
}

impl Default for Performance {
    fn default() -> Self {
        Self {
            max_concurrent_copies: None,
            large_file_bytes: 64 << 20,
            bandwidth_limit: Sides { left: None, right: None },
            verify: Verify::default(),
        }
    }
}

impl Performance {
    /// What holds where the timetable says nothing else.
    pub const fn limits(&self) -> Limits {
        Limits { bandwidth: self.bandwidth_limit, copies: self.max_concurrent_copies }
    }
}

/// What is read again after it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Verify {
    /// Nothing.
    None,
    /// Files that replaced an older version.
    #[default]
    Changed,
    /// Every file that was written.
    All,
}

impl Verify {
    /// Whether a copy is read again that replaces a version, or does not.
    pub(crate) const fn rereads(self, replaces: bool) -> bool {
        match self {
            Self::None => false,
            Self::Changed => replaces,
            Self::All => true,
        }
    }
}

/// How `run` notices changes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Live {
    /// Whether the system is asked to report changes, per side.
    pub watch: Sides<WatchMode>,
    /// How long a path must rest before it is looked at.
    pub debounce: Duration,
    /// How often everything is scanned although nothing was reported.
    pub full_scan_every: Duration,
    /// How many directories of a side that is not watched are read in a second, at least 1.
    pub scan_per_second: u32,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            watch: Sides::default(),
            debounce: Duration::from_millis(300),
            full_scan_every: Duration::from_hours(6),
            scan_per_second: 50,
        }
    }
}

/// Whether the system is asked to report changes on a side.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum WatchMode {
    /// Where it can be relied on.
    #[default]
    Auto,
    /// Always; an error where it cannot be.
    On,
    /// Never: scans only.
    Off,
}

/// Mail to a person.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Email {
    /// Whether any mail is sent.
    pub enabled: bool,
    /// The server.
    pub smtp_host: String,
    /// Its port.
    pub smtp_port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// How to prove who sends.
    pub auth: Auth,
    /// As whom to log in.
    pub username: String,
    /// Where the password or token comes from.
    pub password: Password,
    /// The authorities that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long one answer of the server may take.
    pub timeout: Duration,
    /// Who sends; always there when mail is enabled.
    pub from: Option<Address>,
    /// Who receives; never empty when mail is enabled.
    pub to: Vec<Address>,
    /// How every subject begins.
    pub subject_prefix: String,
    /// How much goes into one mail.
    pub granularity: Granularity,
}

impl Default for Email {
    fn default() -> Self {
        Self {
            enabled: false,
            smtp_host: "smtp.gmail.com".to_owned(),
            smtp_port: 587,
            security: Security::default(),
            auth: Auth::default(),
            username: String::new(),
            password: Password::default(),
            ca_file: None,
            timeout: Duration::from_secs(20),
            from: None,
            to: Vec::new(),
            subject_prefix: "[bothways]".to_owned(),
            granularity: Granularity::default(),
        }
    }
}

/// The address of a mailbox: one `@` with something on both sides, no white space, no control characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Address(String);

impl Address {
    /// An address, when `text` is one.
    pub fn new(text: &str) -> Option<Self> {
        let (user, host) = text.rsplit_once('@')?;
        let plain = |part: &str| {
            !part.is_empty()
                && !part.chars().any(|c| c.is_control() || c.is_whitespace() || "<>,;".contains(c))
        };
        (plain(user) && plain(host) && !user.contains('@')).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a connection to the mail server is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Security {
    /// It begins in the open and turns to TLS before anything is said; refused where it does not.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// In the open.
    None,
}

/// How to prove to the mail server who sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Auth {
    /// User name and password.
    #[default]
    Password,
    /// User name and OAuth token.
    Xoauth2,
    /// Not at all.
    None,
}

/// Where the others hear of it, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Alert {
    /// After how long something that still stands is told again; the time doubles with each repetition.
    pub repeat_after: Duration,
    /// The longest that it grows to.
    pub repeat_at_most: Duration,
    /// Whether a summary of each day is told.
    pub daily_summary: bool,
    /// A program that is given each letter, with its arguments; empty for none.
    pub command: Vec<String>,
    /// How long it may take.
    pub command_timeout: Duration,
}

impl Default for Alert {
    fn default() -> Self {
        Self {
            repeat_after: Duration::from_hours(4),
            repeat_at_most: days(7),
            daily_summary: false,
            command: Vec::new(),
            command_timeout: Duration::from_secs(30),
        }
    }
}

/// A web service that is told.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Webhook {
    /// Its address; none for no service. It may hold a secret.
    pub url: Option<Secret>,
    /// What its letters are signed with.
    pub secret: Password,
    /// The authorities that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// How long it may take.
    pub timeout: Duration,
}

impl Default for Webhook {
    fn default() -> Self {
        Self { url: None, secret: Password::None, ca_file: None, timeout: Duration::from_secs(20) }
    }
}

/// How much goes into one mail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Granularity {
    /// Each conflict and each error by itself.
    Event,
    /// One mail for what a run met.
    #[default]
    Run,
    /// One a day.
    Daily,
}

/// The log file.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Logging {
    /// Where it is; none for `bothways.log` beside the state.
    pub file: Option<PathBuf>,
    /// What is written to it.
    pub level: LevelFilter,
    /// How a line looks.
    pub format: LogFormat,
    /// The size in bytes at which a new file is begun; none to let it grow.
    pub max_size: Option<u64>,
    /// How many older files are kept.
    pub keep_files: u32,
}

impl Default for Logging {
    fn default() -> Self {
        Self {
            file: None,
            level: LevelFilter::Info,
            format: LogFormat::default(),
            max_size: Some(10 << 20),
            keep_files: 5,
        }
    }
}

/// How a line of the log looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum LogFormat {
    /// One JSON object.
    #[default]
    Json,
    /// Words for a person.
    Text,
}
