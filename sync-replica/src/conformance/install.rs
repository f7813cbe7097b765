//! Putting a version in place.

use sync_core::entry::Kind;

use super::kit::{
    GONE, Given, NOT_AS_EXPECTED, Result, TAKEN, THEN_NS, TO_TRASH, clean, close, ensure, holds, look, needs,
    noise, p, plain, put, refused, rewritten, same, stage, unusual, vacant, written, xattrs,
};
use super::{Check, Fixture};
use crate::problem::ProblemKind;
use crate::replica::{Displaced, Expect};
use crate::source::Properties;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a new file is installed and told as it is", install_new),
    ("an empty file is installed", install_empty),
    ("a large file is installed whole", install_large),
    ("a file with holes is installed whole", install_sparse),
    ("the expected version is replaced and dropped", replace_drop),
    ("the expected version is replaced and goes to the trash", replace_trash),
    ("two versions of one path go to the trash side by side", trash_twice),
    ("what is there is not overwritten where nothing was expected", absent_refuses),
    ("another version than expected is not touched", stale_target),
    ("a version that only its change time tells apart is not touched", stale_by_ctime),
    ("a version that vanished is not replaced", vanished_target),
    ("a directory is not replaced by a file", directory_target),
    ("an installed version can be replaced at once by what was told", replace_told),
    ("nothing is installed into a missing directory", missing_parent),
    ("nothing is installed below a file", file_parent),
    ("nothing is installed through a link", link_parent),
    ("time, attributes and xattrs travel with a version", properties_travel),
    ("a side that holds no such attributes keeps its own default", foreign_attributes),
    ("a read-only file is replaced", replace_read_only),
    ("links are installed as links, dangling ones too", install_links),
    ("a link gives way to a file and a file to a link", link_and_file),
    ("an old handle of a file still reads the old version", old_handle),
];

fn install_new(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir"));
    let at = p("dir/file");
    let installed = put(fx, &at, b"hello")?;
    ensure!(installed.trashed.is_none(), "something went to the trash");
    holds(fx, &at, b"hello", "after install")?;
    same!(installed.entry, look(fx, &at)?, "the entry that was told");
    same!((installed.entry.kind, installed.entry.size), (Kind::File, 5), "kind and size");
    same!(fx.trash_count(), 0, "things in the trash");
    Ok(())
}

fn install_empty(fx: &dyn Fixture) -> Result {
    same!(put(fx, &p("file"), b"")?.entry.size, 0, "size");
    holds(fx, &p("file"), b"", "after install")
}

fn install_large(fx: &dyn Fixture) -> Result {
    let content = noise((8 << 20) + 17);
    put(fx, &p("file"), &content)?;
    holds(fx, &p("file"), &content, "after install")
}

fn install_sparse(fx: &dyn Fixture) -> Result {
    // Data at the start, in the middle and at the very end; and one that ends in a hole.
    let mut content = vec![0; 6 << 20];
    content[..5].copy_from_slice(b"start");
    content[3 << 20..][..6].copy_from_slice(b"middle");
    let hole_at_end = content.clone();
    content.extend_from_slice(b"end");
    for (name, content) in [("a", content), ("b", hole_at_end)] {
        put(fx, &p(name), &content)?;
        holds(fx, &p(name), &content, "after install")?;
        let entry = look(fx, &p(name))?;
        let mut source = fx.replica().open(&p(name), &entry)?;
        let staged = fx.replica().stage(source.as_mut(), true, &crate::Uncontrolled)?;
        let copy = p(&format!("copy of {name}"));
        fx.replica().settle(&[&staged])?;
        fx.replica().install(staged, &copy, &Expect::Absent, Displaced::Drop)?;
        holds(fx, &copy, &content, "after a copy within the side")?;
    }
    Ok(())
}

fn replace_drop(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let old = written(fx, &at, b"old")?;
    let staged = stage(fx, Given::file(b"new one"))?;
    let installed = fx.replica().install(staged, &at, &Expect::Is(old), Displaced::Drop)?;
    ensure!(installed.trashed.is_none(), "it went to the trash");
    holds(fx, &at, b"new one", "after replace")?;
    same!(installed.entry, look(fx, &at)?, "the entry that was told");
    same!(fx.trash_count(), 0, "things in the trash");
    Ok(())
}

