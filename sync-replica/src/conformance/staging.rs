//! Copies that nobody sees yet.

use super::kit::{
    Given, HideHidden, NOT_AS_EXPECTED, OnBytes, Result, StopAfter, clean, digest, ensure, holds, look,
    names, needs, noise, p, plain, put, refused, request, rewritten, same, scan, stage, written, xattrs,
};
use super::{Check, Fixture};
use crate::control::Uncontrolled;
use crate::problem::ProblemKind;
use crate::replica::{Displaced, Expect};
use crate::source::Properties;
use sync_core::entry::Attributes;
use sync_core::path::RelPath;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a staged copy is in no scan and at no path", staged_is_invisible),
    ("a staged copy tells its digest and its source", staged_tells),
    ("a discarded copy leaves nothing", discard),
    ("a source that turns out stale leaves no copy", stale_source),
    ("a source that cannot be read leaves no copy", broken_source),
    ("a source that changes while it is copied leaves no copy", changing_source),
    ("a copy can be read back and compared", reread),
    ("staging tells how many bytes have passed", staging_bytes),
    ("cancelled staging is an error and leaves no copy", staging_cancelled),
    ("a file is copied within the side", copy_within),
    ("extended attributes are staged with the copy", staged_xattrs),
    ("settling many copies at once is one call", settle_many),
    ("staged copies of a killed process are removed by recover", leftovers),
];

fn staged_is_invisible(fx: &dyn Fixture) -> Result {
    let staged = stage(fx, Given::file(b"secret"))?;
    ensure!(scan(fx)?.root().is_empty(), "the scan shows it");
    ensure!(names(fx, &RelPath::root()).is_empty(), "it lies among the user's names");
    same!(fx.staged_count(), 1, "staged copies");
    fx.replica().discard(staged);
    Ok(())
}

fn staged_tells(fx: &dyn Fixture) -> Result {
    let given = Given::file(&noise(100_000));
    let (content, entry) = (given.content.get_ref().clone(), given.entry);
    let staged = stage(fx, given)?;
    same!(staged.source, entry, "the source");
    if let Some(found) = staged.digest {
        same!(found, digest(&content), "the digest");
    }
    same!(staged.xattrs.is_some(), fx.replica().abilities().xattrs, "whether xattrs are told");
    fx.replica().discard(staged);
    Ok(())
}

fn discard(fx: &dyn Fixture) -> Result {
    let staged = stage(fx, Given::file(&noise(100_000)))?;
    fx.replica().discard(staged);
    clean(fx, "after discard")?;
    if fx.replica().abilities().symlinks {
        fx.replica().discard(stage(fx, Given::link(b"somewhere"))?);
        clean(fx, "after discarding a link")?;
    }
    Ok(())
}

fn stale_source(fx: &dyn Fixture) -> Result {
    let mut given = Given::file(b"moving");
    given.stale = true;
    refused(fx.replica().stage(&mut given, false, &Uncontrolled), NOT_AS_EXPECTED, "a stale source")?;
    clean(fx, "after a stale source")
}

fn broken_source(fx: &dyn Fixture) -> Result {
    let mut given = Given::file(&noise(500_000));
    given.breaks = true;
    refused(fx.replica().stage(&mut given, false, &Uncontrolled), &[ProblemKind::Io], "a broken source")?;
    clean(fx, "after a broken source")
}

fn changing_source(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let entry = written(fx, &at, &noise(3_000_000))?;
    let mut source = fx.replica().open(&at, &entry)?;
    let edit = OnBytes::new(|| rewritten(fx, &at, b"short now"));
    let result = fx.replica().stage(source.as_mut(), false, &edit);
    ensure!(edit.acted(), "no bytes were told of");
    refused(result, &[ProblemKind::Stale, ProblemKind::Io], "a source that changes")?;
    holds(fx, &at, b"short now", "after a source that changes")
}

fn reread(fx: &dyn Fixture) -> Result {
    let content = noise(300_000);
    let staged = fx.replica().stage(&mut Given::file(&content), true, &Uncontrolled)?;
    fx.replica().settle(&[&staged])?;
    fx.replica().install(staged, &p("file"), &Expect::Absent, Displaced::Drop)?;
    holds(fx, &p("file"), &content, "after reading back")
}

