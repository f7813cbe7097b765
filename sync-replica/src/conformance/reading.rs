//! Reading contents and properties.

use std::io::Read;

use sync_core::entry::Kind;

use super::kit::{
    GONE, NOT_AS_EXPECTED, OnBytes, Result, StopAfter, THEN_NS, close, digest, ensure, look, needs, noise, p,
    refused, rewritten, same, unusual, written, xattrs,
};
use super::{Check, Fixture};
use crate::control::Uncontrolled;
use crate::problem::ProblemKind;
use crate::source::Source;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a content is digested as it is", digests),
    ("a content of another version is stale before it is read", contents_stale_before),
    ("a content that changes while it is read is stale", contents_stale_after),
    ("digesting tells how many bytes have passed", contents_bytes),
    ("cancelled digesting is an error", contents_cancelled),
    ("the digest of extended attributes comes with the content", contents_xattrs),
    ("an open file reads from its start, once", open_reads),
    ("an open link has its target and no content", open_link),
    ("what an open version carries is what is at the path", open_properties),
    ("another version, and what is gone, is not opened", open_stale),
    ("an open version that did not change is confirmed", confirm_unchanged),
    ("an open version that changed is not confirmed", confirm_changed),
    ("an edit after a confirmation gets another fingerprint", edit_after_confirm),
    ("properties are told for files, links and directories", properties_told),
    ("the properties of another version are stale", properties_stale),
];

fn digests(fx: &dyn Fixture) -> Result {
    for (name, content) in [("empty", Vec::new()), ("small", b"hello".to_vec()), ("large", noise(3_000_001))]
    {
        let entry = written(fx, &p(name), &content)?;
        let contents = fx.replica().contents(&p(name), &entry, &Uncontrolled)?;
        same!(contents.digest, digest(&content), "digest of {name}");
        same!(contents.xattrs.is_some(), fx.replica().abilities().xattrs, "whether xattrs are told");
    }
    Ok(())
}

fn contents_stale_before(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let entry = written(fx, &at, b"one")?;
    rewritten(fx, &at, b"two");
    refused(fx.replica().contents(&at, &entry, &Uncontrolled), NOT_AS_EXPECTED, "a changed file")?;
    fx.remove(&at);
    refused(fx.replica().contents(&at, &entry, &Uncontrolled), GONE, "a removed file")?;
    Ok(())
}

fn contents_stale_after(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let entry = written(fx, &at, &noise(2_000_000))?;
    let edit = OnBytes::new(|| rewritten(fx, &at, &noise(2_000_001)));
    refused(
        fx.replica().contents(&at, &entry, &edit),
        NOT_AS_EXPECTED,
        "a file that grows while it is read",
    )?;
    ensure!(edit.acted(), "no bytes were told of");
    Ok(())
}

fn contents_bytes(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let entry = written(fx, &at, &noise(1_500_000))?;
    let count = OnBytes::new(|| ());
    fx.replica().contents(&at, &entry, &count)?;
    same!(count.bytes.into_inner(), 1_500_000, "bytes told of");
    Ok(())
}

fn contents_cancelled(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let entry = written(fx, &at, &noise(8 << 20))?;
    for limit in [0, 1] {
        let stop = StopAfter::bytes(limit);
        let result = fx.replica().contents(&at, &entry, &stop);
        refused(result, &[ProblemKind::Cancelled], &format!("digesting stopped after {limit} bytes"))?;
    }
    Ok(())
}

fn contents_xattrs(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().xattrs, "no extended attributes");
    let at = p("file");
    fx.write(&at, b"x");
    let none = fx.replica().contents(&at, &look(fx, &at)?, &Uncontrolled)?.xattrs;
    same!(none, Some(crate::Xattrs::default().digest()), "the digest of no xattrs");
    for (name, value) in xattrs().0 {
        fx.set_xattr(&at, &name, &value);
    }
    let some = fx.replica().contents(&at, &look(fx, &at)?, &Uncontrolled)?.xattrs;
    same!(some, Some(xattrs().digest()), "the digest of two xattrs");
    Ok(())
}

fn read_to_end(source: &mut dyn Source) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn open_reads(fx: &dyn Fixture) -> Result {
    for content in [Vec::new(), noise(700_001)] {
        let entry = written(fx, &p("file"), &content)?;
        let mut source = fx.replica().open(&p("file"), &entry)?;
        ensure!(read_to_end(source.as_mut())? == content, "other bytes came");
        ensure!(read_to_end(source.as_mut())?.is_empty(), "the content came twice");
        ensure!(source.target().is_none(), "a file has a target");
        ensure!(entry.is_same_version(source.entry()), "another version was opened: {:?}", source.entry());
    }
    Ok(())
}

