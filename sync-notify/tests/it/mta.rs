//! A mail server as it runs in the world: OpenSMTPD of Debian as a local relay with a mailbox.
//!
//! Without TLS: that of Debian 12 fails in every handshake (its way to keep the key apart does not work with OpenSSL 3).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use sync_notify::{DeliveryError, Security};

use crate::fixture::{conflict, event, header, letter, read, send, settings};

/// OpenSMTPD, in a view of the file system of its own, so that it meets no other of its kind.
struct Mta {
    child: Child,
    port: u16,
    place: tempfile::TempDir,
}

impl Mta {
    /// None where it cannot be started, which takes being root.
    fn start() -> Option<Self> {
        let own_view = Command::new("unshare").args(["--mount", "--pid", "--fork", "true"]).status();
        if !own_view.is_ok_and(|status| status.success()) {
            println!("not tried: OpenSMTPD cannot be started here (only root may)");
            return None;
        }
        assert!(Path::new("/usr/sbin/smtpd").exists(), "opensmtpd is missing: run `cargo xtask setup`");
        let place = tempfile::tempdir().unwrap();
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        // It delivers as a user who may do nothing.
        mode(place.path(), 0o755);
        std::fs::create_dir(place.path().join("box")).unwrap();
        mode(&place.path().join("box"), 0o777);
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let config = format!(
            "table everybody {{ \"@\" = \"nobody\" }}\nlisten on 127.0.0.1 port {port} hostname localhost\n\
             action \"keep\" maildir \"{mailbox}/maildir\" virtual <everybody>\n\
             match from any for domain \"example.org\" action \"keep\"\n",
            mailbox = place.path().join("box").display(),
        );
        let file = place.path().join("smtpd.conf");
        std::fs::write(&file, config).unwrap();
        mode(&file, 0o600);
        let script = "mount -t tmpfs -o mode=755 tmpfs /var/spool && mount -t tmpfs -o mode=755 tmpfs /run && \
                      exec /usr/sbin/smtpd -d -f \"$1\"";
        let mut child = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = child.stderr.take().unwrap();
        let kept = place.path().join("log");
        std::thread::spawn(move || {
            let mut out = std::fs::File::create(kept).unwrap();
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                let _ = writeln!(out, "{line}");
            }
        });
        let mta = Self { child, port, place };
        let deadline = Instant::now() + Duration::from_mins(1);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "OpenSMTPD does not listen:\n{}", mta.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(mta)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    /// The mails in the box, once there are as many as wanted.
    fn mails(&self, wanted: usize) -> Vec<PathBuf> {
        let new = self.place.path().join("box/maildir/new");
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let found: Vec<_> =
                std::fs::read_dir(&new).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
            if found.len() >= wanted {
                return found;
            }
            assert!(Instant::now() < deadline, "{} mails of {wanted}:\n{}", found.len(), self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Mta {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn opensmtpd_takes_the_mail_to_a_mailbox() {
    let Some(mta) = Mta::start() else { return };
    let mut settings = settings(mta.port, Security::None);
    settings.to.push("somebody@elsewhere.example".to_owned());
    let delivered = send(settings.clone(), &letter(vec![event("1", conflict("ä/\n\"b\".txt"))])).unwrap();
    assert_eq!(delivered.refused.len(), 1, "it relays for nobody: {delivered:?}");
    let mail = &read(&mta.mails(1))[0];
    assert_eq!(mail["defects"], json!([]));
    assert_eq!(header(mail, "subject"), "[bothways] Conflict: ä/\\n\"b\".txt");
    assert_eq!(header(mail, "auto-submitted"), "auto-generated");
    assert!(mail["text"].as_str().unwrap().contains("12,345 bytes (12.1 KiB)"));
    assert!(mail["html"].as_str().unwrap().contains("ä/\\n\"b\".txt"));
    settings.to = vec!["somebody@elsewhere.example".to_owned()];
    let error = send(settings, &letter(Vec::new())).unwrap_err();
    assert!(matches!(error, DeliveryError::Recipients { permanent: true, .. }), "{error}");
}
