//! What the system reports of watched folders, and what follows from it.
//!
//! Owns [`Hearing`]: each report is told as news of a path, and gives the walk to do what it takes to keep every folder
//! watched.
//!
//! A folder that came is told of twice: at once, and when all of it is watched. Whatever happened in it before is seen
//! by the look that follows, whatever happens after is reported.

use std::time::Instant;

use rustix::fs::inotify::ReadFlags;
use sync_core::path::RelPath;
use sync_replica::{News, Tell};

use super::tree::Wd;
use super::walk::{Walk, Watches};

pub(super) struct Hearing<W> {
    pub(super) walk: Walk<W>,
    pub(super) tell: Tell,
    /// What was told last: whoever writes a file is reported at every write.
    pub(super) last: Option<News>,
}

impl<W: Watches> Hearing<W> {
    /// Something happened to a watched folder.
    pub(super) fn itself(&mut self, wd: Wd, what: ReadFlags) {
        if wd == self.walk.tree.root() {
            return self.news(News::Below(RelPath::root()));
        }
        if what.contains(ReadFlags::UNMOUNT) {
            // Below it is what was there before.
            let (path, place) = (self.walk.tree.path(wd), self.walk.tree.place(wd));
            self.walk.forget(wd);
            if let (Some(path), Some((above, name))) = (path, place) {
                self.walk.comes(above, &name);
                self.news(News::Below(path));
            }
        }
        if what.contains(ReadFlags::IGNORED) {
            self.walk.forget(wd);
        }
    }

    /// Something happened to a name in a watched folder.
    pub(super) fn inside(&mut self, wd: Wd, what: ReadFlags, name: &[u8], cookie: u32, now: Instant) {
        let is_dir = what.contains(ReadFlags::ISDIR);
        // What leaves its place is on its way wherever that is now.
        if is_dir && what.contains(ReadFlags::MOVED_FROM) {
            self.walk.leaves(wd, name, cookie, now);
        }
        let Some(above) = self.walk.tree.path(wd) else { return };
        if self.walk.leaves_out(&above, name, is_dir) {
            return;
        }
        let Ok(path) = above.join(name) else { return };
        if is_dir {
            if what.contains(ReadFlags::MOVED_TO) {
                self.walk.arrives(wd, name, cookie);
            } else if what.contains(ReadFlags::CREATE) {
                self.walk.comes(wd, name);
            } else if what.contains(ReadFlags::DELETE) {
                self.walk.goes(wd, name);
            } else if what.contains(ReadFlags::ATTRIB) && self.walk.tree.child(wd, name).is_none() {
                // Perhaps it may be watched now.
                self.walk.comes(wd, name);
            }
        }
        let moved = what.intersects(ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO);
        self.news(if moved {
            News::Moved(path)
        } else if is_dir && what.contains(ReadFlags::CREATE) {
            News::Below(path)
        } else {
            News::At(path)
        });
    }

    fn news(&mut self, news: News) {
        if self.last.as_ref() != Some(&news) {
            (self.tell)(news.clone());
            self.last = Some(news);
        }
    }
}
