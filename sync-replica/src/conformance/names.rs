//! Names that bite.

use super::kit::{
    Given, Result, TAKEN, clean, ensure, holds, look, names, needs, p, plain, put, refused, same, scan,
    stage, vacant, written,
};
use super::{Check, Fixture};
use crate::problem::ProblemKind;
use crate::replica::{Displaced, Expect};
use sync_core::path::RelPath;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a name the side cannot hold is refused and not mangled", not_held),
    ("a name that is too long is refused", too_long),
    ("a link is refused where the side holds none", links_not_held),
    ("a name of any bytes is held as it is", any_bytes),
    ("unusual names are held as they are", unusual_names),
    ("a name as long as the side allows is held, replaced and trashed", longest),
    ("deep paths work like others", deep),
    ("another spelling of a name is taken where the side folds it", folded_taken),
    ("a spelling is kept as it was given", spelling_kept),
    ("the replica's own names are nobody else's", own_names),
];

const NOT_HELD: &[ProblemKind] = &[ProblemKind::Unsupported, ProblemKind::NameTooLong];

fn refused_everywhere(fx: &dyn Fixture, at: &RelPath) -> Result {
    let side = fx.replica();
    let before = names(fx, &RelPath::root());
    let what = format!("`{at}`");
    let staged = stage(fx, Given::file(b"x"))?;
    refused(
        side.install(staged, at, &Expect::Absent, Displaced::Drop),
        NOT_HELD,
        &format!("install at {what}"),
    )?;
    let made = side.make_dir(at, &plain(0), &Expect::Absent, Displaced::Drop);
    refused(made, NOT_HELD, &format!("make_dir at {what}"))?;
    let from = p("from");
    let entry = look(fx, &from)?;
    refused(side.rename(&from, &entry, at), NOT_HELD, &format!("rename to {what}"))?;
    refused(side.keep_beside(&from, &look(fx, &from)?, at), NOT_HELD, &format!("keep_beside at {what}"))?;
    same!(names(fx, &RelPath::root()), before, "names after refusals");
    clean(fx, "after refusals")
}

fn not_held(fx: &dyn Fixture) -> Result {
    let rules = fx.replica().abilities().names;
    needs!(rules.windows || rules.utf8_only, "the side holds every name");
    fx.write(&p("from"), b"x");
    let candidates: [&[u8]; 10] =
        [b"a:b", b"what?", b"a*", b"con", b"NUL.txt", b"end.", b"end ", b"a\\b", b"tab\t", b"not\xffutf8"];
    for name in candidates.into_iter().filter(|name| rules.check(name).is_err()) {
        refused_everywhere(fx, &RelPath::new(name).map_err(|error| error.to_string())?)?;
    }
    Ok(())
}

fn too_long(fx: &dyn Fixture) -> Result {
    let rules = fx.replica().abilities().names;
    let limit = rules.max_bytes.min(rules.max_utf16);
    needs!(limit < 10_000, "the side tells of no limit");
    fx.write(&p("from"), b"x");
    refused_everywhere(fx, &p(&"x".repeat(usize::from(limit) + 1)))
}

fn links_not_held(fx: &dyn Fixture) -> Result {
    needs!(!fx.replica().abilities().symlinks, "the side holds links");
    fx.write(&p("goal"), b"goal");
    let staged = fx.replica().stage(&mut Given::link(b"goal"), false, &crate::Uncontrolled);
    let result =
        staged.and_then(|staged| fx.replica().install(staged, &p("link"), &Expect::Absent, Displaced::Drop));
    refused(result, &[ProblemKind::Unsupported], "a link")?;
    vacant(fx, &p("link"), "after a refusal")?;
    holds(fx, &p("goal"), b"goal", "after a refusal")
}

fn any_bytes(fx: &dyn Fixture) -> Result {
    let rules = fx.replica().abilities().names;
    needs!(!rules.utf8_only && !rules.windows, "the side holds only some names");
    for name in [&b"caf\xe9"[..], b"\xff\xfe\x80", b"new\nline\x1b[31m", b"back\\slash:*?", b"\xed\xa0\x80"] {
        round_trip(fx, name)?;
    }
    Ok(())
}

fn unusual_names(fx: &dyn Fixture) -> Result {
    let shared = [
        "with space",
        "-dash",
        ".dot",
        "~tilde$",
        "#hash",
        "%41",
        "é composed",
        "日本語",
        "😀",
        "a'b",
        "a;b&c",
        "...three",
        "x.tmp",
    ];
    for name in shared {
        round_trip(fx, name.as_bytes())?;
    }
    // Spelled with a combining accent; a side that changes the form has folded it.
    if !fx.replica().abilities().equivalence.form {
        round_trip(fx, "e\u{301} decomposed".as_bytes())?;
    }
    Ok(())
}

fn round_trip(fx: &dyn Fixture, name: &[u8]) -> Result {
    let at = RelPath::new(name).map_err(|error| error.to_string())?;
    let side = fx.replica();
    let entry = put(fx, &at, b"content")?.entry;
    same!(names(fx, &RelPath::root()), [name.to_vec()], "names on the disk");
    let snapshot = scan(fx)?;
    let found: Vec<_> = snapshot.root().iter().map(|listed| listed.name.to_vec()).collect();
    same!(found, [name.to_vec()], "names in the scan");
    same!(look(fx, &at)?, entry, "the entry");
    let trashed = side.remove(&at, &entry, super::kit::TO_TRASH)?.ok_or("no place in the trash was told")?;
    same!(fx.trashed(&trashed).as_deref(), Some(b"content".as_slice()), "what is in the trash");
    vacant(fx, &at, "after remove")
}

