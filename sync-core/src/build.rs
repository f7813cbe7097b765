//! From outcomes to actions.
//!
//! Owns the [`Builder`]: which transitions an outcome takes, with which expectations, in which order. What is to be
//! done is already decided; here it is spelled out.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cmp::Ordering;

use crate::case::{Case, Outcome};
use crate::compare::equivalence;
use crate::decide::{Terms, effective, waits_for_a_person};
use crate::entry::{Attributes, Digest, Entry, Kind, XattrDigest};
use crate::fold::Equivalence;
use crate::guidance::Guidance;
use crate::matrix::{Rule, State};
use crate::observe::{newer, tolerance_ns, xattrs_of};
use crate::pairing::Move;
use crate::path::RelPath;
use crate::plan::{Action, Answer, Conflict, Evidence, Memo, Phase, Plan, Transition};
use crate::policy::ConflictPolicy;
use crate::side::{Side, Sides};
use crate::slot::{Slot, Slots};
use crate::snapshot::Snapshot;
use crate::spelling::{Spelling, dir_name, is_spelled_anew, respelled};
use crate::twins::Twin;

pub(crate) struct Builder<'b> {
    evidence: &'b Evidence,
    pub(crate) terms: &'b Terms,
    cases: &'b [Case<'b>],
    moves: Vec<Move>,
    spelling: Spelling<'b>,
    slots: Slots<'b>,
    equivalence: Equivalence,
    /// Directories that were made ahead of their turn because a rename leads into them.
    made: BTreeSet<RelPath>,
    renames: Vec<Action>,
    pub(crate) actions: Vec<Action>,
}

