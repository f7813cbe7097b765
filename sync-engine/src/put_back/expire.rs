//! How long what is in the trash is kept, and dropping it at the end of a sync when that is over.

use std::time::Duration;

use sync_state::TrashReason;

use super::trash::{Held, PurgeReport, TrashFilter};
use crate::clock::now_ns;
use crate::config::Config;
use crate::error::SessionError;
use crate::session::Session;
use crate::upkeep::{note_done, was_done_today};

/// Under which the state keeps when the trash was looked through last.
const NOTE: &str = "trash-expired";

/// How long the trash keeps things; none for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Keeping {
    /// What was deleted.
    pub deleted: Option<Duration>,
    /// Versions that another one replaced.
    pub replaced: Option<Duration>,
}

impl Keeping {
    /// As a configuration has it. Without a `[versions]` of its own, a version is kept like a deleted file.
    pub(crate) fn of(config: &Config) -> Self {
        let deleted = config.soft_delete.retention;
        let versions = config.policy.versions.enabled;
        Self { deleted, replaced: if versions { config.version_retention } else { deleted } }
    }

    pub(super) fn has_expired(&self, held: &Held, now_ns: i64) -> bool {
        let kept = match held.reason() {
            Some(TrashReason::Replaced) => self.replaced,
            _ => self.deleted,
        };
        let age = u128::try_from(now_ns.saturating_sub(held.deleted_ns)).unwrap_or(0);
        kept.is_some_and(|kept| age > kept.as_nanos())
    }
}

impl Session {
    /// Drops what the trash has kept for long enough, at most once a day. Called when a sync has ended; a failure is
    /// logged and nobody's loss.
    pub(crate) fn expire_trash(&self) {
        if let Err(error) = self.expire_once_a_day() {
            log::warn!(operation = "purge", error:% = error; "the trash could not be looked through");
        }
    }

    fn expire_once_a_day(&self) -> Result<(), SessionError> {
        let Some(state) = self.state.as_ref().filter(|_| !self.read_only) else { return Ok(()) };
        if self.keeping == Keeping::default() {
            return Ok(());
        }
        let now = now_ns();
        if was_done_today(state, NOTE, now)? {
            return Ok(());
        }
        let report: PurgeReport = self.purge_trash(&TrashFilter::default(), true, false)?;
        if !report.purged.is_empty() {
            let count = report.purged.len();
            log::info!(operation = "purge"; "{count} things had been in the trash for long enough");
        }
        Ok(note_done(state, NOTE, now)?)
    }
}
