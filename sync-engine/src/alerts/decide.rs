//! What is told now, and what is remembered of it.
//!
//! Owns [`decide`]: a pure function of what a cycle met, what was told before, and the time. It reads no clock and
//! touches nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sync_notify::{Recovery, What};
use sync_state::Told;

use crate::halt::MANY;

/// Something that a cycle met.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Matter {
    /// The same for as long as it is the same matter.
    pub(crate) key: Vec<u8>,
    /// What it is about now: another value is told anew.
    pub(crate) version: [u8; 16],
    /// When it is told.
    pub(crate) patience: Patience,
    /// What it is.
    pub(crate) what: What,
}

/// When a matter is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Patience {
    /// At once, and never again while it is the same.
    Once,
    /// At once, and again while it stands.
    Repeat,
    /// When it has stood for a time, because it often passes by itself; then again while it stands.
    After(Duration),
}

/// The kind of a matter, which its key begins with.
pub(crate) const CONFLICT: u8 = b'c';
/// A failure at a path.
pub(crate) const FAILURE: u8 = b'f';
/// A whole side or the state is away.
pub(crate) const ROOT: u8 = b'r';
/// A guard.
pub(crate) const HALT: u8 = b'h';

/// How much a cycle has seen, and so what it can say to be gone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Extent {
    /// Nothing: it could not even begin.
    Nothing,
    /// The two roots were there.
    Roots,
    /// Every path was looked at and everything was tried.
    Whole,
}

/// What the user chose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Terms {
    /// After how long something that still stands is told again; doubles each time.
    pub(crate) repeat_after: Duration,
    /// The longest that it grows to.
    pub(crate) repeat_at_most: Duration,
}

/// Something to tell.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Telling {
    pub(crate) key: Vec<u8>,
    pub(crate) since_ns: i64,
    pub(crate) told_before: u32,
    /// The letter that told of it last.
    pub(crate) follows: Option<String>,
    pub(crate) what: What,
}

/// What follows from a cycle.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Verdict {
    /// What is told, in the order in which it was met; what is over comes last.
    pub(crate) tell: Vec<Telling>,
    /// What changes in what is remembered.
    pub(crate) remember: BTreeMap<Vec<u8>, Option<Told>>,
}

/// More matters than this are not kept apart: beyond it they are neither told nor remembered, only counted.
pub(crate) const MOST: usize = 10_000;

/// Judges what a cycle met. The second value is how many matters there was no room for.
pub(crate) fn decide(
    met: &[Matter],
    before: &BTreeMap<Vec<u8>, Told>,
    extent: Extent,
    now_ns: i64,
    terms: &Terms,
) -> (Verdict, u64) {
    let mut verdict = Verdict::default();
    let mut seen = BTreeSet::new();
    let mut crowded = 0;
    let mut kept = before.len();
    for matter in met {
        if !seen.insert(matter.key.as_slice()) {
            continue;
        }
        let known = before.get(&matter.key);
        if known.is_none() {
            if kept >= MOST {
                crowded += 1;
                continue;
            }
            kept += 1;
        }
        one(matter, known, now_ns, terms, &mut verdict);
    }
    for (key, told) in before.iter().filter(|(key, _)| !seen.contains(key.as_slice())) {
        let kind = key.first().copied().unwrap_or_default();
        // How many files go is judged by the whole plan: a cycle near some paths says nothing of those elsewhere.
        let of_many = key.strip_prefix(&[HALT]).is_some_and(|reason| reason.starts_with(MANY.as_bytes()));
        let needed = if matches!(kind, ROOT | HALT) && !of_many { Extent::Roots } else { Extent::Whole };
        if extent < needed {
            continue;
        }
        verdict.remember.insert(key.clone(), None);
        // A conflict that is gone was settled by somebody, who knows.
        if told.told_ns.is_some() && kind != CONFLICT {
            verdict.tell.push(Telling {
                key: key.clone(),
                since_ns: told.first_seen_ns,
                told_before: told.times,
                follows: told.letter.clone(),
                what: What::Recovery(Recovery { of: told.what.clone() }),
            });
        }
    }
    (verdict, crowded)
}

