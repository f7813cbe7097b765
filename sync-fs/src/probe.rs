//! Measuring what a side can do, by doing it.
//!
//! Everything is tried in one directory inside `.bothways`, which is removed afterwards. What was found is kept in
//! the root together with the identity of the file system it was found on, and measured anew when that changes.
//! File numbers and change times cannot be measured in a moment: they are trusted on the local file systems known
//! for them and nowhere else.

use std::fs::File;
use std::io;

use serde::{Deserialize, Serialize};
use sync_core::abilities::{Abilities, AttributeKind, NameRules};
use sync_core::entry::Attributes;
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_replica::{Operation, Problem, Xattrs};

use crate::layout::{ABILITIES, OWN};
use crate::local::Access;
use crate::stored;
use crate::sys::{self, Dir, FileSystem};

/// Raised when a probe learns to measure more, so that older results are measured anew.
const FORMAT: u32 = 2;

/// The abilities as they are kept.
#[derive(Serialize, Deserialize)]
struct Stored {
    format: u32,
    file_system_kind: u64,
    file_system_id: u64,
    root_id: u64,
    folds_case: bool,
    folds_form: bool,
    shows_spelling: bool,
    mtime_precision_ns: u64,
    keeps_mtime: bool,
    attributes: String,
    xattrs: bool,
    symlinks: bool,
    hard_links: bool,
    reflinks: bool,
    exchange: bool,
    file_ids: bool,
    ctimes: bool,
    windows_names: bool,
    utf8_only: bool,
    max_name_bytes: u16,
    max_name_utf16: u16,
}

impl Stored {
    fn new(abilities: &Abilities, system: FileSystem, root_id: u64) -> Self {
        let attributes = match abilities.attributes {
            AttributeKind::None => "none",
            AttributeKind::Unix => "unix",
            AttributeKind::Windows => "windows",
        };
        Self {
            format: FORMAT,
            file_system_kind: system.kind,
            file_system_id: system.id,
            root_id,
            folds_case: abilities.equivalence.case,
            folds_form: abilities.equivalence.form,
            shows_spelling: abilities.shows_spelling,
            mtime_precision_ns: abilities.mtime_precision_ns,
            keeps_mtime: abilities.keeps_mtime,
            attributes: attributes.to_owned(),
            xattrs: abilities.xattrs,
            symlinks: abilities.symlinks,
            hard_links: abilities.hard_links,
            reflinks: abilities.reflinks,
            exchange: abilities.exchange,
            file_ids: abilities.file_ids,
            ctimes: abilities.ctimes,
            windows_names: abilities.names.windows,
            utf8_only: abilities.names.utf8_only,
            max_name_bytes: abilities.names.max_bytes,
            max_name_utf16: abilities.names.max_utf16,
        }
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            equivalence: Equivalence { case: self.folds_case, form: self.folds_form },
            shows_spelling: self.shows_spelling,
            mtime_precision_ns: self.mtime_precision_ns,
            keeps_mtime: self.keeps_mtime,
            attributes: match self.attributes.as_str() {
                "unix" => AttributeKind::Unix,
                "windows" => AttributeKind::Windows,
                _ => AttributeKind::None,
            },
            xattrs: self.xattrs,
            symlinks: self.symlinks,
            hard_links: self.hard_links,
            reflinks: self.reflinks,
            exchange: self.exchange,
            file_ids: self.file_ids,
            ctimes: self.ctimes,
            names: NameRules {
                windows: self.windows_names,
                utf8_only: self.utf8_only,
                max_bytes: self.max_name_bytes,
                max_utf16: self.max_name_utf16,
            },
        }
    }
}

fn trouble(error: io::Error) -> Problem {
    Problem::io(Operation::Probe, &RelPath::root(), error)
}

