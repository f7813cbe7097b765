//! The pure core of Bothways: three trees in, one plan out.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod abilities;
pub mod baseline;
pub mod entry;
pub mod fold;
pub mod path;
pub mod side;
