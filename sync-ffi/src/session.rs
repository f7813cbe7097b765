//! A pair of folders, opened, and what is asked of it.
//!
//! Owns one function per method of the engine's session. A call takes the session for itself and puts it back: who
//! comes meanwhile is told that it is busy, also where it is the caller's own function. A session whose call panicked
//! is gone, and its handle says so.

use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sync_engine::records::{HistoryQuery, HistoryReport, StatusReport};
use sync_engine::report::FORMAT;
use sync_engine::{Session, SessionError, SyncOptions, UndoOptions, Watch as _, Which};

use crate::attend::{Reply, Shared, Watch, attend, begin, wants_result};
use crate::config::ConfigHandle;
use crate::foreign;
use crate::guard;
use crate::handles::{self, Held};
use crate::options::{
    self, BOTHWAYS_FLAG_ALL, BOTHWAYS_FLAG_APPROVE, BOTHWAYS_FLAG_DRY_RUN, BOTHWAYS_FLAG_EXPIRED,
    BOTHWAYS_FLAG_KEEP_BOTH, BOTHWAYS_FLAG_READ_ONLY, only,
};
use crate::status::{Fault, Status};

/// How long the end of a sync may wait for alerts to be delivered; what is not, waits for the next one.
const DELIVERY: Duration = Duration::from_secs(20);

/// Two folders and what is remembered of them, opened. Any thread may use it, one call at a time.
pub struct SessionHandle {
    seat: Mutex<Seat>,
    complaint: Mutex<String>,
}

enum Seat {
    Free(Box<Session>),
    Taken,
    /// A call panicked.
    Broken,
}

impl Held for SessionHandle {
    const KIND: &'static str = "the handle of a session";
    fn complaint(&self) -> &Mutex<String> {
        &self.complaint
    }
}

/// The session while a call has it.
struct Lease {
    handle: Arc<SessionHandle>,
    session: Option<Box<Session>>,
}

impl SessionHandle {
    fn take(&self) -> Result<Box<Session>, Fault> {
        let mut seat = self.seat.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *seat, Seat::Taken) {
            Seat::Free(session) => Ok(session),
            Seat::Taken => Err(Fault::new(Status::Busy, "another call on the session is under way")),
            Seat::Broken => {
                *seat = Seat::Broken;
                Err(Fault::new(Status::Panic, "an earlier call failed by a mistake of the library: close it"))
            }
        }
    }
}

impl Lease {
    fn of(session: *mut SessionHandle) -> Result<Self, Fault> {
        let handle = handles::find::<SessionHandle>(session.addr())?;
        let session = Some(handle.take()?);
        Ok(Self { handle, session })
    }

    fn run(&self, work: impl FnOnce(&Session) -> Result<Reply, Fault>) -> Result<Reply, Fault> {
        self.session.as_deref().map_or_else(|| Err(Fault::new(Status::Internal, "no session")), work)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let back = self.session.take().filter(|_| !std::thread::panicking());
        let mut seat = self.handle.seat.lock().unwrap_or_else(PoisonError::into_inner);
        *seat = back.map_or(Seat::Broken, Seat::Free);
    }
}

/// A call on a session: `prepare` reads the arguments before the session is taken.
///
/// # Safety
/// What [`begin`] and [`wants_result`] ask for.
unsafe fn call<A: Send + 'static>(
    session: *mut SessionHandle,
    watch: *const Watch,
    out: *mut *mut c_char,
    prepare: impl FnOnce() -> Result<A, Fault>,
    work: fn(&Session, A, &Shared) -> Result<Reply, Fault>,
) -> Status {
    // SAFETY: the same conditions; `begin` drops both closures before `attend` begins.
    unsafe {
        attend(begin(session.addr(), watch, out, || {
            wants_result(out)?;
            let arguments = prepare()?;
            let lease = Lease::of(session)?;
            Ok(Box::new(move |watch| lease.run(|session| work(session, arguments, watch))))
        }))
    }
}

