//! What a scan and a look tell.

use std::sync::atomic::{AtomicU64, Ordering};

use sync_core::entry::{Entry, Kind, Reason};
use sync_core::fold::Equivalence;
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::snapshot::Snapshot;

use super::kit::{
    Given, HideHidden, Result, STAMP, StopAfter, THEN_NS, close, ensure, look, needs, noise, p, put, refused,
    request, same, scan, stage, written,
};
use super::{Check, Fixture};
use crate::control::{Control, Uncontrolled};
use crate::filter::{Filter, ShowAll};
use crate::problem::ProblemKind;
use crate::replica::{Displaced, ScanRequest};

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("an empty root is an empty snapshot", empty_root),
    ("a scan finds what is there, with kind, size, time and target", finds_everything),
    ("a scan is sorted by key under the pair's equivalence", sorted_by_key),
    ("two names that the pair folds are both in the snapshot", folding_names_both_show),
    ("look agrees with scan", look_agrees),
    ("look finds nothing where nothing is", look_absent),
    ("the properties of a user's edit show in the next look", edits_show),
    ("a filter hides a name and everything below it, and is counted", filter_hides),
    ("a filter that asks for text hides other files", text_only),
    ("the replica's own things are never in a scan", own_things_hidden),
    ("a directory that cannot be read is unknown, not empty", unreadable_dir),
    ("a pipe is reported and is no entry", pipe),
    ("a link to a directory is a link and is not entered", link_to_dir),
    ("a scan tells how many entries it has seen", entries_seen),
    ("a cancelled scan is an error", cancelled_scan),
    ("a scan may use one thread or many", threads),
    ("a scan of a part shows what the whole shows there, and nothing else", part_of_the_whole),
    ("a part is found in whatever spelling, where the pair folds", part_folds),
];

