//! The numbers that programs were compiled with.
//!
//! A line here is never changed and never removed; new ones are added at the end of their list.

use std::collections::BTreeMap;
use std::ffi::CStr;

use crate::toolchain::repository;

const NUMBERS: &[(&str, i64)] = &[
    ("BOTHWAYS_STATUS_OK", 0),
    ("BOTHWAYS_STATUS_LOOK", 1),
    ("BOTHWAYS_STATUS_USAGE", 2),
    ("BOTHWAYS_STATUS_TRY_AGAIN", 3),
    ("BOTHWAYS_STATUS_HALTED", 4),
    ("BOTHWAYS_STATUS_INTERNAL", 5),
    ("BOTHWAYS_STATUS_CANCELLED", 6),
    ("BOTHWAYS_STATUS_NULL_ARGUMENT", 7),
    ("BOTHWAYS_STATUS_INVALID_ARGUMENT", 8),
    ("BOTHWAYS_STATUS_UNKNOWN_HANDLE", 9),
    ("BOTHWAYS_STATUS_CLOSED_HANDLE", 10),
    ("BOTHWAYS_STATUS_WRONG_HANDLE", 11),
    ("BOTHWAYS_STATUS_BUSY", 12),
    ("BOTHWAYS_STATUS_PANIC", 13),
    ("BOTHWAYS_STATUS_TRUNCATED", 14),
    ("BOTHWAYS_STATUS_UNKNOWN_TEXT", 15),
    ("BOTHWAYS_PATH_STATE_ABSENT", 0),
    ("BOTHWAYS_PATH_STATE_CREATED", 1),
    ("BOTHWAYS_PATH_STATE_UNCHANGED", 2),
    ("BOTHWAYS_PATH_STATE_MODIFIED", 3),
    ("BOTHWAYS_PATH_STATE_PROPS", 4),
    ("BOTHWAYS_PATH_STATE_DELETED", 5),
    ("BOTHWAYS_PATH_STATE_UNKNOWN", 6),
    ("BOTHWAYS_ANSWER_NOTHING", 0),
    ("BOTHWAYS_ANSWER_COPY_LEFT_TO_RIGHT", 1),
    ("BOTHWAYS_ANSWER_COPY_RIGHT_TO_LEFT", 2),
    ("BOTHWAYS_ANSWER_PROPS_LEFT_TO_RIGHT", 3),
    ("BOTHWAYS_ANSWER_PROPS_RIGHT_TO_LEFT", 4),
    ("BOTHWAYS_ANSWER_CONTENT_LEFT_TO_RIGHT", 5),
    ("BOTHWAYS_ANSWER_CONTENT_RIGHT_TO_LEFT", 6),
    ("BOTHWAYS_ANSWER_DELETE_LEFT", 7),
    ("BOTHWAYS_ANSWER_DELETE_RIGHT", 8),
    ("BOTHWAYS_ANSWER_MEET", 9),
    ("BOTHWAYS_ANSWER_FORGET", 10),
    ("BOTHWAYS_ANSWER_LEAVE", 11),
    ("BOTHWAYS_CHOICE_NONE", 0),
    ("BOTHWAYS_CHOICE_CLASH", 1),
    ("BOTHWAYS_CHOICE_NOTIFY", 2),
    ("BOTHWAYS_CHOICE_NEWER", 3),
    ("BOTHWAYS_PHASE_WAIT", 0),
    ("BOTHWAYS_PHASE_SCAN", 1),
    ("BOTHWAYS_PHASE_DIGEST", 2),
    ("BOTHWAYS_PHASE_ACT", 3),
    ("BOTHWAYS_PHASE_OTHER", 4),
    ("BOTHWAYS_EVENT_READY", 1),
    ("BOTHWAYS_EVENT_CYCLE", 2),
    ("BOTHWAYS_EVENT_WAITS", 3),
    ("BOTHWAYS_KEEP_LEFT", 1),
    ("BOTHWAYS_KEEP_RIGHT", 2),
    ("BOTHWAYS_KEEP_NEWER", 3),
    ("BOTHWAYS_KEEP_BOTH", 4),
    ("BOTHWAYS_FLAG_READ_ONLY", 1),
    ("BOTHWAYS_FLAG_APPROVE", 2),
    ("BOTHWAYS_FLAG_ALL", 4),
    ("BOTHWAYS_FLAG_DRY_RUN", 8),
    ("BOTHWAYS_FLAG_KEEP_BOTH", 16),
    ("BOTHWAYS_FLAG_EXPIRED", 32),
    ("BOTHWAYS_EVENT_RELOADED", 4),
    ("BOTHWAYS_FLAG_RECORDS", 64),
];

/// The one number that grows, with every addition.
const ABI: (&str, i64) = ("BOTHWAYS_ABI", 2);

/// By number.
const RULES: &[&str] = &[
    "unchanged",
    "both-changed",
    "both-created",
    "changed-left",
    "changed-right",
    "deleted-left-changed-right",
    "deleted-right-changed-left",
    "deleted-left",
    "deleted-right",
    "created-left",
    "created-right",
    "props-left",
    "props-right",
    "props-both",
    "adopt",
    "forget",
    "changed-left-props-right",
    "props-left-changed-right",
    "renamed-left",
    "renamed-right",
    "silent-corruption",
    "chosen",
    "undone",
    "restored",
    "unobserved",
];

#[test]
fn the_header_has_these_numbers_and_no_others() {
    let text = std::fs::read_to_string(repository().join("sync-ffi/include/bothways.h")).unwrap();
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.trim().trim_end_matches(',').split(' ').collect();
        let (["#define", name, number] | [name, "=", number]) = words[..] else { continue };
        let number: i64 = number.parse().unwrap();
        assert_eq!(found.insert(name, number), None, "{name} is there twice");
    }
    assert_eq!(found, NUMBERS.iter().copied().chain([ABI]).collect());
}

#[test]
fn the_rules_have_these_numbers() {
    for (number, name) in (0..).zip(RULES) {
        let found = bothways::bothways_rule_name(number);
        assert!(!found.is_null(), "rule {number} is gone");
        // SAFETY: a name that is not NULL is a text that stays.
        assert_eq!(unsafe { CStr::from_ptr(found) }.to_str().unwrap(), *name);
    }
    let next = i32::try_from(RULES.len()).unwrap();
    assert!(bothways::bothways_rule_name(next).is_null(), "a new rule: give it a line here");
}
