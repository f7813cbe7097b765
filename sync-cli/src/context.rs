//! What every command starts from: the global options, the configuration, the state's place, the log.

use std::path::{Path, PathBuf};

use sync_engine::config::Config;
use sync_engine::control::{Answer, Contact, Needs, Request};
use sync_engine::{SessionError, SessionOptions, state_dir};

use crate::args::{Global, Roots};
use crate::exit::Failure;
use crate::logging::{self, FileLog};
use crate::progress::Progress;
use crate::screen::Screen;
use crate::stop;

/// The name of a configuration that nobody named.
pub(crate) const DEFAULT_CONFIG: &str = "bothways.toml";

/// What was asked for, whatever the command.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) screen: Screen,
    pub(crate) json: bool,
    pub(crate) config: Option<PathBuf>,
    pub(crate) state: Option<PathBuf>,
}

/// What a command that opens a session needs.
pub(crate) struct Pair {
    pub(crate) config: Config,
    pub(crate) options: SessionOptions,
    pub(crate) watch: Progress,
}

impl Pair {
    /// Whether somebody asked for an end.
    pub(crate) fn is_stopped(&self) -> bool {
        sync_engine::Watch::is_cancelled(&self.watch)
    }

    /// Whoever answers for the pair: the session that runs, or one that is opened here.
    pub(crate) fn contact(&self, needs: Needs) -> Result<Contact, SessionError> {
        Contact::open(&self.config, &self.options, needs)
    }

    /// Asks for one thing.
    pub(crate) fn ask<T>(&self, request: &Request) -> Result<T, SessionError>
    where
        T: TryFrom<Answer, Error = SessionError>,
    {
        self.ask_of(&self.contact(request.needs())?, request)
    }

    /// Asks somebody for one of several things.
    pub(crate) fn ask_of<T>(&self, contact: &Contact, request: &Request) -> Result<T, SessionError>
    where
        T: TryFrom<Answer, Error = SessionError>,
    {
        contact.ask(request, &self.watch)?.try_into()
    }
}

impl Context {
    pub(crate) fn new(global: Global) -> Self {
        let screen = Screen::new(global.color, global.verbose, global.quiet, global.json);
        // An empty variable is as good as none.
        let config = global.config.filter(|path| !path.as_os_str().is_empty());
        Self { screen, json: global.json, config, state: global.state }
    }

    /// The configuration: of the file that was named, of the two folders, or of the file that lies here.
    pub(crate) fn load(&self, roots: &Roots) -> Result<Config, Failure> {
        match (&self.config, &roots.left, &roots.right) {
            (None, Some(left), Some(right)) => Ok(Config::for_roots(left, right)?),
            (Some(file), None, None) => Ok(Config::load(file)?),
            (Some(file), Some(left), Some(right)) => {
                // The folders win over those of the file; everything else is the file's.
                let mut config = Config::load(file)?;
                config.roots = Config::for_roots(left, right)?.roots;
                Ok(config)
            }
            (None, _, _) if Path::new(DEFAULT_CONFIG).is_file() => Ok(Config::load(DEFAULT_CONFIG)?),
            _ => Err(Failure::usage(format!(
                "which folders? Name two, or a configuration with `--config` (there is no `{DEFAULT_CONFIG}` here)"
            ))),
        }
    }

    /// Everything a session needs, with the logs started. A command that changes nothing makes no log file either
    /// where there is no state yet.
    pub(crate) fn pair(&self, roots: &Roots, writes: bool) -> Result<Pair, Failure> {
        let config = self.load(roots)?;
        let options =
            SessionOptions { state_dir: self.state.clone(), read_only: !writes, ..SessionOptions::default() };
        let folder = state_dir(&config, &options);
        let file = (writes || folder.is_dir()).then(|| FileLog {
            path: config.logging.file.clone().unwrap_or_else(|| folder.join("bothways.log")),
            chosen: config.logging.clone(),
        });
        logging::start(&self.screen, file);
        let watch = Progress::new(&self.screen, stop::listen(&self.screen));
        Ok(Pair { config, options, watch })
    }
}
