//! Walking and hearing over real folders, with watches that behave as the system's do and reports that come when the
//! test lets them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::inotify::ReadFlags;
use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_replica::{Filter, News, ShowAll};

use super::hearing::Hearing;
use super::tree::Wd;
use super::walk::{Outside, Walk, Watches};
use crate::layout::Hidden;

/// One report.
type Report = (Wd, ReadFlags, Option<String>, u32);

/// A system that watches folders by what they are, not by their names.
#[derive(Default)]
struct System {
    /// Folder numbers.
    watched: RefCell<HashMap<u64, Wd>>,
    given: Cell<Wd>,
    cookies: Cell<u32>,
    most: Cell<Option<usize>>,
    refused: RefCell<BTreeSet<PathBuf>>,
    queue: RefCell<VecDeque<Report>>,
}

impl Watches for Rc<System> {
    fn add(&self, path: &Path, _: bool) -> io::Result<Wd> {
        let found = fs::symlink_metadata(path)?;
        if !found.is_dir() {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        if self.refused.borrow().contains(path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut watched = self.watched.borrow_mut();
        if let Some(wd) = watched.get(&found.ino()) {
            return Ok(*wd);
        }
        if self.most.get() == Some(watched.len()) {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        self.given.set(self.given.get() + 1);
        watched.insert(found.ino(), self.given.get());
        Ok(self.given.get())
    }

    fn remove(&self, wd: Wd) {
        let mut watched = self.watched.borrow_mut();
        let before = watched.len();
        watched.retain(|_, one| *one != wd);
        if watched.len() < before {
            self.queue.borrow_mut().push_back((wd, ReadFlags::IGNORED, None, 0));
        }
    }
}

/// A root that is walked and heard.
struct World {
    dir: tempfile::TempDir,
    system: Rc<System>,
    hearing: Hearing<Rc<System>>,
    told: Arc<Mutex<Vec<News>>>,
    now: Instant,
}

impl World {
    fn new(folders: &[&str], set: impl FnOnce(&System, &Path)) -> Self {
        Self::leaving_out(folders, Arc::new(ShowAll), set)
    }

    fn leaving_out(
        folders: &[&str],
        left_out: sync_replica::LeftOut,
        set: impl FnOnce(&System, &Path),
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for folder in folders {
            fs::create_dir_all(dir.path().join(folder)).unwrap();
        }
        let system = Rc::new(System::default());
        set(&system, dir.path());
        let trash = RelPath::try_from(".sync_trash").unwrap();
        let outside = Outside { hidden: Arc::new(Hidden::new(false, [trash])), left_out };
        let walk = Walk::new(dir.path().to_owned(), Rc::clone(&system), outside).unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        let tell = Box::new(move |news| heard.lock().unwrap().push(news));
        let hearing = Hearing { walk, tell, last: None };
        Self { dir, system, hearing, told, now: Instant::now() }
    }

    fn walk(&mut self, steps: usize) -> io::Result<()> {
        self.hearing.walk.go(steps, &*self.hearing.tell)
    }

    /// Hears a report. Whether there was one.
    fn hear(&mut self) -> bool {
        let Some((wd, what, name, cookie)) = self.system.queue.borrow_mut().pop_front() else { return false };
        match name {
            Some(name) => self.hearing.inside(wd, what, name.as_bytes(), cookie, self.now),
            None => self.hearing.itself(wd, what),
        }
        true
    }

    /// Hears and walks until nothing is left to do.
    fn settle(&mut self) {
        while self.hear() || self.hearing.walk.is_on() {
            self.walk(3).unwrap();
        }
        self.now += Duration::from_secs(10);
        self.hearing.walk.tidy(self.now);
        while self.hear() || self.hearing.walk.is_on() {
            self.walk(3).unwrap();
        }
    }

    fn told(&self) -> Vec<News> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn wd(&self, path: &Path) -> Option<Wd> {
        let number = fs::symlink_metadata(path).unwrap().ino();
        self.system.watched.borrow().get(&number).copied()
    }

    fn report(&self, path: &str, what: ReadFlags, cookie: u32) {
        let full = self.at(path);
        if let Some(wd) = self.wd(full.parent().unwrap()) {
            let name = full.file_name().unwrap().to_str().unwrap().to_owned();
            self.system.queue.borrow_mut().push_back((wd, what | ReadFlags::ISDIR, Some(name), cookie));
        }
    }

    fn make(&self, path: &str) -> bool {
        let made = fs::create_dir(self.at(path)).is_ok();
        if made {
            self.report(path, ReadFlags::CREATE, 0);
        }
        made
    }

    fn rename(&self, from: &str, to: &str) -> bool {
        let over = fs::symlink_metadata(self.at(to)).ok().map(|found| found.ino());
        let same = from == to || fs::rename(self.at(from), self.at(to)).is_err();
        if !same {
            self.system.cookies.set(self.system.cookies.get() + 1);
            let cookie = self.system.cookies.get();
            self.report(from, ReadFlags::MOVED_FROM, cookie);
            self.report(to, ReadFlags::MOVED_TO, cookie);
            self.ends(over);
        }
        !same
    }

    fn remove(&self, path: &str) -> bool {
        let number = fs::symlink_metadata(self.at(path)).ok().map(|found| found.ino());
        let removed = fs::remove_dir(self.at(path)).is_ok();
        if removed {
            self.ends(number);
            self.report(path, ReadFlags::DELETE, 0);
        }
        removed
    }

    /// A folder is no more, and so is its watch.
    fn ends(&self, number: Option<u64>) {
        if let Some(wd) = number.and_then(|number| self.system.watched.borrow_mut().remove(&number)) {
            self.system.queue.borrow_mut().push_back((wd, ReadFlags::IGNORED, None, 0));
        }
    }

    /// Where each watch is taken to be, and where it is. Watches that are nowhere in the tree are missing there.
    #[track_caller]
    fn is_right(&self) {
        let tree = &self.hearing.walk.tree;
        let path = |wd: Wd| tree.path(wd).map_or_else(|| "nowhere".to_owned(), |path| path.to_string());
        let taken: BTreeMap<Wd, String> = tree.all().map(|wd| (wd, path(wd))).collect();
        let mut found = BTreeMap::new();
        let mut left = vec![String::new()];
        while let Some(at) = left.pop() {
            let inside = fs::read_dir(self.at(&at)).unwrap().flatten();
            for entry in inside.filter(|entry| entry.file_type().unwrap().is_dir()) {
                let name = entry.file_name().into_string().unwrap();
                if !matches!(name.as_str(), ".sync_trash" | ".bothways") {
                    left.push(if at.is_empty() { name } else { format!("{at}/{name}") });
                }
            }
            let wd = self.wd(&self.at(&at));
            assert!(wd.is_some(), "`{at}` is not watched");
            found.insert(wd.unwrap(), at);
        }
        assert_eq!(taken, found);
        assert_eq!(self.system.watched.borrow().len(), found.len(), "a watch is left that nobody wants");
    }
}

fn below(path: &str) -> News {
    News::Below(RelPath::new(path.as_bytes()).unwrap())
}

#[test]
fn one_folder_that_cannot_be_watched_does_not_end_the_rest() {
    let refused = ["a/dark", "a/z/dark too"];
    let set = |system: &System, root: &Path| {
        system.refused.borrow_mut().extend(refused.map(|path| root.join(path)));
    };
    let mut world = World::new(&["a/dark/inner", "a/z/dark too", "b", "c/d"], set);
    world.walk(1000).unwrap();
    let watched: BTreeSet<_> = world
        .hearing
        .walk
        .tree
        .all()
        .filter_map(|wd| Some(world.hearing.walk.tree.path(wd)?.to_string()))
        .collect();
    assert_eq!(watched, ["", "a", "a/z", "b", "c", "c/d"].map(str::to_owned).into());
    assert_eq!(world.hearing.walk.dark(), (2, Some(world.at("a/dark"))));
    // One of them may be watched now.
    world.system.refused.borrow_mut().remove(&world.at("a/dark"));
    world.hearing.walk.try_again();
    world.settle();
    assert_eq!(world.told(), [below("a/dark")]);
    assert_eq!(world.hearing.walk.dark(), (1, Some(world.at("a/z/dark too"))));
    assert!(world.wd(&world.at("a/dark/inner")).is_some());
}

#[test]
fn a_system_that_allows_no_more_says_so() {
    let mut world = World::new(&["a/b/c", "d/e"], |system, _| system.most.set(Some(4)));
    let refused = world.walk(1000).unwrap_err();
    assert!(super::inotify::words(&refused).contains("max_user_watches"));
}

#[test]
fn what_is_our_own_or_left_out_or_a_link_is_not_watched() {
    struct NoBuild;
    impl Filter for NoBuild {
        fn hides(&self, parent: &RelPath, name: &[u8], kind: Kind) -> bool {
            parent.is_root() && if kind == Kind::Dir { name == b"build" } else { name == b"log" }
        }
    }
    let folders = ["a/build", "build/in", ".sync_trash/deep/er", ".bothways/staged", "a/.sync_trash"];
    let outside = tempfile::tempdir().unwrap();
    fs::create_dir(outside.path().join("in")).unwrap();
    let mut world = World::leaving_out(&folders, Arc::new(NoBuild), |_, root| {
        std::os::unix::fs::symlink(outside.path(), root.join("a/link")).unwrap();
    });
    world.settle();
    let paths = |world: &World| -> BTreeSet<_> {
        let tree = &world.hearing.walk.tree;
        tree.all().filter_map(|wd| Some(tree.path(wd)?.to_string())).collect()
    };
    assert_eq!(paths(&world), ["", "a", "a/.sync_trash", "a/build"].map(str::to_owned).into());
    // Nor is it told of.
    let root = world.hearing.walk.tree.root();
    for name in ["build", "log", ".sync_trash"] {
        world.hearing.inside(root, ReadFlags::CREATE, name.as_bytes(), 0, world.now);
    }
    let at = |name: &str| News::At(RelPath::try_from(name).unwrap());
    assert_eq!(world.told(), [at("build"),], "a file of that name is none of them");
    world.hearing.inside(root, ReadFlags::ATTRIB | ReadFlags::ISDIR, b"build", 0, world.now);
    assert_eq!(world.told(), Vec::<News>::new());
    // What comes out of there is watched, what goes in no more.
    world.rename(".sync_trash/deep", "back");
    world.rename("a/build", "build/gone");
    world.settle();
    assert_eq!(paths(&world), ["", "a", "a/.sync_trash", "back", "back/er"].map(str::to_owned).into());
    assert_eq!(world.system.watched.borrow().len(), 5);
}

#[test]
fn reports_that_come_late_lead_to_what_is_there() {
    let mut world = World::new(&["a/x/one", "b/y/two"], |_, _| {});
    world.settle();
    // Both change places while something looks there before it is told.
    world.rename("a/x", "t");
    world.rename("b/y", "a/x");
    world.rename("t", "b/y");
    world.hearing.walk.renew();
    world.settle();
    world.is_right();
    assert!(world.told().contains(&below("a/x")));
    // A folder goes and another one of its name comes.
    world.remove("a/x/two");
    world.remove("a/x");
    world.make("a/x");
    world.make("a/x/new");
    world.hearing.walk.renew();
    world.walk(5).unwrap();
    world.settle();
    world.is_right();
    // It moves into what was inside it, seen from where nobody has heard of it.
    world.rename("b/y/one", "z");
    world.rename("b/y", "z/y");
    world.hearing.walk.renew();
    world.walk(2).unwrap();
    world.settle();
    world.is_right();
}

/// Whatever happens in whatever order, and however late it is heard: in the end every folder is watched under its name,
/// and none that is not there; and each folder that came or moved was told of when it was watched.
#[test]
fn any_order_of_changes_reports_and_looks_ends_in_the_truth() {
    for seed in 0..64_u64 {
        let mut world = World::new(&["a/b/c", "b/a", "c", ".sync_trash/a"], |_, _| {});
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut random = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) % below
        };
        let names = ["a", "b", "c", "d"];
        for _ in 0..150 {
            let path = |random: &mut dyn FnMut(u64) -> u64| -> String {
                let top = if random(8) == 0 { ".sync_trash/" } else { "" };
                let depth = 1 + random(3);
                let parts: Vec<_> = (0..depth).map(|_| names[random(4) as usize]).collect();
                format!("{top}{}", parts.join("/"))
            };
            match random(10) {
                0..=1 => drop(world.make(&path(&mut random))),
                2 => drop(world.remove(&path(&mut random))),
                3..=5 => drop(world.rename(&path(&mut random), &path(&mut random))),
                6..=7 => world.walk(1 + random(3) as usize).unwrap(),
                8 if random(10) == 0 => {
                    // News is lost, and everything is gone through.
                    world.system.queue.borrow_mut().clear();
                    world.hearing.walk.renew();
                }
                8 if random(10) == 0 => {
                    world.now += Duration::from_secs(10);
                    world.hearing.walk.tidy(world.now);
                }
                _ => drop(world.hear()),
            }
        }
        world.settle();
        world.is_right();
    }
}