impl<'b> Builder<'b> {
    pub(crate) fn new(
        snapshots: &'b Sides<Snapshot>,
        evidence: &'b Evidence,
        terms: &'b Terms,
        cases: &'b [Case<'b>],
        moves: Vec<Move>,
    ) -> Self {
        let equivalence = equivalence(&terms.abilities);
        Self {
            evidence,
            terms,
            cases,
            spelling: Spelling::new(snapshots, equivalence, cases, &moves),
            slots: Slots::new(snapshots, evidence, cases, &moves, &terms.abilities),
            moves,
            equivalence,
            made: BTreeSet::new(),
            renames: Vec::new(),
            actions: Vec::new(),
        }
    }

    pub(crate) fn build(mut self, twins: Vec<Twin>, guidance: &Guidance, plan: &mut Plan) {
        self.renames.extend(twins.into_iter().map(|twin| Action {
            path: twin.to,
            rule: Rule::Adopt,
            states: Sides { left: State::Created, right: State::Created },
            phase: Phase::Renames,
            transitions: Vec::new(),
            agree: Vec::new(),
            forget: twin.forget,
            carried: twin.carried,
            clash: None,
            after: None,
        }));
        for one in core::mem::take(&mut self.moves) {
            self.make_way_for(&one);
            self.add_move(one);
        }
        for case in self.cases {
            self.add(case, plan);
        }
        for (path, second) in &guidance.seconds {
            let (at, clash) = (self.case_at(path), self.case_at(&second.clash));
            let action = at.zip(clash).and_then(|(at, clash)| self.second(second, at, clash));
            self.actions.extend(action);
        }
        plan.actions = self.renames;
        append_in_turn(self.actions, &mut plan.actions);
        for one in self.slots.questions {
            if plan.questions.iter().all(|(question, _)| *question != one.0) {
                plan.questions.push(one);
            }
        }
    }

    pub(crate) fn case_at(&self, path: &RelPath) -> Option<&'b Case<'b>> {
        let at = self.cases.binary_search_by(|case| case.path().cmp(path)).ok()?;
        self.cases.get(at)
    }

    fn at(&self, side: Side, key: &RelPath) -> RelPath {
        self.spelling.path(side, key)
    }

    /// The path as it is before this action renames it: the parent as it is by then, the name as it was seen.
    pub(crate) fn seen_at(&self, case: &Case<'_>, side: Side) -> RelPath {
        let seen = case.difference.sides[side].seen();
        if self.equivalence.is_exact() && seen.is_none_or(|seen| seen.spelled.name() == case.path().name()) {
            return case.path().clone();
        }
        let parent = case.path().parent().unwrap_or_default();
        match seen {
            Some(seen) => self.at(side, &parent).join_checked(seen.spelled.name()),
            None => self.at(side, case.path()),
        }
    }

    pub(crate) fn action(case: &Case<'_>, phase: Phase, transitions: Vec<Transition>) -> Action {
        Action {
            path: case.path().clone(),
            rule: case.rule,
            states: case.states,
            phase,
            transitions,
            agree: Vec::new(),
            forget: Vec::new(),
            carried: Vec::new(),
            clash: None,
            after: case.moved_by.clone(),
        }
    }

    // ---- renames -----------------------------------------------------------------------------------------

    /// Directories that a rename leads into are made before it, and those above its two ends have their final
    /// spelling by then.
    fn make_way_for(&mut self, one: &Move) {
        let mut above: Vec<RelPath> = one.from.ancestors().chain(one.to.ancestors()).collect();
        above.sort();
        for dir in above {
            let Some(case) = self.case_at(&dir) else { continue };
            let action = match case.outcome {
                Outcome::Copy(from) if from == one.seen_on && case.is_dir_on(from) => {
                    self.make_dir(case, from)
                }
                Outcome::Props(from) if dir_name(case, from.other()).is_some() => self.props(case, from),
                Outcome::Conflict { newer, .. } if dir_name(case, newer.other()).is_some() => {
                    self.props(case, newer)
                }
                _ => None,
            };
            let Some(action) = action else { continue };
            if self.made.insert(dir) {
                self.renames.push(Action { phase: Phase::Renames, ..action });
            }
        }
    }

    fn add_move(&mut self, one: Move) {
        let on = one.seen_on.other();
        let mut states = Sides { left: State::Absent, right: State::Absent };
        states[one.seen_on] = State::Created;
        let to = {
            let parent = one.to.parent().unwrap_or_default();
            self.at(on, &parent).join_checked(&one.new_name)
        };
        let from = self.at(on, &one.from.parent().unwrap_or_default()).join_checked(&one.old_name);
        let agreed = self.case_at(&one.to).and_then(|case| case.difference.agreed.as_ref());
        let mut seen = Sides { left: None, right: None };
        seen[one.seen_on] = Some(one.seen);
        seen[on] = Some(one.expect);
        let memo = Memo {
            path: one.to.clone(),
            spelled: Sides::from_fn(|side| if side == on { to.clone() } else { self.at(side, &one.to) }),
            seen,
            target: None,
            digest: agreed.and_then(|agreed| agreed.digest),
            xattrs: Sides::from_fn(|side| agreed.and_then(|agreed| agreed.sides[side].xattrs)),
        };
        self.renames.push(Action {
            path: one.to,
            rule: Rule::Renamed(one.seen_on),
            states,
            phase: Phase::Renames,
            transitions: alloc::vec![Transition::Rename { on, from, expect: one.expect, to }],
            agree: alloc::vec![memo],
            forget: one.forget,
            carried: one.carried,
            clash: None,
            after: None,
        });
    }

    // ---- one outcome after the other ---------------------------------------------------------------------

    fn add(&mut self, case: &Case<'_>, plan: &mut Plan) {
        match case.outcome {
            Outcome::Nothing | Outcome::Wait | Outcome::Leave => {}
            Outcome::Refresh | Outcome::Adopt => {
                let mut memo = self.memo(case);
                if case.outcome == Outcome::Refresh {
                    // What was read is true, whatever was on record.
                    memo.digest = Side::BOTH.into_iter().find_map(|side| self.digest(case, side));
                }
                let action = Self::action(case, Phase::Dirs, Vec::new());
                self.actions.push(Action { agree: alloc::vec![memo], ..action });
            }
            Outcome::Forget => {
                let action = Self::action(case, Phase::Deletes, Vec::new());
                self.actions.push(Action { forget: alloc::vec![case.path().clone()], ..action });
            }
            Outcome::Delete(on) => self.add_delete(case, on),
            Outcome::Copy(from) if case.is_dir_on(from) => {
                if !self.made.contains(case.path()) {
                    let action = self.make_dir(case, from);
                    self.actions.extend(action);
                }
                self.close_dir(case, from);
            }
            Outcome::Copy(from) => self.add_copy(case, from, false),
            Outcome::CopyKeepSpelling(from) => self.add_copy_keep_spelling(case, from),
            Outcome::Props(from) => self.add_props(case, from),
            Outcome::Conflict { newer, policy } => self.add_conflict(case, newer, policy, plan),
            Outcome::MakeWay(file_side) => self.add_make_way(case, file_side, plan),
            Outcome::Keep(side) => self.add_keep(case, side, plan),
        }
    }

    fn add_delete(&mut self, case: &Case<'_>, on: Side) {
        let Some(expect) = case.difference.sides[on].entry().copied() else { return };
        let at = self.seen_at(case, on);
        let soft = self.terms.policy.soft_delete;
        let transition = if expect.is_dir() {
            Transition::RemoveDir { on, at, expect, soft: soft.enabled }
        } else {
            Transition::Remove { on, at, expect, soft: soft.keeps(expect.size) }
        };
        let action = Self::action(case, Phase::Deletes, alloc::vec![transition]);
        self.actions.push(Action { forget: alloc::vec![case.path().clone()], ..action });
    }

    pub(crate) fn make_dir(&self, case: &Case<'_>, from: Side) -> Option<Action> {
        let on = from.other();
        let source = *case.difference.sides[from].entry()?;
        let expect = case.difference.sides[on].entry().copied();
        let (seen_at, at) = (self.seen_at(case, on), self.at(on, case.path()));
        let keeps = |old: &Entry| self.terms.policy.keeps_replaced(old.size, true);
        let mut transitions = Vec::new();
        let mut gives_way = expect;
        if let Some(old) = gives_way.take_if(|_| seen_at != at) {
            transitions.push(Transition::Remove { on, at: seen_at, expect: old, soft: keeps(&old) });
        }
        transitions.push(Transition::MakeDir {
            on,
            at: at.clone(),
            like: self.at(from, case.path()),
            source,
            expect: gives_way,
            soft: gives_way.is_some_and(|old| keeps(&old)),
        });
        let mut memo = self.memo(case);
        memo.digest = None;
        memo.target = None;
        memo.spelled[on] = at;
        let action = Self::action(case, Phase::Dirs, transitions);
        Some(Action { agree: alloc::vec![memo], ..action })
    }

    /// A directory that its owner may not write to gets its permissions after what belongs in it.
    pub(crate) fn close_dir(&mut self, case: &Case<'_>, from: Side) {
        let Some(source) = case.difference.sides[from].entry().copied() else { return };
        if !is_closed(source.attributes) {
            return;
        }
        let on = from.other();
        let transition = Transition::SetProperties {
            on,
            at: self.at(on, case.path()),
            expect: source,
            from: self.at(from, case.path()),
            source,
        };
        let mut memo = self.memo(case);
        memo.seen[on] = None;
        let action = Self::action(case, Phase::Replacements, alloc::vec![transition]);
        let after = Some(case.path().clone());
        self.actions.push(Action { agree: alloc::vec![memo], after, ..action });
    }

    pub(crate) fn add_copy(&mut self, case: &Case<'_>, from: Side, loser: bool) {
        let to = from.other();
        let (source_seen, old) = (&case.difference.sides[from], &case.difference.sides[to]);
        let Some(source) = source_seen.entry().copied() else { return };
        let old = old.entry().copied();
        let soft = self.terms.policy.soft_delete;
        let mut phase = Phase::Copies;
        let mut transitions = Vec::new();
        let mut expect = old;
        if let Some(dir) = old.filter(Entry::is_dir) {
            let at = self.seen_at(case, to);
            transitions.push(Transition::RemoveDir { on: to, at, expect: dir, soft: soft.enabled });
            phase = Phase::Replacements;
            expect = None;
        }
        let at = match (expect, case.difference.sides[from].seen()) {
            (Some(old), _) => self.respell(case, to, old, &mut transitions),
            _ if case.difference.sides[to].seen().is_some_and(|old| old.crowded) => self.seen_at(case, to),
            // A side without spelling leaves that of the directory which goes, or of what was here before.
            (None, Some(seen)) if !seen.shows_spelling => self.seen_at(case, to),
            (None, Some(_)) if self.equivalence.is_exact() => self.seen_at(case, from),
            (None, Some(seen)) => {
                // Nothing is there, or a directory that goes: no spelling has to be kept.
                let parent = case.path().parent().unwrap_or_default();
                self.at(to, &parent).join_checked(seen.spelled.name())
            }
            (None, None) => self.at(to, case.path()),
        };
        // What is replaced by another kind of thing was deleted; what lost against a newer version was wanted.
        let lost = |old: &Entry| loser || old.kind != source.kind;
        transitions.push(Transition::Copy {
            to,
            from: self.seen_at(case, from),
            source,
            at: at.clone(),
            expect,
            soft: expect.is_some_and(|old| self.terms.policy.keeps_replaced(old.size, lost(&old))),
        });
        let mut memo = self.memo_of_copy(case, from);
        memo.spelled[to] = at;
        let action = Self::action(case, phase, transitions);
        self.actions.push(Action { agree: alloc::vec![memo], ..action });
    }

    /// The path the other side's entry must take when `from` was spelled anew since the baseline.
    fn respelled(&self, case: &Case<'_>, from: Side, to: Side) -> Option<RelPath> {
        if self.equivalence.is_exact() {
            return None;
        }
        let name = respelled(case, from, to)?;
        Some(self.at(to, &case.path().parent().unwrap_or_default()).join_checked(name))
    }

    /// Where this side's entry lies once it has taken over the other side's spelling, if it must. The spelling comes
    /// before the content: whoever stops in between leaves a difference that leads to the same end.
    fn respell(
        &self,
        case: &Case<'_>,
        on: Side,
        expect: Entry,
        transitions: &mut Vec<Transition>,
    ) -> RelPath {
        let from = self.seen_at(case, on);
        let Some(to) = self.respelled(case, on.other(), on) else { return from };
        transitions.push(Transition::Rename { on, from, expect, to: to.clone() });
        to
    }

    fn add_copy_keep_spelling(&mut self, case: &Case<'_>, from: Side) {
        let to = from.other();
        let (Some(source), Some(old)) =
            (case.difference.sides[from].entry().copied(), case.difference.sides[to].entry().copied())
        else {
            return;
        };
        let soft = self.terms.policy.keeps_replaced(old.size, old.kind != source.kind);
        let mut transitions = Vec::new();
        let mut memo = self.memo_of_copy(case, from);
        memo.spelled = Sides::from_fn(|side| self.seen_at(case, side));
        let on = if is_spelled_anew(case, to) { from } else { to };
        memo.spelled[on] = self.respell(case, on, if on == to { old } else { source }, &mut transitions);
        transitions.push(Transition::Copy {
            to,
            from: memo.spelled[from].clone(),
            source,
            at: memo.spelled[to].clone(),
            expect: Some(old),
            soft,
        });
        let action = Self::action(case, Phase::Copies, transitions);
        self.actions.push(Action { agree: alloc::vec![memo], ..action });
    }

    pub(crate) fn add_props(&mut self, case: &Case<'_>, from: Side) {
        if !self.made.contains(case.path()) {
            let action = self.props(case, from);
            self.actions.extend(action);
        }
    }

    fn props(&self, case: &Case<'_>, from: Side) -> Option<Action> {
        let on = from.other();
        let (Some(source), Some(old)) =
            (case.difference.sides[from].entry().copied(), case.difference.sides[on].entry().copied())
        else {
            return None;
        };
        let mut at = self.seen_at(case, on);
        let mut transitions = Vec::new();
        let mut memo = self.memo(case);
        memo.spelled[from] = self.seen_at(case, from);
        if let Some(new) = self.respelled(case, from, on) {
            transitions.push(Transition::Rename { on, from: at, expect: old, to: new.clone() });
            at = new;
        }
        memo.spelled[on] = at.clone();
        let mut phase = match (old.kind, transitions.is_empty()) {
            (Kind::Dir, false) => Phase::Renames,
            (Kind::Dir, true) => Phase::Dirs,
            _ => Phase::Copies,
        };
        if self.properties_reach(case, from, &source, &old) {
            let set =
                Transition::SetProperties { on, at, expect: old, from: self.seen_at(case, from), source };
            if source.is_dir() && is_closed(source.attributes) {
                phase = if transitions.is_empty() { Phase::Replacements } else { phase };
            }
            transitions.push(set);
            memo.xattrs = Sides::from_fn(|_| self.xattrs(case, from));
        }
        let action = Self::action(case, phase, transitions);
        Some(Action { agree: alloc::vec![memo], ..action })
    }

    /// Whether the receiving side can show any of the difference in properties.
    fn properties_reach(&self, case: &Case<'_>, from: Side, source: &Entry, old: &Entry) -> bool {
        let receiver = &self.terms.abilities[from.other()];
        let times = source.kind == Kind::File
            && receiver.keeps_mtime
            && source.mtime_ns.abs_diff(old.mtime_ns) >= receiver.mtime_precision_ns.max(1);
        let xattrs = receiver.xattrs
            && match [from, from.other()].map(|side| self.xattrs(case, side)) {
                [Some(mine), Some(theirs)] => mine != theirs,
                [mine, None] => mine.is_some_and(|mine| mine != XattrDigest(0)),
                _ => false,
            };
        times || xattrs || source.attributes.differ(old.attributes)
    }

    // ---- conflicts ---------------------------------------------------------------------------------------

    fn add_conflict(&mut self, case: &Case<'_>, newer: Side, policy: ConflictPolicy, plan: &mut Plan) {
        let policy = effective(policy, case);
        let clash = match policy {
            ConflictPolicy::Notify => None,
            ConflictPolicy::Newer if case.rule == Rule::PropsBoth => {
                self.add_props(case, newer);
                None
            }
            ConflictPolicy::Newer => {
                self.add_copy(case, newer, true);
                None
            }
            ConflictPolicy::Clash => match self.add_clash(case, newer) {
                Some(clash) => Some(clash),
                None => return,
            },
        };
        Self::report(case, newer, policy, clash, plan);
    }

    pub(crate) fn report(
        case: &Case<'_>,
        newer: Side,
        policy: ConflictPolicy,
        clash: Option<RelPath>,
        plan: &mut Plan,
    ) {
        let [Some(left), Some(right)] = Side::BOTH.map(|side| case.difference.sides[side].seen()) else {
            return;
        };
        plan.conflicts.push(Conflict {
            path: case.path().clone(),
            shown: case.difference.sides[newer].seen().unwrap_or(left).spelled.clone(),
            rule: case.rule,
            policy,
            newer,
            versions: Sides { left: left.entry, right: right.entry },
            clash_path: clash,
        });
    }

    /// The newer version stands at the path, the older one beside it. Returns where; none while a digest is missing.
    fn add_clash(&mut self, case: &Case<'_>, newer: Side) -> Option<RelPath> {
        let older = newer.other();
        let new = case.difference.sides[newer].seen()?;
        let old = case.difference.sides[older].seen()?;
        let slot = self.slots.take(case, older, &self.terms.policy.clash_name)?;
        let (at_new, at_old) = (self.seen_at(case, newer), self.seen_at(case, older));
        let clash_at = |side: Side| {
            let parent = case.path().parent().unwrap_or_default();
            self.at(side, &parent).join_checked(slot.name())
        };
        let mut memo = self.memo_of_copy(case, newer);
        memo.spelled = Sides::from_fn(|side| if side == newer { at_new.clone() } else { at_old.clone() });
        let mut transitions = Vec::new();
        let mut agree = Vec::new();
        if let Slot::Free { key, .. } = &slot {
            transitions.push(Transition::KeepBeside {
                on: older,
                at: at_old.clone(),
                expect: old.entry,
                clash: clash_at(older),
            });
            transitions.push(Transition::Copy {
                to: newer,
                from: clash_at(older),
                source: old.entry,
                at: clash_at(newer),
                expect: None,
                soft: false,
            });
            agree.push(Memo {
                path: key.clone(),
                spelled: Sides::from_fn(clash_at),
                seen: Sides { left: None, right: None },
                target: old.target.clone(),
                digest: self.digest(case, older),
                xattrs: Sides { left: None, right: None },
            });
        }
        let at_old = self.respell(case, older, old.entry, &mut transitions);
        memo.spelled[older] = at_old.clone();
        transitions.push(Transition::Copy {
            to: older,
            from: at_new,
            source: new.entry,
            at: at_old,
            expect: Some(old.entry),
            // A copy that an earlier run has kept may be changed by now: then the trash is the safe place.
            soft: matches!(slot, Slot::Kept { .. }),
        });
        agree.push(memo);
        let clash = clash_at(newer);
        // What an earlier run kept must be on both sides before the version itself goes; besides, the two may be one
        // file on this side, and a copy of it would find it changed.
        let underway = match &slot {
            Slot::Kept { key, .. } => {
                self.case_at(key).filter(|kept| matches!(kept.outcome, Outcome::Copy(_)))
            }
            Slot::Free { .. } => None,
        };
        let phase = if underway.is_some() { Phase::Replacements } else { Phase::Copies };
        let action = Self::action(case, phase, transitions);
        let after = underway.map(|kept| kept.path().clone()).or(action.after);
        self.actions.push(Action { agree, clash: Some(slot.key().clone()), after, ..action });
        Some(clash)
    }

    /// A directory keeps the path; the file or link of the other side gets its clash name, on both sides.
    fn add_make_way(&mut self, case: &Case<'_>, file_side: Side, plan: &mut Plan) {
        let dir_side = file_side.other();
        let [Some(left), Some(right)] = Side::BOTH.map(|side| case.difference.sides[side].entry()) else {
            return;
        };
        let newer = newer(left, right, tolerance_ns(&self.terms.abilities), self.terms.policy.tie_breaker);
        if waits_for_a_person(case, &self.terms.policy) {
            return Self::report(case, newer, ConflictPolicy::Notify, None, plan);
        }
        let (Some(file), Some(dir)) =
            (case.difference.sides[file_side].seen(), case.difference.sides[dir_side].entry())
        else {
            return;
        };
        let slot = self.slots.take_free(case, file_side, &self.terms.policy.clash_name);
        let parent = case.path().parent().unwrap_or_default();
        let clash_at = |side: Side| self.at(side, &parent).join_checked(slot.name());
        let mut memo = self.memo(case);
        memo.seen[file_side] = None;
        memo.target = None;
        memo.digest = None;
        let dir_at = self.at(file_side, case.path());
        memo.spelled[file_side] = dir_at.clone();
        let way = Self::action(
            case,
            Phase::Dirs,
            alloc::vec![
                Transition::Rename {
                    on: file_side,
                    from: self.seen_at(case, file_side),
                    expect: file.entry,
                    to: clash_at(file_side),
                },
                Transition::MakeDir {
                    on: file_side,
                    at: dir_at,
                    like: self.seen_at(case, dir_side),
                    source: *dir,
                    expect: None,
                    soft: false,
                },
            ],
        );
        let mut kept = Memo {
            path: slot.key().clone(),
            spelled: Sides::from_fn(clash_at),
            seen: Sides { left: None, right: None },
            target: file.target.clone(),
            digest: self.digest(case, file_side),
            xattrs: Sides { left: None, right: None },
        };
        kept.seen[file_side] = Some(file.entry);
        let copy = Self::action(
            case,
            Phase::Copies,
            alloc::vec![Transition::Copy {
                to: dir_side,
                from: clash_at(file_side),
                source: file.entry,
                at: clash_at(dir_side),
                expect: None,
                soft: false,
            }],
        );
        let clash = Some(slot.key().clone());
        Self::report(case, newer, ConflictPolicy::Clash, Some(clash_at(file_side)), plan);
        self.actions.push(Action { agree: alloc::vec![memo], clash: clash.clone(), ..way });
        self.actions.push(Action {
            agree: alloc::vec![kept],
            clash,
            after: Some(case.path().clone()),
            ..copy
        });
        self.close_dir(case, dir_side);
    }

    // ---- what the baseline will say ----------------------------------------------------------------------

    pub(crate) fn memo(&self, case: &Case<'_>) -> Memo {
        let sides = &case.difference.sides;
        let rests = |side: Side| matches!(case.states[side], State::Unchanged | State::Props);
        let agreed = case.difference.agreed.as_ref().filter(|_| Side::BOTH.into_iter().any(rests));
        Memo {
            path: case.path().clone(),
            spelled: Sides::from_fn(|side| match sides[side].seen() {
                Some(_) => self.seen_at(case, side),
                None => self.at(side, case.path()),
            }),
            seen: Sides::from_fn(|side| {
                let seen = sides[side].seen()?;
                // The rename that brought it here moves its change time, and nobody has looked since.
                let renamed = seen.lies_at.is_some() && case.moved_by.as_ref() == Some(case.path());
                Some(Entry { ctime_ns: if renamed { 0 } else { seen.entry.ctime_ns }, ..seen.entry })
            }),
            target: Side::BOTH.into_iter().find_map(|side| sides[side].seen()?.target.clone()),
            digest: agreed
                .and_then(|agreed| agreed.digest)
                .or_else(|| Side::BOTH.into_iter().find_map(|side| self.digest(case, side))),
            xattrs: Sides::from_fn(|side| self.xattrs(case, side)),
        }
    }

    /// What both sides hold once one of them was copied over the other.
    fn memo_of_copy(&self, case: &Case<'_>, from: Side) -> Memo {
        let mut memo = self.memo(case);
        memo.seen[from.other()] = None;
        memo.target = case.difference.sides[from].seen().and_then(|seen| seen.target.clone());
        memo.digest = self.digest(case, from);
        memo.xattrs = Sides { left: None, right: None };
        memo
    }

    fn digest(&self, case: &Case<'_>, side: Side) -> Option<Digest> {
        if let Some(Answer::Read(digest, _)) = self.evidence.get(side, case.path()) {
            return Some(*digest);
        }
        let rests = matches!(case.states[side], State::Unchanged | State::Props);
        case.difference.agreed.as_ref().filter(|_| rests).and_then(|agreed| agreed.digest)
    }

    fn xattrs(&self, case: &Case<'_>, side: Side) -> Option<XattrDigest> {
        xattrs_of(&case.difference, side, self.evidence)
            .or_else(|| case.difference.agreed.as_ref().and_then(|agreed| agreed.sides[side].xattrs))
    }
}

