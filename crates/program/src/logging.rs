//! How a program tells what it does, for the person who runs it. Always on stderr; never a secret, since whoever
//! calls `tracing` hands none in.

use std::io;

use tracing_subscriber::filter::LevelFilter;

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// Starts logging, once a process. A second call changes nothing.
pub fn start_logging(format: LogFormat, level: LevelFilter) {
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(io::stderr)
        // Told on the same stderr, and with a panic when that is broken. Whoever closed it has read enough.
        .log_internal_errors(false)
        .with_target(false);
    // A subscriber that is there already is the test's or the caller's, and stays.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(false).compact().try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}
