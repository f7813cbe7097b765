//! Alerts: what a person is told of a cycle.
//!
//! Owns the turn after each cycle: from its report to matters (`events`), to what is news (`decide`), to letters
//! (`compose`) that wait in the state until they are delivered beside the work (`courier`). Must never change what a
//! cycle did or make it fail: whatever goes wrong here is logged, and the cycle's result stands.
//!
//! Start with [`Session::alert`].

mod channels;
mod compose;
mod courier;
mod decide;
mod events;
mod misread;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::side::Sides;
use sync_notify::{Channel, Delivered, DeliveryError, Letter, LetterKind, plain};
use sync_state::{AlertChanges, NewMessage, Room, State, StateError, Told, Waiting};

use self::channels::Way;
use self::compose::{Day, Sender};
use self::courier::{Courier, Next, Tried};
use self::decide::{Extent, Matter, Terms, Verdict};
pub(crate) use self::misread::Misread;
use crate::clock::now_ns;
use crate::config::{Config, Granularity};
use crate::error::SessionError;
use crate::report::{SyncReport, time};
use crate::session::{Session, SessionOptions, state_dir};

/// What may wait for delivery.
const ROOM: Room = Room { messages: 1000, bytes: 16 << 20 };
/// Under which notes the state keeps the day, and how many letters were lost since the last one was written.
const DAY: &str = "alerts.day";
const LOST: &str = "alerts.lost";

/// What waits for delivery, and what stands in its way.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct AlertsReport {
    /// How many messages wait.
    pub queued: u64,
    /// How many bytes they take.
    pub bytes: u64,
    /// Since when the oldest of them waits.
    pub oldest: Option<String>,
    /// Why the last try failed, of those that wait.
    pub error: Option<String>,
    /// How often the message that waits longest was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_try: Option<String>,
    /// How many messages were lost, because they could not be delivered for too long.
    pub lost: u64,
}

/// What came of a test message on one way.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TestDelivery {
    /// `mail`, `webhook` or `command`.
    pub channel: String,
    /// Where it leads.
    pub place: String,
    /// Whether it was taken.
    pub delivered: bool,
    /// What the other end said, or what is wrong and what to do.
    pub message: String,
    /// Recipients that were refused although others were not, with the reason.
    pub refused: Vec<String>,
}

/// The alerts of a session.
pub(crate) struct Alerts {
    terms: Terms,
    /// Whether a summary of each day goes to every way.
    daily: bool,
    config: Option<PathBuf>,
    ways: Vec<(Granularity, &'static str)>,
    couriers: Mutex<Vec<Courier>>,
}

impl Alerts {
    /// The alerts of a configuration; none where nobody is to be told.
    pub(crate) fn of(config: &Config) -> Option<Self> {
        let ways = channels::of(config);
        if ways.is_empty() {
            return None;
        }
        let terms =
            Terms { repeat_after: config.alert.repeat_after, repeat_at_most: config.alert.repeat_at_most };
        Some(Self::through(ways, terms, config.alert.daily_summary, config.file.clone()))
    }

    fn through(ways: Vec<Way>, terms: Terms, daily: bool, config: Option<PathBuf>) -> Self {
        let names = ways.iter().map(|way| (way.granularity, way.channel.name())).collect();
        let couriers = ways.into_iter().map(|way| Courier::start(way.channel)).collect();
        Self { terms, daily, config, ways: names, couriers: Mutex::new(couriers) }
    }

