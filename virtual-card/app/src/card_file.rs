//! A card image in a file: one program holds it, and what the card has answered is on the disk. Knows neither PIN nor
//! command; those are the card's.

use core::{fmt, time::Duration};
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use apdu::{Atr, ReaderAnswer, ReaderCommand};
use card_core::{Card, CardImage, Faults, FaultyCard, FaultyOutput, Input, InvalidImage};
use program::{ExitCode, FileLock, Problem, replace_file, replace_file_without_sync};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    rand::{GetRandomFlags, getrandom},
};

use crate::fault_file::{self, NoFaults};

/// Bytes of the largest file that is looked at as a card image; a real one has under 2,000.
pub const IMAGE_BYTES_MAX: u64 = 65_536;

/// A card in a reader of its own, backed by a file that nobody else has open.
#[derive(Debug)]
pub struct CardFile {
    path: PathBuf,
    state: State,
    /// How the file gets its contents.
    replace: fn(&Path, &[u8]) -> io::Result<()>,
    _lock: FileLock,
}

#[derive(Debug)]
enum State {
    Working(Box<FaultyCard>),
    /// A write did not reach the disk. What a card counts would be a guess from here on: it stays mute.
    Failed(CardFileError),
}

/// What comes out of the contacts of a card.
#[derive(Clone, PartialEq, Eq)]
pub enum Contact {
    /// The answer to a reset; of a faulty card it may be no ATR.
    Atr(Vec<u8>),
    /// The answer to a command, 0..=258 bytes; of a faulty card it may be no answer. May hold a shadow: `Debug` shows
    /// its length only.
    Answer {
        /// The bytes.
        bytes: Vec<u8>,
        /// How long after the command they come; only a faulty card takes its time.
        after: Duration,
    },
    /// Nothing: the card has no power, or was told to give it up.
    Unpowered,
    /// Nothing, though the card has power: it has a fault, or its file could not be written.
    Mute,
    /// It was torn out of the reader, and has no power.
    TornOut,
}

impl CardFile {
    /// Opens the card of this file and holds it until it is dropped. Faults in a file beside it, `ana.card.fault` for
    /// `ana.card`, are the card's; its commands are counted from now on.
    pub fn open(path: &Path) -> Result<Self, CardFileError> {
        // First a look, so that a name nobody has leaves no lock file behind; what counts is read under the lock.
        open_image(path)?;
        let lock = lock(path)?;
        let image = read_card(path)?;
        let card = Self::of_image(path, image, lock)?;
        match fault_file::read(&fault_file::beside(path)) {
            Ok(faults) => Ok(card.with_faults(faults)),
            Err(NoFaults::NotRead(why)) if why.kind() == io::ErrorKind::NotFound => Ok(card),
            Err(NoFaults::NotRead(why)) => Err(CardFileError::new(path, Fault::FaultsNotRead(why))),
            Err(NoFaults::Invalid(why)) => Err(CardFileError::new(path, Fault::InvalidFaults(why))),
        }
    }

    /// Makes the file of a new card, for its owner alone (0600). A file that is there is not touched.
    pub fn create(path: &Path, image: CardImage) -> Result<Self, CardFileError> {
        let failed = |fault| CardFileError::new(path, fault);
        if path.file_name().is_none() {
            return Err(failed(Fault::Folder));
        }
        let lock = lock(path)?;
        match path.symlink_metadata() {
            Ok(_) => return Err(failed(Fault::Exists)),
            Err(why) if why.kind() == io::ErrorKind::NotFound => {}
            Err(why) => return Err(failed(why.into())),
        }
        replace_file(path, image.to_text().as_bytes()).map_err(|why| failed(Fault::NotWritten(why)))?;
        Self::of_image(path, image, lock)
    }

    fn of_image(path: &Path, image: CardImage, lock: FileLock) -> Result<Self, CardFileError> {
        let mut card = Card::from_image(image);
        let seed = random().map_err(|why| CardFileError::new(path, Fault::NoRandomness(why)))?;
        card.handle_input(Input::Randomness(seed));
        Ok(Self {
            path: path.to_owned(),
            state: State::Working(Box::new(FaultyCard::new(card, Faults::default()))),
            replace: replace_file,
            _lock: lock,
        })
    }

