//! Somebody at work on one side.
//!
//! Owns the changes: which, where, and in which steps, so that what is taken away is known exactly (see `ledger`). A
//! change whose place is gone meanwhile is not made, which is no error: the other side is at work too.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use super::ledger::{Key, Ledger};
use crate::rng::Rng;

/// Folders of Bothways itself, which nobody works in.
pub(super) const NOT_OURS: [&str; 2] = [".bothways", ".sync_trash"];

/// What can be done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Change {
    Create,
    /// At a path that the other side may take as well.
    Meet,
    /// Written in place.
    Edit,
    /// Written beside, and put in its place.
    Save,
    Append,
    Rename,
    MoveFolder,
    MakeFolder,
    Delete,
    DeleteFolder,
    Properties,
}

/// How often each of them is made, in a thousand.
const SHARES: [(Change, u64); 11] = [
    (Change::Create, 200),
    (Change::Meet, 20),
    (Change::Edit, 150),
    (Change::Save, 150),
    (Change::Append, 100),
    (Change::Rename, 90),
    (Change::MoveFolder, 10),
    (Change::MakeFolder, 15),
    (Change::Delete, 190),
    (Change::DeleteFolder, 3),
    (Change::Properties, 72),
];

/// How many changes of each kind were made.
#[derive(Clone, Default, Debug)]
pub(super) struct Counts {
    made: [u64; SHARES.len()],
    pub(super) missed: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        for (own, its) in self.made.iter_mut().zip(other.made) {
            *own += its;
        }
        self.missed += other.missed;
    }

    pub(super) fn done(&self) -> u64 {
        self.made.iter().sum()
    }

    pub(super) fn named(&self) -> Vec<(String, u64)> {
        SHARES
            .iter()
            .zip(self.made)
            .map(|((change, _), made)| (format!("{change:?}").to_lowercase(), made))
            .collect()
    }
}

pub(super) struct Worker<'a> {
    side: &'static str,
    root: PathBuf,
    /// On the same disk: what is taken away goes here in one step, and is looked at then.
    yard: PathBuf,
    rng: Rng,
    /// How many files there should be.
    about: u64,
    ledger: &'a Ledger,
    files: Vec<String>,
    folders: Vec<String>,
    number: u64,
    /// When the tree was looked at last, by that number; none when it is another one since.
    looked: Option<u64>,
    pub(super) counts: Counts,
}

/// After so many changes the tree is looked at again.
const LOOK_EVERY: u64 = 500;

impl<'a> Worker<'a> {
    pub(super) fn new(
        side: &'static str,
        root: PathBuf,
        yard: PathBuf,
        seed: u64,
        about: u64,
        ledger: &'a Ledger,
    ) -> Result<Self> {
        fs::create_dir_all(&yard).with_context(|| format!("cannot make {}", yard.display()))?;
        let rng = Rng::part(seed, if side == "left" { 11 } else { 12 });
        let (files, folders) = (Vec::new(), Vec::new());
        Ok(Self {
            side,
            root,
            yard,
            rng,
            about,
            ledger,
            files,
            folders,
            number: 0,
            looked: None,
            counts: Counts::default(),
        })
    }

    /// One change, if it can be made.
    pub(super) fn step(&mut self) -> Result<()> {
        if self.looked.is_none_or(|then| self.number - then >= LOOK_EVERY) {
            self.looked = Some(self.number);
            (self.files, self.folders) = (Vec::new(), vec![String::new()]);
            list(&self.root, "", &mut self.files, &mut self.folders)?;
        }
        self.number += 1;
        let mut at = self.rng.below(SHARES.iter().map(|(_, share)| share).sum());
        let mut kind = 0;
        while at >= SHARES[kind].1 {
            at -= SHARES[kind].1;
            kind += 1;
        }
        let mut change = SHARES[kind].0;
        // The tree keeps its size.
        let many = self.files.len() as u64 > self.about;
        if many && change == Change::Create && self.rng.below(3) == 0 {
            change = Change::Delete;
        } else if !many && change == Change::Delete && self.rng.below(3) == 0 {
            change = Change::Create;
        }
        match self.make(change) {
            Ok(true) => {
                let place = SHARES.iter().position(|(one, _)| *one == change).unwrap_or_default();
                self.counts.made[place] += 1;
            }
            Ok(false) => self.counts.missed += 1,
            Err(error) if is_gone(&error) => self.counts.missed += 1,
            Err(error) => return Err(error).with_context(|| format!("{change:?} on the {}", self.side)),
        }
        Ok(())
    }

