//! A letter as a mail.
//!
//! Owns the headers. Whatever comes from a file's name was escaped by the renderer; what is left is encoded as RFC 2047
//! asks.

use std::time::{Duration, SystemTime};

use lettre::Address;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

use super::MailSettings;
use crate::channel::DeliveryError;
use crate::letter::Letter;
use crate::plain::plain;
use crate::render::render;

/// A mail, and between whom it goes.
pub(super) struct Mail {
    pub(super) from: Address,
    pub(super) to: Vec<Address>,
    pub(super) bytes: Vec<u8>,
}

/// Tells programs that no person wrote it, so that none answers (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// As many earlier letters as a mail refers to.
const REFERENCES: usize = 20;

pub(super) fn compose(settings: &MailSettings, letter: &Letter) -> Result<Mail, DeliveryError> {
    let from = address(&settings.from)?;
    let to = settings.to.iter().map(|to| address(to)).collect::<Result<Vec<_>, _>>()?;
    let rendered = render(letter, &settings.subject_prefix);
    let domain = from.domain().to_owned();
    let id = |word: &str| {
        // Ids are ours, and digits; a state that somebody wrote into must not make a header.
        let word: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
        format!("<{word}@{domain}>")
    };
    let written =
        SystemTime::UNIX_EPOCH + u64::try_from(letter.time_ns).map_or(Duration::ZERO, Duration::from_nanos);
    let mut builder = Message::builder()
        .from(Mailbox::new(Some("Bothways".to_owned()), from.clone()))
        .subject(rendered.subject)
        .date(written)
        .message_id(Some(id(&letter.id)))
        .header(AutoSubmitted);
    for to in &to {
        builder = builder.to(Mailbox::new(None, to.clone()));
    }
    // Letters about one matter alone hang together; all that follow an earlier one hang on it.
    let mut before: Vec<String> = Vec::new();
    if let [only] = letter.events.as_slice() {
        before.push(id(&format!("thread{}", only.thread)));
    }
    before.extend(letter.events.iter().filter_map(|event| event.follows.as_deref()).map(id));
    let mut seen = std::collections::BTreeSet::new();
    before.retain(|one| seen.insert(one.clone()));
    before.truncate(REFERENCES);
    if let Some(last) = before.last() {
        builder = builder.in_reply_to(last.clone()).references(before.join(" "));
    }
    let mail = builder
        .multipart(MultiPart::alternative_plain_html(rendered.text, rendered.html))
        .map_err(|error| DeliveryError::Settings(format!("the mail cannot be made: {error}")))?;
    Ok(Mail { from, to, bytes: mail.formatted() })
}

fn address(text: &str) -> Result<Address, DeliveryError> {
    let wrong = |error| DeliveryError::Settings(format!("`{}` is no mail address: {error}", plain(text)));
    text.parse::<Address>().map_err(wrong)
}
