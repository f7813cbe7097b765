//! A pair of replicas, opened.
//!
//! Owns [`Session`]: opening roots and state, the identity guard, and the four steps of a cycle in their order.
//! Start with [`Session::open`], then [`Session::sync`]; each step has a module of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sync_core::abilities::Abilities;
use sync_core::compare::equivalence;
use sync_core::decide::Terms;
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_fs::{Access, IgnoreRules, IgnoreSpec, LocalOptions, LocalReplica};
use sync_replica::{Filter, Marker, Operation, Problem, ProblemKind, Replica, Uncontrolled};
use sync_state::{Pair, State};

use crate::act::prepared::Prepared;
use crate::alerts::{Alerts, Misread};
use crate::config::{Config, Ignore, Performance, default_state_dir};
use crate::error::SessionError;
use crate::halt::{HaltReport, Identity, identify};
use crate::lately::Lately;
use crate::pace::Pace;
use crate::put_back::Keeping;
use crate::records::Running;
use crate::timetable::Timetable;

/// How a session is opened.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SessionOptions {
    /// Where the state is kept; none for the platform's place, under a name made from the roots.
    pub state_dir: Option<PathBuf>,
    /// Nothing is written anywhere: neither in the roots nor in the state, which need not exist yet.
    pub read_only: bool,
    /// Lets one identity guard through: the pair starts anew, as at a first meeting.
    pub approve: bool,
}

/// A pair of replicas with what is remembered of it.
pub struct Session {
    pub(crate) replicas: Sides<Arc<dyn Replica>>,
    pub(crate) filter: Arc<dyn Filter + Send>,
    pub(crate) state: Option<State>,
    pub(crate) terms: Terms,
    pub(crate) performance: Performance,
    /// How hard to work right now.
    pub(crate) pace: Arc<Pace>,
    pub(crate) halt: Option<HaltReport>,
    pub(crate) notices: Vec<String>,
    pub(crate) read_only: bool,
    /// The runs that are under way.
    pub(crate) running: Running,
    /// How often a long run is remembered, so that a crash costs no more than this.
    pub(crate) commit_every: Duration,
    /// How long runs are remembered; none for ever.
    pub(crate) history_retention: Option<Duration>,
    /// Old runs were forgotten, so that the file of the state may hold much that is free.
    pub(crate) forgot: AtomicBool,
    pub(crate) keeping: Keeping,
    /// Copies that were made beside the cycles.
    pub(crate) prepared: Prepared,
    /// What was deleted and overwritten in the last minutes.
    pub(crate) lately: Lately,
    pair: String,
    /// Whom to tell; none where nobody is to be told.
    pub(crate) alerts: Option<Alerts>,
    /// What is wrong with the configuration as it is by now.
    pub(crate) misread: Arc<Misread>,
}

/// What a session is made of, for callers that bring their own replicas.
pub struct SessionParts {
    /// The two sides.
    pub replicas: Sides<Arc<dyn Replica>>,
    /// What is hidden.
    pub filter: Box<dyn Filter + Send>,
    /// What is remembered; none for a session that writes nothing.
    pub state: Option<State>,
    /// What the user chose.
    pub policy: sync_core::policy::Policy,
    /// How hard to work.
    pub performance: Performance,
}

/// Where the state of a configured pair is kept.
pub fn state_dir(config: &Config, options: &SessionOptions) -> PathBuf {
    options.state_dir.clone().unwrap_or_else(|| default_state_dir(&config.roots.left, &config.roots.right))
}

/// What a configuration hides.
pub(crate) fn filter_of(config: &Config) -> Result<IgnoreRules, SessionError> {
    rules_of(&config.ignore)
}

pub(crate) fn rules_of(ignore: &Ignore) -> Result<IgnoreRules, SessionError> {
    Ok(IgnoreRules::new(&IgnoreSpec {
        extensions: ignore.extensions.clone(),
        filenames_prefix: ignore.filenames_prefix.clone(),
        filenames_exact: ignore.filenames_exact.clone(),
        globs: ignore.globs.clone(),
        text_only: ignore.text_only,
    })?)
}

