//! What can be wrong with a state folder, each with its message and exit code.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use program::ExitCode;

use program::Problem;

/// What is wrong with a state folder.
#[derive(Debug)]
pub enum StoreError {
    /// The system refused: no right to write, no room, a broken disk.
    Io {
        /// A verb and what it was done to.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The folder is a file.
    NotAFolder {
        /// Its path.
        path: PathBuf,
    },
    /// Another program has it open.
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The file is not what was written.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it: a sentence without its stop.
        why: String,
    },
    /// The file was written by another release.
    Version {
        /// The file.
        path: PathBuf,
        /// Which part of it.
        record: String,
        /// The version of that part.
        found: u32,
        /// The version that this release knows.
        known: u32,
    },
}

impl StoreError {
    pub(super) fn io(doing: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_owned(),
            error,
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, path, error } => write!(f, "{doing} `{}`: {error}", path.display()),
            Self::NotAFolder { path } => {
                write!(
                    f,
                    "open state folder `{}`: expected a folder, got a file",
                    path.display()
                )
            }
            Self::InUse { folder } => write!(
                f,
                "open state folder `{}`: another program has it open",
                folder.display()
            ),
            Self::Damaged { path, why } => {
                write!(f, "read state `{}`: it is damaged: {why}", path.display())
            }
            Self::Version {
                path,
                record,
                found,
                known,
            } => write!(
                f,
                "read state `{}`: {record} has version {found}, this release ({}) knows version {known}",
                path.display(),
                program::VERSION
            ),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let what = error.to_string();
        match error {
            StoreError::Io { doing, path, error } => Self::io(doing, &path, &error),
            StoreError::NotAFolder { .. } => Self::new(ExitCode::InputOutput, what),
            StoreError::InUse { .. } => {
                Self::new(ExitCode::InUse, what).hint("end the other emulator first, or use another folder")
            }
            StoreError::Damaged { .. } => Self::new(ExitCode::WrongState, what).hint(
                "the file was left as it is; start with another folder, or bring back a copy of this one",
            ),
            StoreError::Version { .. } => Self::new(ExitCode::WrongState, what)
                .hint("the file was left as it is; use the release that wrote it, or another folder"),
        }
    }
}
