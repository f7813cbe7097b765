//! Watching folder by folder.
//!
//! Owns [`Walk`]: it goes through folders, sets a watch on each and sees what is inside, as much at a time as it is
//! asked for. It never follows a link, and never enters what is left out: what is Bothways' own, and what the rules of
//! the pair hide.
//!
//! Each folder is watched before it is read, so that nothing falls between the two: what is inside by then is found, and
//! what comes later is reported. A folder that is gone through again keeps its watches; what is no longer in it loses
//! them. Both make it right to go through a folder too often, and no report about one is ever needed twice.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_replica::{LeftOut, News};

use super::tree::{Put, Tree, Wd};
use crate::layout::Hidden;

/// Where watches are set.
pub(super) trait Watches {
    /// Watches a folder. A folder that is watched already keeps its number.
    fn add(&self, path: &Path, is_root: bool) -> io::Result<Wd>;
    /// Watches it no more. It may be over already.
    fn remove(&self, wd: Wd);
}

/// What is not watched, and not told of.
pub(super) struct Outside {
    pub(super) hidden: Arc<Hidden>,
    pub(super) left_out: LeftOut,
}

impl Outside {
    pub(super) fn covers(&self, above: &RelPath, name: &[u8], is_dir: bool) -> bool {
        let kind = if is_dir { Kind::Dir } else { Kind::File };
        self.hidden.names_in(above).contains(name) || self.left_out.hides(above, name, kind)
    }
}

/// What is to be done.
enum Step {
    /// Watch the folder of that name, and tell of it once all of it is watched.
    Watch { above: Wd, name: Arc<[u8]>, tell: bool },
    /// Watch what is inside.
    Enter(Wd),
    /// All below is watched.
    Tell(Wd),
}

pub(super) struct Walk<W> {
    root: PathBuf,
    watches: W,
    outside: Outside,
    pub(super) tree: Tree,
    /// The last one comes first.
    steps: Vec<Step>,
    /// Folders that could not be watched, or not be read, each as a name in another one.
    dark: BTreeSet<(Wd, Arc<[u8]>)>,
}

impl<W: Watches> Walk<W> {
    /// Watches the root itself, and is to go through it.
    pub(super) fn new(root: PathBuf, watches: W, outside: Outside) -> io::Result<Self> {
        let wd = watches.add(&root, true)?;
        let steps = vec![Step::Enter(wd)];
        Ok(Self { root, watches, outside, tree: Tree::new(wd), steps, dark: BTreeSet::new() })
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is something to do.
    pub(super) fn is_on(&self) -> bool {
        !self.steps.is_empty()
    }

    /// Whether a name in a folder is nothing to tell of.
    pub(super) fn leaves_out(&self, above: &RelPath, name: &[u8], is_dir: bool) -> bool {
        self.outside.covers(above, name, is_dir)
    }

    /// Goes through everything again, and tells of everything then.
    pub(super) fn renew(&mut self) {
        let root = self.tree.root();
        self.dark.clear();
        self.steps.clear();
        self.steps.extend([Step::Tell(root), Step::Enter(root)]);
    }

    /// A folder came, or is there again: it is gone through, and told of then.
    pub(super) fn comes(&mut self, above: Wd, name: &[u8]) {
        self.steps.push(Step::Watch { above, name: name.into(), tell: true });
    }

    /// A folder left its place, perhaps for another one.
    pub(super) fn leaves(&mut self, above: Wd, name: &[u8], cookie: u32, now: Instant) {
        self.tree.leaves(above, name, cookie, now);
    }

    /// A folder that left its place arrives.
    pub(super) fn arrives(&mut self, above: Wd, name: &[u8], cookie: u32) {
        let dropped = self.tree.arrives(above, &name.into(), cookie);
        self.drop(dropped);
        // Whatever was looked for where it is no longer was not found.
        self.comes(above, name);
    }

    /// The folder of a name is gone.
    pub(super) fn goes(&mut self, above: Wd, name: &[u8]) {
        if let Some(wd) = self.tree.child(above, name) {
            self.forget(wd);
        }
    }

    /// A watch is over.
    pub(super) fn forget(&mut self, wd: Wd) {
        let dropped = self.tree.forget(wd);
        self.drop(dropped);
    }

    /// Forgets what left its place and arrived nowhere.
    pub(super) fn tidy(&mut self, now: Instant) {
        let dropped = self.tree.overdue(now);
        self.drop(dropped);
    }

    /// Whether there are folders that could not be watched.
    pub(super) fn is_dark(&self) -> bool {
        !self.dark.is_empty()
    }

    /// How many folders could not be watched, and where one of them is.
    pub(super) fn dark(&self) -> (usize, Option<PathBuf>) {
        let paths = self.dark.iter().filter_map(|(above, name)| self.full(*above, Some(name)));
        (self.dark.len(), paths.min())
    }

    /// Tries again what could not be watched.
    pub(super) fn try_again(&mut self) {
        for (above, name) in std::mem::take(&mut self.dark) {
            self.steps.push(Step::Watch { above, name, tell: true });
        }
    }

    /// Takes that many steps, and says what is news. An error only when the system allows no more watches, or when the
    /// root cannot be read.
    pub(super) fn go(&mut self, steps: usize, tell: &dyn Fn(News)) -> io::Result<()> {
        for _ in 0..steps {
            match self.steps.pop() {
                None => break,
                Some(Step::Watch { above, name, tell }) => self.watch(above, &name, tell)?,
                Some(Step::Enter(wd)) => self.enter(wd)?,
                Some(Step::Tell(wd)) => {
                    if let Some(path) = self.tree.path(wd) {
                        tell(News::Below(path));
                    }
                }
            }
        }
        // A great walk leaves nothing behind.
        if self.steps.is_empty() && self.steps.capacity() > 1024 {
            self.steps = Vec::new();
        }
        Ok(())
    }

    fn watch(&mut self, above: Wd, name: &Arc<[u8]>, tell: bool) -> io::Result<()> {
        let Some(path) = self.tree.path(above) else { return Ok(()) };
        if self.outside.covers(&path, name, true) {
            return Ok(());
        }
        let Some(full) = self.full(above, Some(name)) else { return Ok(()) };
        let wd = match self.watches.add(&full, false) {
            Ok(wd) => wd,
            Err(error) if error.raw_os_error() == Some(libc::ENOSPC) => return Err(error),
            // It went away, or gave way to something else, which is reported.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            Err(error) => {
                self.is_not_watched(above, name, &full, &error);
                return Ok(());
            }
        };
        let Put { stands, dropped } = self.tree.put(above, name, wd);
        let over = !stands && !dropped.contains(&wd) && !self.tree.knows(wd);
        self.drop(dropped);
        if over {
            self.watches.remove(wd);
        }
        if stands {
            if tell {
                self.steps.push(Step::Tell(wd));
            }
            self.steps.push(Step::Enter(wd));
        }
        Ok(())
    }

