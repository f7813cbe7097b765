//! Plans for trees that the caller brings along, as Python sees them.

use std::collections::BTreeMap;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};
use sync_engine::brought::{Brought, Rows, reserved};
use sync_engine::core::abilities::Abilities;
use sync_engine::core::compare::equivalence;
use sync_engine::core::decide::Terms;
use sync_engine::core::entry::{Reason, Trouble};
use sync_engine::core::fold::Equivalence;
use sync_engine::core::path::RelPath;
use sync_engine::core::plan as core;
use sync_engine::core::plan::{Answer, Evidence, Transition};
use sync_engine::core::policy::Policy;
use sync_engine::core::rows::Gathered;
use sync_engine::core::side::{Side, Sides};

use crate::decision::{chosen, counts};
use crate::errors;
use crate::paths::{pure, relative};
use crate::rows::{FLOAT_SLACK_NS, Reader, Sink};
use crate::values::{Entry, digest};

/// How often contents may be asked for before what is still open counts as unreadable.
const MAX_ROUNDS: usize = 12;

/// One change to one side.
#[pyclass(frozen, module = "bothways")]
pub(crate) struct Step {
    word: &'static str,
    rule: &'static str,
    requirement: Option<&'static str>,
    one: Transition,
}

#[pymethods]
impl Step {
    #[getter]
    fn action(&self) -> &'static str {
        self.word
    }

    #[getter]
    fn rule(&self) -> &'static str {
        self.rule
    }

    #[getter]
    fn requirement(&self) -> Option<&'static str> {
        self.requirement
    }

    #[getter]
    fn side(&self) -> &'static str {
        self.one.side().name()
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pure(py, self.one.path())
    }

    #[getter]
    fn to<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.one.to().map(|to| pure(py, to)).transpose()
    }

    /// The version on the other side that is taken over.
    #[getter]
    fn source(&self) -> Option<Entry> {
        match &self.one {
            Transition::Copy { from, source, .. } | Transition::SetProperties { from, source, .. } => {
                Some(Entry::of(from, source))
            }
            Transition::MakeDir { like, source, .. } => Some(Entry::of(like, source)),
            _ => None,
        }
    }

    #[getter]
    fn expect(&self) -> Option<Entry> {
        self.one.expect().map(|expect| Entry::of(self.one.path(), expect))
    }

    #[getter]
    fn size(&self) -> u64 {
        match &self.one {
            Transition::Copy { source, .. } => source.size,
            other => other.expect().map_or(0, |entry| entry.size),
        }
    }

    /// Whether what gives way goes to the trash.
    #[getter]
    fn soft(&self) -> bool {
        match self.one {
            Transition::Remove { soft, .. }
            | Transition::RemoveDir { soft, .. }
            | Transition::MakeDir { soft, .. }
            | Transition::Copy { soft, .. } => soft,
            _ => false,
        }
    }

    fn __repr__(&self) -> String {
        let to = self.one.to().map(|to| format!(" -> {to:?}")).unwrap_or_default();
        format!("<Step {} {:?}{to} ({})>", self.word, self.one.path(), self.rule)
    }
}

fn paths(py: Python<'_>, paths: impl Iterator<Item = RelPath>) -> PyResult<Bound<'_, PyTuple>> {
    let made: Vec<_> = paths.map(|path| pure(py, &path)).collect::<PyResult<_>>()?;
    PyTuple::new(py, made)
}

/// Everything that is done for one reason at one path.
#[pyclass(frozen, module = "bothways")]
pub(crate) struct Action(core::Action);

#[pymethods]
impl Action {
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pure(py, &self.0.path)
    }

    #[getter]
    fn rule(&self) -> &'static str {
        self.0.rule.name()
    }

    #[getter]
    fn requirement(&self) -> Option<&'static str> {
        self.0.rule.requirement()
    }

    #[getter]
    fn left_state(&self) -> &'static str {
        self.0.states.left.name()
    }

    #[getter]
    fn right_state(&self) -> &'static str {
        self.0.states.right.name()
    }

    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, steps_of(&self.0))
    }

    /// Paths at which both sides will be the same afterwards.
    #[getter]
    fn agrees<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        paths(py, self.0.agree.iter().map(|memo| memo.path.clone()))
    }

    /// Paths that leave the baseline.
    #[getter]
    fn forgets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        paths(py, self.0.forget.iter().cloned())
    }

    #[getter]
    fn clash_path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.clash.as_ref().map(|clash| pure(py, clash)).transpose()
    }

    fn __repr__(&self) -> String {
        let words: Vec<_> = self.0.transitions.iter().map(|one| self.0.word(one)).collect();
        let words = if words.is_empty() { "nothing but to take note".to_owned() } else { words.join(", ") };
        format!("<Action {:?} {}: {words}>", self.0.path, self.0.rule)
    }
}