    fn make(&mut self, change: Change) -> io::Result<bool> {
        match change {
            Change::Create => {
                let path = format!("{}{}-{}.txt", self.folder(), self.side, self.number);
                self.create(&path)
            }
            Change::Meet => {
                // Both sides come to the same few names.
                let path = format!("meet-{}.txt", self.rng.below(40));
                if self.root.join(&path).exists() { self.edit(&path) } else { self.create(&path) }
            }
            Change::Edit => self.on_file(Self::edit),
            Change::Save => self.on_file(Self::save),
            Change::Append => self.on_file(Self::append),
            Change::Rename => self.on_file(Self::rename),
            Change::Delete => self.on_file(Self::delete),
            Change::Properties => self.on_file(Self::properties),
            Change::MakeFolder => {
                let path = format!("{}folder-{}-{}", self.folder(), self.side, self.number);
                fs::create_dir(self.root.join(&path))?;
                self.folders.push(path);
                Ok(true)
            }
            Change::MoveFolder => self.move_folder(),
            Change::DeleteFolder => self.delete_folder(),
        }
    }

    fn on_file(&mut self, act: fn(&mut Self, &str) -> io::Result<bool>) -> io::Result<bool> {
        if self.files.is_empty() {
            return Ok(false);
        }
        let place = self.rng.below(self.files.len() as u64) as usize;
        let path = self.files[place].clone();
        let done = act(self, &path);
        if fs::symlink_metadata(self.root.join(&path)).is_err() {
            self.files.swap_remove(place);
        }
        done
    }

    /// A folder that was there, with the slash behind it.
    fn folder(&mut self) -> String {
        match &self.folders[self.rng.below(self.folders.len() as u64) as usize] {
            root if root.is_empty() => String::new(),
            other => format!("{other}/"),
        }
    }

    /// A content that nobody has ever written.
    fn content(&mut self) -> Vec<u8> {
        let mut content = format!("{} {}\n", self.side, self.number).into_bytes();
        let size = match self.rng.below(1000) {
            0 => 1 << 20,
            1..20 => 64 << 10,
            _ => self.rng.below(4000),
        };
        let head = content.len();
        content.resize(head + size as usize, 0);
        self.rng.fill(&mut content[head..]);
        content
    }

    fn aside(&self) -> PathBuf {
        self.yard.join(self.number.to_string())
    }

    /// Puts a whole file at a path where nothing is.
    fn create(&mut self, path: &str) -> io::Result<bool> {
        let (content, aside) = (self.content(), self.aside());
        fs::write(&aside, &content)?;
        let put = put_where_nothing_is(&aside, &self.root.join(path));
        if put.is_err() {
            fs::remove_file(&aside)?;
        }
        put?;
        self.ledger.wrote(Key::of(&content), path);
        self.files.push(path.to_owned());
        Ok(true)
    }

    /// Puts a whole file in the place of another, and sees what that was.
    fn save(&mut self, path: &str) -> io::Result<bool> {
        let (content, aside) = (self.content(), self.aside());
        fs::write(&aside, &content)?;
        if let Err(error) = exchange(&aside, &self.root.join(path)) {
            fs::remove_file(&aside)?;
            return Err(error);
        }
        self.ledger.wrote(Key::of(&content), path);
        self.take(&aside)?;
        Ok(true)
    }

    fn edit(&mut self, path: &str) -> io::Result<bool> {
        self.write_in_place(path, false)
    }

    fn append(&mut self, path: &str) -> io::Result<bool> {
        self.write_in_place(path, true)
    }

    /// Writes into the file that is there. When it has left its place at the end, what was written went with it.
    fn write_in_place(&mut self, path: &str, at_the_end: bool) -> io::Result<bool> {
        let place = self.root.join(path);
        let mut file = OpenOptions::new().read(true).write(true).open(&place)?;
        let mut old = Vec::new();
        file.read_to_end(&mut old)?;
        let mut new = if at_the_end { old.clone() } else { Vec::new() };
        let kept = new.len();
        let more = self.content();
        // An end is a line, not a file.
        new.extend_from_slice(if at_the_end { &more[..more.len().min(200)] } else { &more });
        if new == old || (at_the_end && new.len() > 4 << 20) {
            return Ok(false);
        }
        let key = Key::of(&new);
        self.ledger.wrote(key, path);
        if !at_the_end {
            file.set_len(0)?;
        }
        file.seek(SeekFrom::Start(kept as u64))?;
        file.write_all(&new[kept..])?;
        self.ledger.took(Key::of(&old));
        if !is_same_file(&file, &place) {
            self.ledger.went_astray(key);
        }
        Ok(true)
    }

