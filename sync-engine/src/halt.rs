//! Guards that hold a session back, in the form a person and a machine read.
//!
//! Owns [`HaltReport`] and the identity guard: what the markers in the roots say against what the state remembers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::plan::Halt;
use sync_core::side::{Side, Sides};
use sync_replica::Marker;

/// The reason of the guard that takes exception to how many files go.
pub(crate) const MANY: &str = "too-many-changes";

/// Why nothing is touched until a person says so.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HaltReport {
    /// A stable identifier, such as `too-many-changes`.
    pub reason: String,
    /// What happened.
    pub message: String,
    /// The side concerned, where it is one.
    pub side: Option<String>,
    /// The folders concerned, with the number of files in each; the root itself is the empty path.
    pub folders: Vec<HaltFolder>,
    /// What approving it does; none where it cannot be approved.
    pub approval: Option<String>,
}

/// One folder that a halt is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct HaltFolder {
    /// The folder below the root.
    pub path: String,
    /// How many files in it would be deleted or overwritten.
    pub files: u64,
}

impl HaltReport {
    pub(crate) fn new(reason: &str, side: Option<Side>, message: String, approval: Option<&str>) -> Self {
        Self {
            reason: reason.to_owned(),
            message,
            side: side.map(|side| side.name().to_owned()),
            folders: Vec::new(),
            approval: approval.map(ToOwned::to_owned),
        }
    }

    /// Whether a root no longer says whose it is.
    pub(crate) fn is_lost_marker(&self) -> bool {
        self.reason == "lost-marker"
    }

    /// Whether there were too many changes, so that fewer would be let through.
    pub(crate) fn is_of_many(&self) -> bool {
        self.reason == MANY
    }
}

impl From<&Halt> for HaltReport {
    fn from(halt: &Halt) -> Self {
        let side = match halt {
            Halt::EmptyRoot { side } | Halt::TooManyChanges { side, .. } => Some(*side),
            _ => None,
        };
        let approval = match halt {
            Halt::EmptyRoot { .. } => {
                "`bothways sync --approve` carries the deletions over to the other side; \
                 if a drive is away, bring it back instead"
            }
            _ => "`bothways plan` shows the whole plan; `bothways sync --approve` lets it through once",
        };
        let mut report = Self::new(halt.id(), side, halt.describe(), Some(approval));
        if let Halt::TooManyChanges { folders, .. } = halt {
            report.folders = folders
                .iter()
                .map(|(path, files)| HaltFolder { path: path.display(), files: *files })
                .collect();
        }
        report
    }
}

/// What the markers and the state say together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Identity {
    /// Everything fits.
    Known,
    /// Nobody knows either root yet, or the state was lost while the markers are still there: a first meeting,
    /// under this pair's name if there is one.
    FirstMeeting { pair: Option<String> },
    /// A marker that an interrupted first meeting has not written yet.
    Unfinished,
    /// Something does not fit.
    Wrong(HaltReport),
}

const ANEW: &str = "`bothways sync --approve` starts this pair anew as at a first meeting: both folders are \
                    merged, nothing is deleted";

/// Judges who the two roots are. `pair` and `has_baseline` are what the state remembers.
pub(crate) fn identify(markers: &Sides<Option<Marker>>, pair: Option<&str>, has_baseline: bool) -> Identity {
    let wrong = |reason: &str, side: Option<Side>, message: String| {
        Identity::Wrong(HaltReport::new(reason, side, message, Some(ANEW)))
    };
    if let Sides { left: Some(left), right: Some(right) } = markers
        && left.pair == right.pair
        && left.side != Side::Left
        && right.side != Side::Right
    {
        return wrong("swapped-roots", None, "left and right are swapped: exchange the two roots".to_owned());
    }
    let expected = pair.map(ToOwned::to_owned).or_else(|| {
        let both = [&markers.left, &markers.right].map(|marker| marker.as_ref().map(|marker| &marker.pair));
        both[0].filter(|_| both[0] == both[1]).cloned()
    });
    for (side, marker) in markers.iter() {
        let Some(marker) = marker else { continue };
        if expected.as_ref() != Some(&marker.pair) || marker.side != side {
            let message = format!("the {side} root belongs to another pair: its marker says {marker}");
            return wrong("foreign-root", Some(side), message);
        }
    }
    let missing = markers.iter().find(|(_, marker)| marker.is_none()).map(|(side, _)| side);
    match (pair, missing) {
        (Some(_), None) => Identity::Known,
        (None, _) => Identity::FirstMeeting { pair: expected },
        (Some(_), Some(_)) if !has_baseline => Identity::Unfinished,
        (Some(_), Some(side)) => wrong(
            "lost-marker",
            Some(side),
            format!(
                "the {side} root has lost its identity marker: it may be another folder or an empty mount point"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(pair: &str, side: Side) -> Option<Marker> {
        Some(Marker { pair: pair.to_owned(), side })
    }

    fn reason(identity: Identity) -> String {
        match identity {
            Identity::Wrong(halt) => halt.reason,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn every_mix_of_markers_and_state() {
        use Side::{Left, Right};
        let known = Sides { left: marker("a", Left), right: marker("a", Right) };
        let none = Sides { left: None, right: None };
        let half = Sides { left: marker("a", Left), right: None };
        let swapped = Sides { left: marker("a", Right), right: marker("a", Left) };
        let mixed = Sides { left: marker("a", Left), right: marker("b", Right) };

        assert_eq!(identify(&known, Some("a"), true), Identity::Known);
        assert_eq!(identify(&known, None, false), Identity::FirstMeeting { pair: Some("a".into()) });
        assert_eq!(identify(&none, None, false), Identity::FirstMeeting { pair: None });
        assert_eq!(identify(&none, Some("a"), false), Identity::Unfinished);
        assert_eq!(identify(&half, Some("a"), false), Identity::Unfinished);
        assert_eq!(reason(identify(&half, Some("a"), true)), "lost-marker");
        assert_eq!(reason(identify(&none, Some("a"), true)), "lost-marker");
        assert_eq!(reason(identify(&half, None, false)), "foreign-root");
        assert_eq!(reason(identify(&known, Some("c"), true)), "foreign-root");
        assert_eq!(reason(identify(&mixed, None, false)), "foreign-root");
        assert_eq!(reason(identify(&mixed, Some("a"), true)), "foreign-root");
        assert_eq!(reason(identify(&swapped, Some("a"), true)), "swapped-roots");
        assert_eq!(reason(identify(&swapped, None, false)), "swapped-roots");
    }
}
