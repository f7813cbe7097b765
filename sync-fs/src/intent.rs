//! What is about to be done with a version in the staging area, written down before it is done.
//!
//! Owns the form of an intent and how it is kept: as the target of a symbolic link, which the system makes in one
//! step and journals together with the renames that follow it, so that neither a kill nor a power cut can leave
//! half of one. Where a side has no links, or the path is too long for one, it is a small file that gets its name
//! when it is complete.

use std::io::{self, Write};
use std::num::NonZeroU64;

use sync_core::entry::{Attributes, Entry, Kind};
use sync_core::path::RelPath;
use sync_replica::{Displaced, TrashStamp};

use crate::local::{LocalReplica, Staging};
use crate::stored;
use crate::sys::{Dir, Stat};

/// What can be told of a version after it was renamed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Version {
    pub(crate) kind: Kind,
    pub(crate) id: Option<NonZeroU64>,
    pub(crate) size: u64,
    pub(crate) mtime_ns: i64,
}

impl Version {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self { kind: entry.kind, id: entry.file_id, size: entry.size, mtime_ns: entry.mtime_ns }
    }

    /// Whether `entry` is this version.
    pub(crate) fn is(&self, entry: &Entry) -> bool {
        self.entry().is_same_version_moved(entry)
    }

    fn entry(&self) -> Entry {
        Entry {
            kind: self.kind,
            attributes: Attributes::NotHeld,
            size: self.size,
            mtime_ns: self.mtime_ns,
            ctime_ns: 0,
            file_id: self.id,
        }
    }

    fn write(&self) -> String {
        let kind = match self.kind {
            Kind::File => 'f',
            Kind::Dir => 'd',
            Kind::Symlink => 'l',
        };
        format!("{kind}:{}:{}:{}", self.id.map_or(0, NonZeroU64::get), self.size, self.mtime_ns)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let kind = match parts.next()? {
            "f" => Kind::File,
            "d" => Kind::Dir,
            "l" => Kind::Symlink,
            _ => return None,
        };
        let id = NonZeroU64::new(parts.next()?.parse().ok()?);
        Some(Self { kind, id, size: parts.next()?.parse().ok()?, mtime_ns: parts.next()?.parse().ok()? })
    }
}

/// How the version leaves its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// `s` and the target are exchanged, so the displaced version is `s` afterwards.
    Exchange,
    /// The target gets a second name `o`, then `s` is renamed over it.
    Over,
    /// The target is renamed to `o`; where there is an `s`, it is put in its place.
    Away,
    /// The target is renamed to `o` and from there to the same name spelled otherwise.
    Respell,
    /// A directory is renamed to `o` with everything hidden in it, to be looked through and moved to the trash.
    Folder,
}

impl Way {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Exchange, "exchange"),
        (Self::Over, "over"),
        (Self::Away, "away"),
        (Self::Respell, "respell"),
        (Self::Folder, "folder"),
    ];
}

/// One intent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Intent {
    pub(crate) way: Way,
    pub(crate) displaced: Displaced,
    /// The version that is expected at the target.
    pub(crate) old: Version,
    /// The version that is to take its place; none when nothing does.
    pub(crate) new: Option<Version>,
    pub(crate) target: RelPath,
    /// The other spelling, for [`Way::Respell`].
    pub(crate) to: Option<RelPath>,
}

const MAGIC: &str = "bothways-1";
/// Linux takes 4095 bytes in a link; some file systems less, which shows when it is made.
const LONGEST_LINK: usize = 4000;

impl Intent {
    fn write(&self) -> Vec<u8> {
        let way = Way::ALL.iter().find(|(way, _)| *way == self.way).map_or("", |(_, name)| name);
        let displaced = match self.displaced {
            Displaced::Drop => "drop".to_owned(),
            Displaced::Trash(stamp) => stamp.0.to_string(),
        };
        let new = self.new.as_ref().map_or_else(|| "-".to_owned(), Version::write);
        let mut bytes = format!("{MAGIC} {way} {displaced} {} {new} ", self.old.write()).into_bytes();
        bytes.extend_from_slice(self.target.as_bytes());
        if let Some(to) = &self.to {
            bytes.extend_from_slice(b"//");
            bytes.extend_from_slice(to.as_bytes());
        }
        // The end mark shows that it is whole.
        bytes.extend_from_slice(b"//.");
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let body = bytes.strip_suffix(b"//.")?;
        let mut parts = body.splitn(6, |b| *b == b' ');
        let mut text = || std::str::from_utf8(parts.next()?).ok();
        if text()? != MAGIC {
            return None;
        }
        let way = text()?;
        let (way, _) = Way::ALL.into_iter().find(|(_, name)| *name == way)?;
        let displaced = match text()? {
            "drop" => Displaced::Drop,
            stamp => Displaced::Trash(TrashStamp(stamp.parse().ok()?)),
        };
        let old = Version::read(text()?)?;
        let new = match text()? {
            "-" => None,
            version => Some(Version::read(version)?),
        };
        let paths = parts.next()?;
        let cut = paths.windows(2).position(|pair| pair == b"//");
        let (target, to) = match cut {
            Some(cut) => (&paths[..cut], Some(RelPath::new(&paths[cut + 2..]).ok()?)),
            None => (paths, None),
        };
        let target = RelPath::new(target).ok().filter(|path| !path.is_root())?;
        Some(Self { way, displaced, old, new, target, to })
    }
}

