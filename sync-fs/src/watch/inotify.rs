//! Listening to a root on Linux.
//!
//! Owns [`Listener`], a thread that takes what the system reports to `hearing`, and goes on with the walk that follows
//! from it. It does a little of each in turn, so that a great folder that comes holds up no news of the others.

use std::ffi::CStr;
use std::io::{self, PipeReader};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use sync_core::path::RelPath;
use sync_replica::{LeftOut, News, Operation, Problem, ProblemKind, Tell, Watching};

use super::hearing::Hearing;
use super::tree::Wd;
use super::walk::{Outside, Walk, Watches};
use super::{PRESENCE, RENEWAL, REPORTED_WITHIN};
use crate::layout::{OWN, STAGED};
use crate::local::{LocalReplica, Staging};
use crate::sys::path_from_bytes;

/// How often folders are tried again that could not be watched.
const AGAIN: Duration = Duration::from_secs(10);
/// How soon it is seen that a folder which left its place does not arrive anywhere.
const TIDY: Duration = Duration::from_millis(500);
/// How many steps the walk takes before events are heard again.
const STEPS: usize = 128;
/// The bytes of events that are taken at a time.
const BUFFER: usize = 64 << 10;

impl LocalReplica {
    pub(crate) fn watch_root(&self, tell: Tell, left_out: LeftOut) -> Result<Watching, Problem> {
        let root = RelPath::root();
        let refused = |kind, error: &io::Error| Problem::new(Operation::Watch, &root, kind, words(error));
        let unsupported = |error: io::Error| refused(ProblemKind::Unsupported, &error);
        let fd = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)
            .map_err(|error| unsupported(error.into()))?;
        let watches = Inotify(Arc::new(fd));
        // One that was opened for reading alone makes nothing.
        if let Some(staging) = &self.staging {
            watches.try_out(staging, self.root())?;
        }
        let outside = Outside { hidden: Arc::clone(&self.hidden), left_out };
        let fd = Arc::clone(&watches.0);
        let at_root = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => refused(ProblemKind::RootGone, &error),
            _ => unsupported(error),
        };
        let mut walk = Walk::new(self.root().to_owned(), watches, outside).map_err(at_root)?;
        while walk.is_on() {
            // Nobody needs to be told: everything is looked at once it is watched.
            walk.go(STEPS, &|_| {}).map_err(at_root)?;
        }
        let hearing = Hearing { walk, tell, last: None };
        let listener = Listener { fd, hearing, identity: self.identity, renew: None, is_renewing: false };
        listener.say_what_is_dark();
        let (ends, end) = io::pipe().map_err(|error| Problem::io(Operation::Watch, &root, error))?;
        std::thread::Builder::new()
            .name("watch".to_owned())
            .spawn(move || listener.run(&ends))
            .map_err(|error| Problem::io(Operation::Watch, &root, error))?;
        Ok(Box::new(end))
    }
}

