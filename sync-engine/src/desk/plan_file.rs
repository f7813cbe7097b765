//! Plan files: a plan that a person reviews before it is carried out.
//!
//! Owns the shape of the file, its seals, and [`Session::sync_reviewed`]. A file only ever allows: both sides are
//! observed and decided anew, and of what the fresh decision would do, that is done which the file names with exactly
//! the versions it was made on. So no path and no version in a file is ever trusted. Each transition carries a seal
//! over its own words: one may be removed from the file, but not altered.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sync_core::entry::{Attributes, Entry};
use sync_core::guard::halt;
use sync_core::plan::{Action, Transition};
use sync_core::scope::restrict;
use sync_core::side::Sides;
use sync_core::snapshot::Snapshot;
use sync_state::State;

use super::leave_the_rest;
use crate::clock::{Began, now_ns};
use crate::cycle::{SyncOptions, log_summary};
use crate::error::SessionError;
use crate::halt::HaltReport;
use crate::remember::reach::{NewRun, Reach};
use crate::report::{
    ConflictReport, FORMAT, PlanReport, ProblemReport, SideReport, SyncReport, TransitionReport, time,
    transitions_of,
};
use crate::session::Session;
use crate::watch::Watch;

/// The number of the format of plan files.
pub(crate) const PLAN_FILE: u32 = 1;

/// Why a plan file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanFileError {
    /// It could not be read.
    #[error("the plan file `{path}` cannot be read: {source}")]
    Read {
        /// The file.
        path: String,
        /// What happened.
        source: std::io::Error,
    },
    /// It could not be written.
    #[error("the plan file `{path}` cannot be written: {source}")]
    Write {
        /// The file.
        path: String,
        /// What happened.
        source: std::io::Error,
    },
    /// It is no JSON, or ends too early.
    #[error("the plan file `{path}` is damaged or cut off: {source}")]
    Json {
        /// The file.
        path: String,
        /// Where and why.
        source: serde_json::Error,
    },
    /// It is no plan.
    #[error("`{path}` is no plan file: {reason}; `bothways plan -o FILE` writes one")]
    NoPlan {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Another version of the program wrote it.
    #[error(
        "the plan file `{path}` has format {found}, this program reads format {PLAN_FILE}: make a new plan"
    )]
    Format {
        /// The file.
        path: String,
        /// Its format.
        found: String,
    },
    /// Somebody altered it.
    #[error(
        "the plan file `{path}` was edited: {what}. A transition may be removed as a whole, but nothing may be changed"
    )]
    Edited {
        /// The file.
        path: String,
        /// Where.
        what: String,
    },
    /// It is about other folders.
    #[error("the plan file `{path}` was made for another pair of folders: {detail}")]
    OtherPair {
        /// The file.
        path: String,
        /// Which.
        detail: String,
    },
}

/// A plan as it is written to a file: the plan document, and what it takes to know the pair and every version again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlanFile {
    /// The format of plan files.
    pub plan_file: u32,
    /// The format of the document.
    pub format: u32,
    /// The pair's identity, as in the roots' markers; none when the two folders had not met yet.
    pub pair: Option<String>,
    /// When it was made.
    pub made: String,
    /// The left root.
    pub left_root: String,
    /// The right root.
    pub right_root: String,
    /// Over the fields above.
    pub seal: String,
    /// What the left side held.
    pub left: SideReport,
    /// What the right side held.
    pub right: SideReport,
    /// In the order in which they would be made. Those that shall not be made may be removed.
    pub transitions: Vec<PlannedTransition>,
    /// Conflicts that would be settled, or that wait.
    pub conflicts: Vec<ConflictReport>,
    /// What could not be dealt with.
    pub problems: Vec<ProblemReport>,
    /// Why nothing would be touched without approval.
    pub halt: Option<HaltReport>,
    /// How many transitions of each action there were.
    pub counts: BTreeMap<String, u64>,
    /// Bytes that would be copied.
    pub bytes: u64,
}

