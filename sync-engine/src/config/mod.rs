//! The configuration of a pair of replicas.
//!
//! Owns every key a user can set: its name, its default, its meaning ([`keys`]), the resolved values ([`Config`])
//! and the errors that show a mistake in the file. It never acts on what it reads, and it looks at no root: whether
//! a folder is there is the session's business. Start at [`Config::load`]; a new key needs a row in `keys`, a field
//! in `model` and a line in `decode`, and a test fails while one of them is missing.

use std::path::{Path, PathBuf};

use sync_core::side::Sides;

mod changes;
mod decode;
mod error;
mod keys;
mod model;
mod place;
mod template;
#[cfg(test)]
mod tests;
mod tree;
mod values;

pub use changes::Changes;
pub use error::{ConfigError, Fault, Mistake};
pub use model::{
    Address, Alert, Auth, Config, Email, Granularity, Hours, Ignore, Limits, Live, LogFormat, Logging,
    Password, Performance, Secret, Security, SoftDelete, Timetable, Verify, WatchMode, Webhook,
};
pub use place::default_state_dir;
pub use template::{reference_markdown, template, template_for};
pub use tree::Format;
pub use values::{format_duration, format_size, parse_duration, parse_size};

impl Config {
    /// All defaults, for two folders given on the command line; relative ones are relative to the working folder.
    ///
    /// # Errors
    /// [`ConfigError::Roots`] where the two cannot be a pair: one is empty, or one is or holds the other.
    pub fn for_roots(left: impl AsRef<Path>, right: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let roots = Sides::new(left.as_ref(), right.as_ref());
        for (side, root) in roots.iter() {
            if root.as_os_str().is_empty() {
                let reason = format!("the {side} root is empty: name a folder");
                return Err(ConfigError::Roots { reason });
            }
        }
        let absolute = |path: &Path| {
            std::path::absolute(path).map_err(|error| {
                let reason = format!("cannot tell where `{}` is: {error}", error::shown(path));
                ConfigError::Roots { reason }
            })
        };
        let roots = roots.map(absolute).transpose()?;
        if let Some(reason) = decode::not_a_pair(&roots) {
            return Err(ConfigError::Roots { reason });
        }
        Ok(Self::of(roots))
    }

    /// Reads a configuration file; TOML, or JSON or YAML by its ending.
    ///
    /// # Errors
    /// Any of [`ConfigError`]; what is wrong with the text is a [`Fault`] that shows the place.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let config = Self::from_text(&read(path)?, path)?;
        let secrets = [&config.email.password, &config.webhook.secret];
        if secrets.iter().any(|secret| matches!(secret, Password::Inline(_))) {
            refuse_exposed(path)?;
        }
        Ok(config)
    }

    /// Reads a configuration from its text, as if it stood in `path`, whose ending gives the format and whose
    /// folder is what relative paths are relative to.
    pub fn from_text(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
        let source = error::Source { file: path, format: Format::of(path), text };
        if let Some(at) = text.find('\0') {
            return Err(source.fault(&(at..at + 1), "there is a NUL character in the text").into());
        }
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = absolute.parent().map_or_else(PathBuf::new, Path::to_owned);
        let tree = tree::parse(&source)?;
        let mut config = decode::config(&source, &folder, tree)?;
        config.file = Some(absolute);
        Ok(config)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    use std::io::Read as _;
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(tree::MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    let no_text = |reason: &str| ConfigError::NoText { path: path.to_owned(), reason: reason.to_owned() };
    if bytes.len() > tree::MAX_BYTES {
        return Err(no_text("it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|b| *b == b'\n').count();
        no_text(&format!("line {line} is not UTF-8; save the file as UTF-8"))
    })
}

#[cfg(unix)]
fn refuse_exposed(path: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::PermissionsExt as _;
    let read = |source| ConfigError::Read { path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(read)?.permissions().mode() & 0o777;
    // Who may write it may name another mail server and be sent the password.
    if mode & 0o077 != 0 { Err(ConfigError::Exposed { path: path.to_owned(), mode }) } else { Ok(()) }
}

/// Windows keeps a user's folders from others by inherited access lists, which have no mode to look at.
#[cfg(not(unix))]
fn refuse_exposed(_path: &Path) -> Result<(), ConfigError> {
    Ok(())
}