    fn couriers(&self) -> MutexGuard<'_, Vec<Courier>> {
        self.couriers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One turn: what was met becomes letters that wait.
    fn turn(
        &self,
        state: &State,
        roots: &Sides<String>,
        met: &[Matter],
        extent: Extent,
        report: Option<&SyncReport>,
        now: i64,
    ) -> Result<(), StateError> {
        let before: BTreeMap<Vec<u8>, Told> = state.told()?.into_iter().collect();
        let (mut verdict, crowded) = decide::decide(met, &before, extent, now, &self.terms);
        let pair = state.pair()?.map(|pair| pair.id).unwrap_or_default();
        let host = host();
        let sender = Sender { pair: &pair, roots, host: &host, now_ns: now };
        let noted = noted_day(state)?;
        let mut day = noted.clone();
        let mut push: Vec<(&'static str, Letter)> = Vec::new();
        let mut number = 0;
        let today = Day::of(now);
        let gathers =
            self.daily || self.ways.iter().any(|(granularity, _)| *granularity == Granularity::Daily);
        if let Some(over) = day.take_if(|day| day.date != today.date) {
            push.extend(self.of_day(&sender, &over, &mut number));
        }
        self.write(&sender, &mut verdict, crowded, report, &mut number, &mut push);
        if gathers {
            let day = day.get_or_insert(today);
            let urgent = |what: &sync_notify::What| what.stops_everything();
            if self.ways.iter().any(|(granularity, _)| *granularity == Granularity::Daily) {
                let waits = verdict.tell.iter().filter(|one| !urgent(&one.what));
                day.gather(waits.map(|one| sender.event(one)));
            }
            if let Some(report) = report {
                day.add(report, !verdict.tell.is_empty());
            }
        }
        let note = day.as_ref().and_then(|day| serde_json::to_vec(day).ok());
        let mut notes: Vec<(&str, Option<&[u8]>)> = Vec::new();
        if day != noted {
            notes.push((DAY, note.as_deref()));
        }
        let lost = lost(state)?;
        if lost > 0 && !push.is_empty() {
            // Each way hears of it with its first letter.
            for (_, name) in &self.ways {
                if let Some((_, letter)) = push.iter_mut().find(|(to, _)| to == name) {
                    letter.dropped = lost;
                }
            }
            notes.push((LOST, None));
        }
        let push: Vec<NewMessage> = push
            .into_iter()
            .map(|(channel, letter)| NewMessage {
                channel: channel.to_owned(),
                queued_ns: now,
                body: letter.to_json(),
            })
            .collect();
        for one in &verdict.tell {
            log::info!(operation = "alert", result = "queued"; "{}", plain(&one.what.title()));
        }
        let told: Vec<_> = verdict.remember.into_iter().collect();
        let dropped = state.change_alerts(
            &AlertChanges { told: &told, push: &push, notes: &notes, ..AlertChanges::default() },
            ROOM,
        )?;
        lose(state, dropped, "there was no room for more")
    }

    /// Writes the letters about what is news, and notes which letter told what.
    fn write(
        &self,
        sender: &Sender<'_>,
        verdict: &mut Verdict,
        crowded: u64,
        report: Option<&SyncReport>,
        number: &mut usize,
        push: &mut Vec<(&'static str, Letter)>,
    ) {
        let summary = report.map(compose::summary_of);
        for (granularity, name) in &self.ways {
            let daily = *granularity == Granularity::Daily;
            let tell: Vec<_> =
                verdict.tell.iter().filter(|one| !daily || one.what.stops_everything()).collect();
            let letters = sender.letters(&tell, crowded, *granularity, summary.as_ref(), number);
            for (letter, keys) in letters {
                for key in keys {
                    if let Some(Some(told)) = verdict.remember.get_mut(&key) {
                        told.letter = Some(letter.id.clone());
                    }
                }
                push.push((name, letter));
            }
        }
    }

    /// The letters about a day that is over.
    fn of_day(&self, sender: &Sender<'_>, day: &Day, number: &mut usize) -> Vec<(&'static str, Letter)> {
        let mut letters = Vec::new();
        for (granularity, name) in &self.ways {
            let gathered = *granularity == Granularity::Daily;
            if !gathered && !self.daily {
                continue;
            }
            *number += 1;
            let mut letter = sender.letter(*number, LetterKind::Daily);
            letter.summary = Some(day.summary.clone());
            if gathered {
                letter.events.clone_from(&day.events);
                letter.rest = day.rest;
            }
            letters.push((*name, letter));
        }
        letters
    }

    /// Takes note of what was delivered and gives each way what is due. With a deadline, waits until nothing is under
    /// way any more.
    fn deliver(&self, state: &State, deadline: Option<Instant>) -> Result<(), StateError> {
        let mut couriers = self.couriers();
        loop {
            let over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            for courier in couriers.iter_mut() {
                while let Some(tried) = courier.back() {
                    enter(state, courier, tried)?;
                }
                // What is given at the end would be under way when the program ends.
                if !courier.busy && !over {
                    hand_out(state, courier)?;
                }
            }
            match deadline {
                Some(deadline) if !over && couriers.iter().any(|courier| courier.busy) => {
                    courier::wait(&couriers, deadline);
                }
                _ => return Ok(()),
            }
        }
    }
}

fn noted_day(state: &State) -> Result<Option<Day>, StateError> {
    // A note that cannot be read is of another version of the program: the day begins anew.
    Ok(state.note(DAY)?.and_then(|note| serde_json::from_slice(&note).ok()))
}

fn hand_out(state: &State, courier: &mut Courier) -> Result<(), StateError> {
    let waiting = state.outbox()?;
    let mut batch = Vec::new();
    let mut unreadable = Vec::new();
    for one in courier::due(&waiting, courier.name, now_ns()) {
        match state.outbox_body(one.id)?.and_then(|body| Letter::from_json(&body)) {
            Some(letter) => batch.push((one.id, letter)),
            None => unreadable.push(one.id),
        }
    }
    if !unreadable.is_empty() {
        log::warn!(operation = "alert"; "{} messages of another version of the program are dropped", unreadable.len());
        state.change_alerts(&AlertChanges { remove: &unreadable, ..AlertChanges::default() }, ROOM)?;
    }
    courier.give(batch);
    Ok(())
}

/// Takes note of one try.
fn enter(state: &State, courier: &Courier, tried: Tried) -> Result<(), StateError> {
    let place = courier.place.as_str();
    let error = match tried.outcome {
        Ok(Delivered { answer, refused }) => {
            log::info!(operation = "alert", result = "delivered"; "{place}: {answer}");
            for (who, why) in refused {
                log::warn!(operation = "alert", result = "refused"; "{place}: `{}` was refused: {}", plain(&who), plain(&why));
            }
            state.change_alerts(&AlertChanges { remove: &[tried.id], ..AlertChanges::default() }, ROOM)?;
            return Ok(());
        }
        Err(error) => error,
    };
    let Some(waiting) = state.outbox()?.into_iter().find(|one| one.id == tried.id) else { return Ok(()) };
    let now = now_ns();
    let age = Duration::from_nanos(u64::try_from(now.saturating_sub(waiting.queued_ns)).unwrap_or_default());
    match courier::after(&error, waiting.attempts.saturating_add(1), age) {
        Next::After(pause) => {
            log::warn!(operation = "alert", result = "failed", error:% = error; "{place}: {error}");
            let next = now.saturating_add(i64::try_from(pause.as_nanos()).unwrap_or(i64::MAX));
            let failed = [(tried.id, next, error.to_string())];
            state.change_alerts(&AlertChanges { failed: &failed, ..AlertChanges::default() }, ROOM)?;
            Ok(())
        }
        Next::GiveUp => {
            log::error!(operation = "alert", result = "lost", error:% = error; "{place}: {error}");
            state.change_alerts(&AlertChanges { remove: &[tried.id], ..AlertChanges::default() }, ROOM)?;
            lose(state, 1, "nobody takes it")
        }
    }
}

fn lost(state: &State) -> Result<u64, StateError> {
    let note = state.note(LOST)?.and_then(|note| String::from_utf8(note).ok());
    Ok(note.and_then(|note| note.parse().ok()).unwrap_or_default())
}

/// Takes note of letters that are lost, so that the next one tells.
fn lose(state: &State, count: u64, why: &str) -> Result<(), StateError> {
    if count == 0 {
        return Ok(());
    }
    log::error!(operation = "alert", result = "lost"; "{count} messages are lost: {why}");
    let all = lost(state)?.saturating_add(count).to_string();
    let notes: [(&str, Option<&[u8]>); 1] = [(LOST, Some(all.as_bytes()))];
    state.change_alerts(&AlertChanges { notes: &notes, ..AlertChanges::default() }, ROOM).map(drop)
}

/// The machine's name, as far as the system tells.
fn host() -> String {
    let from_file = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name =
        from_file.or_else(|| std::env::var("COMPUTERNAME").ok()).or_else(|| std::env::var("HOSTNAME").ok());
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| "this machine".to_owned())
}

/// What waits for delivery.
pub fn alerts_report(state: &State) -> Result<AlertsReport, StateError> {
    let waiting = state.outbox()?;
    let tried = |one: &&Waiting| one.attempts > 0;
    let stuck = waiting.iter().find(tried);
    Ok(AlertsReport {
        queued: waiting.len() as u64,
        bytes: waiting.iter().map(|one| one.bytes).sum(),
        oldest: waiting.first().map(|one| time(one.queued_ns)),
        error: stuck.and_then(|one| one.error.clone()),
        attempts: stuck.map_or(0, |one| one.attempts),
        next_try: stuck.map(|one| time(one.next_ns)),
        lost: lost(state)?,
    })
}

/// Sends a test message by every way that is configured, at once, each within a minute.
pub fn send_test(config: &Config) -> Vec<TestDelivery> {
    let roots = config.roots.as_ref().map(|root| root.display().to_string());
    let (host, now_ns) = (host(), now_ns());
    let sender = Sender { pair: "test", roots: &roots, host: &host, now_ns };
    let letter = sender.letter(0, LetterKind::Test);
    let deadline = Instant::now() + Duration::from_mins(1);
    let test = |way: &Way| {
        let (channel, place) = (way.channel.name().to_owned(), way.channel.place());
        match way.channel.deliver(&letter, deadline) {
            Ok(Delivered { answer, refused }) => TestDelivery {
                channel,
                place,
                delivered: true,
                message: answer,
                refused: refused.iter().map(|(who, why)| format!("{}: {}", plain(who), plain(why))).collect(),
            },
            Err(error) => {
                let refused = match &error {
                    DeliveryError::Recipients { refused, .. } => {
                        refused.iter().map(|(who, _)| plain(who)).collect()
                    }
                    _ => Vec::new(),
                };
                TestDelivery { channel, place, delivered: false, message: error.to_string(), refused }
            }
        }
    };
    channels::of(config).iter().map(test).collect()
}

/// Tells that a session could not even be opened, and tries for at most `within` to deliver what waits. Where the
/// state cannot be used either, only the log has it.
pub fn alert_failure(config: &Config, options: &SessionOptions, error: &SessionError, within: Duration) {
    if options.read_only {
        return;
    }
    let Some(alerts) = Alerts::of(config) else { return };
    let Some(matter) = events::of_error(error, alerts.config.as_deref()) else { return };
    let told = State::open(&state_dir(config, options)).and_then(|opened| {
        let roots = config.roots.as_ref().map(|root| root.display().to_string());
        let state = &opened.state;
        alerts.turn(state, &roots, &[matter], Extent::Nothing, None, now_ns())?;
        alerts.deliver(state, Some(Instant::now() + within))
    });
    if let Err(why) = told {
        log::error!(operation = "alert", error:% = why; "nobody could be told of it: {why}");
    }
}

impl Session {
    /// Tells whom the configuration names of what a cycle came to. It neither waits nor fails; delivery goes on
    /// beside the next cycles, and [`Session::deliver_alerts`] waits for it.
    pub(crate) fn alert(&self, result: &Result<SyncReport, SessionError>) {
        let (Some(alerts), Some(state)) = (&self.alerts, self.state.as_ref().filter(|_| !self.read_only))
        else {
            return;
        };
        let config = alerts.config.as_deref();
        let (met, extent) = match result {
            Ok(report) => events::of_report(report, config),
            Err(error) => (events::of_error(error, config).into_iter().collect(), Extent::Nothing),
        };
        self.tell(alerts, state, &met, extent, result.as_ref().ok());
    }

