//! Limits that depend on the time of the week.
//!
//! Owns [`Limits`] and the pure lookup in a [`Timetable`]: from a weekday and a minute to what holds then, and how
//! long it does. It knows no clock and no zone; a day is what the local clock shows, so that a day on which the clock
//! is set forward or back is shorter or longer like every clock on the wall. Start with [`Timetable::at`].

use sync_core::side::Sides;

const DAY: u32 = 24 * 60;
const WEEK: u32 = 7 * DAY;

/// How hard a session may work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Bytes per second that may go to each side; none for no limit.
    pub bandwidth: Sides<Option<u64>>,
    /// How many files are copied at the same time; none to choose from the machine.
    pub copies: Option<usize>,
}

/// Some hours of some days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Hours {
    /// The days on which they begin, Monday first.
    pub days: [bool; 7],
    /// The minute of the day at which they begin, from 0 to 1439.
    pub from: u16,
    /// The minute at which they are over, from 1 to 1440; not after `from`, it is one of the next day.
    pub to: u16,
    /// What holds then.
    pub limits: Limits,
}

impl Hours {
    /// How many minutes they last.
    fn minutes(&self) -> u32 {
        let (from, to) = (u32::from(self.from), u32::from(self.to));
        if to > from { to - from } else { to + DAY - from }
    }

    /// The minutes of the week at which they begin.
    fn starts(&self) -> impl Iterator<Item = u32> {
        let from = u32::from(self.from);
        (0..7).zip(self.days).filter(|(_, on)| *on).map(move |(day, _)| day * DAY + from)
    }

    fn hold_at(&self, minute: u32) -> bool {
        self.starts().any(|start| (minute + WEEK - start) % WEEK < self.minutes())
    }
}

/// What holds when.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Timetable {
    /// The first that fits holds.
    pub hours: Vec<Hours>,
    /// What holds when none fits.
    pub otherwise: Limits,
}

/// What a timetable says of one minute.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Standing {
    /// The hours that hold, by their place in the table; none outside of all of them.
    pub hours: Option<usize>,
    /// What holds.
    pub limits: Limits,
    /// For how many minutes from the beginning of this one; none for ever.
    pub minutes: Option<u32>,
}

impl Timetable {
    /// The same at every time.
    pub const fn always(limits: Limits) -> Self {
        Self { hours: Vec::new(), otherwise: limits }
    }

    /// What holds on a weekday, 0 for Monday, at a minute of it, and for how long.
    pub fn at(&self, weekday: u8, minute: u16) -> Standing {
        let now = (u32::from(weekday) * DAY + u32::from(minute)) % WEEK;
        let (hours, limits) = self.holding(now);
        let edges = self.hours.iter().flat_map(|hours| {
            hours.starts().flat_map(move |start| [start, (start + hours.minutes()) % WEEK])
        });
        let ahead = edges.map(|edge| (edge + WEEK - now) % WEEK).filter(|wait| *wait > 0);
        let minutes = ahead.filter(|wait| self.holding((now + wait) % WEEK).0 != hours).min();
        Standing { hours, limits, minutes }
    }

