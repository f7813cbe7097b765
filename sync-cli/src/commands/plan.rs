//! `plan`, and `sync --dry-run`.

use std::path::Path;

use anyhow::Context as _;
use sync_engine::PlanFile;
use sync_engine::control::Request;
use sync_engine::report::PlanReport;

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(
    context: &Context,
    roots: &Roots,
    all: bool,
    output: Option<&Path>,
) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    let report: PlanReport = match output {
        None => pair.ask(&Request::Plan { all })?,
        Some(path) => {
            let (report, file): (PlanReport, PlanFile) = pair.ask(&Request::PlanToReview { all })?;
            write(path, &file)?;
            let name = path.display().to_string();
            context.screen.say(&show::plan::written(&name));
            report
        }
    };
    drop(pair.watch);
    super::print(context, &report, || show::plan::text(&report, context.screen.level()))?;
    Ok(if report.halt.is_some() {
        Exit::Halted
    } else if !report.conflicts.is_empty() || !report.problems.is_empty() {
        Exit::Look
    } else {
        Exit::Clean
    })
}

/// A file that a person may read and shorten. It is written beside its place first: nobody ever finds half a plan.
fn write(path: &Path, file: &PlanFile) -> Result<(), Failure> {
    let bytes = serde_json::to_vec_pretty(file).map(|mut bytes| {
        bytes.push(b'\n');
        bytes
    });
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let done = bytes.map_err(anyhow::Error::new).and_then(|bytes| {
        std::fs::write(&beside, bytes)?;
        std::fs::rename(&beside, path)?;
        Ok(())
    });
    done.with_context(|| format!("the plan file `{}` cannot be written", path.display())).map_err(|error| {
        // What is half written is of no use; if it cannot be removed either, the error says enough.
        let _ = std::fs::remove_file(&beside);
        Failure::new(Exit::Usage, error)
    })
}
