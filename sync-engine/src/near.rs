//! What has to be looked at when something happened at some paths.
//!
//! Owns the way from told paths to the [`Part`] of the trees that must be observed so that the decision there is the
//! one a whole scan would lead to, and that part of the baseline. What it costs depends on the paths, not on the tree.

use std::collections::BTreeMap;

use sync_core::baseline::BaselineDir;
use sync_core::entry::Kind;
use sync_core::part::Part;
use sync_core::path::RelPath;
use sync_core::side::{Side, Sides};
use sync_state::{State, StateError};

use crate::error::SessionError;
use crate::observe::Observation;
use crate::session::Session;
use crate::watch::Watch;

/// How many names for a version that is kept beside another may be taken before looking for one is given up.
const NAMES: usize = 16;

/// In which of the three trees there is a directory at a path, before it is observed.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ground {
    dirs: Sides<bool>,
    baseline_dir: bool,
}

impl Ground {
    /// A directory in all three trees: what happens below is below.
    fn is_firm(self) -> bool {
        self.dirs.left && self.dirs.right && self.baseline_dir
    }
}

impl Session {
    /// The part of the trees to observe after something happened at `told`: paths as some side spells them. With each
    /// goes whether everything below it may have changed as well.
    pub(crate) fn part_around<'p>(
        &self,
        told: impl Iterator<Item = (&'p RelPath, bool)>,
    ) -> Result<Part, StateError> {
        let equivalence = self.equivalence();
        let mut known: BTreeMap<RelPath, Ground> = BTreeMap::new();
        let mut part = Part::default();
        for (path, below) in told {
            let key = equivalence.path_key(path);
            let mut way: Vec<RelPath> = path.ancestors().filter(|above| !above.is_root()).collect();
            way.reverse();
            way.extend((!path.is_root()).then(|| path.clone()));
            let mut firm = true;
            for step in &way {
                let step_key = equivalence.path_key(step);
                let ground = match known.get(&step_key) {
                    Some(ground) => *ground,
                    None => {
                        let ground = self.ground(&step_key, step)?;
                        known.insert(step_key.clone(), ground);
                        ground
                    }
                };
                if ground.is_firm() {
                    continue;
                }
                // From here on the trees differ in more than what is in a directory. Where no tree has one nothing
                // lies below, and whatever is remembered of that is over.
                part.add_below(&step_key);
                firm = false;
                break;
            }
            match (firm, below) {
                (true, true) => part.add_below(&key),
                (true, false) => part.add(&key),
                (false, _) => {}
            }
        }
        Ok(part)
    }

    /// Observes a part of both trees, with the places beside it where a version would be kept: whether such a place is
    /// free, taken by something else, or holds that very version since an earlier cycle was cut short. Returns the part
    /// that was observed in the end.
    pub(crate) fn observe_with_places(
        &self,
        part: &Part,
        watch: &dyn Watch,
    ) -> Result<(Part, Observation), SessionError> {
        let mut part = part.clone();
        let mut seen = self.observe_part(&part, watch)?;
        for _ in 0..NAMES {
            let places = seen.plan.actions.iter().filter_map(|action| action.clash.as_ref());
            let unseen: Vec<_> = places.filter(|place| !part.reaches(place)).cloned().collect();
            if unseen.is_empty() {
                break;
            }
            for place in &unseen {
                part.add(place);
            }
            seen = self.observe_part(&part, watch)?;
        }
        Ok((part, seen))
    }

    fn ground(&self, key: &RelPath, told: &RelPath) -> Result<Ground, StateError> {
        let agreed = self.state.as_ref().map(|state| state.agreed(key)).transpose()?.flatten();
        let dirs = Sides::from_fn(|side| {
            let spelled = agreed.as_ref().and_then(|_| self.spelled_in_baseline(side, key));
            match self.replicas[side].look(spelled.as_ref().unwrap_or(told)) {
                Ok(found) => found.is_some_and(|entry| entry.is_dir()),
                // What cannot be looked at is taken for the most it may be.
                Err(_) => true,
            }
        });
        Ok(Ground { dirs, baseline_dir: agreed.is_some_and(|agreed| agreed.kind == Kind::Dir) })
    }

    /// A key path as a side spelled it when both last agreed; none where some step of it is not on record.
    fn spelled_in_baseline(&self, side: Side, path: &RelPath) -> Option<RelPath> {
        if self.equivalence().is_exact() {
            return None;
        }
        let state = self.state.as_ref()?;
        let mut key = RelPath::root();
        let mut spelled = RelPath::root();
        for name in path.components() {
            key = key.join(name).ok()?;
            let agreed = state.agreed(&key).ok()??;
            spelled = spelled.join(agreed.sides[side].name.as_deref().unwrap_or(name)).ok()?;
        }
        Some(spelled)
    }
}

/// A part of the baseline, in path order.
pub(crate) fn baseline_part(state: &State, part: &Part) -> Result<Vec<BaselineDir>, StateError> {
    let mut rows = Vec::new();
    collect(state, part, &RelPath::root(), &mut rows)?;
    Ok(rows)
}

fn collect(state: &State, part: &Part, at: &RelPath, rows: &mut Vec<BaselineDir>) -> Result<(), StateError> {
    let names = match part {
        Part::Everything => {
            for dir in state.baseline_below(at)? {
                rows.push(dir?);
            }
            return Ok(());
        }
        Part::Names(names) => names,
    };
    let mut below = Vec::with_capacity(names.len());
    let mut children = Vec::with_capacity(names.len());
    for (name, part) in names {
        // A key of the baseline is a path: a name that can be none is not in it.
        let Ok(path) = at.join(name) else { continue };
        if let Some(agreed) = state.agreed(&path)? {
            children.push((name.clone(), agreed));
        }
        below.push((path, part));
    }
    if !children.is_empty() {
        rows.push(BaselineDir { path: at.clone(), children });
    }
    for (path, part) in below {
        if !part.is_empty() {
            collect(state, part, &path, rows)?;
        }
    }
    Ok(())
}
