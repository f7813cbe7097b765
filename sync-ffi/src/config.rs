//! Which two folders, and how.

use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use sync_engine::config::Config;
use sync_engine::core::side::Sides;
use sync_engine::{FileSettings, SessionOptions, Source};

use crate::attend::{Reply, Watch, attend, begin, wants_result};
use crate::foreign;
use crate::guard;
use crate::handles::{self, Held};
use crate::status::{Fault, Status};

/// Which two folders are kept the same, and how. Sessions are opened from it, and do not follow it later; a live session
/// follows the file that was loaded.
pub struct ConfigHandle {
    settings: Mutex<Settings>,
    /// What live sessions follow.
    followed: Mutex<Vec<Weak<FileSettings>>>,
    complaint: Mutex<String>,
}

#[derive(Clone, Default)]
struct Settings {
    loaded: Option<Config>,
    /// It was loaded from its file, which is worth following.
    is_of_file: bool,
    roots: Option<Sides<PathBuf>>,
    state: Option<PathBuf>,
}

impl Held for ConfigHandle {
    const KIND: &'static str = "the handle of a configuration";
    fn complaint(&self) -> &Mutex<String> {
        &self.complaint
    }
}

impl ConfigHandle {
    fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.settings.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn settings(&self) -> Settings {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a session is opened with.
    pub(crate) fn resolved(&self) -> Result<(Config, SessionOptions), Fault> {
        self.settings().resolved()
    }

    /// What a live session is begun with; it follows the file that was loaded.
    pub(crate) fn followed(&self) -> Result<(Source, SessionOptions), Fault> {
        let settings = self.settings();
        let (config, options) = settings.resolved()?;
        if !settings.is_of_file {
            return Ok((Source::Fixed(Box::new(config)), options));
        }
        let source = Source::of(&config, settings.roots);
        if let Source::File(file) = &source {
            let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
            followed.retain(|one| one.strong_count() > 0);
            followed.push(Arc::downgrade(file));
        }
        Ok((source, options))
    }
}

impl Settings {
    fn resolved(&self) -> Result<(Config, SessionOptions), Fault> {
        let config = match (self.loaded.clone(), &self.roots) {
            (None, None) => {
                return Err(Fault::new(
                    Status::Usage,
                    "which folders? Load a configuration or name two with bothways_config_roots",
                ));
            }
            (Some(config), None) => config,
            (None, Some(roots)) => Config::for_roots(&roots.left, &roots.right)?,
            (Some(mut config), Some(roots)) => {
                // The folders win over those of the file; everything else is the file's.
                config.roots.clone_from(roots);
                config
            }
        };
        let options = SessionOptions { state_dir: self.state.clone(), ..SessionOptions::default() };
        Ok((config, options))
    }
}

/// Makes a configuration that names no folders yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_config_new(out: *mut *mut ConfigHandle) -> Status {
    guard::on(0, || {
        // SAFETY: the header asks for a place that may be written.
        unsafe { foreign::cleared(out, "out") }?;
        let made = ConfigHandle {
            settings: Mutex::default(),
            followed: Mutex::default(),
            complaint: Mutex::default(),
        };
        let handle = handles::give(made)?;
        // SAFETY: cleared above.
        unsafe { foreign::put_handle(out, handle) };
        Ok(Status::Ok)
    })
}

/// Reads a configuration file: TOML, or JSON or YAML by its ending. Where the file is wrong, the handle stays as it
/// was, and its last error shows the place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_config_load(config: *mut ConfigHandle, file: *const c_char) -> Status {
    guard::on(config.addr(), || {
        let held = handles::find::<ConfigHandle>(config.addr())?;
        // SAFETY: the header asks for a text.
        let loaded = Config::load(unsafe { foreign::place(file, "file") }?)?;
        held.change(|settings| (settings.loaded, settings.is_of_file) = (Some(loaded), true));
        Ok(Status::Ok)
    })
}

