//! What lies in the trash of both sides: the index beside what is really there, and dropping it for good.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sync_core::fold::Equivalence;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_replica::InTrash;
use sync_state::{Commit, TrashEntry, TrashReason};

use crate::error::SessionError;
use crate::records::PathGlob;
use crate::report::{FORMAT, ProblemReport, time};
use crate::session::Session;

/// Which things in the trash are meant. Everything that is given must hold.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct TrashFilter {
    /// Original paths below the roots with all below them, or patterns as [`PathGlob`] has them; any of them.
    pub paths: Vec<String>,
    /// On this side alone.
    #[serde(with = "crate::control::words::some_side")]
    pub side: Option<Side>,
    /// Put there at this time or later: UTC nanoseconds.
    pub since_ns: Option<i64>,
    /// Put there before this time: UTC nanoseconds.
    pub before_ns: Option<i64>,
    /// At least so many bytes.
    pub min_size: Option<u64>,
    /// At most so many bytes.
    pub max_size: Option<u64>,
    /// Versions that another one replaced, or the others.
    pub versions: Option<bool>,
}

/// One thing in the trash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TrashItem {
    /// Where it was.
    pub path: String,
    /// In whose trash it lies.
    pub side: String,
    /// Where it lies, relative to that trash.
    pub place: String,
    /// `file`, `directory` or `link`; none when it is gone.
    pub kind: Option<String>,
    /// Bytes.
    pub size: u64,
    /// When it went there.
    pub deleted: String,
    /// Why: `deleted`, or `replaced` by another version; none when that is not known.
    pub reason: Option<String>,
    /// The run that put it there.
    pub run: Option<u64>,
    /// `there`; `gone`, when somebody took away what the index knows; `found`, when the index does not know it and its
    /// name tells what it was; `unseen`, when the trash could not be looked at.
    pub presence: String,
}

/// What one side's trash holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TrashSum {
    /// Things that are there.
    pub items: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Things that are gone.
    pub gone: u64,
}

/// What lies in the trash, by original path, the newest first.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TrashList {
    /// The format of this document.
    pub format: u32,
    /// The things that were asked for.
    pub items: Vec<TrashItem>,
    /// Their sum on the left.
    pub left: TrashSum,
    /// Their sum on the right.
    pub right: TrashSum,
    /// Sides whose trash could not be read.
    pub problems: Vec<ProblemReport>,
}

/// What was dropped for good.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PurgeReport {
    /// The format of this document.
    pub format: u32,
    /// Whether nothing was dropped, since only the list was asked for.
    pub dry_run: bool,
    /// What was dropped, or would be.
    pub purged: Vec<Purged>,
    /// Bytes of it.
    pub bytes: u64,
    /// How many things that were gone already are forgotten.
    pub forgotten: u64,
    /// What could not be dropped.
    pub problems: Vec<ProblemReport>,
}

/// One thing that was dropped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Purged {
    /// Where it was.
    pub path: String,
    /// In whose trash it lay.
    pub side: String,
    /// Where it lay, relative to that trash.
    pub place: String,
    /// Bytes.
    pub size: u64,
}

/// One thing, as the session works with it.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) side: Side,
    /// Where it was.
    pub(super) path: RelPath,
    pub(super) place: RelPath,
    pub(super) deleted_ns: i64,
    pub(super) size: u64,
    /// The row of the index; none for what was found by name.
    pub(super) known: Option<TrashEntry>,
    /// What is there; none when it is gone.
    pub(super) there: Option<sync_core::entry::Entry>,
    /// The trash could not be looked at: nothing is known of what is there.
    pub(super) unseen: bool,
}

impl Held {
    pub(super) fn reason(&self) -> Option<TrashReason> {
        self.known.as_ref().map(|known| known.reason)
    }

