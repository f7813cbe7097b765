//! Room for what a plan copies.
//!
//! Owns what is done before a plan is carried out on a side with little room, and [`Wants`]: the large copies that a plan
//! is about, whether they have room now or not. The rules are the core's ([`fit`], [`gives_way`]).

use std::collections::BTreeMap;

use sync_core::entry::Entry;
use sync_core::guard::{Begun, fit, gives_way};
use sync_core::path::RelPath;
use sync_core::plan::{Action, Phase, Plan};
use sync_core::side::{Side, Sides};

use super::hold::Freight;
use crate::session::Session;

impl Session {
    /// What earlier sessions have brought of large copies needs no room again.
    pub(crate) fn find_parts(&self) {
        for side in Side::BOTH {
            for partial in self.replicas[side].partials().unwrap_or_default() {
                self.prepared.begun(side, partial.at, partial.source, partial.bytes);
            }
        }
    }

    /// How much of the copy of a version lies on the side that receives it.
    pub(crate) fn bytes_there(&self, freight: &Freight) -> u64 {
        let partials = self.replicas[freight.to].partials().unwrap_or_default();
        let is_it = partials.into_iter().find(|one| one.at == freight.at && one.source == freight.source);
        is_it.map_or(0, |one| one.bytes)
    }

    /// Leaves out of a plan what has no room, and returns it. Where small files have none, what was copied of large ones
    /// gives way first.
    pub(crate) fn fit(&self, plan: &mut Plan) -> Vec<Action> {
        for begun in self.giving_way(plan) {
            // One that is under way meets the full disk by itself, and gives way when this is tried again.
            if let Ok(true) = self.replicas[begun.to].drop_partial(&begun.at) {
                self.prepared.gave_way(begun.to, &begun.at);
                log::info!(
                    operation = "prepare", side = begun.to.name(), path:% = begun.at, size = begun.bytes,
                    result = "dropped";
                    "{}: small files need the room of the {} bytes that were copied of it", begun.at, begun.bytes
                );
            }
        }
        let left_out = fit(plan, self.free_bytes(), |action| self.prepared.bytes_of(action));
        for freight in left_out.iter().flat_map(Freight::of) {
            self.prepared.lapse(&freight);
        }
        left_out
    }

    /// The same for looking: nothing is dropped.
    pub(crate) fn would_fit(&self, plan: &mut Plan) {
        let mut free = self.free_bytes();
        for begun in self.giving_way(plan) {
            free[begun.to] = free[begun.to].map(|free| free.saturating_add(begun.bytes));
        }
        fit(plan, free, |action| self.prepared.bytes_of(action));
    }

    fn giving_way(&self, plan: &Plan) -> Vec<Begun> {
        let begun: Vec<Begun> = self.prepared.parts().into_iter().map(|(begun, _)| begun).collect();
        if begun.is_empty() {
            return begun;
        }
        let there = |action: &Action| self.prepared.bytes_of(action);
        let given = gives_way(plan, self.free_bytes(), there, &begun, self.performance.large_file_bytes);
        given.into_iter().filter_map(|at| begun.get(at).cloned()).collect()
    }

    fn free_bytes(&self) -> Sides<Option<u64>> {
        self.replicas.as_ref().map(|replica| replica.free_bytes().ok().flatten())
    }
}

/// The large copies that a plan was about and that were not made, for whatever reason.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Wants {
    freight: BTreeMap<(Phase, RelPath), Vec<Freight>>,
    /// Key paths of which nothing is known at the moment.
    unclear: Vec<RelPath>,
}

impl Wants {
    /// Everything that a plan is about; it has `left_out` what has no room.
    pub(crate) fn of(plan: &Plan, left_out: &[Action], large: u64) -> Self {
        let all = plan.actions.iter().chain(left_out).filter(|action| action.bytes() >= large);
        Self {
            freight: all.map(|one| ((one.phase, one.path.clone()), Freight::of(one))).collect(),
            unclear: plan.blocked.iter().map(|blocked| blocked.path.clone()).collect(),
        }
    }

    /// An action was carried out whole.
    pub(crate) fn done(&mut self, action: &Action) {
        if !self.freight.is_empty() {
            self.freight.remove(&(action.phase, action.path.clone()));
        }
    }

    /// Whether somebody may still want the copy of a version to a place, whose key path is `key`.
    pub(crate) fn wants(&self, to: Side, at: &RelPath, source: &Entry, key: &RelPath) -> bool {
        self.freight.values().flatten().any(|one| one.to == to && one.at == *at && one.source == *source)
            || self.unclear.iter().any(|unclear| key.starts_with(unclear))
    }
}