fn steps_of(action: &core::Action) -> Vec<Step> {
    let step = |one: &Transition| Step {
        word: action.word(one),
        rule: action.rule.name(),
        requirement: action.rule.requirement(),
        one: one.clone(),
    };
    action.transitions.iter().map(step).collect()
}

/// Two versions that may both be wanted.
#[pyclass(frozen, module = "bothways")]
pub(crate) struct Conflict(core::Conflict);

#[pymethods]
impl Conflict {
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pure(py, &self.0.shown)
    }

    #[getter]
    fn rule(&self) -> &'static str {
        self.0.rule.name()
    }

    #[getter]
    fn requirement(&self) -> Option<&'static str> {
        self.0.rule.requirement()
    }

    #[getter]
    fn policy(&self) -> &'static str {
        self.0.policy.name()
    }

    #[getter]
    fn newer(&self) -> &'static str {
        self.0.newer.name()
    }

    #[getter]
    fn left(&self) -> Entry {
        Entry::of(&self.0.shown, &self.0.versions.left)
    }

    #[getter]
    fn right(&self) -> Entry {
        Entry::of(&self.0.shown, &self.0.versions.right)
    }

    #[getter]
    fn clash_path<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.clash_path.as_ref().map(|clash| pure(py, clash)).transpose()
    }

    fn __repr__(&self) -> String {
        let (rule, policy, newer) = (self.0.rule, self.0.policy.name(), self.0.newer);
        format!("<Conflict {:?} {rule}: {policy}, the {newer} one is newer>", self.0.shown)
    }
}

/// A path that cannot be dealt with now.
#[pyclass(frozen, module = "bothways")]
pub(crate) struct Problem(core::Blocked);

#[pymethods]
impl Problem {
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pure(py, &self.0.path)
    }

    #[getter]
    fn side(&self) -> &'static str {
        self.0.side.name()
    }

    #[getter]
    fn kind(&self) -> &'static str {
        self.0.trouble.reason.id()
    }

    #[getter]
    fn error(&self) -> String {
        self.0.trouble.to_string()
    }

    fn __repr__(&self) -> String {
        format!("<Problem {:?} on the {}: {}>", self.0.path, self.0.side, self.0.trouble)
    }
}

/// A content that must be known before the plan is final.
#[pyclass(frozen, module = "bothways")]
pub(crate) struct Question {
    side: Side,
    at: RelPath,
    entry: Entry,
}

impl Question {
    fn of((question, asked): &(core::Question, core::Asked)) -> Self {
        Self { side: question.side, at: asked.at.clone(), entry: Entry::of(&asked.at, &asked.expect) }
    }
}

#[pymethods]
impl Question {
    #[getter]
    fn side(&self) -> &'static str {
        self.side.name()
    }

    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pure(py, &self.at)
    }

    /// The version that is meant.
    #[getter]
    fn entry(&self) -> Entry {
        self.entry.clone()
    }

    fn __repr__(&self) -> String {
        format!("<Question {:?} on the {}>", self.at, self.side)
    }
}

/// Why nothing may be touched until a person says so.
#[pyclass(frozen, get_all, module = "bothways")]
pub(crate) struct Halt {
    reason: &'static str,
    message: String,
}

#[pymethods]
impl Halt {
    fn __repr__(&self) -> String {
        format!("<Halt {}: {}>", self.reason, self.message)
    }
}

/// Why one path is treated as it is.
#[pyclass(frozen, module = "bothways")]
pub(crate) struct Explanation(sync_engine::core::explain::Explanation);

