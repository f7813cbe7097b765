//! Large copies, prepared beside the cycles.
//!
//! Owns [`Lane`]: which copies are made when, each by a thread of its own, into the staging area of the side that
//! receives. Nothing here shows, and nothing is decided: a copy that is ready is told of, and an ordinary cycle puts it
//! in place if it is still wanted. One that is interrupted goes on where it ended, also in another session.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Scope;

use crossbeam_channel::Sender;
use sync_core::entry::Entry;
use sync_core::path::RelPath;
use sync_core::side::Side;
use sync_replica::{Control, Problem, Staged};

use super::LiveWatch;
use crate::act::hold::Freight;
use crate::act::{Failure, staging_failed};
use crate::control::CopyingReport;
use crate::session::Session;
use crate::throttle::Lane as Speed;

/// How many large copies go to one side at a time.
const AT_ONCE: usize = 3;

/// One large copy.
#[derive(Debug)]
pub(super) struct Job {
    /// Where a cycle has to look when it is ready.
    look: RelPath,
    freight: Freight,
    /// Bytes that are there.
    bytes: Arc<AtomicU64>,
    dropped: AtomicBool,
}

impl Job {
    fn is_for(&self, freight: &Freight) -> bool {
        self.freight.to == freight.to && self.freight.at == freight.at
    }
}

/// The copies that are being made.
type UnderWay = Arc<Mutex<Vec<Arc<Job>>>>;

/// All large copies of a session.
pub(super) struct Lane<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    session: &'env Session,
    watch: &'env dyn LiveWatch,
    /// Not begun yet.
    wanted: Vec<Arc<Job>>,
    /// Came to an end, and no cycle has looked there yet.
    arrived: Vec<Arc<Job>>,
    under_way: UnderWay,
    ended: Sender<Arc<Job>>,
    stopped: Arc<AtomicBool>,
}

impl<'scope, 'env> Lane<'scope, 'env> {
    /// A lane that tells of every copy that came to its end, one way or another.
    pub(super) fn new(
        scope: &'scope Scope<'scope, 'env>,
        session: &'env Session,
        watch: &'env dyn LiveWatch,
        ended: Sender<Arc<Job>>,
    ) -> Self {
        Self {
            scope,
            session,
            watch,
            wanted: Vec::new(),
            arrived: Vec::new(),
            under_way: Arc::default(),
            ended,
            stopped: Arc::default(),
        }
    }

    /// A copy is wanted. A copy of another version to the same place is not, any more.
    pub(super) fn want(&mut self, look: RelPath, freight: Freight) {
        let jobs = self.under_way();
        let known = jobs.iter().chain(&self.wanted).any(|job| {
            job.is_for(&freight)
                && job.freight.source == freight.source
                && !job.dropped.load(Ordering::Relaxed)
        });
        // Of a conflict the other copy may still be missing.
        if known || self.session.prepared.knows(&freight) {
            return;
        }
        self.drop_where(|job| job.is_for(&freight));
        self.wanted.retain(|job| !job.is_for(&freight));
        let bytes = self.session.prepared.begin(&freight);
        self.wanted.push(Arc::new(Job { look, freight, bytes, dropped: AtomicBool::new(false) }));
    }

    /// Of the copies that a cycle looked at, only those that it still `wants` go on, and only those that it `holds` back
    /// for this lane are begun: the others lack room, or something stands in their way.
    pub(super) fn keep(
        &mut self,
        everything: bool,
        looked: impl Fn(&RelPath) -> bool,
        wants: impl Fn(Side, &RelPath, &Entry) -> bool,
        holds: impl Fn(&Freight) -> bool,
    ) {
        let session = self.session;
        let goes_on = |job: &Arc<Job>| {
            let Freight { to, at, source, .. } = &job.freight;
            !looked(&job.look) || wants(*to, at, source)
        };
        self.drop_where(|job| !goes_on(job));
        self.arrived.retain(|job| {
            let keeps = goes_on(job);
            if !keeps {
                forget(session, &job.freight);
            }
            keeps
        });
        self.wanted.retain(|job| {
            let keeps = goes_on(job);
            if !keeps {
                forget(session, &job.freight);
            }
            keeps && (!looked(&job.look) || holds(&job.freight))
        });
        // What an earlier session has left, or a job that nobody remembers.
        let running = self.under_way();
        for (begun, source) in session.prepared.parts() {
            let mut jobs = running.iter().chain(&self.wanted).chain(&self.arrived);
            let is_known = jobs.any(|job| job.freight.to == begun.to && job.freight.at == begun.at);
            // A look at a path alone does not tell what is wanted where its clash copy goes.
            if everything && !is_known && !wants(begun.to, &begun.at, &source) {
                session.prepared.forget(begun.to, &begun.at, &source);
                let _ = session.replicas[begun.to].drop_partial(&begun.at);
            }
        }
    }

    /// A copy came to its end. Returns where a cycle has to look.
    pub(super) fn arrives(&mut self, job: Arc<Job>) -> RelPath {
        let look = job.look.clone();
        if !job.dropped.load(Ordering::Relaxed) {
            self.arrived.retain(|other| !other.is_for(&job.freight));
            self.arrived.push(job);
        }
        look
    }

