//! Removing files and links.

use super::kit::{
    GONE, NOT_AS_EXPECTED, Result, TO_TRASH, ensure, holds, look, needs, p, refused, rewritten, same, vacant,
    written,
};
use super::{Check, Fixture};
use crate::replica::Displaced;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a file is dropped", remove_drop),
    ("a file goes to the trash", remove_trash),
    ("files of one name from two directories share the trash", remove_namesakes),
    ("a link is removed and its target is not", remove_link),
    ("another version than expected is not removed", remove_stale),
    ("what is gone is not removed", remove_gone),
    ("a directory is not removed as a file", remove_directory),
];

fn remove_drop(fx: &dyn Fixture) -> Result {
    let entry = written(fx, &p("file"), b"x")?;
    let trashed = fx.replica().remove(&p("file"), &entry, Displaced::Drop)?;
    ensure!(trashed.is_none(), "it went to the trash: {trashed:?}");
    same!(fx.trash_count(), 0, "things in the trash");
    vacant(fx, &p("file"), "after remove")
}

fn remove_trash(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir"));
    let entry = written(fx, &p("dir/file"), b"precious")?;
    let trashed = fx.replica().remove(&p("dir/file"), &entry, TO_TRASH)?;
    let trashed = trashed.ok_or("no place in the trash was told")?;
    same!(fx.trashed(&trashed).as_deref(), Some(b"precious".as_slice()), "what is in the trash");
    vacant(fx, &p("dir/file"), "after remove")?;
    ensure!(fx.is_dir(&p("dir")), "its directory is gone");
    Ok(())
}

fn remove_namesakes(fx: &dyn Fixture) -> Result {
    let mut places = Vec::new();
    for dir in ["a", "b"] {
        fx.mkdir(&p(dir));
        let at = p(&format!("{dir}/file"));
        let entry = written(fx, &at, dir.as_bytes())?;
        places.push((
            dir,
            fx.replica().remove(&at, &entry, TO_TRASH)?.ok_or("no place in the trash was told")?,
        ));
    }
    // A file where the trash may have made a directory.
    fx.remove(&p("a"));
    let entry = written(fx, &p("a"), b"now a file")?;
    let file = fx.replica().remove(&p("a"), &entry, TO_TRASH)?.ok_or("no place in the trash was told")?;
    same!(fx.trashed(&file).as_deref(), Some(b"now a file".as_slice()), "`a` in the trash");
    for (dir, place) in places {
        same!(fx.trashed(&place).as_deref(), Some(dir.as_bytes()), "`{dir}/file` in the trash");
    }
    Ok(())
}

fn remove_link(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    fx.write(&p("dir/file"), b"x");
    fx.write(&p("goal"), b"goal");
    for (name, target) in [("to dir", "dir"), ("to file", "goal"), ("dangling", "none")] {
        for displaced in [Displaced::Drop, TO_TRASH] {
            fx.symlink(&p(name), target.as_bytes());
            let trashed = fx.replica().remove(&p(name), &look(fx, &p(name))?, displaced)?;
            vacant(fx, &p(name), "after remove")?;
            if let Some(trashed) = trashed {
                same!(fx.trashed(&trashed).as_deref(), Some(target.as_bytes()), "the target in the trash");
            }
        }
    }
    holds(fx, &p("dir/file"), b"x", "after removing links")?;
    holds(fx, &p("goal"), b"goal", "after removing links")
}

fn remove_stale(fx: &dyn Fixture) -> Result {
    let at = p("file");
    for displaced in [Displaced::Drop, TO_TRASH] {
        let entry = written(fx, &at, b"seen")?;
        rewritten(fx, &at, b"user's newer");
        let mtime = fx.mtime(&at);
        refused(fx.replica().remove(&at, &entry, displaced), NOT_AS_EXPECTED, "a changed file")?;
        holds(fx, &at, b"user's newer", "after a refusal")?;
        same!(fx.mtime(&at), mtime, "the user's mtime");
    }
    same!(fx.trash_count(), 0, "things in the trash");
    Ok(())
}

fn remove_gone(fx: &dyn Fixture) -> Result {
    let entry = written(fx, &p("file"), b"x")?;
    fx.remove(&p("file"));
    refused(fx.replica().remove(&p("file"), &entry, TO_TRASH), GONE, "a file that is gone")?;
    same!(fx.trash_count(), 0, "things in the trash");
    Ok(())
}

fn remove_directory(fx: &dyn Fixture) -> Result {
    let entry = written(fx, &p("path"), b"x")?;
    fx.remove(&p("path"));
    fx.write(&p("path/inside"), b"user's");
    refused(fx.replica().remove(&p("path"), &entry, TO_TRASH), NOT_AS_EXPECTED, "a directory in its place")?;
    let dir = look(fx, &p("path"))?;
    ensure!(fx.replica().remove(&p("path"), &dir, Displaced::Drop).is_err(), "a directory was removed");
    holds(fx, &p("path/inside"), b"user's", "after a refusal")
}
