//! `run`: the live session, until it is stopped.

use std::sync::Arc;

use sync_engine::report::SyncReport;
use sync_engine::{Cancel, LiveWatch, SessionError, Watch, live};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::show;

pub(super) fn run(context: &Context, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, true)?;
    let told = Told { context, cancel: pair.watch.cancel() };
    live(&pair.config, &pair.options, &told)?;
    context.screen.say("stopped; everything that was begun is finished or rolled back");
    Ok(Exit::Clean)
}

/// Tells a person, or with `--json` a machine, what each cycle did: one line each.
struct Told<'a> {
    context: &'a Context,
    cancel: Arc<Cancel>,
}

impl Watch for Told<'_> {
    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }
}

impl LiveWatch for Told<'_> {
    fn ready(&self) {
        self.context.screen.say("both folders are there; changes are synced from now on (Ctrl-C stops)");
        log::info!(operation = "run"; "both roots are there: changes are synced from now on");
        log::logger().flush();
    }

    fn cycle(&self, report: &SyncReport) {
        if self.context.json {
            // A reader that has left is no reason to stop syncing.
            let _ = self.context.screen.print(&show::document(report));
        } else {
            self.context.screen.say(&show::sync::line(report));
        }
        // The next line of the log may be hours away.
        log::logger().flush();
    }

    fn waits(&self, error: &SessionError) {
        let words = show::plain(&error.to_string());
        self.context.screen.tell(&format!("waiting: {words}; it goes on by itself"));
        log::logger().flush();
    }
}
