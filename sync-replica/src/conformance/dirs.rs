//! Making and removing directories.

use sync_core::entry::Kind;

use super::kit::{
    GONE, HideHidden, NOT_AS_EXPECTED, Result, STAMP, TAKEN, THEN_NS, TO_TRASH, clean, ensure, holds, look,
    needs, p, plain, refused, rewritten, same, unusual, vacant, written,
};
use super::{Check, Fixture};
use crate::filter::ShowAll;
use crate::problem::ProblemKind;
use crate::replica::{Displaced, Expect, Trashed};
use crate::source::Properties;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a directory is made and told as it is", make),
    ("a directory is not made where something is", make_taken),
    ("a directory is not made in a missing one", make_missing_parent),
    ("a directory takes the place of an expected file", make_over_file),
    ("a directory takes the place of an expected link", make_over_link),
    ("a directory does not take the place of another version", make_over_stale),
    ("a directory is made with its attributes", make_attributes),
    ("an empty directory is removed", remove_empty),
    ("a directory with a newcomer stays, and so does the newcomer", remove_newcomer),
    ("a directory with hidden names goes to the trash with them", remove_hidden_trash),
    ("a directory with hidden names is not dropped", remove_hidden_drop),
    ("a directory is not removed by the name of another version", remove_stale),
    ("a directory is the same whatever happens inside it", same_directory),
];

fn make(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    for at in ["dir", "dir/inner"] {
        let made = side.make_dir(&p(at), &plain(THEN_NS), &Expect::Absent, Displaced::Drop)?;
        same!(made.entry.kind, Kind::Dir, "kind of {at}");
        ensure!(made.trashed.is_none(), "something went to the trash");
        ensure!(fx.is_dir(&p(at)), "no directory at {at}");
        ensure!(made.entry.is_same_version(&look(fx, &p(at))?), "the entry that was told is another");
    }
    clean(fx, "after making directories")
}

fn make_taken(fx: &dyn Fixture) -> Result {
    fx.write(&p("file"), b"user's");
    fx.write(&p("dir/in it"), b"user's");
    for at in ["file", "dir"] {
        let result = fx.replica().make_dir(&p(at), &plain(THEN_NS), &Expect::Absent, TO_TRASH);
        refused(result, TAKEN, at)?;
    }
    holds(fx, &p("file"), b"user's", "after a refusal")?;
    holds(fx, &p("dir/in it"), b"user's", "after a refusal")
}

fn make_missing_parent(fx: &dyn Fixture) -> Result {
    let result = fx.replica().make_dir(&p("none/dir"), &plain(THEN_NS), &Expect::Absent, Displaced::Drop);
    refused(result, &[ProblemKind::NotFound], "a missing parent")?;
    vacant(fx, &p("none"), "after a refusal")
}

fn make_over_file(fx: &dyn Fixture) -> Result {
    let at = p("path");
    for displaced in [TO_TRASH, Displaced::Drop] {
        let old = written(fx, &at, b"was a file")?;
        let made = fx.replica().make_dir(&at, &plain(THEN_NS), &Expect::Is(old), displaced)?;
        ensure!(fx.is_dir(&at), "no directory is there");
        same!(made.entry.kind, Kind::Dir, "kind");
        match (displaced, made.trashed) {
            (Displaced::Drop, None) => {}
            (Displaced::Trash(_), Some(trashed)) => {
                let found = fx.trashed(&trashed);
                same!(found.as_deref(), Some(b"was a file".as_slice()), "what is in the trash");
            }
            (displaced, trashed) => return Err(format!("{displaced:?} ended as {trashed:?}").into()),
        }
        clean(fx, "after making it over a file")?;
        fx.remove(&at);
    }
    Ok(())
}

fn make_over_link(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    fx.write(&p("real/file"), b"x");
    fx.symlink(&p("link"), b"real");
    let old = look(fx, &p("link"))?;
    fx.replica().make_dir(&p("link"), &plain(THEN_NS), &Expect::Is(old), TO_TRASH)?;
    ensure!(fx.is_dir(&p("link")), "no directory is there");
    ensure!(fx.list(&p("link")).is_empty(), "the link was followed");
    holds(fx, &p("real/file"), b"x", "after making it over a link")
}

fn make_over_stale(fx: &dyn Fixture) -> Result {
    let at = p("path");
    for displaced in [TO_TRASH, Displaced::Drop] {
        let old = written(fx, &at, b"seen")?;
        rewritten(fx, &at, b"user's newer");
        let result = fx.replica().make_dir(&at, &plain(THEN_NS), &Expect::Is(old), displaced);
        refused(result, NOT_AS_EXPECTED, "a changed file")?;
        holds(fx, &at, b"user's newer", "after a refusal")?;
    }
    same!(fx.trash_count(), 0, "things in the trash");
    Ok(())
}

