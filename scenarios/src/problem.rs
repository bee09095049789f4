//! Why a command stopped before its end, and what its exit code is then. What is wrong inside a scenario file is a
//! [`Diagnostic`](crate::diagnostic::Diagnostic) instead.

use crate::diagnostic::shown;
use program::ExitCode;
use std::{fmt, io};

/// Why a command stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Whose fault it is.
    pub exit_code: ExitCode,
    /// What was being done, what was expected, what came: a lowercase fragment. Empty if there is nobody to tell.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(exit_code: ExitCode, what: impl Into<String>) -> Self {
        Self {
            exit_code,
            what: what.into(),
            hint: None,
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The system refused to read or write `path`. `doing` is a verb.
    pub fn io(doing: &str, path: &str, error: &io::Error) -> Self {
        // The system's words are a sentence; ours are a fragment.
        let reason = error.to_string();
        Self::new(ExitCode::InputOutput, format!("{doing} `{path}`: {reason}"))
    }
}

/// Of writing to standard output. Whoever closed it has read enough: that is no problem.
impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(ExitCode::Passed, "");
        }
        Self::new(
            ExitCode::InputOutput,
            format!("write to standard output: {error}"),
        )
    }
}

/// One or two lines, the last one ended too; nothing if there is nobody to tell.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.what.is_empty() {
            return Ok(());
        }
        writeln!(f, "error: {}", shown(&self.what))?;
        self.hint
            .iter()
            .try_for_each(|hint| writeln!(f, "hint: {}", shown(hint)))
    }
}

impl std::error::Error for Problem {}
