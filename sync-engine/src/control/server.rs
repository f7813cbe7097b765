//! A running session, answering.
//!
//! Owns [`Server`]: who comes in, how many at once, and how each is served. One thread waits for them and each gets a
//! thread of its own; the session itself is never touched by what they do, however they hang or flood. What only looks
//! at the records is answered here, also in the middle of a cycle; everything else waits in the [`Stage`] for its turn.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::call::{Call, Outcome, Way};
use super::door::End;
use super::request::{About, Refusal, Request};
use super::stage::Stage;
use super::wire::{ANSWER, HELLO, Hello, Next, PROTOCOL, REQUEST, Told, WireError, receive, send};
use super::{Door, Stream, check_peer};
use crate::error::{ErrorKind, SessionError};

/// So many are served at once.
const MOST: usize = 32;
/// How long a greeting and a request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);
/// How long one who waits for an answer may be silent, as one that the terminal has stopped.
const SILENCE: Duration = Duration::from_mins(1);
/// How often one who waits is told how it stands.
const TELLING: Duration = Duration::from_millis(200);
/// How long the end of a session waits for answers to go out.
const FAREWELL: Duration = Duration::from_secs(1);

/// Who is served, until it is dropped.
pub(crate) struct Server {
    shared: Arc<Shared>,
    waiting: Option<JoinHandle<()>>,
}

struct Shared {
    door: Door,
    stage: Arc<Stage>,
    roots: (OsString, OsString),
    ends: AtomicBool,
    /// How many are served.
    inside: AtomicUsize,
    /// It was told of somebody who may not come in.
    told_of_foreigner: AtomicBool,
}

impl Server {
    /// Begins to serve those who come to a state folder. None when another session does.
    pub(crate) fn start(
        folder: &Path,
        roots: (OsString, OsString),
        stage: &Arc<Stage>,
    ) -> io::Result<Option<Self>> {
        let Some(door) = Door::open(folder)? else { return Ok(None) };
        let shared = Arc::new(Shared {
            door,
            stage: Arc::clone(stage),
            roots,
            ends: AtomicBool::new(false),
            inside: AtomicUsize::new(0),
            told_of_foreigner: AtomicBool::new(false),
        });
        let served = Arc::clone(&shared);
        let waiting = std::thread::Builder::new().name("control".to_owned()).spawn(move || wait(&served))?;
        Ok(Some(Self { shared, waiting: Some(waiting) }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        self.shared.door.wake();
        if let Some(waiting) = self.waiting.take() {
            let _ = waiting.join();
        }
        let until = Instant::now() + FAREWELL;
        while self.shared.inside.load(Ordering::SeqCst) > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn wait(shared: &Arc<Shared>) {
    loop {
        let come = shared.door.accept();
        if shared.ends.load(Ordering::SeqCst) {
            return;
        }
        match come {
            Ok(stream) => let_in(shared, stream),
            Err(error) => {
                log::debug!(operation = "control"; "nobody can come in: {error}");
                // No descriptor is free, say.
                std::thread::sleep(TELLING);
            }
        }
    }
}

fn let_in(shared: &Arc<Shared>, stream: Stream) {
    if let Err(error) = check_peer(&stream, End::Session) {
        if !shared.told_of_foreigner.swap(true, Ordering::Relaxed) {
            log::warn!(operation = "control"; "somebody was turned away: {error}");
        }
        return;
    }
    let inside = Inside::enter(shared);
    let crowded = shared.inside.load(Ordering::SeqCst) > MOST;
    let spawned = std::thread::Builder::new().name("request".to_owned()).spawn(move || {
        let mut stream = stream;
        match serve(&inside.0, &mut stream, crowded) {
            Ok(()) | Err(WireError::Gone) => {}
            Err(error) => log::debug!(operation = "control"; "{error}"),
        }
    });
    if let Err(error) = spawned {
        log::debug!(operation = "control"; "nobody can be served: {error}");
    }
}

/// One that is served.
struct Inside(Arc<Shared>);

impl Inside {
    fn enter(shared: &Arc<Shared>) -> Self {
        shared.inside.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::SeqCst);
    }
}

fn refusal(kind: ErrorKind, message: impl Into<String>) -> Refusal {
    Refusal { kind, message: message.into(), about: About::Other }
}

/// Serves one request.
fn serve(shared: &Arc<Shared>, stream: &mut Stream, crowded: bool) -> Result<(), WireError> {
    let hello: Hello = receive(stream, HELLO, ARRIVAL)?;
    send(stream, &Hello::new(Some(shared.roots.clone())), HELLO, ARRIVAL)?;
    if hello.protocol != PROTOCOL {
        return Ok(());
    }
    let request: Request = match receive(stream, REQUEST, ARRIVAL) {
        Err(WireError::Garbage(reason)) => {
            let version = env!("CARGO_PKG_VERSION");
            let message =
                format!("the running session, of version {version}, does not understand this: {reason}");
            return send(stream, &Told::Refused(refusal(ErrorKind::Usage, message)), ANSWER, ARRIVAL);
        }
        other => other?,
    };
    if crowded {
        let message = format!("the running session serves {MOST} others already");
        return send(stream, &Told::Refused(refusal(ErrorKind::TryAgain, message)), ANSWER, ARRIVAL);
    }
    let at_once = request.is_at_once();
    let (call, way, outcome) = Call::new(request);
    if at_once {
        answer(shared, call);
    } else {
        shared.stage.queue(call);
    }
    let told = follow(shared, stream, &way, &outcome);
    // Whatever ended it, nobody waits for the call any more.
    way.cancel();
    told
}

/// Has a request answered by a thread beside the session.
fn answer(shared: &Arc<Shared>, call: Call) {
    let inside = Inside::enter(shared);
    let spawned = std::thread::Builder::new().name("answer".to_owned()).spawn(move || {
        inside.0.stage.answer(call);
    });
    // Without a thread the call is gone, and whoever waits for it is told so.
    drop(spawned);
}

/// Tells one who waits how it stands, until there is an outcome.
fn follow(
    shared: &Shared,
    stream: &mut Stream,
    way: &Way,
    outcome: &Receiver<Outcome>,
) -> Result<(), WireError> {
    loop {
        let last = match outcome.recv_timeout(TELLING) {
            Ok(Ok(answer)) => Some(Told::Answer(Box::new(answer))),
            Ok(Err(refusal)) => Some(Told::Refused(refusal)),
            Err(RecvTimeoutError::Disconnected) => {
                let message = "the running session ended before this was done";
                Some(Told::Refused(refusal(ErrorKind::TryAgain, message)))
            }
            Err(RecvTimeoutError::Timeout) => None,
        };
        if let Some(last) = last {
            return match send(stream, &last, ANSWER, SILENCE) {
                Err(WireError::TooLong { bytes, most }) => {
                    let message = WireError::TooLong { bytes, most }.to_string();
                    send(stream, &Told::Refused(refusal(ErrorKind::Internal, message)), ANSWER, SILENCE)
                }
                sent => sent,
            };
        }
        let told = match way.progress() {
            Some(progress) => Told::Progress(progress),
            None => Told::Waits(shared.stage.board.occupied()),
        };
        send(stream, &told, ANSWER, SILENCE)?;
        let next: Next = receive(stream, HELLO, SILENCE)?;
        if next.cancel {
            way.cancel();
            // What has not begun does not begin any more, and nobody waits for its turn to hear that.
            if way.progress().is_none() {
                let stopped = Refusal::from(&SessionError::Cancelled);
                return send(stream, &Told::Refused(stopped), ANSWER, SILENCE);
            }
        }
    }
}
