//! The proof of the core.
//!
//! A model of two replicas ([`replica`], [`world`], [`executor`]) is taken through whole cycles, and [`checks`] says
//! what must be true of each, whatever the trees were. Three kinds of trees go through it: named tiny ones with
//! their expected plans ([`table`], [`readings`]), all there are of a small kind ([`exhaustive`]), and random bigger
//! ones over several rounds ([`random`]). [`interrupted`] stops each at every step, [`parts`] carries out a part of each plan, and [`guided`] gives a
//! person the word.

// The counts of cases belong to the result of these tests.
#![allow(clippy::print_stdout)]

mod checks;
mod executor;
mod exhaustive;
mod guards;
mod guided;
mod interrupted;
mod mirror;
mod parts;
mod random;
mod readings;
mod replica;
mod table;
mod tiny;
mod undo;
mod world;
