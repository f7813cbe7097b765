//! `status`: how the pair stands.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use sync_engine::control::Request;
use sync_engine::records::StatusReport;
use sync_engine::{Judged as _, SessionError, StateError};

use crate::args::Roots;
use crate::context::{Context, Pair};
use crate::exit::{Exit, Failure};
use crate::show;

/// How long a picture stays.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) fn run(context: &Context, roots: &Roots, hours: u32, watch: bool) -> Result<Exit, Failure> {
    let pair = context.pair(roots, false)?;
    if watch {
        return redraw(context, &pair, hours);
    }
    let report = look(&pair, hours)?;
    super::print(context, &report, || show::status::text(&report, context.screen.level()))?;
    Ok(report.verdict().into())
}

/// The state is held no longer than it takes to read it: a sync may want it.
fn look(pair: &Pair, hours: u32) -> Result<StatusReport, SessionError> {
    pair.ask(&Request::Status { hours })
}

fn redraw(context: &Context, pair: &Pair, hours: u32) -> Result<Exit, Failure> {
    let keys = keys();
    let mut last = Exit::Clean;
    loop {
        match look(pair, hours) {
            Ok(report) => {
                last = report.verdict().into();
                context.screen.redraw(&show::status::text(&report, context.screen.level()))
            }
            // A run is under way, or a session just ended: what was seen before stays.
            Err(SessionError::State(StateError::Locked { .. }) | SessionError::Wire(_)) => Ok(()),
            Err(error) => return Err(error.into()),
        }
        .map_err(|error| Failure::new(Exit::Internal, error))?;
        if pair.is_stopped() || is_over(&keys, pair) {
            return Ok(last);
        }
    }
}

/// Whether a key was pressed, or a stop was asked for, before the next picture is due.
fn is_over(keys: &Receiver<()>, pair: &Pair) -> bool {
    let step = Duration::from_millis(100);
    let mut waited = Duration::ZERO;
    while waited < PAUSE {
        match keys.recv_timeout(step) {
            Ok(()) => return true,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(step),
        }
        if pair.is_stopped() {
            return true;
        }
        waited += step;
    }
    false
}

/// Tells of the first key. Where there is no keyboard, nothing ever comes.
fn keys() -> Receiver<()> {
    let (tell, told) = channel();
    let terminal = console::Term::stdout();
    if terminal.is_term() {
        thread::spawn(move || {
            // Ctrl-C comes as an error, and ends it as any key does.
            let _ = terminal.read_key();
            let _ = tell.send(());
        });
    }
    told
}
