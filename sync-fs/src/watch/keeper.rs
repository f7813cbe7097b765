//! Keeping every folder of a root watched.
//!
//! Owns the system's watcher and a thread beside it. The watcher follows folders that come and go by itself, but gives
//! up at the first one it may not read, knows nothing of those that came while news was lost, and takes up one that was
//! filled at once a little late. So the thread goes over what came once more, and tells of it when it is watched for
//! certain: whatever happened there before is seen by the look that follows, whatever happens after is reported.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use notify::{Config, ErrorKind, RecommendedWatcher, RecursiveMode, Watcher};
use sync_core::path::RelPath;
use sync_replica::{News, Watching};

use super::{Translate, words};

/// How often the root itself is looked at: a file system that is unmounted is not reported.
const PRESENCE: Duration = Duration::from_secs(2);
/// How long after news was lost the watcher is made anew at the earliest.
const RENEWAL: Duration = Duration::from_secs(1);
/// How long the system may take to release what an old watcher held, in two tries.
const RELEASED: [Duration; 2] = [Duration::ZERO, Duration::from_millis(300)];
/// How often folders are tried again that could not be watched.
const AGAIN: Duration = Duration::from_secs(10);

/// What an event gives to do.
#[derive(Debug)]
pub(super) enum Task {
    /// Something came that may be a folder.
    Cover(PathBuf),
    /// News was lost.
    Renew,
    /// Nobody listens any more.
    End,
}

pub(super) struct Keeper {
    watcher: Option<RecommendedWatcher>,
    translate: Arc<Translate>,
    /// The root's device and number.
    identity: (u64, u64),
    /// Folders that could not be watched.
    dark: Vec<PathBuf>,
}

/// Ends the thread when it is dropped.
struct Kept(Arc<Translate>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.wants(Task::End);
    }
}

impl Keeper {
    /// Watches a root. An error is one of the whole root, or that the system allows no more.
    pub(super) fn begin(translate: Arc<Translate>, identity: (u64, u64)) -> notify::Result<Self> {
        let mut keeper = Self { watcher: Some(watcher(&translate)?), translate, identity, dark: Vec::new() };
        keeper.cover_root()?;
        Ok(keeper)
    }

    /// Keeps it watched until what is returned is dropped.
    pub(super) fn keep(mut self, to_do: Receiver<Task>) -> Watching {
        let kept = Kept(Arc::clone(&self.translate));
        std::thread::spawn(move || self.run(&to_do));
        Box::new(kept)
    }

