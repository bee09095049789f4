//! What the emulator's ready-file says. Writes no file itself.

use std::{net::SocketAddr, path::PathBuf, process};

use program::{Problem, ReadyFile};
use serde_json::json;

use crate::bench::Token;

/// What a ready-file says besides the address.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) fingerprint: String,
    pub(crate) state: PathBuf,
    /// Where the bench is, and what it lets in.
    pub(crate) bench: Option<(SocketAddr, Token)>,
    /// Where the HTTP console is, open or not, if there is one.
    pub(crate) http: Option<SocketAddr>,
}

/// The ready-file of an emulator.
pub(crate) struct Readiness {
    file: ReadyFile,
    facts: Facts,
}

impl Readiness {
    /// Sees that the file can be written, before anything else is done.
    pub(crate) fn prepare(path: PathBuf, facts: Facts) -> Result<Self, Problem> {
        let file = ReadyFile::prepare(path)?;
        Ok(Self { file, facts })
    }

    /// Says where managers can connect: nowhere while the port is closed.
    pub(crate) fn tell(&mut self, management: Option<SocketAddr>) -> Result<(), Problem> {
        let bench = self.facts.bench.as_ref();
        let line = json!({
            "pid": process::id(),
            "management": management.map(|address| address.to_string()),
            "fingerprint": self.facts.fingerprint,
            "state": self.facts.state.to_string_lossy(),
            "version": program::VERSION,
            "bench": bench.map(|(address, token)| json!({
                "url": format!("http://{address}"),
                "token": token.expose(),
            })),
            "http": self.facts.http.map(|address| format!("https://{address}/")),
        });
        self.file.tell(&line.to_string())
    }

    /// Takes it away, unless somebody else has replaced it.
    pub(crate) fn remove(self) -> Result<(), Problem> {
        self.file.remove()
    }
}
