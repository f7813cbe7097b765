//! One folder by itself.
//!
//! Owns [`scan_root`]: what a sync would see in a folder, for who keeps a database of its own. Nothing is changed there.

use std::path::Path;

use sync_core::path::RelPath;
use sync_core::rows::Row;
use sync_core::side::Side;
use sync_core::snapshot::{Listing, Snapshot};
use sync_fs::{Access, LocalOptions, LocalReplica};
use sync_replica::{Replica, ScanRequest};

use crate::config::Ignore;
use crate::error::SessionError;
use crate::session::rules_of;
use crate::watch::{Phase, Watch, Watched};

/// One thing that was seen.
pub type Seen = Row;

/// Everything in a folder that these rules do not hide, in path order. What could not be observed is there with why.
///
/// # Errors
/// The folder cannot be read at all, a rule makes no sense, or the scan was stopped.
pub fn scan_root(root: &Path, ignore: &Ignore, watch: &dyn Watch) -> Result<Vec<Seen>, SessionError> {
    let failed = |source| SessionError::Root { side: Side::Left, root: root.to_owned(), source };
    let filter = rules_of(ignore)?;
    let replica = LocalReplica::open(LocalOptions::new(root), Access::ReadOnly).map_err(failed)?;
    watch.begin(Phase::Scan, None, None);
    let request = ScanRequest {
        equivalence: replica.abilities().equivalence,
        filter: &filter,
        control: &Watched { watch, throttle: None },
        threads: 0,
    };
    let snapshot = match replica.scan(&request) {
        Err(problem) if problem.is_cancelled() => return Err(SessionError::Cancelled),
        scanned => scanned.map_err(failed)?,
    };
    let mut rows = Vec::new();
    collect(&snapshot, snapshot.root(), &RelPath::root(), &mut rows);
    rows.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(rows)
}

fn collect(snapshot: &Snapshot, listing: &Listing, path: &RelPath, rows: &mut Vec<Seen>) {
    for listed in listing.iter() {
        // A name of a listing is one component.
        let Ok(path) = path.join(listed.name) else { continue };
        let inner = listed.child.and_then(|id| snapshot.dir(id));
        rows.push(Row {
            path: path.clone(),
            entry: listed.entry,
            target: listed.target.map(Into::into),
            trouble: inner.and_then(Listing::trouble).cloned(),
        });
        if let Some(inner) = inner {
            collect(snapshot, inner, &path, rows);
        }
    }
    for one in listing.unobserved() {
        let Ok(path) = path.join(&one.name) else { continue };
        let entry = sync_core::entry::Entry {
            kind: sync_core::entry::Kind::File,
            attributes: sync_core::entry::Attributes::NotHeld,
            size: 0,
            mtime_ns: 0,
            ctime_ns: 0,
            file_id: None,
        };
        rows.push(Row { path, entry, target: None, trouble: Some(one.trouble.clone()) });
    }
}
