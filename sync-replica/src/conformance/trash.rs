//! What is done with the trash: listing, putting back, dropping for good.

use sync_core::path::RelPath;

use super::kit::{
    GONE, HideHidden, NOT_AS_EXPECTED, Result, STAMP, TO_TRASH, ensure, holds, look, needs, p, refused,
    rewritten, same, vacant, written,
};
use super::{Check, Fixture};
use crate::problem::ProblemKind;
use crate::replica::{Displaced, Expect, TrashStamp, Trashed};

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("the trash lists what went there", list),
    ("a version comes back from the trash", come_back),
    ("a version from the trash goes to another place", elsewhere),
    ("a version from the trash takes the place of the expected one", take_place),
    ("nothing is put back over another version than expected", put_back_stale),
    ("nothing is put back over what came meanwhile", put_back_over),
    ("what is gone from the trash is not put back", put_back_gone),
    ("a link comes back as a link", come_back_link),
    ("a directory comes back with what is hidden in it", come_back_directory),
    ("what is purged is gone for good", purge),
    ("only what went to the trash is purged", purge_others),
];

/// Removes what the user wrote and tells where it went.
fn thrown(fx: &dyn Fixture, at: &RelPath, content: &[u8]) -> Result<RelPath> {
    let entry = written(fx, at, content)?;
    let trashed = fx.replica().remove(at, &entry, TO_TRASH)?;
    Ok(trashed.ok_or("no place in the trash was told")?.path)
}

/// A place as it can be compared on a side that shows names as it likes.
fn key(fx: &dyn Fixture, place: &RelPath) -> RelPath {
    fx.replica().abilities().equivalence.path_key(place)
}

fn in_trash(fx: &dyn Fixture, place: &RelPath) -> Option<Vec<u8>> {
    fx.trashed(&Trashed { path: place.clone() })
}

fn list(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    same!(side.list_trash()?, Vec::new(), "an empty trash");
    fx.mkdir(&p("dir"));
    let first = thrown(fx, &p("dir/one.txt"), b"first")?;
    let second = thrown(fx, &p("dir/one.txt"), b"second one")?;
    let third = thrown(fx, &p("two"), b"")?;
    let mut found = side.list_trash()?;
    found.sort_by(|a, b| (a.entry.size, &a.place).cmp(&(b.entry.size, &b.place)));
    let places: Vec<_> = found.iter().map(|one| key(fx, &one.place)).collect();
    let wanted: Vec<_> = [third, first, second].iter().map(|place| key(fx, place)).collect();
    same!(places, wanted, "the places, smallest first");
    for one in &found {
        let was = if one.entry.size == 0 { p("two") } else { p("dir/one.txt") };
        same!(one.was, was, "where it was");
        ensure!(one.deleted_ns.abs_diff(STAMP.0) < 1_000_000, "when it went: {}", one.deleted_ns);
        same!(side.look_in_trash(&one.place)?, Some(one.entry), "what lies there");
    }
    same!(side.look_in_trash(&p("dir/nothing"))?, None, "where nothing lies");
    same!(side.look_in_trash(&p("no/such/directory"))?, None, "where nothing lies");
    Ok(())
}

fn come_back(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    fx.mkdir(&p("dir"));
    let at = p("dir/file");
    let before = written(fx, &at, b"precious")?;
    let place = side.remove(&at, &before, TO_TRASH)?.ok_or("no place in the trash was told")?.path;
    let version = side.look_in_trash(&place)?.ok_or("it is not in the trash")?;
    let back = side.restore(&place, &version, &at, &Expect::Absent, TO_TRASH)?;
    ensure!(back.trashed.is_none(), "something was displaced: {:?}", back.trashed);
    holds(fx, &at, b"precious", "after it came back")?;
    same!(back.entry, look(fx, &at)?, "the entry that was told");
    ensure!(before.is_same_version_moved(&back.entry), "it is another version: {:?}", back.entry);
    same!(fx.trash_count(), 0, "things in the trash");
    same!(side.list_trash()?, Vec::new(), "the trash");
    Ok(())
}

