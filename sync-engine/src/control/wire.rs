//! What travels between a running session and those who ask it.
//!
//! Owns the frames and the messages. A frame is its length in four bytes, lowest first, and that many bytes of JSON.
//! Both begin with a [`Hello`]; then the one who asks sends a [`Request`](super::Request), and from then on each side
//! waits for the other in turn: the session tells how it stands ([`Told`]) until it has an answer, and the one who
//! asks says [`Next`] each time. So both see at once when the other has left, and nobody ever reads and writes at the
//! same time, which a pipe on Windows cannot do.
//!
//! Nothing that comes in is trusted: lengths are bounded, nothing is reserved for bytes that have not come, and every
//! wait ends.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::request::{Answer, Refusal};
use crate::watch::Phase;

/// The number of this protocol. Another one is not talked to.
pub(crate) const PROTOCOL: u32 = 1;
/// The longest greeting, request and answer. A plan of a million transitions takes some 300 MiB.
pub(super) const HELLO: u32 = 16 << 10;
pub(super) const REQUEST: u32 = 256 << 20;
pub(super) const ANSWER: u32 = 2 << 30;
/// How much is read at once.
const PIECE: usize = 64 << 10;

/// Why a running session cannot be talked to, or does not understand.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The connection failed.
    #[error("the running session cannot be talked to: {0}")]
    Io(io::Error),
    /// The other side left.
    #[error("the running session ended, or closed the connection, before it answered")]
    Gone,
    /// Nothing came for too long.
    #[error("the running session does not answer")]
    Silent,
    /// A frame is longer than any that makes sense.
    #[error("a message of {bytes} bytes is too long: at most {most} are allowed")]
    TooLong {
        /// What it claims, or is.
        bytes: u64,
        /// What is allowed.
        most: u32,
    },
    /// What came is no message.
    #[error("a message cannot be understood: {0}")]
    Garbage(String),
    /// The other program talks in another way.
    #[error(
        "the running session is of version {program} and cannot be talked to by this program, which is of version \
         {}: start it again with this one", env!("CARGO_PKG_VERSION")
    )]
    OtherVersion {
        /// Its version.
        program: String,
    },
    /// The session keeps other folders the same.
    #[error("the state is in use by a running session of another pair: `{left}` and `{right}`")]
    OtherPair {
        /// Its left root.
        left: String,
        /// Its right root.
        right: String,
    },
    /// What answers is not a program of this user.
    #[error("the running session belongs to another user")]
    Foreign,
    /// An answer to another question.
    #[error("the running session answered another question")]
    OtherAnswer,
}

/// How each side begins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Hello {
    pub(super) protocol: u32,
    /// Its version.
    pub(super) program: String,
    /// What a session keeps the same: left and right.
    #[serde(default)]
    pub(super) roots: Option<(OsString, OsString)>,
}

impl Hello {
    pub(super) fn new(roots: Option<(OsString, OsString)>) -> Self {
        Self { protocol: PROTOCOL, program: env!("CARGO_PKG_VERSION").to_owned(), roots }
    }

    /// Whether the other one can be talked to.
    pub(super) fn check(&self) -> Result<(), WireError> {
        if self.protocol == PROTOCOL {
            return Ok(());
        }
        Err(WireError::OtherVersion { program: self.program.clone() })
    }
}

/// What a session tells of a request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told {
    /// It waits for its turn, and why.
    Waits(String),
    /// It is under way.
    Progress(Progress),
    /// It is done.
    Answer(Box<Answer>),
    /// It is not.
    Refused(Refusal),
}

/// How far a request is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// What it is busy with.
    pub(super) phase: Option<Phase>,
    /// How many phases have begun.
    pub(super) phases: u64,
    /// How much there is to do, where that is known.
    pub(super) all_count: Option<u64>,
    pub(super) all_bytes: Option<u64>,
    /// How much of the phase is done.
    pub(super) count: u64,
    pub(super) bytes: u64,
}

/// What one who asked says each time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Next {
    /// The request shall end at its next safe point.
    pub(super) cancel: bool,
}

/// A connection whose reads and writes can be bounded in time.
pub(super) trait Line: Read + Write {
    /// How long the next read or write may take. Where the system cannot tell, it takes as long as it takes.
    fn patience(&self, patience: Duration) -> io::Result<()>;
}

/// Sends a message.
pub(super) fn send(
    line: &mut impl Line,
    message: &impl Serialize,
    most: u32,
    patience: Duration,
) -> Result<(), WireError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).map_err(|error| WireError::Garbage(error.to_string()))?;
    let bytes = frame.len() as u64 - 4;
    let length = u32::try_from(bytes).ok().filter(|length| *length <= most);
    let length = length.ok_or(WireError::TooLong { bytes, most })?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    line.patience(patience).map_err(failed)?;
    // Nothing is held back on the way, and flushing a pipe would wait until it is read.
    line.write_all(&frame).map_err(failed)
}

/// Receives a message. It must have come as a whole before the patience ends.
pub(super) fn receive<T: DeserializeOwned>(
    line: &mut impl Line,
    most: u32,
    patience: Duration,
) -> Result<T, WireError> {
    let until = Instant::now() + patience;
    let mut length = Vec::new();
    fill(line, 4, &mut length, until)?;
    let length = u32::from_le_bytes(length.try_into().map_err(|_| WireError::Gone)?);
    if length > most {
        return Err(WireError::TooLong { bytes: u64::from(length), most });
    }
    let mut bytes = Vec::new();
    fill(line, length as usize, &mut bytes, until)?;
    serde_json::from_slice(&bytes).map_err(|error| WireError::Garbage(error.to_string()))
}

