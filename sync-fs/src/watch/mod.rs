//! Watching a root: the system's events as news of paths.
//!
//! Owns the translation; `keeper` sees to it that every folder stays watched. What is Bothways' own is left out, news
//! that was lost becomes news of everything, and a system that can watch no more says so instead of staying silent. A
//! watched network drive, or one behind FUSE, may stay silent whatever others do there: whoever listens has to look for
//! himself.

mod keeper;

use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, EventKind};
use sync_core::entry::Attributes;
use sync_core::path::RelPath;
use sync_replica::{News, Operation, Problem, ProblemKind, Tell, Watching};

use self::keeper::{Keeper, Task};
use crate::layout::Hidden;
use crate::local::LocalReplica;
use crate::sys;

/// How long the system may take to report a file that was made to see whether it does.
const REPORTED_WITHIN: Duration = Duration::from_secs(2);

impl LocalReplica {
    pub(crate) fn is_told_everything(&self) -> bool {
        // Where a network or a user's program stands between, others change things without a word to this system. What
        // cannot be asked is not relied on.
        self.root.file_system().is_ok_and(|it| it.is_trusted())
    }

    pub(crate) fn watch_root(&self, tell: Tell) -> Result<Watching, Problem> {
        let (tasks, to_do) = channel();
        let translate = Arc::new(Translate {
            root: self.root().to_owned(),
            hidden: Arc::clone(&self.hidden),
            tell,
            tasks,
            trial: Mutex::default(),
        });
        let keeper = Keeper::begin(Arc::clone(&translate), self.identity).map_err(|error| {
            let kind = match error.kind {
                ErrorKind::PathNotFound => ProblemKind::RootGone,
                _ => ProblemKind::Unsupported,
            };
            Problem::new(Operation::Watch, &RelPath::root(), kind, words(&error))
        })?;
        self.try_out(&translate)?;
        Ok(keeper.keep(to_do))
    }

    /// Makes a file of our own and waits until the system reports it. There are systems that let themselves be asked and
    /// never say a word.
    fn try_out(&self, translate: &Translate) -> Result<(), Problem> {
        // One that was opened for reading alone makes nothing.
        let Some(staging) = &self.staging else { return Ok(()) };
        let io = |error| Problem::io(Operation::Watch, &RelPath::root(), error);
        let name = format!("t-{}-watch", staging.number());
        let heard = translate.listen_for(name.clone().into_bytes());
        let file = staging.dir.create(name.as_bytes(), Attributes::Unix(0o600)).map_err(io)?;
        drop(file);
        let reported = heard.recv_timeout(REPORTED_WITHIN).is_ok();
        translate.listen_no_more();
        staging.dir.unlink(name.as_bytes()).map_err(io)?;
        if !reported {
            let words =
                "the system does not report what happens there: a file made to see that was not reported";
            return Err(Problem::new(Operation::Watch, &RelPath::root(), ProblemKind::Unsupported, words));
        }
        Ok(())
    }
}

/// What went wrong, and what may be done.
fn words(error: &notify::Error) -> String {
    match &error.kind {
        ErrorKind::MaxFilesWatch => "the system allows no more watched folders: raise \
             `fs.inotify.max_user_watches` (see `sysctl`)"
            .to_owned(),
        #[cfg(target_os = "linux")]
        ErrorKind::Io(source) if source.raw_os_error() == Some(libc::EMFILE) => {
            "the system allows no more watchers: raise `fs.inotify.max_user_instances` (see `sysctl`), or the number of \
             open files"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

/// A file that was made to see whether it is reported: its name, and whom to tell.
type Trial = Option<(Vec<u8>, Sender<()>)>;

struct Translate {
    root: PathBuf,
    hidden: Arc<Hidden>,
    tell: Tell,
    /// What events give the keeper to do.
    tasks: Sender<Task>,
    trial: Mutex<Trial>,
}

impl Translate {
    fn receive(&self, event: notify::Result<Event>) {
        match event {
            Ok(event) if event.need_rescan() => self.wants(Task::Renew),
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
        let may_be_folder = match event.kind {
            EventKind::Create(kind) => kind != CreateKind::File,
            EventKind::Modify(ModifyKind::Name(mode)) => mode != RenameMode::From,
            _ => false,
        };
        let moved = matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)));
        for full in &event.paths {
            let Some(path) = self.path(full) else { continue };
            if !path.is_root() && self.hidden.covers(&path) {
                self.tried(&path);
                continue;
            }
            if may_be_folder && !path.is_root() {
                self.wants(Task::Cover(full.clone()));
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
    fn wants(&self, task: Task) {
        let _ = self.tasks.send(task);
    }

    fn listen_for(&self, name: Vec<u8>) -> Receiver<()> {
        let (send, heard) = channel();
        *self.trial.lock().unwrap_or_else(PoisonError::into_inner) = Some((name, send));
        heard
    }

    fn listen_no_more(&self) {
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
