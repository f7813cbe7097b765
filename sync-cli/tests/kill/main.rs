//! The real program, killed at any moment.
//!
//! A run over two folders that contains every kind of transition is killed (`SIGKILL` on Unix) after a delay that
//! sweeps over the time an undisturbed run takes; then the program runs again. Both folders must end exactly where
//! the undisturbed run has led, every version that should be in the trash must be there, and nothing may be left in the
//! staging areas.
//!
//! `BOTHWAYS_KILLS` sets how many moments are tried, `BOTHWAYS_SEED` which ones.
#![allow(clippy::print_stdout, reason = "the number of kills is a result")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[cfg(target_os = "linux")]
mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

const DEFAULT_KILLS: u64 = 60;
const DAY: u64 = 86_400;
/// 2026-01-01.
const START: u64 = 1_767_225_600;

/// A folder's files by path: content and modification time, links by their target, directories by themselves.
type Tree = BTreeMap<String, (String, u64)>;

struct World<'a> {
    base: &'a Path,
}

impl World<'_> {
    fn write(&self, path: &str, text: &str, day: u64) {
        let path = self.base.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(START + day * DAY);
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
    }

    fn remove(&self, path: &str) {
        let path = self.base.join(path);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    fn rename(&self, from: &str, to: &str) {
        let to = self.base.join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(self.base.join(from), to).unwrap();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bothways"));
        command.args(["sync", "--config", "pair.toml", "--state", "state", "--json"]).current_dir(self.base);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Runs to the end. A conflict makes it 1, which is fine here.
    fn sync(&self) {
        let output = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{}: {said}", output.status);
        assert!(said.contains("\"problems\":[]"), "{said}");
    }

    /// Two folders in agreement, and then everything that can happen to them at once.
    fn make(&self) {
        for root in ["left", "right"] {
            fs::create_dir_all(self.base.join(root)).unwrap();
        }
        let config = "left_root = 'left'\nright_root = 'right'\n[soft_delete]\nmax_size_bytes = '32 KiB'\n\
                      [performance]\nlarge_file_bytes = '64 KiB'\nverify = 'all'\n[guard]\nmax_change_percent = 100\n";
        fs::write(self.base.join("pair.toml"), config).unwrap();
        for n in 0..150 {
            let size = [10, 3_000, 20_000][n % 3];
            let text = format!("{n} agreed {}", "x".repeat(size));
            self.write(&format!("left/folder {:02}/file {n:03}.txt", n % 10), &text, n as u64 % 30);
        }
        self.write("left/large.bin", &"large ".repeat(40_000), 1);
        self.write("left/large gone.bin", &"gone ".repeat(40_000), 1);
        for n in 0..8 {
            self.write(&format!("left/moving/deep/{n}"), &format!("moving {n}"), 2);
            self.write(&format!("left/leaving/{n}"), &format!("leaving {n}"), 2);
            self.write(&format!("left/half gone/{n}"), &format!("half gone {n}"), 2);
            self.write(&format!("left/to be a file/{n}"), &format!("inside {n}"), 2);
        }
        self.write("left/to be a folder", "a file", 3);
        self.sync();

        for n in 0..150_usize {
            let path = |root: &str| format!("{root}/folder {:02}/file {n:03}.txt", n % 10);
            match n {
                0..15 => self.write(&path("left"), &format!("{n} changed on the left, longer"), 40),
                15..30 => self.write(&path("right"), &format!("{n} changed on the right, longer"), 40),
                30..36 => {
                    self.write(&path("left"), &format!("{n} both, left"), 41);
                    self.write(&path("right"), &format!("{n} both, the right one"), 42);
                }
                36..42 => {
                    self.write(&path("left"), &format!("{n} both, the left one"), 44);
                    self.write(&path("right"), &format!("{n} both, right"), 43);
                }
                42..54 => self.remove(&path("left")),
                54..66 => self.remove(&path("right")),
                66..70 => {
                    self.remove(&path("left"));
                    self.write(&path("right"), &format!("{n} deleted and changed"), 45);
                }
                70..76 => self.rename(&path("left"), &format!("left/renamed/{n}.txt")),
                76..80 => self.rename(&path("right"), &format!("right/folder 09/renamed {n}.txt")),
                80..84 => {
                    let text = fs::read_to_string(self.base.join(path("left"))).unwrap();
                    self.write(&path("left"), &text, 46);
                }
                84..88 => {
                    let same = format!("{n} changed to the same");
                    self.write(&path("left"), &same, 47);
                    self.write(&path("right"), &same, 48);
                }
                _ => {}
            }
        }
        for n in 0..40 {
            self.write(&format!("left/new/deep {}/l{n}", n % 4), &"left ".repeat(n * 40), 50);
            self.write(&format!("right/folder 03/r{n}"), &"right ".repeat(n * 40), 51);
        }
        for n in 0..4 {
            self.write(&format!("left/both new {n}.doc"), &format!("new on the left {n}"), 52);
            self.write(&format!("right/both new {n}.doc"), &format!("new on the right, later {n}"), 53);
        }
        self.write("right/large.bin", &"LARGE ".repeat(45_000), 54);
        self.remove("left/large gone.bin");
        self.rename("right/moving", "right/moved/there");
        self.remove("left/leaving");
        self.remove("right/half gone");
        self.write("left/half gone/3", "changed while it was deleted elsewhere", 55);
        self.remove("left/to be a file");
        self.write("left/to be a file", "now a file", 56);
        self.remove("right/to be a folder");
        self.write("right/to be a folder/inside", "now a folder", 57);
        self.write("left/clashing kinds", "a file here", 58);
        self.write("right/clashing kinds/inside", "a folder there", 59);
        #[cfg(unix)]
        std::os::unix::fs::symlink("nowhere/at all", self.base.join("right/link")).unwrap();
    }

    fn tree(&self, root: &str) -> Tree {
        let mut tree = Tree::new();
        walk(&self.base.join(root), "", &mut tree);
        tree
    }

    /// Contents that lie in either trash.
    fn trashed(&self) -> BTreeSet<String> {
        let mut all = Tree::new();
        for root in ["left", "right"] {
            let trash = self.base.join(root).join(".sync_trash");
            if trash.exists() {
                walk(&trash, "", &mut all);
            }
        }
        all.into_values().map(|(content, _)| content).filter(|content| !content.is_empty()).collect()
    }

    fn leftovers(&self) -> Vec<String> {
        let staged = ["left", "right"].map(|root| self.base.join(root).join(".bothways/staged"));
        let names = |dir: &Path| fs::read_dir(dir).unwrap().map(|e| e.unwrap().path().display().to_string());
        staged.iter().flat_map(|dir| names(dir).collect::<Vec<_>>()).collect()
    }
}

fn walk(dir: &Path, below: &str, tree: &mut Tree) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{below}/{}", path.file_name().unwrap().to_str().unwrap());
        if [".bothways", ".sync_trash"].iter().any(|own| name == format!("/{own}")) {
            continue;
        }
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            tree.insert(name.clone(), (String::new(), 0));
            walk(&path, &name, tree);
        } else if metadata.is_symlink() {
            tree.insert(name, (format!("-> {}", fs::read_link(&path).unwrap().display()), 0));
        } else {
            let time = metadata.modified().unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            tree.insert(name, (fs::read_to_string(&path).unwrap(), time.as_secs()));
        }
    }
}

