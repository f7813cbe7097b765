//! The conversation with a mail server.
//!
//! Owns its steps in order, so that whatever fails is told as the step that it was. Each step may take as long as the
//! settings say, and all of them together until the deadline.

use std::error::Error as _;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{
    Certificate, CertificateStore, SmtpConnection, TlsParameters, TlsParametersBuilder,
};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Severity;
use lettre::transport::smtp::{Error, SUBMISSIONS_PORT};

use super::message::Mail;
use super::{Auth, MailSettings, Security};
use crate::channel::{Delivered, DeliveryError};
use crate::plain::{plain, short};
use crate::secret::{Secret, redacted};

/// Sends one mail.
pub(super) fn send(
    settings: &MailSettings,
    mail: &Mail,
    deadline: Instant,
) -> Result<Delivered, DeliveryError> {
    // What is wrong on this machine is found before anybody is bothered.
    let tls = tls_parameters(settings)?;
    let login = match &settings.auth {
        Auth::None => None,
        Auth::Password { user, secret } => {
            Some((user, secret.read(deadline)?, [Mechanism::Plain, Mechanism::Login].as_slice()))
        }
        Auth::Xoauth2 { user, secret } => {
            Some((user, secret.read(deadline)?, [Mechanism::Xoauth2].as_slice()))
        }
    };
    let mut talk =
        Talk { settings, deadline, secret: login.as_ref().map(|(user, secret, _)| (*user, secret)) };
    let mut line = talk.connect(tls.as_ref())?;
    if let (Security::StartTls, Some(tls)) = (settings.security, &tls) {
        if !line.can_starttls() {
            line.abort();
            return Err(talk.tls_failed(
                "the server does not offer STARTTLS; try security = \"tls\" with port 465, or ask who runs it",
            ));
        }
        talk.allow(&mut line, "turning to TLS")?;
        line.starttls(tls, &hello()).map_err(|error| talk.failed("turning to TLS", &error))?;
    }
    if let Some((user, secret, mechanisms)) = &login {
        talk.allow(&mut line, "logging in")?;
        talk.log_in(&mut line, user, secret, mechanisms)?;
    }
    let delivered = talk.hand_over(&mut line, mail)?;
    // It was accepted; how the server says goodbye changes nothing.
    if talk.allow(&mut line, "saying goodbye").is_ok() {
        let _ = line.quit();
    }
    Ok(delivered)
}

/// How this machine calls itself: its name where it has one, as lettre finds it.
fn hello() -> ClientId {
    ClientId::default()
}

fn tls_parameters(settings: &MailSettings) -> Result<Option<TlsParameters>, DeliveryError> {
    if settings.security == Security::None {
        return Ok(None);
    }
    let wrong = |reason: String| DeliveryError::Settings(reason);
    let mut builder = TlsParametersBuilder::new(settings.host.clone());
    if let Some(file) = &settings.ca_file {
        let shown = plain(&file.display().to_string());
        let pem = std::fs::read(file)
            .map_err(|error| wrong(format!("the CA file `{shown}` cannot be read: {error}")))?;
        let certificate = Certificate::from_pem(&pem)
            .map_err(|_| wrong(format!("the CA file `{shown}` holds no certificate as PEM")))?;
        builder = builder.certificate_store(CertificateStore::None).add_root_certificate(certificate);
    }
    let built = builder.build();
    built.map(Some).map_err(|error| wrong(format!("TLS cannot be set up: {}", causes(&error))))
}

struct Talk<'a> {
    settings: &'a MailSettings,
    deadline: Instant,
    secret: Option<(&'a String, &'a Secret)>,
}

