//! A call that takes time: a thread of ours does the work, the caller's thread waits for it and tells.
//!
//! Owns that thread, what passes between the two, and the only place from which a function of the caller is called.
//!
//! The caller's functions run on the thread that called us, one at a time. While one of them runs, every variable on
//! our part of the stack is plain data but for one: the [`Attended`], to which everything else belongs. An exception of
//! C++ that passes through drops it, which asks the work to end and lets go of it. A `longjmp` is forbidden, and in
//! practice passes it by: the work goes on to its end with nobody to hear of it. Keep it so: [`attend`] and what calls
//! it must not hold anything else that has to be dropped.

use std::collections::VecDeque;
use std::ffi::{CString, c_char, c_void};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use sync_engine::control::Caller;
use sync_engine::report::SyncReport;
use sync_engine::{Cancel, Judged, LiveWatch, Reloaded, SessionError};

use crate::cancel::CancelHandle;
use crate::foreign;
use crate::guard::{caught, settle};
use crate::handles;
use crate::status::{Fault, Status};
use crate::{texts, threads};

/// How often the caller is told at least.
const TURN: Duration = Duration::from_millis(50);

/// What a call is busy with.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Nothing yet, or a live session that waits for changes.
    Wait = 0,
    /// Looking at both folders. Counts entries.
    Scan = 1,
    /// Reading contents that size and time could not tell apart. Counts files and bytes.
    Digest = 2,
    /// Making changes. Counts actions and bytes.
    Act = 3,
    /// Something of a later version of the library.
    Other = 4,
}

/// How far a call has come.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// A `bothways_phase`.
    pub phase: i32,
    /// How many things of this phase are done.
    pub done: u64,
    /// How many there are; 0 where that is not known.
    pub total: u64,
    /// How many bytes of this phase are done.
    pub bytes_done: u64,
    /// How many there are; 0 where that is not known.
    pub bytes_total: u64,
}

/// What a live session, or a call that waits for one, tells of. New numbers may come: leave alone what you do not know.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// Both folders are there, and changes are synced from now on. The text is `{}`.
    Ready = 1,
    /// A cycle ended that did or met something. The text is its report, as `bothways sync --json` prints it.
    Cycle = 2,
    /// It waits for something outside of it: a drive that is away, another session that has the state; or, in a call on
    /// a pair whose session is running, for what that one is busy with. The text has the key `message`.
    Waits = 3,
    /// The file of its configuration was read again. The text has the key `result`: `same`, `taken` with the names of the
    /// `keys` that hold from now on and of those that hold `later`, when it is started again, or `refused` with a
    /// `message`, and what held before still does.
    Reloaded = 4,
}

/// Is told about twenty times a second while a call takes place, whether there is anything new or not; a short phase may
/// pass untold. It is called on the thread that made the call. Another answer than 0 asks the call to end at its next
/// safe point; later ones do not take that back. It may use other handles, also for calls with functions of their own;
/// the session of the call is busy while the work lasts. It may throw, where the caller is C++; it must neither `longjmp`
/// over the call nor end the thread.
pub type ProgressFn =
    Option<unsafe extern "C-unwind" fn(progress: *const Progress, user: *mut c_void) -> i32>;

/// Is told of what a live session does, or what a call waits for; the same holds for it. The number is a
/// `bothways_event`, the text is JSON and stays until the function returns. What happens meanwhile is kept for it, in
/// order, however long it takes.
pub type EventFn =
    Option<unsafe extern "C-unwind" fn(event: i32, json: *const c_char, user: *mut c_void) -> i32>;

/// Who follows a call. NULL instead of one is fine, and so is NULL for everything in it but `size`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    /// `sizeof(bothways_watch)`: tells which version of this the program was built with.
    pub size: usize,
    /// Is told how far the call has come.
    pub progress: ProgressFn,
    /// Is told of what happens.
    pub event: EventFn,
    /// Is handed to both functions as it is.
    pub user: *mut c_void,
    /// A wish to stop that may come from another thread.
    pub cancel: *mut CancelHandle,
}

const NOBODY: Watch = Watch {
    size: size_of::<Watch>(),
    progress: None,
    event: None,
    user: std::ptr::null_mut(),
    cancel: std::ptr::null_mut(),
};

/// What a call has to say at its end.
pub(crate) struct Reply {
    pub(crate) status: Status,
    pub(crate) text: Option<CString>,
}

impl Reply {
    /// A report, and what a person should make of it.
    pub(crate) fn of(report: &(impl serde::Serialize + Judged)) -> Result<Self, Fault> {
        Ok(Self { status: report.verdict().into(), text: Some(texts::json(report)?) })
    }
}

pub(crate) type Work = Box<dyn FnOnce(&Shared) -> Result<Reply, Fault> + Send>;

/// What both threads know.
#[derive(Default)]
pub(crate) struct Shared {
    /// The answer of the caller's functions.
    stop: Cancel,
    /// The wish from another thread.
    cancel: Option<Arc<Cancel>>,
    /// Somebody wants to hear of events.
    hears: bool,
    done: AtomicU64,
    bytes_done: AtomicU64,
    turn: Mutex<Turn>,
    news: Condvar,
}

