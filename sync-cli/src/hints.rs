//! What to do about an error.

use sync_engine::SessionError;
use sync_engine::control::About;

use crate::exit::{Exit, Failure};

/// Advice, most useful first.
pub(crate) fn of(failure: &Failure) -> Vec<String> {
    let mut hints = Vec::new();
    let error = failure.error.downcast_ref::<SessionError>();
    match error.map(SessionError::about) {
        Some(About::Root { side, root, .. }) => {
            hints.push(format!(
                "the {side} root is `{root}`: see that the drive is there and may be read and written"
            ));
            hints.push("`bothways check` looks at both sides".to_owned());
        }
        Some(About::Halt(halt)) => hints.extend(halt.approval),
        Some(About::State) if failure.exit == Exit::TryAgain => {
            hints.push("wait for the other run to end, or give another place with `--state DIR`".to_owned());
        }
        Some(About::Stop) => hints.push("run it again to go on".to_owned()),
        _ => {}
    }
    if let Some(SessionError::NotRunning) = error {
        hints.push("`bothways run` starts one".to_owned());
    }
    if failure.exit == Exit::Internal {
        hints.push("nothing was lost: the next run looks at everything again; `-vv` shows more".to_owned());
    }
    hints
}
