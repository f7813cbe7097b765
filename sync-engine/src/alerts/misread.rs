//! A configuration that could not be taken.
//!
//! Owns [`Misread`]: what is wrong with it, for as long as it is, whatever session is open meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Why the configuration in the file is not the one that holds.
#[derive(Debug, Default)]
pub(crate) struct Misread {
    why: Mutex<Option<String>>,
    is_news: AtomicBool,
}

impl Misread {
    /// What is wrong now; none when nothing is. Returns whether something was wrong before.
    pub(crate) fn set(&self, why: Option<String>) -> bool {
        let mut standing = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if *standing != why {
            self.is_news.store(true, Ordering::SeqCst);
        }
        std::mem::replace(&mut *standing, why).is_some()
    }

    /// What is wrong.
    pub(crate) fn why(&self) -> Option<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is another answer than at the last time.
    pub(crate) fn take_news(&self) -> bool {
        self.is_news.load(Ordering::SeqCst) && self.is_news.swap(false, Ordering::SeqCst)
    }
}
