//! The two streams and the progress bars, which share one terminal.
//!
//! Owns who may write when: whatever goes to stderr while bars are drawn goes through here, or it would be drawn
//! over.

use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

use anstream::{AutoStream, ColorChoice};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::args::Color;

/// The terminal, or what stands in for it.
#[derive(Clone, Debug)]
pub(crate) struct Screen {
    bars: MultiProgress,
    color: ColorChoice,
    /// 0 by default; -1 with `-q`, -2 with `-qq`.
    level: i8,
}

impl Screen {
    pub(crate) fn new(color: Color, verbose: u8, quiet: u8, machine: bool) -> Self {
        let color = match color {
            Color::Auto => ColorChoice::Auto,
            Color::Always => ColorChoice::AlwaysAnsi,
            Color::Never => ColorChoice::Never,
        };
        let bars = MultiProgress::new();
        if quiet > 0 || machine || !io::stderr().is_terminal() {
            bars.set_draw_target(ProgressDrawTarget::hidden());
        }
        let level = i8::try_from(verbose).unwrap_or(2).min(2) - i8::try_from(quiet).unwrap_or(2).min(2);
        Self { bars, color, level }
    }

    /// How much to say: 0 by default, more with `-v`, less with `-q`.
    pub(crate) const fn level(&self) -> i8 {
        self.level
    }

    /// A line for a person who waits; not with `-q`.
    pub(crate) fn say(&self, line: &str) {
        if self.level >= 0 {
            self.tell(line);
        }
    }

    /// A line for a person, whatever was asked for.
    pub(crate) fn tell(&self, line: &str) {
        self.stderr(format!("{line}\n").as_bytes());
    }

    /// Bytes for stderr, beside the bars. A stderr that is gone is nobody's loss.
    pub(crate) fn stderr(&self, bytes: &[u8]) {
        self.bars.suspend(|| {
            let mut stream = AutoStream::new(io::stderr().lock(), self.color);
            let _ = stream.write_all(bytes).and_then(|()| stream.flush());
        });
    }

    /// Prints the result on stdout. A reader that has seen enough and left is no error.
    pub(crate) fn print(&self, text: &str) -> io::Result<()> {
        self.bars.suspend(|| {
            let mut stream = AutoStream::new(io::stdout().lock(), self.color);
            match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
                other => other,
            }
        })
    }

    /// Shows the result in place of everything on the terminal; in a pipe, after what came before.
    pub(crate) fn redraw(&self, text: &str) -> io::Result<()> {
        if io::stdout().is_terminal() {
            // These move the cursor and are no colours: they go out whatever is chosen for those.
            self.bars.suspend(|| io::stdout().lock().write_all(b"\x1b[H\x1b[2J"))?;
        }
        self.print(text)
    }

    /// A new bar, drawn where bars are drawn at all.
    pub(crate) fn bar(&self, total: Option<u64>, style: ProgressStyle) -> ProgressBar {
        let bar = total.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let bar = self.bars.add(bar.with_style(style));
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}
