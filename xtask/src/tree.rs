//! Trees of files as an office has them, made from a seed.
//!
//! Owns the shape: many small files, a few large ones, folders of very different sizes, names with spaces,
//! years and letters beyond ASCII, times spread over years. The same seed and counts give the same tree,
//! byte for byte and with the same times, so two trees made twice are in sync without any tool's help.
//! A [`Layout`] knows every folder and how many files it holds; the files of one folder are made up when
//! asked for, so a million files need little memory.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::rng::Rng;

/// `cargo xtask tree`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// An empty or missing folder
    dir: PathBuf,
    #[arg(long, default_value_t = 90_000)]
    files: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Empty or a few bytes each, instead of some kilobytes
    #[arg(long)]
    tiny: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let sizes = if options.tiny { Sizes::Tiny } else { Sizes::Office };
    let layout = Layout::new(options.files, options.seed, sizes);
    let tally = layout.build(&options.dir)?;
    println!(
        "{}: {} files in {} folders, {:.1} MB, seed {}",
        options.dir.display(),
        tally.files,
        tally.folders,
        tally.bytes as f64 / 1e6,
        options.seed
    );
    Ok(())
}

/// How large the files are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    /// Half below 2 kB, the mean near 6.5 kB, one in 9000 of some megabytes
    Office,
    /// Half of them empty, the rest below 64 bytes
    Tiny,
}

/// What a tree holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Tally {
    pub(crate) files: u64,
    pub(crate) folders: u64,
    pub(crate) bytes: u64,
}

/// Every folder of a tree, and how many files each holds.
pub(crate) struct Layout {
    seed: u64,
    sizes: Sizes,
    folders: Vec<Folder>,
}

struct Folder {
    /// Relative to the root; the first is the root itself.
    path: String,
    files: u64,
}

/// A file that the layout asks for.
pub(crate) struct FileSpec {
    pub(crate) path: String,
    size: u64,
    modified: SystemTime,
    content: u64,
}

const FOLDERS_PER_FILE: f64 = 6_800.0 / 90_000.0;
const DEEPEST: usize = 8;
const NOISE: usize = 1 << 20;

impl Layout {
    pub(crate) fn new(files: u64, seed: u64, sizes: Sizes) -> Self {
        let count = ((files as f64 * FOLDERS_PER_FILE).round() as usize).max(1);
        let mut rng = Rng::part(seed, 0);
        let mut folders = vec![Folder { path: String::new(), files: 0 }];
        let mut depth = vec![0usize];
        let mut taken = HashSet::new();
        while folders.len() <= count {
            // The newer of two draws: trees grow at their young ends, which gives depth.
            let last = folders.len() as u64;
            let parent = rng.below(last).max(rng.below(last)) as usize;
            if depth[parent] >= DEEPEST {
                continue;
            }
            let path = join(&folders[parent].path, &unique(&mut taken, parent, folder_name(&mut rng), ""));
            folders.push(Folder { path, files: 0 });
            depth.push(depth[parent] + 1);
        }
        let mut sum = 0.0;
        let upto: Vec<f64> = folders
            .iter()
            .map(|_| {
                sum += rng.log_normal(1.0, 1.2);
                sum
            })
            .collect();
        for _ in 0..files {
            let at = rng.unit() * sum;
            let folder = upto.partition_point(|&up| up <= at).min(folders.len() - 1);
            folders[folder].files += 1;
        }
        Self { seed, sizes, folders }
    }

    /// Writes the whole tree into an empty or missing folder.
    pub(crate) fn build(&self, dir: &Path) -> Result<Tally> {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        if fs::read_dir(dir)?.next().is_some() {
            bail!("{} is not empty", dir.display());
        }
        let mut noise = vec![0; NOISE];
        Rng::part(self.seed, u64::MAX).fill(&mut noise);
        let mut tally = Tally::default();
        for (index, folder) in self.folders.iter().enumerate() {
            if index > 0 {
                fs::create_dir(dir.join(&folder.path))?;
                tally.folders += 1;
            }
            for file in self.files_of(index) {
                write(&dir.join(&file.path), &file, &noise)
                    .with_context(|| format!("cannot write {}", dir.join(&file.path).display()))?;
                tally.files += 1;
                tally.bytes += file.size;
            }
        }
        Ok(tally)
    }

