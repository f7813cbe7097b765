//! What a side tells of itself while it is watched.

use std::sync::Arc;

use sync_core::path::RelPath;

use crate::filter::Filter;

/// News from a side. It is a hint where to look, never a claim of what is there: a scan of that part decides.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum News {
    /// Something happened at this path, as the side spells it.
    At(RelPath),
    /// Anything at this path or below it may have changed; the root itself when news was lost.
    Below(RelPath),
    /// A name came or went here because something was moved; anything below it may have changed as well. The other end of
    /// a move is told of right before or after.
    Moved(RelPath),
    /// Nothing more will be told, and why.
    Ended(String),
}

/// A side that is being watched; it ends when this is dropped.
pub type Watching = Box<dyn Send>;

/// Who is told. Called from threads of the replica's own; must not block.
pub type Tell = Box<dyn Fn(News) + Send + Sync>;

/// What a watched side need not tell of, because no scan of the pair shows it.
pub type LeftOut = Arc<dyn Filter + Send>;