/// The abilities of the side at `root`: as they are kept, or measured, or guessed where nothing may be written.
pub(crate) fn abilities(root: &Dir, access: Access) -> Result<Abilities, Problem> {
    let system = root.file_system().map_err(trouble)?;
    let root_id = root.stat_self().map_err(trouble)?.id;
    if let Some(stored) = kept(root)
        && stored.format == FORMAT
        && (stored.file_system_kind, stored.file_system_id, stored.root_id)
            == (system.kind, system.id, root_id)
    {
        return Ok(stored.abilities());
    }
    if access == Access::ReadOnly {
        return Ok(guess(root, system));
    }
    let own = root.open_beneath(OWN).map_err(trouble)?;
    let measured = measure(&own, system).map_err(trouble)?;
    let bytes = serde_json::to_vec_pretty(&Stored::new(&measured, system, root_id));
    stored::write(&own, ABILITIES, &bytes.map_err(|error| trouble(error.into()))?).map_err(trouble)?;
    Ok(measured)
}

/// What an earlier probe found. What cannot be read is measured anew.
fn kept(root: &Dir) -> Option<Stored> {
    let own = root.open_beneath(OWN).ok()?;
    serde_json::from_slice(&stored::read(&own, ABILITIES).ok()??).ok()
}

/// The abilities that need no writing to be seen, and for the rest those that such a file system mostly has.
fn guess(root: &Dir, system: FileSystem) -> Abilities {
    let mut abilities = sys::TYPICAL;
    abilities.file_ids = system.is_trusted();
    abilities.ctimes = system.is_trusted() || system.is_layered();
    // A name that is found under another spelling of itself shows that case is folded.
    if let Ok(names) = root.names() {
        let other_case = |name: &[u8]| -> Option<Vec<u8>> {
            let flipped: Vec<u8> = name
                .iter()
                .map(|b| if b.is_ascii_lowercase() { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() })
                .collect();
            (flipped != name && !names.iter().any(|listed| **listed == *flipped)).then_some(flipped)
        };
        let told = names.iter().find_map(|name| other_case(name));
        if let Some(flipped) = told {
            abilities.equivalence.case = matches!(root.stat(&flipped), Ok(Some(_)));
            // Where all of many names are in one case it is likelier the side's than everybody's; a guess that is
            // wrong holds until somebody may write.
            let has = |test: fn(&u8) -> bool| names.iter().any(|name| name.iter().any(test));
            abilities.shows_spelling =
                !abilities.equivalence.case || (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase));
        }
    }
    abilities
}

/// Tries everything in a directory of its own.
fn measure(own: &Dir, system: FileSystem) -> io::Result<Abilities> {
    // What an interrupted probe left behind.
    for name in own.names()?.iter().filter(|name| name.starts_with(b"probe-")) {
        clear(own, name);
    }
    let name = format!("probe-{}", sys::random_name()).into_bytes();
    own.mkdir(&name, Attributes::Unix(0o700))?;
    let measured = own.open_beneath(&name).and_then(|dir| measure_in(&dir, system));
    clear(own, &name);
    measured
}

/// Removes a probe's directory; what resists stays for the next probe.
fn clear(own: &Dir, name: &[u8]) {
    if let Ok(dir) = own.open_beneath(name) {
        for inner in dir.names().unwrap_or_default() {
            let _ = dir.unlink(&inner);
        }
    }
    let _ = own.rmdir(name);
}

fn measure_in(dir: &Dir, system: FileSystem) -> io::Result<Abilities> {
    let file = dir.create(b"File-a", Attributes::Unix(0o600))?;
    io::Write::write_all(&mut &file, &[b'x'; 8192])?;
    let is_there = |name: &[u8]| matches!(dir.stat(name), Ok(Some(_)));
    let can_create = |name: &[u8]| {
        let created = dir.create(name, Attributes::NotHeld).is_ok();
        // A name that is silently changed into another one is a name that cannot be held.
        let held = created && dir.names().is_ok_and(|names| names.iter().any(|listed| **listed == *name));
        if created {
            let _ = dir.unlink(name);
        }
        held
    };
    let case = is_there(b"fILE-A");
    let composed = "f\u{e9}".as_bytes();
    let form = dir.create(composed, Attributes::NotHeld).is_ok() && is_there("fe\u{301}".as_bytes());
    let (mtime_precision_ns, keeps_mtime) = measure_mtime(&file)?;
    let symlinks = dir.symlink(b"nowhere/at all", b"link").is_ok()
        && dir.read_link(b"link").is_ok_and(|target| target == b"nowhere/at all");
    let hard_links = dir.link(b"File-a", dir, b"second").is_ok()
        && dir.stat(b"second")?.is_some_and(|stat| stat.links >= 2 || cfg!(windows));
    let to = dir.create(b"shared", Attributes::Unix(0o600))?;
    let reflinks = sys::share_blocks(&file, &to);
    drop(to);
    let exchange = dir.create(b"other", Attributes::Unix(0o600)).is_ok()
        && dir.exchange(b"other", dir, b"File-a").is_ok()
        && dir.stat(b"other")?.is_some_and(|stat| stat.size == 8192);
    let windows = !can_create(b"a:b?") || !can_create(b"end.");
    let names = NameRules {
        windows,
        utf8_only: !can_create(b"no\xfftext"),
        max_bytes: longest_name(&can_create, "a"),
        max_utf16: longest_utf16(&can_create),
    };
    Ok(Abilities {
        equivalence: Equivalence { case, form },
        shows_spelling: !case || shows_spelling(&can_create),
        mtime_precision_ns,
        keeps_mtime,
        attributes: measure_attributes(&file),
        xattrs: keeps_xattrs(&file),
        symlinks,
        hard_links,
        reflinks,
        exchange,
        file_ids: system.is_trusted(),
        ctimes: system.is_trusted() || system.is_layered(),
        names,
    })
}

