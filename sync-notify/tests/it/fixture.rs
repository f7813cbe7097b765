//! Servers that are started for a test and end with it, certificates made for the run, and letters to send.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use sync_notify::{
    Auth, Channel as _, Conflict, Delivered, DeliveryError, Event, Failure, Folder, Halt, Letter, LetterKind,
    MailChannel, MailSettings, Recovery, Remedy, Secret, SecretSource, Security, Summary, Version, What,
};
use tempfile::TempDir;

pub(crate) const USER: &str = "alerts@example.org";
pub(crate) const PASSWORD: &str = "s3cret-Passw0rd";
pub(crate) const TOKEN: &str = "ya29.a-token-of-this-hour";

/// The Python that `cargo xtask setup` has filled.
pub(crate) fn python() -> Command {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder");
    let python = target.join("python/bin/python");
    assert!(python.exists(), "{} is missing: run `cargo xtask setup`", python.display());
    Command::new(python)
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name)
}

/// An authority and the certificate it gave to `localhost`.
pub(crate) struct Certificates {
    pub(crate) dir: TempDir,
}

impl Certificates {
    pub(crate) fn for_names(names: &[&str]) -> Self {
        Self::valid(names, (2020, 2090))
    }

    pub(crate) fn valid(names: &[&str], years: (i32, i32)) -> Self {
        Self::of(names, years, &KeyPair::generate().unwrap())
    }

    fn of(names: &[&str], years: (i32, i32), key: &KeyPair) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "Bothways test authority");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let ca = authority.self_signed(&authority_key).unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut leaf = CertificateParams::new(names).unwrap();
        leaf.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        leaf.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let leaf = leaf.signed_by(key, &Issuer::new(authority, authority_key)).unwrap();
        std::fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
        std::fs::write(dir.path().join("cert.pem"), leaf.pem()).unwrap();
        std::fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { dir }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }
}

/// A mail server of aiosmtpd.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    pub(crate) kept: TempDir,
    pub(crate) certificates: Certificates,
}

impl Server {
    pub(crate) fn start(security: &str, more: Value) -> Self {
        Self::with(Certificates::for_names(&["localhost"]), security, more)
    }

    pub(crate) fn with(certificates: Certificates, security: &str, more: Value) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let mut told = json!({
            "dir": kept.path(),
            "security": security,
            "cert": certificates.dir.path().join("cert.pem"),
            "key": certificates.dir.path().join("key.pem"),
        });
        let all = told.as_object_mut().unwrap();
        all.extend(more.as_object().cloned().unwrap_or_default());
        let mut child = python()
            .arg(script("server.py"))
            .arg(told.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It warns of what a test is about.
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("the server says its port");
        Self { child, port, kept, certificates }
    }

    /// One that wants a login.
    pub(crate) fn with_login(security: &str, more: Value) -> Self {
        let mut all = json!({ "user": USER, "password": PASSWORD, "token": TOKEN });
        all.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        Self::start(security, all)
    }

    pub(crate) fn settings(&self, security: Security) -> MailSettings {
        MailSettings {
            ca_file: (security != Security::None).then(|| self.certificates.ca()),
            ..settings(self.port, security)
        }
    }

    /// What it accepted, as a mail program reads it.
    pub(crate) fn mails(&self) -> Vec<Value> {
        read(&files(self.kept.path()))
    }

    pub(crate) fn count(&self) -> usize {
        files(self.kept.path()).len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut mails: Vec<_> = all.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    mails.sort();
    mails
}

/// Mails as another program's parser reads them.
pub(crate) fn read(files: &[PathBuf]) -> Vec<Value> {
    let out = python().arg(script("reader.py")).args(files).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).unwrap()
}

pub(crate) fn header(mail: &Value, name: &str) -> String {
    let mut found = mail["headers"].as_array().unwrap().iter().filter(|pair| pair[0] == name);
    let value = found.next().map(|pair| pair[1].as_str().unwrap().to_owned()).unwrap_or_default();
    assert!(found.next().is_none(), "{name} is there twice");
    value
}

pub(crate) fn settings(port: u16, security: Security) -> MailSettings {
    MailSettings {
        host: "localhost".to_owned(),
        port,
        security,
        auth: Auth::None,
        ca_file: None,
        from: "bothways@example.org".to_owned(),
        to: vec!["admin@example.org".to_owned()],
        subject_prefix: "[bothways]".to_owned(),
        timeout: Duration::from_mins(1),
    }
}

