//! Rules that hide everything there is, and a root in which there is nothing: two things that look the same to a scan.

use std::collections::BTreeMap;
use std::fs;

use sync_core::path::RelPath;
use sync_core::side::Side;
use sync_engine::{Silent, SyncOptions};

use super::folders::Pair;

fn pair() -> Pair {
    Pair::agreed(&[("a.txt", "1"), ("b.txt", "2"), ("d/c.txt", "3")])
}

#[test]
fn rules_that_hide_everything_are_no_emptied_root() {
    let mut pair = pair();
    pair.config.ignore.globs = vec!["*".to_owned()];
    let session = pair.open(false).unwrap();
    let told = BTreeMap::from([(RelPath::try_from("a.txt").unwrap(), false)]);
    let near = session.sync_near(&told, &SyncOptions::default(), &Silent).unwrap();
    assert_eq!(near.halt, None);
    let report = session.sync(&SyncOptions::default(), &Silent).unwrap();
    assert_eq!((report.halt, report.problems.len()), (None, 0));
    drop(session);
    for side in Side::BOTH {
        assert_eq!(fs::read_to_string(pair.at(side, "d/c.txt")).unwrap(), "3", "{side}");
    }
    pair.config.ignore.globs.clear();
    pair.sync();
    for side in Side::BOTH {
        assert_eq!(fs::read_to_string(pair.at(side, "a.txt")).unwrap(), "1", "{side}");
        assert!(!pair.at(side, ".sync_trash").exists(), "{side}");
    }
}

#[test]
fn a_root_that_was_emptied_halts_whatever_the_rules_hide() {
    for (rules, left_over) in [("*", None), ("*.txt", Some("other.txt")), ("junk", Some("junk"))] {
        let mut pair = pair();
        pair.config.ignore.globs = vec![rules.to_owned()];
        for name in ["a.txt", "b.txt"] {
            fs::remove_file(pair.at(Side::Left, name)).unwrap();
        }
        fs::remove_dir_all(pair.at(Side::Left, "d")).unwrap();
        if let Some(name) = left_over {
            pair.write(Side::Left, name, "nothing that was ever synced");
        }
        let session = pair.open(false).unwrap();
        let report = session.sync(&SyncOptions::default(), &Silent).unwrap();
        assert_eq!(report.halt.map(|halt| halt.reason).as_deref(), Some("empty-root"), "{rules}");
        assert!(pair.at(Side::Right, "d/c.txt").exists(), "{rules}");
    }
}
