//! Renames, second places and properties.

use sync_core::entry::{Attributes, Entry};

use super::kit::{
    GONE, Given, NOT_AS_EXPECTED, Result, THEN_NS, TO_TRASH, bits, clean, close, ensure, holds, look, names,
    needs, p, plain, refused, rewritten, same, stage, unusual, vacant, written, xattrs,
};
use super::{Check, Fixture};
use crate::problem::ProblemKind;
use crate::replica::{Displaced, Expect};
use crate::source::{Properties, Xattrs};
use sync_core::path::RelPath;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a file is renamed and told as it is", rename_file),
    ("a link is renamed as a link", rename_link),
    ("a directory is renamed with all that is in it", rename_dir),
    ("a rename never overwrites", rename_taken),
    ("another version than expected is not renamed", rename_stale),
    ("nothing is renamed into a missing directory", rename_missing_parent),
    ("a rename of the spelling alone ends with one entry in the new spelling", rename_spelling),
    ("a spelling that the side cannot show is refused and nothing moves", spelling_not_shown),
    ("a rename of a directory's spelling alone keeps what is in it", rename_dir_spelling),
    ("an older version kept beside survives the replacement", keep_then_replace),
    ("keeping a version beside twice is keeping it once", keep_twice),
    ("a version is not kept over another one", keep_taken),
    ("another version than expected is not kept", keep_stale),
    ("a link is kept beside as a link", keep_link),
    ("a version is not kept in a missing directory", keep_missing_parent),
    ("properties are set as far as the side holds them", set_all),
    ("a directory's attributes are set and its times left alone", set_dir),
    ("the properties of another version are not set", set_stale),
    ("setting what is set already changes nothing that a plan relies on", set_same),
];

fn rename_file(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir"));
    let before = written(fx, &p("from"), b"content")?;
    let after = fx.replica().rename(&p("from"), &before, &p("dir/to"))?;
    vacant(fx, &p("from"), "after rename")?;
    holds(fx, &p("dir/to"), b"content", "after rename")?;
    same!(after, look(fx, &p("dir/to"))?, "the entry that was told");
    ensure!(before.is_same_version_moved(&after), "it is another version after the rename");
    Ok(())
}

fn rename_link(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    fx.write(&p("goal"), b"goal");
    fx.symlink(&p("from"), b"goal");
    fx.replica().rename(&p("from"), &look(fx, &p("from"))?, &p("to"))?;
    same!(fx.target(&p("to")).as_deref(), Some(b"goal".as_slice()), "target");
    vacant(fx, &p("from"), "after rename")?;
    holds(fx, &p("goal"), b"goal", "after rename")
}

fn rename_dir(fx: &dyn Fixture) -> Result {
    fx.write(&p("from/a/b/file"), b"deep");
    fx.mkdir(&p("from/empty"));
    fx.mkdir(&p("parent"));
    let before = look(fx, &p("from"))?;
    let after = fx.replica().rename(&p("from"), &before, &p("parent/to"))?;
    ensure!(before.is_same_version_moved(&after), "it is another directory after the rename");
    holds(fx, &p("parent/to/a/b/file"), b"deep", "after rename")?;
    ensure!(fx.is_dir(&p("parent/to/empty")), "an empty directory got lost");
    vacant(fx, &p("from"), "after rename")?;
    let below = fx.replica().rename(&p("parent"), &look(fx, &p("parent"))?, &p("parent/to/below"));
    ensure!(below.is_err(), "a directory was moved below itself");
    holds(fx, &p("parent/to/a/b/file"), b"deep", "after a refusal")
}

fn rename_taken(fx: &dyn Fixture) -> Result {
    let entry = written(fx, &p("from"), b"from")?;
    fx.write(&p("file"), b"file");
    fx.mkdir(&p("dir"));
    for to in ["file", "dir"] {
        let result = fx.replica().rename(&p("from"), &entry, &p(to));
        refused(result, &[ProblemKind::Exists], to)?;
    }
    fx.mkdir(&p("from dir"));
    let result = fx.replica().rename(&p("from dir"), &look(fx, &p("from dir"))?, &p("dir"));
    refused(result, &[ProblemKind::Exists], "a directory over an empty directory")?;
    ensure!(fx.is_dir(&p("dir")) && fx.is_dir(&p("from dir")), "a directory is gone");
    holds(fx, &p("from"), b"from", "after a refusal")?;
    holds(fx, &p("file"), b"file", "after a refusal")
}

fn rename_stale(fx: &dyn Fixture) -> Result {
    let entry = written(fx, &p("from"), b"seen")?;
    rewritten(fx, &p("from"), b"user's newer");
    refused(fx.replica().rename(&p("from"), &entry, &p("to")), NOT_AS_EXPECTED, "a changed file")?;
    holds(fx, &p("from"), b"user's newer", "after a refusal")?;
    vacant(fx, &p("to"), "after a refusal")?;
    fx.remove(&p("from"));
    refused(fx.replica().rename(&p("from"), &entry, &p("to")), GONE, "a file that is gone")?;
    Ok(())
}

