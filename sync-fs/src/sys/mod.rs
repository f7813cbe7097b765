//! The one gate to the operating system.
//!
//! Owns [`Dir`], an open directory through which everything below it is reached by single names, and [`Stat`].
//! Both systems offer the same functions, so that no rule above is written twice. Must never follow a link below
//! a root, and must never decide anything.
//!
//! Start with `linux.rs`; `windows.rs` mirrors it by paths.

mod ffi;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod names;
#[cfg(windows)]
mod windows;

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) use ffi::trim_memory;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(windows)]
pub(crate) use windows::*;

use std::num::NonZeroU64;

use sync_core::abilities::{Abilities, AttributeKind};
use sync_core::entry::{Attributes, Entry, Kind};

/// What the system says about one thing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stat {
    /// None for pipes, sockets and devices.
    pub(crate) kind: Option<Kind>,
    /// The file system it is on.
    pub(crate) dev: u64,
    /// Its number there.
    pub(crate) id: u64,
    /// Bytes.
    pub(crate) size: u64,
    /// Bytes that take up room.
    pub(crate) allocated: u64,
    pub(crate) mtime_ns: i64,
    pub(crate) ctime_ns: i64,
    /// Permission bits, or attribute bits on Windows.
    pub(crate) bits: u16,
    /// Whether another file system is mounted here.
    pub(crate) mount_root: bool,
    /// How many names it has.
    pub(crate) links: u32,
}

impl Stat {
    /// The entry, as far as the side can be trusted; none for what is never synced.
    pub(crate) fn entry(&self, abilities: &Abilities) -> Option<Entry> {
        let kind = self.kind?;
        let attributes = match abilities.attributes {
            _ if kind == Kind::Symlink => Attributes::NotHeld,
            AttributeKind::None => Attributes::NotHeld,
            AttributeKind::Unix => Attributes::Unix(self.bits),
            AttributeKind::Windows => Attributes::Windows(self.bits),
        };
        Some(Entry {
            kind,
            attributes,
            size: if kind == Kind::Dir { 0 } else { self.size },
            mtime_ns: self.mtime_ns,
            ctime_ns: if abilities.ctimes { self.ctime_ns } else { 0 },
            file_id: if abilities.file_ids { NonZeroU64::new(self.id) } else { None },
        })
    }

    /// Whether both are the very same thing, whatever became of it in between: both looked at just now, or one of
    /// them held open, as elsewhere a side may give the same thing another number (see [`Stat::may_be`]).
    pub(crate) fn is_same_thing(&self, other: &Self) -> bool {
        self.dev == other.dev && self.id == other.id && self.kind == other.kind
    }

    /// Whether both can be the same thing, as far as the side's file numbers can be trusted to tell.
    pub(crate) fn may_be(&self, other: &Self, abilities: &Abilities) -> bool {
        if abilities.file_ids {
            return self.is_same_thing(other);
        }
        self.kind == other.kind
            && (self.kind == Some(Kind::Dir) || (self.size == other.size && self.mtime_ns == other.mtime_ns))
    }
}

/// Where a test ends the run "as if killed": before the n-th change of a file system.
pub(crate) mod kill {
    #![allow(clippy::missing_const_for_thread_local, reason = "they are const; the lint errs for Windows")]

    #[cfg(test)]
    thread_local! {
        static LEFT: std::cell::Cell<Option<u32>> = const { std::cell::Cell::new(None) };
        static MEANWHILE: std::cell::RefCell<Option<Box<dyn FnOnce()>>> =
            const { std::cell::RefCell::new(None) };
    }

    /// What a test's unwinding carries.
    #[cfg(test)]
    pub(crate) struct Killed;

    /// Runs `work` until it is about to make its `step`-th change, counted from 0. None when it was ended there.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn at_step<T>(step: u32, work: impl FnOnce() -> T) -> Option<T> {
        LEFT.with(|left| left.set(Some(step)));
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        LEFT.with(|left| left.set(None));
        match done {
            Ok(value) => Some(value),
            Err(payload) if payload.is::<Killed>() => None,
            Err(payload) => std::panic::resume_unwind(payload),
        }
    }

    /// The same, and right before the first change that is made after looking, somebody else does `meanwhile`.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn at_step_with<T>(
        step: u32,
        meanwhile: impl FnOnce() + 'static,
        work: impl FnOnce() -> T,
    ) -> Option<T> {
        MEANWHILE.with(|slot| *slot.borrow_mut() = Some(Box::new(meanwhile)));
        at_step(step, work)
    }

    /// Called before every change of a file system. Nothing in this crate cleans up while unwinding, so ending
    /// here leaves the disk as a kill would.
    #[inline]
    pub(crate) fn point() {
        #[cfg(test)]
        if let Some(meanwhile) = MEANWHILE.with(|slot| slot.borrow_mut().take()) {
            meanwhile();
        }
        #[cfg(test)]
        LEFT.with(|left| match left.get() {
            Some(0) => {
                left.set(None);
                std::panic::resume_unwind(Box::new(Killed));
            }
            Some(n) => left.set(Some(n - 1)),
            None => {}
        });
    }
}

/// A name that no other run has, now or later.
pub(crate) fn random_name() -> String {
    use std::hash::{BuildHasher, Hasher};
    // The standard library seeds its hashers from the system's random source.
    let mut hasher = std::collections::hash_map::RandomState::new().build_hasher();
    hasher.write_u32(std::process::id());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    hasher.write_u128(now.as_nanos());
    format!("{:016x}", hasher.finish())
}