fn replace_trash(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir"));
    let at = p("dir/file");
    let old = written(fx, &at, b"old")?;
    let staged = stage(fx, Given::file(b"new one"))?;
    let installed = fx.replica().install(staged, &at, &Expect::Is(old), TO_TRASH)?;
    holds(fx, &at, b"new one", "after replace")?;
    let trashed = installed.trashed.ok_or("no place in the trash was told")?;
    same!(fx.trashed(&trashed).as_deref(), Some(b"old".as_slice()), "what is in the trash");
    same!(fx.trash_count(), 1, "things in the trash");
    Ok(())
}

fn trash_twice(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let mut places = Vec::new();
    let mut entry = written(fx, &at, b"version 0")?;
    for n in 1..=3 {
        let staged = stage(fx, Given::file(format!("version {n}").as_bytes()))?;
        let installed = fx.replica().install(staged, &at, &Expect::Is(entry), TO_TRASH)?;
        entry = installed.entry;
        places.push(installed.trashed.ok_or("no place in the trash was told")?);
    }
    for (n, place) in places.iter().enumerate() {
        let wanted = format!("version {n}").into_bytes();
        same!(fx.trashed(place), Some(wanted), "version {n} in the trash");
    }
    Ok(())
}

fn absent_refuses(fx: &dyn Fixture) -> Result {
    fx.write(&p("file"), b"user's");
    fx.write(&p("dir/in it"), b"user's");
    let links = fx.replica().abilities().symlinks;
    if links {
        fx.symlink(&p("link"), b"nowhere");
    }
    for name in ["file", "dir", "link"].into_iter().take(if links { 3 } else { 2 }) {
        let staged = stage(fx, Given::file(b"ours"))?;
        let result = fx.replica().install(staged, &p(name), &Expect::Absent, TO_TRASH);
        refused(result, TAKEN, name)?;
    }
    holds(fx, &p("file"), b"user's", "after a refusal")?;
    holds(fx, &p("dir/in it"), b"user's", "after a refusal")?;
    ensure!(!links || fx.target(&p("link")).is_some(), "the link is gone");
    same!(fx.trash_count(), 0, "things in the trash");
    Ok(())
}

fn stale_target(fx: &dyn Fixture) -> Result {
    let at = p("file");
    for displaced in [Displaced::Drop, TO_TRASH] {
        let old = written(fx, &at, b"seen")?;
        let staged = stage(fx, Given::file(b"ours"))?;
        rewritten(fx, &at, b"user's newer");
        let mtime = fx.mtime(&at);
        let result = fx.replica().install(staged, &at, &Expect::Is(old), displaced);
        refused(result, NOT_AS_EXPECTED, "a changed target")?;
        holds(fx, &at, b"user's newer", "after a refusal")?;
        same!(fx.mtime(&at), mtime, "the user's mtime");
        same!(fx.trash_count(), 0, "things in the trash");
    }
    Ok(())
}

fn stale_by_ctime(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().ctimes, "no change times");
    let at = p("file");
    let old = written(fx, &at, b"1234")?;
    std::thread::sleep(std::time::Duration::from_millis(30));
    written(fx, &at, b"5678")?;
    let staged = stage(fx, Given::file(b"ours"))?;
    let result = fx.replica().install(staged, &at, &Expect::Is(old), Displaced::Drop);
    refused(result, NOT_AS_EXPECTED, "a target changed with its size and time kept")?;
    holds(fx, &at, b"5678", "after a refusal")
}

fn vanished_target(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let old = written(fx, &at, b"old")?;
    let staged = stage(fx, Given::file(b"new"))?;
    fx.remove(&at);
    let result = fx.replica().install(staged, &at, &Expect::Is(old), TO_TRASH);
    refused(result, GONE, "a target that vanished")?;
    vacant(fx, &at, "after a refusal")
}

fn directory_target(fx: &dyn Fixture) -> Result {
    let at = p("path");
    let old = written(fx, &at, b"old")?;
    let staged = stage(fx, Given::file(b"new"))?;
    fx.remove(&at);
    fx.write(&p("path/inside"), b"user's");
    let result = fx.replica().install(staged, &at, &Expect::Is(old), TO_TRASH);
    refused(result, NOT_AS_EXPECTED, "a directory at the path")?;
    holds(fx, &p("path/inside"), b"user's", "after a refusal")
}

