//! The service under systemd.
//!
//! Owns which files are written and removed, and what systemd is asked to do. Never touches a file that is not ours.

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow};
use sync_engine::config::{Config, Password};

use super::config_file;
use super::name::{is_name, name_of};
use super::unit::{Facts, MARK, NoText};
use crate::args::{InstallService, NamedService, Service};
use crate::context::Context;
use crate::document::ServiceReport;
use crate::exit::{Exit, Failure};
use crate::show;

const UNITS: &str = "etc/systemd/system";
const USERS: &str = "etc/sysusers.d";

pub(super) fn run(context: &Context, what: &Service) -> Result<Exit, Failure> {
    match what {
        Service::Install(how) => install(context, how),
        Service::Uninstall(named) => uninstall(context, &place(context, named)?),
        Service::Start(named) => {
            let place = place(context, named)?;
            place.must_run()?;
            // It is ready when both folders are there; nobody has to wait for that here.
            place.systemctl(&["start", "--no-block", &place.unit()])?;
            tell(
                context,
                &place,
                "started",
                format!("Started {}; `bothways service status` shows how it goes.\n", place.name),
            )
        }
        Service::Stop(named) => {
            let place = place(context, named)?;
            place.must_run()?;
            place.systemctl(&["stop", &place.unit()])?;
            tell(context, &place, "stopped", format!("Stopped {}.\n", place.name))
        }
        Service::Status(named) => status(context, &place(context, named)?),
    }
}

/// Where the files of a service are.
struct Place {
    name: String,
    config: PathBuf,
    /// `/`, or the root of an image.
    root: PathBuf,
    is_image: bool,
}

fn place(context: &Context, named: &NamedService) -> Result<Place, Failure> {
    let config = config_file(context)?;
    let name = match &named.name {
        Some(name) if is_name(name) => name.clone(),
        Some(name) => {
            return Err(Failure::usage(format!(
                "`{}` is no name for a service: use small letters, digits and `-`, 31 at most",
                show::plain(name)
            )));
        }
        None => name_of(&config),
    };
    let root = named.root.clone().unwrap_or_else(|| PathBuf::from("/"));
    Ok(Place { name, config, root, is_image: named.root.is_some() })
}

impl Place {
    fn unit(&self) -> String {
        format!("{}.service", self.name)
    }

    fn unit_file(&self) -> PathBuf {
        self.root.join(UNITS).join(self.unit())
    }

    fn users_file(&self) -> PathBuf {
        self.root.join(USERS).join(format!("{}.conf", self.name))
    }

    /// Whether a file is there, and of this configuration. One that somebody else made is an error.
    fn is_ours(&self, file: &Path) -> Result<bool, Failure> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error, &format!("cannot read `{}`", file.display()))),
        };
        let own = format!("{MARK}{}", show::plain(&self.config.display().to_string()).replace('%', "%%"));
        match text.lines().next() {
            Some(first) if first == own => Ok(true),
            Some(first) if first.starts_with(MARK) => Err(Failure::usage(format!(
                "`{}` belongs to another configuration, {}: give this service a name of its own with `--name NAME`",
                file.display(),
                first[MARK.len()..].replace("%%", "%")
            ))),
            _ => Err(Failure::usage(format!(
                "`{}` was not made by Bothways and stays as it is: give the service another name with `--name NAME`",
                file.display()
            ))),
        }
    }

    fn must_be_ours(&self) -> Result<(), Failure> {
        if self.is_ours(&self.unit_file())? {
            return Ok(());
        }
        Err(Failure::usage(format!(
            "there is no service `{}`: `bothways service install` makes one (or name it with `--name NAME`)",
            self.name
        )))
    }

    /// That it is there, on a system that runs.
    fn must_run(&self) -> Result<(), Failure> {
        self.must_be_ours()?;
        if self.is_image { Err(Failure::usage("nothing runs in an image")) } else { Ok(()) }
    }

    /// Asks systemd for something.
    fn systemctl(&self, words: &[&str]) -> Result<(), Failure> {
        if self.is_image { Ok(()) } else { call("systemctl", words) }
    }

    /// That systemd is there and may be asked to change something.
    fn may_change(&self) -> Result<(), Failure> {
        if self.is_image {
            return Ok(());
        }
        must_be_booted()?;
        if rustix::process::geteuid().is_root() {
            return Ok(());
        }
        Err(Failure::usage(
            "installing and removing a service takes root: run it with sudo (`--print` only shows it)",
        ))
    }
}

