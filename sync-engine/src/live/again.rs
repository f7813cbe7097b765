//! When what failed is tried again.
//!
//! Owns [`Again`]: each path with a problem that stands is looked at again at pauses that grow, and how fast depends
//! on what failed: a file in use is soon free, a permission waits for a person. Everything else goes on meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use sync_core::path::RelPath;
use sync_state::StandingProblem;

/// The first pause for a kind of problem, and the longest, in seconds.
const fn pauses(kind: &str) -> (u64, u64) {
    match kind.as_bytes() {
        // Passes by itself.
        b"stale" | b"in-use" | b"changing" | b"not-found" | b"exists" | b"not-empty" => (1, 30),
        b"no-space" => (10, 300),
        // Waits for somebody.
        b"permission-denied" | b"unreadable" | b"unreadable-directory" => (15, 600),
        b"unsupported" | b"special-file" | b"name-not-held" | b"kind-not-held" | b"name-collision"
        | b"name-too-long" | b"other-file-system" | b"content-hidden" => (60, 3600),
        _ => (2, 120),
    }
}

/// The paths that are tried again.
#[derive(Debug, Default)]
pub(super) struct Again {
    pauses: BTreeMap<RelPath, (Instant, Duration)>,
    /// What has to be looked at together with a path: a problem may stand at one end of a rename, or beside a conflict.
    ties: BTreeMap<RelPath, BTreeSet<RelPath>>,
    /// All pauses are so many times shorter; 0 for 1.
    hurry: u32,
}

impl Again {
    pub(super) fn hurried(hurry: u32) -> Self {
        Self { hurry, ..Self::default() }
    }

    /// What failed at a path concerns others as well.
    pub(super) fn tie(&mut self, ties: &[(RelPath, BTreeSet<RelPath>)]) {
        for (path, others) in ties {
            self.ties.entry(path.clone()).or_default().extend(others.iter().cloned());
        }
    }

    /// These problems stand after a cycle that looked everywhere, or at what `looked` says.
    pub(super) fn stand(
        &mut self,
        standing: &[StandingProblem],
        looked: impl Fn(&RelPath) -> bool,
        now: Instant,
    ) {
        let before = std::mem::take(&mut self.pauses);
        for problem in standing {
            let (first, longest) = pauses(&problem.id.kind);
            let hurried = |seconds| Duration::from_secs(seconds) / self.hurry.max(1);
            let (first, longest) = (hurried(first), hurried(longest));
            let path = &problem.id.path;
            let next = match before.get(path) {
                Some((at, pause)) if *at > now || !looked(path) => (*at, *pause),
                Some((_, pause)) => {
                    let pause = (*pause * 2).clamp(first, longest);
                    (now + pause, pause)
                }
                None => (now + first, first),
            };
            // With two problems at one path the sooner one counts.
            let entry = self.pauses.entry(path.clone()).or_insert(next);
            *entry = (*entry).min(next);
        }
        self.ties.retain(|path, _| self.pauses.contains_key(path));
    }

    /// When the next one is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.pauses.values().map(|(at, _)| *at).min()
    }

    /// The paths that are due.
    pub(super) fn take(&self, now: Instant) -> impl Iterator<Item = &RelPath> {
        let due = self.pauses.iter().filter(move |(_, (at, _))| *at <= now);
        due.flat_map(|(path, _)| [path].into_iter().chain(self.ties.get(path).into_iter().flatten()))
    }
}

#[cfg(test)]
mod tests {
    use sync_core::side::Side;
    use sync_state::ProblemId;

    use super::*;

    fn problem(path: &str, kind: &str) -> StandingProblem {
        StandingProblem {
            id: ProblemId {
                path: RelPath::try_from(path).unwrap(),
                side: Side::Left,
                operation: "copy".into(),
                kind: kind.into(),
            },
            error: String::new(),
            first_seen_ns: 0,
            last_seen_ns: 0,
            times: 1,
        }
    }

    #[test]
    fn pauses_grow_by_kind_until_the_problem_is_gone() {
        let start = Instant::now();
        let mut again = Again::default();
        let both = [problem("a", "in-use"), problem("b", "permission-denied")];
        again.stand(&both, |_| true, start);
        let mut now = start;
        let mut tries: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        while now < start + Duration::from_secs(200) {
            now = again.due().unwrap();
            for path in again.take(now) {
                tries.entry(path.display()).or_default().push((now - start).as_secs());
            }
            again.stand(&both, |_| true, now);
        }
        assert_eq!(tries["a"], [1, 3, 7, 15, 31, 61, 91, 121, 151, 181, 211]);
        assert_eq!(tries["b"], [15, 45, 105]);
        again.stand(&both[1..], |_| true, now);
        assert!(!again.pauses.contains_key(&both[0].id.path));
    }

    #[test]
    fn what_failed_is_looked_at_from_end_to_end() {
        let now = Instant::now();
        let path = |text: &str| RelPath::try_from(text).unwrap();
        let mut again = Again::default();
        again.tie(&[(path("old"), BTreeSet::from([path("new")])), (path("b"), BTreeSet::from([path("c")]))]);
        again.stand(&[problem("old", "in-use")], |_| true, now);
        let names = |again: &Again| {
            again.take(now + Duration::from_secs(1)).map(RelPath::display).collect::<Vec<_>>()
        };
        assert_eq!(names(&again), ["old", "new"]);
        again.stand(&[], |_| true, now);
        assert!(names(&again).is_empty() && again.ties.is_empty());
    }

    #[test]
    fn a_cycle_elsewhere_does_not_lengthen_a_pause() {
        let now = Instant::now();
        let mut again = Again::default();
        again.stand(&[problem("a", "no-space")], |_| true, now);
        let due = again.due().unwrap();
        again.stand(&[problem("a", "no-space")], |_| false, due);
        assert_eq!(again.due(), Some(due));
        assert_eq!(again.take(due).count(), 1);
    }
}
