//! Which directory is read next, and when.
//!
//! Owns [`Order`]: numbered directories, when each was visited and when something last changed in it. Knows no clock
//! and no disk: it is told what time it is and how long a visit took, in milliseconds since a beginning of its own.
//!
//! Three promises, which the tests hold it to:
//!
//! - no more directories are read than the budget allows;
//! - of the directories in which something changed lately, the latest are visited in every interval: as many of them
//!   as half of the reads suffice for, so that the round always goes on;
//! - all others are visited one after the other, and each again after one round.

use std::collections::{BTreeSet, VecDeque};

/// How long a directory counts as active after something changed in it.
pub(super) const ACTIVE_FOR_MS: u64 = 60 * 60 * 1000;
/// What one read costs of the credit, which grows by the budget every second.
const READ: u64 = 1000;
/// The longest time for which reads are saved up, so that the system wakes up less often.
const SAVED_MS: u64 = 100;

/// How fast, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Directory reads per second, at least 1.
    pub(super) per_second: u32,
    /// How often an active directory is visited, and the shortest time of a round.
    pub(super) interval_ms: u64,
}

/// What to do now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// Read this directory.
    Read(u32),
    /// Nothing, until then.
    Wait(u64),
}

/// How it stands with the round.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Standing {
    pub(super) directories: u32,
    pub(super) active: u32,
    /// Reads per 1000 s: what the budget allows, or less where reading takes longer.
    pub(super) per_kilosecond: u64,
    /// How long it takes, as things are, until each directory has been visited once more.
    pub(super) round_ms: u64,
    /// How long the last round took that came to its end, and when that was.
    pub(super) last_round_ms: Option<u64>,
    pub(super) last_end: Option<u64>,
}

#[derive(Debug)]
struct Turn {
    /// When it was last visited; none when it never was.
    visited: Option<u64>,
    /// The round in which it had its turn.
    round: u64,
    /// When something last changed in it, while it is active.
    changed: Option<u64>,
}

impl Turn {
    fn due(&self, interval_ms: u64) -> u64 {
        self.visited.map_or(0, |visited| visited + interval_ms)
    }
}

#[derive(Debug)]
pub(super) struct Order {
    pace: Pace,
    turns: Vec<Option<Turn>>,
    free: Vec<u32>,
    alive: u32,
    /// Every directory once, the one whose turn is next in front; those that left stay until it is theirs.
    ring: VecDeque<u32>,
    /// The active ones by when they changed, and by when they are due.
    recent: BTreeSet<(u64, u32)>,
    due: BTreeSet<(u64, u32)>,
    credit: u64,
    credited: u64,
    /// The last read was one of an active directory: the round has the next.
    round_is_owed: bool,
    round: u64,
    round_began: u64,
    /// The last round that is known to have come to its end.
    ended: u64,
    /// What a read takes, in microseconds, as it was lately; 0 while nothing was read.
    read_us: u64,
    last_round_ms: Option<u64>,
    last_end: Option<u64>,
}

impl Order {
    pub(super) fn new(pace: Pace, now: u64) -> Self {
        Self {
            pace: Pace { per_second: pace.per_second.max(1), interval_ms: pace.interval_ms.max(1) },
            turns: Vec::new(),
            free: Vec::new(),
            alive: 0,
            ring: VecDeque::new(),
            recent: BTreeSet::new(),
            due: BTreeSet::new(),
            credit: 0,
            credited: now,
            round_is_owed: false,
            round: 1,
            round_began: now,
            ended: 0,
            read_us: 0,
            last_round_ms: None,
            last_end: None,
        }
    }

    /// A directory joins. Its turn comes at the end of the round, or at once when something `changed` in it lately.
    pub(super) fn add(&mut self, changed: Option<u64>, now: u64) -> u32 {
        let turn = Turn { visited: None, round: 0, changed: None };
        let id = match self.free.pop() {
            Some(id) => {
                self.turns[id as usize] = Some(turn);
                id
            }
            None => {
                self.turns.push(Some(turn));
                (self.turns.len() - 1) as u32
            }
        };
        self.alive += 1;
        self.ring.push_back(id);
        if let Some(changed) = changed.filter(|changed| changed + ACTIVE_FOR_MS > now) {
            self.activate(id, changed);
        }
        id
    }

    /// A directory leaves.
    pub(super) fn remove(&mut self, id: u32) {
        self.rest(id);
        if self.turns.get_mut(id as usize).and_then(Option::take).is_some() {
            self.alive -= 1;
        }
    }

    /// Something changed in a directory.
    pub(super) fn changed(&mut self, id: u32, now: u64) {
        self.rest(id);
        self.activate(id, now);
    }

    /// A directory was visited: from when to when.
    pub(super) fn visited(&mut self, id: u32, began: u64, took_us: u64) {
        // The mean of the last sixteen reads or so. It begins with nothing, so that one slow start is not the measure.
        self.read_us = (self.read_us * 15 + took_us).div_ceil(16);
        let interval_ms = self.pace.interval_ms;
        let Some(turn) = self.turns.get_mut(id as usize).and_then(Option::as_mut) else { return };
        let was_due = turn.due(interval_ms);
        turn.visited = Some(began);
        if turn.changed.is_some() {
            self.due.remove(&(was_due, id));
            self.due.insert((began + interval_ms, id));
        }
    }

