//! What must become of every version.
//!
//! Every content that is written is another one. It must be somewhere at the end, unless the one who works on a side
//! took it away himself, having seen it: whoever replaces or removes something does it in one step that gives him what
//! was there, and only that counts as taken away. What the session took away in between counts as lost.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Mutex, PoisonError};

/// A content, by its length and a hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Key(u64, u64);

impl Key {
    pub(super) fn of(content: &[u8]) -> Self {
        // The same in every run of this program.
        let mut hasher = DefaultHasher::new();
        hasher.write(content);
        Self(content.len() as u64, hasher.finish())
    }
}

#[derive(Default)]
struct Version {
    /// Where it was written.
    at: Option<String>,
    /// Somebody took it away, having seen it.
    taken: bool,
    /// It went into a file that had left its place meanwhile: nobody can keep that.
    astray: bool,
}

/// Every version that was written.
#[derive(Default)]
pub(super) struct Ledger(Mutex<HashMap<Key, Version>>);

/// How many versions there were.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tally {
    pub(super) written: u64,
    pub(super) taken: u64,
    pub(super) astray: u64,
    pub(super) kept: u64,
}

impl Ledger {
    fn change(&self, key: Key, change: impl FnOnce(&mut Version)) {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
    }

    /// It may have been taken away before this is told.
    pub(super) fn wrote(&self, key: Key, at: &str) {
        self.change(key, |version| version.at = Some(at.to_owned()));
    }

    pub(super) fn took(&self, key: Key) {
        self.change(key, |version| version.taken = true);
    }

    pub(super) fn went_astray(&self, key: Key) {
        self.change(key, |version| version.astray = true);
    }

    /// What was written and neither taken away nor found, with where it was written.
    pub(super) fn lost(&self, found: &std::collections::HashSet<Key>) -> (Tally, Vec<String>) {
        let versions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tally = Tally::default();
        let mut lost = Vec::new();
        for (key, version) in versions.iter() {
            let Some(at) = &version.at else { continue };
            tally.written += 1;
            if found.contains(key) {
                tally.kept += 1;
            } else if version.taken {
                tally.taken += 1;
            } else if version.astray {
                tally.astray += 1;
            } else {
                lost.push(at.clone());
            }
        }
        lost.sort_unstable();
        (tally, lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_took_is_lost() {
        let ledger = Ledger::default();
        let [kept, taken, astray, lost] = [b"kept", b"take", b"away", b"lost"].map(|text| Key::of(text));
        // In whatever order the two are told.
        ledger.took(taken);
        for (key, at) in [(kept, "kept"), (taken, "taken"), (astray, "astray"), (lost, "lost")] {
            ledger.wrote(key, at);
        }
        ledger.went_astray(astray);
        let (tally, gone) = ledger.lost(&[kept].into());
        assert_eq!(gone, ["lost"]);
        assert_eq!((tally.written, tally.kept, tally.taken, tally.astray), (4, 1, 1, 1));
    }
}