    /// The same card with these faults and no others; its commands are counted from now on.
    #[must_use]
    pub fn with_faults(mut self, faults: Faults) -> Self {
        match &mut self.state {
            State::Working(card) => card.set_faults(faults),
            State::Failed(_) => {}
        }
        self
    }

    /// The same card, which no longer waits for the disk: a killed program still loses no answer, a power cut of the
    /// computer can take answers back, and with them give tries. For benches.
    #[must_use]
    pub fn without_sync(self) -> Self {
        Self {
            replace: replace_file_without_sync,
            ..self
        }
    }

    /// Where the card is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is on the disk.
    pub fn image(&self) -> Option<&CardImage> {
        match &self.state {
            State::Working(card) => Some(card.image()),
            State::Failed(_) => None,
        }
    }

    /// Why the card fell silent, if a write did not reach the disk.
    pub const fn failure(&self) -> Option<&CardFileError> {
        match &self.state {
            State::Working(_) => None,
            State::Failed(failure) => Some(failure),
        }
    }

    /// The reader does what it is told. Whatever the answer promises is on the disk. A faulty card's late answer comes
    /// at once; whoever wants it late asks [`CardFile::contact`].
    pub fn answer(&mut self, command: &ReaderCommand) -> ReaderAnswer {
        match self.contact(command) {
            Contact::Atr(atr) => Atr::try_from(&atr[..]).map_or(ReaderAnswer::CardMute, ReaderAnswer::Atr),
            Contact::Answer { bytes, .. } => ReaderAnswer::from_received(&bytes),
            Contact::Unpowered if *command == ReaderCommand::PowerOff => ReaderAnswer::PoweredOff,
            // A card without power hears nothing.
            Contact::Unpowered | Contact::Mute => ReaderAnswer::CardMute,
            Contact::TornOut => ReaderAnswer::CardRemoved,
        }
    }

    /// What comes out of the card's contacts when its reader does this. Whatever it promises is on the disk.
    //= CD-10
    pub fn contact(&mut self, command: &ReaderCommand) -> Contact {
        let card = match &mut self.state {
            State::Working(card) => card,
            State::Failed(_) => return Contact::Mute,
        };
        match command {
            ReaderCommand::PowerOn => card.handle_input(Input::PowerOn),
            ReaderCommand::Transmit(tpdu) => card.handle_input(Input::Transmit(tpdu)),
            ReaderCommand::PowerOff => card.handle_input(Input::PowerOff),
        }
        match run(card, &self.path, self.replace) {
            Ok(Some(contact)) => contact,
            Ok(None) if card.is_powered() => Contact::Mute,
            Ok(None) => Contact::Unpowered,
            Err(failure) => {
                self.state = State::Failed(failure);
                Contact::Mute
            }
        }
    }
}

impl fmt::Debug for Contact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Atr(bytes) => write!(f, "Atr({} bytes)", bytes.len()),
            Self::Answer { bytes, after } => write!(f, "Answer({} bytes after {after:?})", bytes.len()),
            Self::Unpowered => f.write_str("Unpowered"),
            Self::Mute => f.write_str("Mute"),
            Self::TornOut => f.write_str("TornOut"),
        }
    }
}

/// Does what the card asks for, until it has answered.
//= CD-04
fn run(
    card: &mut FaultyCard,
    path: &Path,
    replace: fn(&Path, &[u8]) -> io::Result<()>,
) -> Result<Option<Contact>, CardFileError> {
    while let Some(output) = card.poll_output() {
        match output {
            FaultyOutput::Write(write) => {
                let mut image = card.image().clone();
                image.apply(&write);
                replace(path, image.to_text().as_bytes())
                    .map_err(|why| CardFileError::new(path, Fault::NotWritten(why)))?;
                card.handle_input(Input::Written);
            }
            FaultyOutput::Atr(atr) => return Ok(Some(Contact::Atr(atr))),
            FaultyOutput::Answer { bytes, after } => return Ok(Some(Contact::Answer { bytes, after })),
            FaultyOutput::TornOut => return Ok(Some(Contact::TornOut)),
        }
    }
    Ok(None)
}