fn must_be_booted() -> Result<(), Failure> {
    if Path::new("/run/systemd/system").is_dir() {
        return Ok(());
    }
    Err(Failure::usage(
        "this system is not run by systemd: let its own service manager start `bothways run --config FILE` (`--print` \
         shows what the unit would be)",
    ))
}

fn call(program: &str, words: &[&str]) -> Result<(), Failure> {
    if program == "systemctl" {
        must_be_booted()?;
    }
    let said = Command::new(program).args(words).output();
    let said = said.map_err(|error| failed(error, &format!("cannot run `{program}`")))?;
    if said.status.success() {
        return Ok(());
    }
    let words = words.join(" ");
    let why = String::from_utf8_lossy(&said.stderr).trim().to_owned();
    Err(Failure::new(Exit::TryAgain, anyhow!("`{program} {words}` failed: {}", show::plain(&why))))
}

fn failed(error: std::io::Error, what: &str) -> Failure {
    let exit = if error.kind() == ErrorKind::PermissionDenied { Exit::Usage } else { Exit::Internal };
    Failure::new(exit, anyhow!(error).context(what.to_owned()))
}

fn facts(context: &Context, how: &InstallService, place: &Place) -> Result<Facts, Failure> {
    let config = Config::load(&place.config)?;
    if let Some(user) = how.user.as_ref().filter(|user| !is_name(user)) {
        return Err(Failure::usage(format!("`{}` is no name of a user", show::plain(user))));
    }
    let program = std::env::current_exe().context("cannot tell where this program lies");
    let program = program.map_err(|error| Failure::new(Exit::Internal, error))?;
    let state = context.state.as_ref().map(std::path::absolute).transpose();
    let state = state.map_err(|error| Failure::new(Exit::Usage, error))?;
    let log = config.logging.file.as_ref().and_then(|file| file.parent()).map(Path::to_owned);
    let trash = [&config.soft_delete.trash_roots.left, &config.soft_delete.trash_roots.right];
    let trash = trash.into_iter().filter(|trash| trash.is_absolute()).cloned();
    let secrets =
        [&config.email.password, &config.webhook.secret].into_iter().filter_map(|secret| match secret {
            Password::File(file) => Some(file.clone()),
            _ => None,
        });
    Ok(Facts {
        name: place.name.clone(),
        program,
        config: place.config.clone(),
        state,
        roots: [config.roots.left.clone(), config.roots.right.clone()],
        written: log.into_iter().chain(trash).collect(),
        read: secrets.chain(config.email.ca_file.clone()).chain(config.webhook.ca_file.clone()).collect(),
        user: how.user.clone().unwrap_or_else(|| place.name.clone()),
        every_owner: how.every_owner,
    })
}

fn install(context: &Context, how: &InstallService) -> Result<Exit, Failure> {
    let place = place(context, &how.named)?;
    let facts = facts(context, how, &place)?;
    let unit = facts.unit().map_err(|NoText(path)| {
        Failure::usage(format!(
            "`{}` cannot stand in a unit: its name is no plain text",
            show::plain(&path.display().to_string())
        ))
    })?;
    let users = how.user.is_none().then(|| facts.sysusers());
    if how.print {
        let mut out = String::new();
        if let Some(users) = &users {
            let _ = write!(
                out,
                "# {}\n{users}\n# {}\n",
                place.users_file().display(),
                place.unit_file().display()
            );
        }
        return crate::commands::printed(context, &report(&place, "printed", Some(&unit)), || out + &unit);
    }
    place.may_change()?;
    // Both are looked at before either is written.
    let files = [(place.users_file(), users), (place.unit_file(), Some(unit.clone()))];
    for (file, _) in files.iter().filter(|(_, text)| text.is_some()) {
        place.is_ours(file)?;
    }
    for (file, text) in &files {
        if let Some(text) = text {
            write(file, text)?;
        }
    }
    if !place.is_image {
        if how.user.is_none() {
            call("systemd-sysusers", &[&place.users_file().display().to_string()])?;
        }
        place.systemctl(&["daemon-reload"])?;
        place.systemctl(&["enable", &place.unit()])?;
    }
    tell(context, &place, "installed", told(&facts, how, &place))
}

