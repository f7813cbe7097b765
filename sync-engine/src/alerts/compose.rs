//! From what is told to letters.
//!
//! Owns which events share a letter, the numbers of letters, and the record of the day. Pure, but for what it is given.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sync_core::side::Sides;
use sync_notify::{Event, Letter, LetterKind, MAX_EVENTS, Summary};

use super::decide::Telling;
use crate::config::Granularity;
use crate::report::{SyncReport, time};

/// From whom a letter is, and when.
pub(crate) struct Sender<'a> {
    /// The pair's identity.
    pub(crate) pair: &'a str,
    pub(crate) roots: &'a Sides<String>,
    pub(crate) host: &'a str,
    pub(crate) now_ns: i64,
}

/// More events than this of one cycle share a letter, whatever the granularity: nobody reads a hundred mails.
const SINGLY: usize = 10;

impl Sender<'_> {
    /// The number of the `number`-th letter of this moment.
    fn id(&self, number: usize) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(b"letter\0").update(self.pair.as_bytes()).update(b"\0");
        hash.update(&self.now_ns.to_le_bytes()).update(&number.to_le_bytes());
        hash.finalize().to_hex()[..32].to_owned()
    }

    /// What is the same for all letters about one matter.
    fn thread(&self, key: &[u8]) -> String {
        let mut hash = blake3::Hasher::new();
        hash.update(b"thread\0").update(self.pair.as_bytes()).update(b"\0").update(key);
        hash.finalize().to_hex()[..32].to_owned()
    }

    pub(crate) fn event(&self, telling: &Telling) -> Event {
        Event {
            thread: self.thread(&telling.key),
            time: time(self.now_ns),
            since: (telling.since_ns < self.now_ns).then(|| time(telling.since_ns)),
            told_before: telling.told_before,
            follows: telling.follows.clone(),
            what: telling.what.clone(),
        }
    }

    pub(crate) fn letter(&self, number: usize, kind: LetterKind) -> Letter {
        Letter {
            format: Letter::FORMAT,
            id: self.id(number),
            kind,
            time_ns: self.now_ns,
            time: time(self.now_ns),
            host: self.host.to_owned(),
            left_root: self.roots.left.clone(),
            right_root: self.roots.right.clone(),
            events: Vec::new(),
            rest: 0,
            summary: None,
            dropped: 0,
        }
    }

    /// The letters of one cycle; `number` counts them. With each, the keys of what it tells, also of what it only
    /// counts.
    pub(crate) fn letters(
        &self,
        tell: &[&Telling],
        uncounted: u64,
        granularity: Granularity,
        summary: Option<&Summary>,
        number: &mut usize,
    ) -> Vec<(Letter, Vec<Vec<u8>>)> {
        let mut next = || {
            *number += 1;
            self.letter(*number, LetterKind::Events)
        };
        if tell.is_empty() {
            return Vec::new();
        }
        if granularity == Granularity::Event && tell.len() <= SINGLY && uncounted == 0 {
            let one = |telling: &&Telling| {
                (Letter { events: vec![self.event(telling)], ..next() }, vec![telling.key.clone()])
            };
            return tell.iter().map(one).collect();
        }
        let letter = Letter {
            events: tell.iter().take(MAX_EVENTS).map(|telling| self.event(telling)).collect(),
            rest: tell.len().saturating_sub(MAX_EVENTS) as u64 + uncounted,
            summary: summary.cloned(),
            ..next()
        };
        vec![(letter, tell.iter().map(|telling| telling.key.clone()).collect())]
    }
}

/// What was done in one run.
pub(crate) fn summary_of(report: &SyncReport) -> Summary {
    let mut conflicts = BTreeMap::new();
    for conflict in &report.conflicts {
        *conflicts.entry(conflict.rule.clone()).or_default() += 1;
    }
    Summary {
        from: report.started.clone(),
        to: report.finished.clone(),
        runs: 1,
        done: report.done.clone(),
        conflicts,
        problems: report.problems.len() as u64,
        bytes: report.bytes_copied,
        duration_ms: report.scan_ms + report.decide_ms + report.act_ms,
    }
}

/// What is gathered of a day (UTC) until it is over.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub(crate) struct Day {
    /// Such as `2026-11-20`.
    pub(crate) date: String,
    pub(crate) summary: Summary,
    pub(crate) events: Vec<Event>,
    pub(crate) rest: u64,
}

impl Day {
    /// The day of a moment, empty.
    pub(crate) fn of(now_ns: i64) -> Self {
        let now = time(now_ns);
        let date = now.split('T').next().unwrap_or_default().to_owned();
        let summary = Summary { from: format!("{date}T00:00:00Z"), to: now, ..Summary::default() };
        Self { date, summary, events: Vec::new(), rest: 0 }
    }