    fn item(&self) -> TrashItem {
        TrashItem {
            path: self.path.display(),
            side: self.side.name().to_owned(),
            place: self.place.display(),
            kind: self.there.map(|entry| entry.kind.name().to_owned()),
            size: self.size,
            deleted: time(self.deleted_ns),
            reason: self.reason().map(|reason| reason.name().to_owned()),
            run: self.known.as_ref().and_then(|known| known.run).map(|run| run.0),
            presence: match (&self.known, &self.there) {
                (_, None) if self.unseen => "unseen",
                (_, None) => "gone",
                (Some(_), Some(_)) => "there",
                (None, Some(_)) => "found",
            }
            .to_owned(),
        }
    }
}

/// What `paths` of a filter mean.
enum Wanted {
    Below(RelPath),
    Like(PathGlob),
}

/// A filter, ready to be asked.
pub(super) struct Sieve<'a> {
    filter: &'a TrashFilter,
    wanted: Vec<Wanted>,
    equivalence: Equivalence,
}

impl Sieve<'_> {
    pub(super) fn passes(&self, held: &Held) -> bool {
        let filter = self.filter;
        let key = self.equivalence.path_key(&held.path);
        let is_meant = |wanted: &Wanted| match wanted {
            Wanted::Below(path) => key.starts_with(path),
            Wanted::Like(glob) => glob.matches(held.path.as_bytes()),
        };
        (self.wanted.is_empty() || self.wanted.iter().any(is_meant))
            && filter.side.is_none_or(|side| side == held.side)
            && filter.since_ns.is_none_or(|since| held.deleted_ns >= since)
            && filter.before_ns.is_none_or(|before| held.deleted_ns < before)
            && filter.min_size.is_none_or(|min| held.size >= min)
            && filter.max_size.is_none_or(|max| held.size <= max)
            && filter
                .versions
                .is_none_or(|versions| versions == (held.reason() == Some(TrashReason::Replaced)))
    }
}