fn rename_missing_parent(fx: &dyn Fixture) -> Result {
    let entry = written(fx, &p("from"), b"x")?;
    let result = fx.replica().rename(&p("from"), &entry, &p("none/to"));
    refused(result, &[ProblemKind::NotFound], "a missing directory")?;
    holds(fx, &p("from"), b"x", "after a refusal")
}

fn rename_spelling(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().shows_spelling, "the side shows no spelling");
    let entry = written(fx, &p("Report.TXT"), b"x")?;
    let after = fx.replica().rename(&p("Report.TXT"), &entry, &p("report.txt"))?;
    same!(names(fx, &RelPath::root()), [b"report.txt".to_vec()], "names");
    holds(fx, &p("report.txt"), b"x", "after rename")?;
    same!(after, look(fx, &p("report.txt"))?, "the entry that was told");
    Ok(())
}

fn spelling_not_shown(fx: &dyn Fixture) -> Result {
    needs!(!fx.replica().abilities().shows_spelling, "the side shows names as they were given");
    let entry = written(fx, &p("report.txt"), b"x")?;
    fx.write(&p("folder/file"), b"y");
    let before = names(fx, &RelPath::root());
    let result = fx.replica().rename(&p("report.txt"), &entry, &p("REPORT.TXT"));
    refused(result, &[ProblemKind::Unsupported], "another spelling of a file")?;
    let result = fx.replica().rename(&p("folder"), &look(fx, &p("folder"))?, &p("FOLDER"));
    refused(result, &[ProblemKind::Unsupported], "another spelling of a directory")?;
    same!(names(fx, &RelPath::root()), before, "names");
    holds(fx, &p("report.txt"), b"x", "after a refusal")?;
    holds(fx, &p("folder/file"), b"y", "after a refusal")?;
    clean(fx, "after a refusal")
}

fn rename_dir_spelling(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().shows_spelling, "the side shows no spelling");
    fx.write(&p("Folder/file"), b"x");
    fx.replica().rename(&p("Folder"), &look(fx, &p("Folder"))?, &p("FOLDER"))?;
    same!(names(fx, &RelPath::root()), [b"FOLDER".to_vec()], "names");
    holds(fx, &p("FOLDER/file"), b"x", "after rename")
}

/// Keeps the version at `at` beside, and says what is expected at `at` from then on: a second name moves the change
/// time of a file.
fn keep(fx: &dyn Fixture, at: &RelPath, entry: &Entry, to: &RelPath) -> Result<Entry> {
    let kept = fx.replica().keep_beside(at, entry, to)?;
    ensure!((kept.kind, kept.size) == (entry.kind, entry.size), "another version was kept: {kept:?}");
    same!(kept, look(fx, to)?, "the kept entry");
    let now = look(fx, at)?;
    ensure!(entry.is_same_version_moved(&now), "keeping it changed what is at the path");
    Ok(now)
}

fn keep_then_replace(fx: &dyn Fixture) -> Result {
    let (at, to) = (p("file.txt"), p("file - clash.txt"));
    let old = written(fx, &at, b"older")?;
    let old = keep(fx, &at, &old, &to)?;
    holds(fx, &at, b"older", "after keeping")?;
    holds(fx, &to, b"older", "after keeping")?;
    ensure!(close(fx, fx.mtime(&to), THEN_NS), "the kept version has another time");
    let staged = stage(fx, Given::file(b"newer"))?;
    fx.replica().install(staged, &at, &Expect::Is(old), Displaced::Drop)?;
    holds(fx, &at, b"newer", "after replace")?;
    holds(fx, &to, b"older", "after replace")?;
    // From here on they are two files.
    rewritten(fx, &at, b"edited in place");
    holds(fx, &to, b"older", "after an edit of the new version")
}

fn keep_twice(fx: &dyn Fixture) -> Result {
    let (at, to) = (p("file"), p("kept"));
    let old = written(fx, &at, b"older")?;
    let old = keep(fx, &at, &old, &to)?;
    let old = keep(fx, &at, &old, &to)?;
    same!(names(fx, &RelPath::root()), [b"file".to_vec(), b"kept".to_vec()], "names");
    let staged = stage(fx, Given::file(b"newer"))?;
    fx.replica().install(staged, &at, &Expect::Is(old), TO_TRASH)?;
    holds(fx, &to, b"older", "after replace")
}