/// Bytes that nobody can foretell, from the system.
pub(crate) fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    // The system gives 256 bytes or fewer whole.
    match getrandom(&mut bytes, GetRandomFlags::empty())? {
        len if len == N => Ok(bytes),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn lock(path: &Path) -> Result<FileLock, CardFileError> {
    match FileLock::try_of(path) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(CardFileError::new(path, Fault::InUse)),
        Err(why) => Err(CardFileError::new(path, Fault::NotLocked(why))),
    }
}

/// Opens a file that may be an image: never a link, a folder or a device, and never waiting for anybody.
fn open_image(path: &Path) -> Result<File, CardFileError> {
    let failed = |fault| CardFileError::new(path, fault);
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        // Both for the last part of the path and for a ring of links before it; only the first is ours to explain.
        Err(Errno::LOOP) if path.is_symlink() => return Err(failed(Fault::SymbolicLink)),
        Err(why) => return Err(failed(io::Error::from(why).into())),
    };
    let metadata = file.metadata().map_err(|why| failed(why.into()))?;
    if metadata.is_dir() {
        return Err(failed(Fault::Folder));
    }
    if !metadata.is_file() {
        return Err(failed(Fault::NotAFile));
    }
    Ok(file)
}

/// What is on the disk of a card that somebody may hold. It never is half of a write.
pub fn read_card(path: &Path) -> Result<CardImage, CardFileError> {
    let failed = |fault| CardFileError::new(path, fault);
    let mut bytes = Vec::new();
    let read = open_image(path)?
        .take(IMAGE_BYTES_MAX + 1)
        .read_to_end(&mut bytes);
    let bytes_len = read.map_err(|why| failed(why.into()))?;
    if u64::try_from(bytes_len).is_ok_and(|len| len > IMAGE_BYTES_MAX) {
        return Err(failed(Fault::TooLong));
    }
    let text = String::from_utf8(bytes).map_err(|why| {
        let before = &why.as_bytes()[..why.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        failed(Fault::NotText { line })
    })?;
    CardImage::from_text(&text).map_err(|why| failed(Fault::Damaged(why)))
}

/// Why there is no card in a file, or none any more.
#[derive(Debug)]
pub struct CardFileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with the file of a card.
#[derive(Debug)]
pub enum Fault {
    /// There is no such file.
    Missing,
    /// It is a folder.
    Folder,
    /// It is a symbolic link: replacing it would leave the file behind it as it was.
    SymbolicLink,
    /// It is a device, a socket or a pipe.
    NotAFile,
    /// We may not.
    NoPermission,
    /// Another program holds the card.
    InUse,
    /// A new card was to be made where there is a file.
    Exists,
    /// It has more than [`IMAGE_BYTES_MAX`] bytes.
    TooLong,
    /// It is not UTF-8.
    NotText {
        /// Counted from 1.
        line: usize,
    },
    /// It is no card image, or a damaged one.
    Damaged(InvalidImage),
    /// What is beside it for its faults is no list of faults; why.
    InvalidFaults(String),
    /// The faults beside it could not be read.
    FaultsNotRead(io::Error),
    /// It could not be read.
    NotRead(io::Error),
    /// The lock beside it could not be made.
    NotLocked(io::Error),
    /// The system gave no random bytes for the card.
    NoRandomness(io::Error),
    /// It could not be written; the file is as it was, or as the card wanted it.
    NotWritten(io::Error),
}

impl From<io::Error> for Fault {
    fn from(why: io::Error) -> Self {
        match why.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::PermissionDenied => Self::NoPermission,
            _ => Self::NotRead(why),
        }
    }
}

impl CardFileError {
    fn new(path: &Path, fault: Fault) -> Self {
        Self {
            path: path.to_owned(),
            fault,
        }
    }

