//! What a person reads.

use serde_json::json;
use sync_notify::{Auth, Event, LetterKind, SecretSource, Security};

use crate::fixture::{
    PASSWORD, Server, TOKEN, USER, conflict, event, failure, halt, header, inline, letter, password,
    recovery, send, summary,
};

#[test]
fn a_conflict_arrives_as_text_and_html_with_everything_to_decide_it() {
    let server = Server::with_login("starttls", json!({}));
    let mut settings = server.settings(Security::StartTls);
    settings.auth = password(PASSWORD);
    settings.to.push("second@example.org".to_owned());
    let told = Event {
        since: Some("2026-11-19T09:00:00Z".to_owned()),
        ..event("c0ffee", conflict("a b/Bericht ä.docx"))
    };
    let delivered = send(settings, &letter(vec![told])).unwrap();
    assert!(delivered.answer.contains("kept as 000"), "{delivered:?}");
    let mails = server.mails();
    let mail = &mails[0];
    assert_eq!(mail["defects"], json!([]));
    assert_eq!(mail["envelope"]["to"], json!(["admin@example.org", "second@example.org"]));
    assert_eq!((&mail["envelope"]["tls"], &mail["envelope"]["login"]), (&json!(true), &json!("plain")));
    assert_eq!(mail["types"], json!(["multipart/alternative", "text/plain", "text/html"]));
    assert_eq!(header(mail, "subject"), "[bothways] Conflict: a b/Bericht ä.docx");
    assert_eq!(header(mail, "from"), "Bothways <bothways@example.org>");
    assert_eq!(header(mail, "to"), "admin@example.org, second@example.org");
    assert_eq!(header(mail, "auto-submitted"), "auto-generated");
    assert_eq!(header(mail, "message-id"), "<00aa11bb22cc33dd@example.org>");
    assert_eq!(header(mail, "references"), "<threadc0ffee@example.org>");
    assert_eq!(header(mail, "in-reply-to"), "<threadc0ffee@example.org>");
    assert_eq!(mail["date"], "2026-11-20T15:43:07+00:00");
    for form in ["text", "html"] {
        let seen = mail[form].as_str().unwrap();
        for words in [
            "/srv/left",
            "/mnt/right",
            "a b/Bericht ä.docx",
            "2026-11-20 15:43:06 UTC",
            "2026-11-19 09:00:00 UTC",
            "both-changed (6.2.1): changed on both sides",
            "12,345 bytes (12.1 KiB), changed 2026-11-20 15:40:00 UTC",
            "900 bytes, changed 2026-11-20 15:30:00 UTC",
            "nothing was touched; each side keeps its version until you decide",
            "bothways conflicts resolve 'a b/Bericht ä.docx' --keep newer",
        ] {
            assert!(seen.contains(words), "{form} lacks {words}:\n{seen}");
        }
    }
    if std::env::var_os("BOTHWAYS_SHOW_MAILS").is_some() {
        eprintln!("Subject: {}\n\n{}", header(mail, "subject"), mail["text"].as_str().unwrap());
    }
}