    fn enter(&mut self, wd: Wd) -> io::Result<()> {
        let Some(full) = self.full(wd, None) else { return Ok(()) };
        let Some(path) = self.tree.path(wd) else { return Ok(()) };
        let inside = match std::fs::read_dir(&full) {
            Ok(inside) => inside,
            Err(error) if wd == self.tree.root() => return Err(error),
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound
                    && let Some((above, name)) = self.tree.place(wd)
                {
                    self.is_not_watched(above, &name, &full, &error);
                }
                return Ok(());
            }
        };
        let own = self.outside.hidden.names_in(&path);
        let mut names: Vec<Arc<[u8]>> = Vec::new();
        let mut broke = None;
        for entry in inside {
            // A link to a folder is no folder.
            let name = match entry.and_then(|entry| Ok((entry.file_type()?.is_dir(), entry))) {
                Ok((true, entry)) => entry.file_name(),
                Ok((false, _)) => continue,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    broke = Some(error);
                    continue;
                }
            };
            let name = name.as_bytes();
            if !own.contains(name) && !self.outside.left_out.hides(&path, name, Kind::Dir) {
                names.push(name.into());
            }
        }
        names.sort_unstable();
        match (broke, self.tree.place(wd)) {
            (Some(error), Some((above, name))) => self.is_not_watched(above, &name, &full, &error),
            (Some(error), None) => return Err(error),
            (None, _) => {
                let dropped = self.tree.only(wd, &names);
                self.drop(dropped);
            }
        }
        // In the order of their names, as they come from the end.
        let steps = names.into_iter().rev().map(|name| Step::Watch { above: wd, name, tell: false });
        self.steps.extend(steps);
        Ok(())
    }

    fn is_not_watched(&mut self, above: Wd, name: &Arc<[u8]>, full: &Path, error: &io::Error) {
        log::debug!(operation = "watch"; "`{}` cannot be watched: {error}", full.display());
        self.dark.insert((above, Arc::clone(name)));
    }

    fn drop(&self, watches: Vec<Wd>) {
        for wd in watches {
            self.watches.remove(wd);
        }
    }

    /// A watched folder, or something in it, as the system names it.
    fn full(&self, wd: Wd, name: Option<&[u8]>) -> Option<PathBuf> {
        let path = self.tree.path(wd)?;
        let full = if path.is_root() {
            self.root.clone()
        } else {
            self.root.join(OsStr::from_bytes(path.as_bytes()))
        };
        Some(match name {
            Some(name) => full.join(OsStr::from_bytes(name)),
            None => full,
        })
    }
}