fn open_root(
    config: &Config,
    options: &SessionOptions,
    side: Side,
    access: Access,
) -> Result<LocalReplica, SessionError> {
    let root = config.roots[side].clone();
    let mut local = LocalOptions::new(&root);
    local.trash_root.clone_from(&config.soft_delete.trash_roots[side]);
    // A trash is never synced, whatever the other side calls its own.
    let others_trash = root.join(&config.soft_delete.trash_roots[side.other()]);
    local.reserved = vec![state_dir(config, options), others_trash];
    LocalReplica::open(local, access).map_err(|source| SessionError::Root { side, root, source })
}

/// Opens both roots of a configuration for looking alone.
pub(crate) fn look_at_roots(
    config: &Config,
    options: &SessionOptions,
) -> Result<Sides<LocalReplica>, SessionError> {
    let looked = Sides::from_fn(|side| open_root(config, options, side, Access::ReadOnly)).transpose()?;
    let halt = |reason: &str, message: &str| {
        Err(SessionError::Halted(HaltReport::new(reason, None, message.to_owned(), None)))
    };
    if LocalReplica::same_directory(&looked.left, &looked.right) {
        return halt("same-root", "both roots are the same directory: name two different ones");
    }
    if LocalReplica::is_inside(&looked.left, &looked.right) {
        return halt("nested-roots", "one root lies inside the other: name two that do not overlap");
    }
    Ok(looked)
}

impl Session {
    /// Opens the pair of a configuration.
    pub fn open(config: &Config, options: &SessionOptions) -> Result<Self, SessionError> {
        let filter = Box::new(filter_of(config)?);
        let looked = look_at_roots(config, options)?;
        let folder = state_dir(config, options);
        let opened =
            if options.read_only { State::open_existing(&folder)? } else { Some(State::open(&folder)?) };
        let mut notices = Vec::new();
        let state = opened.map(|opened| {
            if let Some(aside) = opened.set_aside {
                notices.push(format!(
                    "the state was damaged; it was set aside as `{}` and is built anew: nothing is deleted in \
                     this run",
                    aside.display()
                ));
            }
            opened.state
        });
        // A folder that is not the pair's, an empty mount point say, must not get anything of ours.
        let look_only = match who_is_there(&looked.as_ref().map(|one| one as _), state.as_ref())? {
            // A marker that makes no sense is never written over, whatever is approved: the session halts.
            Who::Damaged(_) => true,
            Who::Is(Identity::Wrong(_), _) => options.read_only || !options.approve,
            Who::Is(..) => options.read_only,
        };
        let replicas = if look_only {
            looked
        } else {
            Sides::from_fn(|side| open_root(config, options, side, Access::ReadWrite)).transpose()?
        };
        let parts = SessionParts {
            replicas: replicas.map(|replica| Arc::new(replica) as Arc<dyn Replica>),
            filter,
            state,
            policy: config.policy.clone(),
            performance: config.performance.clone(),
        };
        let mut session = Self::assemble(parts, options)?;
        session.keep_trash_for(Keeping::of(config));
        session.notices.splice(0..0, notices);
        session.history_retention = config.history_retention;
        if !options.read_only {
            session.pace.adopt(config.timetable());
            session.alerts = Alerts::of(config);
        }
        for notice in &session.notices {
            log::warn!(operation = "open"; "{notice}");
        }
        Ok(session)
    }

    /// Opens a pair of replicas that the caller brings along.
    pub fn assemble(parts: SessionParts, options: &SessionOptions) -> Result<Self, SessionError> {
        let SessionParts { replicas, filter, state, policy, performance } = parts;
        let abilities: Sides<Abilities> = replicas.as_ref().map(|replica| replica.abilities().clone());
        let mut session = Self {
            replicas,
            filter: filter.into(),
            state,
            terms: Terms { policy, abilities },
            pace: Arc::new(Pace::new(Timetable::always(performance.limits()))),
            performance,
            halt: None,
            notices: Vec::new(),
            read_only: options.read_only,
            running: Running::default(),
            commit_every: Duration::from_secs(20),
            history_retention: None,
            forgot: AtomicBool::new(false),
            keeping: Keeping::default(),
            prepared: Prepared::default(),
            lately: Lately::default(),
            pair: String::new(),
            alerts: None,
            misread: Arc::default(),
        };
        session.meet(options)?;
        if !session.read_only && session.halt.is_none() {
            session.recover()?;
        }
        session.find_parts();
        Ok(session)
    }