fn replace_told(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let mut entry = put(fx, &at, b"version 0")?.entry;
    for n in 1..5 {
        let content = format!("version {n}");
        let staged = stage(fx, Given::file(content.as_bytes()))?;
        entry = fx.replica().install(staged, &at, &Expect::Is(entry), Displaced::Drop)?.entry;
        holds(fx, &at, content.as_bytes(), "after replace")?;
    }
    Ok(())
}

fn missing_parent(fx: &dyn Fixture) -> Result {
    for at in ["none/file", "none/deeper/file"] {
        let staged = stage(fx, Given::file(b"x"))?;
        let result = fx.replica().install(staged, &p(at), &Expect::Absent, Displaced::Drop);
        refused(result, &[ProblemKind::NotFound], at)?;
    }
    vacant(fx, &p("none"), "after a refusal")
}

fn file_parent(fx: &dyn Fixture) -> Result {
    fx.write(&p("file"), b"user's");
    let staged = stage(fx, Given::file(b"x"))?;
    let result = fx.replica().install(staged, &p("file/below"), &Expect::Absent, Displaced::Drop);
    ensure!(result.is_err(), "it was installed below a file");
    holds(fx, &p("file"), b"user's", "after a refusal")
}

fn link_parent(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    let victim = written_in(fx, "real/victim")?;
    fx.symlink(&p("link"), b"real");
    let staged = stage(fx, Given::file(b"x"))?;
    let result = fx.replica().install(staged, &p("link/new"), &Expect::Absent, Displaced::Drop);
    ensure!(result.is_err(), "it was installed through a link");
    let staged = stage(fx, Given::file(b"x"))?;
    let result = fx.replica().install(staged, &p("link/victim"), &Expect::Is(victim), Displaced::Drop);
    ensure!(result.is_err(), "it was replaced through a link");
    ensure!(
        fx.replica().remove(&p("link/victim"), &victim, Displaced::Drop).is_err(),
        "removed through a link"
    );
    let result = fx.replica().make_dir(&p("link/dir"), &plain(0), &Expect::Absent, Displaced::Drop);
    ensure!(result.is_err(), "a directory was made through a link");
    vacant(fx, &p("real/new"), "after a refusal")?;
    vacant(fx, &p("real/dir"), "after a refusal")?;
    holds(fx, &p("real/victim"), b"victim", "after a refusal")
}

fn written_in(fx: &dyn Fixture, at: &str) -> Result<sync_core::entry::Entry> {
    fx.mkdir(&p(at).parent().unwrap_or_default());
    written(fx, &p(at), b"victim")
}

fn properties_travel(fx: &dyn Fixture) -> Result {
    let abilities = fx.replica().abilities();
    let wanted = unusual(fx).unwrap_or_default();
    let old = written(fx, &p("old"), b"old")?;
    for (name, expect) in [("new", Expect::Absent), ("old", Expect::Is(old))] {
        let properties = Properties {
            mtime_ns: THEN_NS - 1_000_000_000_000,
            attributes: wanted,
            xattrs: abilities.xattrs.then(xattrs),
        };
        let staged = stage(fx, Given::file(b"content").with(properties))?;
        let entry = fx.replica().install(staged, &p(name), &expect, Displaced::Drop)?.entry;
        same!(entry.attributes, wanted, "attributes of {name}");
        if abilities.keeps_mtime {
            let mtime = THEN_NS - 1_000_000_000_000;
            ensure!(close(fx, entry.mtime_ns, mtime), "{name}: told mtime is {}", entry.mtime_ns);
            ensure!(close(fx, fx.mtime(&p(name)), mtime), "{name}: mtime is {}", fx.mtime(&p(name)));
        }
        let found = fx.replica().properties(&p(name), &entry)?;
        same!(found.xattrs, abilities.xattrs.then(xattrs), "xattrs of {name}");
    }
    Ok(())
}

fn foreign_attributes(fx: &dyn Fixture) -> Result {
    use sync_core::abilities::AttributeKind;
    use sync_core::entry::Attributes;
    let foreign = match fx.replica().abilities().attributes {
        AttributeKind::Unix => Attributes::Windows(0x1),
        AttributeKind::Windows | AttributeKind::None => Attributes::Unix(0o000),
    };
    let usual = put(fx, &p("usual"), b"x")?.entry.attributes;
    let properties = Properties { attributes: foreign, ..plain(THEN_NS) };
    let staged = stage(fx, Given::file(b"x").with(properties))?;
    let entry = fx.replica().install(staged, &p("file"), &Expect::Absent, Displaced::Drop)?.entry;
    same!(entry.attributes, usual, "attributes");
    Ok(())
}

