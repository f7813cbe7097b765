//! Watching a root: the system's events as news of paths.
//!
//! Owns the translation only. What is Bothways' own is left out, news that was lost becomes news of everything, and a
//! system that can watch no more says so instead of staying silent. A watched network drive, or one behind FUSE, may
//! stay silent whatever happens: whoever listens has to look for himself now and then.

use std::path::{Component, Path};
use std::sync::Arc;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use sync_core::path::RelPath;
use sync_replica::{News, Operation, Problem, ProblemKind, Tell, Watching};

use crate::layout::Hidden;
use crate::local::LocalReplica;
use crate::sys;

impl LocalReplica {
    pub(crate) fn is_told_everything(&self) -> bool {
        // Where a network or a user's program stands between, others change things without a word to this system. What
        // cannot be asked is not relied on.
        self.root.file_system().is_ok_and(|it| it.is_trusted())
    }

    pub(crate) fn watch_root(&self, tell: Tell) -> Result<Watching, Problem> {
        let translate = Translate { root: self.root().to_owned(), hidden: Arc::clone(&self.hidden), tell };
        let handler = move |event: notify::Result<Event>| translate.receive(event);
        // Links are entries of their own and lead nowhere.
        let config = Config::default().with_follow_symlinks(false);
        let watched = RecommendedWatcher::new(handler, config).and_then(|mut watcher| {
            watcher.watch(self.root(), RecursiveMode::Recursive)?;
            Ok(watcher)
        });
        match watched {
            Ok(watcher) => Ok(Box::new(watcher)),
            Err(error) => {
                let kind = match error.kind {
                    ErrorKind::PathNotFound => ProblemKind::RootGone,
                    _ => ProblemKind::Unsupported,
                };
                Err(Problem::new(Operation::Watch, &RelPath::root(), kind, words(&error)))
            }
        }
    }
}

fn words(error: &notify::Error) -> String {
    match error.kind {
        ErrorKind::MaxFilesWatch => "the system allows no more watched folders: raise \
             `fs.inotify.max_user_watches` (see `sysctl`)"
            .to_owned(),
        _ => error.to_string(),
    }
}

struct Translate {
    root: std::path::PathBuf,
    hidden: Arc<Hidden>,
    tell: Tell,
}

impl Translate {
    fn receive(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => (self.tell)(News::Below(RelPath::root())),
            Ok(event) => self.event(&event),
            Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => {
                (self.tell)(News::Ended(words(&error)));
            }
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
            // A folder that came may have been filled before it was watched.
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)) => true,
            EventKind::Modify(_) | EventKind::Remove(_) => false,
            EventKind::Any | EventKind::Other => true,
        };
        for path in event.paths.iter().filter_map(|path| self.path(path)) {
            if !path.is_root() && self.hidden.covers(&path) {
                continue;
            }
            (self.tell)(if whole || path.is_root() { News::Below(path) } else { News::At(path) });
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