fn elsewhere(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let place = thrown(fx, &p("file"), b"precious")?;
    fx.mkdir(&p("other"));
    let version = side.look_in_trash(&place)?.ok_or("it is not in the trash")?;
    refused(
        side.restore(&place, &version, &p("missing/file"), &Expect::Absent, TO_TRASH),
        &[ProblemKind::NotFound, ProblemKind::Stale],
        "a directory that is not there",
    )?;
    same!(in_trash(fx, &place).as_deref(), Some(b"precious".as_slice()), "what is in the trash");
    side.restore(&place, &version, &p("other/again"), &Expect::Absent, TO_TRASH)?;
    holds(fx, &p("other/again"), b"precious", "after it came back")?;
    vacant(fx, &p("file"), "after it went elsewhere")
}

fn take_place(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let at = p("file");
    for displaced in [Displaced::Drop, Displaced::Trash(TrashStamp(STAMP.0 + 7_000_000_000))] {
        let place = thrown(fx, &at, b"older")?;
        fx.write(&at, b"the newer one");
        let newer = look(fx, &at)?;
        let version = side.look_in_trash(&place)?.ok_or("it is not in the trash")?;
        let back = side.restore(&place, &version, &at, &Expect::Is(newer), displaced)?;
        holds(fx, &at, b"older", "after it took its place back")?;
        same!(back.entry, look(fx, &at)?, "the entry that was told");
        same!(side.look_in_trash(&place)?, None, "its place in the trash");
        match (displaced, back.trashed) {
            (Displaced::Drop, None) => same!(fx.trash_count(), 0, "things in the trash"),
            (Displaced::Trash(_), Some(newer)) => {
                same!(fx.trashed(&newer).as_deref(), Some(b"the newer one".as_slice()), "the newer one");
                let listed = side.list_trash()?;
                let listed: Vec<_> = listed.into_iter().map(|one| (key(fx, &one.place), one.was)).collect();
                same!(listed, vec![(key(fx, &newer.path), at.clone())], "the trash");
            }
            (asked, told) => return Err(format!("asked for {asked:?}, told {told:?}").into()),
        }
        fx.remove(&at);
    }
    Ok(())
}

fn put_back_stale(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let at = p("file");
    let place = thrown(fx, &at, b"older")?;
    let seen = written(fx, &at, b"seen")?;
    rewritten(fx, &at, b"user's newer");
    let version = side.look_in_trash(&place)?.ok_or("it is not in the trash")?;
    for displaced in [Displaced::Drop, TO_TRASH] {
        let tried = side.restore(&place, &version, &at, &Expect::Is(seen), displaced);
        refused(tried, NOT_AS_EXPECTED, "a changed file")?;
        holds(fx, &at, b"user's newer", "after a refusal")?;
        same!(in_trash(fx, &place).as_deref(), Some(b"older".as_slice()), "what is in the trash");
    }
    fx.remove(&at);
    refused(side.restore(&place, &version, &at, &Expect::Is(seen), TO_TRASH), GONE, "a file that is gone")?;
    same!(in_trash(fx, &place).as_deref(), Some(b"older".as_slice()), "what is in the trash");
    vacant(fx, &at, "after a refusal")
}

fn put_back_over(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let at = p("file");
    let place = thrown(fx, &at, b"older")?;
    let version = side.look_in_trash(&place)?.ok_or("it is not in the trash")?;
    fx.write(&at, b"came meanwhile");
    refused(side.restore(&place, &version, &at, &Expect::Absent, TO_TRASH), NOT_AS_EXPECTED, "a newcomer")?;
    holds(fx, &at, b"came meanwhile", "after a refusal")?;
    fx.remove(&at);
    fx.write(&p("file/inside"), b"user's");
    refused(side.restore(&place, &version, &at, &Expect::Absent, TO_TRASH), NOT_AS_EXPECTED, "a directory")?;
    let dir = look(fx, &at)?;
    let tried = side.restore(&place, &version, &at, &Expect::Is(dir), TO_TRASH);
    ensure!(tried.is_err(), "a directory was replaced");
    holds(fx, &p("file/inside"), b"user's", "after a refusal")?;
    same!(in_trash(fx, &place).as_deref(), Some(b"older".as_slice()), "what is in the trash");
    Ok(())
}