/// Whether names show as they were given: where case is folded, some sides show every name, or every short one, in
/// one case. `can_create` tells whether a new name is listed just so.
fn shows_spelling(can_create: &dyn Fn(&[u8]) -> bool) -> bool {
    [b"Spelled.txt".as_slice(), b"UPPER.TXT", b"lower.txt"].into_iter().all(can_create)
}

/// The step of the times a side keeps, and whether it keeps those that are set.
fn measure_mtime(file: &File) -> io::Result<(u64, bool)> {
    // An odd time of long ago, whose digits show where the side cuts.
    const SECOND: i64 = 1_000_000_000;
    const ODD: i64 = 1_111_111_111 * SECOND + 987_654_321;
    if sys::set_mtime(file, ODD).is_err() {
        return Ok((2 * SECOND as u64, false));
    }
    let got = sys::file_stat(file)?.mtime_ns;
    let lost = got.abs_diff(ODD);
    let step = [1, 100, 1_000, 1_000_000, 10_000_000, SECOND as u64, 2 * SECOND as u64]
        .into_iter()
        .find(|step| lost < *step && got.unsigned_abs().is_multiple_of(*step));
    Ok(match step {
        Some(step) => (step, true),
        None => (2 * SECOND as u64, false),
    })
}

fn measure_attributes(file: &File) -> AttributeKind {
    if cfg!(windows) {
        return AttributeKind::Windows;
    }
    let holds = |mode: u16| {
        sys::set_attributes(file, Attributes::Unix(mode)).is_ok()
            && sys::file_stat(file).is_ok_and(|stat| stat.bits == mode)
    };
    if holds(0o640) && holds(0o751) && holds(0o600) { AttributeKind::Unix } else { AttributeKind::None }
}

fn keeps_xattrs(file: &File) -> bool {
    let wanted = Xattrs(vec![(b"user.bothways".as_slice().into(), b"probe".as_slice().into())]);
    sys::set_xattrs(file, &wanted).is_ok() && sys::xattrs(file).is_ok_and(|found| found == wanted)
}

/// The longest name in bytes, made of `unit`.
fn longest_name(can_create: &dyn Fn(&[u8]) -> bool, unit: &str) -> u16 {
    if cfg!(windows) {
        return u16::MAX;
    }
    let can = |len: u16| can_create(unit.repeat(usize::from(len)).as_bytes());
    if can(255) {
        // Where names are counted in other units than bytes, more bytes fit when each unit takes several.
        return if can_create("\u{e4}".repeat(255).as_bytes()) { u16::MAX } else { 255 };
    }
    let (mut fits, mut fails) = (8, 255);
    while fails - fits > 1 {
        let middle = u16::midpoint(fits, fails);
        if can(middle) { fits = middle } else { fails = middle }
    }
    fits
}

fn longest_utf16(can_create: &dyn Fn(&[u8]) -> bool) -> u16 {
    let counted_in_utf16 = cfg!(windows) || can_create("\u{e4}".repeat(255).as_bytes());
    if counted_in_utf16 { 255 } else { u16::MAX }
}
