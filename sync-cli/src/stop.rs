//! Ctrl-C, the system's request to end, and the one to read the configuration again.

use std::sync::{Arc, OnceLock};

use sync_engine::Cancel;

use crate::screen::Screen;

/// What a shell shows for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// What a hangup asks for instead of an end.
static RELOAD: OnceLock<Box<dyn Fn() + Send + Sync>> = OnceLock::new();

/// From now on a hangup (SIGHUP) is a request to read the configuration again, unless it is the terminal that has gone.
pub(crate) fn reload_with(reload: impl Fn() + Send + Sync + 'static) {
    // There is one live session in a process.
    let _ = RELOAD.set(Box::new(reload));
}

/// The wish to stop of this process, for who can ask for an end in another way.
#[cfg(windows)]
static WISH: OnceLock<Arc<Cancel>> = OnceLock::new();

/// Asks for a clean stop.
#[cfg(windows)]
pub(crate) fn request() {
    if let Some(cancel) = WISH.get() {
        cancel.cancel();
    }
}

/// Makes the first request to end a clean stop, and the second one an end.
pub(crate) fn listen(screen: &Screen) -> Arc<Cancel> {
    let cancel = Arc::new(Cancel::default());
    if let Err(error) = hear(&cancel, screen) {
        log::debug!("cannot listen to Ctrl-C: {error}");
    }
    cancel
}

fn asked(cancel: &Cancel, screen: &Screen) {
    if cancel.is_cancelled() {
        // Whatever is on disk now is what a kill would leave, and the next run mends that.
        log::logger().flush();
        std::process::exit(INTERRUPTED);
    }
    cancel.cancel();
    screen.say("stopping at the next safe point; once more to stop at once");
}

#[cfg(unix)]
fn hear(cancel: &Arc<Cancel>, screen: &Screen) -> std::io::Result<()> {
    use std::io::IsTerminal as _;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    let (cancel, screen) = (Arc::clone(cancel), screen.clone());
    let had_terminal = std::io::stderr().is_terminal();
    let listening = move || {
        for signal in signals.forever() {
            let terminal_is_gone = had_terminal && !std::io::stderr().is_terminal();
            match RELOAD.get() {
                Some(reload) if signal == SIGHUP && !terminal_is_gone => reload(),
                _ => asked(&cancel, &screen),
            }
        }
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(listening).map(drop)
}

#[cfg(not(unix))]
fn hear(cancel: &Arc<Cancel>, screen: &Screen) -> Result<(), ctrlc::Error> {
    let (cancel, screen) = (Arc::clone(cancel), screen.clone());
    let _ = WISH.set(Arc::clone(&cancel));
    ctrlc::set_handler(move || asked(&cancel, &screen))
}
