//! Letters through real parts: mail servers that really listen, and another program's parser that reads what they got.

mod faults;
mod fixture;
mod mails;
mod others;