fn one(matter: &Matter, known: Option<&Told>, now_ns: i64, terms: &Terms, verdict: &mut Verdict) {
    let same = known.filter(|told| told.version == matter.version);
    let fresh = Told {
        first_seen_ns: now_ns,
        told_ns: None,
        times: 0,
        version: matter.version,
        letter: known.and_then(|told| told.letter.clone()),
        what: matter.what.title(),
    };
    let told = same.cloned().unwrap_or(fresh);
    let is_due = match (told.told_ns, matter.patience) {
        (None, Patience::Once | Patience::Repeat) => true,
        (None, Patience::After(wait)) => since(told.first_seen_ns, now_ns) >= wait,
        (Some(_), Patience::Once) => false,
        (Some(at), Patience::Repeat | Patience::After(_)) => since(at, now_ns) >= pause(told.times, terms),
    };
    if is_due {
        verdict.tell.push(Telling {
            key: matter.key.clone(),
            since_ns: told.first_seen_ns,
            told_before: told.times,
            follows: told.letter.clone(),
            what: matter.what.clone(),
        });
        let now = Told { told_ns: Some(now_ns), times: told.times.saturating_add(1), ..told };
        verdict.remember.insert(matter.key.clone(), Some(now));
    } else if same.is_none() {
        verdict.remember.insert(matter.key.clone(), Some(told));
    } else if told.told_ns.is_some_and(|at| at > now_ns) || told.first_seen_ns > now_ns {
        // The clock was set back: without this it would be waited for until it is there again.
        let told_ns = told.told_ns.map(|at| at.min(now_ns));
        let first_seen_ns = told.first_seen_ns.min(now_ns);
        verdict.remember.insert(matter.key.clone(), Some(Told { told_ns, first_seen_ns, ..told }));
    }
}

fn since(then_ns: i64, now_ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(now_ns.saturating_sub(then_ns)).unwrap_or_default())
}