    /// As [`Session::alert`], of a cycle that was about a part of the pair: what it did not meet may still stand.
    pub(crate) fn alert_part(&self, report: &SyncReport) {
        let Some((alerts, state)) = self.alerts.as_ref().zip(self.state.as_ref()).filter(|_| !self.read_only)
        else {
            return;
        };
        let (met, extent) = events::of_report(report, alerts.config.as_deref());
        self.tell(alerts, state, &met, extent.min(Extent::Roots), Some(report));
    }

    /// Tells of a configuration that cannot be taken, or that can be again, when that is news.
    pub(crate) fn alert_misread(&self) {
        if !self.misread.take_news() {
            return;
        }
        if let Some((alerts, state)) =
            self.alerts.as_ref().zip(self.state.as_ref()).filter(|_| !self.read_only)
        {
            let roots = self.misread.why().is_none();
            // The session is open, so that its roots are there.
            self.tell(alerts, state, &[], if roots { Extent::Roots } else { Extent::Nothing }, None);
        }
    }

    fn tell(
        &self,
        alerts: &Alerts,
        state: &State,
        met: &[Matter],
        extent: Extent,
        report: Option<&SyncReport>,
    ) {
        let misread = self.misread.why().map(|why| events::misread(&why, alerts.config.as_deref()));
        let met: Vec<_> = met.iter().cloned().chain(misread).collect();
        let told = alerts
            .turn(state, &self.locations(), &met, extent, report, now_ns())
            .and_then(|()| alerts.deliver(state, None));
        if let Err(why) = told {
            log::error!(operation = "alert", error:% = why; "alerts of this cycle could not be kept: {why}");
        }
    }

