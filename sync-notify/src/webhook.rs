//! Letters to a web service.
//!
//! Owns the channel that POSTs the letter's JSON, signed where there is a secret. Redirects are not followed: a letter
//! goes where the configuration says and nowhere else.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

use crate::channel::{Channel, Delivered, DeliveryError};
use crate::letter::Letter;
use crate::plain::{plain, short};
use crate::secret::{Secret, SecretSource, redacted};

/// The header with the signature: `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits.
pub const SIGNATURE_HEADER: &str = "X-Bothways-Signature-256";

/// Where to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookSettings {
    /// `https://…`, or `http://…` for a service on the same machine or network.
    pub url: String,
    /// What the body is signed with.
    pub secret: SecretSource,
    /// A file with the certificates of the authorities that are trusted instead of the system's, as PEM.
    pub ca_file: Option<PathBuf>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Sends to a web service.
#[derive(Debug)]
pub struct WebhookChannel {
    settings: WebhookSettings,
}

impl WebhookChannel {
    /// A channel to a web service.
    pub fn new(settings: WebhookSettings) -> Self {
        Self { settings }
    }

    /// Scheme, host and port: the rest of an address, and what stands before the host, is often a secret.
    fn origin(&self) -> String {
        let (scheme, rest) = self.settings.url.split_once("://").unwrap_or(("", ""));
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        plain(&format!("{scheme}://{host}"))
    }

    fn tls(&self) -> Result<TlsConfig, DeliveryError> {
        let roots = match &self.settings.ca_file {
            None => RootCerts::PlatformVerifier,
            Some(file) => {
                let shown = plain(&file.display().to_string());
                let wrong = |why: String| DeliveryError::Settings(format!("the CA file `{shown}` {why}"));
                let pem = std::fs::read(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
                let certificates: Vec<_> = parse_pem(&pem)
                    .filter_map(|item| match item {
                        Ok(PemItem::Certificate(certificate)) => Some(certificate),
                        _ => None,
                    })
                    .collect();
                if certificates.is_empty() {
                    return Err(wrong("holds no certificate as PEM".to_owned()));
                }
                RootCerts::new_with_certs(&certificates)
            }
        };
        // Named here, so that it does not hang on what else the program is built with.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
    }
}

/// What the signature header holds for a body.
pub fn signature(secret: &Secret, body: &[u8]) -> String {
    let mut out = "sha256=".to_owned();
    // A key of any length is taken.
    if let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()) {
        mac.update(body);
        for byte in mac.finalize().into_bytes() {
            out.extend(
                [byte >> 4, byte & 15].map(|nibble| char::from_digit(u32::from(nibble), 16).unwrap_or('0')),
            );
        }
    }
    out
}

impl Channel for WebhookChannel {
    fn name(&self) -> &'static str {
        "webhook"
    }

    fn place(&self) -> String {
        format!("the web service at {}", self.origin())
    }

    fn deliver(&self, letter: &Letter, deadline: Instant) -> Result<Delivered, DeliveryError> {
        let host = self.origin();
        let secret = match &self.settings.secret {
            SecretSource::None => None,
            source => Some(source.read(deadline)?),
        };
        let left = deadline.saturating_duration_since(Instant::now()).min(self.settings.timeout);
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(left.max(Duration::from_millis(1))))
            .max_redirects(0)
            .http_status_as_error(false)
            .tls_config(self.tls()?)
            .user_agent(concat!("bothways/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let body = letter.to_json();
        let mut request = agent
            .post(&self.settings.url)
            .header("Content-Type", "application/json")
            .header("X-Bothways-Delivery", &letter.id);
        if let Some(secret) = &secret {
            request = request.header(SIGNATURE_HEADER, signature(secret, &body));
        }
        let mut answer = request.send(&body[..]).map_err(|error| failed(&host, &error))?;
        let status = answer.status();
        let said = answer.body_mut().with_config().limit(4096).read_to_string().unwrap_or_default();
        let said = secret.as_ref().map_or(said.clone(), |secret| redacted(&said, "", secret));
        let said = short(&plain(said.lines().next().unwrap_or_default()), 200);
        if status.is_success() {
            return Ok(Delivered { answer: format!("{} {said}", status.as_u16()), refused: Vec::new() });
        }
        let answer = match status.as_u16() {
            code @ 300..400 => format!("{code}, a redirect, which is not followed: name the final address"),
            code => format!("{code} {said}"),
        };
        // What the sender did wrong stays wrong, but for those that ask to come back.
        let permanent = status.is_redirection()
            || status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429);
        Err(DeliveryError::Refused { host, what: "the message", answer: answer.trim().to_owned(), permanent })
    }
}

fn failed(host: &str, error: &ureq::Error) -> DeliveryError {
    let (host, server) = (host.to_owned(), format!("`{host}`"));
    let broken =
        |reason: String| DeliveryError::Broken { server: server.clone(), doing: "talking to it", reason };
    match error {
        ureq::Error::HostNotFound => DeliveryError::NameNotFound { host, reason: "no address".to_owned() },
        ureq::Error::Timeout(_) => DeliveryError::Silent { server, doing: "talking to it" },
        ureq::Error::ConnectionFailed => {
            DeliveryError::Unreachable { server, reason: "nobody answers".to_owned() }
        }
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            DeliveryError::Unreachable { server, reason: error.to_string() }
        }
        ureq::Error::BadUri(_) => {
            DeliveryError::Settings("the address of the web service is no URL".to_owned())
        }
        ureq::Error::Rustls(error) => DeliveryError::Tls { server, reason: plain(&error.to_string()) },
        ureq::Error::Tls(reason) => DeliveryError::Tls { server, reason: plain(reason) },
        ureq::Error::Io(error) => {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => DeliveryError::Tls { server, reason: plain(&error.to_string()) },
                None => broken(plain(&error.to_string())),
            }
        }
        other => broken(short(&plain(&other.to_string()), 200)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 2 of RFC 4231.
    #[test]
    fn the_signature_is_hmac_sha256() {
        let signed = signature(&Secret::new("Jefe"), b"what do ya want for nothing?");
        assert_eq!(signed, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn of_an_address_only_the_origin_is_shown() {
        let settings = WebhookSettings {
            url: "https://user:geheim@hooks.example.org:8443/services/T00/geheim?k=geheim".to_owned(),
            secret: SecretSource::None,
            ca_file: None,
            timeout: Duration::from_secs(1),
        };
        let place = WebhookChannel::new(settings).place();
        assert_eq!(place, "the web service at https://hooks.example.org:8443");
    }
}