pub(crate) fn inline(secret: &str) -> SecretSource {
    SecretSource::Inline(Secret::new(secret))
}

pub(crate) fn password(secret: &str) -> Auth {
    Auth::Password { user: USER.to_owned(), secret: inline(secret) }
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_mins(2)
}

pub(crate) fn send(settings: MailSettings, letter: &Letter) -> Result<Delivered, DeliveryError> {
    MailChannel::new(settings).deliver(letter, soon())
}

pub(crate) fn letter(events: Vec<Event>) -> Letter {
    Letter {
        format: Letter::FORMAT,
        id: "00aa11bb22cc33dd".to_owned(),
        kind: LetterKind::Events,
        time_ns: 1_795_189_387_000_000_000,
        time: "2026-11-20T15:43:07.25Z".to_owned(),
        host: "filer".to_owned(),
        left_root: "/srv/left".to_owned(),
        right_root: "/mnt/right".to_owned(),
        events,
        rest: 0,
        summary: None,
        dropped: 0,
    }
}

pub(crate) fn event(thread: &str, what: What) -> Event {
    Event {
        thread: thread.to_owned(),
        time: "2026-11-20T15:43:06.5Z".to_owned(),
        since: None,
        told_before: 0,
        follows: None,
        what,
    }
}

pub(crate) fn conflict(path: &str) -> What {
    What::Conflict(Conflict {
        path: path.to_owned(),
        rule: "both-changed".to_owned(),
        requirement: Some("6.2.1".to_owned()),
        policy: "notify".to_owned(),
        open: true,
        newer: "left".to_owned(),
        left: Version { kind: "file".to_owned(), size: 12_345, mtime: "2026-11-20T15:40:00Z".to_owned() },
        right: Version { kind: "file".to_owned(), size: 900, mtime: "2026-11-20T15:30:00.5Z".to_owned() },
        clash_path: None,
        remedies: vec![Remedy {
            does: "Keep the newer version".to_owned(),
            command: format!("bothways conflicts resolve '{path}' --keep newer"),
        }],
    })
}

pub(crate) fn failure(path: &str) -> What {
    What::Failure(Failure {
        path: path.to_owned(),
        side: Some("right".to_owned()),
        operation: "copy".to_owned(),
        kind: "permission-denied".to_owned(),
        error: "Permission denied (os error 13)".to_owned(),
        remedies: Vec::new(),
    })
}

pub(crate) fn halt() -> What {
    What::Halt(Halt {
        reason: "too-many-changes".to_owned(),
        message: "the plan deletes or overwrites 30 of 40 files on the right".to_owned(),
        side: Some("right".to_owned()),
        folders: vec![
            Folder { path: "photos/2024".to_owned(), files: 28 },
            Folder { path: String::new(), files: 2 },
        ],
        approval: Some("`bothways plan` shows the whole plan".to_owned()),
        remedies: vec![Remedy {
            does: "Let it through once".to_owned(),
            command: "bothways sync --approve --config /etc/bothways.toml".to_owned(),
        }],
    })
}

pub(crate) fn recovery() -> What {
    What::Recovery(Recovery { of: "Failed copy: a/b.txt".to_owned() })
}

pub(crate) fn summary() -> Summary {
    Summary {
        from: "2026-11-20T00:00:00Z".to_owned(),
        to: "2026-11-21T00:00:00Z".to_owned(),
        runs: 17,
        done: [
            ("COPY_LEFT_TO_RIGHT", 1200),
            ("COPY_RIGHT_TO_LEFT", 34),
            ("RENAME_LEFT", 5),
            ("DELETE_RIGHT", 6),
            ("SOFT_DELETE_LEFT", 7),
        ]
        .map(|(word, number)| (word.to_owned(), number))
        .into(),
        conflicts: [("both-changed".to_owned(), 2), ("both-created".to_owned(), 1)].into(),
        problems: 4,
        bytes: 5_368_709_120,
        duration_ms: 754_000,
    }
}

/// A server that speaks no SMTP: it says `greeting`, reads, and keeps the line open.
pub(crate) fn strange_server(greeting: &'static [u8]) -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.write_all(greeting);
            open.push(stream);
        }
    });
    port
}
