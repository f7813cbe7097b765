//! What is asked of a pair of folders.
//!
//! Owns one function per request that the engine knows. Who answers, a session of this program or one that runs, is
//! [`seat`](crate::seat)'s.

use std::ffi::{OsString, c_char};
use std::path::PathBuf;

use sync_engine::control::{Answer, Needs, PauseReport, Request};
use sync_engine::records::{HistoryQuery, HistoryReport, RunDetails, StatusReport};
use sync_engine::report::{ExplainReport, PlanReport, ScanReport, SyncReport};
use sync_engine::{
    ConflictList, ConflictView, Judged, PlanFile, PlannedReport, PurgeReport, ResolveReport, RestoreReport,
    ResyncReport, ReviewedPlan, SessionError, TrashList, UndoOptions, UndoReport, Which,
};

use crate::attend::{Reply, Shared, Watch, attend, begin, wants_result};
use crate::config::ConfigHandle;
use crate::foreign;
use crate::guard;
use crate::handles;
use crate::options::{
    self, BOTHWAYS_FLAG_ALL, BOTHWAYS_FLAG_APPROVE, BOTHWAYS_FLAG_DRY_RUN, BOTHWAYS_FLAG_EXPIRED,
    BOTHWAYS_FLAG_KEEP_BOTH, BOTHWAYS_FLAG_READ_ONLY, BOTHWAYS_FLAG_RECORDS, only,
};
use crate::seat::{self, Lease, Pair, SessionHandle};
use crate::status::{Fault, Status};
use crate::threads;

/// What a call does with an opened pair.
type Job = Box<dyn FnOnce(&Pair, &Shared) -> Result<Reply, Fault> + Send>;

/// Asks for something, and gives the report.
fn ask<T>(request: Request) -> Job
where
    T: TryFrom<Answer, Error = SessionError> + serde::Serialize + Judged,
{
    Box::new(move |pair, watch| Reply::of(&T::try_from(pair.ask(&request, watch)?)?))
}

/// A call on a session: `prepare` reads the arguments before the session is taken.
///
/// # Safety
/// What [`begin`] and [`wants_result`] ask for.
unsafe fn call(
    session: *mut SessionHandle,
    watch: *const Watch,
    out: *mut *mut c_char,
    prepare: impl FnOnce() -> Result<Job, Fault>,
) -> Status {
    // SAFETY: the same conditions; `begin` drops both closures before `attend` begins.
    unsafe {
        attend(begin(session.addr(), watch, out, || {
            wants_result(out)?;
            let job = prepare()?;
            let lease = Lease::of(session)?;
            Ok(Box::new(move |watch| lease.run(|pair| job(pair, watch))))
        }))
    }
}

/// Opens the two folders of a configuration and what is remembered of them. What goes wrong is told by the
/// configuration's handle, and nobody is alerted of it.
///
/// A session has the state for itself until it is closed. Where another one of the pair runs already (`bothways run`, a
/// service, or `bothways_live` in any program of the same user), nothing is opened: that one is asked instead, by
/// every call, with the same results. While it is busy with something else a call waits, and tells so by
/// `BOTHWAYS_EVENT_WAITS`. Once it has ended, a call is `BOTHWAYS_STATUS_TRY_AGAIN`: it may come back, or the session
/// can be closed and opened anew.
///
/// Flags: `BOTHWAYS_FLAG_READ_ONLY`; `BOTHWAYS_FLAG_RECORDS`; `BOTHWAYS_FLAG_APPROVE` lets the pair start anew where a
/// guard says that the folders are not the ones they were (where another session runs, `bothways_session_sync` with
/// that flag does).
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
        let is_set = |flag| flags & flag != 0;
        options.read_only = is_set(BOTHWAYS_FLAG_READ_ONLY | BOTHWAYS_FLAG_RECORDS);
        options.approve = is_set(BOTHWAYS_FLAG_APPROVE);
        let allowed = BOTHWAYS_FLAG_READ_ONLY | BOTHWAYS_FLAG_RECORDS;
        only(flags, if options.read_only { allowed } else { BOTHWAYS_FLAG_APPROVE })?;
        let most = match (is_set(BOTHWAYS_FLAG_RECORDS), options.read_only) {
            (true, _) => Needs::Records,
            (false, true) => Needs::Looking,
            (false, false) => Needs::Acting,
        };
        // Somebody who runs is talked to.
        let pair = threads::aside(move || Pair::open(config, options, most))?;
        let handle = handles::give(SessionHandle::new(pair))?;
        // SAFETY: cleared above.
        unsafe { foreign::put_handle(out, handle) };
        Ok(Status::Ok)
    })
}

/// Closes the session, and lets go of its state and folders. While a call is under way it is `BOTHWAYS_STATUS_BUSY`, and
/// nothing happens. A session that runs elsewhere goes on.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_session_close(session: *mut SessionHandle) -> Status {
    let handle = session.addr();
    guard::on(handle, || {
        threads::aside(move || seat::close(handle))?;
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
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, || Ok(ask::<ScanReport>(Request::Scan))) }
}

