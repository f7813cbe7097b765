//! Plays a scene: sets up the folders, runs what is typed, shows what it printed.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use super::scenes::{Setting, Show, Step};
use super::stable::stable;
use crate::running::{READY, send, wait};
use crate::world::World;

/// 2024-05-17 09:00 UTC, when the two offices last worked together.
const MORNING: u64 = 1_715_936_400;

/// The folders in which one scene is played.
pub(super) struct Stage {
    world: World,
    /// A session that runs behind the scene.
    session: Mutex<Option<Ended>>,
}

/// What came of a step.
pub(super) enum Played {
    Words(&'static str),
    Call {
        code: i32,
        /// What was typed and printed, where it is shown.
        shown: Option<String>,
        /// What was typed after the program's name.
        of: &'static str,
    },
    Nothing,
}

impl Stage {
    pub(super) fn new(setting: Setting) -> Self {
        let stage = Self { world: World::new(), session: Mutex::new(None) };
        for side in ["office", "cloud"] {
            std::fs::create_dir(stage.world.path(side)).unwrap();
        }
        if let Setting::Bare = setting {
            return stage;
        }
        std::fs::write(stage.world.path("bothways.toml"), "left_root = 'office'\nright_root = 'cloud'\n")
            .unwrap();
        stage.write("office/letters/offer.txt", "An offer\nfor ten chairs\n", 0);
        stage.write("office/budget.txt", "rent 100\n", 0);
        stage.write("cloud/minutes.txt", "All were there.\n", 0);
        stage.quietly("sync");
        stage
    }

    /// Writes a file that was changed so many hours after nine.
    pub(super) fn write(&self, name: &str, text: &str, hours: u64) {
        self.world.write(name, text);
        let file = std::fs::File::options().write(true).open(self.world.path(name)).unwrap();
        // Whatever the umask of who runs this.
        std::fs::set_permissions(self.world.path(name), std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(MORNING + hours * 3600)).unwrap();
    }

    pub(super) fn remove(&self, name: &str) {
        let path = self.world.path(name);
        if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.unwrap();
    }

    pub(super) fn place(&self, name: &str) -> std::path::PathBuf {
        self.world.path(name)
    }

    /// A command before the scene, which must end well.
    pub(super) fn quietly(&self, line: &str) {
        let outcome = self.world.run(words(line));
        assert!(outcome.code <= 1, "{line}: {}{}", outcome.out, outcome.err);
    }

    /// Lets a session run behind the scene, which was ready and has looked at everything.
    pub(super) fn begin(&self) {
        let child = self.world.command(["run", "--quiet"]).stderr(Stdio::null()).spawn().unwrap();
        *self.session.lock().unwrap() = Some(Ended(child));
        wait("the session's beginning", || {
            self.world.json(["status"]).1["live"]["next_full_scan"].is_string()
        });
    }

    /// Waits until a path comes up.
    pub(super) fn wait_for(&self, name: &str) {
        wait(name, || self.world.has(name));
    }

    /// Ends the session behind the scene.
    pub(super) fn end(&self) {
        let mut ended = self.session.lock().unwrap().take().unwrap();
        send("-TERM", ended.0.id());
        assert!(ended.0.wait().unwrap().success());
    }

    pub(super) fn play(&mut self, step: &Step) -> Played {
        match *step {
            Step::Say(words) => Played::Words(words),
            Step::Do(change) => {
                change(self);
                Played::Nothing
            }
            Step::Run(line, code, show) => {
                let (typed, file) =
                    line.split_once(" > ").map_or((line, None), |(line, file)| (line, Some(file)));
                let outcome = self.world.run(words(typed));
                let printed = format!("{}{}", outcome.err, outcome.out);
                assert_eq!(outcome.code, code, "{line}:\n{printed}");
                if let Some(file) = file {
                    assert!(!outcome.out.is_empty(), "{line} prints nothing");
                    std::fs::write(self.world.path(file), &outcome.out).unwrap();
                    let shown = matches!(show, Show::All).then(|| format!("$ bothways {line}\n"));
                    return Played::Call { code, shown, of: line };
                }
                Played::Call { code, shown: self.shown(line, &printed, show), of: line }
            }
            Step::Live(line, change, arrives, show) => {
                let (code, printed) = self.live(line, change, arrives);
                Played::Call { code, shown: self.shown(line, &printed, show), of: line }
            }
        }
    }

    fn shown(&self, line: &str, printed: &str, show: Show) -> Option<String> {
        let printed = stable(printed, &self.world.path(""));
        let printed = match show {
            Show::Nothing => return None,
            Show::All => printed.trim_matches('\n').to_owned(),
            Show::Lines(starts) => only(&printed, starts),
        };
        let end = if printed.is_empty() || printed.ends_with('\n') { "" } else { "\n" };
        Some(format!("$ bothways {line}\n{printed}{end}"))
    }

    /// Starts a session, changes something, waits for a path to come up, and asks the session to end. The exit code,
    /// and what it said.
    fn live(&self, line: &str, change: fn(&Self), arrives: &str) -> (i32, String) {
        let mut child = Ended(self.world.command(words(line)).stderr(Stdio::piped()).spawn().unwrap());
        let mut said = BufReader::new(child.0.stderr.take().unwrap());
        let mut printed = String::new();
        while !printed.contains(READY) {
            assert!(said.read_line(&mut printed).unwrap() > 0, "{line} ended: {printed}");
        }
        change(self);
        wait(arrives, || self.world.has(arrives));
        send("-INT", child.0.id());
        said.read_to_string(&mut printed).unwrap();
        (child.0.wait().unwrap().code().unwrap_or(-1), printed)
    }
}

/// A program that does not outlive its test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The lines that begin with one of these, each of which must be there, with a mark where others are left out. A
/// beginning that ends with that mark stands for the whole line.
fn only(printed: &str, starts: &[&str]) -> String {
    let is = |line: &str, start: &str| line.starts_with(start.trim_end_matches('…'));
    for start in starts {
        assert!(printed.lines().any(|line| is(line, start)), "no line begins with `{start}`:\n{printed}");
    }
    let mut out = String::new();
    for line in printed.lines() {
        match starts.iter().find(|start| is(line, start)) {
            Some(start) if start.ends_with('…') => {
                let _ = writeln!(out, "{start}");
            }
            Some(_) => {
                let _ = writeln!(out, "{line}");
            }
            None if out.ends_with("…\n") => {}
            None => out.push_str("…\n"),
        }
    }
    out
}

/// A line as a shell takes it apart: by spaces, but for what stands between single quotes.
fn words(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            all.push(part.to_owned());
        } else {
            all.extend(part.split_whitespace().map(ToOwned::to_owned));
        }
    }
    all
}
