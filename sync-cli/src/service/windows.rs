//! The service under Windows.
//!
//! Owns how the service is registered, and what the system starts: [`dispatch`], which runs the live session until the
//! system asks for an end.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf, Prefix};
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use sync_engine::config::Config;
use windows_service::service::{
    ServiceAccess, ServiceAction, ServiceActionType, ServiceControl, ServiceControlAccept,
    ServiceErrorControl, ServiceExitCode, ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo,
    ServiceStartType, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_service::{define_windows_service, service_dispatcher};

use super::config_file;
use super::name::{is_name, name_of};
use crate::args::{InstallService, NamedService, Service};
use crate::context::Context;
use crate::document::ServiceReport;
use crate::exit::{Exit, Failure};
use crate::{show, stop};

/// How the description of a service of ours begins; what follows is the configuration.
const MARK: &str = "Bothways, by ";
/// What the session needs to finish or roll back what it is at.
const LAST_STEP: Duration = Duration::from_secs(15);

pub(super) fn run(context: &Context, what: &Service) -> Result<Exit, Failure> {
    match what {
        Service::Install(how) => install(context, how),
        Service::Uninstall(named) => uninstall(context, &place(context, named)?),
        Service::Start(named) => {
            let place = place(context, named)?;
            let service = place.open(ServiceAccess::START | ServiceAccess::QUERY_CONFIG)?;
            service.start::<&str>(&[]).map_err(|error| failed(error, "cannot start the service"))?;
            place.tell(context, "started", format!("Started {}.\n", place.name))
        }
        Service::Stop(named) => {
            let place = place(context, named)?;
            let service = place.open(ServiceAccess::STOP | ServiceAccess::QUERY_CONFIG)?;
            service.stop().map_err(|error| failed(error, "cannot stop the service"))?;
            place.tell(context, "stopped", format!("Asked {} to stop.\n", place.name))
        }
        Service::Status(named) => status(context, &place(context, named)?),
        Service::Dispatch => dispatch(context),
    }
}

struct Place {
    name: String,
    config: PathBuf,
}

fn place(context: &Context, named: &NamedService) -> Result<Place, Failure> {
    let config = config_file(context)?;
    let name = match &named.name {
        Some(name) if is_name(name) => name.clone(),
        Some(name) => {
            return Err(Failure::usage(format!("`{}` is no name for a service", show::plain(name))));
        }
        None => name_of(&config),
    };
    if named.root.is_some() {
        return Err(Failure::usage(
            "`--root` is for systems with files of services, and Windows keeps them elsewhere",
        ));
    }
    Ok(Place { name, config })
}

fn manager(access: ServiceManagerAccess) -> Result<ServiceManager, Failure> {
    ServiceManager::local_computer(None::<&str>, access)
        .map_err(|error| failed(error, "cannot talk to the service manager: run this as an administrator"))
}

fn failed(error: windows_service::Error, what: &str) -> Failure {
    Failure::new(Exit::TryAgain, anyhow::Error::new(error).context(what.to_owned()))
}

impl Place {
    fn description(&self) -> String {
        format!("{MARK}{}", self.config.display())
    }

    /// The service, when it is there and of this configuration.
    fn open(&self, access: ServiceAccess) -> Result<windows_service::service::Service, Failure> {
        let manager = manager(ServiceManagerAccess::CONNECT)?;
        let service = manager.open_service(&self.name, access).map_err(|error| {
            failed(
                error,
                &format!("there is no service `{}`: `bothways service install` makes one", self.name),
            )
        })?;
        let config = service.query_config().map_err(|error| failed(error, "cannot look at the service"))?;
        // Its command names this program and the configuration, or it is somebody else's.
        let command = config.executable_path.to_string_lossy().into_owned();
        let is_ours =
            command.contains(&*self.config.to_string_lossy()) && command.ends_with("service dispatch");
        if is_ours {
            return Ok(service);
        }
        Err(Failure::usage(format!(
            "the service `{}` was not made by Bothways for this configuration and stays as it is: give another name with \
             `--name NAME`",
            self.name
        )))
    }

    fn tell(&self, context: &Context, done: &'static str, text: String) -> Result<Exit, Failure> {
        crate::commands::printed(context, &self.report(done), || text)
    }

    fn report(&self, done: &'static str) -> ServiceReport {
        ServiceReport::new(done, &self.name, &self.description(), None)
    }
}

fn install(context: &Context, how: &InstallService) -> Result<Exit, Failure> {
    let place = place(context, &how.named)?;
    let config = Config::load(&place.config)?;
    let program = std::env::current_exe().context("cannot tell where this program lies");
    let program = program.map_err(|error| Failure::new(Exit::Internal, error))?;
    let mut words: Vec<OsString> = vec!["--config".into(), place.config.clone().into()];
    if let Some(state) = &context.state {
        let state = std::path::absolute(state).map_err(|error| Failure::new(Exit::Usage, error))?;
        words.extend(["--state".into(), state.into()]);
    }
    words.extend(["service".into(), "dispatch".into()]);
    let info = ServiceInfo {
        name: place.name.clone().into(),
        display_name: format!("Bothways: {}", place.name).into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: program,
        launch_arguments: words,
        dependencies: Vec::new(),
        // One of the least that can go to the network under the computer's own name.
        account_name: Some(
            how.user.clone().unwrap_or_else(|| r"NT AUTHORITY\NetworkService".to_owned()).into(),
        ),
        account_password: None,
    };
    if how.print {
        let text =
            format!("{} as {}\n", words_of(&info), info.account_name.clone().unwrap_or_default().display());
        return place.tell(context, "printed", text);
    }
    let manager = manager(ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE)?;
    let access = ServiceAccess::CHANGE_CONFIG | ServiceAccess::QUERY_CONFIG | ServiceAccess::START;
    let service = match manager.create_service(&info, access) {
        Ok(service) => service,
        // It may be there already, and ours.
        Err(made) => {
            let service = place.open(access).map_err(|_| failed(made, "cannot make the service"))?;
            service.change_config(&info).map_err(|error| failed(error, "cannot change the service"))?;
            service
        }
    };
    let restarts = ServiceFailureActions {
        reset_period: ServiceFailureResetPeriod::After(Duration::from_hours(1)),
        reboot_msg: None,
        command: None,
        actions: Some(vec![
            ServiceAction {
                action_type: ServiceActionType::Restart,
                delay: Duration::from_secs(30)
            };
            3
        ]),
    };
    service
        .set_description(place.description())
        .and_then(|()| service.update_failure_actions(restarts))
        .and_then(|()| service.set_failure_actions_on_non_crash_failures(true))
        .map_err(|error| failed(error, "cannot describe the service"))?;
    place.tell(context, "installed", told(&config, &info, &place))
}

fn words_of(info: &ServiceInfo) -> String {
    let words = info.launch_arguments.iter().map(|word| word.to_string_lossy());
    let words: Vec<_> = std::iter::once(info.executable_path.to_string_lossy()).chain(words).collect();
    show::plain(&words.join(" "))
}

/// What was done, and what a service cannot see.
fn told(config: &Config, info: &ServiceInfo, place: &Place) -> String {
    let mut out = format!("Made the service {}.\n\n", place.name);
    let account = info.account_name.clone().unwrap_or_default();
    let _ = writeln!(
        out,
        "- It runs as {}: give that account the right to change both folders, and to read {}.",
        account.display(),
        show::plain(&place.config.display().to_string())
    );
    for root in [&config.roots.left, &config.roots.right].into_iter().filter(|root| has_drive(root)) {
        let _ = writeln!(
            out,
            "- {}: a drive letter that a user has mapped to a share does not exist for a service. If this is one, write the \
             share itself: \\\\server\\share\\folder.",
            show::plain(&root.display().to_string())
        );
    }
    out.push_str("\nStart it with `bothways service start`.\n");
    out
}

fn has_drive(path: &Path) -> bool {
    matches!(path.components().next(), Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::Disk(_) | Prefix::VerbatimDisk(_)))
}