/// Says what a sync would do, and changes nothing. Flags: `BOTHWAYS_FLAG_ALL` lists also what would be left as it is.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_plan(
    session: *mut SessionHandle,
    flags: u32,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_ALL)?;
        Ok(ask::<PlanReport>(Request::Plan { all: flags & BOTHWAYS_FLAG_ALL != 0 }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
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
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_APPROVE)?;
        Ok(ask::<SyncReport>(Request::Sync { approve: flags & BOTHWAYS_FLAG_APPROVE != 0 }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
}

/// Says what a sync would do, and writes it to a file besides, which a person may review and shorten:
/// `bothways_session_sync_reviewed` carries out what is left of it, and so does `bothways sync --plan`. Flags:
/// `BOTHWAYS_FLAG_ALL`. A file that is there already is replaced, and no half of one is ever seen.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_plan_to_review(
    session: *mut SessionHandle,
    file: *const c_char,
    flags: u32,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_ALL)?;
        // SAFETY: the header asks for it.
        let path = unsafe { foreign::place(file, "file") }?;
        let request = Request::PlanToReview { all: flags & BOTHWAYS_FLAG_ALL != 0 };
        let job: Job = Box::new(move |pair, watch| {
            let (report, file): (PlanReport, PlanFile) = pair.ask(&request, watch)?.try_into()?;
            file.write(&path).map_err(SessionError::from)?;
            Reply::of(&report)
        });
        Ok(job)
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
}

/// One cycle that does no more than a reviewed plan file allows, as far as both folders are still as it was planned on.
/// What is left out is in the result. Flags: `BOTHWAYS_FLAG_APPROVE`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_sync_reviewed(
    session: *mut SessionHandle,
    file: *const c_char,
    flags: u32,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_APPROVE)?;
        // SAFETY: the header asks for it.
        let path = unsafe { foreign::place(file, "file") }?;
        let approve = flags & BOTHWAYS_FLAG_APPROVE != 0;
        let job: Job = Box::new(move |pair, watch| {
            let plan = ReviewedPlan::read(&path).map_err(SessionError::from)?;
            ask::<PlannedReport>(Request::SyncReviewed { plan, approve })(pair, watch)
        });
        Ok(job)
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
}

/// Tells why a path is treated as it is. The path is relative to the folders, or lies in one of them.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_explain(
    session: *mut SessionHandle,
    path: *const c_char,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        // SAFETY: the header asks for it.
        let path = unsafe { foreign::path(path, "path") }?.into();
        Ok(ask::<ExplainReport>(Request::Explain { path }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
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
    let prepare = || {
        // SAFETY: the header asks for it.
        let paths = unsafe { foreign::each(paths, count, "paths", foreign::path) }?;
        let paths = paths.into_iter().map(PathBuf::into_os_string).collect::<Vec<OsString>>();
        if paths.is_empty() {
            return Err(Fault::invalid("name what is to be looked at"));
        }
        Ok(ask::<ResyncReport>(Request::Resync { paths }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
}

/// Lists the conflicts that wait. Flags: `BOTHWAYS_FLAG_ALL` lists also those that are settled.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_conflicts(
    session: *mut SessionHandle,
    flags: u32,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        only(flags, BOTHWAYS_FLAG_ALL)?;
        Ok(ask::<ConflictList>(Request::Conflicts { all: flags & BOTHWAYS_FLAG_ALL != 0 }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare) }
}

/// Shows one conflict with both versions.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_conflict(
    session: *mut SessionHandle,
    path: *const c_char,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        // SAFETY: the header asks for it.
        let path = unsafe { foreign::path(path, "path") }?.into();
        Ok(ask::<ConflictView>(Request::Conflict { path }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
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
        let which = match (flags & BOTHWAYS_FLAG_ALL != 0, paths.is_empty()) {
            (true, true) => Which::All,
            (false, false) => Which::These(paths),
            _ => return Err(Fault::invalid("name the conflicts by their paths, or take BOTHWAYS_FLAG_ALL")),
        };
        Ok(ask::<ResolveReport>(Request::Resolve { which, keep }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
}

/// Tells how the pair stands, with counts over the last `hours` hours, and what a session that runs is doing. No folder
/// is looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_status(
    session: *mut SessionHandle,
    hours: u32,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || Ok(ask::<StatusReport>(Request::Status { hours }));
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare) }
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
        let query = options::read::<options::History>(text.as_deref())?.query()?;
        Ok(ask::<HistoryReport>(Request::History(query)))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare) }
}

/// Tells of one recorded run what it did.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_run(
    session: *mut SessionHandle,
    run: u64,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || {
        let request = Request::Run { run, query: HistoryQuery::default() };
        let job: Job = Box::new(move |pair, watch| {
            let found: Option<RunDetails> = pair.ask(&request, watch)?.try_into()?;
            Reply::of(&found.ok_or(SessionError::NoRun { run })?)
        });
        Ok(job)
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare) }
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
        let options = UndoOptions { keep_both, dry_run };
        Ok(ask::<UndoReport>(Request::Undo { run, options }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
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
        let filter = options::read::<options::Trash>(text.as_deref())?.filter()?;
        Ok(ask::<TrashList>(Request::Trash(filter)))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare) }
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
        Ok(ask::<RestoreReport>(Request::Restore(options)))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, watch, out, prepare) }
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
        let filter = options::read::<options::Trash>(text.as_deref())?.filter()?;
        let (expired, dry_run) = (flags & BOTHWAYS_FLAG_EXPIRED != 0, flags & BOTHWAYS_FLAG_DRY_RUN != 0);
        Ok(ask::<PurgeReport>(Request::Purge { filter, expired, dry_run }))
    };
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare) }
}

/// Has the session that runs make no cycles until it is told to go on; what it is asked for by name it does. Where none
/// runs, it is `BOTHWAYS_STATUS_TRY_AGAIN`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_pause(
    session: *mut SessionHandle,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || Ok(ask::<PauseReport>(Request::Pause));
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare) }
}

/// Has the session that runs go on after a pause. Where none runs, it is `BOTHWAYS_STATUS_TRY_AGAIN`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_session_resume(
    session: *mut SessionHandle,
    out: *mut *mut c_char,
) -> Status {
    let prepare = || Ok(ask::<PauseReport>(Request::Resume));
    // SAFETY: the header asks for it.
    unsafe { call(session, std::ptr::null(), out, prepare) }
}
