//! What a watched folder tells, while much happens at once.

use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use sync_core::path::RelPath;
use sync_replica::{News, Replica, Watching};

use crate::basics::{open, p};

/// How long news may take before a test gives up; it takes some milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A watched folder and what it tells. It can be kept from listening, as a busy machine would be.
struct Watched {
    dir: tempfile::TempDir,
    news: Receiver<News>,
    deaf: Arc<(Mutex<bool>, Condvar)>,
    _watching: Watching,
}

impl Watched {
    /// Watches a folder in which these folders are.
    fn new(folders: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let replica = open(dir.path());
        let (send, news): (Sender<News>, _) = channel();
        let deaf = Arc::new((Mutex::new(false), Condvar::new()));
        let listens = Arc::clone(&deaf);
        let tell = Box::new(move |news| {
            let (deaf, changed) = &*listens;
            drop(changed.wait_while(deaf.lock().unwrap(), |deaf| *deaf).unwrap());
            let _ = send.send(news);
        });
        let watching = replica.watch(tell).unwrap();
        Self { dir, news, deaf, _watching: watching }
    }

    fn hears(&self, hears: bool) {
        *self.deaf.0.lock().unwrap() = !hears;
        self.deaf.1.notify_all();
    }

    fn write(&self, path: &str) {
        fs::write(self.dir.path().join(path), path).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.dir.path().join(from), self.dir.path().join(to)).unwrap();
    }

    /// Waits for news that is about a path: the path itself, or a folder with everything below it.
    #[track_caller]
    fn told_of(&self, path: &str) {
        self.told(path, |news| match news {
            News::At(at) => *at == p(path),
            News::Below(at) => p(path).starts_with(at),
            _ => false,
        });
    }

    #[track_caller]
    fn told(&self, what: &str, is_it: impl Fn(&News) -> bool) {
        let begun = Instant::now();
        let mut heard = Vec::new();
        while let Ok(news) = self.news.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
            if is_it(&news) {
                return;
            }
            heard.push(news);
        }
        panic!("nothing was told of {what}: {heard:?}");
    }

    /// Waits until nothing more is told.
    fn quiet(&self) {
        while self.news.recv_timeout(Duration::from_millis(500)).is_ok() {}
    }
}

#[test]
fn a_folder_that_was_moved_is_watched_where_it_is_now() {
    let watched = Watched::new(&["a/inner/deep", "b"]);
    watched.rename("a/inner", "b/moved");
    watched.told_of("a/inner");
    watched.told_of("b/moved");
    watched.quiet();
    watched.write("b/moved/deep/file");
    watched.told_of("b/moved/deep/file");
    watched.quiet();
    // To and fro, and another folder in its old place.
    watched.rename("b/moved", "a/inner");
    watched.rename("a/inner", "b/again");
    fs::create_dir_all(watched.dir.path().join("a/inner/deep")).unwrap();
    watched.told_of("b/again");
    watched.quiet();
    for path in ["b/again/deep/file", "a/inner/deep/file"] {
        watched.write(path);
        watched.told_of(path);
    }
}

#[test]
fn a_folder_that_is_filled_at_once_is_watched_in_every_corner() {
    let watched = Watched::new(&[]);
    let corners: Vec<_> = (0..300).map(|n| format!("tree {}/branch {}/leaf {n}", n % 5, n % 25)).collect();
    for corner in &corners {
        fs::create_dir_all(watched.dir.path().join(corner)).unwrap();
        watched.write(&format!("{corner}/early"));
    }
    watched.told_of("tree 0/branch 0/leaf 0/early");
    watched.quiet();
    for corner in &corners {
        let late = format!("{corner}/late");
        watched.write(&late);
        watched.told(&late, |news| *news == News::At(p(&late)) || *news == News::Below(p(&late)));
    }
}

/// More events than the system holds for a listener: everything is news then, and what came while it was lost is
/// watched like the rest.
#[test]
fn news_that_was_lost_is_news_of_everything_and_watching_goes_on() {
    let watched = Watched::new(&["a", "b"]);
    let most: usize =
        fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    watched.hears(false);
    let burst = |folder: &str| {
        // Each gives two events at the least.
        for number in 0..most {
            watched.write(&format!("{folder}/{number}"));
        }
    };
    burst("a");
    fs::create_dir_all(watched.dir.path().join("unheard/of")).unwrap();
    watched.rename("b", "renamed unheard");
    watched.hears(true);
    watched.told("everything", |news| *news == News::Below(RelPath::root()));
    watched.quiet();
    for path in ["unheard/of/file", "renamed unheard/file", "a/file"] {
        watched.write(path);
        watched.told(path, |news| *news == News::At(p(path)) || *news == News::Below(p(path)));
    }
}

#[test]
fn ten_thousand_events_are_all_told() {
    let watched = Watched::new(&["folder"]);
    let begun = Instant::now();
    for number in 0..5000 {
        watched.write(&format!("folder/{number}"));
    }
    println!("10,000 events and more within {:?}", begun.elapsed());
    let mut missing: std::collections::BTreeSet<_> =
        (0..5000).map(|number| p(&format!("folder/{number}"))).collect();
    while !missing.is_empty() {
        match watched.news.recv_timeout(PATIENCE) {
            Ok(News::At(path) | News::Below(path)) if !path.is_root() => drop(missing.remove(&path)),
            // The system was too slow to tell them one by one, and says so.
            Ok(News::Below(_)) => return,
            other => panic!("{other:?} while {} were missing", missing.len()),
        }
    }
}

#[test]
fn a_root_that_goes_away_is_told_of() {
    let watched = Watched::new(&["a"]);
    let elsewhere = watched.dir.path().with_extension("elsewhere");
    fs::rename(watched.dir.path(), &elsewhere).unwrap();
    watched.told("the root", |news| *news == News::Below(RelPath::root()));
    fs::rename(&elsewhere, watched.dir.path()).unwrap();
}
