//! The whole decision.
//!
//! Owns [`Plan`] with its [`Action`]s, [`Transition`]s, conflicts, questions and halts. A plan is data: it names
//! for every change the exact version it expects, and what the baseline may say once the change was made.
//!
//! Paths in transitions are spelled as their side spells them; paths of actions are keys.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::baseline::{Agreed, BaselineChange, Record};
use crate::entry::{Attributes, Digest, Entry, Trouble, XattrDigest};
use crate::matrix::{Rule, State};
use crate::path::RelPath;
use crate::policy::ConflictPolicy;
use crate::side::{Side, Sides};

/// One change to one replica.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Transition {
    /// Make a directory like the one at `like` on the other side.
    MakeDir {
        /// Where.
        on: Side,
        /// The new directory.
        at: RelPath,
        /// The directory on the other side whose properties it takes.
        like: RelPath,
        /// That directory as it was seen.
        source: Entry,
        /// A file or link that gives way.
        expect: Option<Entry>,
        /// Whether what gives way goes to the trash.
        soft: bool,
    },
    /// Copy content and properties of a file or link from the other side.
    Copy {
        /// The side that receives.
        to: Side,
        /// The path on the other side.
        from: RelPath,
        /// The version to copy.
        source: Entry,
        /// The path on the receiving side.
        at: RelPath,
        /// The version that gives way there; none when nothing is there.
        expect: Option<Entry>,
        /// Whether the version that gives way goes to the trash.
        soft: bool,
    },
    /// Keep the version at `at`, which is about to be replaced, under its clash name on the same side.
    KeepBeside {
        /// Where.
        on: Side,
        /// The path of the older version.
        at: RelPath,
        /// The older version.
        expect: Entry,
        /// Its clash name.
        clash: RelPath,
    },
    /// Rename on one side.
    Rename {
        /// Where.
        on: Side,
        /// The old path.
        from: RelPath,
        /// What is there.
        expect: Entry,
        /// The new path.
        to: RelPath,
    },
    /// Take over the properties of the other side.
    SetProperties {
        /// The side that receives.
        on: Side,
        /// The path there.
        at: RelPath,
        /// The version there.
        expect: Entry,
        /// The path on the other side.
        from: RelPath,
        /// The version there.
        source: Entry,
    },
    /// Remove a file or link.
    Remove {
        /// Where.
        on: Side,
        /// The path.
        at: RelPath,
        /// The version there.
        expect: Entry,
        /// Whether it goes to the trash.
        soft: bool,
    },
    /// Remove a directory that holds nothing any more but hidden names.
    RemoveDir {
        /// Where.
        on: Side,
        /// The path.
        at: RelPath,
        /// The directory there.
        expect: Entry,
        /// Whether hidden names in it may go to the trash with it.
        soft: bool,
    },
    /// Put a version back from the side's trash. What gives way goes to the trash, whatever its size.
    PutBack {
        /// Where.
        on: Side,
        /// Its place, relative to the side's trash root.
        from: RelPath,
        /// Where it was when it went there.
        was: RelPath,
        /// The version.
        version: Entry,
        /// Where it goes.
        at: RelPath,
        /// The version that gives way there; none when nothing is there.
        expect: Option<Entry>,
    },
    /// Make a directory that was there before.
    RemakeDir {
        /// Where.
        on: Side,
        /// The path.
        at: RelPath,
        /// The permissions it had, as far as they are known.
        attributes: Attributes,
    },
    /// Give an entry the properties it had before, as far as an entry tells them.
    Reset {
        /// Where.
        on: Side,
        /// The path.
        at: RelPath,
        /// The version there.
        expect: Entry,
        /// The version with the properties it had.
        to: Entry,
    },
}

impl Transition {
    /// The side that is changed.
    pub const fn side(&self) -> Side {
        match self {
            Self::Copy { to, .. } => *to,
            Self::MakeDir { on, .. }
            | Self::KeepBeside { on, .. }
            | Self::Rename { on, .. }
            | Self::SetProperties { on, .. }
            | Self::Remove { on, .. }
            | Self::RemoveDir { on, .. }
            | Self::PutBack { on, .. }
            | Self::RemakeDir { on, .. }
            | Self::Reset { on, .. } => *on,
        }
    }

    /// The path that is changed, as that side spells it now.
    pub const fn path(&self) -> &RelPath {
        match self {
            Self::MakeDir { at, .. }
            | Self::Copy { at, .. }
            | Self::KeepBeside { at, .. }
            | Self::SetProperties { at, .. }
            | Self::Remove { at, .. }
            | Self::RemoveDir { at, .. }
            | Self::PutBack { at, .. }
            | Self::RemakeDir { at, .. }
            | Self::Reset { at, .. } => at,
            Self::Rename { from, .. } => from,
        }
    }

    /// Where it goes, for transitions that give a new name.
    pub const fn to(&self) -> Option<&RelPath> {
        match self {
            Self::Rename { to, .. } => Some(to),
            Self::KeepBeside { clash, .. } => Some(clash),
            _ => None,
        }
    }