#[test]
fn a_halt_names_the_folders_and_the_way_on_and_a_day_its_counts() {
    let server = Server::start("none", json!({}));
    let settings = server.settings(Security::None);
    send(settings.clone(), &letter(vec![event("1", failure("x")), event("2", halt())])).unwrap();
    let mut daily = letter(vec![event("3", conflict("c")), event("4", recovery())]);
    daily.kind = LetterKind::Daily;
    daily.summary = Some(summary());
    daily.dropped = 3;
    send(settings, &daily).unwrap();
    let mails = server.mails();
    let (halted, day) = (&mails[0], &mails[1]);
    assert_eq!(
        header(halted, "subject"),
        "[bothways] Halted: the plan deletes or overwrites 30 of 40 files on the right"
    );
    assert_eq!(header(day, "subject"), "[bothways] Daily summary 2026-11-20: 1 conflict, 1 recovery");
    let has = |mail: &serde_json::Value, words: &[&str]| {
        for form in ["text", "html"] {
            let seen = mail[form].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
            for words in words {
                assert!(seen.contains(words), "{form} lacks {words}:\n{seen}");
            }
        }
    };
    has(
        halted,
        &[
            "photos/2024: 28 files",
            "(the root itself): 2 files",
            "bothways sync --approve --config /etc/bothways.toml",
            "nothing was touched",
            "Permission denied (os error 13) (permission-denied)",
        ],
    );
    let copies = ["Copies: 1,234", "Copies 1,234"];
    assert!(copies.iter().any(|words| {
        day["text"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
    }));
    has(
        day,
        &[
            "2 both-changed: changed on both sides",
            "1 both-created: new on both sides, with other contents",
            "5,368,709,120 bytes (5.0 GiB)",
            "To the trash",
            "12 min 34 s",
            "This is over: Failed copy: a/b.txt",
            "3 older messages were lost",
        ],
    );
    if std::env::var_os("BOTHWAYS_SHOW_MAILS").is_some() {
        for mail in &mails {
            eprintln!("Subject: {}\n\n{}", header(mail, "subject"), mail["text"].as_str().unwrap());
        }
    }
}

#[test]
fn no_name_can_forge_a_header_a_line_or_markup() {
    let server = Server::start("none", json!({}));
    let names = [
        "a\r\nBcc: thief@example.org\r\n\r\nbody",
        "<script>alert(1)</script><img src=x onerror=y>\"'&",
        "\u{202E}txt.exe\u{2066}\u{0}\u{1b}[31m\u{2028}x",
        "=?utf-8?q?=0ABcc:_thief=40example.org?=",
        ".\r\n.\r\nQUIT",
        "ünïcödé-日本語-🎉",
        &"x".repeat(3000),
    ];
    for (number, name) in names.iter().enumerate() {
        let mut letter =
            letter(vec![Event { follows: Some("a>\r\nBcc: b".to_owned()), ..event("5", conflict(name)) }]);
        letter.left_root = format!("/srv/{name}");
        letter.id = format!("aa{number}");
        send(server.settings(Security::None), &letter).unwrap();
    }
    // Many of them at once, too.
    let mut all = letter(names.iter().map(|name| event("6", failure(name))).collect());
    all.rest = 12_345;
    send(server.settings(Security::None), &all).unwrap();
    let mails = server.mails();
    assert_eq!(mails.len(), names.len() + 1);
    for mail in &mails {
        assert_eq!(mail["defects"], json!([]), "{mail:#}");
        assert_eq!(header(mail, "bcc"), "");
        assert_eq!(mail["envelope"]["to"], json!(["admin@example.org"]));
        let known = [
            "bdi", "body", "code", "div", "h2", "h3", "head", "hr", "html", "meta", "p", "table", "td",
            "title", "tr",
        ];
        for tag in mail["tags"].as_array().unwrap() {
            assert!(known.contains(&tag.as_str().unwrap()), "{tag}");
        }
        assert_eq!(mail["loads"], json!([]));
        assert!(mail["longest"].as_u64().unwrap() <= 998, "a line is longer than SMTP allows");
        for form in ["text", "html"] {
            let seen = mail[form].as_str().unwrap();
            let hides = |c: char| {
                matches!(c, '\u{202E}' | '\u{2066}' | '\u{2028}')
                    || (c.is_control() && c != '\n' && c != '\r')
            };
            assert!(!seen.chars().any(hides), "{seen:?}");
            assert!(
                !seen.lines().any(|line| line.starts_with("Bcc") || line == "body" || line == "."),
                "{seen}"
            );
        }
    }
    assert!(mails[0]["text"].as_str().unwrap().contains("a\\r\\nBcc: thief@example.org"), "shown escaped");
    assert!(mails[1]["html"].as_str().unwrap().contains("<script>alert(1)</script>"), "shown as it is");
    assert_eq!(
        header(&mails[3], "subject"),
        "[bothways] Conflict: \\u{3d}?utf-8?q?=0ABcc:_thief=40example.org?=",
        "no encoded word of a name's"
    );
    assert_eq!(header(&mails[5], "subject"), "[bothways] Conflict: ünïcödé-日本語-🎉");
    assert!(header(&mails[6], "subject").chars().count() <= 140);
    assert!(header(&mails[7], "subject").contains("7 failures, 12,345 more events"));
    assert!(mails[7]["html"].as_str().unwrap().contains("And 12,345 more events"));
}

#[test]
fn every_kind_of_login_and_protection_works() {
    let oauth = Auth::Xoauth2 { user: USER.to_owned(), secret: inline(TOKEN) };
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let from_file = Auth::Password { user: USER.to_owned(), secret: SecretSource::File(file) };
    let command = SecretSource::Command(vec!["echo".to_owned(), TOKEN.to_owned()]);
    let from_command = Auth::Xoauth2 { user: USER.to_owned(), secret: command };
    let cases = [
        ("starttls", Security::StartTls, "PLAIN", from_file),
        ("tls", Security::Tls, "LOGIN", password(PASSWORD)),
        ("starttls", Security::StartTls, "XOAUTH2", oauth),
        ("tls", Security::Tls, "XOAUTH2", from_command),
    ];
    for (name, security, mechanism, auth) in cases {
        let server = Server::with_login(name, json!({ "mechanisms": [mechanism] }));
        let mut settings = server.settings(security);
        settings.auth = auth;
        send(settings, &letter(vec![event("7", recovery())]))
            .unwrap_or_else(|error| panic!("{mechanism}: {error}"));
        let mail = &server.mails()[0];
        assert_eq!(mail["envelope"]["login"], mechanism.to_lowercase());
        assert_eq!(mail["envelope"]["tls"], true);
        assert_eq!(header(mail, "subject"), "[bothways] In order again: Failed copy: a/b.txt");
    }
}
