//! The decision matrix, without a session and without any allocation.
//!
//! Owns the numbers of states, rules and resolutions; like those of a status they are never given another meaning.
//! Which rule holds is `sync-core`'s.

use std::ffi::c_char;

use sync_engine::core::matrix::{Resolution, Rule, State, resolve};
use sync_engine::core::policy::{ConflictPolicy, FirstMatch, GuardPolicy, Policy, SoftDelete, Versions};
use sync_engine::core::side::Side;

use crate::status::Status;

/// What one side's path has become since the two sides last agreed on it.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathState {
    /// They never agreed on it, and nothing is there.
    Absent = 0,
    /// They never agreed on it, and it is there.
    Created = 1,
    /// It is what they agreed on.
    Unchanged = 2,
    /// It has another content, or is of another kind.
    Modified = 3,
    /// Its content is the same; its time, attributes or spelling differ.
    Props = 4,
    /// It is gone, and its folder could be read.
    Deleted = 5,
    /// It could not be observed.
    Unknown = 6,
}

const STATES: [State; 7] = [
    State::Absent,
    State::Created,
    State::Unchanged,
    State::Modified,
    State::Props,
    State::Deleted,
    State::Unknown,
];

/// What a pair of states asks for.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Nothing.
    Nothing = 0,
    /// Content and properties go from left to right.
    CopyLeftToRight = 1,
    /// Content and properties go from right to left.
    CopyRightToLeft = 2,
    /// Properties and spelling go from left to right.
    PropsLeftToRight = 3,
    /// Properties and spelling go from right to left.
    PropsRightToLeft = 4,
    /// The content goes from left to right, and the right side's spelling stands on both.
    ContentLeftToRight = 5,
    /// The content goes from right to left, and the left side's spelling stands on both.
    ContentRightToLeft = 6,
    /// The entry is deleted on the left.
    DeleteLeft = 7,
    /// The entry is deleted on the right.
    DeleteRight = 8,
    /// Equal versions are taken as agreed; for different ones `choice` says what happens.
    Meet = 9,
    /// It is gone on both sides, and no longer known.
    Forget = 10,
    /// Neither side is touched.
    Leave = 11,
}

/// What happens when two versions may both be wanted.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Choice {
    /// In a policy: as by default, which is `BOTHWAYS_CHOICE_CLASH`. In a decision: there is no choice.
    None = 0,
    /// The newer version stands at the path, the older one beside it, on both sides.
    Clash = 1,
    /// Neither side is touched until a person chooses.
    Notify = 2,
    /// The newer version wins; the other one goes to the trash.
    Newer = 3,
}

/// What the user chose. Each is a `bothways_choice`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    /// Where both sides changed the same file.
    pub same_file_changed_both: i32,
    /// Where both sides have a new file at the same path.
    pub new_file_both_different: i32,
    /// Where both sides changed times, attributes or the spelling.
    pub properties_conflict_both: i32,
}

/// A decision about one path.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Decision {
    /// The rule's number; `bothways_rule_name` has its name.
    pub rule: i32,
    /// A `bothways_answer`.
    pub answer: i32,
    /// A `bothways_choice`: what the policy says where the rule leaves a choice.
    pub choice: i32,
}

/// Decides about one path from what became of it on each side, each a `bothways_path_state`. `chosen` is NULL for the
/// defaults. Allocates nothing, takes no lock, and may be called from anywhere.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_decide(
    left: i32,
    right: i32,
    chosen: *const Chosen,
    out: *mut Decision,
) -> Status {
    if out.is_null() {
        return Status::NullArgument;
    }
    let mut policy = PLAIN;
    if !chosen.is_null() {
        // SAFETY: not NULL, and the header asks for a whole one.
        let chosen = unsafe { chosen.read() };
        let read = [
            choice(chosen.same_file_changed_both),
            choice(chosen.new_file_both_different),
            choice(chosen.properties_conflict_both),
        ];
        let [Some(same), Some(new), Some(properties)] = read else { return Status::InvalidArgument };
        policy.same_file_changed_both = same;
        policy.new_file_both_different = new;
        policy.properties_conflict_both = properties;
    }
    let (Some(left), Some(right)) = (state(left), state(right)) else { return Status::InvalidArgument };
    let (rule, resolution) = resolve(left, right);
    let decision = Decision {
        rule: number(rule),
        answer: answer(resolution) as i32,
        choice: rule.policy(&policy).map_or(Choice::None, said) as i32,
    };
    // SAFETY: not NULL, and the header asks for a place that may be written.
    unsafe { out.write(decision) };
    Status::Ok
}

/// The defaults that need no memory; what a matrix does not look at is left out.
const PLAIN: Policy = Policy {
    same_file_changed_both: ConflictPolicy::Clash,
    new_file_both_different: ConflictPolicy::Clash,
    properties_conflict_both: ConflictPolicy::Clash,
    tie_breaker: Side::Left,
    first_match: FirstMatch::Metadata,
    clash_name: String::new(),
    soft_delete: SoftDelete { enabled: true, max_size_bytes: 0 },
    versions: Versions { enabled: false, max_size_bytes: 0 },
    guard: GuardPolicy { max_change_percent: 100, max_change_min_files: 0 },
};