    /// The version that is expected at [`Self::path`]; none where nothing is expected.
    pub const fn expect(&self) -> Option<&Entry> {
        match self {
            Self::MakeDir { expect, .. } | Self::Copy { expect, .. } | Self::PutBack { expect, .. } => {
                expect.as_ref()
            }
            Self::RemakeDir { .. } => None,
            Self::KeepBeside { expect, .. }
            | Self::Rename { expect, .. }
            | Self::SetProperties { expect, .. }
            | Self::Remove { expect, .. }
            | Self::RemoveDir { expect, .. }
            | Self::Reset { expect, .. } => Some(expect),
        }
    }

    /// Bytes that are written.
    pub const fn bytes(&self) -> u64 {
        match self {
            Self::Copy { source, .. } => source.size,
            _ => 0,
        }
    }

    /// The stable word for plans and journals; `clash` tells whether the transition makes a clash copy.
    pub const fn action(&self, clash: bool) -> &'static str {
        use Side::{Left, Right};
        match self {
            Self::Copy { .. } if clash => "CLASH_CREATE",
            Self::KeepBeside { .. } => "CLASH_CREATE",
            Self::Rename { .. } if clash => "CLASH_CREATE",
            Self::MakeDir { on: Left, .. } | Self::RemakeDir { on: Left, .. } => "MKDIR_LEFT",
            Self::MakeDir { on: Right, .. } | Self::RemakeDir { on: Right, .. } => "MKDIR_RIGHT",
            Self::PutBack { on: Left, .. } => "RESTORE_LEFT",
            Self::PutBack { on: Right, .. } => "RESTORE_RIGHT",
            Self::Copy { to: Right, .. } => "COPY_LEFT_TO_RIGHT",
            Self::Copy { to: Left, .. } => "COPY_RIGHT_TO_LEFT",
            Self::Rename { on: Left, .. } => "RENAME_LEFT",
            Self::Rename { on: Right, .. } => "RENAME_RIGHT",
            Self::SetProperties { on: Left, .. } | Self::Reset { on: Left, .. } => "SET_PROPS_LEFT",
            Self::SetProperties { on: Right, .. } | Self::Reset { on: Right, .. } => "SET_PROPS_RIGHT",
            Self::Remove { on: Left, soft: true, .. } => "SOFT_DELETE_LEFT",
            Self::Remove { on: Right, soft: true, .. } => "SOFT_DELETE_RIGHT",
            Self::Remove { on: Left, soft: false, .. } => "DELETE_LEFT",
            Self::Remove { on: Right, soft: false, .. } => "DELETE_RIGHT",
            Self::RemoveDir { on: Left, .. } => "RMDIR_LEFT",
            Self::RemoveDir { on: Right, .. } => "RMDIR_RIGHT",
        }
    }
}

/// When an action's turn comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// Renames, and the directories they need.
    Renames,
    /// Directories, parents first.
    Dirs,
    /// Copies, clashes and properties, smallest first.
    Copies,
    /// Deletions, children first.
    Deletes,
    /// What had to wait for the rest: files and links that take the place of a directory which had to go first,
    /// versions that replace one whose clash copy was still being made, permissions that close a directory.
    Replacements,
}

/// What is known of one path once all transitions of its action were made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Memo {
    /// The key path.
    pub path: RelPath,
    /// How each side spells the whole path then.
    pub spelled: Sides<RelPath>,
    /// What each side holds there: as seen, where the action does not change it.
    pub seen: Sides<Option<Entry>>,
    /// A link's target.
    pub target: Option<Box<[u8]>>,
    /// The digest, where it is known already.
    pub digest: Option<Digest>,
    /// The extended attributes, where they are known already.
    pub xattrs: Sides<Option<XattrDigest>>,
}

impl Memo {
    /// The version both sides now agree on, from what each was found to hold; none unless both hold one.
    pub fn agreed(&self, found: Sides<Option<Entry>>) -> Option<Agreed> {
        let entries = Sides { left: found.left.or(self.seen.left)?, right: found.right.or(self.seen.right)? };
        Some(Agreed {
            kind: entries.left.kind,
            size: entries.left.size,
            digest: self.digest,
            target: self.target.clone(),
            sides: Sides::from_fn(|side| {
                let name = self.spelled[side].name();
                Record::of(&entries[side], name, self.path.name(), self.xattrs[side])
            }),
        })
    }
}

/// Everything that is done for one reason at one path; all of it or, when a transition fails, as far as it got.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// The key path.
    pub path: RelPath,
    /// Why.
    pub rule: Rule,
    /// The cell.
    pub states: Sides<State>,
    /// When.
    pub phase: Phase,
    /// The transitions, in order. Empty when only the baseline has to learn something.
    pub transitions: Vec<Transition>,
    /// The version that `agree` will hold: what the path and, for a clash, its clash name will be.
    pub agree: Vec<Memo>,
    /// Paths that leave the baseline.
    pub forget: Vec<RelPath>,
    /// Baseline rows that move along with a renamed directory.
    pub carried: Vec<BaselineChange>,
    /// The clash path on both sides' common key, where there is one.
    pub clash: Option<RelPath>,
    /// The key path of a rename, or of a clash copy begun earlier, without which this action makes no sense.
    pub after: Option<RelPath>,
}