/// Reads a configuration from its text as if it stood in `file`: its ending gives the format, its folder is what
/// relative paths are relative to. The file need not exist.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_config_parse(
    config: *mut ConfigHandle,
    text: *const c_char,
    file: *const c_char,
) -> Status {
    guard::on(config.addr(), || {
        let held = handles::find::<ConfigHandle>(config.addr())?;
        // SAFETY: the header asks for two texts.
        let (text, file) = unsafe { (foreign::text(text, "text")?, foreign::place(file, "file")?) };
        let loaded = Config::from_text(&text, &file)?;
        held.change(|settings| (settings.loaded, settings.is_of_file) = (Some(loaded), false));
        Ok(Status::Ok)
    })
}

/// Names the two folders; they win over those of a file. Relative ones are relative to what is the working folder now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_config_roots(
    config: *mut ConfigHandle,
    left: *const c_char,
    right: *const c_char,
) -> Status {
    guard::on(config.addr(), || {
        let held = handles::find::<ConfigHandle>(config.addr())?;
        // SAFETY: the header asks for two texts.
        let (left, right) = unsafe { (foreign::path(left, "left")?, foreign::path(right, "right")?) };
        let roots = Config::for_roots(left, right)?.roots;
        held.change(|settings| settings.roots = Some(roots));
        Ok(Status::Ok)
    })
}

/// Says where the state is kept; NULL for the system's place, under a name made from the two folders. A relative one is
/// relative to what is the working folder now.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_config_state(config: *mut ConfigHandle, folder: *const c_char) -> Status {
    guard::on(config.addr(), || {
        let held = handles::find::<ConfigHandle>(config.addr())?;
        let mut state = None;
        if !folder.is_null() {
            // SAFETY: the header asks for a text where it is not NULL.
            state = Some(unsafe { foreign::place(folder, "folder") }?);
        }
        held.change(|settings| settings.state = state);
        Ok(Status::Ok)
    })
}

/// Has the live sessions that were begun with this configuration read its file again now, as a service does when it is
/// told to reload; each tells what came of it by `BOTHWAYS_EVENT_RELOADED`. Without this they look every second whether
/// the file is another one. Where none follows a file, it is `BOTHWAYS_STATUS_TRY_AGAIN`.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_config_reread(config: *mut ConfigHandle) -> Status {
    guard::on(config.addr(), || {
        let held = handles::find::<ConfigHandle>(config.addr())?;
        let mut followed = held.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.retain(|one| one.upgrade().inspect(|file| file.ask()).is_some());
        if followed.is_empty() {
            return Err(Fault::new(Status::TryAgain, "no live session follows a file of this configuration"));
        }
        Ok(Status::Ok)
    })
}

/// Checks whether everything is as it must be for a sync: the folders, what they can do, room, mail. Nothing changes.
/// The result is what `bothways check --json` prints.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_config_check(
    config: *mut ConfigHandle,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    // SAFETY: the header asks for it.
    unsafe { check(config, watch, out, false) }
}

/// The same, and sends a test message by every way that alerts go. The result is what
/// `bothways check --send-test-mail --json` prints.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn bothways_config_check_alerts(
    config: *mut ConfigHandle,
    watch: *const Watch,
    out: *mut *mut c_char,
) -> Status {
    // SAFETY: the header asks for it.
    unsafe { check(config, watch, out, true) }
}

/// # Safety
/// What [`begin`] and [`wants_result`] ask for.
unsafe fn check(
    config: *mut ConfigHandle,
    watch: *const Watch,
    out: *mut *mut c_char,
    send_test: bool,
) -> Status {
    // SAFETY: the header asks for what `begin` and `attend` ask for.
    unsafe {
        attend(begin(config.addr(), watch, out, || {
            wants_result(out)?;
            let (config, mut options) = handles::find::<ConfigHandle>(config.addr())?.resolved()?;
            options.read_only = true;
            Ok(Box::new(move |watch| {
                let mut report = sync_engine::check(&config, &options, watch);
                if send_test {
                    report.send_test(&config);
                }
                Reply::of(&report)
            }))
        }))
    }
}

/// Closes the handle. Sessions that were opened from it go on.
#[unsafe(no_mangle)]
pub extern "C" fn bothways_config_close(config: *mut ConfigHandle) -> Status {
    guard::on(config.addr(), || {
        handles::close::<ConfigHandle>(config.addr(), |_| Ok(()))?;
        Ok(Status::Ok)
    })
}