/// The names that belong together in the staging area.
pub(crate) fn staged_name(number: &str) -> Vec<u8> {
    format!("s-{number}").into_bytes()
}

pub(crate) fn old_name(number: &str) -> Vec<u8> {
    format!("o-{number}").into_bytes()
}

fn intent_name(number: &str) -> Vec<u8> {
    format!("i-{number}").into_bytes()
}

/// The letter and the number of a name in the staging area; none for a name that is not ours.
pub(crate) fn parse_name(name: &[u8]) -> Option<(u8, &str)> {
    let text = std::str::from_utf8(name).ok()?;
    let (letter, number) = text.split_once('-')?;
    let (run, count) = number.split_once('-')?;
    let hex = |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let known = matches!(letter, "s" | "o" | "i" | "t");
    // What is made to try something out stays for a moment only, unless the program is killed in it.
    let tried =
        |count: &str| matches!(count, "umask" | "clock") || count.strip_suffix("-watch").is_some_and(hex);
    (known && run.len() == 16 && hex(run) && (hex(count) || tried(count)))
        .then(|| (letter.as_bytes()[0], number))
}

impl LocalReplica {
    /// Writes an intent down.
    pub(crate) fn intend(&self, staging: &Staging, number: &str, intent: &Intent) -> io::Result<()> {
        let bytes = intent.write();
        if self.abilities.symlinks && bytes.len() <= LONGEST_LINK {
            match staging.dir.symlink(&bytes, &intent_name(number)) {
                Ok(()) => return Ok(()),
                // Too long for this file system.
                Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {}
                Err(error) => return Err(error),
            }
        }
        let temporary = format!("t-{number}").into_bytes();
        let written = (|| {
            let mut file = staging.dir.create(&temporary, Attributes::NotHeld)?;
            file.write_all(&bytes)?;
            file.sync_data()?;
            drop(file);
            staging.dir.rename_over(&temporary, &staging.dir, &intent_name(number))
        })();
        if written.is_err() {
            let _ = staging.dir.unlink(&temporary);
        }
        written
    }
}

impl Staging {
    /// Takes an intent away, once nothing is left to be done for it.
    pub(crate) fn fulfilled(&self, number: &str) {
        // What stays behind is found to be fulfilled by the next recovery.
        let _ = self.dir.unlink(&intent_name(number));
    }
}

/// Reads the intent of `number`; none when there is none that is whole.
pub(crate) fn read_intent(dir: &Dir, number: &str) -> io::Result<Option<Intent>> {
    let name = intent_name(number);
    let bytes = match dir.stat(&name)? {
        None => return Ok(None),
        Some(Stat { kind: Some(Kind::Symlink), .. }) => dir.read_link(&name)?,
        Some(_) => stored::read(dir, &name)?.unwrap_or_default(),
    };
    Ok(Intent::read(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_reads_back_as_it_was_written() {
        let old = Version { kind: Kind::File, id: NonZeroU64::new(7), size: 9, mtime_ns: -5 };
        let target = RelPath::new(b"a b/c \xff//."[..6].to_vec()).unwrap();
        let intents = [
            Intent {
                way: Way::Exchange,
                displaced: Displaced::Trash(TrashStamp(-3)),
                old,
                new: Some(Version { kind: Kind::Dir, id: None, size: 0, mtime_ns: 0 }),
                target: target.clone(),
                to: None,
            },
            Intent {
                way: Way::Respell,
                displaced: Displaced::Drop,
                old,
                new: None,
                target: target.clone(),
                to: Some(RelPath::try_from("a b/C").unwrap()),
            },
        ];
        for intent in intents {
            let bytes = intent.write();
            assert_eq!(Intent::read(&bytes).as_ref(), Some(&intent));
            for cut in 0..bytes.len() {
                assert_eq!(Intent::read(&bytes[..cut]), None, "cut at {cut}");
            }
        }
    }

    #[test]
    fn only_our_own_names_are_ours() {
        assert_eq!(parse_name(b"s-0123456789abcdef-1f"), Some((b's', "0123456789abcdef-1f")));
        for trial in ["0123456789abcdef-umask", "0123456789abcdef-clock", "0123456789abcdef-1f-watch"] {
            assert_eq!(parse_name(format!("t-{trial}").as_bytes()), Some((b't', trial)));
        }
        for other in
            ["s-1-2", "x-0123456789abcdef-1", "notes.txt", "s-0123456789abcdeg-1", "s-0123456789abcdef-"]
        {
            assert_eq!(parse_name(other.as_bytes()), None, "{other}");
        }
    }
}