    fn rename(&mut self, path: &str) -> io::Result<bool> {
        let to = format!("{}renamed-{}-{}.txt", self.folder(), self.side, self.number);
        put_where_nothing_is(&self.root.join(path), &self.root.join(&to))?;
        self.files.push(to);
        Ok(true)
    }

    fn delete(&mut self, path: &str) -> io::Result<bool> {
        let aside = self.aside();
        fs::rename(self.root.join(path), &aside)?;
        self.take(&aside)?;
        Ok(true)
    }

    fn properties(&mut self, path: &str) -> io::Result<bool> {
        let place = self.root.join(path);
        if self.rng.below(2) == 0 {
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = if self.rng.below(2) == 0 { 0o600 } else { 0o644 };
                fs::set_permissions(&place, fs::Permissions::from_mode(mode))?;
            }
        } else {
            let time = SystemTime::now() - Duration::from_secs(self.rng.below(1_000_000));
            fs::File::open(&place)?.set_modified(time)?;
        }
        Ok(true)
    }

    fn move_folder(&mut self) -> io::Result<bool> {
        let from = self.folder();
        let from = from.trim_end_matches('/');
        let into = self.folder();
        // Not the root, and not into itself.
        if from.is_empty() || format!("{into}/").starts_with(&format!("{from}/")) {
            return Ok(false);
        }
        let to = format!("{into}moved-{}-{}", self.side, self.number);
        if to.matches('/').count() > 12 {
            return Ok(false);
        }
        put_where_nothing_is(&self.root.join(from), &self.root.join(&to))?;
        self.looked = None;
        Ok(true)
    }

    fn delete_folder(&mut self) -> io::Result<bool> {
        let path = self.folder();
        let path = path.trim_end_matches('/');
        // A small one: the tree is to last.
        let inside = self.files.iter().filter(|file| file.starts_with(&format!("{path}/"))).count();
        if path.is_empty() || inside > 60 {
            return Ok(false);
        }
        let aside = self.aside();
        fs::rename(self.root.join(path), &aside)?;
        self.take(&aside)?;
        self.looked = None;
        Ok(true)
    }

    /// What has been taken away is seen, and gone.
    fn take(&self, aside: &Path) -> io::Result<()> {
        if fs::symlink_metadata(aside)?.is_dir() {
            for entry in fs::read_dir(aside)? {
                self.take(&entry?.path())?;
            }
            return fs::remove_dir(aside);
        }
        self.ledger.took(Key::of(&fs::read(aside)?));
        fs::remove_file(aside)
    }
}

/// Files and folders below a root, without those of Bothways. What goes meanwhile is left out.
fn list(root: &Path, below: &str, files: &mut Vec<String>, folders: &mut Vec<String>) -> Result<()> {
    let entries = match fs::read_dir(root.join(below)) {
        Ok(entries) => entries,
        Err(error) if is_gone(&error) => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{below}`")),
    };
    let mut names: Vec<_> = entries.flatten().collect();
    // The order of a directory is not the seed's.
    names.sort_unstable_by_key(fs::DirEntry::file_name);
    for entry in names {
        let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
        if below.is_empty() && NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if kind.is_dir() {
            list(root, &path, files, folders)?;
            folders.push(path);
        } else {
            files.push(path);
        }
    }
    Ok(())
}

/// The place of a change is not what it was.
fn is_gone(error: &io::Error) -> bool {
    let kind = error.kind();
    matches!(
        kind,
        ErrorKind::NotFound | ErrorKind::AlreadyExists | ErrorKind::NotADirectory | ErrorKind::IsADirectory
    ) || matches!(kind, ErrorKind::InvalidInput | ErrorKind::DirectoryNotEmpty)
}

#[cfg(unix)]
fn is_same_file(file: &fs::File, place: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(open), Ok(there)) = (file.metadata(), fs::symlink_metadata(place)) else { return false };
    (open.dev(), open.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_same_file(_: &fs::File, _: &Path) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn exchange(one: &Path, other: &Path) -> io::Result<()> {
    renamed(one, other, nix::fcntl::RenameFlags::RENAME_EXCHANGE)
}

#[cfg(target_os = "linux")]
fn put_where_nothing_is(from: &Path, to: &Path) -> io::Result<()> {
    renamed(from, to, nix::fcntl::RenameFlags::RENAME_NOREPLACE)
}

#[cfg(target_os = "linux")]
fn renamed(from: &Path, to: &Path, flags: nix::fcntl::RenameFlags) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, renameat2};
    renameat2(AT_FDCWD, from, AT_FDCWD, to, flags).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn exchange(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
fn put_where_nothing_is(_: &Path, _: &Path) -> io::Result<()> {
    Err(ErrorKind::Unsupported.into())
}
