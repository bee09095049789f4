//! Where log lines go: to stderr, but not while a console fills the terminal that stderr is. They would tear the screen;
//! what happens to the device is in its log all the same, and the last warning is shown beneath the screen.

use std::{
    io::{self, IsTerminal as _, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

/// The place of the lines, the same in every clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogLines(Arc<Mutex<Place>>);

#[derive(Debug, Default)]
enum Place {
    #[default]
    Stderr,
    /// A console fills the terminal. The last warning that nobody has seen yet.
    Console(Option<String>),
}

/// Whether stderr is the terminal that stdout is.
pub(crate) fn is_stderr_the_terminal() -> bool {
    let device = |file| rustix::fs::fstat(file).map(|status| status.st_rdev);
    io::stderr().is_terminal()
        && match (device(rustix::stdio::stdout()), device(rustix::stdio::stderr())) {
            (Ok(stdout), Ok(stderr)) => stdout == stderr,
            // Who cannot know tears no screen.
            (Err(_), _) | (_, Err(_)) => true,
        }
}

impl LogLines {
    /// From now on a console fills the terminal.
    pub(crate) fn leave_terminal(&self) {
        *self.lock() = Place::Console(None);
    }

    /// From now on nothing does.
    pub(crate) fn return_to_terminal(&self) {
        *self.lock() = Place::Stderr;
    }

    /// The last warning that was not taken yet, without its time.
    pub(crate) fn take_warning(&self) -> Option<String> {
        match &mut *self.lock() {
            Place::Stderr => None,
            Place::Console(warning) => warning.take(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MakeWriter<'_> for LogLines {
    type Writer = LogLine;

    fn make_writer(&self) -> LogLine {
        LogLine {
            lines: self.clone(),
            is_warning: false,
        }
    }

    fn make_writer_for(&self, metadata: &Metadata<'_>) -> LogLine {
        LogLine {
            lines: self.clone(),
            is_warning: *metadata.level() <= Level::WARN,
        }
    }
}

/// Takes one line.
pub(crate) struct LogLine {
    lines: LogLines,
    is_warning: bool,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut *self.lines.lock() {
            Place::Stderr => return io::stderr().write(bytes),
            Place::Console(warning) if self.is_warning => {
                let line = String::from_utf8_lossy(bytes);
                let said = line.split_once(" WARN ").or_else(|| line.split_once(" ERROR "));
                let said = said.map_or(&*line, |(_, said)| said);
                *warning = Some(said.trim().to_owned());
            }
            Place::Console(_) => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use tracing::{subscriber::with_default, warn};
    use tracing_subscriber::fmt;

    use super::*;

    #[test]
    fn while_a_console_fills_the_terminal_the_last_warning_waits_for_it() {
        let lines = LogLines::default();
        lines.leave_terminal();
        let log = fmt()
            .with_writer(lines.clone())
            .with_ansi(false)
            .with_target(false)
            .finish();
        with_default(log, || {
            warn!("first");
            warn!("second");
            tracing::info!("no warning");
        });
        assert_eq!(lines.take_warning().as_deref(), Some("second"));
        assert_eq!(lines.take_warning(), None);
        lines.return_to_terminal();
        assert_eq!(lines.take_warning(), None);
    }
}
