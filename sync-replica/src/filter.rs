//! Which names a scan hides.

use sync_core::entry::Kind;
use sync_core::path::RelPath;

/// Decides what a scan hides. A hidden directory hides everything below it.
///
/// What belongs to Bothways itself (markers, staged files, trash, state) is hidden by the replica, whatever a
/// filter says.
pub trait Filter: Sync {
    /// Whether the entry `name` of the directory `parent` is hidden.
    fn hides(&self, parent: &RelPath, name: &[u8], kind: Kind) -> bool;

    /// Whether files whose content is not text are hidden too.
    fn text_only(&self) -> bool {
        false
    }
}

/// Hides nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShowAll;

impl Filter for ShowAll {
    fn hides(&self, _parent: &RelPath, _name: &[u8], _kind: Kind) -> bool {
        false
    }
}