fn keep_taken(fx: &dyn Fixture) -> Result {
    let old = written(fx, &p("file"), b"older")?;
    fx.write(&p("taken"), b"user's");
    fx.mkdir(&p("dir"));
    for to in ["taken", "dir"] {
        let result = fx.replica().keep_beside(&p("file"), &old, &p(to));
        refused(result, &[ProblemKind::Exists], to)?;
    }
    holds(fx, &p("taken"), b"user's", "after a refusal")?;
    holds(fx, &p("file"), b"older", "after a refusal")
}

fn keep_stale(fx: &dyn Fixture) -> Result {
    let old = written(fx, &p("file"), b"older")?;
    rewritten(fx, &p("file"), b"user's newer");
    let result = fx.replica().keep_beside(&p("file"), &old, &p("kept"));
    refused(result, NOT_AS_EXPECTED, "a changed file")?;
    holds(fx, &p("file"), b"user's newer", "after a refusal")?;
    vacant(fx, &p("kept"), "after a refusal")?;
    fx.remove(&p("file"));
    refused(fx.replica().keep_beside(&p("file"), &old, &p("kept")), GONE, "a file that is gone")?;
    Ok(())
}

fn keep_link(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    fx.write(&p("goal"), b"goal");
    fx.symlink(&p("link"), b"goal");
    let old = look(fx, &p("link"))?;
    keep(fx, &p("link"), &old, &p("kept"))?;
    same!(fx.target(&p("kept")).as_deref(), Some(b"goal".as_slice()), "target");
    same!(fx.target(&p("link")).as_deref(), Some(b"goal".as_slice()), "target of the original");
    Ok(())
}

fn keep_missing_parent(fx: &dyn Fixture) -> Result {
    let old = written(fx, &p("file"), b"older")?;
    let result = fx.replica().keep_beside(&p("file"), &old, &p("none/kept"));
    refused(result, &[ProblemKind::NotFound], "a missing directory")?;
    clean(fx, "after a refusal")
}

fn set_all(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let before = written(fx, &at, b"x")?;
    let abilities = fx.replica().abilities();
    let wanted = unusual(fx).unwrap_or_default();
    let mtime_ns = THEN_NS - 86_400_000_000_000;
    let properties = Properties { mtime_ns, attributes: wanted, xattrs: abilities.xattrs.then(xattrs) };
    let after = fx.replica().set_properties(&at, &before, &properties)?;
    same!(after, look(fx, &at)?, "the entry that was told");
    same!(after.attributes, wanted, "attributes");
    if abilities.keeps_mtime {
        ensure!(close(fx, after.mtime_ns, mtime_ns), "mtime is {}", after.mtime_ns);
    }
    same!(fx.replica().properties(&at, &after)?.xattrs, properties.xattrs, "xattrs");
    holds(fx, &at, b"x", "after setting properties")?;
    if abilities.xattrs {
        let without = Properties { xattrs: Some(Xattrs::default()), ..properties };
        let after = fx.replica().set_properties(&at, &after, &without)?;
        same!(fx.replica().properties(&at, &after)?.xattrs, Some(Xattrs::default()), "xattrs taken away");
    }
    Ok(())
}

fn set_dir(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir"));
    let before = look(fx, &p("dir"))?;
    let attributes = match unusual(fx) {
        Some(Attributes::Unix(_)) => Attributes::Unix(0o750),
        other => other.unwrap_or_default(),
    };
    let properties = Properties { attributes, ..plain(THEN_NS) };
    let after = fx.replica().set_properties(&p("dir"), &before, &properties)?;
    same!(after.attributes, attributes, "attributes");
    same!(after.mtime_ns, before.mtime_ns, "the directory's time");
    Ok(())
}

fn set_stale(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let before = written(fx, &at, b"seen")?;
    rewritten(fx, &at, b"user's newer");
    let mtime = fx.mtime(&at);
    let properties = Properties { attributes: unusual(fx).unwrap_or_default(), ..plain(THEN_NS - 5) };
    let result = fx.replica().set_properties(&at, &before, &properties);
    refused(result, NOT_AS_EXPECTED, "a changed file")?;
    same!(fx.mtime(&at), mtime, "the user's mtime");
    let Some(wanted) = unusual(fx) else { return Ok(()) };
    // A change of the attributes alone is another version too.
    let before = look(fx, &at)?;
    fx.chmod(&at, bits(wanted));
    let result = fx.replica().set_properties(&at, &before, &plain(THEN_NS));
    refused(result, NOT_AS_EXPECTED, "a file with other attributes")?;
    same!(look(fx, &at)?.attributes, wanted, "the user's attributes");
    Ok(())
}

fn set_same(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let before = written(fx, &at, b"x")?;
    let properties = fx.replica().properties(&at, &before)?;
    let after = fx.replica().set_properties(&at, &before, &properties)?;
    ensure!(before.is_same_version_moved(&after), "it is another version: {after:?}");
    same!(fx.replica().properties(&at, &after)?, properties, "properties");
    Ok(())
}