/// When an action's turn comes: what is compared of it, so that actions, which are large, are moved but once.
struct Turn<'a> {
    phase: Phase,
    bytes: u64,
    mtime_ns: i64,
    path: &'a RelPath,
    at: usize,
}

impl<'a> Turn<'a> {
    fn of(at: usize, action: &'a Action) -> Self {
        let Action { phase, path, .. } = action;
        let (bytes, mtime_ns) = match phase {
            Phase::Copies => (action.bytes(), action.mtime_ns()),
            Phase::Renames | Phase::Dirs | Phase::Deletes | Phase::Replacements => (0, 0),
        };
        Self { phase: *phase, bytes, mtime_ns, path, at }
    }

    /// Of one turn, the first that was planned.
    fn cmp(&self, other: &Self) -> Ordering {
        let first = |one: &Self| (one.phase, one.bytes, one.mtime_ns);
        let paths = || match self.phase {
            Phase::Renames | Phase::Dirs | Phase::Copies => self.path.cmp(other.path),
            // Children before parents.
            Phase::Deletes | Phase::Replacements => other.path.cmp(self.path),
        };
        first(self).cmp(&first(other)).then_with(paths).then(self.at.cmp(&other.at))
    }
}

fn append_in_turn(actions: Vec<Action>, all: &mut Vec<Action>) {
    let mut turns: Vec<Turn<'_>> =
        actions.iter().enumerate().map(|(at, action)| Turn::of(at, action)).collect();
    turns.sort_unstable_by(Turn::cmp);
    let order: Vec<usize> = turns.iter().map(|turn| turn.at).collect();
    if order.is_sorted() && all.is_empty() {
        *all = actions;
        return;
    }
    let mut places: Vec<Option<Action>> = actions.into_iter().map(Some).collect();
    all.reserve(places.len());
    all.extend(order.into_iter().filter_map(|at| places.get_mut(at)?.take()));
}

/// Whether a directory's own permissions keep its owner from changing what is in it.
const fn is_closed(attributes: Attributes) -> bool {
    matches!(attributes, Attributes::Unix(mode) if mode & 0o300 != 0o300)
}

/// A name's bytes, boxed.
pub(crate) type Name = Box<[u8]>;
