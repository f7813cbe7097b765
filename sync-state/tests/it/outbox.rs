//! Messages that wait, and what was told.

use sync_state::{AlertChanges, NewMessage, Room, State, Told, Waiting};

const ROOM: Room = Room { messages: 1000, bytes: 16 << 20 };

fn message(channel: &str, queued_ns: i64, bytes: usize) -> NewMessage {
    NewMessage { channel: channel.to_owned(), queued_ns, body: vec![b'x'; bytes] }
}

fn ids(state: &State) -> Vec<u64> {
    state.outbox().unwrap().iter().map(|one| one.id).collect()
}

#[test]
fn messages_wait_across_a_restart_until_they_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap().state;
    let push = [message("mail", 5, 3), message("webhook", 6, 4)];
    state.change_alerts(&AlertChanges { push: &push, ..AlertChanges::default() }, ROOM).unwrap();
    let failed = [(1, 99, "no route".to_owned()), (77, 1, "gone meanwhile".to_owned())];
    state.change_alerts(&AlertChanges { failed: &failed, ..AlertChanges::default() }, ROOM).unwrap();
    drop(state);
    let state = State::open(dir.path()).unwrap().state;
    let first = Waiting {
        id: 1,
        channel: "mail".to_owned(),
        queued_ns: 5,
        attempts: 1,
        next_ns: 99,
        error: Some("no route".to_owned()),
        bytes: 3,
    };
    assert_eq!(state.outbox().unwrap()[0], first);
    assert_eq!(ids(&state), [1, 2]);
    assert_eq!(state.outbox_body(2).unwrap().as_deref(), Some(b"xxxx".as_slice()));
    state.change_alerts(&AlertChanges { remove: &[1, 2], ..AlertChanges::default() }, ROOM).unwrap();
    assert_eq!((ids(&state), state.outbox_body(2).unwrap()), (vec![], None));
    // What comes late about a removed message must never meet another one.
    state.change_alerts(&AlertChanges { push: &push, ..AlertChanges::default() }, ROOM).unwrap();
    assert_eq!(ids(&state), [3, 4]);
}

#[test]
fn the_oldest_make_room_by_number_and_by_size() {
    let dir = tempfile::tempdir().unwrap();
    let state = State::open(dir.path()).unwrap().state;
    let many: Vec<_> = (0..7).map(|n| message("mail", n, 10)).collect();
    let few = Room { messages: 5, bytes: 1000 };
    let push = AlertChanges { push: &many, ..AlertChanges::default() };
    assert_eq!(state.change_alerts(&push, few).unwrap(), 2);
    assert_eq!(ids(&state), [3, 4, 5, 6, 7]);
    let large = [message("mail", 9, 90)];
    let small = Room { messages: 5, bytes: 100 };
    let push = AlertChanges { push: &large, ..AlertChanges::default() };
    assert_eq!(state.change_alerts(&push, small).unwrap(), 4);
    assert_eq!(ids(&state), [7, 8]);
    assert_eq!(state.outbox_body(3).unwrap(), None);
}

#[test]
fn what_was_told_is_remembered_and_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let told = Told {
        first_seen_ns: 1,
        told_ns: Some(-2),
        times: 3,
        version: *b"0123456789abcdef",
        letter: Some("aa".to_owned()),
        what: "Failed copy: a".to_owned(),
    };
    let state = State::open(dir.path()).unwrap().state;
    let put =
        [(b"k".to_vec(), Some(told.clone())), (b"l".to_vec(), Some(Told { told_ns: None, ..told.clone() }))];
    let notes: [(&str, Option<&[u8]>); 1] = [("alerts.day", Some(b"{}"))];
    let changes = AlertChanges { told: &put, notes: &notes, ..AlertChanges::default() };
    state.change_alerts(&changes, ROOM).unwrap();
    drop(state);
    let state = State::open(dir.path()).unwrap().state;
    assert_eq!(state.told().unwrap()[0], (b"k".to_vec(), told));
    assert_eq!(state.note("alerts.day").unwrap().as_deref(), Some(b"{}".as_slice()));
    let gone = [(b"k".to_vec(), None)];
    state.change_alerts(&AlertChanges { told: &gone, ..AlertChanges::default() }, ROOM).unwrap();
    assert_eq!(state.told().unwrap().len(), 1);
}
