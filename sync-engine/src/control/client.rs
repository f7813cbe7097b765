//! Asking a running session.
//!
//! Owns [`Client`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::door::End;
use super::request::{Answer, Request};
use super::wire::{ANSWER, HELLO, Hello, Next, Progress, REQUEST, Told, WireError, receive, send};
use super::{Stream, check_peer, knock};
use crate::error::SessionError;
use crate::watch::Watch;

/// How long a greeting may take.
const GREETING: Duration = Duration::from_secs(10);
/// How long a session may be silent: it tells several times a second how a request stands.
const SILENCE: Duration = Duration::from_mins(1);

/// Who asks a running session. Every method does nothing by default.
pub trait Caller: Watch {
    /// The session is busy with something else; told again with every sign of life.
    fn waits(&self, why: &str) {
        let _ = why;
    }
}

impl Caller for crate::watch::Silent {}

/// A running session that can be asked.
#[derive(Clone, Debug)]
pub struct Client {
    folder: PathBuf,
    /// What it keeps the same: left and right.
    roots: Option<(PathBuf, PathBuf)>,
    /// The version of its program.
    program: String,
}

impl Client {
    /// The session that runs with a state folder. None when none can be reached.
    ///
    /// # Errors
    /// [`SessionError::Wire`] when one is there and cannot be talked to.
    pub fn find(folder: &Path) -> Result<Option<Self>, SessionError> {
        let Some((_, hello)) = greet(folder)? else { return Ok(None) };
        let roots = hello.roots.map(|(left, right)| (left.into(), right.into()));
        Ok(Some(Self { folder: folder.to_owned(), roots, program: hello.program }))
    }

    /// The folders that it keeps the same, left and right.
    pub fn roots(&self) -> Option<(&Path, &Path)> {
        self.roots.as_ref().map(|(left, right)| (left.as_path(), right.as_path()))
    }

    /// The version of its program.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Asks for something, and waits for the answer. A wish to stop is handed on.
    ///
    /// # Errors
    /// Those of the session, as [`SessionError::Refused`]; [`SessionError::Wire`] when it cannot be talked to.
    pub fn ask(&self, request: &Request, caller: &dyn Caller) -> Result<Answer, SessionError> {
        let Some((mut stream, _)) = greet(&self.folder)? else { return Err(WireError::Gone.into()) };
        send(&mut stream, request, REQUEST, SILENCE)?;
        let mut seen = Progress::default();
        loop {
            match receive(&mut stream, ANSWER, SILENCE)? {
                Told::Answer(answer) => return Ok(*answer),
                Told::Refused(refusal) => return Err(refusal.into()),
                Told::Waits(why) => caller.waits(&why),
                Told::Progress(now) => {
                    follow(caller, &seen, &now);
                    seen = now;
                }
            }
            send(&mut stream, &Next { cancel: caller.is_cancelled() }, HELLO, SILENCE)?;
        }
    }
}

/// Comes in and says hello. None when nobody is there, or nobody any more.
fn greet(folder: &Path) -> Result<Option<(Stream, Hello)>, WireError> {
    let Some(mut stream) = knock(folder).map_err(WireError::Io)? else { return Ok(None) };
    check_peer(&stream, End::Client)?;
    match send(&mut stream, &Hello::new(None), HELLO, GREETING) {
        // One that does not let us in has hung up already, which may be heard before it is said.
        Ok(()) | Err(WireError::Gone) => {}
        Err(error) => return Err(error),
    }
    let hello: Hello = receive(&mut stream, HELLO, GREETING)?;
    hello.check()?;
    Ok(Some((stream, hello)))
}

/// Shows what was done since the last time.
fn follow(caller: &dyn Caller, seen: &Progress, now: &Progress) {
    let anew = now.phases != seen.phases;
    if let Some(phase) = now.phase.filter(|_| anew) {
        caller.begin(phase, now.all_count, now.all_bytes);
    }
    let before = if anew { Progress::default() } else { *seen };
    let (count, bytes) = (now.count.saturating_sub(before.count), now.bytes.saturating_sub(before.bytes));
    if count > 0 || bytes > 0 {
        caller.advance(count, bytes);
    }
}
