//! What the emulator's ready-file says. Writes no file itself.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process,
};

use program::{Problem, ReadyFile};
use serde_json::json;

/// The ready-file of an emulator.
#[derive(Debug)]
pub(crate) struct Readiness {
    file: ReadyFile,
    fingerprint: String,
    state: PathBuf,
}

impl Readiness {
    /// Sees that the file can be written, before anything else is done.
    pub(crate) fn prepare(path: PathBuf, fingerprint: String, state: &Path) -> Result<Self, Problem> {
        Ok(Self {
            file: ReadyFile::prepare(path)?,
            fingerprint,
            state: std::path::absolute(state).unwrap_or_else(|_| state.to_owned()),
        })
    }

    /// Says where managers can connect: nowhere while the port is closed.
    pub(crate) fn tell(&mut self, management: Option<SocketAddr>) -> Result<(), Problem> {
        let line = json!({
            "pid": process::id(),
            "management": management.map(|address| address.to_string()),
            "fingerprint": self.fingerprint,
            "state": self.state.to_string_lossy(),
            "version": program::VERSION,
        });
        self.file.tell(&line.to_string())
    }

    /// Takes it away, unless somebody else has replaced it.
    pub(crate) fn remove(self) -> Result<(), Problem> {
        self.file.remove()
    }
}
