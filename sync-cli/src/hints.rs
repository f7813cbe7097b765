//! What to do about an error.

use sync_engine::SessionError;

use crate::exit::{Exit, Failure};

/// Advice, most useful first.
pub(crate) fn of(failure: &Failure) -> Vec<String> {
    let mut hints = Vec::new();
    match failure.error.downcast_ref::<SessionError>() {
        Some(SessionError::Root { side, root, .. }) => {
            let root = root.display();
            hints.push(format!(
                "the {side} root is `{root}`: see that the drive is there and may be read and written"
            ));
            hints.push("`bothways check` looks at both sides".to_owned());
        }
        Some(SessionError::Halted(halt)) => hints.extend(halt.approval.clone()),
        Some(SessionError::State(_)) if failure.exit == Exit::TryAgain => {
            hints.push("wait for the other run to end, or give another place with `--state DIR`".to_owned());
        }
        Some(SessionError::Cancelled) => hints.push("run it again to go on".to_owned()),
        _ => {}
    }
    if failure.exit == Exit::Internal {
        hints.push("nothing was lost: the next run looks at everything again; `-vv` shows more".to_owned());
    }
    hints
}