    fn run(&mut self, to_do: &Receiver<Task>) {
        let mut present = true;
        let mut renew_at = None;
        let mut renewed: Option<Instant> = None;
        let mut tried_again = Instant::now();
        loop {
            let now = Instant::now();
            let until = renew_at.map_or(PRESENCE, |at: Instant| at.saturating_duration_since(now));
            let mut tasks = match to_do.recv_timeout(until) {
                Ok(first) => vec![first],
                Err(RecvTimeoutError::Timeout) => Vec::new(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            tasks.extend(to_do.try_iter());
            let mut came = Vec::new();
            for task in tasks {
                match task {
                    Task::End => return,
                    Task::Cover(path) => came.push(path),
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
            let again = !self.dark.is_empty() && now >= tried_again + AGAIN;
            let done = if renew_at.is_some_and(|at| at <= now) {
                (renew_at, renewed) = (None, Some(now));
                self.renew()
            } else if again {
                tried_again = now;
                came.append(&mut self.dark);
                self.cover_all(came)
            } else {
                self.cover_all(came)
            };
            if let Err(error) = done {
                return (self.translate.tell)(News::Ended(words(&error)));
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

    /// A new watcher for the old one, which does not know what it has missed.
    fn renew(&mut self) -> notify::Result<()> {
        // The old one goes first, and takes a moment: both together might be more than the system allows.
        self.watcher = None;
        let mut done = Ok(());
        for pause in RELEASED {
            std::thread::sleep(pause);
            self.watcher = Some(watcher(&self.translate)?);
            done = self.cover_root();
            if !matches!(&done, Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch)) {
                break;
            }
            self.watcher = None;
        }
        done?;
        (self.translate.tell)(News::Below(RelPath::root()));
        Ok(())
    }

    fn cover_root(&mut self) -> notify::Result<()> {
        let root = self.root().to_owned();
        self.dark.clear();
        let Some(watcher) = &mut self.watcher else { return Ok(()) };
        cover(watcher, &root, &mut self.dark)?;
        let Some(first) = self.dark.first() else { return Ok(()) };
        if *first == root {
            return Err(notify::Error::generic("the root itself cannot be watched").add_path(root));
        }
        log::warn!(
            operation = "watch";
            "{} folders in `{}` cannot be watched, `{}` the first of them: changes there are noticed when everything is \
             scanned",
            self.dark.len(), root.display(), first.display()
        );
        Ok(())
    }

    /// Watches what came, and tells of it once it is.
    fn cover_all(&mut self, mut came: Vec<PathBuf>) -> notify::Result<()> {
        // Elsewhere the system itself watches all that lies below.
        if !cfg!(target_os = "linux") {
            return Ok(());
        }
        came.sort();
        came.dedup();
        let mut last: Option<PathBuf> = None;
        for path in came {
            if last.as_ref().is_some_and(|last| path.starts_with(last)) {
                continue;
            }
            // A link to a folder is no folder.
            if !path.symlink_metadata().is_ok_and(|found| found.is_dir()) {
                continue;
            }
            let dark = self.dark.len();
            let Some(watcher) = &mut self.watcher else { return Ok(()) };
            match cover(watcher, &path, &mut self.dark) {
                Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => continue,
                covered => covered?,
            }
            if self.dark.get(dark) != Some(&path)
                && let Some(path) = self.translate.path(&path)
            {
                (self.translate.tell)(News::Below(path));
            }
            last = Some(path);
        }
        Ok(())
    }
}

fn config() -> Config {
    // Links are entries of their own and lead nowhere.
    Config::default().with_follow_symlinks(false)
}

fn watcher(translate: &Arc<Translate>) -> notify::Result<RecommendedWatcher> {
    let translate = Arc::clone(translate);
    RecommendedWatcher::new(move |event| translate.receive(event), config())
}

/// Watches a folder and all below it, but for those that cannot be: these are added to `dark`. An error only when the
/// system allows no more, or when `path` is not there.
fn cover(watcher: &mut impl Watcher, path: &Path, dark: &mut Vec<PathBuf>) -> notify::Result<()> {
    match watcher.watch(path, RecursiveMode::Recursive) {
        Ok(()) => return Ok(()),
        Err(error) if matches!(error.kind, ErrorKind::MaxFilesWatch) => return Err(error),
        Err(error) => {
            // The watcher has given up at a folder on its way, and whatever it had not come to is not watched.
            log::debug!(operation = "watch"; "{error}");
            let gone = path.symlink_metadata().is_err();
            if gone {
                return Err(notify::Error::new(ErrorKind::PathNotFound).add_path(path.to_owned()));
            }
            let itself = error.paths.first().is_some_and(|failed| failed == path);
            if itself || !cfg!(target_os = "linux") {
                dark.push(path.to_owned());
                return Ok(());
            }
        }
    }
    let inside = std::fs::read_dir(path).into_iter().flatten().flatten();
    for child in inside.filter(|child| child.file_type().is_ok_and(|kind| kind.is_dir())) {
        match cover(watcher, &child.path(), dark) {
            // It went away meanwhile, which is reported by the folder it was in.
            Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
            covered => covered?,
        }
    }
    Ok(())
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Watches as the system's watcher does: folder after folder, until the first that may not be.
    #[derive(Default)]
    struct GivesUp {
        refused: BTreeSet<PathBuf>,
        watched: BTreeSet<PathBuf>,
        most: usize,
    }

    impl GivesUp {
        fn add(&mut self, path: &Path) -> notify::Result<()> {
            if self.watched.len() == self.most {
                return Err(notify::Error::new(ErrorKind::MaxFilesWatch).add_path(path.to_owned()));
            }
            if self.refused.contains(path) {
                let error = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
                return Err(notify::Error::io(error).add_path(path.to_owned()));
            }
            self.watched.insert(path.to_owned());
            let mut inside: Vec<_> = std::fs::read_dir(path)?.flatten().map(|entry| entry.path()).collect();
            inside.sort();
            inside.iter().filter(|path| path.is_dir()).try_for_each(|path| self.add(path))
        }
    }

    impl Watcher for GivesUp {
        fn new<F: notify::EventHandler>(_: F, _: Config) -> notify::Result<Self> {
            Ok(Self::default())
        }

        fn watch(&mut self, path: &Path, _: RecursiveMode) -> notify::Result<()> {
            self.add(path)
        }

        fn unwatch(&mut self, _: &Path) -> notify::Result<()> {
            Ok(())
        }

        fn kind() -> notify::WatcherKind {
            notify::WatcherKind::NullWatcher
        }
    }

    fn tree() -> (tempfile::TempDir, BTreeSet<PathBuf>) {
        let dir = tempfile::tempdir().unwrap();
        let all = ["", "a", "a/dark", "a/dark/inner", "a/z", "a/z/dark too", "b", "c", "c/d"];
        for path in all {
            std::fs::create_dir_all(dir.path().join(path)).unwrap();
        }
        let all = all.map(|path| dir.path().join(path)).into();
        (dir, all)
    }

    #[test]
    fn one_folder_that_cannot_be_watched_does_not_end_the_rest() {
        let (dir, all) = tree();
        let refused = ["a/dark", "a/z/dark too"].map(|path| dir.path().join(path));
        let mut watcher = GivesUp { refused: refused.clone().into(), most: 100, ..GivesUp::default() };
        let mut dark = Vec::new();
        cover(&mut watcher, dir.path(), &mut dark).unwrap();
        dark.sort();
        assert_eq!(dark, refused);
        let expected: BTreeSet<_> =
            all.into_iter().filter(|path| !path.to_string_lossy().contains("dark")).collect();
        assert_eq!(watcher.watched, expected);
    }

    #[test]
    fn a_system_that_allows_no_more_says_so() {
        let (dir, _) = tree();
        let mut watcher = GivesUp { most: 4, ..GivesUp::default() };
        let refused = cover(&mut watcher, dir.path(), &mut Vec::new()).unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::MaxFilesWatch), "{refused}");
        assert!(words(&refused).contains("max_user_watches"));
        let gone = cover(&mut watcher, &dir.path().join("none"), &mut Vec::new()).unwrap_err();
        assert!(matches!(gone.kind, ErrorKind::MaxFilesWatch | ErrorKind::PathNotFound), "{gone}");
    }
}