#[derive(Default)]
struct Turn {
    phase: Option<(Phase, u64, u64)>,
    is_new: bool,
    events: VecDeque<(Event, CString)>,
    /// What a running session that is asked was busy with when it told last.
    waits: String,
    reply: Option<Result<Reply, Fault>>,
}

impl Shared {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, phase: Phase, total: u64, bytes_total: u64) {
        let mut turn = self.turn();
        turn.phase = Some((phase, total, bytes_total));
        turn.is_new = true;
        self.done.store(0, Ordering::Relaxed);
        self.bytes_done.store(0, Ordering::Relaxed);
        self.news.notify_one();
    }

    fn tell(&self, event: Event, json: &impl serde::Serialize) {
        if let (true, Ok(text)) = (self.hears, texts::json(json)) {
            self.turn().events.push_back((event, text));
            self.news.notify_one();
        }
    }

    fn progress(&self, turn: &Turn) -> Progress {
        let (phase, total, bytes_total) = turn.phase.unwrap_or((Phase::Wait, 0, 0));
        Progress {
            phase: phase as i32,
            done: self.done.load(Ordering::Relaxed),
            total,
            bytes_done: self.bytes_done.load(Ordering::Relaxed),
            bytes_total,
        }
    }
}

impl sync_engine::Watch for Shared {
    fn begin(&self, phase: sync_engine::Phase, count: Option<u64>, bytes: Option<u64>) {
        let phase = match phase {
            sync_engine::Phase::Scan => Phase::Scan,
            sync_engine::Phase::Digest => Phase::Digest,
            sync_engine::Phase::Act => Phase::Act,
            _ => Phase::Other,
        };
        self.enter(phase, count.unwrap_or_default(), bytes.unwrap_or_default());
    }

    fn advance(&self, count: u64, bytes: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
        self.bytes_done.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.stop.is_cancelled() || self.cancel.as_ref().is_some_and(|cancel| cancel.is_cancelled())
    }
}

impl LiveWatch for Shared {
    fn ready(&self) {
        self.tell(Event::Ready, &serde_json::json!({}));
    }

    fn cycle(&self, report: &SyncReport) {
        self.tell(Event::Cycle, report);
        self.enter(Phase::Wait, 0, 0);
    }

    fn waits(&self, error: &SessionError) {
        self.tell(Event::Waits, &serde_json::json!({ "message": error.to_string() }));
        self.enter(Phase::Wait, 0, 0);
    }

    fn reloaded(&self, reloaded: &Reloaded<'_>) {
        let told = match reloaded {
            Reloaded::Taken { changes, .. } => {
                serde_json::json!({ "result": "taken", "keys": changes.keys, "later": changes.later })
            }
            Reloaded::Refused { error, .. } => {
                serde_json::json!({ "result": "refused", "message": error.to_string() })
            }
            _ => serde_json::json!({ "result": "same" }),
        };
        self.tell(Event::Reloaded, &told);
    }
}

impl Caller for Shared {
    fn waits(&self, why: &str) {
        if self.turn().waits != why {
            why.clone_into(&mut self.turn().waits);
            self.tell(Event::Waits, &serde_json::json!({ "message": why }));
        }
    }
}

/// One call, as long as it lasts.
struct Call {
    shared: Arc<Shared>,
    worker: JoinHandle<()>,
    /// The text of the event that is told right now.
    telling: Option<CString>,
}

/// A call that has begun: plain data, see the top.
#[derive(Clone, Copy)]
pub(crate) struct Begun {
    call: *mut Call,
    watch: Watch,
    handle: usize,
    out: *mut *mut c_char,
}

/// Begins a call. `prepare` checks the arguments and says what is to be done. Where there is no result, `out` is NULL.
///
/// # Safety
/// `watch` is NULL or what the header says; `out` is NULL, where there is no result, or went through
/// [`foreign::cleared`] in `prepare`.
pub(crate) unsafe fn begin(
    handle: usize,
    watch: *const Watch,
    out: *mut *mut c_char,
    prepare: impl FnOnce() -> Result<Work, Fault>,
) -> Result<Begun, Status> {
    let begun = caught(|| {
        // First, so that there is no result whatever else is wrong.
        let work = prepare()?;
        // SAFETY: the same condition.
        let watch = unsafe { watch_of(watch) }?;
        let mut cancel = None;
        if !watch.cancel.is_null() {
            cancel = Some(Arc::clone(&handles::find::<CancelHandle>(watch.cancel.addr())?.cancel));
        }
        let shared = Arc::new(Shared { cancel, hears: watch.event.is_some(), ..Shared::default() });
        let of_worker = Arc::clone(&shared);
        let run = move || {
            let reply = caught(|| work(&of_worker));
            let mut turn = of_worker.turn();
            // The last numbers are told too.
            (turn.reply, turn.is_new) = (Some(reply), true);
            drop(turn);
            of_worker.news.notify_one();
        };
        let worker = threads::start(run)?;
        let call = Box::into_raw(Box::new(Call { shared, worker, telling: None }));
        Ok(Begun { call, watch, handle, out })
    });
    begun.map_err(|fault| settle(handle, Err(fault)))
}

