//! `service`: the live session as a service of this machine.
//!
//! Owns what can be asked of it, and hands that to the system's own service manager: systemd, or the one of Windows.

use std::path::PathBuf;

use crate::args::Service;
use crate::context::{Context, DEFAULT_CONFIG};
use crate::exit::{Exit, Failure};

mod name;
#[cfg(unix)]
mod systemd;
#[cfg(unix)]
mod unit;
#[cfg(windows)]
mod windows;

pub(crate) fn run(context: &Context, what: &Service) -> Result<Exit, Failure> {
    #[cfg(unix)]
    return systemd::run(context, what);
    #[cfg(windows)]
    return windows::run(context, what);
}

/// The configuration file, whole: a service has no working folder.
fn config_file(context: &Context) -> Result<PathBuf, Failure> {
    let file = context.config.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_CONFIG));
    if context.config.is_none() && !file.is_file() {
        return Err(Failure::usage(format!(
            "a service works by a configuration file: name it with `--config FILE` (there is no `{DEFAULT_CONFIG}` here; \
             `bothways init LEFT RIGHT` makes one)"
        )));
    }
    std::path::absolute(&file).map_err(|error| Failure::new(Exit::Usage, error))
}