impl Session {
    pub(super) fn sieve<'a>(&self, filter: &'a TrashFilter) -> Result<Sieve<'a>, SessionError> {
        let mut wanted = Vec::new();
        for text in &filter.paths {
            let path = self.path_of(std::path::Path::new(text));
            let below = |path: RelPath| Wanted::Below(self.equivalence().path_key(&path));
            match PathGlob::pattern(text)? {
                Some(pattern) => {
                    wanted.push(Wanted::Like(pattern));
                    // A name with a bracket in it may be meant as it is written.
                    wanted.extend(path.ok().map(below));
                }
                None => wanted.push(below(path?)),
            }
        }
        Ok(Sieve { filter, wanted, equivalence: self.equivalence() })
    }

    /// Everything in the trash of both sides: what the index knows, and what is found besides. By path, the newest
    /// first. A side whose trash cannot be read counts as it is in the index, with a problem.
    pub(super) fn held(&self) -> Result<(Vec<Held>, Vec<ProblemReport>), SessionError> {
        let mut problems = Vec::new();
        let mut there: Sides<Option<BTreeMap<RelPath, InTrash>>> = Sides::default();
        for side in Side::BOTH {
            let folds = self.terms.abilities[side].equivalence;
            match self.replicas[side].list_trash() {
                Ok(list) => {
                    let by_place = list.into_iter().map(|held| (folds.path_key(&held.place), held));
                    there[side] = Some(by_place.collect());
                }
                Err(problem) => problems.push(ProblemReport::of_side(side, &problem)),
            }
        }
        let mut all = Vec::new();
        let index = match &self.state {
            Some(state) => state.trash()?,
            None => Vec::new(),
        };
        for entry in index {
            let folds = self.terms.abilities[entry.side].equivalence;
            let (found, unseen) = match &mut there[entry.side] {
                Some(list) => (list.remove(&folds.path_key(&entry.trashed)).map(|held| held.entry), false),
                // What cannot be listed may still be looked at; where nothing is found then, nothing is known.
                None => match self.replicas[entry.side].look_in_trash(&entry.trashed) {
                    Ok(Some(found)) => (Some(found), false),
                    Ok(None) | Err(_) => (None, true),
                },
            };
            // Somebody made a folder where a file lay: the file is gone, and the folder is not ours.
            let found = found.filter(|found| !(found.is_dir() && entry.size > 0));
            all.push(Held {
                side: entry.side,
                path: entry.path.clone(),
                place: entry.trashed.clone(),
                deleted_ns: entry.deleted_ns,
                size: entry.size,
                there: found,
                unseen,
                known: Some(entry),
            });
        }
        for (side, list) in [(Side::Left, there.left), (Side::Right, there.right)] {
            all.extend(list.into_iter().flat_map(BTreeMap::into_values).map(|held| Held {
                side,
                path: held.was,
                place: held.place,
                deleted_ns: held.deleted_ns,
                size: held.entry.size,
                known: None,
                unseen: false,
                there: Some(held.entry),
            }));
        }
        all.sort_by(|a, b| {
            a.path.cmp(&b.path).then(b.deleted_ns.cmp(&a.deleted_ns)).then_with(|| a.place.cmp(&b.place))
        });
        Ok((all, problems))
    }

    /// What lies in the trash of both sides.
    pub fn trash(&self, filter: &TrashFilter) -> Result<TrashList, SessionError> {
        let sieve = self.sieve(filter)?;
        let (held, problems) = self.held()?;
        let mut sums = Sides::<TrashSum>::default();
        let mut items = Vec::new();
        for one in held.iter().filter(|one| sieve.passes(one)) {
            let sum = &mut sums[one.side];
            if one.there.is_some() {
                sum.items += 1;
                sum.bytes += one.size;
            } else {
                sum.gone += 1;
            }
            items.push(one.item());
        }
        Ok(TrashList { format: FORMAT, items, left: sums.left, right: sums.right, problems })
    }

    /// Drops what a filter means from the trash, for good; with `expired`, what has been there for longer than it
    /// is kept. What somebody took away by hand is forgotten.
    pub fn purge_trash(
        &self,
        filter: &TrashFilter,
        expired: bool,
        dry_run: bool,
    ) -> Result<PurgeReport, SessionError> {
        self.ready()?;
        let sieve = self.sieve(filter)?;
        let (held, problems) = self.held()?;
        let now = crate::clock::now_ns();
        let meant: Vec<&Held> = held
            .iter()
            .filter(|one| sieve.passes(one) && (!expired || self.keeping.has_expired(one, now)))
            .collect();
        let mut report =
            PurgeReport { format: FORMAT, dry_run, purged: Vec::new(), bytes: 0, forgotten: 0, problems };
        self.purge(&meant, &held, &mut report)?;
        Ok(report)
    }

    pub(super) fn purge(
        &self,
        meant: &[&Held],
        all: &[Held],
        report: &mut PurgeReport,
    ) -> Result<(), SessionError> {
        let chosen: BTreeSet<(Side, &RelPath)> = meant.iter().map(|one| (one.side, &one.place)).collect();
        let mut forgotten = Vec::new();
        for one in meant {
            if one.unseen {
                continue;
            }
            let Some(there) = one.there else {
                report.forgotten += u64::from(one.known.is_some());
                forgotten.extend(one.known.clone());
                continue;
            };
            // A folder that bears such a name may hold what went to the trash from inside it, and that stays.
            let holds_more = there.is_dir()
                && all.iter().any(|other| {
                    other.side == one.side
                        && other.place != one.place
                        && other.place.starts_with(&one.place)
                        && !chosen.contains(&(other.side, &other.place))
                });
            if holds_more {
                continue;
            }
            if !report.dry_run {
                if let Err(problem) = self.replicas[one.side].purge(&one.place) {
                    report.problems.push(ProblemReport::of_side(one.side, &problem));
                    continue;
                }
                log::info!(
                    operation = "purge", side = one.side.name(), path:% = one.path, size = one.size,
                    result = "done";
                    "PURGE {}", one.path
                );
                forgotten.extend(one.known.clone());
            }
            report.bytes += one.size;
            report.purged.push(Purged {
                path: one.path.display(),
                side: one.side.name().to_owned(),
                place: one.place.display(),
                size: one.size,
            });
        }
        if let Some(state) = self.state.as_ref().filter(|_| !report.dry_run && !forgotten.is_empty()) {
            state.commit(&Commit { untrashed: &forgotten, ..Commit::default() })?;
        }
        Ok(())
    }
}
