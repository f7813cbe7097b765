//! The two sides, and a pair of anything that exists once on each.
//!
//! Owns [`Side`] and [`Sides`]. No rule may be written once for the left and once more for the right: a rule is
//! written for "this side and the other one", and [`Sides`] carries what it needs.

use core::fmt;

/// One of the two replicas. Neither is master.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Side {
    /// The first root.
    Left,
    /// The second root.
    Right,
}

impl Side {
    /// Both sides, left first.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Left => Self::Right,
            Self::Right => Self::Left,
        }
    }

    /// `left` or `right`, as it is spelled in plans, logs and configs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Anything that exists once per side.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Sides<T> {
    /// The left one.
    pub left: T,
    /// The right one.
    pub right: T,
}

impl<T> Sides<T> {
    /// A pair from its two halves.
    pub const fn new(left: T, right: T) -> Self {
        Self { left, right }
    }

    /// A pair made by asking for each side.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> Self {
        Self { left: make(Side::Left), right: make(Side::Right) }
    }

    /// The half of `side`.
    pub const fn get(&self, side: Side) -> &T {
        match side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        }
    }

    /// The half of `side`, to change.
    pub const fn get_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }

    /// Both halves by reference.
    pub const fn as_ref(&self) -> Sides<&T> {
        Sides { left: &self.left, right: &self.right }
    }

    /// Applies `f` to both halves.
    pub fn map<U>(self, mut f: impl FnMut(T) -> U) -> Sides<U> {
        Sides { left: f(self.left), right: f(self.right) }
    }

    /// Joins two pairs side by side.
    pub fn zip<U>(self, other: Sides<U>) -> Sides<(T, U)> {
        Sides { left: (self.left, other.left), right: (self.right, other.right) }
    }

    /// The mirror image.
    #[must_use]
    pub fn flip(self) -> Self {
        Self { left: self.right, right: self.left }
    }

    /// Both halves with their side, left first.
    pub fn iter(&self) -> impl Iterator<Item = (Side, &T)> {
        [(Side::Left, &self.left), (Side::Right, &self.right)].into_iter()
    }

    /// Whether `f` holds for both halves.
    pub fn both(&self, mut f: impl FnMut(&T) -> bool) -> bool {
        f(&self.left) && f(&self.right)
    }

    /// Whether `f` holds for one half at least.
    pub fn either(&self, mut f: impl FnMut(&T) -> bool) -> bool {
        f(&self.left) || f(&self.right)
    }
}

impl<T, E> Sides<Result<T, E>> {
    /// Both results, or the first error.
    pub fn transpose(self) -> Result<Sides<T>, E> {
        Ok(Sides { left: self.left?, right: self.right? })
    }
}

impl<T> core::ops::Index<Side> for Sides<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        self.get(side)
    }
}

impl<T> core::ops::IndexMut<Side> for Sides<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        self.get_mut(side)
    }
}