/// What went wrong, and what may be done.
pub(super) fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOSPC) => "the system allows no more watched folders: raise \
             `fs.inotify.max_user_watches` (see `sysctl`)"
            .to_owned(),
        Some(libc::EMFILE) => {
            "the system allows no more watchers: raise `fs.inotify.max_user_instances` (see `sysctl`), or the number of \
             open files"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

/// The system's watches.
struct Inotify(Arc<OwnedFd>);

impl Watches for Inotify {
    fn add(&self, path: &Path, is_root: bool) -> io::Result<Wd> {
        // What is opened or read only is no change. What happens to a folder itself the one above it reports.
        let itself =
            if is_root { WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF } else { WatchFlags::empty() };
        let wanted = itself
            | WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::ONLYDIR
            | WatchFlags::DONT_FOLLOW
            | WatchFlags::EXCL_UNLINK;
        Ok(inotify::add_watch(&*self.0, path, wanted)?)
    }

    fn remove(&self, wd: Wd) {
        // It is over already when its folder is gone.
        let _ = inotify::remove_watch(&*self.0, wd);
    }
}

impl Inotify {
    /// Sees whether the system reports anything there.
    fn try_out(&self, staging: &Staging, root: &Path) -> Result<(), Problem> {
        let at = root.join(path_from_bytes(OWN)).join(path_from_bytes(STAGED));
        let refused = |error: io::Error| {
            Problem::new(Operation::Watch, &RelPath::root(), ProblemKind::Unsupported, words(&error))
        };
        let wd = self.add(&at, false).map_err(refused)?;
        let name = staging.trial();
        let tried = staging.try_out(&name, || self.is_reported(wd, name.as_bytes()));
        self.remove(wd);
        tried
    }

    fn is_reported(&self, wd: Wd, name: &[u8]) -> io::Result<bool> {
        let until = Instant::now() + REPORTED_WITHIN;
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut reader = Reader::new(&*self.0, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) if event.wd() == wd && event.file_name().map(CStr::to_bytes) == Some(name) => {
                    return Ok(true);
                }
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => {
                    let left = until.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(false);
                    }
                    wait(&mut [PollFd::new(&*self.0, PollFlags::IN)], left)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Waits until there is something to read. An interruption is the end of a wait, too.
fn wait(on: &mut [PollFd<'_>], at_most: Duration) -> io::Result<()> {
    let at_most = Timespec::try_from(at_most).ok();
    match poll(on, at_most.as_ref()) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

struct Listener {
    fd: Arc<OwnedFd>,
    hearing: Hearing<Inotify>,
    /// The root's device and number.
    identity: (u64, u64),
    /// News was lost: when everything is watched anew.
    renew: Option<Instant>,
    /// Everything is being watched anew.
    is_renewing: bool,
}

impl Listener {
    /// Tells what happens until nobody holds the other end of `ends`.
    fn run(mut self, ends: &PipeReader) {
        if let Err(error) = self.listen(ends) {
            (self.hearing.tell)(News::Ended(words(&error)));
        }
    }

    fn listen(&mut self, ends: &PipeReader) -> io::Result<()> {
        let mut buffer = vec![MaybeUninit::uninit(); BUFFER];
        let mut present = true;
        let start = Instant::now();
        let (mut looked, mut renewed, mut tried) = (start, None::<Instant>, start);
        loop {
            let now = Instant::now();
            let rest = [
                Some((looked + PRESENCE).saturating_duration_since(now)),
                self.renew.map(|at| at.saturating_duration_since(now)),
                self.hearing.walk.tree.waits().then_some(TIDY),
                self.hearing.walk.is_on().then_some(Duration::ZERO),
            ];
            let rest = rest.into_iter().flatten().min().unwrap_or_default();
            let mut on = [PollFd::new(ends, PollFlags::IN), PollFd::new(&*self.fd, PollFlags::IN)];
            wait(&mut on, rest)?;
            let [end, heard] = on.map(|one| !one.revents().is_empty());
            if end {
                return Ok(());
            }
            let lost = heard && self.hear(&mut buffer)?;
            let now = Instant::now();
            if lost && self.renew.is_none() {
                log::warn!(
                    operation = "watch";
                    "more happened in `{}` than the system could report: everything is looked at",
                    self.hearing.walk.root().display()
                );
                self.renew = Some(renewed.map_or(now, |renewed| now.max(renewed + RENEWAL)));
            }
            // One that is not over yet tells of everything at its end.
            if !self.is_renewing && self.renew.take_if(|at| *at <= now).is_some() {
                renewed = Some(now);
                self.is_renewing = true;
                self.hearing.walk.renew();
            } else if self.hearing.walk.is_dark() && now >= tried + AGAIN {
                tried = now;
                self.hearing.walk.try_again();
            }
            self.hearing.walk.go(STEPS, &*self.hearing.tell)?;
            if self.is_renewing && !self.hearing.walk.is_on() {
                self.is_renewing = false;
                self.say_what_is_dark();
            }
            if self.hearing.walk.tree.waits() {
                self.hearing.walk.tidy(now);
            }
            if now >= looked + PRESENCE {
                looked = now;
                let there = crate::identity::is_there(self.hearing.walk.root(), self.identity);
                if !there && present {
                    (self.hearing.tell)(News::Below(RelPath::root()));
                }
                present = there;
            }
        }
    }

    /// Folders that are not watched are named once.
    fn say_what_is_dark(&self) {
        if let (many, Some(first)) = self.hearing.walk.dark() {
            log::warn!(
                operation = "watch";
                "{many} folders in `{}` cannot be watched, `{}` the first of them: changes there are noticed when \
                 everything is scanned",
                self.hearing.walk.root().display(), first.display()
            );
        }
    }

    /// Hears what is reported, as much as comes at once. Whether news was lost.
    fn hear(&mut self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<bool> {
        let fd = Arc::clone(&self.fd);
        let mut reader = Reader::new(&*fd, buffer);
        let now = Instant::now();
        let mut lost = false;
        self.hearing.last = None;
        loop {
            match reader.next() {
                Ok(event) => {
                    let (wd, what) = (event.wd(), event.events());
                    lost |= what.contains(ReadFlags::QUEUE_OVERFLOW);
                    match event.file_name() {
                        Some(name) => self.hearing.inside(wd, what, name.to_bytes(), event.cookie(), now),
                        None => self.hearing.itself(wd, what),
                    }
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(lost),
                Err(error) => return Err(error.into()),
            }
            if reader.is_buffer_empty() {
                return Ok(lost);
            }
        }
    }
}
