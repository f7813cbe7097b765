//! What a watched folder tells, while much happens at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use sync_core::path::RelPath;
use sync_replica::{News, Replica, ShowAll, Watching};

use crate::basics::{open, p};

/// How long news may take before a test gives up; it takes some milliseconds.
const PATIENCE: Duration = Duration::from_mins(2);

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
        let watching = replica.watch(tell, Arc::new(ShowAll)).unwrap();
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
            News::Below(at) | News::Moved(at) => p(path).starts_with(at),
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

/// Whether any watch of this process is on a folder.
#[cfg(target_os = "linux")]
fn is_watched(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let number = format!(" ino:{:x} ", fs::metadata(folder).unwrap().ino());
    let open = fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    open.filter_map(|entry| fs::read_to_string(entry.path()).ok())
        .any(|info| info.lines().any(|line| line.starts_with("inotify wd:") && line.contains(&number)))
}

#[cfg(target_os = "linux")]
#[track_caller]
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what} took too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_left_or_was_never_ours_to_tell_is_not_watched() {
    let watched = Watched::new(&["stays/deep", "goes/inner/deep", "gone/inner"]);
    let at = |path: &str| watched.dir.path().join(path);
    assert!(is_watched(&at("stays/deep")) && is_watched(&at("goes/inner/deep")));
    assert!(!is_watched(&at(".bothways")) && !is_watched(&at(".bothways/staged")));
    let elsewhere = tempfile::tempdir().unwrap();
    let out = elsewhere.path().join("out");
    fs::rename(at("goes"), &out).unwrap();
    watched.told_of("goes");
    wait_until("the end of its watches", || !is_watched(&out) && !is_watched(&out.join("inner/deep")));
    // What happens there is no business of this root's; what happens in a new folder of its name is.
    fs::write(out.join("inner/deep/secret"), "nobody hears of it").unwrap();
    fs::create_dir_all(at("goes/inner")).unwrap();
    watched.write("goes/inner/file");
    watched.told_of("goes/inner/file");
    watched.quiet();
    fs::write(out.join("inner/another"), "nobody hears of it").unwrap();
    watched.write("stays/deep/last");
    watched.told("the last file, and nothing else before", |news| match news {
        News::At(path) => {
            assert_eq!(*path, p("stays/deep/last"));
            true
        }
        other => panic!("{other:?}"),
    });
    // It comes back, under another name.
    fs::rename(&out, at("stays/back")).unwrap();
    watched.told_of("stays/back");
    watched.quiet();
    watched.write("stays/back/inner/deep/file");
    watched.told_of("stays/back/inner/deep/file");
}

/// A tree as whoever listens knows it: he looks where he is told to, and nowhere else.
#[derive(Default)]
struct Known(BTreeMap<RelPath, Option<String>>);

impl Known {
    fn forget(&mut self, at: &RelPath) {
        self.0.retain(|path, _| !path.starts_with(at));
    }

    /// Looks at a path, and at all below it where that is meant.
    fn look(&mut self, root: &Path, at: &RelPath, below: bool) {
        let full = root.join(at.to_string());
        let is_dir = fs::symlink_metadata(&full).is_ok_and(|found| found.is_dir());
        if below || !is_dir {
            self.forget(at);
        }
        if !is_dir {
            if let Ok(content) = fs::read_to_string(&full) {
                self.0.insert(at.clone(), Some(content));
            }
            return;
        }
        if !at.is_root() {
            self.0.insert(at.clone(), None);
        }
        let inside = if below { fs::read_dir(&full).ok() } else { None };
        for entry in inside.into_iter().flatten().flatten() {
            if let Ok(path) = at.join(entry.file_name().as_encoded_bytes())
                && path != p(".bothways")
            {
                self.look(root, &path, true);
            }
        }
    }
}

/// Folders are made, moved and deleted while files are written in them. Whoever looks where he is told to knows the
/// whole tree in the end.
#[test]
fn whoever_looks_where_he_is_told_knows_everything_in_the_end() {
    let watched = Watched::new(&["a/b/c", "b/c/d", "c/d/e", "d/e/a"]);
    let root = watched.dir.path();
    let mut known = Known::default();
    known.look(root, &RelPath::root(), true);
    let begun = Instant::now();
    let mut news = 0;
    std::thread::scope(|scope| {
        for seed in 1..=3_u64 {
            scope.spawn(move || disturb(root, seed));
        }
        // What is told comes to an end soon after.
        while let Ok(one) = watched.news.recv_timeout(Duration::from_secs(3)) {
            assert!(begun.elapsed() < PATIENCE * 4, "it never ends");
            news += 1;
            match one {
                News::At(path) => known.look(root, &path, false),
                News::Below(path) | News::Moved(path) => known.look(root, &path, true),
                other => panic!("{other:?}"),
            }
        }
    });
    let mut there = Known::default();
    there.look(root, &RelPath::root(), true);
    println!("{news} news, {} entries", there.0.len());
    assert!(there.0.len() > 10);
    assert_eq!(known.0, there.0);
    // And every folder is still heard.
    for folder in there.0.iter().filter(|(_, content)| content.is_none()).map(|(path, _)| path.to_string()) {
        let late = format!("{folder}/late");
        watched.write(&late);
        watched.told(&late, |news| *news == News::At(p(&late)));
    }
}

/// Changes folders and writes files, in an order of its own.
fn disturb(root: &Path, seed: u64) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) % below
    };
    for turn in 0..1500 {
        let mut place = || {
            let depth = 1 + random(4);
            let names: Vec<_> = (0..depth).map(|_| ["a", "b", "c", "d", "e"][random(5) as usize]).collect();
            root.join(names.join("/"))
        };
        let (one, other) = (place(), place());
        // Each of these may fail, where another one was quicker.
        let _ = match random(20) {
            0..=3 => fs::create_dir_all(&one),
            4..=7 => fs::rename(&one, &other),
            8 => fs::remove_dir_all(&one),
            9..=10 => fs::rename(one.join("file"), other.join("moved")),
            11 => fs::remove_file(one.join("file")),
            _ => fs::write(one.join("file"), format!("{seed} {turn}")),
        };
    }
}