/// How long after the `times`-th telling the next one comes.
fn pause(times: u32, terms: &Terms) -> Duration {
    let factor = 1_u32.checked_shl(times.saturating_sub(1)).unwrap_or(u32::MAX);
    terms.repeat_after.saturating_mul(factor.max(1)).min(terms.repeat_at_most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_notify::{Conflict, Failure, Version};

    const MINUTE: i64 = 60_000_000_000;
    const HOUR: i64 = 60 * MINUTE;
    const TERMS: Terms =
        Terms { repeat_after: Duration::from_hours(4), repeat_at_most: Duration::from_hours(24 * 7) };

    fn failure(path: &str, patience: Patience) -> Matter {
        let what = What::Failure(Failure {
            path: path.to_owned(),
            side: Some("left".to_owned()),
            operation: "copy".to_owned(),
            kind: "no-space".to_owned(),
            error: "no space".to_owned(),
            remedies: Vec::new(),
        });
        Matter { key: format!("f{path}").into_bytes(), version: [0; 16], patience, what }
    }

    fn conflict(path: &str, version: u8) -> Matter {
        let side = || Version { kind: "file".to_owned(), size: u64::from(version), mtime: String::new() };
        let what = What::Conflict(Conflict {
            path: path.to_owned(),
            rule: "both-changed".to_owned(),
            requirement: None,
            policy: "notify".to_owned(),
            open: true,
            newer: "left".to_owned(),
            left: side(),
            right: side(),
            clash_path: None,
            remedies: Vec::new(),
        });
        Matter {
            key: format!("c{path}").into_bytes(),
            version: [version; 16],
            patience: Patience::Once,
            what,
        }
    }

    fn root() -> Matter {
        Matter { key: b"rleft".to_vec(), ..failure("", Patience::Repeat) }
    }

    /// A state that remembers what it is told to.
    #[derive(Default)]
    struct Memory(BTreeMap<Vec<u8>, Told>);

    impl Memory {
        /// The titles that are told in one cycle; `~` before one that is repeated.
        fn cycle(&mut self, met: &[Matter], extent: Extent, now_ns: i64) -> Vec<String> {
            let (verdict, _) = decide(met, &self.0, extent, now_ns, &TERMS);
            for (key, told) in verdict.remember {
                match told {
                    Some(told) => drop(self.0.insert(key, told)),
                    None => drop(self.0.remove(&key)),
                }
            }
            let mark = |one: &Telling| match one.what {
                What::Recovery(_) => "",
                _ if one.told_before > 0 => "~",
                _ => "",
            };
            verdict.tell.iter().map(|one| format!("{}{}", mark(one), one.what.title())).collect()
        }
    }

    #[test]
    fn an_unchanged_conflict_is_told_once_and_a_changed_one_anew() {
        let mut memory = Memory::default();
        let told = ["Conflict: a"];
        assert_eq!(memory.cycle(&[conflict("a", 1)], Extent::Whole, 0), told);
        for hour in 1..2000 {
            assert!(memory.cycle(&[conflict("a", 1)], Extent::Whole, hour * HOUR).is_empty());
        }
        assert_eq!(memory.cycle(&[conflict("a", 2)], Extent::Whole, 2001 * HOUR), told);
        assert!(memory.cycle(&[], Extent::Whole, 2002 * HOUR).is_empty(), "who settled it knows");
        assert_eq!(memory.cycle(&[conflict("a", 2)], Extent::Whole, 2003 * HOUR), told);
    }

    #[test]
    fn a_standing_failure_is_repeated_at_growing_intervals_up_to_the_longest() {
        let mut memory = Memory::default();
        let met = [failure("a", Patience::Repeat)];
        let told: Vec<i64> =
            (0..1200).filter(|hour| !memory.cycle(&met, Extent::Whole, hour * HOUR).is_empty()).collect();
        assert_eq!(told, [0, 4, 12, 28, 60, 124, 252, 420, 588, 756, 924, 1092]);
        assert_eq!(memory.cycle(&[], Extent::Whole, 1300 * HOUR), ["In order again: Failed copy: a"]);
        assert!(memory.0.is_empty());
        assert_eq!(memory.cycle(&met, Extent::Whole, 1301 * HOUR), ["Failed copy: a"]);
    }

    #[test]
    fn what_passes_by_itself_is_not_told_and_neither_is_its_end() {
        let mut memory = Memory::default();
        let met = [failure("a", Patience::After(Duration::from_mins(15)))];
        assert!(memory.cycle(&met, Extent::Whole, 0).is_empty());
        assert!(memory.cycle(&met, Extent::Whole, 14 * MINUTE).is_empty());
        assert!(memory.cycle(&[], Extent::Whole, 15 * MINUTE).is_empty());
        assert!(memory.cycle(&met, Extent::Whole, 16 * MINUTE).is_empty(), "it begins anew");
        assert_eq!(memory.cycle(&met, Extent::Whole, 31 * MINUTE), ["Failed copy: a"]);
        assert_eq!(memory.cycle(&[], Extent::Whole, 32 * MINUTE), ["In order again: Failed copy: a"]);
    }

    #[test]
    fn only_what_was_looked_at_can_be_over() {
        let mut memory = Memory::default();
        let all = [failure("a", Patience::Repeat), root()];
        assert_eq!(memory.cycle(&all, Extent::Nothing, 0).len(), 2);
        assert!(memory.cycle(&[], Extent::Nothing, HOUR).is_empty());
        assert_eq!(memory.cycle(&[], Extent::Roots, HOUR), ["In order again: Failed copy: the left root"]);
        assert_eq!(memory.cycle(&[], Extent::Whole, HOUR), ["In order again: Failed copy: a"]);
    }

    #[test]
    fn a_letter_is_followed_by_those_about_the_same() {
        let mut memory = Memory::default();
        memory.cycle(&[conflict("a", 1), failure("b", Patience::Repeat)], Extent::Whole, 0);
        for told in memory.0.values_mut() {
            told.letter = Some("first".to_owned());
        }
        let (verdict, _) = decide(&[conflict("a", 2)], &memory.0, Extent::Whole, HOUR, &TERMS);
        assert_eq!(verdict.tell.len(), 2);
        assert!(verdict.tell.iter().all(|one| one.follows.as_deref() == Some("first")));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_silence_anything() {
        let mut memory = Memory::default();
        let met = [failure("a", Patience::Repeat)];
        assert_eq!(memory.cycle(&met, Extent::Whole, 9000 * HOUR).len(), 1);
        assert!(memory.cycle(&met, Extent::Whole, 0).is_empty());
        assert_eq!(memory.cycle(&met, Extent::Whole, 4 * HOUR), ["~Failed copy: a"]);
    }

    #[test]
    fn a_flood_is_bounded_and_nothing_in_it_is_told_twice() {
        let mut memory = Memory::default();
        let many: Vec<_> = (0..MOST + 50).map(|n| failure(&n.to_string(), Patience::Repeat)).collect();
        let (verdict, crowded) = decide(&many, &memory.0, Extent::Whole, 0, &TERMS);
        assert_eq!((verdict.tell.len(), crowded), (MOST, 50));
        memory.cycle(&many, Extent::Whole, 0);
        assert!(memory.cycle(&many, Extent::Whole, HOUR).is_empty());
        assert_eq!(memory.cycle(&[], Extent::Whole, 2 * HOUR).len(), MOST);
    }
}
