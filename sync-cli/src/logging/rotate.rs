//! A file that starts anew when it has grown enough.
//!
//! Owns the log file and its older brothers: `NAME.1` is the youngest of them. A line is never split between two.
//! The file is made when the first line is written, not before. Lines are gathered for a moment, so that a run of many
//! thousand files does not make as many writes; [`Rotating::settle`] writes what was gathered.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// So many bytes are gathered at most, and for so long.
const GATHER_BYTES: usize = 32 << 10;
const GATHER_TIME: Duration = Duration::from_millis(100);

/// Something to write whole lines to.
pub(super) struct Rotating<F> {
    path: PathBuf,
    /// The size at which it starts anew; none for never.
    max: Option<u64>,
    keep: u32,
    open: Option<Open>,
    /// Lines that are not written yet.
    gathered: Vec<u8>,
    written: Instant,
    /// Told of the first error; none once it was.
    complain: Option<F>,
}

struct Open {
    file: File,
    size: u64,
}

impl<F: FnOnce(&io::Error)> Rotating<F> {
    pub(super) fn new(path: PathBuf, max: Option<u64>, keep: u32, complain: F) -> Self {
        Self {
            path,
            max,
            keep,
            open: None,
            gathered: Vec::new(),
            written: Instant::now(),
            complain: Some(complain),
        }
    }

    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        let size = self.open.as_ref().map_or(0, |open| open.size).saturating_add(self.gathered.len() as u64);
        if self.max.is_some_and(|max| size.saturating_add(line.len() as u64) > max) {
            self.write_gathered()?;
        }
        self.gathered.extend_from_slice(line);
        if self.gathered.len() >= GATHER_BYTES || self.written.elapsed() >= GATHER_TIME {
            self.write_gathered()?;
        }
        Ok(())
    }

    /// Writes what was gathered; what cannot be written is told once.
    pub(super) fn settle(&mut self) {
        let written = self.write_gathered();
        self.tell(written);
    }

    fn tell(&mut self, written: io::Result<()>) {
        if let Err(error) = written
            && let Some(complain) = self.complain.take()
        {
            complain(&error);
        }
    }

    fn write_gathered(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.gathered);
        self.written = Instant::now();
        if lines.is_empty() { Ok(()) } else { self.append(&lines) }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => Open::at(&self.path)?,
        };
        let length = line.len() as u64;
        if open.size > 0 && self.max.is_some_and(|max| open.size.saturating_add(length) > max) {
            // Windows renames no file that is open.
            drop(open);
            self.shift()?;
            open = Open::at(&self.path)?;
        }
        open.file.write_all(line)?;
        open.size += length;
        self.open = Some(open);
        Ok(())
    }

    /// Moves every file one number up; the oldest one goes.
    fn shift(&self) -> io::Result<()> {
        let gone_is_fine = |result: io::Result<()>| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        };
        if self.keep == 0 {
            return gone_is_fine(fs::remove_file(&self.path));
        }
        for number in (1..self.keep).rev() {
            gone_is_fine(fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1)))?;
        }
        fs::rename(&self.path, numbered(&self.path, 1))
    }
}

impl Open {
    fn at(path: &Path) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().append(true).read(true).create(true).open(path)?;
        let mut size = file.metadata()?.len();
        // A run that was killed may have left half a line, which must not swallow the next one.
        if size > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            if file.read(&mut last)? == 1 && last != *b"\n" {
                file.write_all(b"\n")?;
                size += 1;
            }
        }
        Ok(Self { file, size })
    }
}

impl<F: FnOnce(&io::Error)> Write for Rotating<F> {
    /// Takes every line: what cannot be written is told once, and a later line tries again.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let written = self.line(line);
        self.tell(written);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn quiet(path: &Path, max: Option<u64>, keep: u32) -> Rotating<impl FnOnce(&io::Error)> {
        Rotating::new(path.to_owned(), max, keep, |error| panic!("{error}"))
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_starts_anew_between_lines_and_keeps_so_many() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("logs/x.log");
        let mut log = quiet(&path, Some(10), 2);
        assert!(!path.exists());
        for number in 0..7 {
            log.write_all(format!("line{number}\n").as_bytes()).unwrap();
        }
        log.settle();
        let folder = path.parent().unwrap();
        assert_eq!(names(folder), ["x.log", "x.log.1", "x.log.2"]);
        assert_eq!(fs::read_to_string(&path).unwrap(), "line6\n");
        assert_eq!(fs::read_to_string(folder.join("x.log.1")).unwrap(), "line5\n");
        assert_eq!(fs::read_to_string(folder.join("x.log.2")).unwrap(), "line4\n");
    }

    #[test]
    fn with_nothing_to_keep_it_starts_over() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.log");
        let mut log = quiet(&path, Some(8), 0);
        log.write_all(b"12345\n").unwrap();
        log.write_all(b"67890\n").unwrap();
        log.settle();
        assert_eq!(names(temp.path()), ["x.log"]);
        assert_eq!(fs::read(&path).unwrap(), b"67890\n");
    }

    #[test]
    fn it_goes_on_where_a_killed_run_stopped() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.log");
        fs::write(&path, "whole\nhal").unwrap();
        let mut log = quiet(&path, None, 0);
        log.write_all(b"new\n").unwrap();
        log.settle();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole\nhal\nnew\n");
    }

    #[test]
    fn lines_are_gathered_for_a_moment_only() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("x.log");
        let mut log = quiet(&path, None, 0);
        log.write_all(b"one\n").unwrap();
        std::thread::sleep(GATHER_TIME);
        log.write_all(b"two\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        log.write_all(&vec![b'x'; GATHER_BYTES]).unwrap();
        assert_eq!(fs::read(&path).unwrap().len(), 8 + GATHER_BYTES);
    }

    #[test]
    fn an_error_is_told_once_and_never_returned() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("file"), "").unwrap();
        let told = Cell::new(0);
        let mut log =
            Rotating::new(temp.path().join("file/x.log"), None, 1, |_: &io::Error| told.set(told.get() + 1));
        for _ in 0..3 {
            log.write_all(b"line\n").unwrap();
            log.settle();
        }
        assert_eq!(told.get(), 1);
    }
}
