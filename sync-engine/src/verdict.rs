//! What a report asks of whoever reads it.
//!
//! Owns the table from reports to [`Verdict`], so that every face ends a command, a call or a method alike.

use crate::check::CheckReport;
use crate::control::PauseReport;
use crate::desk::{ConflictList, ConflictView, PlannedReport, ResolveReport, ResyncReport};
use crate::put_back::{PurgeReport, RestoreReport, TrashList, UndoReport};
use crate::records::{HistoryReport, RunDetails, StatusReport};
use crate::report::{ExplainReport, PlanReport, ScanReport, SyncReport};

/// What a person should make of a report.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Verdict {
    /// Everything is in order.
    Clean,
    /// Somebody should look: a conflict, a problem, or something left undone.
    Look,
    /// A guard stopped it.
    Halted,
}

impl Verdict {
    fn of(is_clean: bool) -> Self {
        if is_clean { Self::Clean } else { Self::Look }
    }

    fn unless(self, is_halted: bool) -> Self {
        if is_halted { Self::Halted } else { self }
    }
}

/// A report that says how it ended.
pub trait Judged {
    /// What a person should make of it.
    fn verdict(&self) -> Verdict;
}

macro_rules! judged {
    ($($report:ty: |$it:pat_param| $verdict:expr;)*) => {
        $(
            impl Judged for $report {
                fn verdict(&self) -> Verdict {
                    let $it = self;
                    $verdict
                }
            }
        )*
    };
}

judged! {
    // What a live session does later was not done for whoever asked.
    SyncReport: |it| Verdict::of(it.is_clean() && it.waiting == 0).unless(it.halt.is_some());
    PlannedReport: |it| Verdict::of(it.is_clean()).unless(it.sync.halt.is_some());
    PlanReport: |it| Verdict::of(it.conflicts.is_empty() && it.problems.is_empty()).unless(it.halt.is_some());
    ResyncReport: |it| Verdict::of(it.is_clean() && !it.compared_nothing()).unless(it.halt.is_some());
    ResolveReport: |it| Verdict::of(it.is_clean());
    UndoReport: |it| Verdict::of(it.is_whole());
    RestoreReport: |it| Verdict::of(it.is_whole() && !it.restored.is_empty());
    PurgeReport: |it| Verdict::of(it.problems.is_empty());
    TrashList: |it| Verdict::of(it.problems.is_empty());
    ScanReport: |it| Verdict::of(it.problems.is_empty());
    ConflictList: |it| Verdict::of(it.open == 0);
    StatusReport: |it| Verdict::of(!it.needs_person);
    CheckReport: |it| Verdict::of(it.is_ok());
    ConflictView: |_| Verdict::Clean;
    ExplainReport: |_| Verdict::Clean;
    HistoryReport: |_| Verdict::Clean;
    RunDetails: |_| Verdict::Clean;
    PauseReport: |_| Verdict::Clean;
}