/// Opens the two folders of a configuration and what is remembered of them. What goes wrong is told by the
/// configuration's handle. Flags: `BOTHWAYS_FLAG_READ_ONLY`; `BOTHWAYS_FLAG_APPROVE` lets the pair start anew where a guard says
/// that the folders are not the ones they were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_session_open(
    config: *mut ConfigHandle,
    flags: u32,
    out: *mut *mut SessionHandle,
) -> Status {
    guard::on(config.addr(), || {
        // SAFETY: the header asks for a place that may be written.
        unsafe { foreign::cleared(out, "out") }?;
        let (config, mut options) = handles::find::<ConfigHandle>(config.addr())?.resolved()?;
        only(flags, BOTHWAYS_FLAG_READ_ONLY | BOTHWAYS_FLAG_APPROVE)?;
        options.read_only = flags & BOTHWAYS_FLAG_READ_ONLY != 0;
        options.approve = flags & BOTHWAYS_FLAG_APPROVE != 0;
        let session = Session::open(&config, &options)?;
        let seat = Mutex::new(Seat::Free(Box::new(session)));
        let handle = handles::give(SessionHandle { seat, complaint: Mutex::default() })?;
        // SAFETY: cleared above.
        unsafe { foreign::put_handle(out, handle) };
        Ok(Status::Ok)
    })
}

/// Closes the session, and lets go of its state and folders. While a call is under way it is `BOTHWAYS_STATUS_BUSY`, and
/// nothing happens.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_session_close(session: *mut SessionHandle) -> Status {
    guard::on(session.addr(), || {
        let may = |held: &SessionHandle| match held.take() {
            Ok(session) => {
                drop(session);
                Ok(())
            }
            Err(fault) if fault.status == Status::Panic => Ok(()),
            Err(fault) => Err(fault),
        };
        handles::close::<SessionHandle>(session.addr(), may)?;
        Ok(Status::Ok)
    })
}

/// Counts what lies on both sides. The result is what `bothways scan --json` prints; for the other functions likewise.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_scan(
    session: *mut SessionHandle,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let work = |session: &Session, (): (), watch: &Shared| {
        let report = session.scan(watch)?;
        Reply::of(&report, report.problems.is_empty())
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, || Ok(()), work) }
}

/// Says what a sync would do, and changes nothing. Flags: `BOTHWAYS_FLAG_ALL` lists also what would be left as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_plan(
    session: *mut SessionHandle,
    flags: u32,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let work = |session: &Session, flags: u32, watch: &Shared| {
        let report = session.plan(flags & BOTHWAYS_FLAG_ALL != 0, watch)?;
        let reply = Reply::of(&report, report.conflicts.is_empty() && report.problems.is_empty())?;
        Ok(reply.halted(report.halt.is_some()))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, || only(flags, BOTHWAYS_FLAG_ALL).map(|()| flags), work) }
}

/// Makes both folders the same: one cycle. Flags: `BOTHWAYS_FLAG_APPROVE`. A sync that is stopped half way is
/// `BOTHWAYS_STATUS_LOOK`; its result tells what was done.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_sync(
    session: *mut SessionHandle,
    flags: u32,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let work = |session: &Session, flags: u32, watch: &Shared| {
        let done = session.sync(&SyncOptions { approve: flags & BOTHWAYS_FLAG_APPROVE != 0 }, watch);
        let is_stopped = watch.is_cancelled();
        session.deliver_alerts(if is_stopped { Duration::ZERO } else { DELIVERY });
        if !is_stopped {
            session.tidy();
        }
        let report = done?;
        Ok(Reply::of(&report, report.is_clean())?.halted(report.halt.is_some()))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, || only(flags, BOTHWAYS_FLAG_APPROVE).map(|()| flags), work) }
}

