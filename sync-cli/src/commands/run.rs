//! `run`: the live session, until it is stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use sync_engine::config::Config;
use sync_engine::report::SyncReport;
use sync_engine::{Cancel, LiveWatch, Phase, Reloaded, SessionError, Source, Watch, live};

use crate::args::Roots;
use crate::context::Context;
use crate::exit::{Exit, Failure};
use crate::manager::Manager;
use crate::screen::Screen;
use crate::{show, stop};

pub(super) fn run(context: &Context, roots: &Roots) -> Result<Exit, Failure> {
    let pair = context.pair(roots, true)?;
    let settings = source(&pair.config, roots);
    let told = Told {
        context,
        cancel: pair.watch.cancel(),
        manager: Manager::new(),
        waited: AtomicBool::new(false),
    };
    end_in_time(Arc::clone(&told.cancel), context.screen.clone());
    let ended = live(&settings, &pair.options, &told);
    Manager::stopping();
    ended?;
    context.screen.say("stopped; everything that was begun is finished or rolled back");
    Ok(Exit::Clean)
}

/// Where the configuration comes from, which is read again when the system asks for it.
fn source(config: &Config, roots: &Roots) -> Source {
    let named = (roots.left.is_some() && roots.right.is_some()).then(|| config.roots.clone());
    let source = Source::of(config, named);
    if let Source::File(file) = &source {
        let asked = Arc::clone(file);
        stop::reload_with(move || asked.ask());
    }
    source
}

/// How long a stop may take. What takes longer hangs: a server that is gone holds whoever reads from it.
const STOP: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(100);

/// Ends the program when a stop takes too long. What is on disk then is what a kill leaves, and the next session goes on
/// from there.
fn end_in_time(cancel: Arc<Cancel>, screen: Screen) {
    let wait = move || {
        while !cancel.is_cancelled() {
            thread::sleep(GLANCE);
        }
        thread::sleep(STOP);
        let words = "something does not answer: ended without it, as by a kill";
        log::error!(operation = "run"; "{words}");
        screen.tell(words);
        log::logger().flush();
        std::process::exit(i32::from(Exit::TryAgain.code()));
    };
    // Without the thread a stop takes as long as it takes.
    if let Err(error) = thread::Builder::new().name("stop".to_owned()).spawn(wait) {
        log::debug!("no thread for the end: {error}");
    }
}

fn now() -> String {
    show::sync::time_of_day(&jiff::Timestamp::now().to_string())
}

const READY: &str = "both folders are there; changes are synced from now on";

/// Tells a person, or with `--json` a machine, what each cycle did: one line each. The service manager hears how the
/// session stands.
struct Told<'a> {
    context: &'a Context,
    cancel: Arc<Cancel>,
    manager: Manager,
    /// Whether a folder was waited for since both were there last.
    waited: AtomicBool,
}

impl Watch for Told<'_> {
    fn begin(&self, _: Phase, _: Option<u64>, _: Option<u64>) {
        self.manager.beat();
    }

    fn advance(&self, _: u64, _: u64) {
        self.manager.beat();
    }

    fn is_cancelled(&self) -> bool {
        // Whoever asks is at work, or waits as he should.
        self.manager.beat();
        self.cancel.is_cancelled()
    }
}

impl LiveWatch for Told<'_> {
    fn ready(&self) {
        let again = self.waited.swap(false, Ordering::Relaxed);
        let line = if again { format!("{}  {READY}", now()) } else { format!("{READY} (Ctrl-C stops)") };
        self.context.screen.say(&line);
        log::info!(operation = "run"; "both roots are there: changes are synced from now on");
        log::logger().flush();
        Manager::ready(READY);
    }

    fn cycle(&self, report: &SyncReport) {
        if self.context.json {
            // A reader that has left is no reason to stop syncing.
            let _ = self.context.screen.print(&show::document(report));
        } else {
            self.context.screen.say(&show::sync::line(report));
        }
        let line = show::sync::line(report);
        Manager::status(&format!("changes are synced; last: {}", anstream::adapter::strip_str(&line)));
        // The next line of the log may be hours away.
        log::logger().flush();
    }

    fn reloaded(&self, reloaded: &Reloaded<'_>) {
        Manager::reloading();
        let status = match reloaded {
            Reloaded::Taken { changes, opens } => {
                for line in show::reload::lines(changes) {
                    self.context.screen.say(&format!("{}  {line}", now()));
                }
                // It is ready when both roots are there again.
                if *opens { None } else { Some(READY.to_owned()) }
            }
            Reloaded::Refused { error, line } => {
                let error = error.to_string();
                let shown = error.lines().map(show::plain).collect::<Vec<_>>().join("\n");
                self.context.screen.tell(&format!(
                    "the configuration cannot hold, and what held before still does:\n{shown}"
                ));
                Some(format!("the configuration cannot hold, and what held before still does: {line}"))
            }
            _ => {
                self.context.screen.say("the configuration says what it said before");
                Some(READY.to_owned())
            }
        };
        if let Some(status) = status {
            Manager::ready(&status);
        }
        log::logger().flush();
    }

    fn waits(&self, error: &SessionError) {
        let words = show::plain(&error.to_string());
        self.waited.store(true, Ordering::Relaxed);
        self.context.screen.tell(&format!("{}  waiting: {words}; it goes on by itself", now()));
        Manager::status(&format!("waiting: {words}"));
        log::logger().flush();
    }
}