impl Talk<'_> {
    fn host(&self) -> String {
        plain(&self.settings.host)
    }

    fn server(&self) -> String {
        format!("`{}` port {}", self.host(), self.settings.port)
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now()).min(self.settings.timeout)
    }

    fn silent(&self, doing: &'static str) -> DeliveryError {
        DeliveryError::Silent { server: self.server(), doing }
    }

    fn tls_failed(&self, reason: impl Into<String>) -> DeliveryError {
        DeliveryError::Tls { server: self.server(), reason: reason.into() }
    }

    /// Gives the next step the time that is left.
    fn allow(&self, line: &mut SmtpConnection, doing: &'static str) -> Result<(), DeliveryError> {
        let left = self.left();
        if left.is_zero() || line.set_timeout(Some(left)).is_err() {
            line.abort();
            return Err(self.silent(doing));
        }
        Ok(())
    }

    fn connect(&mut self, tls: Option<&TlsParameters>) -> Result<SmtpConnection, DeliveryError> {
        let (host, port) = (self.settings.host.as_str(), self.settings.port);
        let not_found = |reason: String| DeliveryError::NameNotFound { host: plain(host), reason };
        let found: Vec<SocketAddr> =
            (host, port).to_socket_addrs().map_err(|error| not_found(error.to_string()))?.collect();
        if found.is_empty() {
            return Err(not_found("no address".to_owned()));
        }
        // Whether anybody is there is found out apart from what is said there.
        let mut reachable = Err(String::new());
        for address in found {
            if self.left().is_zero() {
                break;
            }
            match TcpStream::connect_timeout(&address, self.left()) {
                Ok(_) => {
                    reachable = Ok(address);
                    break;
                }
                Err(error) => reachable = Err(error.to_string()),
            }
        }
        let address =
            reachable.map_err(|reason| DeliveryError::Unreachable { server: self.server(), reason })?;
        let wrapped = tls.filter(|_| self.settings.security == Security::Tls);
        let left = self.left();
        if left.is_zero() {
            return Err(self.silent("connecting"));
        }
        SmtpConnection::connect(address, Some(left), &hello(), wrapped, None)
            .map_err(|error| self.failed("waiting for its greeting", &error))
    }

    fn log_in(
        &self,
        line: &mut SmtpConnection,
        user: &str,
        secret: &Secret,
        mechanisms: &[Mechanism],
    ) -> Result<(), DeliveryError> {
        if line.server_info().get_auth_mechanism(mechanisms).is_none() {
            let names: Vec<String> = mechanisms.iter().map(ToString::to_string).collect();
            line.abort();
            return Err(DeliveryError::Login {
                host: self.host(),
                user: plain(user),
                answer: format!("it does not offer {} here", names.join(" or ")),
            });
        }
        let credentials = Credentials::new(user.to_owned(), secret.expose().to_owned());
        line.auth(mechanisms, &credentials).map(drop).map_err(|error| match error.status() {
            Some(status) if status.severity == Severity::PermanentNegativeCompletion => {
                DeliveryError::Login { host: self.host(), user: plain(user), answer: self.answer(&error) }
            }
            _ => self.failed("logging in", &error),
        })
    }

    /// Sender, recipients, message. One recipient that is refused does not take it from the others.
    fn hand_over(&self, line: &mut SmtpConnection, mail: &Mail) -> Result<Delivered, DeliveryError> {
        let foreign = |address: &lettre::Address| !AsRef::<str>::as_ref(address).is_ascii();
        let mut parameters = Vec::new();
        if foreign(&mail.from) || mail.to.iter().any(foreign) {
            if !line.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(DeliveryError::Settings(format!(
                    "`{}` does not take addresses that are not ASCII",
                    self.host()
                )));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        self.allow(line, "naming the sender")?;
        line.command(MailFrom::new(Some(mail.from.clone()), parameters))
            .map_err(|error| self.refused("the sender", "naming the sender", &error))?;
        let mut refused = Vec::new();
        let mut permanent = true;
        for to in &mail.to {
            self.allow(line, "naming the recipients")?;
            if let Err(error) = line.command(Rcpt::new(to.clone(), Vec::new())) {
                let Some(status) = error.status() else {
                    return Err(self.failed("naming the recipients", &error));
                };
                permanent &= status.severity == Severity::PermanentNegativeCompletion;
                refused.push((to.to_string(), self.answer(&error)));
            }
        }
        if refused.len() == mail.to.len() {
            line.abort();
            return Err(DeliveryError::Recipients { refused, permanent });
        }
        self.allow(line, "handing over the message")?;
        line.command(Data)
            .map_err(|error| self.refused("the message", "handing over the message", &error))?;
        self.allow(line, "handing over the message")?;
        let answer = line
            .message(&mail.bytes)
            .map_err(|error| self.refused("the message", "waiting for the message to be accepted", &error))?;
        let said = answer.message().collect::<Vec<_>>().join(" ");
        Ok(Delivered { answer: self.fit(&said), refused })
    }

    fn refused(&self, what: &'static str, doing: &'static str, error: &Error) -> DeliveryError {
        match error.status() {
            Some(status) => DeliveryError::Refused {
                host: self.host(),
                what,
                answer: self.answer(error),
                permanent: status.severity == Severity::PermanentNegativeCompletion,
            },
            None => self.failed(doing, error),
        }
    }

    /// A step that came to no answer.
    fn failed(&self, doing: &'static str, error: &Error) -> DeliveryError {
        let host = self.host();
        if let Some(status) = error.status() {
            let permanent = status.severity == Severity::PermanentNegativeCompletion;
            return DeliveryError::Refused { host, what: doing, answer: self.answer(error), permanent };
        }
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(cause) = cause.downcast_ref::<io::Error>() {
                if let Some(tls) = cause.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                    return self.tls_failed(self.tls_reason(tls));
                }
                if matches!(cause.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) {
                    return self.silent(doing);
                }
            }
            if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
                return self.tls_failed(self.tls_reason(tls));
            }
            source = cause.source();
        }
        DeliveryError::Broken { server: self.server(), doing, reason: self.fit(&causes(error)) }
    }

    fn tls_reason(&self, error: &rustls::Error) -> String {
        use rustls::{CertificateError as Bad, Error as Tls};
        let host = self.host();
        match error {
            Tls::InvalidCertificate(bad) => match bad {
                Bad::Expired | Bad::ExpiredContext { .. } => {
                    "the server's certificate has expired; check this machine's clock, or ask who runs the server".to_owned()
                }
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    "the server's certificate is not valid yet; check this machine's clock".to_owned()
                }
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                    format!("the server's certificate is for another name than `{host}`; use the name that it is for")
                }
                Bad::UnknownIssuer | Bad::BadSignature => {
                    "the server's certificate is from an authority that is not trusted here; name its certificate with `ca_file` \
                     if it is your own"
                        .to_owned()
                }
                other => format!("the server's certificate cannot be accepted: {other:?}"),
            },
            Tls::InvalidMessage(_) if self.settings.security == Security::Tls => format!(
                "what answers does not speak TLS from the first byte; port {SUBMISSIONS_PORT} is the usual one for it, \
                 and security = \"starttls\" for port 587"
            ),
            other => self.fit(&other.to_string()),
        }
    }

    /// The server's words, as far as they can be shown.
    fn answer(&self, error: &Error) -> String {
        let code = error.status().map(|status| format!("{status} ")).unwrap_or_default();
        let said = error.source().map(ToString::to_string).unwrap_or_default();
        self.fit(&format!("{code}{said}"))
    }

    fn fit(&self, text: &str) -> String {
        let text = match self.secret {
            Some((user, secret)) => redacted(text, user, secret),
            None => text.to_owned(),
        };
        short(&plain(text.trim()), 300)
    }
}

/// An error with its causes.
fn causes(error: &dyn std::error::Error) -> String {
    let mut out = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !out.contains(&said) {
            out = format!("{out}: {said}");
        }
        source = cause.source();
    }
    out
}
