//! The faults of a card in a file: one that is named, or the one beside the image, which goes with the card wherever it is
//! put in. Knows no fault; `card_core` reads the text.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use card_core::Faults;
use rustix::fs::{Mode, OFlags};

/// Bytes of the longest list of faults.
const FAULTS_BYTES_MAX: u64 = 65_536;
/// What stands behind the name of an image in the name of its faults.
const SUFFIX: &str = ".fault";

/// Why there are no faults in a file.
#[derive(Debug)]
pub(crate) enum NoFaults {
    /// It could not be read.
    NotRead(io::Error),
    /// It is no list of faults; why.
    Invalid(String),
}

/// Where the faults of this card are, if it has any.
pub(crate) fn beside(card: &Path) -> PathBuf {
    let mut name = OsString::from(card);
    name.push(SUFFIX);
    name.into()
}

/// Reads a list of faults. Never waits for anybody.
pub(crate) fn read(path: &Path) -> Result<Faults, NoFaults> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = rustix::fs::open(path, flags, Mode::empty());
    let file = File::from(file.map_err(|why| NoFaults::NotRead(why.into()))?);
    if !file.metadata().map_err(NoFaults::NotRead)?.is_file() {
        return Err(NoFaults::Invalid("expected a file, got something else".into()));
    }
    let mut text = String::new();
    match file.take(FAULTS_BYTES_MAX + 1).read_to_string(&mut text) {
        Ok(_) => {}
        Err(why) if why.kind() == io::ErrorKind::InvalidData => {
            return Err(NoFaults::Invalid("expected UTF-8, got other bytes".into()));
        }
        Err(why) => return Err(NoFaults::NotRead(why)),
    }
    if u64::try_from(text.len()).is_ok_and(|len| len > FAULTS_BYTES_MAX) {
        let why = format!("expected at most {FAULTS_BYTES_MAX} bytes, got more");
        return Err(NoFaults::Invalid(why));
    }
    Faults::from_text(&text).map_err(|why| NoFaults::Invalid(why.to_string()))
}
