//! The one place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

/// UTC nanoseconds since 1970; 0 for a clock that stands before it.
pub(crate) fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_nanos()).ok())
        .unwrap_or_default()
}
