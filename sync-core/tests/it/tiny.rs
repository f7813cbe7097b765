//! Tiny trees in one line: `d/ d/f=A e=B@1 l>2`.
//!
//! Owns the notation of the tables. Entries are divided by ` | ` or by blanks; a name that holds a blank is written
//! with `~` for it.
//!
//! | written | means |
//! | --- | --- |
//! | `f=A` | a file with content A (`0` is the empty one; H and P are one byte longer than the others) |
//! | `f=A@3` | with the time of step 3; without it a content has its own time: B is newer than A |
//! | `f=A!` | with another mode |
//! | `f=A^` | with another change time |
//! | `f=A#x` | with the number that belongs to the tag `x`, two of which are two names of one file; without a tag the content's letter is the tag, and of several files with one content one has it: that at a path where it was before |
//! | `f=A?` | that cannot be observed |
//! | `d/` | a directory, whose tag is its path; `d/!` with another mode, `d/?` that cannot be read, `d/#x` tagged |
//! | `l>1` | a link to goal 1 |

use std::fmt::Write;

use sync_core::entry::Kind;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};

use crate::replica::{Node, Replica, START_NS, STEP_NS};
use crate::world::World;

pub(crate) fn path(text: &str) -> RelPath {
    RelPath::try_from(text.replace('~', " ").as_str()).unwrap_or_else(|why| panic!("{text:?}: {why}"))
}

struct Spec {
    path: RelPath,
    kind: Kind,
    content: u32,
    tag: u64,
    step: i64,
    other_mode: bool,
    touched: bool,
    fault: bool,
    tagged: bool,
}

/// Contents that no metadata tells apart would be taken for the same at a first meeting, by design.
fn default_step(kind: Kind, content: u32) -> i64 {
    if kind == Kind::File { 2 * i64::from(content) } else { 0 }
}

fn tag_number(tag: &str) -> u64 {
    tag.bytes().fold(7, |sum: u64, byte| (sum * 31 + u64::from(byte)) % 90_000)
}

fn parse(text: &str) -> Vec<Spec> {
    text.split_whitespace().map(parse_one).collect()
}

fn parse_one(text: &str) -> Spec {
    let marks_at = |rest: &str| rest.find(['@', '!', '^', '#', '?']).unwrap_or(rest.len());
    let (name, kind, rest) = if let Some((name, rest)) = text.split_once('=') {
        (name, Kind::File, rest)
    } else if let Some((name, rest)) = text.split_once('>') {
        (name, Kind::Symlink, rest)
    } else {
        let marked = ["/#", "/!", "/?", "/^"].into_iter().filter_map(|mark| text.find(mark)).min();
        let cut = marked.or_else(|| text.rfind('/')).unwrap_or_else(|| panic!("{text:?} is no entry"));
        (&text[..cut], Kind::Dir, &text[cut + 1..])
    };
    let (value, mut marks) = rest.split_at(marks_at(rest));
    let content = match (kind, value.as_bytes()) {
        (Kind::Dir, _) | (_, b"0") => 0,
        (_, [letter @ b'A'..=b'Z']) => u32::from(letter - b'A') + 1,
        _ => value.parse().unwrap_or_else(|_| panic!("{text:?} has no content")),
    };
    let own_tag = if kind == Kind::Dir { name.to_owned() } else { format!("{kind}{value}") };
    let mut spec = Spec {
        path: path(name),
        kind,
        content,
        tag: tag_number(&own_tag),
        step: default_step(kind, content),
        other_mode: false,
        touched: false,
        fault: false,
        tagged: false,
    };
    while let Some(mark) = marks.chars().next() {
        let (value, rest) = marks[1..].split_at(marks_at(&marks[1..]));
        match mark {
            '@' => spec.step = value.parse().unwrap_or_else(|_| panic!("{text:?}: no step")),
            '!' => spec.other_mode = true,
            '^' => spec.touched = true,
            '?' => spec.fault = true,
            _ => (spec.tag, spec.tagged) = (tag_number(value), true),
        }
        marks = rest;
    }
    spec
}

