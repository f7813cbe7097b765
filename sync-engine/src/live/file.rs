//! A configuration that lies in a file.
//!
//! Owns [`FileSettings`]: it looks at the file now and then, and reads it when it is another one and has rested, for
//! who writes it may not be done. Whether what it reads is valid is `config`'s. [`Source`] is for those who do not know
//! whether there is a file.

use std::fmt;
use std::fs::Metadata;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use sync_core::side::Sides;

use super::reload::{Reread, Settings};
use crate::config::{Config, ConfigError};

/// How often the file is looked at; also how long it must rest before it is read.
const LOOK: Duration = Duration::from_secs(1);

type Load = Box<dyn Fn() -> Result<Config, ConfigError> + Send + Sync>;

/// The configuration in a file, and whatever becomes of it.
pub struct FileSettings {
    config: Config,
    path: PathBuf,
    load: Load,
    asked: AtomicBool,
    looked: Mutex<Looked>,
}

/// What a look at the file saw: another file, or none, differs in at least one of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sight {
    modified: Option<SystemTime>,
    size: u64,
    identity: (u64, u64),
}

/// None where the file cannot be looked at.
type Seen = Option<Sight>;

struct Looked {
    next: Instant,
    /// At the last look.
    last: Seen,
    /// What was read; none before the first time.
    read: Option<Seen>,
}

impl FileSettings {
    /// What is in `path` now is `config`, read by `load`.
    pub fn new(
        path: PathBuf,
        config: Config,
        load: impl Fn() -> Result<Config, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        // It was read some time before this look, so the first look after this one reads it once more.
        let looked = Looked { next: Instant::now(), last: None, read: None };
        Self { config, path, load: Box::new(load), asked: AtomicBool::new(false), looked: Mutex::new(looked) }
    }

    /// Reads it again soon, whether it has changed or not.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::SeqCst);
    }

    fn look(&self) -> Seen {
        let found = std::fs::metadata(&self.path).ok()?;
        Some(Sight { modified: found.modified().ok(), size: found.len(), identity: identity(&found) })
    }
}

#[cfg(unix)]
fn identity(found: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (found.ino(), found.ctime_nsec().unsigned_abs() ^ found.ctime().unsigned_abs().rotate_left(32))
}

/// Windows has no change time and no number of a file in its metadata.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

impl fmt::Debug for FileSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSettings").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Settings for FileSettings {
    fn current(&self) -> Config {
        self.config.clone()
    }

    fn changed(&self) -> Option<Reread> {
        let asked = self.asked.swap(false, Ordering::SeqCst);
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if !asked && now < looked.next {
            return None;
        }
        looked.next = now + LOOK;
        let seen = self.look();
        let rests = std::mem::replace(&mut looked.last, seen) == seen;
        if !asked && (!rests || looked.read == Some(seen)) {
            return None;
        }
        let config = (self.load)();
        // What was written while it was read is read again.
        looked.read = Some(seen);
        Some(Reread { asked, config })
    }
}

/// Where the configuration of a session comes from for as long as it runs.
#[derive(Clone, Debug)]
pub enum Source {
    /// A file, which is followed.
    File(Arc<FileSettings>),
    /// Nothing that could change.
    Fixed(Box<Config>),
}

impl Source {
    /// The file that a configuration was loaded from, or the configuration itself where there is none. Two `roots` win
    /// over those of the file, whatever it comes to say.
    pub fn of(config: &Config, roots: Option<Sides<PathBuf>>) -> Self {
        let Some(file) = config.file.clone() else { return Self::Fixed(Box::new(config.clone())) };
        let from = file.clone();
        let load = move || {
            let mut config = Config::load(&from)?;
            if let Some(roots) = &roots {
                config.roots.clone_from(roots);
            }
            Ok(config)
        };
        Self::File(Arc::new(FileSettings::new(file, config.clone(), load)))
    }
}

impl Settings for Source {
    fn current(&self) -> Config {
        match self {
            Self::File(settings) => settings.current(),
            Self::Fixed(config) => Config::clone(config),
        }
    }

    fn changed(&self) -> Option<Reread> {
        match self {
            Self::File(settings) => settings.changed(),
            Self::Fixed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ROOTS: &str = "left_root = 'a'\nright_root = 'b'\n";

    /// What the next look finds, without the pause before it.
    fn look(settings: &FileSettings) -> Option<Result<u64, String>> {
        settings.looked.lock().unwrap().next = Instant::now();
        let Reread { config, .. } = settings.changed()?;
        Some(config.map(|config| config.sync_interval.as_secs()).map_err(|error| error.line()))
    }

    #[test]
    fn a_file_is_read_when_it_is_another_one_and_rests() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("pair.toml");
        let write = |text: &str| fs::write(&path, format!("{ROOTS}{text}")).unwrap();
        write("");
        let from = path.clone();
        let load = move || Config::load(&from);
        let settings = FileSettings::new(path.clone(), Config::load(&path).unwrap(), load);
        assert_eq!(look(&settings), None, "it may just have been written");
        assert_eq!(look(&settings), Some(Ok(10)), "what was written meanwhile is seen");
        assert_eq!(look(&settings), None);

        write("sync_interval_seconds = 77\n");
        assert_eq!(look(&settings), None);
        write("sync_interval_seconds = 777\n");
        assert_eq!(look(&settings), None, "somebody still writes");
        assert_eq!(look(&settings), Some(Ok(777)));
        assert_eq!(look(&settings), None);

        write("sync_interval_seconds = true\n");
        assert_eq!(look(&settings), None);
        let error = look(&settings).unwrap().unwrap_err();
        assert!(error.contains(":3:25: `sync_interval_seconds` takes a number"), "{error}");
        assert_eq!(look(&settings), None, "a mistake is told once");
        settings.ask();
        assert!(look(&settings).unwrap().is_err(), "and to everyone who asks");

        fs::remove_file(&path).unwrap();
        assert_eq!(look(&settings), None);
        assert!(look(&settings).unwrap().unwrap_err().contains("cannot read"));
        assert_eq!(look(&settings), None);
        write("sync_interval_seconds = 5\n");
        assert_eq!(look(&settings), None);
        assert_eq!(look(&settings), Some(Ok(5)));
        // A pause between two looks is kept, unless somebody asks.
        write("");
        settings.looked.lock().unwrap().next = Instant::now() + Duration::from_hours(1);
        assert!(settings.changed().is_none());
        settings.ask();
        assert!(settings.changed().unwrap().asked);
    }
}
