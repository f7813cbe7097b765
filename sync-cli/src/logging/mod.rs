//! The console and the log file, behind one `log::Log`.
//!
//! Owns what a line looks like and where it goes. It never ends a run: a file that cannot be written is said once
//! on the console.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use env_logger::{Builder, Logger, Target};
use log::{Level, LevelFilter, Log, Metadata, Record};
use sync_engine::config::{LogFormat, Logging};

use crate::screen::Screen;

mod line;
mod rotate;

use rotate::Rotating;

/// Both logs; either may be off.
struct Both {
    console: Logger,
    file: Option<(Logger, Shared)>,
}

type Complain = Box<dyn FnOnce(&std::io::Error) + Send>;

/// The log file, for its logger and for whoever wants it written now.
#[derive(Clone)]
struct Shared(Arc<Mutex<Rotating<Complain>>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Rotating<Complain>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The log of a run, from where the file goes and what the user chose for it.
pub(crate) struct FileLog {
    pub(crate) path: PathBuf,
    pub(crate) chosen: Logging,
}

/// Starts both logs. Can be done once; a second time changes nothing.
pub(crate) fn start(screen: &Screen, file: Option<FileLog>) {
    // What a run met is in its report. The console repeats it as it happens for those who ask for that.
    let console_level = match screen.level() {
        ..=0 => LevelFilter::Off,
        1 => LevelFilter::Info,
        _ => LevelFilter::Debug,
    };
    let console = Builder::new()
        .filter_level(LevelFilter::Warn)
        .filter_module("sync_", console_level)
        .filter_module("bothways", console_level)
        .target(Target::Pipe(Box::new(Console(screen.clone()))))
        .format(|out, record| line::console(out, record))
        .build();
    let file_level = file.as_ref().map_or(LevelFilter::Off, |file| file.chosen.level);
    let file = file.map(|FileLog { path, chosen }| {
        let complain = screen.clone();
        let shown = path.display().to_string();
        let complain: Complain = Box::new(move |error| {
            complain.tell(&format!(
                "warning: the log file `{}` cannot be written: {error}",
                crate::show::plain(&shown)
            ));
        });
        let sink =
            Shared(Arc::new(Mutex::new(Rotating::new(path, chosen.max_size, chosen.keep_files, complain))));
        let mut builder = Builder::new();
        builder.filter_level(chosen.level.min(LevelFilter::Warn));
        builder.filter_module("sync_", chosen.level).filter_module("bothways", chosen.level);
        builder.target(Target::Pipe(Box::new(sink.clone())));
        match chosen.format {
            LogFormat::Text => builder.format(|out, record| line::text(out, record)),
            _ => builder.format(|out, record| line::json(out, record)),
        };
        (builder.build(), sink)
    });
    if log::set_boxed_logger(Box::new(Both { console, file })).is_ok() {
        log::set_max_level(console_level.max(file_level));
    }
}

/// What a person may look for after a crash is written at once: trouble, and what is gone for good.
fn must_stay(record: &Record<'_>) -> bool {
    let is_delete = |value: log::kv::Value<'_>| value.to_borrowed_str() == Some("delete");
    record.level() <= Level::Warn || record.key_values().get("operation".into()).is_some_and(is_delete)
}

impl Log for Both {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.console.enabled(metadata) || self.file.as_ref().is_some_and(|(file, _)| file.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        self.console.log(record);
        if let Some((file, sink)) = &self.file {
            file.log(record);
            if must_stay(record) {
                sink.lock().settle();
            }
        }
    }

    fn flush(&self) {
        self.console.flush();
        if let Some((_, sink)) = &self.file {
            sink.lock().settle();
        }
    }
}

/// The console as something to write lines to.
struct Console(Screen);

impl std::io::Write for Console {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.stderr(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