/// Written beside its place and put there, so that it is never half there.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    let beside = file.with_extension("bothways-new");
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&beside, text));
    written
        .and_then(|()| fs::rename(&beside, file))
        .map_err(|error| failed(error, &format!("cannot write `{}`", file.display())))
}

/// What was done, and what its user may and may not do.
fn told(facts: &Facts, how: &InstallService, place: &Place) -> String {
    let mut out = format!("Wrote {}.\n\n", place.unit_file().display());
    let user = &facts.user;
    let whose = if how.user.is_some() { "" } else { ", which was made for it" };
    let _ = writeln!(out, "It runs as the user `{user}`{whose}.");
    if facts.every_owner {
        out.push_str("- It may read and change the files of everybody, in the two folders and what is named in the unit.\n");
    } else if user != "root" {
        let _ = writeln!(
            out,
            "- It reads and changes only what `{user}` may. Give it a right to both folders, and to what is made in them:\n  \
             setfacl -R -m u:{user}:rwX -m d:u:{user}:rwX LEFT RIGHT   (or install it with --every-owner)"
        );
    }
    let _ = writeln!(
        out,
        "- What it writes belongs to `{user}`: owners are not synced. For the folders of one person, name that one with \
         --user."
    );
    let _ = writeln!(
        out,
        "- `{user}` must be able to read {}; where that holds a password, nobody else may.",
        show::plain(&facts.config.display().to_string())
    );
    for root in facts.roots.iter().filter(|root| !root.is_dir()) {
        let _ = writeln!(
            out,
            "- {} is not there now. It is waited for; a folder or mount point that is there when the service starts can be \
             written in, one that is made later only after a restart.",
            show::plain(&root.display().to_string())
        );
    }
    let _ = writeln!(
        out,
        "- Its state is in {state}: commands for it take `--state {state}`.\n\nStart it with `bothways service start`.",
        state = show::plain(&facts.state_folder().display().to_string())
    );
    out
}

fn uninstall(context: &Context, place: &Place) -> Result<Exit, Failure> {
    place.may_change()?;
    place.must_be_ours()?;
    place.systemctl(&["disable", "--now", &place.unit()])?;
    for file in [place.unit_file(), place.users_file()] {
        // The user's file may be another's, or was never made.
        if place.is_ours(&file).unwrap_or(false) {
            fs::remove_file(&file)
                .map_err(|error| failed(error, &format!("cannot remove `{}`", file.display())))?;
        }
    }
    place.systemctl(&["daemon-reload"])?;
    let text = format!(
        "Removed {}. The folders, the configuration, the state and the user are as they were.\n",
        place.unit_file().display()
    );
    tell(context, place, "removed", text)
}

fn status(context: &Context, place: &Place) -> Result<Exit, Failure> {
    place.must_run()?;
    must_be_booted()?;
    let properties = "ActiveState,SubState,UnitFileState,StatusText,Result,MainPID";
    let said = Command::new("systemctl").args(["show", "--property", properties, &place.unit()]).output();
    let said = said.map_err(|error| failed(error, "cannot run `systemctl`"))?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let value = |name: &str| {
        let found = said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        show::plain(found.unwrap_or_default())
    };
    let mut report = report(place, "looked", None);
    let (active, sub) = (value("ActiveState"), value("SubState"));
    let runs = active == "active" || active == "reloading";
    report.active = Some(active.clone());
    report.status = Some(value("StatusText")).filter(|text| !text.is_empty());
    let text = || {
        let mut out = format!("{}: {active} ({sub}), {} at start\n", place.name, value("UnitFileState"));
        if let Some(status) = &report.status {
            let _ = writeln!(out, "  {status}");
        }
        if value("Result") != "success" {
            let _ = writeln!(out, "  last ended with: {}", value("Result"));
        }
        let _ = writeln!(out, "  `journalctl -u {}` has what it said", place.name);
        out
    };
    crate::commands::printed(context, &report, text)?;
    Ok(if runs { Exit::Clean } else { Exit::Look })
}

fn report(place: &Place, done: &'static str, unit: Option<&str>) -> ServiceReport {
    ServiceReport::new(done, &place.name, &place.unit_file().display().to_string(), unit)
}

fn tell(context: &Context, place: &Place, done: &'static str, text: String) -> Result<Exit, Failure> {
    crate::commands::printed(context, &report(place, done, None), || text)
}