fn open_link(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    fx.write(&p("there"), b"content");
    for (name, target) in [("link", "there"), ("dangling", "no/where")] {
        fx.symlink(&p(name), target.as_bytes());
        let entry = look(fx, &p(name))?;
        let mut source = fx.replica().open(&p(name), &entry)?;
        same!(source.target(), Some(target.as_bytes()), "target of {name}");
        same!(source.entry().kind, Kind::Symlink, "kind of {name}");
        ensure!(read_to_end(source.as_mut())?.is_empty(), "{name} was followed");
        source.confirm()?;
    }
    Ok(())
}

fn open_properties(fx: &dyn Fixture) -> Result {
    let at = p("file");
    fx.write(&at, b"x");
    let abilities = fx.replica().abilities();
    if abilities.xattrs {
        for (name, value) in xattrs().0 {
            fx.set_xattr(&at, &name, &value);
        }
    }
    let wanted = unusual(fx).unwrap_or_default();
    fx.chmod(&at, super::kit::bits(wanted));
    fx.set_mtime(&at, THEN_NS);
    let entry = look(fx, &at)?;
    let source = fx.replica().open(&at, &entry)?;
    let found = source.properties().clone();
    same!(found, fx.replica().properties(&at, &entry)?, "properties of the open and of the looked at");
    ensure!(close(fx, found.mtime_ns, THEN_NS), "mtime is {}", found.mtime_ns);
    same!(found.attributes, wanted, "attributes");
    same!(found.xattrs, abilities.xattrs.then(xattrs), "xattrs");
    Ok(())
}

fn open_stale(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let entry = written(fx, &at, b"one")?;
    rewritten(fx, &at, b"two");
    refused(fx.replica().open(&at, &entry), NOT_AS_EXPECTED, "a changed file")?;
    fx.remove(&at);
    refused(fx.replica().open(&at, &entry), GONE, "a removed file")?;
    fx.mkdir(&at);
    refused(fx.replica().open(&at, &entry), NOT_AS_EXPECTED, "a directory in its place")?;
    Ok(())
}

fn confirm_unchanged(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let entry = written(fx, &at, b"steady")?;
    let mut source = fx.replica().open(&at, &entry)?;
    read_to_end(source.as_mut())?;
    same!(source.confirm()?, entry, "the confirmed version");
    Ok(())
}

fn confirm_changed(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let change: [(&str, &dyn Fn()); 3] = [
        ("written in place", &|| rewritten(fx, &at, b"other!")),
        ("grown", &|| rewritten(fx, &at, b"steady and more")),
        ("replaced", &|| {
            fx.remove(&at);
            rewritten(fx, &at, b"anew!!");
        }),
    ];
    for (what, act) in change {
        let entry = written(fx, &at, b"steady")?;
        let mut source = fx.replica().open(&at, &entry)?;
        let mut first = [0; 3];
        source.read_exact(&mut first).map_err(|error| error.to_string())?;
        act();
        refused(source.confirm(), GONE, what)?;
    }
    Ok(())
}

fn edit_after_confirm(fx: &dyn Fixture) -> Result {
    // No time is set here: the side's own clock has to tell the two versions apart.
    let at = p("file");
    for round in 0..3 {
        fx.write(&at, b"first version");
        let entry = look(fx, &at)?;
        let mut source = fx.replica().open(&at, &entry)?;
        read_to_end(source.as_mut())?;
        let confirmed = source.confirm()?;
        drop(source);
        fx.write(&at, b"other version");
        let now = look(fx, &at)?;
        ensure!(
            !confirmed.is_same_version(&now),
            "round {round}: an edit right after looks like the confirmed version"
        );
    }
    Ok(())
}

fn properties_told(fx: &dyn Fixture) -> Result {
    let file = written(fx, &p("file"), b"x")?;
    same!(fx.replica().properties(&p("file"), &file)?.attributes, file.attributes, "a file's attributes");
    fx.mkdir(&p("dir"));
    let dir = look(fx, &p("dir"))?;
    same!(fx.replica().properties(&p("dir"), &dir)?.attributes, dir.attributes, "a directory's attributes");
    if fx.replica().abilities().symlinks {
        fx.symlink(&p("link"), b"nowhere");
        fx.replica().properties(&p("link"), &look(fx, &p("link"))?)?;
    }
    Ok(())
}

fn properties_stale(fx: &dyn Fixture) -> Result {
    let entry = written(fx, &p("file"), b"x")?;
    rewritten(fx, &p("file"), b"y");
    refused(fx.replica().properties(&p("file"), &entry), NOT_AS_EXPECTED, "a changed file")?;
    Ok(())
}