/// Tells why a path is treated as it is. The path is relative to the folders, or lies in one of them.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_explain(
    session: *mut SessionHandle,
    path: *const c_char,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let work =
        |session: &Session, path: PathBuf, watch: &Shared| Reply::of(&session.explain(&path, watch)?, true);
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, || foreign::path(path, "path"), work) }
}

/// Looks at files or folders by content, whatever their sizes and times claim, and syncs what differs.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_resync(
    session: *mut SessionHandle,
    paths: *const *const c_char,
    count: usize,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let work = |session: &Session, paths: Vec<PathBuf>, watch: &Shared| {
        let report = session.resync(&paths, watch)?;
        Ok(Reply::of(&report, report.is_clean())?.halted(report.halt.is_some()))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, || foreign::each(paths, count, "paths", foreign::path), work) }
}

/// Lists the conflicts that wait. Flags: `BOTHWAYS_FLAG_ALL` lists also those that are settled.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_conflicts(
    session: *mut SessionHandle,
    flags: u32,
    out: *mut *mut c_char,
) -> Status {
    let work = |session: &Session, flags: u32, _: &Shared| {
        let report = session.conflicts(flags & BOTHWAYS_FLAG_ALL != 0)?;
        Reply::of(&report, report.open == 0)
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, || only(flags, BOTHWAYS_FLAG_ALL).map(|()| flags), work) }
}

/// Shows one conflict with both versions.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_conflict(
    session: *mut SessionHandle,
    path: *const c_char,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let work =
        |session: &Session, path: PathBuf, watch: &Shared| Reply::of(&session.conflict(&path, watch)?, true);
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, || foreign::path(path, "path"), work) }
}

/// Settles conflicts: those at `count` paths or patterns, or with `BOTHWAYS_FLAG_ALL` all that are open. `keep` is a
/// `bothways_keep`. What is given up goes to the trash.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_resolve(
    session: *mut SessionHandle,
    paths: *const *const c_char,
    count: usize,
    keep: i32,
    flags: u32,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_ALL)?;
        let keep = options::keep(keep)?;
        // SAFETY: the header asks for it.
        let paths = unsafe { foreign::each(paths, count, "paths", foreign::text) }?;
        match (flags & BOTHWAYS_FLAG_ALL != 0, paths.is_empty()) {
            (true, true) => Ok((Which::All, keep)),
            (false, false) => Ok((Which::These(paths), keep)),
            _ => Err(Fault::invalid("name the conflicts by their paths, or take BOTHWAYS_FLAG_ALL")),
        }
    };
    let work = |session: &Session, (which, keep): (Which, _), watch: &Shared| {
        let report = session.resolve(&which, keep, watch)?;
        Reply::of(&report, report.is_clean())
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare, work) }
}

/// Tells how the pair stands, with counts over the last `hours` hours. No folder is touched.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_status(
    session: *mut SessionHandle,
    hours: u32,
    out: *mut *mut c_char,
) -> Status {
    let work = |session: &Session, hours: u32, _: &Shared| {
        let report = match session.records() {
            Some(records) => records.status(hours)?,
            None => StatusReport::never_synced(hours),
        };
        Reply::of(&report, !report.needs_person)
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, || Ok(hours), work) }
}

/// Lists recorded runs, the latest first. `options` is NULL, or JSON with any of `since`, `until`, `limit`, `path` and
/// `action`, as the command has them.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_history(
    session: *mut SessionHandle,
    options: *const c_char,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        // SAFETY: the header asks for it.
        let text = unsafe { foreign::optional_text(options, "options") }?;
        options::read::<options::History>(text.as_deref())?.query()
    };
    let work = |session: &Session, query: HistoryQuery, _: &Shared| {
        let report = match session.records() {
            Some(records) => records.history(&query)?,
            None => HistoryReport { format: FORMAT, runs: Vec::new(), more: false },
        };
        Reply::of(&report, true)
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare, work) }
}

