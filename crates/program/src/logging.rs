//! How a program tells what it does, for the person who runs it. On stderr, or where the program has it; never a secret, since whoever
//! calls `tracing` hands none in.

use tracing_subscriber::{filter::LevelFilter, fmt::MakeWriter};

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// Starts logging to this writer, which is `std::io::stderr` if nothing speaks for another, once a process. A second
/// call changes nothing.
pub fn start_logging<W>(format: LogFormat, level: LevelFilter, writer: W)
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(writer)
        // Told on the same stderr, and with a panic when that is broken. Whoever closed it has read enough.
        .log_internal_errors(false)
        .with_target(false);
    // A subscriber that is there already is the test's or the caller's, and stays.
    let _ = match format {
        LogFormat::Text => lines.with_ansi(false).compact().try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}