/// Reads until there are so many bytes.
fn fill(line: &mut impl Line, wanted: usize, into: &mut Vec<u8>, until: Instant) -> Result<(), WireError> {
    let mut piece = vec![0; PIECE.min(wanted)];
    while into.len() < wanted {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(WireError::Silent);
        }
        line.patience(left).map_err(failed)?;
        let room = piece.len().min(wanted - into.len());
        match line.read(&mut piece[..room]) {
            Ok(0) => return Err(WireError::Gone),
            Ok(read) => into.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

fn failed(error: io::Error) -> WireError {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => WireError::Silent,
        ErrorKind::UnexpectedEof
        | ErrorKind::BrokenPipe
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::WriteZero => WireError::Gone,
        _ => WireError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Request;

    /// What was received, and what is sent.
    #[derive(Default)]
    struct Both {
        come: io::Cursor<Vec<u8>>,
        gone: Vec<u8>,
        /// At most so many bytes are handed over at once.
        step: usize,
    }

    impl Both {
        fn of(bytes: impl Into<Vec<u8>>) -> Self {
            Self { come: io::Cursor::new(bytes.into()), gone: Vec::new(), step: 3 }
        }
    }

    impl Read for Both {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let room = into.len().min(self.step);
            self.come.read(&mut into[..room])
        }
    }

    impl Write for Both {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.gone.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Line for Both {
        fn patience(&self, _: Duration) -> io::Result<()> {
            Ok(())
        }
    }

    const SOON: Duration = Duration::from_secs(5);

    fn framed(text: &str) -> Vec<u8> {
        [&u32::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat()
    }

    #[test]
    fn a_message_arrives_however_it_is_cut_in_pieces() {
        let mut line = Both::default();
        let hello = Hello::new(Some(("a".into(), "b".into())));
        send(&mut line, &hello, HELLO, SOON).unwrap();
        send(&mut line, &Next { cancel: true }, HELLO, SOON).unwrap();
        let mut back = Both::of(line.gone);
        assert_eq!(receive::<Hello>(&mut back, HELLO, SOON).unwrap(), hello);
        assert_eq!(receive::<Next>(&mut back, HELLO, SOON).unwrap(), Next { cancel: true });
        assert!(
            matches!(receive::<Next>(&mut back, HELLO, SOON), Err(WireError::Gone)),
            "the other side left"
        );
    }

    #[test]
    fn what_makes_no_sense_is_an_error_of_its_kind() {
        let whole = framed(r#"{"cancel":false}"#);
        for (name, bytes, wanted) in [
            ("no byte", Vec::new(), "Gone"),
            ("half a length", vec![3, 0], "Gone"),
            ("a cut off frame", whole[..whole.len() - 1].to_vec(), "Gone"),
            ("another language", b"GET / HTTP/1.1\r\n\r\n".to_vec(), "TooLong"),
            ("the longest claim", vec![0xff; 8], "TooLong"),
            ("no JSON", framed("\0\0\0"), "Garbage"),
            ("nothing in a frame", framed(""), "Garbage"),
            ("other fields", framed(r#"{"stop":1}"#), "Garbage"),
            ("deeply nested", framed(&"[".repeat(10_000)), "Garbage"),
        ] {
            let error = receive::<Next>(&mut Both::of(bytes), HELLO, SOON).unwrap_err();
            assert!(format!("{error:?}").starts_with(wanted), "{name}: {error:?}");
        }
        let long = "x".repeat(HELLO as usize);
        let error = send(&mut Both::default(), &long, HELLO, SOON).unwrap_err();
        assert!(matches!(error, WireError::TooLong { .. }), "{error:?}");
    }

    #[test]
    fn nothing_is_reserved_for_bytes_that_do_not_come() {
        // A claim of 2 GiB by eight bytes would be noticed by the test runner.
        let mut line = Both::of([&ANSWER.to_le_bytes()[..], b"abcd"].concat());
        assert!(matches!(receive::<Told>(&mut line, ANSWER, SOON), Err(WireError::Gone)));
    }

    #[test]
    fn another_protocol_is_told_with_the_version() {
        let hello = Hello { protocol: PROTOCOL + 1, program: "9.9.9".to_owned(), roots: None };
        let error = hello.check().unwrap_err().to_string();
        assert!(error.contains("9.9.9") && error.contains("start it again"), "{error}");
        assert!(Hello::new(None).check().is_ok());
    }

    #[test]
    fn a_request_that_is_not_known_is_no_message() {
        let error = receive::<Request>(&mut Both::of(framed(r#"{"Dance":{}}"#)), HELLO, SOON).unwrap_err();
        assert!(error.to_string().contains("Dance"), "{error}");
    }

    #[test]
    #[cfg(unix)]
    fn a_name_that_is_no_text_travels_as_it_is() {
        use std::os::unix::ffi::OsStringExt as _;
        let path = OsString::from_vec(b"caf\xe9".to_vec());
        let mut line = Both::default();
        send(&mut line, &Request::Explain { path: path.clone() }, HELLO, SOON).unwrap();
        match receive::<Request>(&mut Both::of(line.gone), HELLO, SOON).unwrap() {
            Request::Explain { path: arrived } => assert_eq!(arrived, path),
            other => panic!("{other:?}"),
        }
    }
}