    /// How many, the root among them.
    pub(crate) fn folders(&self) -> u64 {
        self.folders.len() as u64
    }

    /// `count` different files, the same for the same seed.
    pub(crate) fn some_files(&self, count: usize) -> Vec<String> {
        let total: u64 = self.folders.iter().map(|folder| folder.files).sum();
        let mut rng = Rng::part(self.seed, u64::MAX - 1);
        let mut wanted = HashSet::new();
        while wanted.len() < count.min(total as usize) {
            wanted.insert(rng.below(total));
        }
        let mut first = 0;
        let mut found = Vec::with_capacity(wanted.len());
        for (index, folder) in self.folders.iter().enumerate() {
            if (first..first + folder.files).any(|number| wanted.contains(&number)) {
                let files = self.files_of(index).into_iter().enumerate();
                found.extend(
                    files.filter(|(at, _)| wanted.contains(&(first + *at as u64))).map(|(_, file)| file.path),
                );
            }
            first += folder.files;
        }
        found
    }

    fn files_of(&self, index: usize) -> Vec<FileSpec> {
        let folder = &self.folders[index];
        let mut rng = Rng::part(self.seed, 1 + index as u64);
        let mut taken = HashSet::new();
        (0..folder.files)
            .map(|_| {
                let (stem, ending) = file_name(&mut rng);
                let name = unique(&mut taken, index, stem, ending);
                FileSpec {
                    path: join(&folder.path, &name),
                    size: size(&mut rng, self.sizes),
                    modified: modified(&mut rng),
                    content: rng.next(),
                }
            })
            .collect()
    }
}

fn write(path: &Path, spec: &FileSpec, noise: &[u8]) -> Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    // Eight bytes of its own make every content different, the rest is a window into the noise.
    let head = spec.content.to_le_bytes();
    let own = (spec.size as usize).min(head.len());
    let mut content = Vec::with_capacity(spec.size as usize);
    content.extend_from_slice(&head[..own]);
    let mut at = spec.content as usize % noise.len();
    while content.len() < spec.size as usize {
        let take = (spec.size as usize - content.len()).min(noise.len() - at);
        content.extend_from_slice(&noise[at..at + take]);
        at = 0;
    }
    file.write_all(&content)?;
    file.set_modified(spec.modified)?;
    Ok(())
}

fn size(rng: &mut Rng, sizes: Sizes) -> u64 {
    match sizes {
        Sizes::Tiny => rng.below(128).saturating_sub(64),
        Sizes::Office if rng.below(9_000) == 0 => 2_000_000 + rng.below(6_000_000),
        Sizes::Office => rng.log_normal(2_000.0, 1.5).min(2e6) as u64,
    }
}

/// Between 2012 and 2025, to 100 ns, which is what every modern file system keeps.
fn modified(rng: &mut Rng) -> SystemTime {
    let seconds = 1_325_376_000 + rng.below(13 * 31_556_952);
    let nanos = rng.below(10_000_000) as u32 * 100;
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
}