fn longest(fx: &dyn Fixture) -> Result {
    let rules = fx.replica().abilities().names;
    let limit = usize::from(rules.max_bytes.min(rules.max_utf16));
    needs!(limit < 10_000, "the side tells of no limit");
    let at = p(&"n".repeat(limit));
    let old = put(fx, &at, b"one")?.entry;
    let staged = stage(fx, Given::file(b"two"))?;
    let installed = fx.replica().install(staged, &at, &Expect::Is(old), super::kit::TO_TRASH)?;
    let trashed = installed.trashed.ok_or("no place in the trash was told")?;
    same!(fx.trashed(&trashed).as_deref(), Some(b"one".as_slice()), "the first version in the trash");
    holds(fx, &at, b"two", "after replace")?;
    let trashed = fx.replica().remove(&at, &installed.entry, super::kit::TO_TRASH)?;
    let trashed = trashed.ok_or("no place in the trash was told")?;
    same!(fx.trashed(&trashed).as_deref(), Some(b"two".as_slice()), "the second version in the trash");
    Ok(())
}

fn deep(fx: &dyn Fixture) -> Result {
    // Far beyond the 260 characters of old Windows calls, below what a user's own tools can still open.
    let mut dir = RelPath::root();
    for depth in 0..24 {
        let name = format!("{depth:02}{}", "d".repeat(98));
        dir = dir.join(name.as_bytes()).map_err(|error| error.to_string())?;
        fx.replica().make_dir(&dir, &plain(0), &Expect::Absent, Displaced::Drop)?;
    }
    let join = |name: &[u8]| dir.join(name).map_err(|error| error.to_string());
    let at = join(b"file")?;
    let entry = put(fx, &at, b"deep")?.entry;
    holds(fx, &at, b"deep", "after install")?;
    let snapshot = scan(fx)?;
    same!((snapshot.totals().files, snapshot.totals().dirs), (1, 24), "what the scan found");
    let contents = fx.replica().contents(&at, &entry, &crate::Uncontrolled)?;
    same!(contents.digest, super::kit::digest(b"deep"), "digest");
    let other = join(b"other")?;
    let entry = fx.replica().rename(&at, &entry, &other)?;
    fx.replica().remove(&other, &entry, super::kit::TO_TRASH)?;
    vacant(fx, &other, "after remove")
}

fn folded_taken(fx: &dyn Fixture) -> Result {
    let equivalence = fx.replica().abilities().equivalence;
    needs!(!equivalence.is_exact(), "the side tells all spellings apart");
    let mut pairs = Vec::new();
    if equivalence.case {
        pairs.extend([("Readme", "README"), ("größe", "GRÖSSE"), ("größe", "GRÖẞE")]);
    }
    if equivalence.form {
        pairs.push(("\u{e9}t\u{e9}", "e\u{301}te\u{301}"));
    }
    let folded = |(a, b): &(&str, &str)| equivalence.key(a.as_bytes()) == equivalence.key(b.as_bytes());
    for (there, other) in pairs.into_iter().filter(folded) {
        fx.write(&p(there), b"user's");
        let staged = stage(fx, Given::file(b"ours"))?;
        let result = fx.replica().install(staged, &p(other), &Expect::Absent, Displaced::Drop);
        refused(result, TAKEN, &format!("install of `{other}` beside `{there}`"))?;
        fx.write(&p("from"), b"x");
        let result = fx.replica().rename(&p("from"), &look(fx, &p("from"))?, &p(other));
        refused(result, &[ProblemKind::Exists], &format!("rename to `{other}` beside `{there}`"))?;
        holds(fx, &p(there), b"user's", "after refusals")?;
        fx.remove(&p("from"));
        fx.remove(&p(there));
    }
    Ok(())
}

fn spelling_kept(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().shows_spelling, "the side shows no spelling");
    put(fx, &p("MiXeD.TxT"), b"x")?;
    fx.replica().make_dir(&p("DiR"), &plain(0), &Expect::Absent, Displaced::Drop)?;
    same!(names(fx, &RelPath::root()), [b"DiR".to_vec(), b"MiXeD.TxT".to_vec()], "names");
    Ok(())
}

fn own_names(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let marker = crate::Marker { pair: "cd".repeat(16), side: sync_core::side::Side::Right };
    side.set_marker(&marker)?;
    let entry = written(fx, &p("gone"), b"x")?;
    side.remove(&p("gone"), &entry, super::kit::TO_TRASH)?;
    for own in fx.own_names() {
        let at = RelPath::root().join(&own).map_err(|error| error.to_string())?;
        let inside = at.join(b"file").map_err(|error| error.to_string())?;
        for at in [at, inside] {
            let staged = stage(fx, Given::file(b"x"))?;
            let result = side.install(staged, &at, &Expect::Absent, Displaced::Drop);
            ensure!(result.is_err(), "something was installed at the own `{at}`");
        }
    }
    same!(side.marker()?, Some(marker), "the marker");
    // Deeper down these are names like others.
    fx.write(&p("dir/.sync_trash/file"), b"user's");
    let snapshot = scan(fx)?;
    ensure!(
        snapshot.get(&p("dir/.sync_trash/file")).is_some(),
        "a `.sync_trash` deeper in the tree is hidden"
    );
    Ok(())
}
