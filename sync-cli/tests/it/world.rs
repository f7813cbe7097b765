//! Two folders, a place for the state, and the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub(crate) struct World {
    temp: tempfile::TempDir,
}

/// What came of a call.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl World {
    /// Empty folders `left` and `right`.
    pub(crate) fn new() -> Self {
        #[cfg(target_os = "linux")]
        super::leftovers::clear();
        let prefix = format!("bothways-test-{}-", std::process::id());
        let temp = tempfile::Builder::new().prefix(&prefix).tempdir().unwrap();
        for name in ["left", "right"] {
            std::fs::create_dir(temp.path().join(name)).unwrap();
        }
        Self { temp }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    /// Writes a file with an older time, so that no version is fresh.
    pub(crate) fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        self.age(name, 3600);
    }

    /// Sets a file's time back by so many seconds from now.
    pub(crate) fn age(&self, name: &str, seconds: u64) {
        let file = std::fs::File::options().write(true).open(self.path(name)).unwrap();
        file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(seconds)).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// All names below `name`, sorted, without our own folder.
    pub(crate) fn names(&self, name: &str) -> Vec<String> {
        fn walk(folder: &Path, prefix: &str, all: &mut Vec<String>) {
            let Ok(entries) = std::fs::read_dir(folder) else { return };
            for entry in entries.map(Result::unwrap) {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name == ".bothways" {
                    continue;
                }
                let path = format!("{prefix}{name}");
                all.push(path.clone());
                if entry.file_type().unwrap().is_dir() {
                    walk(&entry.path(), &format!("{path}/"), all);
                }
            }
        }
        let mut all = Vec::new();
        walk(&self.path(name), "", &mut all);
        all.sort();
        all
    }

    /// The log of a session whose state lies in `state`.
    #[cfg(unix)]
    pub(crate) fn log(&self) -> String {
        content(&self.path("state/bothways.log"))
    }

    /// How many bytes lie below `name`.
    #[cfg(unix)]
    pub(crate) fn bytes(&self, name: &str) -> u64 {
        fn walk(folder: &Path) -> u64 {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            entries
                .map(|entry| match entry.metadata() {
                    Ok(found) if found.is_dir() => walk(&entry.path()),
                    Ok(found) => found.len(),
                    Err(_) => 0,
                })
                .sum()
        }
        walk(&self.path(name))
    }

    /// The program in this world, with nothing of the caller's environment that could change what it does.
    pub(crate) fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bothways"));
        command.args(args).current_dir(self.temp.path()).stdin(Stdio::null());
        for name in ["BOTHWAYS_CONFIG", "CLICOLOR_FORCE", "NO_COLOR", "CLICOLOR"] {
            command.env_remove(name);
        }
        command.env("XDG_STATE_HOME", self.path("home-state")).env("LOCALAPPDATA", self.path("home-state"));
        command
    }

    pub(crate) fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Outcome {
        self.command(args).output().unwrap().into()
    }

    /// Runs with `--json` and reads the document.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> (i32, Value) {
        let mut command = self.command(args);
        let outcome: Outcome = command.arg("--json").output().unwrap().into();
        assert_eq!(outcome.out.matches('\n').count(), 1, "one line: {}\n{}", outcome.out, outcome.err);
        let document = serde_json::from_str(&outcome.out)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", outcome.out, outcome.err));
        (outcome.code, document)
    }

    /// One sync that must not fail.
    pub(crate) fn sync(&self) -> Outcome {
        let outcome = self.run(["sync", "left", "right"]);
        assert!(outcome.code <= 1, "{}\n{}\n{}", outcome.code, outcome.out, outcome.err);
        outcome
    }
}

/// What a session did last is shown with the test that failed.
impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        let log = std::fs::read_to_string(self.path("state/bothways.log")).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        println!("The end of the log:\n{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        let [left, right] = ["left", "right"].map(|side| self.names(side));
        let only = |one: &[String], other: &[String]| {
            one.iter().filter(|name| !other.contains(name)).take(20).cloned().collect::<Vec<_>>()
        };
        println!("Only left: {:?}\nOnly right: {:?}", only(&left, &right), only(&right, &left));
    }
}

/// What a file holds; nothing where there is none.
#[cfg(unix)]
pub(crate) fn content(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
