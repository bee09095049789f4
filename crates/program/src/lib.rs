//! What every program of the rig shares: the table of exit codes, the version, and how it logs. Knows no device, no
//! card and no scenario.
//!
//! ```
//! use program::ExitCode;
//!
//! assert_eq!(ExitCode::Passed.code(), 0);
//! assert!(program::VERSION.starts_with(env!("CARGO_PKG_VERSION")));
//! ```

mod exit_code;
mod logging;

pub use exit_code::ExitCode;
pub use logging::{LogFormat, start_logging};

/// The version with the commit it was built from, as `--version` prints it.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("RIG_COMMIT"), ")");
