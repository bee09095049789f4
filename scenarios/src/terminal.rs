//! Standard output and standard error as the runner writes to them: data to the one, talk to the other. Never panics
//! when a reader goes away, and sends control characters to a terminal only.

use std::env;
use std::io::{self, BufWriter, IsTerminal as _, Write};

/// Where a command writes to.
pub struct Terminal<'w> {
    data: Box<dyn Write + 'w>,
    talk: Box<dyn Write + 'w>,
    data_style: Style,
    talk_style: Style,
    is_live: bool,
    /// True while the last line on the screen is the status line.
    has_status: bool,
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    is_coloured: bool,
}

impl Style {
    /// For what went as it should.
    pub fn good(self, text: &str) -> String {
        self.wrap(text, "32")
    }

    /// For what did not.
    pub fn bad(self, text: &str) -> String {
        self.wrap(text, "1;31")
    }

    /// For what the eye should find first.
    pub fn strong(self, text: &str) -> String {
        self.wrap(text, "1")
    }

    fn wrap(self, text: &str, code: &str) -> String {
        if self.is_coloured {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

impl<'w> Terminal<'w> {
    /// Standard output and standard error. Colours and a status line only where a person looks, no colours under
    /// `NO_COLOR`.
    pub fn standard() -> Self {
        let is_plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_none_or(|value| value == "dumb");
        let style = |is_terminal: bool| Style {
            is_coloured: is_terminal && !is_dumb && !is_plain,
        };
        Self {
            data_style: style(io::stdout().is_terminal()),
            talk_style: style(io::stderr().is_terminal()),
            is_live: io::stderr().is_terminal() && !is_dumb,
            ..Self::new(BufWriter::new(io::stdout()), io::stderr())
        }
    }

    /// Any two writers, without colours.
    pub fn new(data: impl Write + 'w, talk: impl Write + 'w) -> Self {
        Self {
            data: Box::new(data),
            talk: Box::new(talk),
            data_style: Style::default(),
            talk_style: Style::default(),
            is_live: false,
            has_status: false,
        }
    }

    /// How data may look.
    pub const fn data_style(&self) -> Style {
        self.data_style
    }

    /// Writes what was asked for.
    pub fn data(&mut self, text: &str) -> io::Result<()> {
        self.clear_status();
        self.data.write_all(text.as_bytes())?;
        self.data.flush()
    }

    /// Says something to whoever watches. If nobody hears it, that changes nothing.
    pub fn talk(&mut self, text: &str) {
        self.clear_status();
        let _ = self.talk.write_all(text.as_bytes());
    }

    /// The same, its first word in the colour of errors if it is `error:`.
    pub fn talk_error(&mut self, text: &str) {
        match text.strip_prefix("error:") {
            Some(rest) => self.talk(&format!("{}{rest}", self.talk_style.bad("error:"))),
            None => self.talk(text),
        }
    }

    /// True if there is a status line to keep.
    pub const fn is_live(&self) -> bool {
        self.is_live
    }

    /// Replaces the status line, on a terminal. `text` must be short and plain.
    pub fn status(&mut self, text: &str) {
        if self.is_live {
            let _ = write!(self.talk, "\r{text}\x1b[K");
            let _ = self.talk.flush();
            self.has_status = true;
        }
    }

    /// Takes the status line away.
    pub fn clear_status(&mut self) {
        if self.has_status {
            let _ = self.talk.write_all(b"\r\x1b[K");
            let _ = self.talk.flush();
            self.has_status = false;
        }
    }
}
