//! The conformance suite over every kind of side.

use sync_replica::conformance::{self, Outcome};

use super::fixture::{MemoryFixture, sides};

fn outcome(name: &str) -> Outcome {
    let (_, abilities) = sides().into_iter().find(|(side, _)| *side == name).unwrap();
    let outcome = conformance::run(|| Box::new(MemoryFixture::new(abilities.clone())));
    println!("{name}: {outcome}");
    outcome
}

#[test]
fn a_full_side_conforms() {
    let outcome = outcome("full");
    outcome.assert_passed();
    // A side that can do everything is spared only what is about lacking something.
    let spared: Vec<_> = outcome.not_applicable.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        spared,
        [
            "a spelling that the side cannot show is refused and nothing moves",
            "a name the side cannot hold is refused and not mangled",
            "a link is refused where the side holds none",
            "another spelling of a name is taken where the side folds it"
        ]
    );
}

#[test]
fn a_side_without_exchange_conforms() {
    outcome("no exchange").assert_passed();
    outcome("no exchange, one name per file").assert_passed();
}

#[test]
fn a_folding_side_conforms() {
    outcome("folding").assert_passed();
}

#[test]
fn an_ntfs_like_side_conforms() {
    outcome("ntfs-like").assert_passed();
}

#[test]
fn a_fat_like_side_conforms() {
    outcome("fat-like").assert_passed();
}

#[test]
fn a_side_that_shows_no_spelling_conforms() {
    let outcome = outcome("lower-case");
    outcome.assert_passed();
    let spared = |name: &str| outcome.not_applicable.iter().any(|(check, _)| *check == name);
    assert!(!spared("a spelling that the side cannot show is refused and nothing moves"));
}

#[test]
fn no_two_checks_share_a_name() {
    let mut names: Vec<_> = conformance::checks().map(|(name, _)| name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count > 100, "{count}");
}
