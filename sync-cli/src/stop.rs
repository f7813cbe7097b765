//! Ctrl-C and the system's request to end.

use std::sync::Arc;

use sync_engine::Cancel;

use crate::screen::Screen;

/// What a shell shows for a program that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// Makes the first request to end a clean stop, and the second one an end.
pub(crate) fn listen(screen: &Screen) -> Arc<Cancel> {
    let cancel = Arc::new(Cancel::default());
    let (asked, screen) = (Arc::clone(&cancel), screen.clone());
    let heard = ctrlc::set_handler(move || {
        if asked.is_cancelled() {
            // Whatever is on disk now is what a kill would leave, and the next run mends that.
            log::logger().flush();
            std::process::exit(INTERRUPTED);
        }
        asked.cancel();
        screen.say("stopping at the next safe point; once more to stop at once");
    });
    if let Err(error) = heard {
        log::debug!("cannot listen to Ctrl-C: {error}");
    }
    cancel
}
