//! The state as its users meet it.

mod baseline;
mod support;
