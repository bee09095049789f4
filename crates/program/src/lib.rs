//! What every program of the rig shares: the table of exit codes, the version, how it logs, how it keeps files that
//! must not be lost, its port, how it says that it is ready and how it ended, which signals end it, how it shows texts of others. Knows
//! no device, no card and no scenario.
//!
//! ```
//! use program::ExitCode;
//!
//! assert_eq!(ExitCode::Passed.code(), 0);
//! assert!(program::VERSION.starts_with(env!("CARGO_PKG_VERSION")));
//! ```

mod durable_file;
mod exit_code;
mod logging;
mod manual;
mod port;
mod problem;
mod ready_file;
mod said;
mod shown;
mod signals;
mod typed_secret;

pub use durable_file::{FileLock, replace_file, replace_file_without_sync};
pub use exit_code::ExitCode;
pub use logging::{LogFormat, start_logging};
pub use manual::{completions, manual};
pub use port::Port;
pub use problem::Problem;
pub use ready_file::ReadyFile;
pub use said::{data, end, end_unparsed};
pub use shown::{is_unseen, shown};
pub use signals::Signals;
pub use typed_secret::{SECRET_LINE_BYTES_MAX, Silence, open_terminal, read_secret_file, read_secret_line};

/// The version with the commit it was built from, as `--version` prints it.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("RIG_COMMIT"), ")");
