//! What the user chose for the cells that offer a choice.
//!
//! Owns [`Policy`]. The numbers (`prd 6.2.n`) are those of the requirements.

use alloc::string::String;

use crate::side::Side;

/// What happens when two versions may both be wanted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum ConflictPolicy {
    /// The newer version stands at the path, the older one beside it under its clash name, on both sides.
    #[default]
    Clash,
    /// Neither side is touched; the conflict waits for a person.
    Notify,
    /// The newer version wins on both sides; the other one goes to the trash.
    Newer,
}

impl ConflictPolicy {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::Clash, Self::Notify, Self::Newer];

    /// The word in configs and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clash => "clash",
            Self::Notify => "notify",
            Self::Newer => "newer",
        }
    }
}

/// When two files that meet for the first time count as the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum FirstMatch {
    /// Same size and same modification time within the tolerance; another time is settled by digest.
    #[default]
    Metadata,
    /// Same size and same digest.
    Digest,
}

/// How deletions are made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SoftDelete {
    /// Whether deleted files go to the trash at all.
    pub enabled: bool,
    /// The largest file that does, in bytes; larger ones are deleted for good (`prd 6.3.1`).
    pub max_size_bytes: u64,
}

impl Default for SoftDelete {
    fn default() -> Self {
        Self { enabled: true, max_size_bytes: 20 << 20 }
    }
}

impl SoftDelete {
    /// Whether a deleted file of this size goes to the trash.
    pub const fn keeps(&self, size: u64) -> bool {
        self.enabled && size <= self.max_size_bytes
    }
}

/// Whether versions that a copy replaces are kept in the trash.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Versions {
    /// Whether any are.
    pub enabled: bool,
    /// The largest file that is, in bytes.
    pub max_size_bytes: u64,
}

impl Default for Versions {
    fn default() -> Self {
        Self { enabled: false, max_size_bytes: 20 << 20 }
    }
}

/// When a plan changes so much that a person must approve it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct GuardPolicy {
    /// The share of a side's files that may be deleted or overwritten in one plan, in percent.
    pub max_change_percent: u8,
    /// Up to this many files any plan may delete or overwrite.
    pub max_change_min_files: u64,
}

impl Default for GuardPolicy {
    fn default() -> Self {
        Self { max_change_percent: 50, max_change_min_files: 20 }
    }
}

/// Everything the user chose that a decision depends on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Policy {
    /// `prd 6.2.1`.
    pub same_file_changed_both: ConflictPolicy,
    /// `prd 6.2.2`.
    pub new_file_both_different: ConflictPolicy,
    /// `prd 6.2.13`.
    pub properties_conflict_both: ConflictPolicy,
    /// The side that counts as newer when two times are too close to tell.
    pub tie_breaker: Side,
    /// How first meetings are judged.
    pub first_match: FirstMatch,
    /// How clash copies are called: `{stem}`, `{time}` and `{ext}` are filled in.
    pub clash_name: String,
    /// How deletions are made.
    pub soft_delete: SoftDelete,
    /// What becomes of versions that are replaced.
    pub versions: Versions,
    /// When to halt.
    pub guard: GuardPolicy,
}

/// The default of [`Policy::clash_name`].
pub const DEFAULT_CLASH_NAME: &str = "{stem} - clash {time}{ext}";

impl Default for Policy {
    fn default() -> Self {
        Self {
            same_file_changed_both: ConflictPolicy::default(),
            new_file_both_different: ConflictPolicy::default(),
            properties_conflict_both: ConflictPolicy::default(),
            tie_breaker: Side::Left,
            first_match: FirstMatch::default(),
            clash_name: DEFAULT_CLASH_NAME.into(),
            soft_delete: SoftDelete::default(),
            versions: Versions::default(),
            guard: GuardPolicy::default(),
        }
    }
}

impl Policy {
    /// Whether a version of this size goes to the trash when another one takes its place. `lost` tells that it is
    /// taken away like a deleted one, which nobody brings a newer version of: it lost against another that was
    /// wanted as well, or something of another kind comes.
    pub const fn keeps_replaced(&self, size: u64, lost: bool) -> bool {
        (lost && self.soft_delete.keeps(size))
            || (self.versions.enabled && size <= self.versions.max_size_bytes)
    }
}
