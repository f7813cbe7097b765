//! Letters through real parts: mail servers that really listen, and another program's parser that reads what they got.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot be set up has failed; the mails are shown where that is asked for"
)]

mod faults;
mod fixture;
mod mails;
#[cfg(target_os = "linux")]
mod mta;
mod others;