fn make_attributes(fx: &dyn Fixture) -> Result {
    needs!(unusual(fx).is_some(), "no attributes");
    let attributes = match unusual(fx) {
        Some(sync_core::entry::Attributes::Unix(_)) => sync_core::entry::Attributes::Unix(0o750),
        other => other.unwrap_or_default(),
    };
    let properties = Properties { attributes, ..plain(THEN_NS) };
    let made = fx.replica().make_dir(&p("dir"), &properties, &Expect::Absent, Displaced::Drop)?;
    same!(made.entry.attributes, attributes, "attributes");
    same!(look(fx, &p("dir"))?.attributes, attributes, "attributes seen");
    Ok(())
}

fn remove_empty(fx: &dyn Fixture) -> Result {
    for displaced in [Displaced::Drop, TO_TRASH] {
        fx.mkdir(&p("dir/inner"));
        for at in ["dir/inner", "dir"] {
            let entry = look(fx, &p(at))?;
            fx.replica().remove_dir(&p(at), &entry, &ShowAll, displaced)?;
            vacant(fx, &p(at), "after remove_dir")?;
        }
    }
    Ok(())
}

fn remove_newcomer(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir"));
    let entry = look(fx, &p("dir"))?;
    fx.write(&p("dir/hidden"), b"hidden");
    fx.write(&p("dir/newcomer"), b"user's");
    for displaced in [Displaced::Drop, TO_TRASH] {
        let result = fx.replica().remove_dir(&p("dir"), &entry, &HideHidden, displaced);
        refused(result, &[ProblemKind::NotEmpty], "a directory with a newcomer")?;
        holds(fx, &p("dir/newcomer"), b"user's", "after a refusal")?;
        holds(fx, &p("dir/hidden"), b"hidden", "after a refusal")?;
    }
    fx.remove(&p("dir/newcomer"));
    fx.mkdir(&p("dir/new directory"));
    let result = fx.replica().remove_dir(&p("dir"), &entry, &HideHidden, TO_TRASH);
    refused(result, &[ProblemKind::NotEmpty], "a directory with a new directory")?;
    ensure!(fx.is_dir(&p("dir/new directory")), "the new directory is gone");
    same!(fx.trash_count(), 0, "things in the trash");
    Ok(())
}

fn remove_hidden_trash(fx: &dyn Fixture) -> Result {
    fx.write(&p("dir/hidden"), b"one");
    fx.write(&p("dir/hidden dir/deep/file"), b"two");
    let entry = look(fx, &p("dir"))?;
    let trashed = fx.replica().remove_dir(&p("dir"), &entry, &HideHidden, Displaced::Trash(STAMP))?;
    vacant(fx, &p("dir"), "after remove_dir")?;
    let trashed = trashed.ok_or("no place in the trash was told")?;
    for (below, content) in [("hidden", "one"), ("hidden dir/deep/file", "two")] {
        let path = p(below).components().try_fold(trashed.path.clone(), |path, name| path.join(name));
        let path = path.map_err(|error| error.to_string())?;
        let found = fx.trashed(&Trashed { path });
        same!(found.as_deref(), Some(content.as_bytes()), "`{below}` in the trash");
    }
    Ok(())
}

fn remove_hidden_drop(fx: &dyn Fixture) -> Result {
    fx.write(&p("dir/hidden"), b"one");
    let entry = look(fx, &p("dir"))?;
    let result = fx.replica().remove_dir(&p("dir"), &entry, &HideHidden, Displaced::Drop);
    refused(result, &[ProblemKind::NotEmpty], "hidden names")?;
    holds(fx, &p("dir/hidden"), b"one", "after a refusal")
}

fn remove_stale(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir"));
    let entry = look(fx, &p("dir"))?;
    fx.remove(&p("dir"));
    let gone = fx.replica().remove_dir(&p("dir"), &entry, &ShowAll, Displaced::Drop);
    refused(gone, GONE, "a directory that is gone")?;
    fx.write(&p("dir"), b"a file now");
    let file = fx.replica().remove_dir(&p("dir"), &entry, &ShowAll, Displaced::Drop);
    refused(file, NOT_AS_EXPECTED, "a file in its place")?;
    holds(fx, &p("dir"), b"a file now", "after a refusal")
}

fn same_directory(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir"));
    let before = look(fx, &p("dir"))?;
    fx.write(&p("dir/file"), b"x");
    ensure!(before.is_same_version(&look(fx, &p("dir"))?), "a file inside makes it another directory");
    fx.remove(&p("dir/file"));
    fx.replica().remove_dir(&p("dir"), &before, &ShowAll, Displaced::Drop)?;
    vacant(fx, &p("dir"), "after remove_dir")
}
