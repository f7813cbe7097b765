//! A session that runs beside a test.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::world::World;

/// How long a change may take before a test gives up; it takes about half a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A running session, stopped when the test ends however it ends.
pub(crate) struct Running(pub(crate) Option<Child>);

impl Running {
    pub(crate) fn start(world: &World) -> Self {
        Self::with(world, &["left", "right"])
    }

    /// With these arguments besides the place of the state.
    pub(crate) fn with(world: &World, args: &[&str]) -> Self {
        let mut command = world.command(["run", "--state", "state"].iter().chain(args));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
        let running = Self(Some(child));
        let first = said.next().unwrap().unwrap();
        assert!(first.contains("both folders are there"), "{first}");
        // Somebody has to read the rest, or the session would wait for room in the pipe.
        std::thread::spawn(move || said.for_each(drop));
        running
    }

    pub(crate) fn id(&self) -> String {
        self.0.as_ref().unwrap().id().to_string()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = std::process::Command::new("kill").args([signal, &self.id()]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it with no chance to clean up.
    pub(crate) fn kill(mut self) {
        let mut child = self.0.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to end; its exit code and how long it took.
    pub(crate) fn stop(mut self) -> (i32, Duration) {
        let begun = Instant::now();
        self.signal("-TERM");
        let status = self.0.take().unwrap().wait().unwrap();
        (status.code().unwrap_or(-1), begun.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[track_caller]
pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what} took too long");
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}

pub(crate) fn content(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}
