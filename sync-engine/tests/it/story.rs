//! One story with every kind of transition: two trees that agreed, and what their users did then.

use std::collections::BTreeSet;

use sync_core::abilities::{Abilities, AttributeKind};
use sync_core::path::RelPath;
use sync_core::policy::{GuardPolicy, Policy, SoftDelete};
use sync_core::side::{Side, Sides};
use sync_replica::memory::MemoryReplica;

use super::world::World;

/// Larger files are deleted for good.
const SOFT_LIMIT: u64 = 400;
const MINUTE: i64 = 60_000_000_000;
/// Long before every clock's start, so that no edit of a story ever gets the time of another by chance.
const T0: i64 = 1_700_000_000_000_000_000;

/// A moment of the story.
fn at(minute: i64) -> i64 {
    T0 + minute * MINUTE
}

/// A content that is found nowhere else, padded to a length of its own.
fn text(words: &str) -> Vec<u8> {
    let mut bytes = format!("{words}. ").into_bytes();
    bytes.extend(std::iter::repeat_n(b'.', words.len() % 7));
    bytes
}

fn big(words: &str) -> Vec<u8> {
    let mut bytes = text(words);
    bytes.resize(SOFT_LIMIT as usize + 100, b'#');
    bytes
}

pub(crate) fn policy() -> Policy {
    Policy {
        soft_delete: SoftDelete { enabled: true, max_size_bytes: SOFT_LIMIT },
        // The story changes most of what there is.
        guard: GuardPolicy { max_change_percent: 100, max_change_min_files: 10_000 },
        ..Policy::default()
    }
}

/// Paths whose two sides may differ in time for ever, as adopting touches neither side.
pub(crate) fn adopted() -> BTreeSet<RelPath> {
    ["both to the same.txt", "both made the same.txt"].iter().map(|text| path(text)).collect()
}

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::try_from(text).unwrap()
}

/// What only some pairs of sides can tell.
struct Can {
    links: bool,
    modes: bool,
    xattrs: bool,
}

impl Can {
    fn of(abilities: &Sides<Abilities>) -> Self {
        Self {
            links: abilities.both(|able| able.symlinks),
            modes: abilities.both(|able| able.attributes == AttributeKind::Unix),
            xattrs: abilities.both(|able| able.xattrs),
        }
    }
}

/// The trees that both sides agree on, half made on the left and half on the right.
fn begin(sides: &Sides<MemoryReplica>, can: &Can) {
    let Sides { left, right } = sides;
    for name in [
        "keep",
        "changed left",
        "changed right",
        "changed both, left newer",
        "changed both, right newer",
        "both to the same",
        "props left",
        "props right",
        "props both",
        "touched left",
        "content left, props right",
        "deleted left",
        "deleted right",
        "deleted both",
        "deleted left, changed right",
        "deleted right, changed left",
        "deleted left, props right",
        "becomes a folder",
        "becomes a link",
        "renamed left",
        "renamed right",
        "renamed left, changed right",
        "moved",
        "chain a",
        "chain b",
        "case",
        "folder/stays",
        "leaving left/a",
        "leaving left/deep/b",
        "leaving right/a",
        "leaving right/deep/b",
        "leaving left, changed right/a",
        "leaving left, changed right/b",
        "becomes a file/a",
        "becomes a file/deep/b",
        "old name left/a",
        "old name left/deep/b",
        "old name right/a",
        "old name right/deep/b",
        "old name, changed inside/a",
        "old name, changed inside/b",
        "new inside a moved one/a",
    ]
    .iter()
    .enumerate()
    {
        let (number, name) = name;
        let side = if number % 2 == 0 { left } else { right };
        side.write_at(path(&format!("{name}.txt")), text(&format!("{name} at first")), at(number as i64));
    }
    for name in ["big deleted left", "big deleted right", "big changed right"] {
        left.write_at(path(&format!("{name}.bin")), big(name), at(100));
    }
    left.mkdir("empty, goes left");
    right.mkdir("empty, goes right");
    left.mkdir("empty, stays");
    if can.links {
        left.symlink("link kept", "keep.txt");
        right.symlink("link retargeted", "keep.txt");
        left.symlink("link deleted", "nowhere");
        left.symlink("link becomes a file", "keep.txt");
    }
}