    /// Waits until every message that is due was tried, for at most `within`. For the end of a program: what is not
    /// delivered then waits for the next session.
    pub fn deliver_alerts(&self, within: Duration) {
        let (Some(alerts), Some(state)) = (&self.alerts, self.state.as_ref().filter(|_| !self.read_only))
        else {
            return;
        };
        if let Err(why) = alerts.deliver(state, Some(Instant::now() + within)) {
            log::error!(operation = "alert", error:% = why; "what was delivered could not be kept: {why}");
        }
    }

    /// Lets alerts go another way than the configuration says, or some way where there is no configuration: all of a
    /// cycle in one letter.
    pub fn alert_through(&mut self, channels: Vec<Arc<dyn Channel>>) {
        let terms =
            Terms { repeat_after: Duration::from_hours(4), repeat_at_most: Duration::from_hours(24 * 7) };
        let way = |channel| Way { channel, granularity: Granularity::Run };
        self.alerts = Some(Alerts::through(channels.into_iter().map(way).collect(), terms, false, None));
    }

    /// What waits for delivery; none for a session without a state.
    pub fn alerts(&self) -> Result<Option<AlertsReport>, SessionError> {
        Ok(self.state.as_ref().map(alerts_report).transpose()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::halt::HaltReport;
    use crate::report::ProblemReport;

    /// A way out that takes everything; what is queued for it is read from the state.
    struct Sink;

    impl Channel for Sink {
        fn name(&self) -> &'static str {
            "mail"
        }

        fn place(&self) -> String {
            "nowhere".to_owned()
        }

        fn deliver(&self, _: &Letter, _: Instant) -> Result<Delivered, DeliveryError> {
            Ok(Delivered::default())
        }
    }

    const HOUR: i64 = 60 * 60 * 1_000_000_000;

    /// Plays cycles at given times and tells what is queued.
    struct Play {
        alerts: Alerts,
        state: State,
        _folder: tempfile::TempDir,
    }

    impl Play {
        fn new(granularity: Granularity, daily: bool) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let state = State::open(folder.path()).unwrap().state;
            let terms =
                Terms { repeat_after: Duration::from_hours(4), repeat_at_most: Duration::from_hours(8) };
            let alerts =
                Alerts::through(vec![Way { channel: Arc::new(Sink), granularity }], terms, daily, None);
            Self { alerts, state, _folder: folder }
        }

        fn cycle(&self, now: i64, edit: impl FnOnce(&mut SyncReport)) -> Vec<(LetterKind, usize)> {
            let mut report = SyncReport::begin(crate::clock::Began::at(now));
            report.finished = time(now);
            edit(&mut report);
            let (met, extent) = events::of_report(&report, None);
            let roots = Sides::from_fn(|side| side.name().to_owned());
            self.alerts.turn(&self.state, &roots, &met, extent, Some(&report), now).unwrap();
            let waiting = self.state.outbox().unwrap();
            let ids: Vec<_> = waiting.iter().map(|one| one.id).collect();
            let letters = ids
                .iter()
                .map(|id| Letter::from_json(&self.state.outbox_body(*id).unwrap().unwrap()).unwrap());
            let seen = letters.map(|letter| (letter.kind, letter.events.len())).collect();
            self.state
                .change_alerts(&AlertChanges { remove: &ids, ..AlertChanges::default() }, ROOM)
                .unwrap();
            seen
        }
    }

