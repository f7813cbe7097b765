//! Letters as mail.
//!
//! Owns [`MailChannel`] and its settings. `message` makes the mail, `smtp` talks to the server. One connection for each
//! letter: they are few, and a server that drops a connection then costs nothing but a try.

mod message;
mod smtp;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::channel::{Channel, Delivered, DeliveryError};
use crate::letter::Letter;
use crate::secret::SecretSource;

/// Which server, and from whom to whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MailSettings {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// How to log in.
    pub auth: Auth,
    /// A file with the certificates of the authorities that are trusted instead of the system's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// Who sends.
    pub from: String,
    /// Who receives.
    pub to: Vec<String>,
    /// How every subject begins.
    pub subject_prefix: String,
    /// How long one answer of the server may take.
    pub timeout: Duration,
}

/// How the connection is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// It begins in the open and turns to TLS before anything is said; refused where it does not.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// In the open: for a relay on the same machine or network.
    None,
}

/// How to log in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Auth {
    /// Not at all.
    None,
    /// User name and password, as PLAIN or LOGIN.
    Password {
        /// The user.
        user: String,
        /// The password.
        secret: SecretSource,
    },
    /// User name and OAuth token.
    Xoauth2 {
        /// The user.
        user: String,
        /// The token.
        secret: SecretSource,
    },
}

/// Sends mail.
#[derive(Debug)]
pub struct MailChannel {
    settings: MailSettings,
}

impl MailChannel {
    /// A channel to a mail server.
    pub fn new(settings: MailSettings) -> Self {
        Self { settings }
    }
}

impl Channel for MailChannel {
    fn name(&self) -> &'static str {
        "mail"
    }

    fn place(&self) -> String {
        let MailSettings { host, port, to, .. } = &self.settings;
        format!("mail to {} by {host} port {port}", to.join(", "))
    }

    fn deliver(&self, letter: &Letter, deadline: Instant) -> Result<Delivered, DeliveryError> {
        let mail = message::compose(&self.settings, letter)?;
        smtp::send(&self.settings, &mail, deadline)
    }
}
