//! `hsm-emulator log`: prints the log of a device, and what comes. Reads files only; the device need not run.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use clap::Args;
use program::{ExitCode, Problem};

use super::data;
use crate::event_log::files;

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
    let found = files(&args.state);
    let Some((newest, older)) = found.split_last() else {
        let what = format!(
            "read log of `{}`: expected a log, found none",
            args.state.display()
        );
        return Err(Problem::new(ExitCode::Usage, what).hint(
            "name the folder that `hsm-emulator run --state` was given; a device logs from its first start",
        ));
    };
    for file in older {
        data(&read_from(file, 0)?.1)?;
    }
    // The newest stays open while it is read, so that no line is lost when the next file begins meanwhile.
    let (mut file, text) = read_from(newest, 0)?;
    data(&text)?;
    if !args.follow {
        return Ok(());
    }
    loop {
        thread::sleep(LOOK_EVERY);
        file = go_on(&args.state, newest, file)?;
    }
}

/// Prints what is new, from the file that is open and then from the one that took its place.
fn go_on(state: &Path, path: &Path, mut file: File) -> Result<File, Problem> {
    let problem = |error: std::io::Error| Problem::io("read log", path, &error);
    let position = file.stream_position().map_err(problem)?;
    if file.metadata().map_err(problem)?.len() < position {
        // It was cleared.
        file.seek(SeekFrom::Start(0)).map_err(problem)?;
    }
    let mut text = Vec::new();
    file.read_to_end(&mut text).map_err(problem)?;
    data(&text)?;
    let opened = file.metadata().map_err(problem)?.ino();
    let is_current = std::fs::metadata(path).map_or(true, |metadata| metadata.ino() == opened);
    if is_current || files(state).is_empty() {
        return Ok(file);
    }
    let (file, text) = read_from(path, 0)?;
    data(&text)?;
    Ok(file)
}

fn read_from(path: &Path, position: u64) -> Result<(File, Vec<u8>), Problem> {
    let read = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(position))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        Ok((file, text))
    };
    read().map_err(|error| Problem::io("read log", path, &error))
}
