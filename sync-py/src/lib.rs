//! The Python module `bothways`.
//!
//! Translates between Python and `sync-engine`, and decides nothing. This is the compiled half, `bothways._bothways`;
//! `python/bothways` holds the half that users import: reports as dataclasses, exceptions, and the classes with their
//! documentation. Must never call into Python from a thread of the engine: what the engine tells is queued, and the
//! thread that asked for the work passes it on.
//!
//! Start with `rows` and `plan` for the pure engine; with `session`, `pair` and `work` for the whole job.

mod answers;
mod current;
mod decision;
mod errors;
mod follow;
mod logging;
mod pair;
mod paths;
mod plan;
mod rows;
mod scan;
mod session;
mod values;
mod work;

use pyo3::prelude::*;

#[pymodule]
mod _bothways {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::decision::{Decision, Policy, decide, matrix};
    #[pymodule_export]
    use super::follow::Progress;
    #[pymodule_export]
    use super::logging::{after_fork, after_fork_in_child, before_fork};
    #[pymodule_export]
    use super::paths::shown_path;
    #[pymodule_export]
    use super::plan::{
        Action, Conflict, Explanation, Halt, Plan, Problem, Question, Step, plan, time_of_decision,
    };
    #[pymodule_export]
    use super::scan::{Scan, scan};
    #[pymodule_export]
    use super::session::RawSession;
    #[pymodule_export]
    use super::values::Entry;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::logging::install();
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("FORMAT", sync_engine::report::FORMAT)
    }
}
