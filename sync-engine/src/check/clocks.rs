//! How far the two sides' clocks are apart.

use schemars::JsonSchema;
use serde::Serialize;
use sync_core::side::Sides;
use sync_fs::ClockReading;

/// Clocks that are further apart than this may tell newer from older wrongly within an ordinary working pause.
const WORTH_A_WORD_NS: u64 = 2_000_000_000;

/// The clocks of both sides, as files get their times from them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct ClockSkew {
    /// By how many milliseconds the left side's clock is ahead of the right one's; negative when it is behind.
    pub left_ahead_ms: i64,
    /// By how many milliseconds that may be wrong either way.
    pub error_ms: u64,
}

/// The difference of two readings, and a word for a person where it matters.
pub(super) fn compare(readings: Sides<ClockReading>) -> (ClockSkew, Option<String>) {
    let Sides { left, right } = readings;
    let ahead = left.ahead_ns.saturating_sub(right.ahead_ns);
    let error = left.error_ns.saturating_add(right.error_ns);
    let skew = ClockSkew { left_ahead_ms: ahead / 1_000_000, error_ms: error.div_ceil(1_000_000) };
    let matters = ahead.unsigned_abs() > error.saturating_add(WORTH_A_WORD_NS);
    let (fast, slow) = if ahead > 0 { ("left", "right") } else { ("right", "left") };
    let word = matters.then(|| {
        format!(
            "the clock of the {fast} side is {:.1} s ahead of the {slow} side's: in a conflict the version of the \
             {fast} side may count as newer although it is not; set both clocks by one server",
            ahead.unsigned_abs() as f64 / 1e9
        )
    });
    (skew, word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn reading(ahead_ns: i64) -> ClockReading {
        ClockReading { ahead_ns, error_ns: 10_000_000 }
    }

    #[test]
    fn what_is_within_the_error_is_no_word_worth() {
        let (skew, word) = compare(Sides { left: reading(SECOND), right: reading(0) });
        assert_eq!((skew.left_ahead_ms, skew.error_ms, word), (1000, 20, None));
    }

    #[test]
    fn the_fast_side_is_named_and_swapping_the_sides_swaps_the_words() {
        let far = Sides { left: reading(-7 * SECOND), right: reading(SECOND) };
        let (skew, word) = compare(far);
        assert_eq!(skew.left_ahead_ms, -8000);
        let word = word.unwrap_or_default();
        assert!(word.contains("clock of the right side is 8.0 s ahead of the left"), "{word}");
        let (flipped, other) = compare(far.flip());
        assert_eq!(flipped.left_ahead_ms, 8000);
        assert!(other.unwrap_or_default().contains("clock of the left side is 8.0 s ahead of the right"));
    }
}
