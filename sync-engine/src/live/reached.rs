//! How other commands reach a live session.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use sync_state::StateError;

use crate::config::Config;
use crate::control::{Call, Server, Stage};
use crate::error::SessionError;
use crate::session::{SessionOptions, state_dir};

/// A live session as others reach it, from its begin to its end, whether its roots are there or not.
pub(super) struct Reached {
    pub(super) stage: Arc<Stage>,
    // Before the server: whoever still waits for a turn is told that none comes, and then the server ends.
    pub(super) calls: Receiver<Call>,
    server: Served,
    folder: PathBuf,
    roots: (OsString, OsString),
}

/// Who lets others in.
enum Served {
    NotYet,
    /// It does so until it is dropped.
    By(#[allow(dead_code, reason = "held, never asked")] Server),
    Nobody,
}

impl Reached {
    pub(super) fn new(config: &Config, options: &SessionOptions) -> Self {
        let folder = state_dir(config, options);
        let (stage, calls) = Stage::new(folder.clone());
        let roots = (config.roots.left.clone().into(), config.roots.right.clone().into());
        Self { stage, calls, server: Served::NotYet, folder, roots }
    }

    /// The configuration may be another one now: whoever looks for its pair shall find this session.
    pub(super) fn follow(&mut self, config: &Config, options: &SessionOptions) {
        let roots = (config.roots.left.clone().into(), config.roots.right.clone().into());
        if self.folder != state_dir(config, options) || self.roots != roots {
            *self = Self::new(config, options);
        }
    }

    /// Lets others in from now on.
    ///
    /// # Errors
    /// When another session is there already: it has the state in use, or will have.
    pub(super) fn open(&mut self) -> Result<(), SessionError> {
        if !matches!(self.server, Served::NotYet) {
            return Ok(());
        }
        match Server::start(&self.folder, self.roots.clone(), &self.stage) {
            Ok(Some(server)) => self.server = Served::By(server),
            Ok(None) => return Err(StateError::Locked { path: self.folder.clone(), holder: None }.into()),
            Err(error) => {
                log::warn!(
                    operation = "control", error = error.to_string().as_str();
                    "other commands cannot reach this session: {error}"
                );
                self.server = Served::Nobody;
            }
        }
        Ok(())
    }
}
