//! What the system's watcher reports of a whole tree, as news of paths.
//!
//! Owns [`Translate`]. What is Bothways' own is left out.

use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind};
use sync_core::path::RelPath;
use sync_replica::{News, Tell};

use super::keeper::Task;
use crate::layout::Hidden;
use crate::sys;

/// A file that was made to see whether it is reported: its name, and whom to tell.
pub(super) type Trial = Option<(Vec<u8>, Sender<()>)>;

pub(super) struct Translate {
    pub(super) root: PathBuf,
    pub(super) hidden: Arc<Hidden>,
    pub(super) tell: Tell,
    /// What events give the keeper to do.
    pub(super) tasks: Sender<Task>,
    pub(super) trial: Mutex<Trial>,
}

impl Translate {
    pub(super) fn receive(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.wants(Task::Renew),
            Ok(event) => self.event(&event),
            // What could not be watched may have changed unseen.
            Err(error) => {
                log::debug!(operation = "watch"; "{error}");
                let below: Vec<_> = error.paths.iter().filter_map(|path| self.path(path)).collect();
                let root = below.is_empty().then(RelPath::root);
                below.into_iter().chain(root).for_each(|path| (self.tell)(News::Below(path)));
            }
        }
    }

    fn event(&self, event: &Event) {
        let whole = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => false,
            EventKind::Access(_) => return,
            // A folder that came may hold something already.
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => true,
            EventKind::Modify(_) | EventKind::Remove(_) => false,
            EventKind::Any | EventKind::Other => true,
        };
        let moved = matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)));
        for full in &event.paths {
            let Some(path) = self.path(full) else { continue };
            if !path.is_root() && self.hidden.covers(&path) {
                self.tried(&path);
                continue;
            }
            (self.tell)(match path {
                path if path.is_root() => News::Below(path),
                path if moved => News::Moved(path),
                path if whole => News::Below(path),
                path => News::At(path),
            });
        }
    }

    /// The keeper is there for as long as anybody listens.
    pub(super) fn wants(&self, task: Task) {
        let _ = self.tasks.send(task);
    }

    pub(super) fn listen_for(&self, name: Vec<u8>) -> Receiver<()> {
        let (send, heard) = channel();
        *self.trial.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, send));
        heard
    }

    pub(super) fn listen_no_more(&self) {
        *self.trial.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Something of our own was reported: perhaps the file that was made for it.
    fn tried(&self, path: &RelPath) {
        let trial = self.trial.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, send)) = &*trial
            && path.name() == name.as_slice()
        {
            let _ = send.send(());
        }
    }

    /// A path of the system's as a path of the root; none for one that lies elsewhere.
    fn path(&self, path: &Path) -> Option<RelPath> {
        path.strip_prefix(&self.root).ok()?.components().try_fold(RelPath::root(), |at, component| {
            match component {
                Component::Normal(name) => at.join(&sys::name_bytes(name)).ok(),
                _ => None,
            }
        })
    }
}