fn staging_bytes(fx: &dyn Fixture) -> Result {
    let count = OnBytes::new(|| ());
    let staged = fx.replica().stage(&mut Given::file(&noise(1_500_000)), false, &count)?;
    same!(count.bytes.into_inner(), 1_500_000, "bytes told of");
    fx.replica().discard(staged);
    Ok(())
}

fn staging_cancelled(fx: &dyn Fixture) -> Result {
    let content = noise(8 << 20);
    for limit in [0, 1] {
        let stop = StopAfter::bytes(limit);
        let result = fx.replica().stage(&mut Given::file(&content), false, &stop);
        refused(result, &[ProblemKind::Cancelled], &format!("staging stopped after {limit} bytes"))?;
        clean(fx, "after a cancelled copy")?;
    }
    // From a file of the side, where the bytes need not pass through.
    let entry = written(fx, &p("file"), &content)?;
    let mut source = fx.replica().open(&p("file"), &entry)?;
    let result = fx.replica().stage(source.as_mut(), false, &StopAfter::bytes(0));
    refused(result, &[ProblemKind::Cancelled], "staging a file of the side, stopped")?;
    clean(fx, "after a cancelled copy within the side")
}

fn copy_within(fx: &dyn Fixture) -> Result {
    for content in [Vec::new(), noise(2_000_003)] {
        let entry = written(fx, &p("from"), &content)?;
        let mut source = fx.replica().open(&p("from"), &entry)?;
        let staged = fx.replica().stage(source.as_mut(), false, &Uncontrolled)?;
        if let Some(found) = staged.digest {
            same!(found, digest(&content), "the digest");
        }
        fx.replica().settle(&[&staged])?;
        let installed = fx.replica().install(staged, &p("to"), &Expect::Absent, Displaced::Drop)?;
        same!(installed.entry.size, content.len() as u64, "size");
        holds(fx, &p("to"), &content, "the copy")?;
        // Another file, not another name: an edit of one must not show in the other.
        rewritten(fx, &p("from"), b"edited");
        holds(fx, &p("to"), &content, "the copy after an edit of the original")?;
        fx.remove(&p("to"));
        fx.remove(&p("from"));
    }
    Ok(())
}

fn staged_xattrs(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().xattrs, "no extended attributes");
    let properties =
        Properties { xattrs: Some(xattrs()), attributes: Attributes::NotHeld, ..plain(super::kit::THEN_NS) };
    let staged = stage(fx, Given::file(b"x").with(properties))?;
    same!(staged.xattrs, Some(xattrs().digest()), "the staged xattrs");
    fx.replica().install(staged, &p("file"), &Expect::Absent, Displaced::Drop)?;
    let found = fx.replica().properties(&p("file"), &look(fx, &p("file"))?)?.xattrs;
    same!(found, Some(xattrs()), "the installed xattrs");
    Ok(())
}

fn settle_many(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let mut staged = Vec::new();
    for n in 0..10_u8 {
        staged.push(side.stage(&mut Given::file(&[n; 100]), false, &Uncontrolled)?);
    }
    side.settle(&staged.iter().collect::<Vec<_>>())?;
    side.settle(&[])?;
    for (n, staged) in staged.into_iter().enumerate() {
        side.install(staged, &p(&format!("f{n}")), &Expect::Absent, Displaced::Drop)?;
    }
    for n in 0..10_u8 {
        holds(fx, &p(&format!("f{n}")), &[n; 100], "after settling many")?;
    }
    side.flush()?;
    Ok(())
}

fn leftovers(fx: &dyn Fixture) -> Result {
    put(fx, &p("kept"), b"kept")?;
    let staged = (stage(fx, Given::file(b"one"))?, stage(fx, Given::file(&noise(100_000)))?);
    // A killed process does not clean up.
    std::mem::forget(staged);
    same!(fx.staged_count(), 2, "staged copies before");
    let next = fx.restarted();
    let recovered = next.replica().recover()?;
    same!(recovered.removed, 2, "staged copies removed");
    ensure!(recovered.restored.is_empty(), "something was restored: {:?}", recovered.restored);
    holds(next.as_ref(), &p("kept"), b"kept", "after recover")?;
    let snapshot = next.replica().scan(&request(&HideHidden, &Uncontrolled))?;
    same!(snapshot.totals().files, 1, "files after recover");
    Ok(())
}