/// # Safety
/// `watch` is NULL or what the header says.
unsafe fn watch_of(watch: *const Watch) -> Result<Watch, Fault> {
    if watch.is_null() {
        return Ok(NOBODY);
    }
    // SAFETY: not NULL; the size comes first in every version of it.
    let size = unsafe { watch.cast::<usize>().read() };
    if size != size_of::<Watch>() {
        let wanted = size_of::<Watch>();
        return Err(Fault::invalid(format!(
            "`size` of a `bothways_watch` is {size}, and should be sizeof(bothways_watch), which is {wanted}"
        )));
    }
    // SAFETY: the caller says that it is a whole one.
    Ok(unsafe { watch.read() })
}

#[derive(Clone, Copy)]
enum Step {
    Progress(Progress),
    Event(Event, *const c_char),
    Done,
}

/// The call that is waited for. Dropped before it is finished, by an exception of the caller's, it is asked to end.
struct Attended(*mut Call);

impl Drop for Attended {
    fn drop(&mut self) {
        // SAFETY: it was made from a box in `begin`, and whoever finishes the call forgets this.
        let call = unsafe { Box::from_raw(self.0) };
        call.shared.stop.cancel();
    }
}

/// Waits for a call, and tells of it on the way.
///
/// # Safety
/// `begun` comes from [`begin`] and is used once.
pub(crate) unsafe fn attend(begun: Result<Begun, Status>) -> Status {
    let begun = match begun {
        Ok(begun) => begun,
        Err(status) => return status,
    };
    let Watch { progress, event, user, .. } = begun.watch;
    let attended = Attended(begun.call);
    loop {
        // SAFETY: the call lives until `finish`, and nobody else has the pointer.
        let answer = match unsafe { next(begun.call, progress.is_some()) } {
            Step::Progress(told) => match progress {
                // SAFETY: the caller gave this function for this; see the top for what it may do.
                Some(function) => unsafe { function(&raw const told, user) },
                None => 0,
            },
            Step::Event(kind, text) => match event {
                // SAFETY: the same; the text stays until the next step.
                Some(function) => unsafe { function(kind as i32, text, user) },
                None => 0,
            },
            Step::Done => {
                std::mem::forget(attended);
                // SAFETY: this is the end of it.
                return unsafe { finish(begun) };
            }
        };
        if answer != 0 {
            // SAFETY: as above.
            unsafe { &*begun.call }.shared.stop.cancel();
        }
    }
}

/// Waits for what is to be told next; where somebody wants to hear of progress, a turn at most.
///
/// # Safety
/// The call is not finished, and this is the only reference to it.
unsafe fn next(call: *mut Call, in_turns: bool) -> Step {
    // SAFETY: the condition.
    let call = unsafe { &mut *call };
    let step = caught(|| {
        let mut turn = call.shared.turn();
        let rests = |turn: &Turn| !turn.is_new && turn.events.is_empty() && turn.reply.is_none();
        if in_turns && rests(&turn) {
            let waited = call.shared.news.wait_timeout(turn, TURN);
            turn = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        while !in_turns && rests(&turn) {
            turn = call.shared.news.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some((event, text)) = turn.events.pop_front() {
            let text = call.telling.insert(text);
            return Ok(Step::Event(event, text.as_ptr()));
        }
        if turn.reply.is_some() && !turn.is_new {
            return Ok(Step::Done);
        }
        turn.is_new = false;
        Ok(Step::Progress(call.shared.progress(&turn)))
    });
    // A wait that fails leaves the end of the work to wait for.
    step.unwrap_or(Step::Done)
}

/// # Safety
/// The call is not finished, and not used any more.
unsafe fn finish(begun: Begun) -> Status {
    let done = caught(|| {
        // SAFETY: it was made from a box in `begin`, and the condition.
        let call = unsafe { Box::from_raw(begun.call) };
        let Call { shared, worker, .. } = *call;
        // It has caught its own panics.
        let _ = worker.join();
        let reply = shared.turn().reply.take();
        let reply =
            reply.unwrap_or_else(|| Err(Fault::new(Status::Panic, "the work ended without a result")))?;
        if let (Some(text), false) = (reply.text, begun.out.is_null()) {
            // SAFETY: `out` was cleared at the beginning of the call.
            unsafe { texts::give(text, begun.out) };
        }
        Ok(reply.status)
    });
    settle(begun.handle, done)
}

/// What the functions with a result begin with.
///
/// # Safety
/// `out` is NULL, or a place that may be written.
pub(crate) unsafe fn wants_result(out: *mut *mut c_char) -> Result<(), Fault> {
    // SAFETY: the same condition.
    unsafe { foreign::cleared(out, "out") }
}