    /// The exit code of a program that ends because of it.
    pub const fn exit_code(&self) -> ExitCode {
        match self.fault {
            Fault::Missing
            | Fault::Folder
            | Fault::SymbolicLink
            | Fault::NotAFile
            | Fault::NoPermission
            | Fault::Exists
            | Fault::NotRead(_)
            | Fault::FaultsNotRead(_)
            | Fault::NotLocked(_)
            | Fault::NoRandomness(_)
            | Fault::NotWritten(_) => ExitCode::InputOutput,
            Fault::InUse => ExitCode::InUse,
            Fault::TooLong | Fault::NotText { .. } | Fault::Damaged(_) | Fault::InvalidFaults(_) => {
                ExitCode::WrongState
            }
        }
    }

    /// The next step, where there is one to name.
    pub const fn hint(&self) -> Option<&'static str> {
        match self.fault {
            Fault::Folder => Some("name the file in it, such as `ana.card`"),
            Fault::SymbolicLink => Some("name the file that it points to"),
            Fault::NoPermission => Some("the card needs its file readable, and the folder writable"),
            Fault::InUse => Some("end the program that holds the card"),
            Fault::TooLong | Fault::NotText { .. } | Fault::Damaged(_) => {
                Some("the file was left as it is; mend that line, or make the card anew")
            }
            Fault::InvalidFaults(_) => Some(
                "docs/card.md has the kinds of faults and their keys; without that file the card has none",
            ),
            Fault::NotLocked(_) | Fault::NotWritten(_) => {
                Some("the folder of the card must be writable, and have room")
            }
            Fault::Missing
            | Fault::NotAFile
            | Fault::Exists
            | Fault::NotRead(_)
            | Fault::FaultsNotRead(_)
            | Fault::NoRandomness(_) => None,
        }
    }
}

impl From<&CardFileError> for Problem {
    fn from(error: &CardFileError) -> Self {
        let problem = Self::new(error.exit_code(), error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl fmt::Display for CardFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = program::shown(&self.path.to_string_lossy());
        match &self.fault {
            Fault::Missing => write!(f, "open card `{path}`: there is no such file"),
            Fault::Folder => write!(f, "open card `{path}`: expected a file, got a folder"),
            Fault::SymbolicLink => write!(f, "open card `{path}`: expected a file, got a symbolic link"),
            Fault::NotAFile => write!(
                f,
                "open card `{path}`: expected a file, got a device, a socket or a pipe"
            ),
            Fault::NoPermission => write!(f, "open card `{path}`: no permission"),
            Fault::InUse => write!(f, "open card `{path}`: it is in use by another program"),
            Fault::Exists => write!(f, "make card `{path}`: there is a file already"),
            Fault::TooLong => write!(
                f,
                "open card `{path}`: expected at most {IMAGE_BYTES_MAX} bytes, got more"
            ),
            Fault::NotText { line } => {
                write!(
                    f,
                    "open card `{path}`: line {line}: expected UTF-8, got other bytes"
                )
            }
            // It may quote the file.
            Fault::Damaged(why) => write!(f, "open card `{path}`: {}", program::shown(&why.to_string())),
            Fault::InvalidFaults(why) => {
                write!(f, "read faults `{path}.fault`: {}", program::shown(why))
            }
            Fault::FaultsNotRead(why) => write!(f, "read faults `{path}.fault`: {why}"),
            Fault::NotRead(why) => write!(f, "read card `{path}`: {why}"),
            Fault::NotLocked(why) => write!(f, "lock card `{path}`: {why}"),
            Fault::NoRandomness(why) => {
                write!(f, "open card `{path}`: the system gave no random bytes: {why}")
            }
            Fault::NotWritten(why) => write!(f, "write card `{path}`: {why}"),
        }
    }
}

impl core::error::Error for CardFileError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.fault {
            Fault::Damaged(why) => Some(why),
            Fault::NotRead(why)
            | Fault::FaultsNotRead(why)
            | Fault::NotLocked(why)
            | Fault::NoRandomness(why)
            | Fault::NotWritten(why) => Some(why),
            Fault::Missing
            | Fault::Folder
            | Fault::SymbolicLink
            | Fault::NotAFile
            | Fault::NoPermission
            | Fault::InUse
            | Fault::Exists
            | Fault::TooLong
            | Fault::NotText { .. }
            | Fault::InvalidFaults(_) => None,
        }
    }
}
