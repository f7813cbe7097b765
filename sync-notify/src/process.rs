//! A program that is run to its end or to a deadline.
//!
//! Owns [`run`]. No shell is involved; what a program prints is read to the end and kept up to a bound.

use std::io::{Read, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::plain::{plain, short};

/// What is kept of each stream.
const KEPT: usize = 64 << 10;
/// How long the streams may stay open after the program has ended: something it started may hold them.
const LINGER: Duration = Duration::from_millis(500);

/// A program that ended.
pub(crate) struct Done {
    pub(crate) success: bool,
    /// How, in words that follow its name.
    pub(crate) ended: String,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// Runs a program with its arguments and `input`. The error is in words that follow the program's name.
pub(crate) fn run(words: &[String], input: &[u8], deadline: Instant) -> Result<Done, String> {
    let (program, arguments) = words.split_first().ok_or_else(|| "is not named".to_owned())?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What it starts ends with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        let input = input.to_vec();
        // A program need not read what it is given.
        std::thread::spawn(move || drop(stdin.write_all(&input)));
    }
    let stdout = child.stdout.take().map(kept);
    let stderr = child.stderr.take().map(kept);
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() >= deadline => {
                end(&mut child);
                return Err("took too long and was ended".to_owned());
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            Err(error) => {
                end(&mut child);
                return Err(format!("cannot be waited for: {error}"));
            }
        }
    };
    let finish = |stream: Option<mpsc::Receiver<Vec<u8>>>| {
        stream.and_then(|stream| stream.recv_timeout(LINGER).ok()).unwrap_or_default()
    };
    let (stdout, stderr) = (finish(stdout), finish(stderr));
    Ok(Done { success: status.success(), ended: format!("ended with {status}"), stdout, stderr })
}

impl Done {
    /// How it ended, with the last line it said on standard error.
    pub(crate) fn complaint(&self) -> String {
        let text = String::from_utf8_lossy(&self.stderr);
        match text.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
            Some(line) => format!("{}: {}", self.ended, short(&plain(line), 200)),
            None => self.ended.clone(),
        }
    }
}

/// Reads a stream to its end and keeps the beginning.
fn kept(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (give, take) = mpsc::channel();
    std::thread::spawn(move || {
        let mut out = Vec::new();
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = stream.read(&mut buffer) {
            let room = KEPT - out.len();
            out.extend_from_slice(&buffer[..read.min(room)]);
        }
        let _ = give.send(out);
    });
    take
}

fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