/// What the users did since, in a way that takes every path through the engine.
fn go_on(sides: &Sides<MemoryReplica>, can: &Can) {
    let Sides { left, right } = sides;
    let write = |side: &MemoryReplica, name: &str, words: &str, minute: i64| {
        side.write_at(path(name), text(words), at(minute));
    };

    write(left, "changed left.txt", "a new text from the left", 200);
    write(right, "changed right.txt", "a new text from the right", 201);
    left.write_at("big changed right.bin", big("big changed right"), at(100));
    right.write_at("big changed right.bin", big("another big one"), at(202));
    write(left, "changed both, left newer.txt", "the left's own", 210);
    write(right, "changed both, left newer.txt", "the right's own", 205);
    write(left, "changed both, right newer.txt", "an older one of the left", 206);
    write(right, "changed both, right newer.txt", "a newer one of the right", 211);
    write(left, "both to the same.txt", "by chance the same", 212);
    write(right, "both to the same.txt", "by chance the same", 240);
    left.touch("touched left.txt", at(220));
    write(left, "content left, props right.txt", "a content", 221);
    right.touch("content left, props right.txt", at(222));

    write(left, "created left.txt", "created on the left", 230);
    write(right, "created right.txt", "created on the right", 231);
    write(left, "new on the left/deeper/one.txt", "one", 232);
    write(right, "new on the right/deeper/two.txt", "two", 233);
    write(left, "new on both/from the left.txt", "made in a folder of both, left", 234);
    write(right, "new on both/from the right.txt", "made in a folder of both, right", 235);
    write(left, "created on both.txt", "the left made this", 236);
    write(right, "created on both.txt", "the right made that", 238);
    write(left, "both made the same.txt", "made by both", 239);
    write(right, "both made the same.txt", "made by both", 245);
    left.mkdir("empty, new left");
    right.mkdir("empty, new right/deeper");

    left.remove("deleted left.txt");
    right.remove("deleted right.txt");
    left.remove("deleted both.txt");
    right.remove("deleted both.txt");
    left.remove("big deleted left.bin");
    right.remove("big deleted right.bin");
    left.remove("deleted left, changed right.txt");
    write(right, "deleted left, changed right.txt", "changed while deleted there", 250);
    right.remove("deleted right, changed left.txt");
    write(left, "deleted right, changed left.txt", "changed while deleted here", 251);
    left.remove("deleted left, props right.txt");
    right.touch("deleted left, props right.txt", at(252));
    left.remove("empty, goes left");
    right.remove("empty, goes right");

    // A hidden file in a folder that goes goes with it.
    right.write_at("leaving left/~$lock", b"hidden", at(253));
    left.remove_tree("leaving left");
    right.remove_tree("leaving right");
    left.remove_tree("leaving left, changed right");
    write(right, "leaving left, changed right/b.txt", "changed in a folder that went", 254);

    left.remove("becomes a folder.txt");
    write(left, "becomes a folder.txt/inside.txt", "inside of what was a file", 260);
    right.remove_tree("becomes a file");
    write(right, "becomes a file", "what was a folder", 261);
    write(left, "folder against file/inside.txt", "the folder is the left's", 262);
    write(right, "folder against file", "the file is the right's", 263);

    left.rename("renamed left.txt", "got a name on the left.txt");
    right.rename("renamed right.txt", "got a name on the right.txt");
    left.rename("renamed left, changed right.txt", "renamed while changed.txt");
    write(right, "renamed left, changed right.txt", "changed while renamed", 264);
    right.rename("moved.txt", "folder/moved.txt");
    left.rename("chain b.txt", "chain c.txt");
    left.rename("chain a.txt", "chain b.txt");
    right.rename("case.txt", "CASE.txt");
    left.rename("old name left", "new name left");
    right.rename("old name right", "new name right");
    left.rename("old name, changed inside", "new name, changed inside");
    write(left, "new name, changed inside/a.txt", "changed after the move", 265);
    left.rename("new inside a moved one", "moved with a new one");
    write(left, "moved with a new one/new.txt", "new in the moved folder", 266);

    if can.links {
        left.symlink("link new left", "created left.txt");
        right.remove("link retargeted");
        right.symlink("link retargeted", "folder/stays.txt");
        left.remove("link deleted");
        left.remove("link becomes a file");
        write(left, "link becomes a file", "no link any more", 267);
        right.remove("becomes a link.txt");
        right.symlink("becomes a link.txt", "keep.txt");
        left.symlink("link against file", "keep.txt");
        write(right, "link against file", "a file against a link", 268);
    }
    if can.modes {
        left.chmod("props left.txt", 0o600);
        right.chmod("props right.txt", 0o640);
        right.touch("props right.txt", at(270));
        left.chmod("props both.txt", 0o755);
        left.touch("props both.txt", at(272));
        right.chmod("props both.txt", 0o700);
        left.chmod("folder", 0o700);
        write(left, "closed folder/inside.txt", "in a folder nobody may write to", 273);
        left.chmod("closed folder", 0o555);
        left.chmod("folder against file", 0o555);
    } else {
        left.touch("props left.txt", at(274));
        right.touch("props right.txt", at(270));
        left.touch("props both.txt", at(272));
        right.touch("props both.txt", at(276));
    }
    if can.xattrs {
        left.set_xattr("props left.txt", "user.colour", "blue");
        right.set_xattr("keep.txt", "user.kept", "yes");
    }
}

/// A world in which the story is told up to the run that is to be disturbed.
pub(crate) fn told(abilities: Sides<Abilities>) -> World {
    let can = Can::of(&abilities);
    let world = World::new(abilities, policy());
    begin(&world.sides, &can);
    world.settle().expect("the first meeting");
    go_on(&world.sides, &can);
    for side in Side::BOTH {
        world.sides[side].make_durable();
    }
    world.faults.reset_steps();
    world
}
