//! `--trace FILE`: what the machines of this program are told, one JSON object a line, as `hsm_client::TraceLine` has it.
//! The keys of a console stand there too; those of a secret as filler.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
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
