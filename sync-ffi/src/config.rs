//! Which two folders, and how.

use std::ffi::c_char;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use sync_engine::SessionOptions;
use sync_engine::config::Config;

use crate::attend::{Reply, Watch, attend, begin, wants_result};
use crate::foreign;
use crate::guard;
use crate::handles::{self, Held};
use crate::status::{Fault, Status};

/// Which two folders are kept the same, and how. Sessions are opened from it, and do not follow it later.
pub struct ConfigHandle {
    settings: Mutex<Settings>,
    complaint: Mutex<String>,
}

#[derive(Clone, Default)]
struct Settings {
    loaded: Option<Config>,
    roots: Option<(PathBuf, PathBuf)>,
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

    /// What a session is opened with.
    pub(crate) fn resolved(&self) -> Result<(Config, SessionOptions), Fault> {
        let settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let config = match (settings.loaded, &settings.roots) {
            (None, None) => {
                return Err(Fault::new(
                    Status::Usage,
                    "which folders? Load a configuration or name two with bothways_config_roots",
                ));
            }
            (Some(config), None) => config,
            (None, Some((left, right))) => Config::for_roots(left, right)?,
            (Some(mut config), Some((left, right))) => {
                // The folders win over those of the file; everything else is the file's.
                config.roots = Config::for_roots(left, right)?.roots;
                config
            }
        };
        let options = SessionOptions { state_dir: settings.state, ..SessionOptions::default() };
        Ok((config, options))
    }
}

/// Makes a configuration that names no folders yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_config_new(out: *mut *mut ConfigHandle) -> Status {
    guard::on(0, || {
        // SAFETY: the header asks for a place that may be written.
        unsafe { foreign::cleared(out, "out") }?;
        let made = ConfigHandle { settings: Mutex::default(), complaint: Mutex::default() };
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
        let loaded = Config::load(unsafe { foreign::path(file, "file") }?)?;
        held.change(|settings| settings.loaded = Some(loaded));
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
        let (text, file) = unsafe { (foreign::text(text, "text")?, foreign::path(file, "file")?) };
        let loaded = Config::from_text(&text, &file)?;
        held.change(|settings| settings.loaded = Some(loaded));
        Ok(Status::Ok)
    })
}

/// Names the two folders; they win over those of a file. Relative ones are relative to the working folder.
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
        Config::for_roots(&left, &right)?;
        held.change(|settings| settings.roots = Some((left, right)));
        Ok(Status::Ok)
    })
}

/// Says where the state is kept; NULL for the system's place, under a name made from the two folders.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bothways_config_state(config: *mut ConfigHandle, folder: *const c_char) -> Status {
    guard::on(config.addr(), || {
        let held = handles::find::<ConfigHandle>(config.addr())?;
        let mut state = None;
        if !folder.is_null() {
            // SAFETY: the header asks for a text where it is not NULL.
            state = Some(unsafe { foreign::path(folder, "folder") }?);
        }
        held.change(|settings| settings.state = state);
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
    // SAFETY: the header asks for what `begin` and `attend` ask for.
    unsafe {
        attend(begin(config.addr(), watch, out, || {
            wants_result(out)?;
            let (config, mut options) = handles::find::<ConfigHandle>(config.addr())?.resolved()?;
            options.read_only = true;
            Ok(Box::new(move |watch| {
                let report = sync_engine::check(&config, &options, watch);
                Reply::of(&report, report.is_ok())
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
