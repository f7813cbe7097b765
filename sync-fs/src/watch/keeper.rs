//! Keeping a whole tree watched where the system does that by itself.
//!
//! Owns the system's watcher and a thread beside it, which sees to it that the root is still there, and makes the watcher
//! anew when news was lost.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use sync_core::path::RelPath;
use sync_replica::{LeftOut, News, Operation, Problem, ProblemKind, Tell, Watching};

use super::translate::Translate;
use super::{PRESENCE, RENEWAL, REPORTED_WITHIN};
use crate::local::LocalReplica;

/// What an event gives to do.
#[derive(Debug)]
pub(super) enum Task {
    /// News was lost.
    Renew,
    /// Nobody listens any more.
    End,
}

impl LocalReplica {
    pub(crate) fn watch_root(&self, tell: Tell, _left_out: LeftOut) -> Result<Watching, Problem> {
        let (tasks, to_do) = channel();
        let translate = Arc::new(Translate {
            root: self.root().to_owned(),
            hidden: Arc::clone(&self.hidden),
            tell,
            tasks,
            trial: Mutex::default(),
        });
        let mut keeper = Keeper { watcher: None, translate: Arc::clone(&translate), identity: self.identity };
        keeper.cover().map_err(|error| {
            let kind = match error.kind {
                ErrorKind::PathNotFound => ProblemKind::RootGone,
                _ => ProblemKind::Unsupported,
            };
            Problem::new(Operation::Watch, &RelPath::root(), kind, error.to_string())
        })?;
        // One that was opened for reading alone makes nothing.
        if let Some(staging) = &self.staging {
            let name = staging.trial();
            let heard = translate.listen_for(name.clone().into_bytes());
            let tried = staging.try_out(&name, || Ok(heard.recv_timeout(REPORTED_WITHIN).is_ok()));
            translate.listen_no_more();
            tried?;
        }
        Ok(keeper.keep(to_do))
    }
}

struct Keeper {
    watcher: Option<RecommendedWatcher>,
    translate: Arc<Translate>,
    /// The root's device and number.
    identity: (u64, u64),
}

/// Ends the thread when it is dropped.
struct Kept(Arc<Translate>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.wants(Task::End);
    }
}

impl Keeper {
    /// Keeps it watched until what is returned is dropped.
    fn keep(mut self, to_do: Receiver<Task>) -> Watching {
        let kept = Kept(Arc::clone(&self.translate));
        std::thread::spawn(move || self.run(&to_do));
        Box::new(kept)
    }

    fn run(&mut self, to_do: &Receiver<Task>) {
        let mut present = true;
        let mut renew_at = None;
        let mut renewed: Option<Instant> = None;
        loop {
            let now = Instant::now();
            let until = renew_at.map_or(PRESENCE, |at: Instant| at.saturating_duration_since(now));
            let tasks = match to_do.recv_timeout(until) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            for task in tasks.into_iter().chain(to_do.try_iter()) {
                match task {
                    Task::End => return,
                    Task::Renew if renew_at.is_none() => {
                        log::warn!(
                            operation = "watch";
                            "more happened in `{}` than the system could report: everything is looked at",
                            self.root().display()
                        );
                        let now = Instant::now();
                        renew_at = Some(renewed.map_or(now, |renewed| now.max(renewed + RENEWAL)));
                    }
                    Task::Renew => {}
                }
            }
            let now = Instant::now();
            if renew_at.is_some_and(|at| at <= now) {
                (renew_at, renewed) = (None, Some(now));
                if let Err(error) = self.cover() {
                    return (self.translate.tell)(News::Ended(error.to_string()));
                }
                (self.translate.tell)(News::Below(RelPath::root()));
            }
            let there = crate::identity::is_there(self.root(), self.identity);
            if !there && present {
                (self.translate.tell)(News::Below(RelPath::root()));
            }
            present = there;
        }
    }

    fn root(&self) -> &Path {
        &self.translate.root
    }

    /// A new watcher, for an old one that does not know what it has missed.
    fn cover(&mut self) -> notify::Result<()> {
        self.watcher = None;
        let translate = Arc::clone(&self.translate);
        // Links are entries of their own and lead nowhere.
        let config = Config::default().with_follow_symlinks(false);
        let mut watcher = RecommendedWatcher::new(move |event| translate.receive(event), config)?;
        watcher.watch(self.root(), RecursiveMode::Recursive)?;
        self.watcher = Some(watcher);
        Ok(())
    }
}
