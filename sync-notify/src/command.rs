//! A program of the user's that is told.
//!
//! Owns the channel that runs a program with the letter's JSON on its standard input. Exit code 0 means that it was
//! taken; anything else, and it is tried again later.

use std::time::{Duration, Instant};

use crate::channel::{Channel, Delivered, DeliveryError};
use crate::letter::Letter;
use crate::plain::{plain, short};
use crate::process;

/// Which program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandSettings {
    /// The program and its arguments; no shell is involved.
    pub words: Vec<String>,
    /// How long it may take.
    pub timeout: Duration,
}

/// Runs a program.
#[derive(Debug)]
pub struct CommandChannel {
    settings: CommandSettings,
}

impl CommandChannel {
    /// A channel to a program.
    pub fn new(settings: CommandSettings) -> Self {
        Self { settings }
    }

    fn program(&self) -> String {
        self.settings.words.first().map(|word| plain(word)).unwrap_or_default()
    }
}

impl Channel for CommandChannel {
    fn name(&self) -> &'static str {
        "command"
    }

    fn place(&self) -> String {
        format!("the command `{}`", self.program())
    }

    fn deliver(&self, letter: &Letter, deadline: Instant) -> Result<Delivered, DeliveryError> {
        let failed = |reason: String| DeliveryError::Command { program: self.program(), reason };
        let deadline = deadline.min(Instant::now() + self.settings.timeout);
        let mut document = letter.to_json();
        document.push(b'\n');
        let done = process::run(&self.settings.words, &document, deadline).map_err(failed)?;
        if !done.success {
            return Err(failed(done.complaint()));
        }
        let said = String::from_utf8_lossy(&done.stdout);
        let answer = short(&plain(said.lines().next().unwrap_or_default()), 200);
        Ok(Delivered { answer, refused: Vec::new() })
    }
}