    /// What happened on the way that a person should know.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// How often a run that is under way is remembered, instead of every 20 seconds: what a crash can cost.
    pub fn remember_every(&mut self, pause: Duration) {
        self.commit_every = pause;
    }

    /// How long what is in the trash is kept, instead of for ever.
    pub const fn keep_trash_for(&mut self, keeping: Keeping) {
        self.keeping = keeping;
    }

    /// Where both roots are.
    pub fn locations(&self) -> Sides<String> {
        self.replicas.as_ref().map(|replica| replica.location())
    }

    pub(crate) fn equivalence(&self) -> Equivalence {
        equivalence(&self.terms.abilities)
    }

    pub(crate) fn root_error(&self, side: Side, source: Problem) -> SessionError {
        SessionError::Root { side, root: self.replicas[side].location().into(), source }
    }

    /// Finds out who the two roots are, and makes them a pair when they meet for the first time.
    fn meet(&mut self, options: &SessionOptions) -> Result<(), SessionError> {
        let known = self.state.as_ref().map(State::pair).transpose()?.flatten();
        let there = self.replicas.as_ref().map(|replica| &**replica);
        let (identity, markers) = match who_is_there(&there, self.state.as_ref())? {
            Who::Is(identity, markers) => (identity, markers),
            // A marker that makes no sense is no marker of this pair; it is never written over.
            Who::Damaged(halt) => {
                self.halt = Some(halt);
                return Ok(());
            }
        };
        match identity {
            Identity::Known => self.know(known),
            Identity::Unfinished => self.introduce(known.map_or_else(new_pair_id, |pair| pair.id), &markers),
            Identity::FirstMeeting { pair } => self.introduce(pair.unwrap_or_else(new_pair_id), &markers),
            Identity::Wrong(_) if options.approve && !self.read_only => {
                if let Some(state) = &self.state {
                    state.forget_baseline()?;
                }
                self.notices.push("the pair starts anew, as at a first meeting".to_owned());
                self.introduce(new_pair_id(), &Sides { left: None, right: None })
            }
            Identity::Wrong(halt) => {
                self.halt = Some(halt);
                Ok(())
            }
        }
    }

    /// A pair that was seen before. The baseline's keys follow what the sides fold today.
    fn know(&mut self, pair: Option<Pair>) -> Result<(), SessionError> {
        let (Some(pair), Some(state)) = (pair, &self.state) else { return Ok(()) };
        self.pair.clone_from(&pair.id);
        let now = self.equivalence();
        let roots = self.locations();
        if !self.read_only && (pair.equivalence != now || pair.roots != roots) {
            if pair.equivalence != now {
                let rekeyed = state.rekey(now)?;
                if rekeyed.dropped > 0 {
                    self.notices.push(format!(
                        "a side now tells names apart in another way: {} paths meet for the first time again",
                        rekeyed.dropped
                    ));
                }
            }
            state.set_pair(&Pair { equivalence: now, roots, ..pair })?;
        }
        Ok(())
    }

    /// Remembers the pair first and marks the roots then, so that an interruption in between is seen as one.
    fn introduce(&mut self, id: String, markers: &Sides<Option<Marker>>) -> Result<(), SessionError> {
        self.pair.clone_from(&id);
        if self.read_only {
            return Ok(());
        }
        if let Some(state) = &self.state {
            let (roots, equivalence) = (self.locations(), self.equivalence());
            state.set_pair(&Pair { id: id.clone(), roots, equivalence })?;
        }
        for side in Side::BOTH {
            if markers[side].is_none() {
                let marker = Marker { pair: id.clone(), side };
                self.replicas[side].set_marker(&marker).map_err(|problem| self.root_error(side, problem))?;
            }
        }
        Ok(())
    }

