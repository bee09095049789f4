//! `--trace FILE`: what the machines of this program are told, one JSON object a line, as `hsm_client::TraceLine` has it.
//! The keys and clicks of a console stand there too, those of a secret as filler; and when it was painted.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant as RealInstant,
};

use client_console::Key;
use hsm_client::{TRACE_VERSION, TraceLine, TracedInput};
use machine::Instant;
use serde_json::json;

/// A file that grows by a line with each input. Its clones write to the same file.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    file: Arc<Mutex<Written>>,
    begin: RealInstant,
}

/// How far a console is with its connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Attempts to connect so far; what follows is about the last one.
    pub(crate) sessions: u64,
    pub(crate) is_connecting: bool,
    /// The own end of the connection, if there was one.
    pub(crate) local: Option<SocketAddr>,
    /// Bytes that came over the socket, TLS and all.
    pub(crate) received: u64,
    /// Bytes that the socket has taken.
    pub(crate) sent: u64,
}

#[derive(Debug)]
struct Written {
    file: File,
    failure: Option<io::Error>,
}

impl Trace {
    /// A new file, for its owner alone; one of before is replaced.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        Ok(Self {
            file: Arc::new(Mutex::new(Written { file, failure: None })),
            begin: RealInstant::now(),
        })
    }

    /// The session was told this.
    pub(crate) fn session(&self, told: &TracedInput) {
        let line = TraceLine::new(self.now(), told.clone());
        self.write(&line.to_string());
    }

    /// The console was told this key. Of a secret, only that there was one.
    pub(crate) fn key(&self, key: Key, is_secret: bool) {
        let name = match key {
            Key::Char(_) if is_secret => "0".to_owned(),
            Key::Char(character) => character.to_string(),
            key => format!("<{key:?}>"),
        };
        let at_us = self.now().as_micros();
        let line = json!({"v": TRACE_VERSION, "at_us": at_us, "machine": "console", "input": {"key": name}});
        self.write(&line.to_string());
    }

    /// The console was told of a click there.
    pub(crate) fn click(&self, column: u16, row: u16) {
        let at_us = self.now().as_micros();
        let input = json!({"click": [column, row]});
        let line = json!({"v": TRACE_VERSION, "at_us": at_us, "machine": "console", "input": input});
        self.write(&line.to_string());
    }

    /// The console was painted after everything before this line, and how far its connection was then.
    pub(crate) fn painted(&self, progress: &Progress) {
        let at_us = self.now().as_micros();
        let Progress {
            sessions,
            is_connecting,
            local,
            received,
            sent,
        } = progress;
        let painted = json!({
            "sessions": sessions, "connecting": is_connecting, "local": local.map(|local| local.to_string()),
            "received": received, "sent": sent,
        });
        let line = json!({"v": TRACE_VERSION, "at_us": at_us, "machine": "console", "painted": painted});
        self.write(&line.to_string());
    }

    /// Why the file is not whole, if it is not.
    pub(crate) fn take_failure(&self) -> Option<io::Error> {
        let mut written = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        written.failure.take()
    }

    fn now(&self) -> Instant {
        let micros = self.begin.elapsed().as_micros();
        Instant::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    fn write(&self, line: &str) {
        let mut written = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        if written.failure.is_none()
            && let Err(why) = written.file.write_all(format!("{line}\n").as_bytes())
        {
            written.failure = Some(why);
        }
    }
}
