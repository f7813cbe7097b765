//! The matrix and the policy.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use sync_engine::config::Config;
use sync_engine::core::matrix::{Resolution, Rule, State, cells, resolve};
use sync_engine::core::policy::{ConflictPolicy, FirstMatch, Policy as Chosen};
use sync_engine::core::side::Side;

use crate::errors;
use crate::values::choice;

/// What the user chose for the cells that offer a choice.
#[pyclass(frozen, module = "bothways")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Policy(pub(crate) Chosen);

/// A policy as the configuration understands it: one place says what is allowed, and what is meant by it.
pub(crate) fn from_document(py: Python<'_>, document: &str) -> PyResult<Chosen> {
    let config = Config::from_text(document, std::path::Path::new("policy.json"));
    config.map(|config| config.policy).map_err(|error| errors::of_config(py, &error))
}

#[pymethods]
impl Policy {
    /// Single choices; what is left out is as by default.
    #[new]
    #[pyo3(signature = (**choices))]
    fn new(py: Python<'_>, choices: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        choices.map_or_else(|| Ok(Self(Chosen::default())), |given| chosen(py, Some(given)).map(Self))
    }

    /// What a whole configuration chooses, as a mapping with the keys of the file.
    #[staticmethod]
    fn from_config(py: Python<'_>, config: &Bound<'_, PyAny>) -> PyResult<Self> {
        let made = py.import("bothways._policy")?.call_method1("policy_in", (config,))?;
        Ok(Self(made.cast::<Self>()?.get().0.clone()))
    }

    /// `document` is a configuration in JSON.
    #[staticmethod]
    fn _from_document(py: Python<'_>, document: &str) -> PyResult<Self> {
        Ok(Self(from_document(py, document)?))
    }

    #[getter]
    fn same_file_changed_both(&self) -> &'static str {
        self.0.same_file_changed_both.name()
    }

    #[getter]
    fn new_file_both_different(&self) -> &'static str {
        self.0.new_file_both_different.name()
    }

    #[getter]
    fn properties_conflict_both(&self) -> &'static str {
        self.0.properties_conflict_both.name()
    }

    #[getter]
    fn tie_breaker(&self) -> &'static str {
        self.0.tie_breaker.name()
    }

    #[getter]
    fn first_match(&self) -> &'static str {
        match self.0.first_match {
            FirstMatch::Metadata => "metadata",
            FirstMatch::Digest => "digest",
        }
    }

    #[getter]
    fn clash_name(&self) -> &str {
        &self.0.clash_name
    }

    #[getter]
    fn soft_delete(&self) -> bool {
        self.0.soft_delete.enabled
    }

    #[getter]
    fn soft_delete_max_bytes(&self) -> u64 {
        self.0.soft_delete.max_size_bytes
    }

    #[getter]
    fn keep_versions(&self) -> bool {
        self.0.versions.enabled
    }

    #[getter]
    fn keep_versions_max_bytes(&self) -> u64 {
        self.0.versions.max_size_bytes
    }

    #[getter]
    fn max_change_percent(&self) -> u8 {
        self.0.guard.max_change_percent
    }

    #[getter]
    fn max_change_min_files(&self) -> u64 {
        self.0.guard.max_change_min_files
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| *self == *other.get())
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.0.hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(&self) -> String {
        let Chosen { same_file_changed_both, new_file_both_different, properties_conflict_both, .. } =
            &self.0;
        format!(
            "<Policy changed-both={} created-both={} props-both={} tie_breaker={}>",
            same_file_changed_both.name(),
            new_file_both_different.name(),
            properties_conflict_both.name(),
            self.0.tie_breaker
        )
    }
}

/// One cell of the matrix.
#[pyclass(frozen, eq, hash, get_all, module = "bothways")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Decision {
    left: &'static str,
    right: &'static str,
    rule: &'static str,
    requirement: Option<&'static str>,
    resolution: &'static str,
    side: Option<&'static str>,
    policy: Option<&'static str>,
}

impl Decision {
    fn of(left: State, right: State, policy: &Chosen) -> Self {
        let (rule, resolution): (Rule, Resolution) = resolve(left, right);
        Self {
            left: left.name(),
            right: right.name(),
            rule: rule.name(),
            requirement: rule.requirement(),
            resolution: resolution.name(),
            side: resolution.side().map(Side::name),
            policy: rule.policy(policy).map(ConflictPolicy::name),
        }
    }
}

#[pymethods]
impl Decision {
    fn __repr__(&self) -> String {
        let side = self.side.map(|side| format!(" {side}")).unwrap_or_default();
        let policy = self.policy.map(|policy| format!(" ({policy})")).unwrap_or_default();
        format!("<Decision {}/{}: {}: {}{side}{policy}>", self.left, self.right, self.rule, self.resolution)
    }
}

/// A policy as Python gives it.
pub(crate) fn chosen(py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<Chosen> {
    let Some(given) = given else { return Ok(Chosen::default()) };
    if let Ok(policy) = given.cast::<Policy>() {
        return Ok(policy.get().0.clone());
    }
    let made = py.import("bothways._policy")?.call_method1("policy_of", (given,))?;
    Ok(made.cast::<Policy>()?.get().0.clone())
}

/// What the states of one path on both sides ask for.
#[pyfunction]
#[pyo3(signature = (left_state, right_state, policy=None))]
pub(crate) fn decide(
    py: Python<'_>,
    left_state: &str,
    right_state: &str,
    policy: Option<&Bound<'_, PyAny>>,
) -> PyResult<Decision> {
    let state = |given: &str| choice("a state", given, &State::ALL, State::name);
    let policy = chosen(py, policy)?;
    Ok(Decision::of(state(left_state)?, state(right_state)?, &policy))
}

/// The 33 cells of the matrix.
#[pyfunction]
#[pyo3(signature = (policy=None))]
pub(crate) fn matrix(py: Python<'_>, policy: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Decision>> {
    let policy = chosen(py, policy)?;
    Ok(cells().map(|(left, right)| Decision::of(left, right, &policy)).collect())
}

/// A mapping from names to numbers.
pub(crate) fn counts(
    py: Python<'_>,
    counts: impl IntoIterator<Item = (&'static str, u64)>,
) -> PyResult<Bound<'_, PyDict>> {
    let made = PyDict::new(py);
    for (word, count) in counts {
        made.set_item(word, count)?;
    }
    Ok(made)
}