    fn recover(&mut self) -> Result<(), SessionError> {
        let mut arrived = Sides::<Vec<_>>::default();
        for side in Side::BOTH {
            let recovered =
                self.replicas[side].recover().map_err(|problem| self.root_error(side, problem))?;
            if recovered.removed > 0 {
                log::info!(operation = "recover", side = side.name(); "{} unfinished copies removed", recovered.removed);
            }
            arrived[side] = recovered.trashed;
            for path in recovered.restored {
                self.notices.push(format!(
                    "an interrupted run had moved a version away on the {side} that nobody had seen yet: it is \
                     at `{path}` again"
                ));
            }
        }
        self.index_the_killed(&arrived)
    }

    /// Fails when a root has lost its marker and shows nothing at all: a drive is away most likely, and this is where
    /// it is mounted. Whoever can wait waits for it instead of asking a person.
    pub(crate) fn refuse_empty_mount_point(&self) -> Result<(), SessionError> {
        let Some(halt) = self.halt.as_ref().filter(|halt| halt.is_lost_marker()) else { return Ok(()) };
        for side in Side::BOTH.into_iter().filter(|side| halt.side.as_deref() == Some(side.name())) {
            let root = RelPath::root();
            let listed = self.replicas[side].list(&root, &self.scan_request(&Uncontrolled));
            if listed.map_err(|problem| self.root_error(side, problem))?.is_empty() {
                let words = "it is empty and has lost its identity marker: its drive is most likely away";
                let problem = Problem::new(Operation::Root, &root, ProblemKind::RootGone, words);
                return Err(self.root_error(side, problem));
            }
        }
        Ok(())
    }

    /// Whether another directory is where a root was opened, or none.
    pub(crate) fn is_elsewhere(&self) -> bool {
        let gone =
            |side| self.replicas[side].marker().is_err_and(|problem| problem.kind == ProblemKind::RootGone);
        Side::BOTH.into_iter().any(gone)
    }

    /// Whether a root is still the one that was opened.
    pub(crate) fn is_present(&self, side: Side) -> Result<(), Problem> {
        let marker = self.replicas[side].marker()?;
        if marker.is_some_and(|marker| marker.pair == self.pair && marker.side == side) {
            return Ok(());
        }
        Err(Problem::new(
            Operation::Root,
            &RelPath::root(),
            ProblemKind::RootGone,
            "the root no longer carries its marker: a drive may have gone away",
        ))
    }
}

/// Who two roots are.
enum Who {
    /// What their markers say, judged against the state.
    Is(Identity, Sides<Option<Marker>>),
    /// A marker cannot be read as one.
    Damaged(HaltReport),
}

fn who_is_there(replicas: &Sides<&dyn Replica>, state: Option<&State>) -> Result<Who, SessionError> {
    let mut markers = Sides { left: None, right: None };
    for side in Side::BOTH {
        markers[side] = match replicas[side].marker() {
            Err(problem) if problem.kind == ProblemKind::Corrupt => {
                let halt = HaltReport::new("foreign-root", Some(side), problem.to_string(), None);
                return Ok(Who::Damaged(halt));
            }
            found => found.map_err(|source| {
                let root = replicas[side].location().into();
                SessionError::Root { side, root, source }
            })?,
        };
    }
    let known = state.map(State::pair).transpose()?.flatten();
    let entries = state.map(State::counts).transpose()?.map_or(0, |counts| counts.entries);
    let identity = identify(&markers, known.as_ref().map(|pair| pair.id.as_str()), entries > 0);
    Ok(Who::Is(identity, markers))
}

/// 128 random bits, from the system's seed for hash maps.
fn new_pair_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    let part = || RandomState::new().hash_one(std::time::SystemTime::now());
    format!("{:016x}{:016x}", part(), part())
}
