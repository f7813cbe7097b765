//! From the configuration to the ways out.
//!
//! The one place at which the engine says what a mail server is.

use std::sync::Arc;

use sync_notify::{
    Channel, CommandChannel, CommandSettings, MailChannel, MailSettings, WebhookChannel, WebhookSettings,
};

use crate::config::{Auth, Config, Email, Granularity, Security};

/// One way out, and how much goes into one of its letters.
pub(crate) struct Way {
    pub(crate) channel: Arc<dyn Channel>,
    pub(crate) granularity: Granularity,
}

/// All ways that are configured.
pub(crate) fn of(config: &Config) -> Vec<Way> {
    let mut ways = Vec::new();
    if let Some(settings) = mail(&config.email) {
        ways.push(Way {
            channel: Arc::new(MailChannel::new(settings)),
            granularity: config.email.granularity,
        });
    }
    if let Some(url) = &config.webhook.url {
        let settings = WebhookSettings {
            url: url.expose().to_owned(),
            secret: config.webhook.secret.clone(),
            ca_file: config.webhook.ca_file.clone(),
            timeout: config.webhook.timeout,
        };
        let channel = Arc::new(WebhookChannel::new(settings));
        ways.push(Way { channel, granularity: Granularity::Run });
    }
    if !config.alert.command.is_empty() {
        let settings =
            CommandSettings { words: config.alert.command.clone(), timeout: config.alert.command_timeout };
        let channel = Arc::new(CommandChannel::new(settings));
        ways.push(Way { channel, granularity: Granularity::Run });
    }
    ways
}

fn mail(email: &Email) -> Option<MailSettings> {
    let from = email.from.as_ref().filter(|_| email.enabled)?;
    let (user, secret) = (email.username.clone(), email.password.clone());
    Some(MailSettings {
        host: email.smtp_host.clone(),
        port: email.smtp_port,
        security: match email.security {
            Security::StartTls => sync_notify::Security::StartTls,
            Security::Tls => sync_notify::Security::Tls,
            Security::None => sync_notify::Security::None,
        },
        auth: match email.auth {
            Auth::Password => sync_notify::Auth::Password { user, secret },
            Auth::Xoauth2 => sync_notify::Auth::Xoauth2 { user, secret },
            Auth::None => sync_notify::Auth::None,
        },
        ca_file: email.ca_file.clone(),
        from: from.as_str().to_owned(),
        to: email.to.iter().map(|to| to.as_str().to_owned()).collect(),
        subject_prefix: email.subject_prefix.clone(),
        timeout: email.timeout,
    })
}
