//! A live session of a configuration file, as a service manager has it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::world::World;

/// How long something may take before a test gives up; it takes about a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a program has said so far.
#[derive(Clone, Default)]
struct Said(Arc<(Mutex<Vec<String>>, Condvar)>);

/// A running session, stopped when the test ends however it ends.
pub(crate) struct Session {
    child: Option<Child>,
    said: Said,
}

impl Session {
    /// `pair.toml` of this world, with whatever else the command is given.
    pub(crate) fn start(world: &World, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = world.command(["run", "--config", "pair.toml", "--state", "state"]);
        change(&mut command);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = Said::default();
        let heard = said.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.0.0.lock().unwrap().push(line);
                heard.0.1.notify_all();
            }
        });
        Self { child: Some(child), said }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Everything it has said.
    pub(crate) fn words(&self) -> String {
        self.said.0.0.lock().unwrap().join("\n")
    }

    /// How often it has said something.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.words().matches(text).count()
    }

    /// Waits until it has said something so often.
    #[track_caller]
    pub(crate) fn says(&self, text: &str, times: usize) {
        let begun = Instant::now();
        let (lines, more) = &*self.said.0;
        let mut held = lines.lock().unwrap();
        while held.join("\n").matches(text).count() < times {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(!left.is_zero(), "it never said `{text}` {times} times:\n{}", held.join("\n"));
            held = more.wait_timeout(held, left).unwrap().0;
        }
    }

    /// Asks it to end; its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        self.signal("-TERM");
        let status = self.child.take().unwrap().wait().unwrap();
        status.code().unwrap_or(-1)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits for something, and tells how long it took.
#[track_caller]
pub(crate) fn wait(what: &str, mut done: impl FnMut() -> bool) -> Duration {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "{what} took too long");
        std::thread::sleep(Duration::from_millis(10));
    }
    begun.elapsed()
}
