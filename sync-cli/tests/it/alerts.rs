//! Alerts of the real program: to a real mail server on loopback, and to a command.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::schema;
use super::world::World;

const PASSWORD: &str = "s3cret-Passw0rd";

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sync-notify/tests/it").join(name)
}

/// The Python that `cargo xtask setup` has filled.
fn python() -> Command {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let python = target.join("python/bin/python");
    assert!(python.exists(), "{} is missing: run `cargo xtask setup`", python.display());
    Command::new(python)
}

/// A mail server of aiosmtpd, in the open and with a login; it ends with the test.
struct Server {
    child: Child,
    port: u16,
    kept: tempfile::TempDir,
}

impl Server {
    fn start(more: Value) -> Self {
        let kept = tempfile::tempdir().unwrap();
        let mut told = json!({ "dir": kept.path(), "security": "none", "user": "me", "password": PASSWORD, "token": "" });
        told.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let mut command = python();
        command.arg(script("server.py")).arg(told.to_string());
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap(), kept }
    }

    /// What a person sees.
    fn mails(&self) -> Vec<Value> {
        let all = std::fs::read_dir(self.kept.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut files: Vec<_> = all.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
        files.sort();
        let out = python().arg(script("reader.py")).args(files).output().unwrap();
        serde_json::from_slice(&out.stdout).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn subject(mail: &Value) -> &str {
    let headers = mail["headers"].as_array().unwrap();
    headers.iter().find(|pair| pair[0] == "subject").unwrap()[1].as_str().unwrap()
}

/// A configuration with these lines; only its owner may read it.
fn configure(world: &World, lines: &str) {
    let text = format!("left_root = 'left'\nright_root = 'right'\n{lines}");
    std::fs::write(world.path("pair.toml"), text).unwrap();
    std::fs::set_permissions(world.path("pair.toml"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
}

fn mail_to(port: u16, password: &str, more: &str) -> String {
    format!(
        "[conflict]\nnew_file_both_different = 'notify'\n[email]\nenabled = true\nsmtp_host = 'localhost'\n\
         smtp_port = {port}\nsecurity = 'none'\nusername = 'me'\npassword = '{password}'\n\
         from_address = 'bothways@example.org'\nto_addresses = ['admin@example.org']\n{more}\n"
    )
}

const SYNC: [&str; 3] = ["sync", "--config", "pair.toml"];

#[test]
fn a_conflict_is_mailed_once_and_no_secret_is_written_anywhere() {
    let server = Server::start(json!({}));
    let world = World::new();
    configure(&world, &mail_to(server.port, PASSWORD, ""));
    world.write("left/it's $(here).txt", "left");
    world.write("right/it's $(here).txt", "right!");
    let first = world.run(SYNC);
    assert_eq!(first.code, 1, "{}", first.err);
    let again = world.run(["-vv", "sync", "--json", "--config", "pair.toml"]);
    assert_eq!(again.code, 1, "{}", again.err);
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "the same conflict is told once");
    assert_eq!(subject(&mails[0]), "[bothways] Conflict: it's $(here).txt");
    let text = mails[0]["text"].as_str().unwrap();
    // What it says to type does what it says.
    let line = text
        .lines()
        .find(|line| line.contains("conflicts resolve") && line.contains("--keep newer"))
        .unwrap();
    let words = format!("set -- {}; printf '%s\\n' \"$@\"", line.trim());
    let shell = Command::new("sh").arg("-c").arg(words).output().unwrap();
    let config = world.path("pair.toml").canonicalize().unwrap();
    let expected = [
        "bothways",
        "conflicts",
        "resolve",
        "it's $(here).txt",
        "--keep",
        "newer",
        "--config",
        config.to_str().unwrap(),
    ];
    assert_eq!(String::from_utf8(shell.stdout).unwrap().lines().collect::<Vec<_>>(), expected);
    let mut everything = format!("{}{}{}{}{mails:?}", first.out, first.err, again.out, again.err);
    for name in world.names("home-state") {
        let bytes = std::fs::read(world.path("home-state").join(name)).unwrap_or_default();
        everything.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(everything.contains("delivered"), "the log is among it");
    assert!(!everything.contains(PASSWORD));
}

#[test]
fn a_mail_that_cannot_be_sent_changes_nothing_about_the_sync_and_waits() {
    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let world = World::new();
    configure(&world, &mail_to(free, PASSWORD, ""));
    world.write("left/a", "left");
    world.write("right/a", "right!");
    world.write("left/b", "b");
    let began = Instant::now();
    let outcome = world.run(SYNC);
    assert_eq!(outcome.code, 1, "{}", outcome.err);
    assert_eq!(world.read("right/b"), "b");
    // A minute later it would be tried again.
    assert!(began.elapsed() < Duration::from_secs(50), "{:?}", began.elapsed());
    let log: String = world
        .names("home-state")
        .iter()
        .filter(|name| name.ends_with(".log"))
        .map(|name| world.read(&format!("home-state/{name}")))
        .collect();
    assert!(log.contains("no connection to `localhost` port"), "{log}");
    assert!(!log.contains("lost"), "{log}");
    let shown = world.run(["status", "--config", "pair.toml"]).out;
    assert!(shown.contains("1 alert waits for delivery"), "{shown}");
    assert!(shown.contains("no connection to `localhost` port") && !shown.contains(PASSWORD), "{shown}");
    let (_, document) = world.json(["status", "--config", "pair.toml"]);
    assert_eq!((&document["alerts"]["queued"], &document["alerts"]["attempts"]), (&json!(1), &json!(1)));
    assert_eq!(schema::faults("status", &document), Vec::<String>::new());
}

#[test]
fn a_test_mail_says_in_plain_words_what_is_wrong() {
    let world = World::new();
    let check = ["check", "--send-test-mail", "--config", "pair.toml"];
    configure(&world, "");
    let outcome = world.run(check);
    assert_eq!(outcome.code, 1);
    assert!(outcome.out.contains("alerts go nowhere"), "{}", outcome.out);
    let server = Server::start(json!({ "behave": "refuse-one" }));
    configure(&world, &mail_to(server.port, PASSWORD, ""));
    let (code, document) = world.json(check);
    assert_eq!((code, &document["test_messages"][0]["delivered"]), (0, &json!(true)), "{document:#}");
    assert_eq!(schema::faults("check", &document), Vec::<String>::new());
    let mails = server.mails();
    assert_eq!(subject(&mails[0]), "[bothways] Test message");
    assert!(mails[0]["html"].as_str().unwrap().contains("This is a test, as you asked for"));
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let port = server.port;
    let gone = mail_to(port, PASSWORD, "").replace("admin@", "gone@");
    let cases = [
        (mail_to(port, "wrong-Passw0rd", ""), "refused the login of `me`"),
        (gone, "gone@example.org (550 5.1.1 no such user here)"),
        (mail_to(closed, PASSWORD, ""), "check the port, a firewall, and whether the server runs"),
        (mail_to(silent.local_addr().unwrap().port(), PASSWORD, "timeout = '1s'"), "did not answer in time"),
        (
            mail_to(port, PASSWORD, "").replace("security = 'none'", "security = 'starttls'"),
            "does not offer STARTTLS",
        ),
        (
            mail_to(port, PASSWORD, "")
                .replace("'localhost'", "'no-such-host.invalid'")
                .replace("'none'", "'tls'"),
            "the name `no-such-host.invalid` was not found",
        ),
    ];
    for (lines, words) in cases {
        configure(&world, &lines);
        let outcome = world.run(check);
        assert_eq!(outcome.code, 1, "{words}: {}", outcome.out);
        assert!(outcome.out.contains(words), "{words}: {}", outcome.out);
        assert!(!outcome.out.contains("Passw0rd"), "{}", outcome.out);
    }
    // A password in the open, to another machine, is refused before anything is said.
    configure(&world, &mail_to(port, PASSWORD, "").replace("'localhost'", "'mail.example.org'"));
    let outcome = world.run(check);
    assert_eq!(outcome.code, 2);
    assert!(outcome.err.contains("a password is not sent in the open"), "{}", outcome.err);
}

#[test]
fn a_command_hears_of_a_root_that_is_away_and_of_its_return() {
    let world = World::new();
    let got = world.path("got");
    configure(
        &world,
        &format!("[alert]\ncommand = ['sh', '-c', 'cat >> \"$1\"', 'sh', '{}']\n", got.display()),
    );
    world.write("left/a", "a");
    assert_eq!(world.run(SYNC).code, 0);
    assert!(!got.exists(), "all went well");
    std::fs::rename(world.path("right"), world.path("away")).unwrap();
    for _ in 0..2 {
        assert_eq!(world.run(SYNC).code, 3);
    }
    std::fs::rename(world.path("away"), world.path("right")).unwrap();
    assert_eq!(world.run(SYNC).code, 0);
    let letters: Vec<Value> =
        world.read("got").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = letters.iter().map(|letter| &letter["events"][0]).collect();
    assert_eq!(events.len(), 2, "{letters:#?}");
    assert_eq!((&events[0]["event"], &events[0]["side"]), (&json!("failure"), &json!("right")));
    assert_eq!(events[1]["event"], "recovery");
    assert_eq!(events[1]["follows"], letters[0]["id"]);
    assert_eq!(events[1]["thread"], events[0]["thread"]);
}
