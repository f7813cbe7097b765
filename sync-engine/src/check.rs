//! Looking whether a configuration can work, without changing anything.

use schemars::JsonSchema;
use serde::Serialize;
use sync_core::abilities::{Abilities, AttributeKind};
use sync_core::side::{Side, Sides};
use sync_replica::Replica;
use sync_state::State;

use crate::alerts::{TestDelivery, send_test};
use crate::config::Config;
use crate::session::{SessionOptions, filter_of, look_at_roots, state_dir};

/// What a look at a configuration found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct CheckReport {
    /// Where the state is, or would be.
    pub state_dir: String,
    /// The left side; none when its root could not be used.
    pub left: Option<SideCheck>,
    /// The right side; none when its root could not be used.
    pub right: Option<SideCheck>,
    /// What is wrong, or worth knowing.
    pub findings: Vec<Finding>,
    /// What came of a test message, by each way alerts go; empty where none was asked for.
    pub test_messages: Vec<TestDelivery>,
}

impl CheckReport {
    /// Whether nothing stands in the way of a sync.
    pub fn is_ok(&self) -> bool {
        self.findings.iter().all(|finding| !finding.is_error)
    }

    /// Sends a test message by every way that is configured, and adds what came of it.
    pub fn send_test(&mut self, config: &Config) {
        self.test_messages = send_test(config);
        if self.test_messages.is_empty() {
            let message = "alerts go nowhere: set `enabled = true` in [email], `url` in \
                           [webhook], or `command` in [alert]";
            self.findings.push(Finding { is_error: true, message: message.to_owned() });
        }
        for test in &self.test_messages {
            let message = format!("{}: {}", test.place, test.message);
            if !test.delivered {
                self.findings.push(Finding { is_error: true, message });
            }
            for refused in &test.refused {
                if test.delivered {
                    let message = format!("{}: a recipient was refused: {refused}", test.place);
                    self.findings.push(Finding { is_error: true, message });
                }
            }
        }
    }
}

/// One thing that was found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Finding {
    /// Whether a sync could not run.
    pub is_error: bool,
    /// What it is and what to do.
    pub message: String,
}

/// One side as it was measured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct SideCheck {
    /// The root.
    pub root: String,
    /// What its marker says; none before the first sync.
    pub marker: Option<String>,
    /// Bytes that can still be written.
    pub free_bytes: Option<u64>,
    /// What it can do. Guessed until the first sync has measured it.
    pub abilities: AbilitiesReport,
}

/// What a side can do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct AbilitiesReport {
    /// Names that differ in case alone are one name.
    pub folds_case: bool,
    /// Names that differ in Unicode form alone are one name.
    pub folds_form: bool,
    /// The step of its modification times.
    pub mtime_precision_ns: u64,
    /// Whether a modification time stays as it was set.
    pub keeps_mtime: bool,
    /// `none`, `unix` or `windows`.
    pub attributes: String,
    /// Extended attributes.
    pub xattrs: bool,
    /// Symbolic links.
    pub symlinks: bool,
    /// Several names for one file.
    pub hard_links: bool,
    /// Copies that share blocks.
    pub reflinks: bool,
    /// Exchanging two names in one step.
    pub exchange: bool,
    /// File numbers that stay.
    pub file_ids: bool,
    /// Change times.
    pub ctimes: bool,
    /// Whether names follow Windows' rules.
    pub windows_names: bool,
}

impl From<&Abilities> for AbilitiesReport {
    fn from(abilities: &Abilities) -> Self {
        Self {
            folds_case: abilities.equivalence.case,
            folds_form: abilities.equivalence.form,
            mtime_precision_ns: abilities.mtime_precision_ns,
            keeps_mtime: abilities.keeps_mtime,
            attributes: match abilities.attributes {
                AttributeKind::None => "none",
                AttributeKind::Unix => "unix",
                AttributeKind::Windows => "windows",
            }
            .to_owned(),
            xattrs: abilities.xattrs,
            symlinks: abilities.symlinks,
            hard_links: abilities.hard_links,
            reflinks: abilities.reflinks,
            exchange: abilities.exchange,
            file_ids: abilities.file_ids,
            ctimes: abilities.ctimes,
            windows_names: abilities.names.windows,
        }
    }
}

/// Looks at a configuration, its roots and its state. Nothing changes anywhere.
pub fn check(config: &Config, options: &SessionOptions) -> CheckReport {
    let options = SessionOptions { read_only: true, ..options.clone() };
    let folder = state_dir(config, &options);
    let mut findings = Vec::new();
    let mut error = |message: String| findings.push(Finding { is_error: true, message });
    if let Err(why) = filter_of(config) {
        error(why.to_string());
    }
    if let Err(why) = State::open_existing(&folder) {
        error(why.to_string());
    }
    let mut sides = Sides { left: None, right: None };
    match look_at_roots(config, &options) {
        Err(why) => error(why.to_string()),
        Ok(replicas) => {
            for side in Side::BOTH {
                let replica = &replicas[side];
                let marker = replica.marker().unwrap_or_else(|problem| {
                    error(format!("{side}: {problem}"));
                    None
                });
                let free_bytes = replica.free_bytes().unwrap_or_else(|problem| {
                    error(format!("{side}: {problem}"));
                    None
                });
                sides[side] = Some(SideCheck {
                    root: replica.location(),
                    marker: marker.map(|marker| marker.to_string()),
                    free_bytes,
                    abilities: replica.abilities().into(),
                });
            }
        }
    }
    CheckReport {
        state_dir: folder.display().to_string(),
        left: sides.left,
        right: sides.right,
        findings,
        test_messages: Vec::new(),
    }
}