#[pymethods]
impl Explanation {
    #[getter]
    fn path<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        pure(py, &self.0.path)
    }

    #[getter]
    fn left_state(&self) -> &'static str {
        self.0.states.left.name()
    }

    #[getter]
    fn right_state(&self) -> &'static str {
        self.0.states.right.name()
    }

    #[getter]
    fn rule(&self) -> &'static str {
        self.0.rule.name()
    }

    #[getter]
    fn requirement(&self) -> Option<&'static str> {
        self.0.rule.requirement()
    }

    #[getter]
    fn left(&self) -> Option<Entry> {
        self.seen(Side::Left)
    }

    #[getter]
    fn right(&self) -> Option<Entry> {
        self.seen(Side::Right)
    }

    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.actions.iter().flat_map(steps_of).collect::<Vec<_>>())
    }

    #[getter]
    fn conflict(&self) -> Option<Conflict> {
        self.0.conflict.clone().map(Conflict)
    }

    #[getter]
    fn problems<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.0.blocked.iter().cloned().map(Problem))
    }

    #[getter]
    fn verdict(&self) -> String {
        self.0.verdict()
    }

    fn __str__(&self) -> String {
        self.0.verdict()
    }

    fn __repr__(&self) -> String {
        format!("<Explanation {:?}: {}>", self.0.path, self.0.verdict())
    }
}

impl Explanation {
    fn seen(&self, side: Side) -> Option<Entry> {
        let seen = self.0.difference.as_ref()?.sides[side].seen()?;
        Some(Entry::of(&seen.spelled, &seen.entry))
    }
}

/// The whole decision about three trees.
#[pyclass(frozen, module = "bothways")]
pub(crate) struct Plan {
    pub(crate) brought: Brought,
    /// How far a time in the rows may be from the real one.
    pub(crate) slack_ns: u64,
    steps: PyOnceLock<Py<PyTuple>>,
    actions: PyOnceLock<Py<PyTuple>>,
}

#[pymethods]
impl Plan {
    /// All changes, in the order in which they are to be made.
    #[getter]
    fn steps<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made = self.steps.get_or_try_init(py, || {
            let all: Vec<Step> = self.brought.plan().actions.iter().flat_map(steps_of).collect();
            PyTuple::new(py, all).map(Bound::unbind)
        })?;
        Ok(made.bind(py).clone())
    }

    /// The same, grouped by what they are done for, with what is only taken note of.
    #[getter]
    fn actions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let made = self.actions.get_or_try_init(py, || {
            let all: Vec<Action> = self.brought.plan().actions.iter().cloned().map(Action).collect();
            PyTuple::new(py, all).map(Bound::unbind)
        })?;
        Ok(made.bind(py).clone())
    }

    #[getter]
    fn conflicts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.brought.plan().conflicts.iter().cloned().map(Conflict))
    }

    #[getter]
    fn problems<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.brought.plan().blocked.iter().cloned().map(Problem))
    }

    #[getter]
    fn questions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.brought.questions().iter().map(Question::of))
    }

    #[getter]
    fn is_final(&self) -> bool {
        self.brought.questions().is_empty()
    }

    #[getter]
    fn halt(&self) -> Option<Halt> {
        self.brought.plan().halt.as_ref().map(|halt| Halt { reason: halt.id(), message: halt.describe() })
    }

    /// How many steps of each action there are.
    #[getter]
    fn counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let mut all = BTreeMap::new();
        for (action, one) in self.brought.plan().transitions() {
            *all.entry(action.word(one)).or_default() += 1;
        }
        counts(py, all)
    }

    /// Bytes that are copied.
    #[getter]
    fn bytes(&self) -> u64 {
        self.brought.plan().actions.iter().map(core::Action::bytes).sum()
    }

    /// Why a path is treated as it is.
    fn explain(&self, py: Python<'_>, path: &Bound<'_, PyAny>) -> PyResult<Explanation> {
        let path = relative(path)?;
        Ok(Explanation(py.detach(|| self.brought.explain(&path))))
    }

    fn __len__(&self) -> usize {
        self.brought.plan().transitions().count()
    }

    fn __repr__(&self) -> String {
        let plan = self.brought.plan();
        let halt = plan.halt.as_ref().map(|halt| format!(", halted: {}", halt.id())).unwrap_or_default();
        let open = match plan.questions.len() {
            0 => String::new(),
            open => format!(", {open} questions"),
        };
        let (steps, conflicts, problems) = (self.__len__(), plan.conflicts.len(), plan.blocked.len());
        format!("<Plan {steps} steps, {conflicts} conflicts, {problems} problems{open}{halt}>")
    }
}

