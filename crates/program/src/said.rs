//! What a program says at its end, and the exit code that goes with it: data on standard output, talk on standard error.
//! Decides nothing about what is said.

use std::io::{self, Write as _};

use tracing::error;

use crate::{ExitCode, LogFormat, Problem};

/// What was asked for, on standard output.
pub fn data(data: impl AsRef<[u8]>) -> Result<(), Problem> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(data.as_ref())?;
    stdout.flush()?;
    Ok(())
}

/// What is said to the person, on standard error.
fn talk(text: &str) {
    // If nobody can hear it, the exit code still says it.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The end of a program that has done what it was asked for, or says why not.
pub fn end(done: Result<(), Problem>, format: LogFormat) -> ExitCode {
    let Err(problem) = done else {
        return ExitCode::Passed;
    };
    match format {
        LogFormat::Text => talk(&problem.to_string()),
        LogFormat::Json => {
            error!(
                exit_code = problem.exit_code.code(),
                hint = problem.hint,
                "{}",
                problem.what
            );
        }
    }
    problem.exit_code
}

/// The end of a program whose arguments ask for help or the version, or are none that it has.
pub fn end_unparsed(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() {
        talk(&text);
        ExitCode::Usage
    } else {
        end(data(text), LogFormat::Text)
    }
}
