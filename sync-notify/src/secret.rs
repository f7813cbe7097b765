//! What must never be shown.
//!
//! Owns [`Secret`] and the places one can come from. A secret is read when it is needed, so that a changed file
//! counts at once.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::plain::plain;
use crate::process;

/// A text that is never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where a secret comes from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum SecretSource {
    /// There is none.
    #[default]
    None,
    /// The first line of a file.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
    /// The configuration itself.
    Inline(Secret),
    /// The first line that a program prints: the program and its arguments.
    Command(Vec<String>),
}

/// Why a secret could not be read. Never what is in it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// There is none.
    #[error("no password or token is configured")]
    Missing,
    /// The file cannot be read.
    #[error("the password file `{path}` cannot be read: {reason}")]
    File {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// Everybody can read the file.
    #[error("the password file `{path}` can be read by everybody on this machine: run `chmod 600` on it")]
    Exposed {
        /// The file.
        path: String,
    },
    /// The variable is not there.
    #[error("the environment variable `{name}` is not set, or is not text")]
    Env {
        /// The variable.
        name: String,
    },
    /// The program gave none.
    #[error("the command `{program}` gave no password or token: it {reason}")]
    Command {
        /// The program.
        program: String,
        /// What happened.
        reason: String,
    },
    /// What was found is nothing.
    #[error("the password or token from {place} is empty")]
    Empty {
        /// Where it was looked for.
        place: String,
    },
}

/// As much as a token may be long.
const MOST: u64 = 64 << 10;

impl SecretSource {
    /// Reads it.
    pub fn read(&self, deadline: Instant) -> Result<Secret, SecretError> {
        let (text, place) = match self {
            Self::None => return Err(SecretError::Missing),
            Self::Inline(secret) => (secret.0.clone(), "the configuration".to_owned()),
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|_| SecretError::Env { name: plain(name) })?;
                (text, format!("the environment variable `{}`", plain(name)))
            }
            Self::File(path) => (read_file(path)?, format!("`{}`", shown(path))),
            Self::Command(words) => {
                let program = words.first().map(|word| plain(word)).unwrap_or_default();
                let failed = |reason: String| SecretError::Command { program: program.clone(), reason };
                let done = process::run(words, &[], deadline).map_err(failed)?;
                if !done.success {
                    // What it printed may hold the token: only that it failed is told.
                    return Err(failed(done.ended));
                }
                (String::from_utf8_lossy(&done.stdout).into_owned(), format!("the command `{program}`"))
            }
        };
        let line = text.lines().next().unwrap_or_default().trim_end_matches(['\r', '\n']);
        if line.is_empty() { Err(SecretError::Empty { place }) } else { Ok(Secret::new(line)) }
    }
}

fn shown(path: &Path) -> String {
    plain(&path.display().to_string())
}

fn read_file(path: &Path) -> Result<String, SecretError> {
    let failed = |error: std::io::Error| SecretError::File { path: shown(path), reason: error.to_string() };
    let file = std::fs::File::open(path).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if file.metadata().map_err(failed)?.permissions().mode() & 0o007 != 0 {
            return Err(SecretError::Exposed { path: shown(path) });
        }
    }
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Base64, for finding a secret in what a server repeats.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = u32::from(chunk[0]) << 16
            | u32::from(*chunk.get(1).unwrap_or(&0)) << 8
            | u32::from(*chunk.get(2).unwrap_or(&0));
        for place in 0..4 {
            if place > chunk.len() {
                out.push('=');
            } else {
                out.push(char::from(LETTERS[(word >> (18 - 6 * place)) as usize & 63]));
            }
        }
    }
    out
}

/// What a server said, without the secret in any form in which it was sent.
pub(crate) fn redacted(text: &str, user: &str, secret: &Secret) -> String {
    let secret = secret.expose();
    let sent = [
        secret.to_owned(),
        base64(secret.as_bytes()),
        base64(format!("\0{user}\0{secret}").as_bytes()),
        base64(format!("user={user}\x01auth=Bearer {secret}\x01\x01").as_bytes()),
    ];
    let mut out = text.to_owned();
    for form in sent.iter().filter(|form| !form.is_empty()) {
        out = out.replace(form.as_str(), "…");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[test]
    fn base64_is_base64() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("geheim");
        let source = SecretSource::Inline(secret.clone());
        assert!(!format!("{secret:?}{source:?}").contains("geheim"));
        let echo = format!("no: geheim {} {}", base64(b"\0me\0geheim"), base64(b"geheim"));
        assert_eq!(redacted(&echo, "me", &secret), "no: … … …");
    }

    #[test]
    fn the_first_line_counts_and_nothing_is_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p");
        std::fs::write(&file, "geheim\r\nmore\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            mode(0o644);
            let refused = SecretSource::File(file.clone()).read(soon()).unwrap_err();
            assert!(matches!(refused, SecretError::Exposed { .. }), "{refused}");
            mode(0o600);
        }
        assert_eq!(SecretSource::File(file.clone()).read(soon()).unwrap().expose(), "geheim");
        std::fs::write(&file, "\n").unwrap();
        let empty = SecretSource::File(file).read(soon()).unwrap_err();
        assert!(matches!(empty, SecretError::Empty { .. }), "{empty}");
        assert!(matches!(SecretSource::None.read(soon()), Err(SecretError::Missing)));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_can_give_it_and_what_it_prints_when_it_fails_is_not_told() {
        let words = |script: &str| SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec());
        assert_eq!(words("echo token-1").read(soon()).unwrap().expose(), "token-1");
        let failed = words("echo geheim; echo geheim >&2; exit 3").read(soon()).unwrap_err().to_string();
        assert!(!failed.contains("geheim") && failed.contains("exit"), "{failed}");
        let begun = Instant::now();
        let slow = words("sleep 60").read(Instant::now() + Duration::from_millis(200)).unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(40), "{slow}");
    }
}
