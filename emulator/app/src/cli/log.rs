//! `hsm-emulator log`: prints the log of a device, and what comes. Reads files only; the device need not run.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use clap::Args;
use program::{ExitCode, Problem};

use super::data;
use crate::event_log::open_files;

/// How often a log that is followed is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct LogArgs {
    /// The folder that holds the device's state
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Go on with the lines that come, until a signal ends the program
    #[arg(long)]
    follow: bool,
}

/// `hsm-emulator log`
pub(super) fn log(args: &LogArgs) -> Result<(), Problem> {
    let mut files = open(&args.state)?;
    for file in &mut files {
        print(file, &args.state)?;
    }
    let Some(mut current) = files.pop() else {
        let what = format!(
            "read log of `{}`: expected a log, found none",
            args.state.display()
        );
        return Err(Problem::new(ExitCode::Usage, what).hint(
            "name the folder that `hsm-emulator run --state` was given; a device logs from its first start",
        ));
    };
    if !args.follow {
        return Ok(());
    }
    loop {
        thread::sleep(LOOK_EVERY);
        current = go_on(&args.state, current)?;
    }
}

/// Prints what is new in the file that is open, and every file that was begun since; gives the newest, which stays open,
/// so that none of its lines is lost when the next one begins.
fn go_on(state: &Path, mut current: File) -> Result<File, Problem> {
    let problem = |error: io::Error| Problem::io("read log", state, &error);
    // Before what is read, so that nothing can be added to a file behind its last look.
    let mut files = open(state)?;
    let number = current.metadata().map_err(problem)?.ino();
    let mut newer = Vec::new();
    while let Some(file) = files.pop() {
        if file.metadata().map_err(problem)?.ino() == number {
            break;
        }
        newer.push(file);
    }
    if current.metadata().map_err(problem)?.len() < current.stream_position().map_err(problem)? {
        // It was cleared.
        current.seek(SeekFrom::Start(0)).map_err(problem)?;
    }
    print(&mut current, state)?;
    while let Some(mut file) = newer.pop() {
        print(&mut file, state)?;
        current = file;
    }
    Ok(current)
}

/// The files of the log, the oldest first.
fn open(state: &Path) -> Result<Vec<File>, Problem> {
    open_files(state).map_err(|error| Problem::io("read log", state, &error))
}

/// Prints the rest of a file.
fn print(file: &mut File, state: &Path) -> Result<(), Problem> {
    let mut text = Vec::new();
    file.read_to_end(&mut text)
        .map_err(|error| Problem::io("read log", state, &error))?;
    data(text)
}
