//! What a list of one directory tells.

use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::snapshot::Listing;

use super::kit::{HideHidden, Result, StopAfter, ensure, needs, p, refused, request, same, scan};
use super::{Check, Fixture};
use crate::control::Uncontrolled;
use crate::filter::ShowAll;
use crate::problem::ProblemKind;
use crate::replica::ScanRequest;

pub(super) const CHECKS: &[(&str, Check)] = &[
    ("a list of any directory shows what a scan shows there, and enters nothing", as_a_scan),
    ("a list hides what a scan hides, and sorts as a scan sorts", hides_and_sorts),
    ("a list of what is gone, of a file and of a root that is away says which it is", says_why),
    ("a list of a directory that cannot be read is an error", unreadable),
    ("a cancelled list is an error", cancelled),
];

fn list(fx: &dyn Fixture, at: &RelPath) -> std::result::Result<Listing, crate::Problem> {
    fx.replica().list(at, &request(&ShowAll, &Uncontrolled))
}

/// Everything a listing says, but for what lies below.
fn told(listing: &Listing) -> Vec<String> {
    let entries = listing.iter().map(|listed| {
        let name = listed.name.escape_ascii();
        format!("{name} {:?} {:?} {}", listed.entry, listed.target, listed.key.escape_ascii())
    });
    let unobserved = listing.unobserved().iter();
    let unobserved = unobserved.map(|one| format!("{} {:?}", one.name.escape_ascii(), one.trouble.reason));
    entries.chain(unobserved).chain([format!("hides {}", listing.ignored())]).collect()
}

fn as_a_scan(fx: &dyn Fixture) -> Result {
    for path in ["one", "a/two", "a/three", "a/b/four", "c/five"] {
        fx.write(&p(path), path.as_bytes());
    }
    fx.mkdir(&p("a/empty"));
    if fx.replica().abilities().symlinks {
        fx.symlink(&p("a/link"), b"b");
    }
    fx.make_pipe(&p("a/pipe"));
    let snapshot = scan(fx)?;
    for path in [RelPath::root(), p("a"), p("a/b"), p("a/empty"), p("c")] {
        let scanned = snapshot.listing(&path).ok_or_else(|| format!("`{path}` is not in the scan"))?;
        let listed = list(fx, &path)?;
        same!(told(&listed), told(scanned), "`{path}`");
        ensure!(listed.trouble().is_none(), "`{path}` has a trouble");
        ensure!(listed.iter().all(|listed| listed.child.is_none()), "something in `{path}` was entered");
    }
    Ok(())
}

fn hides_and_sorts(fx: &dyn Fixture) -> Result {
    for path in ["dir/hidden.tmp", "dir/hidden dir/below", "dir/Shown", "dir/also", "dir/b"] {
        fx.write(&p(path), b"");
    }
    let equivalence = Equivalence { case: true, form: false };
    let request = ScanRequest { equivalence, ..request(&HideHidden, &Uncontrolled) };
    let listing = fx.replica().list(&p("dir"), &request)?;
    let keys: Vec<_> = listing.iter().map(|listed| listed.key.to_vec()).collect();
    same!(keys, [b"also".to_vec(), b"b".to_vec(), b"shown".to_vec()], "keys");
    same!(listing.ignored(), 2, "ignored names");
    fx.replica().set_marker(&crate::Marker { pair: "ab".repeat(16), side: sync_core::side::Side::Left })?;
    let root = list(fx, &RelPath::root())?;
    same!(root.len(), 1, "names in the root, with a marker");
    for own in fx.own_names() {
        let at = RelPath::root().join(&own).map_err(|error| error.to_string())?;
        refused(list(fx, &at), &[ProblemKind::NotFound], "a list of what is the replica's own")?;
    }
    Ok(())
}

fn says_why(fx: &dyn Fixture) -> Result {
    fx.write(&p("dir/file"), b"x");
    fx.mkdir(&p("was"));
    same!(list(fx, &p("was"))?.len(), 0, "an empty directory");
    fx.remove(&p("was"));
    for gone in ["was", "dir/none", "none/deeper"] {
        refused(list(fx, &p(gone)), &[ProblemKind::NotFound], &format!("a list of `{gone}`"))?;
    }
    refused(list(fx, &p("dir/file")), &[ProblemKind::NotADirectory], "a list of a file")?;
    if fx.replica().abilities().symlinks {
        fx.symlink(&p("link"), b"dir");
        refused(list(fx, &p("link")), &[ProblemKind::NotADirectory], "a list of a link to a directory")?;
    }
    if fx.take_root_away() {
        for at in [RelPath::root(), p("dir"), p("dir/none")] {
            refused(list(fx, &at), &[ProblemKind::RootGone], "a list while the root is away")?;
        }
        fx.bring_root_back();
        same!(list(fx, &p("dir"))?.len(), 1, "names after the root came back");
    }
    Ok(())
}

fn unreadable(fx: &dyn Fixture) -> Result {
    fx.write(&p("dark/file"), b"x");
    needs!(fx.make_unreadable(&p("dark")), "nothing is unreadable to this process here");
    let kinds = [ProblemKind::PermissionDenied, ProblemKind::Io];
    refused(list(fx, &p("dark")), &kinds, "a list of a directory that cannot be read")?;
    same!(list(fx, &RelPath::root())?.len(), 1, "names beside it");
    Ok(())
}

fn cancelled(fx: &dyn Fixture) -> Result {
    fx.write(&p("dir/file"), b"");
    let stop = StopAfter::bytes(0);
    let stopped = fx.replica().list(&p("dir"), &request(&ShowAll, &stop));
    refused(stopped, &[ProblemKind::Cancelled], "a cancelled list")?;
    Ok(())
}