impl PlanFile {
    /// Writes it, laid out for a person who may shorten it. It is written beside its place first: nobody ever finds half
    /// a plan.
    pub fn write(&self, path: &Path) -> Result<(), PlanFileError> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(".part");
        let written = serde_json::to_vec_pretty(self).map_err(std::io::Error::from).and_then(|mut bytes| {
            bytes.push(b'\n');
            std::fs::write(&beside, bytes)?;
            std::fs::rename(&beside, path)
        });
        written.map_err(|source| {
            // What is half written is of no use; if it cannot be removed either, the error says enough.
            let _ = std::fs::remove_file(&beside);
            PlanFileError::Write { path: path.display().to_string(), source }
        })
    }
}

/// One transition with the exact versions it was planned on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlannedTransition {
    /// As in the plan document.
    #[serde(flatten)]
    pub transition: TransitionReport,
    /// The exact version on the left that the transition depends on; none where nothing may be there.
    pub left: Option<Exact>,
    /// The exact version on the right that the transition depends on; none where nothing may be there.
    pub right: Option<Exact>,
    /// Over the pair and the fields above.
    pub seal: String,
}

/// Everything that tells one version from another.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Exact {
    /// `file`, `directory` or `link`.
    pub kind: String,
    /// Bytes; none for a directory.
    pub size: Option<u64>,
    /// Nanoseconds since 1970; none for a directory.
    pub mtime_ns: Option<i64>,
    /// Nanoseconds since 1970; none for a directory, and where the side does not tell.
    pub ctime_ns: Option<i64>,
    /// As in the plan document.
    pub attributes: Option<String>,
    /// The side's own number for it.
    pub file_id: Option<u64>,
}

impl From<&Entry> for Exact {
    fn from(entry: &Entry) -> Self {
        // What happens inside a directory moves its times, and makes no other directory of it.
        let leaf = !entry.is_dir();
        Self {
            kind: entry.kind.name().to_owned(),
            size: leaf.then_some(entry.size),
            mtime_ns: leaf.then_some(entry.mtime_ns),
            ctime_ns: (leaf && entry.ctime_ns != 0).then_some(entry.ctime_ns),
            attributes: match entry.attributes {
                Attributes::NotHeld => None,
                Attributes::Unix(mode) => Some(format!("{mode:04o}")),
                Attributes::Windows(bits) => Some(format!("{bits:#x}")),
            },
            file_id: entry.file_id.map(std::num::NonZeroU64::get),
        }
    }
}

/// What came of carrying out a reviewed plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PlannedReport {
    /// As of any sync.
    #[serde(flatten)]
    pub sync: SyncReport,
    /// How many transitions the file named.
    pub planned: u64,
    /// What of it was left out, and why.
    pub left_out: Vec<LeftOut>,
    /// How many transitions are due that the file does not name: the next sync makes them.
    pub not_in_plan: u64,
}

impl PlannedReport {
    /// Whether nobody needs to look at anything.
    pub fn is_clean(&self) -> bool {
        self.left_out.is_empty() && self.sync.is_clean()
    }
}

/// A planned transition that was not made.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Where.
    pub path: String,
    /// Such as `COPY_LEFT_TO_RIGHT`.
    pub action: String,
    /// Why.
    pub reason: String,
}

/// A plan file that was read and found whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReviewedPlan {
    file: String,
    pair: Option<String>,
    #[serde(with = "crate::control::words::sides")]
    roots: Sides<String>,
    /// Seal, action and path of each transition.
    named: Vec<(String, String, String)>,
}

impl ReviewedPlan {
    /// Reads a plan file. Whether it is about the right pair is seen when it is carried out.
    pub fn read(path: &Path) -> Result<Self, PlanFileError> {
        let file = path.display().to_string();
        let bytes =
            std::fs::read(path).map_err(|source| PlanFileError::Read { path: file.clone(), source })?;
        Self::parse(&bytes, file)
    }

