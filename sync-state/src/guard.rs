//! A damaged file must not end the process.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::error::Fault;

/// Runs code that reads the database. Checks inside the database may panic over a damaged page; here that is one
/// more way to say that the file is damaged. What `run` leaves behind is thrown away by its caller then.
pub(crate) fn guarded<T>(run: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| Err(Fault::Panicked(words(&*panic))))
}

fn words(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given");
    format!("the database gave up over it: {said}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_fault_with_its_words() {
        let fault = guarded::<()>(|| panic!("page {}", 7)).unwrap_err();
        assert!(matches!(fault, Fault::Panicked(words) if words.ends_with("page 7")));
    }
}