/// Decides about three trees.
#[pyfunction]
#[pyo3(signature = (baseline, left, right, policy=None, *, digest=None, fold_case=false, mtime_precision_ns=1, reserved=None))]
pub(crate) fn plan(
    py: Python<'_>,
    baseline: &Bound<'_, PyAny>,
    left: &Bound<'_, PyAny>,
    right: &Bound<'_, PyAny>,
    policy: Option<&Bound<'_, PyAny>>,
    digest: Option<&Bound<'_, PyAny>>,
    fold_case: bool,
    mtime_precision_ns: u64,
    reserved: Option<Vec<Bound<'_, PyAny>>>,
) -> PyResult<Plan> {
    if let Some(digest) = digest
        && !digest.is_callable()
    {
        return Err(PyTypeError::new_err("digest is a function that is given a Question"));
    }
    let able = Abilities {
        equivalence: Equivalence { case: fold_case, form: false },
        mtime_precision_ns: mtime_precision_ns.max(1),
        ..Abilities::FULL
    };
    let terms = Terms { policy: chosen(py, policy)?, abilities: Sides { left: able.clone(), right: able } };
    let reserved = match reserved {
        None => self::reserved(),
        Some(paths) => paths.iter().map(relative).collect::<PyResult<_>>()?,
    };
    let mut rows = Gathered::new(equivalence(&terms.abilities), &reserved);
    let (evidence, slack_ns) = read(py, baseline, left, right, rows.equivalence(), &mut rows)?;
    let decided = py.detach(|| Brought::decide_gathered(rows, evidence, terms));
    let mut brought = decided.map_err(|(side, bad)| {
        errors::error(py, "RowError", &format!("{}: {bad}", side.map_or("baseline", Side::name)))
    })?;
    if let Some(digest) = digest {
        answer(py, &mut brought, digest)?;
    }
    Ok(Plan { brought, slack_ns, steps: PyOnceLock::new(), actions: PyOnceLock::new() })
}

/// Reads three trees of rows into `sink`. Returns what they tell of contents, and how far a time in them may be from
/// the real one.
fn read(
    py: Python<'_>,
    baseline: &Bound<'_, PyAny>,
    left: &Bound<'_, PyAny>,
    right: &Bound<'_, PyAny>,
    folds: Equivalence,
    sink: &mut impl Sink,
) -> PyResult<(Evidence, u64)> {
    let mut reader = Reader::new(py)?;
    let mut evidence = Evidence::default();
    reader.baseline(baseline, sink)?;
    for (side, rows) in [(Side::Left, left), (Side::Right, right)] {
        reader.scan(side, rows, sink, |path, digest| {
            let path = folds.path_key(path);
            evidence.add(core::Question { side, path }, Answer::Read(digest, None));
        })?;
    }
    Ok((evidence, if reader.had_floats { FLOAT_SLACK_NS } else { 0 }))
}

/// How many seconds of processor time the engine alone takes for what [`plan`] does, once the rows are values of Rust's,
/// as a program in Rust has them. For the benchmark.
#[pyfunction]
pub(crate) fn time_of_decision(
    py: Python<'_>,
    baseline: &Bound<'_, PyAny>,
    left: &Bound<'_, PyAny>,
    right: &Bound<'_, PyAny>,
) -> PyResult<f64> {
    let terms = Terms {
        policy: Policy::default(),
        abilities: Sides { left: Abilities::FULL, right: Abilities::FULL },
    };
    let mut rows = Rows {
        baseline: Vec::new(),
        scans: Sides::default(),
        evidence: Evidence::default(),
        reserved: reserved(),
    };
    (rows.evidence, _) = read(py, baseline, left, right, equivalence(&terms.abilities), &mut rows)?;
    // The clock that the benchmark reads too.
    let clock = py.import("time")?.getattr("process_time")?;
    let began: f64 = clock.call0()?.extract()?;
    // Both are dropped within the time, as Python drops the plan.
    drop(py.detach(|| Brought::decide(rows, terms)));
    let ended: f64 = clock.call0()?.extract()?;
    Ok(ended - began)
}

/// Has the caller's own function answer what the plan asks.
fn answer(py: Python<'_>, brought: &mut Brought, tell: &Bound<'_, PyAny>) -> PyResult<()> {
    for _ in 0..MAX_ROUNDS {
        if brought.questions().is_empty() {
            return Ok(());
        }
        let mut answers = Vec::new();
        for asked in brought.questions() {
            let told = tell.call1((Question::of(asked),))?;
            let answer = if told.is_none() {
                Answer::Failed(Trouble::new(Reason::Unreadable, ""))
            } else {
                Answer::Read(digest(&told)?, None)
            };
            answers.push((asked.0.clone(), answer));
        }
        py.detach(|| brought.answer(answers));
    }
    Ok(())
}
