//! Taking single things back from the trash.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::clash::clash_name;
use sync_core::entry::{Attributes, Entry};
use sync_core::matrix::{Rule, State};
use sync_core::path::RelPath;
use sync_core::plan::{Action, Phase, Plan, Transition};
use sync_core::side::{Side, Sides};

use super::trash::{Held, TrashFilter};
use super::{free, nothing_else};
use crate::clock::Began;
use crate::error::SessionError;
use crate::remember::reach::NewRun;
use crate::report::{FORMAT, ProblemReport, SyncReport, time};
use crate::session::Session;
use crate::watch::Watch;

/// What is restored, and where to.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RestoreOptions {
    /// What is meant, as for listing. Of each path the newest version on each side is restored.
    pub filter: TrashFilter,
    /// Of several versions the newest that went to the trash at this time or before: UTC nanoseconds.
    pub at_ns: Option<i64>,
    /// Another place for it, a path below the roots; only for a single path.
    pub to: Option<String>,
    /// Where something is at the path, it is put beside that, under a name like that of a clash copy.
    pub keep_both: bool,
    /// Nothing is changed: the report says what would be.
    pub dry_run: bool,
}

/// What came back from the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RestoreReport {
    /// The format of this document.
    pub format: u32,
    /// Whether nothing was changed, since only the list was asked for.
    pub dry_run: bool,
    /// The number of the run, which can be undone; none when nothing was changed.
    pub run: Option<u64>,
    /// What came back, or would, or did not.
    pub restored: Vec<Restored>,
    /// What failed when it was tried.
    pub problems: Vec<ProblemReport>,
}

impl RestoreReport {
    /// Whether everything that was meant came back, or would.
    pub fn is_whole(&self) -> bool {
        self.problems.is_empty() && self.restored.iter().all(|one| one.left.is_none())
    }
}

/// One thing of the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Restored {
    /// Where it was.
    pub path: String,
    /// On which side.
    pub side: String,
    /// Where it comes back.
    pub to: String,
    /// Bytes.
    pub size: u64,
    /// When it had gone to the trash.
    pub deleted: String,
    /// Why it does not come back; none when it does.
    pub left: Option<String>,
}

impl Session {
    /// Takes things back from the trash, never over anything. A path that both sides have in their trash comes back
    /// on the side whose version is newer; the next sync carries it over. Recorded as a run of kind `restore`.
    pub fn restore_from_trash(
        &self,
        options: &RestoreOptions,
        watch: &dyn Watch,
    ) -> Result<RestoreReport, SessionError> {
        self.ready()?;
        let sieve = self.sieve(&options.filter)?;
        let (held, problems) = self.held()?;
        let in_time = |one: &Held| options.at_ns.is_none_or(|at| one.deleted_ns <= at);
        let mut newest: BTreeMap<RelPath, &Held> = BTreeMap::new();
        for one in held.iter().filter(|one| sieve.passes(one) && one.there.is_some() && in_time(one)) {
            let key = self.equivalence().path_key(&one.path);
            let known = newest.entry(key).or_insert(one);
            if one.deleted_ns > known.deleted_ns {
                *known = one;
            }
        }
        let to = match &options.to {
            None => None,
            Some(_) if newest.len() > 1 => {
                let path = options.to.clone().unwrap_or_default();
                let reason = format!("{} things are meant, and one place has room for one", newest.len());
                return Err(SessionError::Path { path, reason });
            }
            Some(text) => Some(self.path_of(Path::new(text))?),
        };
        let mut report = RestoreReport {
            format: FORMAT,
            dry_run: options.dry_run,
            run: None,
            restored: Vec::new(),
            problems,
        };
        let mut making = Making { session: self, plan: Plan::default(), made: Vec::new() };
        for one in newest.into_values() {
            let wanted = to.as_ref().unwrap_or(&one.path);
            let place = making.place_for(one, wanted, options.keep_both);
            report.restored.push(Restored {
                path: one.path.display(),
                side: one.side.name().to_owned(),
                to: place.as_ref().unwrap_or(wanted).display(),
                size: one.size,
                deleted: time(one.deleted_ns),
                left: place.as_ref().err().cloned(),
            });
            if let (Ok(at), Some(version)) = (place, one.there) {
                making.put_back(one, at, version);
            }
        }
        if options.dry_run || making.plan.actions.is_empty() {
            return Ok(report);
        }
        let began = Began::now();
        let mut acted = SyncReport::begin(began);
        let new = NewRun { kind: "restore", began, reach: nothing_else(), answers: None };
        self.act(making.plan, &new, watch, &mut acted)?;
        report.run = acted.run;
        report.problems.append(&mut acted.problems);
        Ok(report)
    }
}

/// The plan of a restore while it grows.
struct Making<'a> {
    session: &'a Session,
    plan: Plan,
    /// Paths that the plan fills, and whether with a directory.
    made: Vec<(Side, RelPath, bool)>,
}

impl Making<'_> {
    /// What will be at a path: whether anything, and whether a directory.
    fn there(&self, side: Side, at: &RelPath) -> Result<Option<bool>, String> {
        if let Some((.., dir)) = self.made.iter().find(|(on, path, _)| *on == side && path == at) {
            return Ok(Some(*dir));
        }
        let found = self.session.replicas[side].look(at).map_err(|problem| problem.explain())?;
        Ok(found.map(|entry| entry.is_dir()))
    }

    /// Where a thing can come back, or why it cannot.
    fn place_for(&self, one: &Held, wanted: &RelPath, keep_both: bool) -> Result<RelPath, String> {
        for above in wanted.ancestors().filter(|above| !above.is_root()) {
            match self.there(one.side, &above)? {
                Some(true) => break,
                Some(false) => return Err(format!("`{above}` is no folder any more")),
                None => {}
            }
        }
        if self.there(one.side, wanted)?.is_none() {
            return Ok(wanted.clone());
        }
        if !keep_both {
            return Err("something is there now: name another place with --to, or keep both".to_owned());
        }
        let mtime_ns = one.there.map_or(one.deleted_ns, |entry| entry.mtime_ns);
        let template = &self.session.terms.policy.clash_name;
        let named = |number| wanted.with_name(&clash_name(template, wanted.name(), mtime_ns, number)).ok();
        let taken = |path: &RelPath| self.there(one.side, path) != Ok(None);
        free(named, taken).ok_or_else(|| "no name is free beside it".to_owned())
    }

    fn put_back(&mut self, one: &Held, at: RelPath, version: Entry) {
        let on = one.side;
        let above: Vec<RelPath> = at.ancestors().filter(|above| !above.is_root()).collect();
        for dir in above.into_iter().rev() {
            if self.there(on, &dir) == Ok(None) {
                let make = Transition::RemakeDir { on, at: dir.clone(), attributes: Attributes::NotHeld };
                self.push(&dir, make);
                self.made.push((on, dir, true));
            }
        }
        let back = Transition::PutBack {
            on,
            from: one.place.clone(),
            was: one.path.clone(),
            version,
            at: at.clone(),
            expect: None,
        };
        self.push(&at, back);
        self.made.push((on, at, version.is_dir()));
    }

    fn push(&mut self, path: &RelPath, transition: Transition) {
        self.plan.actions.push(Action {
            path: self.session.equivalence().path_key(path),
            rule: Rule::Restored,
            states: Sides { left: State::Unchanged, right: State::Unchanged },
            phase: Phase::Deletes,
            transitions: vec![transition],
            agree: Vec::new(),
            forget: Vec::new(),
            carried: Vec::new(),
            clash: None,
            after: None,
        });
    }
}