/// Names that a folder without regard for case would confuse are told apart by a number.
fn unique(taken: &mut HashSet<(usize, String)>, parent: usize, stem: String, ending: &str) -> String {
    let mut name = format!("{stem}{ending}");
    let mut number = 2;
    while !taken.insert((parent, name.to_lowercase())) {
        name = format!("{stem} ({number}){ending}");
        number += 1;
    }
    name
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

const SUBJECTS: &[&str] = &[
    "Invoices",
    "Projekt Müller",
    "Project Alder",
    "Contracts",
    "Marketing",
    "Photos",
    "Tax",
    "Minutes",
    "Client Østergård",
    "Archive",
    "Drafts",
    "Travel",
    "Personnel",
    "Templates",
    "Presentations",
    "Réunions",
    "Budget",
    "Offers",
    "Suppliers",
    "Correspondence",
    "Research",
    "Scans",
    "Training",
    "Legal",
    "from Anna",
    "to sort",
    "old",
];
const THINGS: &[&str] = &[
    "Report",
    "Invoice",
    "Letter to the bank",
    "Meeting notes",
    "Offer",
    "Summary",
    "List",
    "Angebot für Köhler",
    "Plan",
    "Scan",
    "IMG",
    "Copy of budget",
    "Protocol",
    "Agenda",
    "Reply",
    "Übersicht",
    "notes",
    "data",
    "Order",
    "Receipt",
    "Draft",
    "Contract",
    "Table",
    "Figure",
];
const ENDINGS: &[&str] =
    &[".docx", ".docx", ".xlsx", ".pdf", ".pdf", ".pdf", ".txt", ".jpg", ".msg", ".csv", ".pptx", ".xml", ""];

fn folder_name(rng: &mut Rng) -> String {
    let subject = rng.pick(SUBJECTS);
    match rng.below(3) {
        0 => subject.to_owned(),
        1 => format!("{subject} {}", 2012 + rng.below(14)),
        _ => format!("{:02} {subject}", 1 + rng.below(12)),
    }
}

fn file_name(rng: &mut Rng) -> (String, &'static str) {
    let thing = rng.pick(THINGS);
    let ending = ENDINGS[rng.below(ENDINGS.len() as u64) as usize];
    let stem = match rng.below(4) {
        0 => format!("{thing} {}", 2012 + rng.below(14)),
        1 => format!("{thing}_{:04}", rng.below(10_000)),
        2 => format!("{}-{:02}-{:02} {thing}", 2012 + rng.below(14), 1 + rng.below(12), 1 + rng.below(28)),
        _ => format!("{thing} v{} final", 1 + rng.below(9)),
    };
    (stem, ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_tree() {
        let made = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let layout = Layout::new(300, 5, Sizes::Office);
        let tallies = made.each_ref().map(|dir| layout.build(dir.path()).unwrap());
        assert_eq!(tallies[0], tallies[1]);
        assert_eq!(tallies[0].files, 300);
        assert_eq!(tallies[0].folders, 23);
        for index in 0..layout.folders.len() {
            for file in layout.files_of(index) {
                let [one, other] = made.each_ref().map(|dir| dir.path().join(&file.path));
                assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap(), "{}", file.path);
                assert_eq!(fs::metadata(&one).unwrap().modified().unwrap(), file.modified);
                assert_eq!(fs::metadata(&other).unwrap().modified().unwrap(), file.modified);
            }
        }
    }

    #[test]
    fn the_shape_is_that_of_an_office() {
        let layout = Layout::new(90_000, 1, Sizes::Office);
        let files: Vec<_> = (0..layout.folders.len()).flat_map(|index| layout.files_of(index)).collect();
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        let deepest = layout.folders.iter().map(|folder| folder.path.matches('/').count() + 1).max();
        assert_eq!(files.len(), 90_000);
        assert_eq!(layout.folders.len(), 6_801);
        assert!((550_000_000..650_000_000).contains(&bytes), "{bytes} bytes");
        assert_eq!(deepest, Some(DEEPEST));
        let names: HashSet<_> = files.iter().map(|file| file.path.to_lowercase()).collect();
        assert_eq!(names.len(), files.len());
    }

    #[test]
    fn the_chosen_files_are_different_and_exist() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(500, 3, Sizes::Tiny);
        layout.build(dir.path()).unwrap();
        let chosen = layout.some_files(100);
        assert_eq!(chosen.iter().collect::<HashSet<_>>().len(), 100);
        assert!(chosen.iter().all(|path| dir.path().join(path).is_file()));
        assert_eq!(chosen, layout.some_files(100));
    }
}