fn uninstall(context: &Context, place: &Place) -> Result<Exit, Failure> {
    let service = place.open(ServiceAccess::STOP | ServiceAccess::DELETE | ServiceAccess::QUERY_CONFIG)?;
    // One that does not run cannot be stopped.
    let _ = service.stop();
    service.delete().map_err(|error| failed(error, "cannot remove the service"))?;
    let text =
        format!("Removed {}. The folders, the configuration and the state are as they were.\n", place.name);
    place.tell(context, "removed", text)
}

fn status(context: &Context, place: &Place) -> Result<Exit, Failure> {
    let service = place.open(ServiceAccess::QUERY_STATUS | ServiceAccess::QUERY_CONFIG)?;
    let found = service.query_status().map_err(|error| failed(error, "cannot look at the service"))?;
    let word = match found.current_state {
        ServiceState::Running => "active",
        ServiceState::StartPending | ServiceState::ContinuePending => "activating",
        ServiceState::StopPending | ServiceState::PausePending => "deactivating",
        ServiceState::Stopped | ServiceState::Paused => "inactive",
    };
    let mut report = place.report("looked");
    report.active = Some(word.to_owned());
    crate::commands::printed(context, &report, || format!("{}: {word}\n", place.name))?;
    Ok(if word == "active" { Exit::Clean } else { Exit::Look })
}

/// What the service runs by; the system gives it no arguments of ours.
static CONTEXT: OnceLock<Context> = OnceLock::new();

define_windows_service!(begin, serve);

/// Runs as the service, until the system ends it.
fn dispatch(context: &Context) -> Result<Exit, Failure> {
    let name = name_of(&config_file(context)?);
    let _ = CONTEXT.set(context.clone());
    service_dispatcher::start(name, begin).map_err(|error| {
        failed(error, "only the service manager starts this; `bothways run` is for people")
    })?;
    Ok(Exit::Clean)
}

fn serve(_: Vec<OsString>) {
    let Some(context) = CONTEXT.get() else { return };
    if let Err(error) = served(context) {
        log::error!(operation = "service", error:% = error; "the service manager cannot be told: {error}");
    }
}

fn served(context: &Context) -> windows_service::Result<()> {
    let events = move |event| match event {
        ServiceControl::Stop | ServiceControl::Shutdown => {
            stop::request();
            ServiceControlHandlerResult::NoError
        }
        ServiceControl::Interrogate => ServiceControlHandlerResult::NoError,
        _ => ServiceControlHandlerResult::NotImplemented,
    };
    // A service of its own process may be called by any name here.
    let handle = service_control_handler::register("", events)?;
    let status = |current_state, controls_accepted, exit_code, wait_hint| ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state,
        controls_accepted,
        exit_code,
        checkpoint: 0,
        wait_hint,
        process_id: None,
    };
    let accepts = ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN;
    handle.set_service_status(status(
        ServiceState::Running,
        accepts,
        ServiceExitCode::NO_ERROR,
        Duration::default(),
    ))?;
    let exit = crate::commands::live(context);
    let code = match exit {
        Ok(_) => ServiceExitCode::NO_ERROR,
        Err(failure) => {
            log::error!(operation = "service", error:% = anyhow!("{:#}", failure.error); "{:#}", failure.error);
            ServiceExitCode::ServiceSpecific(u32::from(failure.exit.code()))
        }
    };
    log::logger().flush();
    handle.set_service_status(status(ServiceState::Stopped, ServiceControlAccept::empty(), code, LAST_STEP))
}