    /// Nothing goes on. What is there of each copy is gone on with by the next session.
    pub(super) fn stop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.wanted.clear();
    }

    /// The copies that are being made end where they are. Those that are still wanted later go on from there.
    pub(super) fn rest(&mut self) {
        std::mem::take(&mut self.stopped).store(true, Ordering::Relaxed);
    }

    /// The copies that are being made, for people.
    pub(super) fn copying(&self) -> Vec<CopyingReport> {
        let shown = |job: &Arc<Job>| CopyingReport {
            path: job.freight.at.display(),
            bytes_done: job.bytes.load(Ordering::Relaxed).min(job.freight.source.size),
            bytes: job.freight.source.size,
        };
        self.under_way().iter().map(shown).collect()
    }

    /// These copies are not wanted any more. One that is under way learns of it before it ends.
    fn drop_where(&self, goes: impl Fn(&Arc<Job>) -> bool) {
        let jobs = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        for job in jobs.iter().filter(|job| goes(job)) {
            job.dropped.store(true, Ordering::Relaxed);
        }
    }

    fn under_way(&self) -> Vec<Arc<Job>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Begins what may begin: a file waits for no larger one.
    pub(super) fn start(&mut self) {
        self.wanted.sort_by_key(|job| job.freight.source.size);
        for side in Side::BOTH {
            loop {
                let running: Vec<_> =
                    self.under_way().into_iter().filter(|job| job.freight.to == side).collect();
                let smallest = running.iter().map(|job| job.freight.source.size).min();
                let next = self.wanted.iter().position(|job| {
                    job.freight.to == side
                        && running.len() < AT_ONCE
                        && smallest.is_none_or(|smallest| job.freight.source.size < smallest)
                        && !running.iter().any(|other| other.is_for(&job.freight))
                });
                let Some(next) = next else { break };
                let job = self.wanted.remove(next);
                self.under_way.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&job));
                self.run(job);
            }
        }
    }

    fn run(&self, job: Arc<Job>) {
        let (session, watch) = (self.session, self.watch);
        let (under_way, ended) = (Arc::clone(&self.under_way), self.ended.clone());
        let stopped = Arc::clone(&self.stopped);
        self.scope.spawn(move || {
            let made = prepare(session, &job, &|| watch.is_cancelled() || stopped.load(Ordering::Relaxed));
            let to = job.freight.to;
            if job.dropped.load(Ordering::Relaxed) {
                if let Ok(staged) = made {
                    session.replicas[to].discard(staged);
                } else {
                    let _ = session.replicas[to].drop_partial(&job.freight.at);
                }
                session.prepared.forget(to, &job.freight.at, &job.freight.source);
            } else {
                match made {
                    Ok(staged) => {
                        if let Some(before) = session.prepared.ready(&job.freight, staged) {
                            session.replicas[to].discard(before);
                        }
                    }
                    // What is there of it is gone on with.
                    Err(failure) if failure.problem.is_cancelled() => {}
                    Err(failure) => {
                        session.prepared.failed(&job.freight, failure, session.bytes_there(&job.freight));
                    }
                }
            }
            let mut jobs = under_way.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.retain(|other| !Arc::ptr_eq(other, &job));
            // Dropped at the last moment: nobody would ever take it.
            if job.dropped.load(Ordering::Relaxed)
                && let Some(Ok(staged)) = session.prepared.take(to, &job.freight.at, &job.freight.source)
            {
                session.replicas[to].discard(staged);
            }
            drop(jobs);
            // The receiver is gone only when the session ends.
            let _ = ended.send(job);
        });
    }
}

/// Nobody wants a copy any more: what is there of it would only take room. What a cycle wanted of it it has taken.
fn forget(session: &Session, freight: &Freight) {
    let Freight { to, at, source, .. } = freight;
    match session.prepared.forget(*to, at, source) {
        Some(staged) => session.replicas[*to].discard(staged),
        None => drop(session.replicas[*to].drop_partial(at)),
    }
}

/// Makes one copy, durable and out of sight.
fn prepare(session: &Session, job: &Job, stops: &(dyn Fn() -> bool + Sync)) -> Result<Staged, Failure> {
    let Freight { to, from, source, at, replaces } = &job.freight;
    let giver = to.other();
    let mut open =
        session.replicas[giver].open(from, source).map_err(|problem| Failure { side: giver, problem })?;
    let reread = session.performance.verify.rereads(*replaces);
    let control = Careful { session, job, stops };
    log::info!(
        operation = "prepare", side = to.name(), path:% = from, size = source.size, result = "begun";
        "{from}: a large file is on its way to the {to}"
    );
    let staged = session.replicas[*to]
        .stage_resumable(&mut *open, at, reread, &control)
        .map_err(|problem| staging_failed(*to, at, problem))?;
    if staged.resumed > 0 {
        log::info!(
            operation = "prepare", side = to.name(), path:% = from, size = staged.resumed, result = "resumed";
            "{from}: {} bytes of an interrupted copy did not have to be copied again", staged.resumed
        );
    }
    match session.replicas[*to].settle(&[&staged]) {
        Ok(()) => Ok(staged),
        Err(problem) => {
            session.replicas[*to].discard(staged);
            Err(Failure { side: *to, problem: Problem { path: at.clone(), ..problem } })
        }
    }
}

/// Follows one copy, and holds it to the limit of its side.
struct Careful<'a> {
    session: &'a Session,
    job: &'a Job,
    stops: &'a (dyn Fn() -> bool + Sync),
}

impl Control for Careful<'_> {
    fn is_cancelled(&self) -> bool {
        (self.stops)() || self.job.dropped.load(Ordering::Relaxed)
    }

    fn bytes_done(&self, bytes: u64) {
        self.job.bytes.fetch_add(bytes, Ordering::Relaxed);
        let throttle = self.session.pace.throttle(self.job.freight.to);
        throttle.take(Speed::Large, bytes, || self.is_cancelled());
    }
}
