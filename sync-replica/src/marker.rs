//! The identity of a root.

use std::fmt;

use sync_core::side::Side;

/// What a root's marker says: which pair it belongs to, and as which side.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Marker {
    /// The pair, 32 hexadecimal digits chosen at random when the pair first met.
    pub pair: String,
    /// The side this root is of that pair.
    pub side: Side,
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of pair {}", self.side, self.pair)
    }
}