    fn holding(&self, minute: u32) -> (Option<usize>, Limits) {
        let found = self.hours.iter().position(|hours| hours.hold_at(minute));
        (found, found.map_or(self.otherwise, |index| self.hours[index].limits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_DAY: [bool; 7] = [true; 7];
    const WORKDAYS: [bool; 7] = [true, true, true, true, true, false, false];
    const FRIDAY: [bool; 7] = [false, false, false, false, true, false, false];
    const SUNDAY: [bool; 7] = [false, false, false, false, false, false, true];

    fn hours(days: [bool; 7], (from, to): ((u16, u16), (u16, u16)), copies: usize) -> Hours {
        let minute = |(hour, minute): (u16, u16)| hour * 60 + minute;
        let limits = Limits { copies: Some(copies), ..Limits::default() };
        Hours { days, from: minute(from), to: minute(to), limits }
    }

    #[test]
    fn each_minute_of_the_week_has_its_limits_and_knows_how_long() {
        let office = hours(WORKDAYS, ((8, 0), (18, 0)), 1);
        let night = hours(EVERY_DAY, ((22, 0), (6, 0)), 8);
        let lunch = hours(WORKDAYS, ((12, 0), (13, 0)), 4);
        let late_friday = hours(FRIDAY, ((22, 0), (2, 0)), 3);
        let sunday_night = hours(SUNDAY, ((23, 30), (1, 0)), 5);
        let all_day = hours(EVERY_DAY, ((0, 0), (24, 0)), 2);
        let hour = 60;
        #[rustfmt::skip]
        let table: &[(&str, &[Hours], (u8, u16, u16), Option<usize>, Option<u32>)] = &[
            // what, hours, (weekday, hour, minute), which holds, for how many minutes
            ("no hours",                    &[],                (2, 12, 0),  None,    None),
            ("before the office opens",     &[office],          (0, 7, 59),  None,    Some(1)),
            ("its first minute",            &[office],          (0, 8, 0),   Some(0), Some(10 * hour)),
            ("its last minute",             &[office],          (0, 17, 59), Some(0), Some(1)),
            ("when it has closed",          &[office],          (0, 18, 0),  None,    Some(14 * hour)),
            ("over the weekend",            &[office],          (4, 18, 0),  None,    Some((6 + 48 + 8) * hour)),
            ("a free day",                  &[office],          (5, 12, 0),  None,    Some((12 + 24 + 8) * hour)),
            ("before midnight",             &[night],           (3, 23, 0),  Some(0), Some(7 * hour)),
            ("after midnight",              &[night],           (4, 5, 59),  Some(0), Some(1)),
            ("the night is over",           &[night],           (4, 6, 0),   None,    Some(16 * hour)),
            ("the first that fits",         &[lunch, office],   (1, 12, 30), Some(0), Some(30)),
            ("and then the other",          &[lunch, office],   (1, 13, 0),  Some(1), Some(5 * hour)),
            ("what comes later is hidden",  &[office, lunch],   (1, 12, 30), Some(0), Some(5 * hour + 30)),
            ("a day owns its whole night",  &[late_friday],     (5, 1, 59),  Some(0), Some(1)),
            ("and no other night",          &[late_friday],     (4, 1, 0),   None,    Some(21 * hour)),
            ("over the end of the week",    &[sunday_night],    (6, 23, 45), Some(0), Some(hour + 15)),
            ("in the new week",             &[sunday_night],    (0, 0, 59),  Some(0), Some(1)),
            ("all the time",                &[all_day],         (3, 3, 3),   Some(0), None),
            ("one behind all the time",     &[all_day, night],  (3, 3, 3),   Some(0), None),
            ("one before all the time",     &[night, all_day],  (3, 7, 0),   Some(1), Some(15 * hour)),
        ];
        for (what, hours, (weekday, hour, minute), which, minutes) in table {
            let otherwise = Limits { copies: Some(99), ..Limits::default() };
            let timetable = Timetable { hours: hours.to_vec(), otherwise };
            let standing = timetable.at(*weekday, hour * 60 + minute);
            let limits = which.map_or(otherwise, |index| hours[index].limits);
            assert_eq!(standing, Standing { hours: *which, limits, minutes: *minutes }, "{what}");
        }
    }

    #[test]
    fn what_is_said_of_a_minute_holds_until_then_and_no_longer() {
        let hours = vec![
            hours(WORKDAYS, ((12, 0), (13, 30)), 4),
            hours(FRIDAY, ((22, 0), (2, 0)), 3),
            hours(WORKDAYS, ((8, 0), (18, 0)), 1),
            hours(EVERY_DAY, ((23, 0), (23, 1)), 7),
        ];
        let timetable = Timetable { hours, otherwise: Limits::default() };
        let at = |minute: u32| timetable.at((minute / DAY % 7) as u8, (minute % DAY) as u16);
        for minute in 0..WEEK {
            let standing = at(minute);
            let next = minute + standing.minutes.unwrap();
            assert_eq!(at(next - 1).hours, standing.hours, "minute {minute}");
            assert_ne!(at(next).hours, standing.hours, "minute {minute}");
        }
    }
}
