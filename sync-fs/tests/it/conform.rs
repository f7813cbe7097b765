//! The conformance suite over real folders, also as if the side below could do less.

use std::path::Path;

use serde_json::json;
use sync_replica::conformance;

use crate::fixture::{FolderFixture, Lacking};

fn run(name: &str, lacking: Lacking) {
    let inside = std::env::temp_dir();
    let outcome = conformance::run(|| Box::new(FolderFixture::new(&inside, lacking)));
    println!("{name}: {outcome}");
    outcome.assert_passed();
}

#[test]
fn a_folder_conforms() {
    run("as it is", &[]);
}

#[test]
fn a_folder_without_exchange_conforms() {
    let lacking = [("exchange", json!(false))];
    run("without exchange", Vec::leak(lacking.into()));
}

#[test]
fn a_folder_with_neither_exchange_nor_second_names_conforms() {
    let lacking = [("exchange", json!(false)), ("hard_links", json!(false))];
    run("with neither exchange nor second names", Vec::leak(lacking.into()));
}

#[test]
fn a_folder_without_file_numbers_conforms() {
    let lacking = [("file_ids", json!(false)), ("ctimes", json!(false))];
    run("without file numbers and change times", Vec::leak(lacking.into()));
}

#[test]
fn a_folder_in_memory_conforms() {
    if !Path::new("/dev/shm").is_dir() {
        println!("not tried: there is no /dev/shm");
        return;
    }
    let outcome = conformance::run(|| Box::new(FolderFixture::new(Path::new("/dev/shm"), &[])));
    println!("on tmpfs: {outcome}");
    outcome.assert_passed();
}