    fn problem(path: &str) -> ProblemReport {
        ProblemReport {
            path: path.to_owned(),
            side: "left".to_owned(),
            operation: "copy".to_owned(),
            kind: "permission-denied".to_owned(),
            error: "no".to_owned(),
        }
    }

    #[test]
    fn a_day_is_told_when_it_is_over_and_a_halt_at_once() {
        let play = Play::new(Granularity::Daily, false);
        assert_eq!(play.cycle(HOUR, |report| report.problems = vec![problem("a")]), []);
        assert_eq!(play.cycle(2 * HOUR, |report| report.problems = vec![problem("a"), problem("b")]), []);
        let halt = HaltReport::new("empty-root", None, "empty".to_owned(), None);
        assert_eq!(play.cycle(3 * HOUR, |report| report.halt = Some(halt)), [(LetterKind::Events, 1)]);
        // What stood still stands, and the halt is over: a recovery waits too.
        assert_eq!(play.cycle(23 * HOUR, |report| report.problems = vec![problem("a"), problem("b")]), []);
        let told = play.cycle(25 * HOUR, |report| report.problems = vec![problem("a"), problem("b")]);
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].0, LetterKind::Daily);
        // a, b, the halt's end, and both once more after their four hours.
        assert_eq!(told[0].1, 5);
        assert_eq!(play.cycle(26 * HOUR, |report| report.problems = vec![problem("a"), problem("b")]), []);
    }

