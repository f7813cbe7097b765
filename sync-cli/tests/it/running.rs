//! A session that runs beside a test, and waiting for what it does.
//!
//! Owns the only way in which tests start `bothways run`, end it and hear what it says, and the only wait. A test waits
//! for a condition, never for a time: [`PATIENCE`] is what only a hang exceeds, also where ten programs want every
//! processor. Where a time is the promise itself, [`within`] looks at it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use super::world::World;
pub(crate) use super::world::content;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);
/// What a session says when it has both folders.
pub(crate) const READY: &str = "both folders are there";

/// What a program has said so far, and whether it says no more.
#[derive(Clone, Default)]
struct Said(Arc<(Mutex<(Vec<String>, bool)>, Condvar)>);

impl Said {
    /// Listens to a program. Somebody has to, or it would wait for room in the pipe.
    fn of(child: &mut Child) -> Self {
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = Self::default();
        let heard = said.clone();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                heard.0.0.lock().unwrap().0.push(line);
                heard.0.1.notify_all();
            }
            heard.0.0.lock().unwrap().1 = true;
            heard.0.1.notify_all();
        });
        said
    }
}

/// A running session, stopped when the test ends however it ends.
pub(crate) struct Running {
    child: Option<Child>,
    said: Said,
}

impl Running {
    /// One of `left` and `right` that has found both.
    pub(crate) fn start(world: &World) -> Self {
        Self::with(world, &["left", "right"])
    }

    /// One with these arguments besides the place of the state, which has found both folders.
    pub(crate) fn with(world: &World, args: &[&str]) -> Self {
        let running = Self::launch(world.command(["run", "--state", "state"].iter().chain(args)));
        running.says(READY, 1);
        running
    }

    /// One of `pair.toml`, as a service manager has it: with whatever else the command is given, and nothing awaited.
    pub(crate) fn configured(world: &World, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = world.command(["run", "--config", "pair.toml", "--state", "state"]);
        change(&mut command);
        Self::launch(command)
    }

    pub(crate) fn launch(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let said = Said::of(&mut child);
        Self { child: Some(child), said }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        send(signal, self.id());
    }

    /// Everything it has said.
    pub(crate) fn words(&self) -> String {
        self.said.0.0.lock().unwrap().0.join("\n")
    }

    /// How often it has said something.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.words().matches(text).count()
    }

    /// Waits until it has said something so often.
    #[track_caller]
    pub(crate) fn says(&self, text: &str, times: usize) {
        let begun = Instant::now();
        let (said, more) = &*self.said.0;
        let mut held = said.lock().unwrap();
        loop {
            let words = held.0.join("\n");
            if words.matches(text).count() >= times {
                return;
            }
            let left = PATIENCE.saturating_sub(begun.elapsed());
            assert!(!held.1 && !left.is_zero(), "it never said `{text}` {times} times:\n{words}");
            held = more.wait_timeout(held, left).unwrap().0;
        }
    }

    /// Ends it with no chance to clean up.
    pub(crate) fn kill(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks it to end; its exit code and how long it took.
    #[track_caller]
    pub(crate) fn stop(self) -> (i32, Duration) {
        let begun = Instant::now();
        self.signal("-TERM");
        (self.ended(), begun.elapsed())
    }

    /// Waits until it ends by itself; its exit code.
    #[track_caller]
    pub(crate) fn ended(mut self) -> i32 {
        let child = self.child.as_mut().unwrap();
        wait("the session's end", || child.try_wait().unwrap().is_some());
        self.child.take().unwrap().wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends a signal to a process.
#[track_caller]
pub(crate) fn send(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
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

/// Sees that a time that is promised is kept by one of four tries. A machine that is busy with others delays anything
/// once and again; what does not keep its promise breaks it each time.
#[track_caller]
pub(crate) fn within(limit: Duration, what: &str, mut took: impl FnMut(u32) -> Duration) {
    let mut tries = Vec::new();
    for turn in 0..4 {
        tries.push(took(turn));
        if tries.iter().any(|took| *took < limit) {
            return;
        }
    }
    panic!("{what} took {tries:?}, and may take {limit:?}");
}