/// Puts a tiny tree on an empty side. An entry that `before` has just so keeps its change time.
pub(crate) fn plant(replica: &mut Replica, text: &str, before: &Replica) {
    let offset = replica.next_id;
    let mut specs = parse(text);
    let was_at = |spec: &Spec| before.tree.get(&spec.path).is_some_and(|node| node.id == offset + spec.tag);
    for at in 0..specs.len() {
        let twin = |other: &Spec| !other.tagged && other.kind != Kind::Dir && other.tag == specs[at].tag;
        let (earlier, later) =
            (specs[..at].iter().any(twin), specs[at + 1..].iter().any(|one| twin(one) && was_at(one)));
        if !specs[at].tagged && specs[at].kind != Kind::Dir && !was_at(&specs[at]) && (earlier || later) {
            specs[at].tag = tag_number(&specs[at].path.display()) + 1;
        }
    }
    for mut spec in specs {
        spec.path = replica.shown(&spec.path);
        let default = match spec.kind {
            Kind::Dir => 0o755,
            Kind::File => 0o644,
            Kind::Symlink => 0o777,
        };
        let mut node = Node {
            kind: spec.kind,
            content: spec.content,
            mtime: START_NS + spec.step * STEP_NS,
            ctime: START_NS + 100 * STEP_NS,
            mode: if spec.other_mode { default & 0o700 } else { default },
            id: offset + spec.tag,
        };
        let as_before = before.tree.get(&spec.path) == Some(&node);
        if before.tree.is_empty() || as_before {
            node.ctime += i64::from(spec.touched) * STEP_NS;
        } else {
            node.ctime += 10 * STEP_NS;
        }
        // Two names of one file have everything in common.
        if let Some(twin) = replica.tree.values().find(|one| one.id == node.id) {
            assert_eq!((twin.kind, twin.content), (node.kind, node.content), "{text}: two files, one number");
            assert!(node.kind != Kind::Dir, "{text}: one directory at two places");
            node = *twin;
        }
        if spec.fault {
            let faults =
                if spec.kind == Kind::Dir { &mut replica.unreadable } else { &mut replica.unobserved };
            faults.insert(spec.path.clone());
        }
        assert!(replica.tree.insert(spec.path, node).is_none(), "{text}: one path twice");
    }
}

impl World {
    /// The same abilities with three tiny trees. The baseline knows digests where `digests` says so.
    pub(crate) fn planted(&self, baseline: &str, left: &str, right: &str, digests: bool) -> Self {
        let empty = self.sides.as_ref().map(|one| Replica::new(one.abilities.clone(), one.next_id));
        let mut world = Self { sides: empty.clone(), ..self.clone() };
        for side in Side::BOTH {
            plant(&mut world.sides[side], baseline, &empty[side]);
        }
        let pair = world.pair();
        let keys: Vec<_> = world.sides.left.tree.keys().map(|path| pair.path_key(path)).collect();
        for key in keys {
            world.remember(&key, digests);
        }
        let was = world.sides.clone();
        world.sides = empty;
        for (side, text) in [(Side::Left, left), (Side::Right, right)] {
            plant(&mut world.sides[side], text, &was[side]);
            world.sides[side].next_id += 90_000;
        }
        world
    }

    /// Both trees in the notation, without tags; `same` on the right when both are alike.
    pub(crate) fn shown(&self) -> Sides<String> {
        self.sides.as_ref().map(|replica| show(replica.tree.iter()))
    }

    /// Both trashes in the notation.
    pub(crate) fn trash_shown(&self) -> Sides<String> {
        self.sides.as_ref().map(|replica| show(replica.trash.iter().map(|(path, node)| (path, node))))
    }
}

fn show<'a>(nodes: impl Iterator<Item = (&'a RelPath, &'a Node)>) -> String {
    let mut out = String::new();
    for (path, node) in nodes {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&path.display().replace(' ', "~"));
        match (node.kind, node.content) {
            (Kind::Dir, _) => out.push('/'),
            (Kind::Symlink, content) => {
                let _ = write!(out, ">{content}");
            }
            (Kind::File, 0) => out.push_str("=0"),
            (Kind::File, content) => {
                let _ = write!(out, "={}", char::from(b'A' + (content as u8 - 1)));
            }
        }
        let step = (node.mtime - START_NS) / STEP_NS;
        if node.kind == Kind::File && step != default_step(node.kind, node.content) {
            let _ = write!(out, "@{step}");
        }
        if (node.mode & 0o077).count_ones() == 0 {
            out.push('!');
        }
    }
    out
}
