//! The decision allocates nothing.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ptr::null;

use bothways::{Chosen, Decision, Status, bothways_decide, bothways_rule_name, bothways_rule_requirement};

/// Counts what the thread that asks for it allocates.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    COUNT.with(|count| count.set(count.get() + 1));
}

// SAFETY: everything is the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's condition is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's condition is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's condition is the same.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller's condition is the same.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted(work: impl FnOnce()) -> u64 {
    let before = COUNT.with(Cell::get);
    work();
    COUNT.with(Cell::get) - before
}

#[test]
fn no_decision_allocates() {
    assert_eq!(counted(|| drop(std::hint::black_box(Box::new(7)))), 2, "the counter counts");
    let mut decided = 0;
    let cost = counted(|| {
        for choice in 0..4 {
            let chosen = Chosen {
                same_file_changed_both: choice,
                new_file_both_different: choice,
                properties_conflict_both: choice,
            };
            // Also states and policies that are none.
            for (left, right) in (-1..8).flat_map(|left| (-1..8).map(move |right| (left, right))) {
                for chosen in [null(), &raw const chosen] {
                    let mut out = Decision { rule: -1, answer: -1, choice: -1 };
                    // SAFETY: both point to what the header says.
                    let status = unsafe { bothways_decide(left, right, chosen, &raw mut out) };
                    if status == Status::Ok {
                        decided += 1;
                        assert!(!bothways_rule_name(out.rule).is_null());
                        assert!(!bothways_rule_requirement(out.rule).is_null());
                    }
                }
            }
        }
    });
    assert_eq!(decided, 7 * 7 * 2 * 4);
    assert_eq!(cost, 0);
}

/// The numbers that come out are those of the core.
#[test]
fn every_cell_is_the_core_s() {
    use std::ffi::CStr;
    use sync_engine::core::matrix::{State, resolve};
    let states = [
        State::Absent,
        State::Created,
        State::Unchanged,
        State::Modified,
        State::Props,
        State::Deleted,
        State::Unknown,
    ];
    for (left, one) in (0..).zip(states) {
        for (right, other) in (0..).zip(states) {
            let mut out = Decision { rule: -1, answer: -1, choice: -1 };
            // SAFETY: both point to what the header says.
            assert_eq!(unsafe { bothways_decide(left, right, null(), &raw mut out) }, Status::Ok);
            let (rule, _) = resolve(one, other);
            // SAFETY: both are texts that stay.
            let (name, requirement) = unsafe {
                (
                    CStr::from_ptr(bothways_rule_name(out.rule)),
                    CStr::from_ptr(bothways_rule_requirement(out.rule)),
                )
            };
            assert_eq!(name.to_str().unwrap(), rule.name());
            assert_eq!(requirement.to_str().unwrap(), rule.requirement().unwrap_or_default());
            assert_eq!(out.choice != 0, rule.policy(&sync_engine::core::policy::Policy::default()).is_some());
        }
    }
}
