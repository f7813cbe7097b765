//! Servers that are not as they should be: each is told as what it is, in time, and without a secret.

use std::time::{Duration, Instant};

use serde_json::json;
use sync_notify::{Auth, Channel as _, DeliveryError, MailChannel, MailSettings, Security};

use crate::fixture::{
    Certificates, PASSWORD, Server, TOKEN, USER, event, inline, letter, password, recovery, send, settings,
    strange_server,
};

fn refused(settings: MailSettings) -> DeliveryError {
    let error = send(settings, &letter(vec![event("1", recovery())])).unwrap_err();
    for secret in [PASSWORD, TOKEN, "wrong-Passw0rd"] {
        assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
    }
    error
}

#[test]
fn what_is_not_there_is_told_in_plain_words() {
    let mut nowhere = settings(25, Security::None);
    nowhere.host = "no-such-host.invalid".to_owned();
    let error = refused(nowhere);
    assert!(matches!(error, DeliveryError::NameNotFound { .. }), "{error}");
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let error = refused(settings(free, Security::None));
    assert!(matches!(error, DeliveryError::Unreachable { .. }), "{error}");
    let mut wrong = settings(25, Security::None);
    wrong.from = "not an address".to_owned();
    assert!(matches!(refused(wrong), DeliveryError::Settings(_)));
    let mut wrong = settings(25, Security::Tls);
    wrong.ca_file = Some("/nonexistent/ca.pem".into());
    assert!(matches!(refused(wrong), DeliveryError::Settings(_)));
}

#[test]
fn a_silent_server_costs_no_more_than_its_time() {
    let begun = Instant::now();
    for security in [Security::None, Security::Tls] {
        let mut silent = settings(strange_server(b""), security);
        silent.timeout = Duration::from_millis(700);
        let error = refused(silent);
        assert!(matches!(error, DeliveryError::Silent { .. }), "{error}");
    }
    // Also where each answer comes in time and all of them together do not.
    let channel = MailChannel::new(settings(strange_server(b"220 hello\r\n"), Security::None));
    let error =
        channel.deliver(&letter(Vec::new()), Instant::now() + Duration::from_millis(700)).unwrap_err();
    assert!(matches!(error, DeliveryError::Silent { .. }), "{error}");
    // The third has a minute for each answer.
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[test]
fn what_speaks_another_protocol_is_told() {
    let error = refused(settings(strange_server(b"HTTP/1.1 400 Bad Request\r\n\r\n"), Security::None));
    assert!(matches!(error, DeliveryError::Broken { .. }), "{error}");
    // TLS from the first byte against a server that begins in the open.
    let error = refused(settings(strange_server(b"220 mail.test ESMTP\r\n"), Security::Tls));
    assert!(matches!(error, DeliveryError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("starttls"), "{error}");
    // And a server that does not offer to turn to TLS: nothing is sent in the open.
    let server = Server::start("none", json!({}));
    let error = refused(settings(server.port, Security::StartTls));
    assert!(matches!(error, DeliveryError::Tls { .. }), "{error}");
    assert!(error.to_string().contains("does not offer STARTTLS"), "{error}");
    assert_eq!(server.count(), 0);
}

#[test]
fn a_bad_certificate_is_refused_whatever_is_wrong_with_it() {
    let other = Certificates::for_names(&["localhost"]);
    let cases = [
        (Certificates::for_names(&["localhost"]), Some(other.ca()), "authority that is not trusted"),
        (Certificates::for_names(&["localhost"]), None, "authority that is not trusted"),
        (Certificates::for_names(&["mail.example.org"]), Some("own".into()), "for another name"),
        (Certificates::valid(&["localhost"], (2020, 2021)), Some("own".into()), "has expired"),
    ];
    for (number, (certificates, ca, words)) in cases.into_iter().enumerate() {
        let (name, security) =
            if number % 2 == 0 { ("starttls", Security::StartTls) } else { ("tls", Security::Tls) };
        let server = Server::with(certificates, name, json!({ "user": USER, "password": PASSWORD }));
        let mut settings = server.settings(security);
        settings.auth = password(PASSWORD);
        settings.ca_file = ca.map(|ca| if ca.as_os_str() == "own" { server.certificates.ca() } else { ca });
        let error = refused(settings);
        assert!(matches!(error, DeliveryError::Tls { .. }), "{number}: {error}");
        assert!(error.to_string().contains(words), "{number}: {error}");
        assert_eq!(server.count(), 0);
    }
}

#[test]
fn a_wrong_login_is_told_without_the_password_even_where_the_server_repeats_it() {
    for (behave, auth) in [
        ("accept", password("wrong-Passw0rd")),
        ("echo", password("wrong-Passw0rd")),
        ("accept", Auth::Xoauth2 { user: USER.to_owned(), secret: inline("wrong-Passw0rd") }),
    ] {
        let server = Server::with_login(
            "starttls",
            json!({ "behave": behave, "mechanisms": ["PLAIN", "LOGIN", "XOAUTH2"] }),
        );
        let mut settings = server.settings(Security::StartTls);
        settings.auth = auth;
        let error = refused(settings);
        assert!(matches!(error, DeliveryError::Login { .. }), "{behave}: {error}");
        assert!(error.is_permanent() && error.to_string().contains(USER), "{error}");
    }
    let server = Server::with_login("starttls", json!({ "mechanisms": ["PLAIN"] }));
    let mut settings = server.settings(Security::StartTls);
    settings.auth = Auth::Xoauth2 { user: USER.to_owned(), secret: inline(TOKEN) };
    let error = refused(settings);
    assert!(error.to_string().contains("does not offer XOAUTH2"), "{error}");
}

#[test]
fn one_recipient_that_is_refused_does_not_take_the_mail_from_the_others() {
    let server = Server::start("none", json!({ "behave": "refuse-one" }));
    let mut settings = server.settings(Security::None);
    settings.to = vec!["gone@example.org".to_owned(), "admin@example.org".to_owned()];
    let delivered = send(settings.clone(), &letter(Vec::new())).unwrap();
    assert_eq!(delivered.refused.len(), 1);
    assert!(delivered.refused[0].1.contains("no such user"), "{delivered:?}");
    assert_eq!(server.mails()[0]["envelope"]["to"], json!(["admin@example.org"]));
    settings.to.pop();
    let error = refused(settings);
    assert!(matches!(&error, DeliveryError::Recipients { permanent: true, .. }), "{error}");
    assert!(error.to_string().contains("gone@example.org (550"), "{error}");
    let server = Server::start("none", json!({ "behave": "refuse-sender" }));
    let error = refused(server.settings(Security::None));
    assert!(matches!(error, DeliveryError::Refused { what: "the sender", permanent: true, .. }), "{error}");
}

#[test]
fn later_means_later_and_never_means_never() {
    for (behave, permanent) in [("later-once", false), ("drop-after-data", false), ("reject", true)] {
        let server = Server::start("none", json!({ "behave": behave }));
        let error = refused(server.settings(Security::None));
        assert_eq!(error.is_permanent(), permanent, "{behave}: {error}");
        assert_eq!(error.is_about_the_letter(), behave == "reject", "{behave}: {error}");
        assert_eq!(server.count(), 0);
        let again = send(server.settings(Security::None), &letter(Vec::new()));
        assert_eq!(again.is_ok(), !permanent, "{behave}: {again:?}");
        assert_eq!(server.count(), usize::from(!permanent));
    }
}