fn put_back_gone(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let at = p("file");
    let place = thrown(fx, &at, b"older")?;
    let version = side.look_in_trash(&place)?.ok_or("it is not in the trash")?;
    side.purge(&place)?;
    let tried = side.restore(&place, &version, &at, &Expect::Absent, TO_TRASH);
    refused(tried, &[ProblemKind::NotFound], "what is gone from the trash")?;
    vacant(fx, &at, "after a refusal")
}

fn come_back_link(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    needs!(side.abilities().symlinks, "no links");
    fx.write(&p("goal"), b"goal");
    let at = p("link");
    for over in [false, true] {
        fx.symlink(&at, b"goal");
        let place = side.remove(&at, &look(fx, &at)?, TO_TRASH)?.ok_or("no place was told")?.path;
        let version = side.look_in_trash(&place)?.ok_or("it is not in the trash")?;
        let expect = if over {
            fx.write(&at, b"a file");
            Expect::Is(look(fx, &at)?)
        } else {
            Expect::Absent
        };
        side.restore(&place, &version, &at, &expect, Displaced::Drop)?;
        same!(fx.target(&at).as_deref(), Some(b"goal".as_slice()), "the link's target");
        same!(fx.trash_count(), 0, "things in the trash");
        fx.remove(&at);
    }
    holds(fx, &p("goal"), b"goal", "after links came and went")
}

fn come_back_directory(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let at = p("dir");
    fx.write(&p("dir/hidden file"), b"hidden");
    let dir = look(fx, &at)?;
    let place = side.remove_dir(&at, &dir, &HideHidden, TO_TRASH)?.ok_or("no place was told")?.path;
    vacant(fx, &at, "after it went")?;
    let version = side.look_in_trash(&place)?.ok_or("it is not in the trash")?;
    ensure!(version.is_dir(), "it is no directory in the trash: {version:?}");
    same!(side.list_trash()?.len(), 1, "things in the trash");
    side.restore(&place, &version, &at, &Expect::Absent, TO_TRASH)?;
    holds(fx, &p("dir/hidden file"), b"hidden", "after it came back")?;
    same!(side.list_trash()?, Vec::new(), "the trash");
    Ok(())
}

fn purge(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    fx.mkdir(&p("dir"));
    let kept = thrown(fx, &p("dir/kept"), b"kept")?;
    let gone = thrown(fx, &p("dir/gone"), b"gone")?;
    fx.write(&p("full/hidden file"), b"hidden");
    let dir = look(fx, &p("full"))?;
    let full = side.remove_dir(&p("full"), &dir, &HideHidden, TO_TRASH)?.ok_or("no place was told")?.path;
    for place in [&gone, &full] {
        ensure!(side.purge(place)?, "nothing was there to purge");
        ensure!(!side.purge(place)?, "it was there to purge once more");
        same!(side.look_in_trash(place)?, None, "what was purged");
    }
    same!(fx.trash_count(), 1, "things in the trash");
    same!(in_trash(fx, &kept).as_deref(), Some(b"kept".as_slice()), "what stays in the trash");
    side.purge(&kept)?;
    side.flush()?;
    same!(side.list_trash()?, Vec::new(), "the trash");
    same!(side.look_in_trash(&p("dir"))?, None, "a directory of the trash that nothing is in");
    Ok(())
}

fn purge_others(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    fx.write(&p("dir/file"), b"user's");
    thrown(fx, &p("dir/other"), b"x")?;
    for other in ["dir", "dir/file", "file"] {
        refused(side.purge(&p(other)), &[ProblemKind::Unsupported], "what bears no name of the trash")?;
    }
    same!(fx.trash_count(), 1, "things in the trash");
    holds(fx, &p("dir/file"), b"user's", "after a refusal")
}
