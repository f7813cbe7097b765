//! What can go wrong at one path of one replica.
//!
//! Owns [`Problem`]. A problem never ends a cycle: it is data that a report carries.

use std::fmt;
use std::io;

use sync_core::path::RelPath;

/// What was being done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Operation {
    /// Reaching the root or its marker.
    Root,
    /// Measuring what the side can do.
    Probe,
    /// Reading a directory or looking at an entry.
    Scan,
    /// Reading a content.
    Read,
    /// Computing a digest.
    Digest,
    /// Writing a staged copy.
    Stage,
    /// Putting a staged copy in place.
    Install,
    /// Making a directory.
    MakeDir,
    /// Renaming.
    Rename,
    /// Setting properties.
    Properties,
    /// Removing or moving to the trash.
    Remove,
    /// Removing a directory.
    RemoveDir,
    /// Keeping the older version under a clash name.
    Clash,
    /// Making data durable.
    Flush,
    /// Cleaning up after an earlier run.
    Recover,
    /// Putting something back from the trash, or looking into it.
    Restore,
    /// Dropping something from the trash.
    Purge,
    /// Watching for changes.
    Watch,
}

impl Operation {
    /// The word for logs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Probe => "probe",
            Self::Scan => "scan",
            Self::Read => "read",
            Self::Digest => "digest",
            Self::Stage => "copy",
            Self::Install => "install",
            Self::MakeDir => "mkdir",
            Self::Rename => "rename",
            Self::Properties => "props",
            Self::Remove => "delete",
            Self::RemoveDir => "rmdir",
            Self::Clash => "clash",
            Self::Flush => "flush",
            Self::Recover => "recover",
            Self::Restore => "restore",
            Self::Purge => "purge",
            Self::Watch => "watch",
        }
    }
}

/// What kind of failure it is, which decides whether trying again helps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The version on disk is not the one the plan was made on: nothing was touched, the next cycle looks again.
    Stale,
    /// It is not there.
    NotFound,
    /// Something else is there than the directory that was to be read.
    NotADirectory,
    /// Something is there already.
    Exists,
    /// A directory holds something nobody has seen.
    NotEmpty,
    /// The system refused.
    PermissionDenied,
    /// There is no space, or a quota is used up.
    NoSpace,
    /// The name or the path is too long for the side.
    NameTooLong,
    /// The side cannot hold such a name or such a thing.
    Unsupported,
    /// Somebody else holds it open.
    InUse,
    /// The root is away, or is not the one that was opened.
    RootGone,
    /// What was written does not read back as what was sent.
    Corrupt,
    /// The work was stopped from outside.
    Cancelled,
    /// Any other failure of the system.
    Io,
}

impl ProblemKind {
    /// A stable identifier for machines.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::NotFound => "not-found",
            Self::NotADirectory => "not-a-directory",
            Self::Exists => "exists",
            Self::NotEmpty => "not-empty",
            Self::PermissionDenied => "permission-denied",
            Self::NoSpace => "no-space",
            Self::NameTooLong => "name-too-long",
            Self::Unsupported => "unsupported",
            Self::InUse => "in-use",
            Self::RootGone => "root-gone",
            Self::Corrupt => "corrupt",
            Self::Cancelled => "cancelled",
            Self::Io => "io",
        }
    }
}

/// A failure at one path.
#[derive(Debug, thiserror::Error)]
pub struct Problem {
    /// What was being done.
    pub operation: Operation,
    /// Where, relative to the root; the root itself for failures of the whole side.
    pub path: RelPath,
    /// What kind of failure.
    pub kind: ProblemKind,
    /// What happened, in words; empty when the source says it all.
    pub message: String,
    /// The system's error.
    #[source]
    pub source: Option<io::Error>,
}

impl Problem {
    /// A problem of our own finding.
    pub fn new(operation: Operation, path: &RelPath, kind: ProblemKind, message: impl Into<String>) -> Self {
        Self { operation, path: path.clone(), kind, message: message.into(), source: None }
    }

    /// A problem the system reported; its kind follows from the error.
    pub fn io(operation: Operation, path: &RelPath, source: io::Error) -> Self {
        Self {
            operation,
            path: path.clone(),
            kind: kind_of(&source),
            message: String::new(),
            source: Some(source),
        }
    }

    /// The version found is not the one the plan was made on.
    pub fn stale(operation: Operation, path: &RelPath, found: &str) -> Self {
        Self::new(operation, path, ProblemKind::Stale, format!("changed since it was scanned: {found}"))
    }

    /// Whether the work was merely stopped.
    pub fn is_cancelled(&self) -> bool {
        self.kind == ProblemKind::Cancelled
    }

    /// The message and the system's words in one line.
    pub fn explain(&self) -> String {
        match (&self.source, self.message.is_empty()) {
            (Some(source), true) => source.to_string(),
            (Some(source), false) => format!("{}: {source}", self.message),
            (None, _) => self.message.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.operation == Operation::Root {
            return f.write_str(&self.explain());
        }
        let path = if self.path.is_root() { "the root".to_owned() } else { format!("`{}`", self.path) };
        write!(f, "{} {path}: {}", self.operation.name(), self.explain())
    }
}

/// The kind that fits a system error.
fn kind_of(error: &io::Error) -> ProblemKind {
    use io::ErrorKind as E;
    #[cfg(windows)]
    if let Some(code) = error.raw_os_error() {
        // 32 sharing violation, 33 lock violation, 112 disk full, 1224 user-mapped section open.
        match code {
            32 | 33 | 1224 => return ProblemKind::InUse,
            112 | 39 => return ProblemKind::NoSpace,
            206 | 111 => return ProblemKind::NameTooLong,
            123 => return ProblemKind::Unsupported,
            _ => {}
        }
    }
    match error.kind() {
        E::NotFound => ProblemKind::NotFound,
        E::AlreadyExists => ProblemKind::Exists,
        E::DirectoryNotEmpty => ProblemKind::NotEmpty,
        E::PermissionDenied | E::ReadOnlyFilesystem => ProblemKind::PermissionDenied,
        E::StorageFull | E::QuotaExceeded | E::FileTooLarge => ProblemKind::NoSpace,
        E::InvalidFilename => ProblemKind::NameTooLong,
        E::Unsupported => ProblemKind::Unsupported,
        E::ResourceBusy | E::ExecutableFileBusy => ProblemKind::InUse,
        _ => ProblemKind::Io,
    }
}
