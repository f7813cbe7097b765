//! Kinds of sides that tests run over.
//!
//! Owns their abilities alone: what a real side of the kind was measured to be able to do.

use sync_core::abilities::{Abilities, AttributeKind, NameRules};
use sync_core::fold::Equivalence;

const FOLDS_CASE: Equivalence = Equivalence { case: true, form: false };

/// Folds case and Unicode form, and can do everything else.
pub const FOLDING: Abilities =
    Abilities { equivalence: Equivalence { case: true, form: true }, ..Abilities::FULL };

/// Like NTFS under Windows.
pub const NTFS: Abilities = Abilities {
    equivalence: FOLDS_CASE,
    mtime_precision_ns: 100,
    attributes: AttributeKind::Windows,
    xattrs: false,
    exchange: false,
    names: NameRules::WINDOWS,
    ..Abilities::FULL
};

/// Like FAT: times of two seconds, and little else.
pub const FAT: Abilities = Abilities {
    equivalence: FOLDS_CASE,
    mtime_precision_ns: 2_000_000_000,
    attributes: AttributeKind::None,
    xattrs: false,
    symlinks: false,
    hard_links: false,
    exchange: false,
    file_ids: false,
    ctimes: false,
    names: NameRules { utf8_only: true, ..NameRules::WINDOWS },
    ..Abilities::FULL
};

/// Folds case and shows every name in lower case, as NTFS does under a driver that ignores case.
pub const LOWER_CASE: Abilities = Abilities {
    equivalence: FOLDS_CASE,
    shows_spelling: false,
    mtime_precision_ns: 100,
    exchange: false,
    file_ids: false,
    ctimes: false,
    ..Abilities::FULL
};
