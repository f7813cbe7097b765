//! The order of visits, simulated: a clock that is told, and directories that are numbers.

use std::collections::BTreeMap;

use super::order::{ACTIVE_FOR_MS, Next, Order, Pace};

const SECOND: u64 = 1000;
const PACE: Pace = Pace { per_second: 50, interval_ms: 10 * SECOND };

/// A mount whose every directory takes so long to read, and who visited what when.
struct World {
    order: Order,
    now: u64,
    read_us: u64,
    visits: BTreeMap<u32, Vec<u64>>,
    reads: u64,
}

impl World {
    fn new(pace: Pace, directories: u32, read_us: u64) -> Self {
        let mut order = Order::new(pace, 0);
        for _ in 0..directories {
            order.add(None, 0);
        }
        Self { order, now: 0, read_us, visits: BTreeMap::new(), reads: 0 }
    }

    /// Goes on until that moment. `after` is told of each visit.
    fn run(&mut self, until: u64, mut after: impl FnMut(&mut Order, u32, u64)) {
        while self.now < until {
            match self.order.next(self.now) {
                Next::Wait(at) => {
                    assert!(at > self.now, "time goes on");
                    self.now = at.min(until);
                }
                Next::Read(id) => {
                    let began = self.now;
                    self.now += self.read_us / 1000;
                    self.reads += 1;
                    self.visits.entry(id).or_default().push(began);
                    self.order.visited(id, began, self.read_us);
                    after(&mut self.order, id, began);
                }
            }
        }
    }

    /// The longest time between two visits of one directory, or without a first or a further one.
    fn longest_gap(&self, id: u32) -> u64 {
        let visits = self.visits.get(&id).map(Vec::as_slice).unwrap_or_default();
        let ends = [0].into_iter().chain(visits.iter().copied()).chain([self.now]);
        let starts = ends.clone();
        starts.zip(ends.skip(1)).map(|(from, to)| to - from).max().unwrap_or(self.now)
    }
}

#[test]
fn a_small_tree_is_visited_once_in_every_interval() {
    let mut world = World::new(PACE, 10, 1000);
    world.run(100 * SECOND, |_, _, _| {});
    for id in 0..10 {
        assert!((10..=11).contains(&world.visits[&id].len()), "{id}: {:?}", world.visits[&id]);
        assert!(world.longest_gap(id) <= 10 * SECOND + 300, "{id}: {:?}", world.visits[&id]);
    }
    assert_eq!(world.order.standing().round_ms, 10 * SECOND);
}

#[test]
fn nine_thousand_directories_at_fifty_a_second_are_all_seen_within_the_stated_time() {
    let mut world = World::new(PACE, 9000, 1000);
    let stated = world.order.standing().round_ms;
    assert_eq!(stated, 180 * SECOND);
    world.run(3600 * SECOND, |_, _, _| {});
    for id in 0..9000 {
        assert!(world.longest_gap(id) <= stated + SECOND, "{id}: {:?}", world.visits.get(&id));
    }
    let standing = world.order.standing();
    assert_eq!(standing.directories, 9000);
    assert!(standing.last_round_ms.unwrap().abs_diff(stated) < SECOND, "{standing:?}");
    assert!(standing.last_end.unwrap() > 3600 * SECOND - stated - SECOND);
    assert!(world.reads <= 50 * 3600 + 5, "{} reads", world.reads);
}

#[test]
fn active_directories_are_seen_in_every_interval_and_the_round_goes_on() {
    let mut world = World::new(PACE, 9000, 1000);
    world.run(SECOND, |_, _, _| {});
    // More than half of the reads suffice for: the latest count.
    for id in 0..400 {
        world.order.changed(id * 20, SECOND + u64::from(id));
    }
    assert_eq!(world.order.standing().active, 250);
    let stated = world.order.standing().round_ms;
    assert_eq!(stated, 8750 * SECOND / 25);
    world.visits.clear();
    let begun = world.now;
    world.run(begun + 1200 * SECOND, |_, _, _| {});
    let gap = |world: &World, id: u32| {
        let visits = &world.visits[&id];
        visits.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(u64::MAX).max(visits[0] - begun)
    };
    for id in 150..400 {
        let gap = gap(&world, id * 20);
        assert!(gap <= 10 * SECOND + 500, "active {id}: {gap}");
    }
    for id in (0..9000).filter(|id| id % 20 != 0) {
        let gap = gap(&world, id);
        assert!(gap <= stated + 10 * SECOND, "{id}: {gap}, stated {stated}");
    }
}

#[test]
fn what_rested_for_an_hour_is_active_no_longer() {
    let mut world = World::new(PACE, 2000, 1000);
    world.order.changed(7, 0);
    world.run(ACTIVE_FOR_MS - SECOND, |_, _, _| {});
    assert_eq!(world.order.standing().active, 1);
    let visits = world.visits[&7].len();
    assert!(visits > 340, "{visits} visits in an hour");
    world.run(2 * ACTIVE_FOR_MS, |_, _, _| {});
    assert_eq!(world.order.standing().active, 0);
    let visits = world.visits[&7].len() - visits;
    assert!((80..=95).contains(&visits), "{visits} visits in the next hour, with a round of 40 s");
}

#[test]
fn a_slow_mount_states_the_time_it_really_takes() {
    let mut world = World::new(PACE, 900, 200_000);
    assert_eq!(world.order.standing().round_ms, 18 * SECOND, "nothing is measured yet");
    world.run(1000 * SECOND, |_, _, _| {});
    let standing = world.order.standing();
    assert!(standing.round_ms.abs_diff(180 * SECOND) < 2 * SECOND, "{standing:?}");
    assert!(standing.last_round_ms.unwrap().abs_diff(180 * SECOND) < 2 * SECOND, "{standing:?}");
    assert_eq!(standing.per_kilosecond, 5000);
    for id in 0..900 {
        assert!(world.longest_gap(id) <= standing.round_ms + SECOND);
    }
}

#[test]
fn directories_come_and_go() {
    let seed: u64 = 0x9e37_79b9;
    println!("seed {seed:#x}");
    let mut chance = seed;
    let mut draw = |below: u64| {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        chance % below
    };
    let mut world = World::new(Pace { per_second: 20, interval_ms: 5 * SECOND }, 0, 2000);
    let mut alive: BTreeMap<u32, u64> = BTreeMap::new();
    for _ in 0..4000 {
        let now = world.now;
        match draw(3) {
            0 | 1 if alive.len() < 600 => {
                let changed = (draw(4) == 0).then_some(now);
                let id = world.order.add(changed, now);
                assert!(alive.insert(id, now).is_none(), "no number is given twice");
            }
            1 => {
                if let Some(id) = alive.keys().nth(draw(alive.len() as u64) as usize) {
                    world.order.changed(*id, now);
                }
            }
            _ => {
                let gone = draw(alive.len().max(1) as u64) as usize;
                if let Some(id) = alive.keys().nth(gone).copied() {
                    alive.remove(&id);
                    world.order.remove(id);
                }
            }
        }
        let before = world.reads;
        let until = world.now + draw(500);
        // At twenty a second, half of them for the active ones, six hundred take a minute.
        let known = &mut alive;
        world.run(until, |_, id, began| {
            let seen = known.insert(id, began).expect("only what is there is read");
            assert!(began - seen <= 70 * SECOND, "{id} waited for {} ms", began - seen);
        });
        assert!(world.reads - before <= (until - now) * 20 / 1000 + 3, "the budget holds");
        assert_eq!(world.order.standing().directories as usize, alive.len());
    }
    assert!(world.reads > 10_000, "{} reads", world.reads);
}
