//! The pure core of Bothways: three trees in, one plan out.
//!
//! Owns paths, sides, entries, snapshots, the baseline, observation, the decision matrix, rename pairing, the plan
//! and its order, clash names, guards, policy and explanation. It never touches a file, a clock or the environment,
//! and the same input always gives the same plan, byte for byte.
//!
//! The way of a decision, which is also the order to read it in:
//!
//! 1. [`compare`](compare::compare) joins two [`Snapshot`](snapshot::Snapshot)s and the baseline into the paths at
//!    which anything differs;
//! 2. `observe` turns what was seen there into a [`State`](matrix::State) per side, or into a question;
//! 3. `pairing` finds renames and rewrites the cases as if the other side had been renamed too;
//! 4. [`resolve`](matrix::resolve) looks the cell up, and [`decide`](decide::decide) sees to directories;
//! 5. `build` spells the outcome out as a [`Plan`](plan::Plan).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod abilities;
pub mod baseline;
mod build;
mod case;
mod chosen;
pub mod clash;
pub mod compare;
pub mod decide;
pub mod entry;
pub mod explain;
pub mod fold;
pub mod guard;
pub mod guidance;
mod heed;
pub mod matrix;
mod observe;
mod pairing;
pub mod part;
pub mod path;
pub mod plan;
pub mod policy;
pub mod rows;
pub mod scope;
pub mod side;
mod slot;
pub mod snapshot;
mod spelling;
mod twins;
pub mod undo;
pub mod unlike;