    #[test]
    fn a_summary_comes_once_a_day_beside_what_is_told_at_once() {
        let play = Play::new(Granularity::Event, true);
        let both = |report: &mut SyncReport| report.problems = vec![problem("a"), problem("b")];
        assert_eq!(play.cycle(HOUR, both), [(LetterKind::Events, 1), (LetterKind::Events, 1)]);
        assert_eq!(play.cycle(2 * HOUR, both), []);
        assert_eq!(
            play.cycle(24 * HOUR + 1, |report| report.problems = vec![problem("a"), problem("b")]).len(),
            3
        );
        assert_eq!(play.cycle(25 * HOUR, both), []);
        // An idle pair is told of too: silence would look like a program that does not run.
        let idle = play.cycle(49 * HOUR, both);
        assert!(idle.contains(&(LetterKind::Daily, 0)), "{idle:?}");
    }

    #[test]
    fn what_is_lost_is_told_with_the_next_letter() {
        let play = Play::new(Granularity::Run, false);
        lose(&play.state, 3, "for a test").unwrap();
        lose(&play.state, 2, "for a test").unwrap();
        assert_eq!(alerts_report(&play.state).unwrap().lost, 5);
        let roots = Sides::from_fn(|side| side.name().to_owned());
        let matter = events::of_error(
            &SessionError::Halted(HaltReport::new("same-root", None, "the same".to_owned(), None)),
            None,
        );
        play.alerts.turn(&play.state, &roots, &[matter.unwrap()], Extent::Nothing, None, HOUR).unwrap();
        let id = play.state.outbox().unwrap()[0].id;
        let letter = Letter::from_json(&play.state.outbox_body(id).unwrap().unwrap()).unwrap();
        assert_eq!(letter.dropped, 5);
        assert_eq!(alerts_report(&play.state).unwrap().lost, 0);
    }

    #[test]
    fn an_idle_cycle_writes_nothing() {
        let play = Play::new(Granularity::Run, true);
        play.cycle(HOUR, |_| {});
        let before = std::fs::read(play.state.folder().join("state.redb")).unwrap();
        for minute in 0..10 {
            play.cycle(HOUR + minute * 60, |_| {});
        }
        assert!(before == std::fs::read(play.state.folder().join("state.redb")).unwrap());
    }
}
