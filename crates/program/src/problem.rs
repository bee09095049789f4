//! Why a program stops before it was asked to, and what its exit code is then.

use std::{fmt, io, path::Path};

use crate::{ExitCode, shown};

/// Why a program stops.
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

    /// The system refused to read or write `path`. `doing` is a verb and what it is done to. What can be done about
    /// it is added where the kind of error says so.
    pub fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let what = format!("{doing} `{}`: {error}", path.display());
        Self {
            exit_code: ExitCode::InputOutput,
            what,
            hint: remedy(error.kind()).map(Into::into),
        }
    }
}

fn remedy(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some("make room there, or use another disk")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("let this user read and write there, or use another place")
        }
        _ => None,
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
