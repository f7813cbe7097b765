//! Webhooks and commands.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sync_notify::{
    Channel as _, DeliveryError, Letter, Secret, SecretSource, WebhookChannel, WebhookSettings, signature,
};
#[cfg(unix)]
use sync_notify::{CommandChannel, CommandSettings};

use crate::fixture::{conflict, event, inline, letter, soon, strange_server};

/// A web service that answers one request with `answer` and hands over what it was sent.
fn service(answer: &'static str) -> (u16, mpsc::Receiver<(Vec<String>, Vec<u8>)>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let (give, take) = mpsc::channel();
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let length =
            head.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        reader.read_exact(&mut body).unwrap();
        give.send((head, body)).unwrap();
        let mut stream = stream;
        stream.write_all(answer.as_bytes()).unwrap();
    });
    (port, take)
}

fn hook(port: u16, secret: SecretSource) -> WebhookChannel {
    WebhookChannel::new(WebhookSettings {
        url: format!("http://127.0.0.1:{port}/hook?key=geheim"),
        secret,
        ca_file: None,
        timeout: Duration::from_mins(1),
    })
}

#[test]
fn a_webhook_gets_the_letter_signed() {
    let (port, got) = service("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
    let sent = letter(vec![event("1", conflict("a\nb"))]);
    hook(port, inline("k3y")).deliver(&sent, soon()).unwrap();
    let (head, body) = got.recv().unwrap();
    assert_eq!(head[0], "POST /hook?key=geheim HTTP/1.1");
    let has = |line: &str| head.iter().any(|one| one.eq_ignore_ascii_case(line));
    assert!(has("content-type: application/json"), "{head:?}");
    assert!(has(&format!("x-bothways-signature-256: {}", signature(&Secret::new("k3y"), &body))), "{head:?}");
    assert!(has("x-bothways-delivery: 00aa11bb22cc33dd"), "{head:?}");
    let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(document["events"][0]["event"], "conflict");
    assert_eq!(document["events"][0]["path"], "a\nb");
    assert_eq!(document["events"][0]["left"]["size"], 12_345);
    assert_eq!(Letter::from_json(&body).unwrap(), sent);
}

#[test]
fn what_a_web_service_answers_is_told_and_its_address_is_not() {
    let cases = [
        ("HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nk3y", false, "503 …"),
        ("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno", true, "401 no"),
        ("HTTP/1.1 429 Slow\r\nContent-Length: 0\r\n\r\n", false, "429"),
        (
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
            true,
            "a redirect",
        ),
    ];
    for (answer, permanent, words) in cases {
        let (port, _got) = service(answer);
        let error = hook(port, inline("k3y")).deliver(&letter(Vec::new()), soon()).unwrap_err();
        assert_eq!(error.is_permanent(), permanent, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains("geheim") && !error.to_string().contains("k3y"), "{error}");
    }
    let begun = Instant::now();
    let silent = hook(strange_server(b""), SecretSource::None);
    let error = silent.deliver(&letter(Vec::new()), Instant::now() + Duration::from_millis(500)).unwrap_err();
    assert!(matches!(error, DeliveryError::Silent { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30), "the deadline counts, and not its own time");
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let error = hook(free, SecretSource::None).deliver(&letter(Vec::new()), soon()).unwrap_err();
    assert!(matches!(error, DeliveryError::Unreachable { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn a_command_reads_the_letter_and_its_failure_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("got.json");
    let shell = |script: &str, seconds| {
        let words = ["sh", "-c", script, "sh", file.to_str().unwrap()].map(str::to_owned).to_vec();
        CommandChannel::new(CommandSettings { words, timeout: Duration::from_secs(seconds) })
    };
    let sent = letter(vec![event("1", conflict("x"))]);
    let delivered = shell("cat > \"$1\"; echo taken", 60).deliver(&sent, soon()).unwrap();
    assert_eq!(delivered.answer, "taken");
    assert_eq!(Letter::from_json(&std::fs::read(&file).unwrap()).unwrap(), sent);
    let error = shell("echo \"no disk\" >&2; exit 3", 60).deliver(&sent, soon()).unwrap_err();
    assert!(error.to_string().contains("exit status: 3: no disk"), "{error}");
    // It neither reads, nor ends, nor stops printing, and starts something that does the same.
    let begun = Instant::now();
    let error = shell("yes & yes >&2", 1).deliver(&sent, soon()).unwrap_err();
    assert!(error.to_string().contains("took too long"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
    let none = CommandSettings { words: vec!["/nonexistent/x".to_owned()], timeout: Duration::from_secs(1) };
    let error = CommandChannel::new(none).deliver(&sent, soon()).unwrap_err();
    assert!(error.to_string().contains("cannot be started"), "{error}");
}
