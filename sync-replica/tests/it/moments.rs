//! A user who edits at the worst moment.
//!
//! For each changing call, the user acts before every single step in turn. Whatever the call answers, the user's
//! version must survive, and nothing may be left behind.