/// Every entry of a snapshot, with its path as the side spells it.
fn flat(snapshot: &Snapshot) -> Result<Vec<(RelPath, Entry)>> {
    let mut todo = vec![(RelPath::root(), snapshot.root())];
    let mut all = Vec::new();
    while let Some((path, listing)) = todo.pop() {
        for listed in listing.iter() {
            let at = path.join(listed.name).map_err(|error| error.to_string())?;
            if let Some(child) = listed.child.and_then(|id| snapshot.dir(id)) {
                todo.push((at.clone(), child));
            }
            all.push((at, listed.entry));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(all)
}

fn part_of_the_whole(fx: &dyn Fixture) -> Result {
    for path in ["a/b/c/one", "a/b/c/two", "a/b/three", "a/four", "d/five", "six"] {
        fx.write(&p(path), path.as_bytes());
    }
    let whole = flat(&scan(fx)?)?;
    let mut part = Part::default();
    part.add(&p("a/b/three"));
    part.add(&p("a/b/c"));
    part.add(&p("gone"));
    part.add(&p("d/gone/too"));
    part.add_below(&p("six"));
    let seen = |part: &Part| -> Result<Vec<(RelPath, Entry)>> {
        flat(&fx.replica().scan_part(&request(&ShowAll, &Uncontrolled), part)?)
    };
    let names: Vec<_> = seen(&part)?.into_iter().map(|(path, _)| path).collect();
    same!(
        names,
        ["a", "a/b", "a/b/c", "a/b/three", "d", "six"].map(p),
        "the named paths and the way to them"
    );
    part.add_below(&p("a/b"));
    let wanted = |path: &RelPath| path.starts_with(&p("a/b")) || ["a", "d", "six"].map(p).contains(path);
    let expected: Vec<_> = whole.iter().filter(|(path, _)| wanted(path)).cloned().collect();
    same!(seen(&part)?, expected, "with a folder whole");
    same!(seen(&Part::Everything)?, whole, "everything");
    same!(seen(&Part::default())?, [], "nothing");
    Ok(())
}

fn part_folds(fx: &dyn Fixture) -> Result {
    fx.write(&p("Dir/Name"), b"1");
    fx.write(&p("Dir/other"), b"2");
    let equivalence = Equivalence { case: true, form: false };
    let mut part = Part::default();
    part.add(&p("dir/name"));
    let request = ScanRequest { equivalence, ..request(&ShowAll, &Uncontrolled) };
    let seen = flat(&fx.replica().scan_part(&request, &part)?)?;
    let other = |path: &RelPath| path.name().eq_ignore_ascii_case(b"other");
    let expected: Vec<_> = flat(&scan(fx)?)?.into_iter().filter(|(path, _)| !other(path)).collect();
    same!(seen, expected, "as the side spells them");
    Ok(())
}

fn empty_root(fx: &dyn Fixture) -> Result {
    let snapshot = scan(fx)?;
    ensure!(snapshot.root().is_empty(), "something is in an empty root");
    ensure!(snapshot.root().trouble().is_none(), "the root has a trouble");
    same!(snapshot.totals().files + snapshot.totals().dirs, 0, "totals");
    Ok(())
}

fn finds_everything(fx: &dyn Fixture) -> Result {
    fx.mkdir(&p("dir/empty"));
    fx.write(&p("dir/file.txt"), b"hello");
    fx.set_mtime(&p("dir/file.txt"), THEN_NS);
    fx.write(&p("zero"), b"");
    let links = fx.replica().abilities().symlinks;
    if links {
        fx.symlink(&p("link"), b"dir/file.txt");
    }
    let snapshot = scan(fx)?;
    let get = |at: &str| snapshot.get(&p(at)).ok_or_else(|| format!("`{at}` is missing"));
    let file = get("dir/file.txt")?;
    same!((file.entry.kind, file.entry.size), (Kind::File, 5), "dir/file.txt");
    ensure!(close(fx, file.entry.mtime_ns, THEN_NS), "mtime is {}", file.entry.mtime_ns);
    same!(file.name, b"file.txt".as_slice(), "name");
    same!((get("zero")?.entry.kind, get("zero")?.entry.size), (Kind::File, 0), "zero");
    let dir = get("dir")?;
    same!((dir.entry.kind, dir.entry.size), (Kind::Dir, 0), "dir");
    let empty = get("dir/empty")?;
    let listing = empty.child.and_then(|id| snapshot.dir(id)).ok_or("an empty directory has no listing")?;
    ensure!(listing.is_empty() && listing.trouble().is_none(), "an empty directory is not empty");
    if links {
        let link = get("link")?;
        same!((link.entry.kind, link.target), (Kind::Symlink, Some(b"dir/file.txt".as_slice())), "link");
        same!(link.entry.size, 12, "the size of a link is the length of its target");
    }
    let totals = snapshot.totals();
    same!((totals.files, totals.dirs, totals.links), (2, 2, u64::from(links)), "totals");
    same!(totals.bytes, 5, "bytes");
    let abilities = fx.replica().abilities();
    same!(file.entry.file_id.is_some(), abilities.file_ids, "whether there are file ids");
    same!(file.entry.ctime_ns != 0, abilities.ctimes, "whether there are change times");
    Ok(())
}

fn sorted_by_key(fx: &dyn Fixture) -> Result {
    for name in ["b", "C", "a.txt", "Z", "m"] {
        fx.write(&p(name), b"");
    }
    fx.write(&p("a/x"), b"");
    let keys = |equivalence| -> Result<Vec<Vec<u8>>> {
        let request = ScanRequest { equivalence, ..request(&ShowAll, &Uncontrolled) };
        let snapshot = fx.replica().scan(&request)?;
        Ok(snapshot.root().iter().map(|listed| listed.key.to_vec()).collect())
    };
    let words = |words: [&str; 6]| words.map(|word| word.as_bytes().to_vec()).to_vec();
    if fx.replica().abilities().shows_spelling {
        same!(keys(Equivalence::EXACT)?, words(["C", "Z", "a", "a.txt", "b", "m"]), "exact");
    }
    let folding = Equivalence { case: true, form: false };
    same!(keys(folding)?, words(["a", "a.txt", "b", "c", "m", "z"]), "folded");
    Ok(())
}

fn folding_names_both_show(fx: &dyn Fixture) -> Result {
    needs!(!fx.replica().abilities().equivalence.case, "the side folds case");
    fx.write(&p("Name"), b"1");
    fx.write(&p("name"), b"22");
    let equivalence = Equivalence { case: true, form: false };
    let snapshot = fx.replica().scan(&ScanRequest { equivalence, ..request(&ShowAll, &Uncontrolled) })?;
    let found: Vec<_> =
        snapshot.root().iter().map(|listed| (listed.name.to_vec(), listed.entry.size)).collect();
    same!(found, [(b"Name".to_vec(), 1), (b"name".to_vec(), 2)], "both spellings");
    Ok(())
}

fn look_agrees(fx: &dyn Fixture) -> Result {
    fx.write(&p("a/b/file"), &noise(1000));
    fx.write(&p("top"), b"x");
    if fx.replica().abilities().symlinks {
        fx.symlink(&p("a/link"), b"nowhere");
    }
    let snapshot = scan(fx)?;
    let mut todo = vec![(RelPath::root(), snapshot.root())];
    let mut seen = 0;
    while let Some((path, listing)) = todo.pop() {
        for listed in listing.iter() {
            let at = path.join(listed.name).map_err(|error| error.to_string())?;
            same!(look(fx, &at)?, listed.entry, "`{at}`");
            seen += 1;
            if let Some(child) = listed.child.and_then(|id| snapshot.dir(id)) {
                todo.push((at, child));
            }
        }
    }
    ensure!(seen >= 4, "only {seen} entries");
    let root = fx.replica().look(&RelPath::root())?.ok_or("look does not find the root")?;
    same!(root.kind, Kind::Dir, "the root");
    Ok(())
}

fn look_absent(fx: &dyn Fixture) -> Result {
    fx.write(&p("file"), b"");
    fx.mkdir(&p("dir"));
    for at in ["none", "dir/none", "none/deeper", "file/below"] {
        ensure!(fx.replica().look(&p(at))?.is_none(), "something is at `{at}`");
    }
    Ok(())
}

fn edits_show(fx: &dyn Fixture) -> Result {
    let at = p("file");
    let first = written(fx, &at, b"one")?;
    ensure!(first.is_same_version(&look(fx, &at)?), "two looks at one version differ");
    fx.write(&at, b"longer");
    let longer = look(fx, &at)?;
    ensure!(!first.is_same_version(&longer), "another size is the same version");
    fx.set_mtime(&at, THEN_NS + 10_000_000_000);
    ensure!(!longer.is_same_version(&look(fx, &at)?), "another time is the same version");
    if fx.replica().abilities().ctimes {
        // What is left where size and time are as before: the time of the change itself.
        let before = written(fx, &at, b"same size 1")?;
        std::thread::sleep(std::time::Duration::from_millis(30));
        let after = written(fx, &at, b"same size 2")?;
        ensure!(!before.is_same_version(&after), "the change time does not show an edit");
    }
    Ok(())
}

fn filter_hides(fx: &dyn Fixture) -> Result {
    fx.write(&p("hidden dir/below/file"), b"");
    fx.write(&p("dir/hidden.tmp"), b"");
    fx.write(&p("dir/shown"), b"");
    let snapshot = fx.replica().scan(&request(&HideHidden, &Uncontrolled))?;
    let totals = snapshot.totals();
    same!((totals.files, totals.dirs, totals.ignored), (1, 1, 2), "files, directories and ignored names");
    ensure!(snapshot.get(&p("dir/shown")).is_some(), "what is shown is missing");
    ensure!(snapshot.get(&p("hidden dir")).is_none(), "the hidden directory shows");
    same!(snapshot.listing(&p("dir")).map(sync_core::snapshot::Listing::ignored), Some(1), "ignored in dir");
    Ok(())
}

struct TextOnly;

impl Filter for TextOnly {
    fn hides(&self, _: &RelPath, _: &[u8], _: Kind) -> bool {
        false
    }

    fn text_only(&self) -> bool {
        true
    }
}

fn text_only(fx: &dyn Fixture) -> Result {
    fx.write(&p("text"), "Grüße\r\nund\tmehr\n".as_bytes());
    fx.write(&p("empty"), b"");
    fx.write(&p("image"), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06\0\0\0");
    let snapshot = fx.replica().scan(&request(&TextOnly, &Uncontrolled))?;
    let found: Vec<_> = snapshot.root().iter().map(|listed| listed.name.to_vec()).collect();
    same!(found, [b"empty".to_vec(), b"text".to_vec()], "files");
    Ok(())
}

fn own_things_hidden(fx: &dyn Fixture) -> Result {
    let side = fx.replica();
    let marker = crate::Marker { pair: "ab".repeat(16), side: sync_core::side::Side::Left };
    side.set_marker(&marker)?;
    put(fx, &p("kept"), b"kept")?;
    let gone = put(fx, &p("gone"), b"gone")?.entry;
    side.remove(&p("gone"), &gone, Displaced::Trash(STAMP))?;
    let staged = stage(fx, Given::file(b"staged"))?;
    let snapshot = scan(fx)?;
    let found: Vec<_> = snapshot.root().iter().map(|listed| listed.name.to_vec()).collect();
    same!(found, [b"kept".to_vec()], "names in the scan");
    ensure!(snapshot.root().unobserved().is_empty(), "own things are reported as unobserved");
    same!(snapshot.totals().files, 1, "files");
    for own in fx.own_names() {
        let at = RelPath::root().join(&own).map_err(|error| error.to_string())?;
        let seen = side.look(&at);
        ensure!(matches!(seen, Ok(None) | Err(_)), "look shows the own `{at}`");
    }
    side.discard(staged);
    Ok(())
}

fn unreadable_dir(fx: &dyn Fixture) -> Result {
    fx.write(&p("dark/file"), b"x");
    fx.write(&p("light"), b"x");
    needs!(fx.make_unreadable(&p("dark")), "nothing is unreadable to this process here");
    let snapshot = scan(fx)?;
    ensure!(snapshot.get(&p("light")).is_some(), "what can be read is missing");
    let dark = snapshot.get(&p("dark")).ok_or("the directory itself is missing")?;
    let listing = dark.child.and_then(|id| snapshot.dir(id)).ok_or("it has no listing")?;
    same!(listing.trouble().map(|trouble| trouble.reason), Some(Reason::UnreadableDir), "its trouble");
    let below = fx.replica().look(&p("dark/file"));
    ensure!(!matches!(below, Ok(None)), "what cannot be looked at is reported as absent");
    Ok(())
}

fn pipe(fx: &dyn Fixture) -> Result {
    fx.write(&p("file"), b"");
    needs!(fx.make_pipe(&p("pipe")), "no pipes here");
    let snapshot = scan(fx)?;
    ensure!(snapshot.get(&p("pipe")).is_none(), "a pipe is an entry");
    let found: Vec<_> =
        snapshot.root().unobserved().iter().map(|one| (one.name.to_vec(), one.trouble.reason)).collect();
    same!(found, [(b"pipe".to_vec(), Reason::Special)], "unobserved names");
    ensure!(
        !matches!(fx.replica().look(&p("pipe")), Ok(Some(_) | None)),
        "look takes a pipe for an entry or for nothing"
    );
    Ok(())
}

fn link_to_dir(fx: &dyn Fixture) -> Result {
    needs!(fx.replica().abilities().symlinks, "no links");
    fx.write(&p("real/file"), b"x");
    fx.symlink(&p("link"), b"real");
    fx.symlink(&p("real/loop"), b"..");
    let snapshot = scan(fx)?;
    let link = snapshot.get(&p("link")).ok_or("the link is missing")?;
    same!((link.entry.kind, link.child), (Kind::Symlink, None), "the link");
    same!(snapshot.totals().files, 1, "files");
    ensure!(!matches!(fx.replica().look(&p("link/file")), Ok(Some(_))), "look goes through a link");
    Ok(())
}

#[derive(Default)]
struct Counting(AtomicU64);

impl Control for Counting {
    fn entries_seen(&self, entries: u64) {
        self.0.fetch_add(entries, Ordering::SeqCst);
    }
}

fn entries_seen(fx: &dyn Fixture) -> Result {
    for n in 0..20 {
        fx.write(&p(&format!("d{}/f{n}", n % 3)), b"");
    }
    let counting = Counting::default();
    fx.replica().scan(&request(&ShowAll, &counting))?;
    same!(counting.0.load(Ordering::SeqCst), 23, "entries seen");
    Ok(())
}

fn cancelled_scan(fx: &dyn Fixture) -> Result {
    fx.write(&p("dir/file"), b"");
    let stop = StopAfter::bytes(0);
    refused(fx.replica().scan(&request(&ShowAll, &stop)), &[ProblemKind::Cancelled], "a cancelled scan")?;
    Ok(())
}

fn threads(fx: &dyn Fixture) -> Result {
    for n in 0..40 {
        fx.write(&p(&format!("a{}/b{}/f{n}", n % 4, n % 5)), b"12");
    }
    for threads in [1, 2, 8] {
        let snapshot = fx.replica().scan(&ScanRequest { threads, ..request(&ShowAll, &Uncontrolled) })?;
        same!((snapshot.totals().files, snapshot.totals().bytes), (40, 80), "with {threads} threads");
    }
    Ok(())
}