fn assert_same(wanted: &Tree, now: &Tree, what: &str) {
    let differs = |a: &Tree, b: &Tree| {
        let gone: Vec<_> = a.iter().filter(|(name, is)| b.get(*name) != Some(is)).collect();
        format!("{gone:.1000?}")
    };
    assert!(now == wanted, "{what}: missing {}\nunexpected {}", differs(wanted, now), differs(now, wanted));
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// A place on fast storage where there is one: the sweep makes many trees.
fn place() -> tempfile::TempDir {
    let fast = Path::new("/dev/shm");
    if fast.is_dir() { tempfile::tempdir_in(fast) } else { tempfile::tempdir() }.unwrap()
}

#[test]
fn a_run_that_is_killed_at_any_moment_ends_where_an_undisturbed_one_does() {
    let seed = number("BOTHWAYS_SEED", 7);
    let kills = number("BOTHWAYS_KILLS", DEFAULT_KILLS);
    println!("BOTHWAYS_SEED={seed} BOTHWAYS_KILLS={kills}");

    let undisturbed = place();
    let world = World { base: undisturbed.path() };
    world.make();
    let start = Instant::now();
    world.sync();
    let mut takes = start.elapsed();
    // Times may differ where both sides had come to the same content: it is adopted as it is.
    let (wanted, trashed) = (["left", "right"].map(|root| world.tree(root)), world.trashed());
    let contents = |tree: &Tree| tree.iter().map(|(n, (c, _))| (n.clone(), c.clone())).collect::<Vec<_>>();
    assert_eq!(contents(&wanted[0]), contents(&wanted[1]));
    let clashes = wanted[0].keys().filter(|name| name.contains(" - clash ")).count();
    assert_eq!(clashes, 17);
    assert!(trashed.len() > 30, "{}", trashed.len());

    let mut random = seed;
    let (mut in_the_middle, mut twice) = (0, 0);
    for kill in 0..kills {
        let place = place();
        let world = World { base: place.path() };
        world.make();
        let before = ["left", "right"].map(|root| world.tree(root));
        let mut part = 0.0;
        // Every second one is killed once more, in the run that mends.
        for round in 0..=kill % 2 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let spread = (random >> 33) as f64 / f64::from(1_u32 << 31);
            part = (kill as f64 + spread) / kills as f64 / (1 + round) as f64;
            let delay = takes.mul_f64(part);
            let mut child = world.command().spawn().unwrap();
            thread::sleep(delay);
            child.kill().unwrap();
            child.wait().unwrap();
            twice += round;
        }
        let after = ["left", "right"].map(|root| world.tree(root));
        // What the machine does beside this changes all the time, and so does how long a run takes.
        if after == before && part > 0.6 {
            takes = takes.mul_f64(1.5);
        } else if after == wanted && part < 0.7 {
            takes = takes.mul_f64(0.7);
        } else if after != before && after != wanted {
            in_the_middle += 1;
        }
        world.sync();
        let what = format!("BOTHWAYS_SEED={seed}, kill {kill} of {kills}");
        for (root, wanted) in ["left", "right"].into_iter().zip(&wanted) {
            let now = world.tree(root);
            assert_same(wanted, &now, &format!("{what}: {root}"));
        }
        let missing: Vec<_> = trashed.difference(&world.trashed()).cloned().collect();
        assert!(missing.is_empty(), "{what}: not in the trash: {missing:.500?}");
        assert_eq!(world.leftovers(), Vec::<String>::new(), "{what}");
    }
    println!("{kills} runs killed ({twice} of them twice), {in_the_middle} in the middle of their changes");
    assert!(in_the_middle * 4 > kills || kills < 20, "only {in_the_middle} kills met a run at work");
}