fn state(number: i32) -> Option<State> {
    STATES.get(usize::try_from(number).ok()?).copied()
}

const fn choice(number: i32) -> Option<ConflictPolicy> {
    match number {
        0 | 1 => Some(ConflictPolicy::Clash),
        2 => Some(ConflictPolicy::Notify),
        3 => Some(ConflictPolicy::Newer),
        _ => None,
    }
}

const fn said(policy: ConflictPolicy) -> Choice {
    match policy {
        ConflictPolicy::Clash => Choice::Clash,
        ConflictPolicy::Notify => Choice::Notify,
        ConflictPolicy::Newer => Choice::Newer,
    }
}

const fn answer(resolution: Resolution) -> Answer {
    use Side::{Left, Right};
    match resolution {
        Resolution::Nothing => Answer::Nothing,
        Resolution::Copy(Left) => Answer::CopyLeftToRight,
        Resolution::Copy(Right) => Answer::CopyRightToLeft,
        Resolution::Props(Left) => Answer::PropsLeftToRight,
        Resolution::Props(Right) => Answer::PropsRightToLeft,
        Resolution::CopyKeepSpelling(Left) => Answer::ContentLeftToRight,
        Resolution::CopyKeepSpelling(Right) => Answer::ContentRightToLeft,
        Resolution::Delete(Left) => Answer::DeleteLeft,
        Resolution::Delete(Right) => Answer::DeleteRight,
        Resolution::Meet => Answer::Meet,
        Resolution::Forget => Answer::Forget,
        Resolution::Leave => Answer::Leave,
    }
}

/// The numbers of the rules. A new rule gets the next one.
const fn number(rule: Rule) -> i32 {
    use Side::{Left, Right};
    match rule {
        Rule::Unchanged => 0,
        Rule::BothChanged => 1,
        Rule::BothCreated => 2,
        Rule::Changed(Left) => 3,
        Rule::Changed(Right) => 4,
        Rule::DeletedOtherChanged(Left) => 5,
        Rule::DeletedOtherChanged(Right) => 6,
        Rule::Deleted(Left) => 7,
        Rule::Deleted(Right) => 8,
        Rule::Created(Left) => 9,
        Rule::Created(Right) => 10,
        Rule::Props(Left) => 11,
        Rule::Props(Right) => 12,
        Rule::PropsBoth => 13,
        Rule::Adopt => 14,
        Rule::Forget => 15,
        Rule::ChangedOtherProps(Left) => 16,
        Rule::ChangedOtherProps(Right) => 17,
        Rule::Renamed(Left) => 18,
        Rule::Renamed(Right) => 19,
        Rule::SilentCorruption => 20,
        Rule::Chosen => 21,
        Rule::Undone => 22,
        Rule::Restored => 23,
        Rule::Unobserved => 24,
    }
}

/// A name as C reads it.
type Name = [u8; 32];

const fn name(text: &str) -> Name {
    let bytes = text.as_bytes();
    assert!(bytes.len() < 32, "a name needs a longer place");
    let mut name = [0; 32];
    let mut at = 0;
    while at < bytes.len() {
        name[at] = bytes[at];
        at += 1;
    }
    name
}

/// By number: the rule's name and its requirement.
static RULES: [(Name, Name); Rule::ALL.len()] = {
    let mut names = [([0; 32], [0; 32]); Rule::ALL.len()];
    let mut at = 0;
    while at < Rule::ALL.len() {
        let rule = Rule::ALL[at];
        let requirement = match rule.requirement() {
            Some(number) => number,
            None => "",
        };
        names[number(rule) as usize] = (name(rule.name()), name(requirement));
        at += 1;
    }
    names
};

static STATE_NAMES: [Name; STATES.len()] = {
    let mut names = [[0; 32]; STATES.len()];
    let mut at = 0;
    while at < STATES.len() {
        names[at] = name(STATES[at].name());
        at += 1;
    }
    names
};

fn text(name: Option<&'static Name>) -> *const c_char {
    name.map_or(std::ptr::null(), |name| name.as_ptr().cast())
}

fn rule(number: i32) -> Option<&'static (Name, Name)> {
    RULES.get(usize::try_from(number).ok()?)
}

/// The name of a rule, such as `changed-left`; NULL where there is no such rule. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_rule_name(number: i32) -> *const c_char {
    text(rule(number).map(|(name, _)| name))
}

/// The number of the requirement that asks for a rule, such as `6.2.3`; empty where there is none, NULL where there is
/// no such rule. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_rule_requirement(number: i32) -> *const c_char {
    text(rule(number).map(|(_, requirement)| requirement))
}

/// The name of a state, such as `modified`; NULL where there is no such state. The text is never freed.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_path_state_name(state: i32) -> *const c_char {
    text(usize::try_from(state).ok().and_then(|state| STATE_NAMES.get(state)))
}