/// Tells of one recorded run what it did.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_run(
    session: *mut SessionHandle,
    run: u64,
    out: *mut *mut c_char,
) -> Status {
    let work = |session: &Session, run: u64, _: &Shared| {
        let records = session.records();
        let found = match records {
            Some(records) => records.run(run, &HistoryQuery::default())?,
            None => None,
        };
        Reply::of(&found.ok_or(SessionError::NoRun { run })?, true)
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, || Ok(run), work) }
}

/// Puts back what a run did. Flags: `BOTHWAYS_FLAG_KEEP_BOTH`, `BOTHWAYS_FLAG_DRY_RUN`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_undo(
    session: *mut SessionHandle,
    run: u64,
    flags: u32,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_KEEP_BOTH | BOTHWAYS_FLAG_DRY_RUN)?;
        let (keep_both, dry_run) = (flags & BOTHWAYS_FLAG_KEEP_BOTH != 0, flags & BOTHWAYS_FLAG_DRY_RUN != 0);
        Ok((run, UndoOptions { keep_both, dry_run }))
    };
    let work = |session: &Session, (run, options): (u64, UndoOptions), watch: &Shared| {
        let report = session.undo(run, &options, watch)?;
        Reply::of(&report, report.is_whole())
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare, work) }
}

/// Lists what lies in the trash. `options` is NULL, or JSON with any of `paths`, `side`, `since`, `before`,
/// `older_than`, `min_size`, `max_size` and `versions`, as the command has them.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_trash(
    session: *mut SessionHandle,
    options: *const c_char,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        // SAFETY: the header asks for it.
        let text = unsafe { foreign::optional_text(options, "options") }?;
        options::read::<options::Trash>(text.as_deref())?.filter()
    };
    let work = |session: &Session, filter, _: &Shared| {
        let report = session.trash(&filter)?;
        Reply::of(&report, report.problems.is_empty())
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare, work) }
}

/// Takes things back from the trash, never over anything. `options` as for `bothways_session_trash`, with `at` and
/// `to` besides. Flags: `BOTHWAYS_FLAG_KEEP_BOTH`, `BOTHWAYS_FLAG_DRY_RUN`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_restore(
    session: *mut SessionHandle,
    options: *const c_char,
    flags: u32,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_KEEP_BOTH | BOTHWAYS_FLAG_DRY_RUN)?;
        // SAFETY: the header asks for it.
        let text = unsafe { foreign::optional_text(options, "options") }?;
        let mut options = options::read::<options::Trash>(text.as_deref())?.restoring()?;
        (options.keep_both, options.dry_run) =
            (flags & BOTHWAYS_FLAG_KEEP_BOTH != 0, flags & BOTHWAYS_FLAG_DRY_RUN != 0);
        Ok(options)
    };
    let work = |session: &Session, options, watch: &Shared| {
        let report = session.restore_from_trash(&options, watch)?;
        Reply::of(&report, report.is_whole() && !report.restored.is_empty())
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare, work) }
}

/// Drops things in the trash for good. `options` as for `bothways_session_trash`; NULL is everything. Flags:
/// `BOTHWAYS_FLAG_EXPIRED`, `BOTHWAYS_FLAG_DRY_RUN`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_purge(
    session: *mut SessionHandle,
    options: *const c_char,
    flags: u32,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_EXPIRED | BOTHWAYS_FLAG_DRY_RUN)?;
        // SAFETY: the header asks for it.
        let text = unsafe { foreign::optional_text(options, "options") }?;
        Ok((options::read::<options::Trash>(text.as_deref())?.filter()?, flags))
    };
    let work = |session: &Session, (filter, flags): (_, u32), _: &Shared| {
        let (expired, dry_run) = (flags & BOTHWAYS_FLAG_EXPIRED != 0, flags & BOTHWAYS_FLAG_DRY_RUN != 0);
        let report = session.purge_trash(&filter, expired, dry_run)?;
        Reply::of(&report, report.problems.is_empty())
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare, work) }
}