fn replace_read_only(fx: &dyn Fixture) -> Result {
    use sync_core::abilities::AttributeKind;
    let bits = match fx.replica().abilities().attributes {
        AttributeKind::Unix => 0o444,
        AttributeKind::Windows => 0x1,
        AttributeKind::None => return Err(super::Miss::NotApplicable("no attributes".to_owned())),
    };
    let at = p("file");
    written(fx, &at, b"old")?;
    fx.chmod(&at, bits);
    let old = look(fx, &at)?;
    let staged = stage(fx, Given::file(b"new"))?;
    fx.replica().install(staged, &at, &Expect::Is(old), TO_TRASH)?;
    holds(fx, &at, b"new", "after replace")?;
    fx.chmod(&at, bits);
    let entry = look(fx, &at)?;
    fx.replica().remove(&at, &entry, Displaced::Drop)?;
    vacant(fx, &at, "after remove")
}

fn install_links(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    fx.write(&p("there"), b"content");
    for (name, target) in [("link", "there"), ("dangling", "no/where"), ("up", "../outside")] {
        let staged = stage(fx, Given::link(target.as_bytes()))?;
        let entry = fx.replica().install(staged, &p(name), &Expect::Absent, Displaced::Drop)?.entry;
        same!(entry.kind, Kind::Symlink, "kind of {name}");
        same!(fx.target(&p(name)).as_deref(), Some(target.as_bytes()), "target of {name}");
        same!(entry, look(fx, &p(name))?, "the entry that was told");
        let copy = p(&format!("copy of {name}"));
        let mut source = fx.replica().open(&p(name), &entry)?;
        let staged = fx.replica().stage(source.as_mut(), false, &crate::Uncontrolled)?;
        fx.replica().install(staged, &copy, &Expect::Absent, Displaced::Drop)?;
        same!(fx.target(&copy).as_deref(), Some(target.as_bytes()), "target of a copy of {name}");
    }
    clean(fx, "after links")
}

fn link_and_file(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    let at = p("path");
    fx.write(&p("goal"), b"goal");
    let file = written(fx, &at, b"file")?;
    let staged = stage(fx, Given::link(b"goal"))?;
    let installed = fx.replica().install(staged, &at, &Expect::Is(file), TO_TRASH)?;
    same!(fx.target(&at).as_deref(), Some(b"goal".as_slice()), "the link");
    let trashed = installed.trashed.ok_or("no place in the trash was told")?;
    same!(fx.trashed(&trashed).as_deref(), Some(b"file".as_slice()), "the file in the trash");
    let staged = stage(fx, Given::file(b"file again"))?;
    fx.replica().install(staged, &at, &Expect::Is(installed.entry), TO_TRASH)?;
    holds(fx, &at, b"file again", "after replacing the link")?;
    holds(fx, &p("goal"), b"goal", "after replacing the link")
}

fn old_handle(fx: &dyn Fixture) -> Result {
    use std::io::Read;
    let at = p("file");
    let content = noise(1_000_000);
    let old = written(fx, &at, &content)?;
    let mut source = fx.replica().open(&at, &old)?;
    let mut read = vec![0; 10];
    source.read_exact(&mut read).map_err(|error| error.to_string())?;
    let staged = stage(fx, Given::file(b"new"))?;
    match fx.replica().install(staged, &at, &Expect::Is(old), Displaced::Drop) {
        // Some systems do not replace a file that is open; they may say so.
        Err(problem) if problem.kind == ProblemKind::InUse => {
            holds(fx, &at, &content, "after a refusal")?;
        }
        Err(problem) => return Err(problem.into()),
        Ok(_) => {
            source.read_to_end(&mut read).map_err(|error| error.to_string())?;
            ensure!(read == content, "the handle reads a mixture");
            refused(source.confirm(), GONE, "the replaced source")?;
            holds(fx, &at, b"new", "after replace")?;
        }
    }
    Ok(())
}
