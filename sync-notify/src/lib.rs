//! Alerts: what a person should hear of, put into words and delivered.
//!
//! Owns the events and letters, how they read as text, HTML and JSON, and the channels that deliver them: mail, a
//! webhook, a command. Must never make a sync fail or wait: every delivery has a deadline, and what went wrong is a
//! [`DeliveryError`] that names no secret. Which events are worth telling, and when a delivery is tried again, is
//! decided by whoever calls.
//!
//! Start with [`Letter`] and [`Channel`].
#![forbid(unsafe_code)]

mod channel;
mod command;
mod event;
mod letter;
mod mail;
mod numbers;
mod plain;
mod process;
mod render;
mod secret;
mod webhook;

pub use channel::{Channel, Delivered, DeliveryError};
pub use command::{CommandChannel, CommandSettings};
pub use event::{Conflict, Event, Failure, Folder, Halt, Recovery, Remedy, Version, What};
pub use letter::{Letter, LetterKind, Summary};
pub use mail::{Auth, MailChannel, MailSettings, Security};
pub use numbers::{count, grouped};
pub use plain::{plain, quoted};
pub use render::{Rendered, render};
pub use secret::{Secret, SecretError, SecretSource};
pub use webhook::{SIGNATURE_HEADER, WebhookChannel, WebhookSettings, signature};

/// The most events one letter shows; it gives the number of the rest.
pub const MAX_EVENTS: usize = 100;