impl Action {
    /// Bytes that are written.
    pub fn bytes(&self) -> u64 {
        self.transitions.iter().map(Transition::bytes).sum()
    }

    /// The change time that orders actions of one size.
    pub(crate) fn mtime_ns(&self) -> i64 {
        self.transitions
            .iter()
            .find_map(|transition| match transition {
                Transition::Copy { source, .. } | Transition::SetProperties { source, .. } => {
                    Some(source.mtime_ns)
                }
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Whether `transition` makes a clash copy.
    pub fn makes_clash(&self, transition: &Transition) -> bool {
        let Some(clash) = &self.clash else { return false };
        // Spellings of a key differ from it in case or form only: what is known is where each version will lie.
        let lies = |at: &RelPath, key_is_clash: bool| {
            self.agree
                .iter()
                .any(|memo| (memo.path == *clash) == key_is_clash && memo.spelled.either(|path| path == at))
        };
        match transition {
            Transition::KeepBeside { .. } => true,
            Transition::Copy { at, .. } => lies(at, true),
            // Either the older version makes way, or the path itself is spelled anew.
            Transition::Rename { to, .. } => !lies(to, false),
            _ => false,
        }
    }

    /// The stable word for `transition`.
    pub fn word(&self, transition: &Transition) -> &'static str {
        transition.action(self.makes_clash(transition))
    }
}

/// Two versions that may both be wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The key path.
    pub path: RelPath,
    /// The path for people.
    pub shown: RelPath,
    /// Which rule.
    pub rule: Rule,
    /// What the policy makes of it.
    pub policy: ConflictPolicy,
    /// The side with the newer version.
    pub newer: Side,
    /// Both versions.
    pub versions: Sides<Entry>,
    /// Where the older version is kept.
    pub clash_path: Option<RelPath>,
}

/// A path that cannot be dealt with now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// The path, as the side spells it.
    pub path: RelPath,
    /// The side where the trouble is.
    pub side: Side,
    /// What it is.
    pub trouble: Trouble,
}

/// A digest that a decision waits for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Question {
    /// The side.
    pub side: Side,
    /// The key path that the answer is filed under.
    pub path: RelPath,
}

/// What answering a question needs to know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// The path as the side spells it.
    pub at: RelPath,
    /// The version to read.
    pub expect: Entry,
    /// Whether its content is wanted; else its extended attributes alone are, which are read without it.
    pub content: bool,
}

/// What came of a question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// The content's digest, and that of the extended attributes where the side holds any.
    Read(Digest, Option<XattrDigest>),
    /// Nothing but the digest of the extended attributes, where the side holds any.
    Xattrs(Option<XattrDigest>),
    /// It could not be read.
    Failed(Trouble),
}

/// All answers so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Evidence(BTreeMap<Question, Answer>);

impl Evidence {
    /// Files an answer.
    pub fn add(&mut self, question: Question, answer: Answer) {
        self.0.insert(question, answer);
    }

    /// The answer for a side's path.
    pub fn get(&self, side: Side, path: &RelPath) -> Option<&Answer> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&Question { side, path: path.clone() })
    }

    /// How many answers there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why nothing is touched until a person says so.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Halt {
    /// A root shows nothing although the baseline is not empty.
    EmptyRoot {
        /// Which.
        side: Side,
    },
    /// The plan deletes or overwrites too much of a side.
    TooManyChanges {
        /// Of which side.
        side: Side,
        /// Files deleted or overwritten.
        files: u64,
        /// Files in the baseline.
        of: u64,
        /// The folders concerned with how many files each, most first.
        folders: Vec<(RelPath, u64)>,
    },
}

impl Halt {
    /// A stable identifier.
    pub const fn id(&self) -> &'static str {
        match self {
            Self::EmptyRoot { .. } => "empty-root",
            Self::TooManyChanges { .. } => "too-many-changes",
        }
    }

    /// What happened, for people.
    pub fn describe(&self) -> String {
        match self {
            Self::EmptyRoot { side } => alloc::format!(
                "the {side} root is empty although it was not when both sides last agreed; a drive may be away"
            ),
            Self::TooManyChanges { side, files, of, .. } => {
                alloc::format!("the plan deletes or overwrites {files} of {of} files on the {side}")
            }
        }
    }
}

/// The whole decision.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// What is done, in order.
    pub actions: Vec<Action>,
    /// Conflicts, settled by this plan or waiting.
    pub conflicts: Vec<Conflict>,
    /// What cannot be dealt with now.
    pub blocked: Vec<Blocked>,
    /// Digests that must be known before this is the final plan.
    pub questions: Vec<(Question, Asked)>,
    /// Why nothing may be touched without approval.
    pub halt: Option<Halt>,
}

impl Plan {
    /// Whether there is nothing to do and nothing to learn.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// All transitions with their actions, in order.
    pub fn transitions(&self) -> impl Iterator<Item = (&Action, &Transition)> {
        self.actions.iter().flat_map(|action| action.transitions.iter().map(move |one| (action, one)))
    }
}