    /// What to do now. Whoever is told to read a directory says afterwards that it was [`Self::visited`].
    pub(super) fn next(&mut self, now: u64) -> Next {
        self.expire(now);
        let saved = (u64::from(self.pace.per_second) * SAVED_MS).max(READ);
        let since = now.saturating_sub(self.credited);
        self.credit = self.credit.saturating_add(since * u64::from(self.pace.per_second)).min(saved);
        self.credited = now;
        let active = self.due.first().filter(|(due, _)| *due <= now).map(|(_, id)| *id);
        let (in_turn, turn_at) = match self.in_turn(now) {
            Ok(id) => (Some(id), now),
            Err(at) => (None, at),
        };
        if active.is_none() && in_turn.is_none() {
            let first_active = self.due.first().map_or(u64::MAX, |(due, _)| *due);
            return Next::Wait(turn_at.min(first_active).max(now + 1));
        }
        if self.credit < READ {
            return Next::Wait(now + (saved - self.credit).div_ceil(u64::from(self.pace.per_second)).max(1));
        }
        self.credit -= READ;
        let id = match (active, in_turn) {
            (Some(active), Some(_)) if !self.round_is_owed => active,
            (Some(active), None) => active,
            (_, Some(_)) => {
                self.round_is_owed = false;
                return self.take_turn().map_or(Next::Wait(now + 1), Next::Read);
            }
            (None, None) => return Next::Wait(now + 1),
        };
        self.round_is_owed = in_turn.is_some();
        Next::Read(id)
    }

    /// How it stands.
    pub(super) fn standing(&self) -> Standing {
        let rate = self.rate();
        let active = self.due.len() as u64;
        // What the active ones take of the rate, and what that leaves.
        let taken = (active * 1_000_000 / self.pace.interval_ms).min(rate / 2);
        let others = u64::from(self.alive).saturating_sub(active);
        let round_ms = (others * 1_000_000).div_ceil((rate - taken).max(1)).max(self.pace.interval_ms);
        Standing {
            directories: self.alive,
            active: self.due.len() as u32,
            per_kilosecond: rate,
            round_ms,
            last_round_ms: self.last_round_ms,
            last_end: self.last_end,
        }
    }

    /// Reads per 1000 s.
    fn rate(&self) -> u64 {
        let allowed = u64::from(self.pace.per_second) * 1000;
        match self.read_us {
            0 => allowed,
            took => allowed.min(1_000_000_000 / took).max(1),
        }
    }

    /// The directory whose turn in the round it is; else when the next one is.
    fn in_turn(&mut self, now: u64) -> Result<u32, u64> {
        loop {
            let Some(front) = self.ring.front().copied() else { return Err(u64::MAX) };
            let Some(turn) = self.turns.get_mut(front as usize).and_then(Option::as_mut) else {
                self.ring.pop_front();
                self.free.push(front);
                continue;
            };
            if turn.round == self.round {
                if self.ended < self.round {
                    self.ended = self.round;
                    self.last_round_ms = Some(now.saturating_sub(self.round_began));
                    self.last_end = Some(now);
                }
                // Everybody had a turn. The next round begins no sooner than an interval after this one.
                let next = self.round_began + self.pace.interval_ms;
                if now < next {
                    return Err(next);
                }
                self.round += 1;
                self.round_began = now;
                continue;
            }
            if turn.changed.is_some() && turn.due(self.pace.interval_ms) > now {
                // It was visited a moment ago, as an active one.
                self.take_turn();
                continue;
            }
            return Ok(front);
        }
    }

    /// The front of the ring has its turn and goes to the end.
    fn take_turn(&mut self) -> Option<u32> {
        let id = self.ring.pop_front()?;
        self.ring.push_back(id);
        self.turns.get_mut(id as usize)?.as_mut()?.round = self.round;
        Some(id)
    }

    fn activate(&mut self, id: u32, changed: u64) {
        let interval_ms = self.pace.interval_ms;
        let Some(turn) = self.turns.get_mut(id as usize).and_then(Option::as_mut) else { return };
        turn.changed = Some(changed);
        self.recent.insert((changed, id));
        self.due.insert((turn.due(interval_ms), id));
        self.crowd_out();
    }

    /// A directory is active no longer.
    fn rest(&mut self, id: u32) {
        let interval_ms = self.pace.interval_ms;
        let Some(turn) = self.turns.get_mut(id as usize).and_then(Option::as_mut) else { return };
        if let Some(changed) = turn.changed.take() {
            self.recent.remove(&(changed, id));
            self.due.remove(&(turn.due(interval_ms), id));
        }
    }

    /// Keeps no more active ones than half of the reads of an interval suffice for.
    fn crowd_out(&mut self) {
        let most = (self.rate() * self.pace.interval_ms / 2_000_000).max(1);
        while self.recent.len() as u64 > most {
            let Some((_, id)) = self.recent.first().copied() else { return };
            self.rest(id);
        }
    }

    fn expire(&mut self, now: u64) {
        while let Some((changed, id)) = self.recent.first().copied() {
            if changed + ACTIVE_FOR_MS > now {
                break;
            }
            self.rest(id);
        }
        self.crowd_out();
    }
}
