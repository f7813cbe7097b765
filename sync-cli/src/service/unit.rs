//! The unit of a service, as systemd reads it.
//!
//! Owns what the service may do: as little as works. It writes nothing and asks nobody; all it knows is [`Facts`].

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// How a unit of ours begins; what follows is the configuration.
pub(super) const MARK: &str = "# Made by `bothways service install` from ";

/// What a unit is made from. Every path is absolute.
pub(super) struct Facts {
    /// `bothways-office`.
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) config: PathBuf,
    /// Where the state is; none for a folder that systemd makes.
    pub(super) state: Option<PathBuf>,
    pub(super) roots: [PathBuf; 2],
    /// Other places that are written: the log, a trash of its own place.
    pub(super) written: Vec<PathBuf>,
    /// Other places that are read: files of passwords.
    pub(super) read: Vec<PathBuf>,
    pub(super) user: String,
    /// Whether it may read and change files whoever owns them.
    pub(super) every_owner: bool,
}

/// A path that a unit cannot hold.
#[derive(Debug)]
pub(super) struct NoText(pub(super) PathBuf);

impl Facts {
    /// The folder of the state.
    pub(super) fn state_folder(&self) -> PathBuf {
        self.state.clone().unwrap_or_else(|| Path::new("/var/lib").join(&self.name))
    }

    /// The unit.
    pub(super) fn unit(&self) -> Result<String, NoText> {
        let mut paths = self.roots.to_vec();
        paths.extend(self.written.iter().cloned());
        paths.extend(self.state.clone());
        let mut writes = String::new();
        for path in &paths {
            // With the minus, a place that is away does not keep the service from waiting for it.
            let _ = writeln!(writes, "ReadWritePaths=-{}", quoted(path, "")?);
        }
        paths.extend([self.program.clone(), self.config.clone()]);
        paths.extend(self.read.iter().cloned());
        let below =
            |above: &[&str]| paths.iter().any(|path| above.iter().any(|above| path.starts_with(above)));
        let home = if below(&["/home", "/root", "/run/user"]) { "read-only" } else { "yes" };
        let temp = if below(&["/tmp", "/var/tmp"]) { "no" } else { "yes" };
        let (state, made) = match &self.state {
            Some(_) => ("", ""),
            None => ("StateDirectory=", self.name.as_str()),
        };
        let mode = if self.state.is_none() { "\nStateDirectoryMode=0700" } else { "" };
        let powers = if self.every_owner { "CAP_DAC_OVERRIDE CAP_FOWNER" } else { "" };
        let [left, right] = [&self.roots[0], &self.roots[1]].map(|root| shown(root));
        Ok(format!(
            "{MARK}{config_shown}
# Installing again writes it anew. Settings of your own belong beside it: systemctl edit {name}

[Unit]
Description=Bothways: {left} and {right}
# No RequiresMountsFor=: a folder that is away is waited for, and systemd would end the service instead.
After=local-fs.target remote-fs.target network-online.target nss-user-lookup.target
Wants=network-online.target
# It is started again as often as it takes.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} run --quiet --config {config} --state {state_folder}
ExecReload=/bin/kill -HUP $MAINPID
User={user}
Group={user}
UMask=0077
# It is ready when both folders are there, however long that takes.
TimeoutStartSec=infinity
TimeoutStopSec=30s
WatchdogSec=10min
Restart=on-failure
RestartSec=30s
# Not after a mistake in the configuration, nor when a guard halted it: both wait for a person.
RestartPreventExitStatus=2 4
{state}{made}{mode}

# What it may touch.
ProtectSystem=strict
ProtectHome={home}
PrivateTmp={temp}
{writes}PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes

# What it may do.
NoNewPrivileges=yes
CapabilityBoundingSet={powers}
AmbientCapabilities={powers}
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
# No RestrictSUIDSGID=: folders that give their group to what is made in them are synced like that.
LockPersonality=yes
MemoryDenyWriteExecute=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
",
            config_shown = shown(&self.config),
            name = self.name,
            program = quoted(&self.program, "$")?,
            config = quoted(&self.config, "$")?,
            state_folder = quoted(&self.state_folder(), "$")?,
            user = self.user,
        ))
    }

    /// The user that it runs as, for systemd-sysusers.
    pub(super) fn sysusers(&self) -> String {
        format!(
            "{MARK}{}\nu {} - \"Bothways\" {} -\n",
            shown(&self.config),
            self.user,
            Path::new("/var/lib").join(&self.name).display()
        )
    }
}

/// A path in a comment or a description, where nothing can be escaped but a percent sign.
fn shown(path: &Path) -> String {
    crate::show::plain(&path.display().to_string()).replace('%', "%%")
}

/// A path as one word of a unit. `also` are characters that are doubled besides the percent sign.
fn quoted(path: &Path, also: &str) -> Result<String, NoText> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    let text = text.ok_or_else(|| NoText(path.to_owned()))?;
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '%' => out.push_str("%%"),
            c if also.contains(c) => out.extend([c, c]),
            c => out.push(c),
        }
    }
    out.push('"');
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_is_in_it() {
        let word = |path: &str| quoted(Path::new(path), "$").unwrap();
        assert_eq!(word(r#"/a b/50%/"q"/$HOME\x"#), r#""/a b/50%%/\"q\"/$$HOME\\x""#);
        assert!(quoted(Path::new("/a\nExecStart=/bin/sh"), "").is_err());
    }
}
