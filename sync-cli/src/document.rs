//! The documents of `--json` that are not a session's.
//!
//! The schemas of all documents lie in `schema/`; a test here compares them with the types, and the integration tests
//! compare them with what the program prints.

use serde::Serialize;
use sync_engine::control::About;
use sync_engine::report::FORMAT;
use sync_engine::{HaltReport, SessionError};

use crate::exit::{Exit, Failure};

/// A command that has no result.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ErrorReport {
    /// The format of this document.
    format: u32,
    /// Why there is no result.
    error: ErrorDetail,
    /// The guard that stopped the command, where one did.
    halt: Option<HaltReport>,
}

/// Why there is no result.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ErrorDetail {
    /// `usage`, `try-again`, `halted` or `internal`.
    kind: &'static str,
    /// The exit code.
    exit_code: u8,
    /// What happened.
    message: String,
    /// What to do.
    hints: Vec<String>,
}

impl ErrorReport {
    pub(crate) fn new(exit: Exit, message: &str, hints: &[String]) -> Self {
        let error = ErrorDetail {
            kind: exit.name(),
            exit_code: exit.code(),
            message: message.to_owned(),
            hints: hints.to_vec(),
        };
        Self { format: FORMAT, error, halt: None }
    }

    /// The same with the halt that `failure` is, if it is one.
    pub(crate) fn halted(self, failure: &Failure) -> Self {
        let error = failure.error.downcast_ref::<SessionError>();
        let halt = match error.map(SessionError::about) {
            Some(About::Halt(halt)) => Some(halt),
            _ => None,
        };
        Self { halt, ..self }
    }
}

/// What `init` has done.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct InitReport {
    /// The format of this document.
    pub(crate) format: u32,
    /// The file that was written.
    pub(crate) config: String,
}

/// What was done with the service, or is known of it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ServiceReport {
    /// The format of this document.
    format: u32,
    /// `installed`, `removed`, `started`, `stopped`, `looked`, `printed`.
    done: &'static str,
    /// The service's name.
    name: String,
    /// Where its unit is, or what stands for it.
    file: String,
    /// What would be written there, with `--print`.
    unit: Option<String>,
    /// Whether it runs, in the words of the service manager.
    pub(crate) active: Option<String>,
    /// What it does, as it told the service manager.
    pub(crate) status: Option<String>,
}

impl ServiceReport {
    pub(crate) fn new(done: &'static str, name: &str, file: &str, unit: Option<&str>) -> Self {
        let (name, file, unit) = (name.to_owned(), file.to_owned(), unit.map(ToOwned::to_owned));
        Self { format: FORMAT, done, name, file, unit, active: None, status: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::schema_for;
    use sync_engine::CheckReport;
    use sync_engine::records::{HistoryReport, RunDetails, StatusReport};
    use sync_engine::report::{ExplainReport, PlanReport, ScanReport, SyncReport};

    /// To write them anew: `BOTHWAYS_WRITE_DOCS=1 cargo test -p sync-cli`.
    #[test]
    fn the_schemas_are_those_of_the_types() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        let all = [
            ("sync", schema_for!(SyncReport)),
            ("plan", schema_for!(PlanReport)),
            ("scan", schema_for!(ScanReport)),
            ("check", schema_for!(CheckReport)),
            ("explain", schema_for!(ExplainReport)),
            ("plan-file", schema_for!(sync_engine::PlanFile)),
            ("sync-plan", schema_for!(sync_engine::PlannedReport)),
            ("conflicts", schema_for!(sync_engine::ConflictList)),
            ("conflict", schema_for!(sync_engine::ConflictView)),
            ("resolve", schema_for!(sync_engine::ResolveReport)),
            ("resync", schema_for!(sync_engine::ResyncReport)),
            ("status", schema_for!(StatusReport)),
            ("history", schema_for!(HistoryReport)),
            ("run", schema_for!(RunDetails)),
            ("undo", schema_for!(sync_engine::UndoReport)),
            ("trash", schema_for!(sync_engine::TrashList)),
            ("restore", schema_for!(sync_engine::RestoreReport)),
            ("purge", schema_for!(sync_engine::PurgeReport)),
            ("pause", schema_for!(sync_engine::control::PauseReport)),
            ("init", schema_for!(InitReport)),
            ("service", schema_for!(ServiceReport)),
            ("error", schema_for!(ErrorReport)),
        ];
        for (name, schema) in all {
            let path = folder.join(format!("{name}.json"));
            let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
            if std::env::var_os("BOTHWAYS_WRITE_DOCS").is_some() {
                std::fs::create_dir_all(&folder).unwrap();
                std::fs::write(&path, text).unwrap();
                continue;
            }
            let written = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
            assert_eq!(written, text, "{name}.json is out of date: see this test");
        }
    }
}
