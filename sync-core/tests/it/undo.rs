//! What undoing a run takes, as a table of tiny runs.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::plan::Transition;
use sync_core::policy::DEFAULT_CLASH_NAME;
use sync_core::side::Side;
use sync_core::undo::{Deed, Done, Found, Manner, Sight, Undoing, undo};

fn p(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

/// The version of this number: its size, time and file number follow from it.
fn file(number: u64) -> Entry {
    Entry {
        kind: Kind::File,
        attributes: Attributes::Unix(0o644),
        size: number,
        mtime_ns: number.cast_signed(),
        ctime_ns: 7,
        file_id: NonZeroU64::new(number),
    }
}

fn dir(number: u64) -> Entry {
    Entry { kind: Kind::Dir, size: 0, mtime_ns: 0, attributes: Attributes::Unix(0o755), ..file(number) }
}

/// What the right side and its trash hold.
#[derive(Default)]
struct World {
    held: BTreeMap<RelPath, Entry>,
    trash: BTreeMap<RelPath, Entry>,
}

impl World {
    fn of(held: &[(&str, Entry)], trash: &[(&str, Entry)]) -> Self {
        let map = |all: &[(&str, Entry)]| {
            // What is seen later has another change time, as a rename leaves it.
            all.iter().map(|(path, entry)| (p(path), Entry { ctime_ns: 9, ..*entry })).collect()
        };
        Self { held: map(held), trash: map(trash) }
    }
}

impl Sight for World {
    fn look(&self, side: Side, at: &RelPath) -> Found {
        assert_eq!(side, Side::Right);
        if at.as_bytes().starts_with(b"unseen") {
            return Found::Unseen("a bad disk".into());
        }
        self.held.get(at).map_or(Found::Nothing, |entry| Found::Version(*entry))
    }

    fn in_trash(&self, _: Side, place: &RelPath) -> Option<Entry> {
        self.trash.get(place).copied()
    }
}

fn row(word: &str, path: &str) -> Done {
    Done {
        deed: Deed::of(word, false).unwrap(),
        side: Side::Right,
        path: p(path),
        to: None,
        before: None,
        after: None,
        trashed: None,
    }
}

fn decide(world: &World, done: &[Done], keep_both: bool) -> Undoing {
    let manner = Manner { keep_both, clash_name: DEFAULT_CLASH_NAME, equivalence: Equivalence::EXACT };
    undo(done, world, &manner)
}

/// A plan in short: `restore a`, `restore a over`, `take a`, `a -> b`, …
fn short(undoing: &Undoing) -> Vec<String> {
    let one = |transition: &Transition| match transition {
        Transition::PutBack { at, expect: None, .. } => format!("restore {at}"),
        Transition::PutBack { at, .. } => format!("restore {at} over"),
        Transition::Remove { at, soft: true, .. } => format!("take {at}"),
        Transition::RemoveDir { at, soft: true, .. } => format!("rmdir {at}"),
        Transition::Rename { from, to, .. } => format!("{from} -> {to}"),
        Transition::RemakeDir { at, .. } => format!("mkdir {at}"),
        Transition::Reset { at, .. } => format!("reset {at}"),
        other => panic!("{other:?}"),
    };
    let mut all: Vec<_> = undoing.plan.transitions().map(|(_, transition)| one(transition)).collect();
    all.extend(undoing.left.iter().map(|left| format!("{}: {}", left.path, left.why.id())));
    all
}

fn deleted(path: &str, before: Entry, place: &str) -> Done {
    let trashed = (!place.is_empty()).then(|| p(place));
    Done { before: Some(before), trashed, ..row("SOFT_DELETE_RIGHT", path) }
}

fn replaced(path: &str, before: Entry, after: Entry, place: &str) -> Done {
    let trashed = (!place.is_empty()).then(|| p(place));
    Done { before: Some(before), after: Some(after), trashed, ..row("COPY_LEFT_TO_RIGHT", path) }
}

fn made(path: &str, after: Entry) -> Done {
    Done {
        after: Some(after),
        ..row(if after.is_dir() { "MKDIR_RIGHT" } else { "COPY_LEFT_TO_RIGHT" }, path)
    }
}

fn renamed(path: &str, to: &str, entry: Entry) -> Done {
    let (before, after) = (Some(entry), Some(entry));
    Done { deed: Deed::Renamed, to: Some(p(to)), before, after, ..row("RENAME_RIGHT", path) }
}

fn beside(path: &str, to: &str, entry: Entry) -> Done {
    Done { deed: Deed::Beside, ..renamed(path, to, entry) }
}

/// One run, what there is now, and what undoing it takes.
fn case(name: &str, held: &[(&str, Entry)], trash: &[(&str, Entry)], done: Vec<Done>, wanted: &[&str]) {
    let world = World::of(held, trash);
    let undoing = decide(&world, &done, false);
    assert_eq!(short(&undoing), wanted, "{name}");
    let answered = undoing.plan.actions.len() + undoing.left.len();
    assert!(answered > 0 || undoing.already > 0, "{name}: it is not said what became of it");
    // Every version that gives way was seen. Those inside a folder that moves along were seen elsewhere.
    for (_, transition) in undoing.plan.transitions() {
        if let Some(expect) = transition.expect()
            && transition.path().parent().is_some_and(|above| above.is_root())
        {
            let now = world.held.get(transition.path()).or_else(|| world.trash.values().next());
            assert!(now.is_some_and(|now| expect.is_same_version_moved(now)), "{name}: {transition:?}");
        }
    }
}

#[test]
fn each_thing_a_run_does_has_its_answer() {
    let (a, b, c) = (file(1), file(2), file(3));
    let d = dir(50);
    let trash_a: &[(&str, Entry)] = &[("t", a)];
    case("deleted", &[], trash_a, vec![deleted("x", a, "t")], &["restore x"]);
    case("deleted for good", &[], &[], vec![deleted("x", a, "")], &["x: not-kept"]);
    case("deleted and purged", &[], &[], vec![deleted("x", a, "t")], &["x: purged"]);
    case("another one lies in the trash", &[], &[("t", b)], vec![deleted("x", a, "t")], &["x: purged"]);
    case("deleted and made again", &[("x", b)], trash_a, vec![deleted("x", a, "t")], &["x: taken"]);
    case("back already", &[("x", a)], &[], vec![deleted("x", a, "t")], &[]);
    case(
        "its folder is gone",
        &[],
        trash_a,
        vec![deleted("d/e/x", a, "t")],
        &["mkdir d", "mkdir d/e", "restore d/e/x"],
    );
    case("its folder is a file now", &[("d", b)], trash_a, vec![deleted("d/x", a, "t")], &["d/x: taken"]);
    case(
        "with its folder",
        &[],
        trash_a,
        vec![deleted("d/x", a, "t"), deleted("d", d, "")],
        &["mkdir d", "restore d/x"],
    );
    case("replaced", &[("x", b)], trash_a, vec![replaced("x", a, b, "t")], &["restore x over"]);
    case("replaced, not kept", &[("x", b)], &[], vec![replaced("x", a, b, "")], &["x: not-kept"]);
    case(
        "replaced, edited since",
        &[("x", c)],
        trash_a,
        vec![replaced("x", a, b, "t")],
        &["x: changed-since"],
    );
    case("replaced, gone since", &[], trash_a, vec![replaced("x", a, b, "t")], &["restore x"]);
    case(
        "replaced by a folder",
        &[("x", d)],
        trash_a,
        vec![replaced("x", a, d, "t")],
        &["rmdir x", "restore x"],
    );
    case("made", &[("x", b)], &[], vec![made("x", b)], &["take x"]);
    case("made, edited since", &[("x", c)], &[], vec![made("x", b)], &["x: changed-since"]);
    case("made, gone since", &[], &[], vec![made("x", b)], &[]);
    case(
        "made in a new folder",
        &[("d", d), ("d/x", b)],
        &[],
        vec![made("d", d), made("d/x", b)],
        &["take d/x", "rmdir d"],
    );
    case("renamed", &[("y", a)], &[], vec![renamed("x", "y", a)], &["y -> x"]);
    case("renamed, edited since", &[("y", b)], &[], vec![renamed("x", "y", a)], &["x: changed-since"]);
    case("renamed, old name taken", &[("y", a), ("x", b)], &[], vec![renamed("x", "y", a)], &["x: taken"]);
    case("renamed, gone", &[], &[], vec![renamed("x", "y", a)], &["x: gone"]);
    case("renamed back already", &[("x", a)], &[], vec![renamed("x", "y", a)], &[]);
    case(
        "a moved folder, replaced inside",
        &[("e", d), ("e/x", b)],
        trash_a,
        vec![renamed("d", "e", d), replaced("e/x", a, b, "t")],
        &["restore e/x over", "e -> d"],
    );
    case(
        "the same, half undone",
        &[("d", d), ("d/x", a)],
        &[],
        vec![renamed("d", "e", d), replaced("e/x", a, b, "t")],
        &[],
    );
    case(
        "a clash",
        &[("x", b), ("c", a)],
        &[],
        vec![beside("x", "c", a), replaced("x", a, b, "")],
        &["take x", "c -> x"],
    );
    case(
        "a clash, versions kept",
        &[("x", b), ("c", a)],
        trash_a,
        vec![beside("x", "c", a), replaced("x", a, b, "t")],
        &["restore x over", "take c"],
    );
    case(
        "a clash, its copy edited",
        &[("x", b), ("c", c)],
        &[],
        vec![beside("x", "c", a), replaced("x", a, b, "")],
        &["x: not-kept", "x: changed-since"],
    );
    case(
        "a folder made way",
        &[("x", d), ("c", a)],
        &[],
        vec![beside("x", "c", a), made("x", d)],
        &["rmdir x", "c -> x"],
    );
    case("not to be seen", &[], trash_a, vec![deleted("unseen", a, "t")], &["unseen: unseen"]);
}

#[test]
fn properties_are_set_as_they_were_also_when_half_of_them_are_already() {
    let before = file(1);
    let after = Entry { attributes: Attributes::Unix(0o600), mtime_ns: 77, ..before };
    let half = Entry { mtime_ns: 77, ..before };
    let (edited, closed) = (file(4), Entry { attributes: Attributes::Unix(0o400), ..after });
    let done = vec![Done { before: Some(before), after: Some(after), ..row("SET_PROPS_RIGHT", "x") }];
    for (now, wanted) in [
        (after, "reset x"),
        (half, "reset x"),
        (before, ""),
        (edited, "x: changed-since"),
        (closed, "x: changed-since"),
    ] {
        let undoing = decide(&World::of(&[("x", now)], &[]), &done, false);
        assert_eq!(short(&undoing).join(", "), wanted, "{now:?}");
    }
}

#[test]
fn an_old_version_goes_beside_what_is_there_where_that_is_wanted() {
    let (a, b, c) = (file(1), file(2), file(3));
    let name = "x - clash 197001010000";
    let done = vec![replaced("x", a, b, "t")];
    let world = World::of(&[("x", c)], &[("t", a)]);
    assert_eq!(short(&decide(&world, &done, true)), [format!("restore {name}")]);
    let world = World::of(&[("x", c), (name, b)], &[("t", a)]);
    assert_eq!(short(&decide(&world, &done, true)), [format!("restore {name} (2)")]);
    let world = World::of(&[("x", b)], &[("t", a)]);
    assert_eq!(short(&decide(&world, &done, true)), ["restore x over"]);
    assert_eq!(short(&decide(&World::of(&[("x", c)], &[]), &done, true)), ["x: purged"]);
}

#[test]
fn a_folder_that_was_closed_is_closed_again_when_all_is_in_it() {
    let closed = Entry { attributes: Attributes::Unix(0o555), ..dir(50) };
    let done = vec![deleted("d/x", file(1), "t"), deleted("d", closed, "")];
    let undoing = decide(&World::of(&[], &[("t", file(1))]), &done, false);
    assert_eq!(short(&undoing), ["mkdir d", "restore d/x", "reset d"]);
}