    fn parse(bytes: &[u8], file: String) -> Result<Self, PlanFileError> {
        let document: Value = serde_json::from_slice(bytes)
            .map_err(|source| PlanFileError::Json { path: file.clone(), source })?;
        let no_plan = |reason: &str| PlanFileError::NoPlan { path: file.clone(), reason: reason.to_owned() };
        let edited = |what: String| PlanFileError::Edited { path: file.clone(), what };
        let fields = document.as_object().ok_or_else(|| no_plan("it holds no JSON object"))?;
        match fields.get("plan_file") {
            None => return Err(no_plan("`plan_file` is missing")),
            Some(found) if found.as_u64() != Some(u64::from(PLAN_FILE)) => {
                return Err(PlanFileError::Format { path: file.clone(), found: found.to_string() });
            }
            Some(_) => {}
        }
        let text = |name: &str| fields.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let pair = match fields.get("pair") {
            Some(Value::Null) => None,
            Some(Value::String(pair)) => Some(pair.clone()),
            _ => return Err(no_plan("`pair` is missing")),
        };
        let (Some(left), Some(right)) = (text("left_root"), text("right_root")) else {
            return Err(no_plan("a root is missing"));
        };
        let head: Value = HEAD
            .iter()
            .map(|name| ((*name).to_owned(), fields.get(*name).cloned().unwrap_or_default()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        if text("seal") != Some(seal("", &head)) {
            return Err(edited("the pair, a root, the time or the format is not what it was".to_owned()));
        }
        let roots = Sides { left, right };
        let about = identity(pair.as_deref(), &roots);
        let all = fields.get("transitions").and_then(Value::as_array);
        let mut named = Vec::new();
        for (index, one) in all.ok_or_else(|| no_plan("`transitions` is missing"))?.iter().enumerate() {
            let word = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            let at = format!("transition {} (`{}`) is not what it was", index + 1, word("path"));
            let mut bare = one.clone();
            let taken = bare.as_object_mut().and_then(|fields| fields.remove("seal"));
            let Some(Value::String(written)) = taken else { return Err(edited(at)) };
            if written != seal(&about, &bare) {
                return Err(edited(at));
            }
            named.push((written, word("action"), word("path")));
        }
        Ok(Self { file, pair, roots, named })
    }

    fn is_about(&self, pair: Option<&str>, roots: &Sides<String>, met: bool) -> Result<(), PlanFileError> {
        let other = |detail: String| PlanFileError::OtherPair { path: self.file.clone(), detail };
        match &self.pair {
            Some(planned) if pair == Some(planned) => Ok(()),
            Some(_) => Err(other(format!("`{}` and `{}`", self.roots.left, self.roots.right))),
            None if self.roots != *roots => {
                Err(other(format!("`{}` and `{}`", self.roots.left, self.roots.right)))
            }
            None if met => Err(other(
                "it is from before the two folders met, and they have met since: make a new plan".to_owned(),
            )),
            None => Ok(()),
        }
    }
}

/// The fields that say what a file is about.
const HEAD: [&str; 5] = ["plan_file", "pair", "made", "left_root", "right_root"];

/// What the seals of transitions are bound to.
fn identity(pair: Option<&str>, roots: &Sides<String>) -> String {
    match pair {
        Some(pair) => pair.to_owned(),
        None => format!("{}\n{}", roots.left, roots.right),
    }
}

/// A digest of a document, however it is laid out. It shows that something was altered; it keeps nobody from making
/// another one, who could not gain by it: a file only allows what is due anyway.
fn seal(about: &str, document: &Value) -> String {
    let mut text = String::new();
    canonical(document, &mut text);
    let mut hasher = blake3::Hasher::new();
    for part in ["bothways plan", about, &text] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// One way to write a document, with sorted keys.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<_, _> = fields.iter().collect();
            out.push('{');
            for (name, value) in sorted {
                let _ = write!(out, "{}:", Value::String(name.clone()));
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

/// The versions a transition depends on, on each side.
fn exact(transition: &Transition) -> Sides<Option<Exact>> {
    let source = match transition {
        Transition::Copy { source, .. }
        | Transition::MakeDir { source, .. }
        | Transition::SetProperties { source, .. } => Some(source),
        _ => None,
    };
    let on = transition.side();
    let mut sides = Sides { left: None, right: None };
    sides[on] = transition.expect().map(Exact::from);
    sides[on.other()] = source.map(Exact::from);
    sides
}

/// The transitions of an action as a file names them; none for what only the baseline has to learn.
fn planned(action: &Action, about: &str) -> Vec<PlannedTransition> {
    let shown = transitions_of(action);
    let versions: Vec<_> = if action.transitions.is_empty() {
        let seen = action.agree.first().map(|memo| memo.seen.map(|entry| entry.as_ref().map(Exact::from)));
        vec![seen.unwrap_or(Sides { left: None, right: None })]
    } else {
        action.transitions.iter().map(exact).collect()
    };
    let sealed = |(transition, Sides { left, right })| {
        let mut one = PlannedTransition { transition, left, right, seal: String::new() };
        let mut bare = serde_json::to_value(&one).unwrap_or_default();
        if let Some(fields) = bare.as_object_mut() {
            fields.remove("seal");
        }
        one.seal = seal(about, &bare);
        one
    };
    shown.into_iter().zip(versions).map(sealed).collect()
}

impl Session {
    /// What would happen, as a document and as a file to review. Nothing changes anywhere.
    pub fn plan_to_review(
        &self,
        all: bool,
        watch: &dyn Watch,
    ) -> Result<(PlanReport, PlanFile), SessionError> {
        let mut seen = self.observe(all, watch)?;
        let report = self.report_plan(&mut seen, all);
        let pair = self.state.as_ref().map(State::pair).transpose()?.flatten().map(|pair| pair.id);
        let roots = self.locations();
        let about = identity(pair.as_deref(), &roots);
        let mut file = PlanFile {
            plan_file: PLAN_FILE,
            format: FORMAT,
            pair,
            made: time(now_ns()),
            left_root: roots.left,
            right_root: roots.right,
            seal: String::new(),
            left: report.left,
            right: report.right,
            transitions: seen.plan.actions.iter().flat_map(|action| planned(action, &about)).collect(),
            conflicts: report.conflicts.clone(),
            problems: report.problems.clone(),
            halt: report.halt.clone(),
            counts: report
                .counts
                .iter()
                .filter(|(word, _)| *word != "NOOP")
                .map(|(w, n)| (w.clone(), *n))
                .collect(),
            bytes: report.bytes,
        };
        let head = serde_json::json!({
            "plan_file": file.plan_file, "pair": file.pair, "made": file.made,
            "left_root": file.left_root, "right_root": file.right_root,
        });
        file.seal = seal("", &head);
        Ok((report, file))
    }

    /// One cycle that does no more than a reviewed plan allows.
    pub fn sync_reviewed(
        &self,
        reviewed: &ReviewedPlan,
        options: &SyncOptions,
        watch: &dyn Watch,
    ) -> Result<PlannedReport, SessionError> {
        let began = Began::now();
        let known = self.state.as_ref().map(State::pair).transpose()?.flatten().map(|pair| pair.id);
        let met =
            self.state.as_ref().map(State::counts).transpose()?.is_some_and(|counts| counts.entries > 0);
        let roots = self.locations();
        reviewed.is_about(known.as_deref(), &roots, met)?;
        let mut sync = SyncReport::begin(began);
        sync.halt.clone_from(&self.halt);
        sync.notices.clone_from(&self.notices);
        let mut report = PlannedReport {
            sync,
            planned: reviewed.named.len() as u64,
            left_out: Vec::new(),
            not_in_plan: 0,
        };
        if report.sync.halt.is_none() {
            self.follow(
                reviewed,
                &identity(reviewed.pair.as_deref(), &roots),
                options,
                began,
                watch,
                &mut report,
            )?;
        }
        if let Some(halt) = &report.sync.halt {
            log::error!(operation = "halt", reason = halt.reason.as_str(); "{}", halt.message);
        }
        report.sync.finished = time(began.ended_ns());
        log_summary(&report.sync);
        self.alert_part(&report.sync);
        Ok(report)
    }

    fn follow(
        &self,
        reviewed: &ReviewedPlan,
        about: &str,
        options: &SyncOptions,
        began: Began,
        watch: &dyn Watch,
        report: &mut PlannedReport,
    ) -> Result<(), SessionError> {
        self.recall_underway()?;
        let mut seen = self.observe(false, watch)?;
        let totals = seen.snapshots.as_ref().map(Snapshot::totals);
        (report.sync.left, report.sync.right) = (totals.left.into(), totals.right.into());
        (report.sync.scan_ms, report.sync.decide_ms) = (seen.scan_ms, seen.decide_ms);
        let named: HashSet<&str> = reviewed.named.iter().map(|(seal, _, _)| seal.as_str()).collect();
        let due: Vec<Vec<PlannedTransition>> =
            seen.plan.actions.iter().map(|action| planned(action, about)).collect();
        report.left_out = overtaken(reviewed, &due);
        report.not_in_plan =
            due.iter().flatten().filter(|one| !named.contains(one.seal.as_str())).count() as u64;
        let mut whole: HashSet<(sync_core::plan::Phase, sync_core::path::RelPath)> = HashSet::new();
        for (action, due) in seen.plan.actions.iter().zip(&due) {
            let missing = due.iter().filter(|one| !named.contains(one.seal.as_str())).count();
            // What only the baseline has to learn changes nothing and is not named in any file.
            if missing > 0 && missing == due.len() {
                continue;
            }
            if missing == 0 {
                whole.insert((action.phase, action.path.clone()));
                continue;
            }
            let reason = "it belongs together with a transition that the file does not name";
            let rest = due.iter().filter(|one| named.contains(one.seal.as_str()));
            report.left_out.extend(rest.map(|one| left_out(&one.transition, reason)));
        }
        let in_vain = restrict(&mut seen.plan, |action| whole.contains(&(action.phase, action.path.clone())));
        for action in &in_vain {
            let reason = "it needs something that the file does not name, or that is no longer as planned";
            report.left_out.extend(transitions_of(action).iter().map(|one| left_out(one, reason)));
        }
        report.left_out.sort();
        leave_the_rest(&mut seen.plan, &self.open_conflicts()?);
        let halted = halt(&seen.plan, &seen.comparison, &seen.snapshots, &self.terms.policy);
        report.sync.halt = halted.as_ref().filter(|_| !options.approve).map(HaltReport::from);
        seen.snapshots = Sides { left: Snapshot::empty(), right: Snapshot::empty() };
        seen.comparison.differences = Vec::new();
        if report.sync.halt.is_some() {
            return Ok(());
        }
        // A plan that was cut down says nothing of what it leaves to the next sync.
        let whole = report.left_out.is_empty() && report.not_in_plan == 0;
        let paths = || seen.plan.actions.iter().map(|action| action.path.clone()).collect();
        let reach = if whole { Reach::Pair } else { Reach::Below(paths()) };
        let run = NewRun { reach, ..NewRun::sync(began) };
        self.act(seen.plan, &run, watch, &mut report.sync)
    }
}

fn left_out(one: &TransitionReport, reason: &str) -> LeftOut {
    LeftOut { path: one.path.clone(), action: one.action.clone(), reason: reason.to_owned() }
}

/// What the file names and the fresh decision would not do.
fn overtaken(reviewed: &ReviewedPlan, due: &[Vec<PlannedTransition>]) -> Vec<LeftOut> {
    let seals: HashSet<&str> = due.iter().flatten().map(|one| one.seal.as_str()).collect();
    let mut by_path: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for one in due.iter().flatten() {
        by_path.entry(&one.transition.path).or_default().push(&one.transition.action);
    }
    let gone = reviewed.named.iter().filter(|(seal, _, _)| !seals.contains(seal.as_str()));
    gone.map(|(_, action, path)| {
        let reason = match by_path.get(path.as_str()) {
            None => "nothing is to be done there any more",
            Some(now) if now.contains(&action.as_str()) => "a version there has changed since",
            Some(_) => "something else is to be done there by now",
        };
        LeftOut { path: path.clone(), action: action.clone(), reason: reason.to_owned() }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file() -> Value {
        let roots = Sides { left: "/l".to_owned(), right: "/r".to_owned() };
        let mut one =
            json!({ "action": "COPY_LEFT_TO_RIGHT", "path": "a", "size": 3, "left": { "size": 3 } });
        one["seal"] = seal(&identity(Some("p"), &roots), &one).into();
        let mut head = json!({
            "plan_file": 1, "pair": "p", "made": "now", "left_root": "/l", "right_root": "/r",
        });
        head["seal"] = seal("", &head).into();
        head["transitions"] = json!([one]);
        head
    }

    fn parse(file: &Value) -> Result<ReviewedPlan, PlanFileError> {
        ReviewedPlan::parse(file.to_string().as_bytes(), "f".to_owned())
    }

    #[test]
    fn a_whole_file_is_read_however_it_is_laid_out() {
        let read = parse(&file()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.named.len(), 1);
        let pretty = serde_json::to_vec_pretty(&file()).unwrap_or_default();
        assert!(ReviewedPlan::parse(&pretty, "f".to_owned()).is_ok());
        let mut less = file();
        less["transitions"] = json!([]);
        assert!(parse(&less).is_ok_and(|read| read.named.is_empty()));
    }

    #[test]
    fn whatever_is_altered_is_refused() {
        let alter = |change: &dyn Fn(&mut Value)| {
            let mut file = file();
            change(&mut file);
            parse(&file)
        };
        for (name, change) in [
            ("path", &(|f: &mut Value| f["transitions"][0]["path"] = "b".into()) as &dyn Fn(&mut Value)),
            ("version", &|f| f["transitions"][0]["left"]["size"] = 4.into()),
            ("seal", &|f| f["transitions"][0]["seal"] = "00".into()),
            ("added", &|f| f["transitions"][0]["more"] = 1.into()),
            ("pair", &|f| f["pair"] = "q".into()),
            ("root", &|f| f["left_root"] = "/x".into()),
            ("no seal", &|f| f["seal"] = Value::Null),
        ] {
            assert!(matches!(alter(change), Err(PlanFileError::Edited { .. })), "{name}");
        }
        assert!(matches!(alter(&|f| f["plan_file"] = 2.into()), Err(PlanFileError::Format { .. })));
        assert!(matches!(alter(&|f| *f = json!([])), Err(PlanFileError::NoPlan { .. })));
        assert!(matches!(alter(&|f| *f = json!({})), Err(PlanFileError::NoPlan { .. })));
        let text = file().to_string();
        for end in 0..text.len() {
            let cut = ReviewedPlan::parse(&text.as_bytes()[..end], "f".to_owned());
            assert!(matches!(cut, Err(PlanFileError::Json { .. })), "cut at {end}");
        }
    }

    #[test]
    fn a_file_is_about_one_pair() {
        let read = parse(&file()).unwrap_or_else(|error| panic!("{error}"));
        let roots = Sides { left: "/l".to_owned(), right: "/r".to_owned() };
        assert!(read.is_about(Some("p"), &roots.clone().flip(), true).is_ok());
        assert!(read.is_about(Some("q"), &roots, true).is_err());
        let unmet = ReviewedPlan { pair: None, ..read };
        assert!(unmet.is_about(Some("q"), &roots, false).is_ok());
        assert!(unmet.is_about(Some("q"), &roots, true).is_err());
        assert!(unmet.is_about(None, &roots.flip(), false).is_err());
    }
}
