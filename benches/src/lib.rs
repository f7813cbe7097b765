//! Micro-benchmarks of the steps of a cycle, over an office-like tree: `scan`, `decide`, `state` (loading and
//! committing the baseline, searching the journal) and `records` (what `status` and `history` ask). Run them with
//! `cargo bench -p bothways-benches`; compare figures of one run only. Whole runs beside other programs are
//! `cargo xtask bench peers`.
//!
//! Owns what the benchmarks share: the shape of the tree.

/// Directories of the tree.
pub const DIRS: u64 = 6_800;
/// Directories and files.
pub const ENTRIES: u64 = 96_800;

/// The path of the `n`-th directory, at most three levels deep; parents have lower numbers.
pub fn dir(n: u64) -> String {
    match n {
        0..20 => format!("department {n:02}"),
        20..420 => format!("department {:02}/project number {n:04}", n % 20),
        _ => {
            let project = 20 + n % 400;
            format!("department {:02}/project number {project:04}/folder {n:05}", project % 20)
        }
    }
}

/// The path of the `n`-th file, 13 or so in each directory.
pub fn file(n: u64) -> String {
    format!("{}/Report {n:06}.docx", dir(n % DIRS))
}