    /// Adds events that wait for the end of the day.
    pub(crate) fn gather(&mut self, events: impl Iterator<Item = Event>) {
        for event in events {
            if self.events.len() < MAX_EVENTS { self.events.push(event) } else { self.rest += 1 }
        }
    }

    /// Adds a run that did something, or met something new. Whether it changed anything here.
    pub(crate) fn add(&mut self, report: &SyncReport, news: bool) -> bool {
        let run = summary_of(report);
        let worse = run.problems > self.summary.problems;
        if report.done.is_empty() && !news && !worse {
            return false;
        }
        let sum = &mut self.summary;
        sum.runs += 1;
        sum.to = run.to;
        for (word, number) in run.done {
            *sum.done.entry(word).or_default() += number;
        }
        // A conflict that waits is met by every run and is one conflict.
        if news || !report.done.is_empty() {
            for (rule, number) in run.conflicts {
                let all = sum.conflicts.entry(rule).or_default();
                *all = if report.done.is_empty() { number.max(*all) } else { *all + number };
            }
        }
        sum.problems = sum.problems.max(run.problems);
        sum.bytes += run.bytes;
        sum.duration_ms += run.duration_ms;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync_notify::{Failure, What};

    const DAY: i64 = 24 * 60 * 60 * 1_000_000_000;

    fn telling(path: &str) -> Telling {
        let what = What::Failure(Failure {
            path: path.to_owned(),
            side: None,
            operation: "copy".to_owned(),
            kind: "io".to_owned(),
            error: String::new(),
            remedies: Vec::new(),
        });
        Telling { key: path.as_bytes().to_vec(), since_ns: 0, told_before: 0, follows: None, what }
    }

    fn letters(count: usize, granularity: Granularity) -> Vec<(usize, u64)> {
        let roots = Sides::from_fn(|side| side.name().to_owned());
        let sender = Sender { pair: "p", roots: &roots, host: "h", now_ns: 1 };
        let tell: Vec<_> = (0..count).map(|n| telling(&n.to_string())).collect();
        let tell: Vec<_> = tell.iter().collect();
        let mut number = 0;
        let letters = sender.letters(&tell, 0, granularity, None, &mut number);
        let ids: std::collections::BTreeSet<_> = letters.iter().map(|(letter, _)| &letter.id).collect();
        assert_eq!(ids.len(), letters.len(), "each has its own number");
        assert_eq!(letters.iter().map(|(_, keys)| keys.len()).sum::<usize>(), count, "each is told by one");
        letters.iter().map(|(letter, _)| (letter.events.len(), letter.rest)).collect()
    }

    #[test]
    fn how_many_letters_so_many_events_make() {
        use Granularity::{Event, Run};
        assert_eq!(letters(0, Run), []);
        assert_eq!(letters(3, Run), [(3, 0)]);
        assert_eq!(letters(130, Run), [(100, 30)]);
        assert_eq!(letters(3, Event), [(1, 0); 3]);
        assert_eq!(letters(10, Event), [(1, 0); 10]);
        assert_eq!(letters(11, Event), [(11, 0)], "nobody reads so many mails");
    }

    #[test]
    fn a_day_adds_up_and_idle_runs_leave_it_alone() {
        let mut day = Day::of(3 * DAY / 2);
        assert_eq!((day.date.as_str(), day.summary.from.as_str()), ("1970-01-02", "1970-01-02T00:00:00Z"));
        let mut report = SyncReport::begin(crate::clock::Began::at(0));
        report.act_ms = 5;
        assert!(!day.add(&report, false), "nothing was done and nothing met");
        report.done.insert("COPY_LEFT_TO_RIGHT".to_owned(), 2);
        report.bytes_copied = 10;
        assert!(day.add(&report, false) && day.add(&report, true));
        let sum = &day.summary;
        assert_eq!((sum.runs, sum.done["COPY_LEFT_TO_RIGHT"], sum.bytes, sum.duration_ms), (2, 4, 20, 10));
        let roots = Sides::from_fn(|side| side.name().to_owned());
        let sender = Sender { pair: "p", roots: &roots, host: "h", now_ns: 1 };
        day.gather((0..130).map(|n| sender.event(&telling(&n.to_string()))));
        assert_eq!((day.events.len(), day.rest), (100, 30));
        let kept = serde_json::to_vec(&day).unwrap();
        assert_eq!(serde_json::from_slice::<Day>(&kept).unwrap(), day);
    }
}
