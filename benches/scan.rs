//! Scanning a real folder of 90,000 files, with one thread and with two.

use std::fs;
use std::path::Path;

use bothways_benches::{DIRS, ENTRIES, dir, file};
use divan::{Bencher, black_box};
use sync_core::fold::Equivalence;
use sync_fs::{Access, LocalOptions, LocalReplica};
use sync_replica::{Replica, ScanRequest, ShowAll, Uncontrolled};

fn main() {
    divan::main();
}

fn plant(root: &Path) -> std::io::Result<()> {
    for n in 0..DIRS {
        fs::create_dir_all(root.join(dir(n)))?;
    }
    (DIRS..ENTRIES).try_for_each(|n| fs::write(root.join(file(n)), ""))
}

#[divan::bench(args = [1, 2], sample_count = 20, sample_size = 1)]
fn scan_90_000_with_threads(bencher: Bencher<'_, '_>, threads: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    plant(folder.path()).expect("a tree");
    let replica = LocalReplica::open(LocalOptions::new(folder.path()), Access::ReadOnly).expect("a replica");
    let request =
        ScanRequest { equivalence: Equivalence::EXACT, filter: &ShowAll, control: &Uncontrolled, threads };
    bencher.bench_local(|| {
        let totals = black_box(replica.scan(&request).expect("a scan")).totals();
        assert_eq!(totals.files + totals.dirs, ENTRIES);
    });
}
