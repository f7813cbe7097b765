//! What can go wrong with the state.
//!
//! Owns [`StateError`], and the private [`Fault`] that every inner function fails with: a fault knows what failed,
//! the state that ran it adds the operation and the file.

use std::io;
use std::path::{Path, PathBuf};

use crate::codec::Malformed;

/// A failure of the state as a whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// The system refused.
    #[error("could not {operation} `{}`: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// There is no space for what should be remembered. Nothing of this step was; what was remembered before is
    /// safe. [`crate::State::reopen`] makes the state usable again.
    #[error("could not {operation} `{}`: no space is left ({source})", path.display())]
    Full {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Another session has the state.
    #[error("the state `{}` is in use by {}", path.display(), describe_holder(*holder))]
    Locked {
        /// The folder.
        path: PathBuf,
        /// The process that has it, where it said so.
        holder: Option<u32>,
    },
    /// What is in the file cannot be what was written. See [`crate::State::set_aside_and_restart`].
    #[error("the state `{}` is damaged ({table}, {key}): {detail}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The table, or `file` for the file as a whole.
        table: &'static str,
        /// The row, readable; empty for the table as a whole.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A newer Bothways wrote it. It is left exactly as it is.
    #[error(
        "the state `{}` has format {found}, which is newer than {known}: use the newer version that wrote it",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: u32,
        /// The newest format this version knows.
        known: u32,
    },
    /// An earlier failure to write closed the state. [`crate::State::reopen`] makes it usable again.
    #[error("the state `{}` failed to be written before and has to be opened again", path.display())]
    Poisoned {
        /// The file.
        path: PathBuf,
    },
    /// A request that makes no sense, such as a journal row without a run.
    #[error("could not {operation} `{}`: {detail}", path.display())]
    Misuse {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with the request.
        detail: String,
    },
    /// Any other failure of the database.
    #[error("could not {operation} `{}`: {source}", path.display())]
    Store {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The database's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StateError {
    /// Whether the file itself is at fault, so that setting it aside helps.
    pub fn is_corrupt(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }

    pub(crate) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }
}

fn describe_holder(holder: Option<u32>) -> String {
    holder.map_or_else(|| "another session".to_owned(), |pid| format!("another session (process {pid})"))
}

/// A failure before it is known for which file and operation.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The database failed.
    Store(redb::Error),
    /// A row does not decode.
    Malformed {
        /// The table.
        table: &'static str,
        /// The row, readable.
        key: String,
        /// What is wrong.
        detail: String,
    },
    /// The request makes no sense.
    Misuse(String),
    /// The database code panicked, which only a damaged file makes it do.
    Panicked(String),
    /// The file is not open.
    Closed,
}

impl Fault {
    pub(crate) fn malformed(table: &'static str, key: impl Into<String>, why: Malformed) -> Self {
        Self::Malformed { table, key: key.into(), detail: why.0.to_owned() }
    }

    /// The error for whoever uses the state.
    pub(crate) fn at(self, operation: &'static str, path: &Path) -> StateError {
        let path = path.to_owned();
        let corrupt = |path, detail| StateError::Corrupt { path, table: "file", key: String::new(), detail };
        match self {
            Self::Malformed { table, key, detail } => StateError::Corrupt { path, table, key, detail },
            Self::Misuse(detail) => StateError::Misuse { operation, path, detail },
            Self::Panicked(detail) => corrupt(path, detail),
            Self::Closed => StateError::Poisoned { path },
            Self::Store(error) => match error {
                redb::Error::Io(source) if is_full(&source) => StateError::Full { operation, path, source },
                // The database reports a wrong magic number and a file that ends early as I/O errors.
                redb::Error::Io(source)
                    if matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
                {
                    corrupt(path, source.to_string())
                }
                redb::Error::Io(source) => StateError::Io { operation, path, source },
                redb::Error::Corrupted(detail) => corrupt(path, detail),
                redb::Error::DatabaseAlreadyOpen => StateError::Locked { path, holder: None },
                redb::Error::PreviousIo
                | redb::Error::LockPoisoned(_)
                | redb::Error::DatabaseClosed
                | redb::Error::TransactionPoisoned => StateError::Poisoned { path },
                error @ (redb::Error::TableTypeMismatch { .. }
                | redb::Error::TableIsMultimap(_)
                | redb::Error::TableIsNotMultimap(_)
                | redb::Error::TypeDefinitionChanged { .. }
                | redb::Error::TableDoesNotExist(_)) => corrupt(path, error.to_string()),
                error => StateError::Store { operation, path, source: Box::new(error) },
            },
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

impl<E: Into<redb::Error>> From<E> for Fault {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}
