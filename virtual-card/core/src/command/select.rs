//! SELECT: makes an application, a directory or a file the current one. Never reads a file's content and never
//! answers 6Cxx.
//!
//! Reading list: ISO/IEC 7816-4, SELECT; ISO/IEC 7816-3 clause 12 for 61xx; the GPK driver of `OpenSC` until 2023
//! (`src/libopensc/card-gpk.c`) for the template; Stack Overflow question 32842718 for the applet's name and `61 12`; the scripts of
//! kaoh/globalplatform for the card manager's name; the Open Platform card specification 2.0.1' for its template.
//! Ours: the applet's directory is `0100`, and every selection by name forgets the PIN, as a Java Card applet does
//! when it is deselected.

use apdu::{ResponseApdu, StatusWord, mpcos};

use crate::{
    file::{Directory, File},
    session::{Pending, Session},
    tpdu::Tpdu,
};

/// What P1 selects by.
enum By {
    AnyIdentifier,
    DirectoryIdentifier,
    FileIdentifier,
    Name,
}

/// What was found.
enum Found {
    Directory(Directory),
    File(File),
}

/// The most bytes of an application's name.
const NAME_BYTES_MAX: usize = 16;
/// What waits after a selection.
const TEMPLATE_BYTES: u16 = 18;

pub(super) fn run(session: &mut Session, tpdu: &Tpdu<'_>) -> Result<ResponseApdu, StatusWord> {
    let by = match tpdu.header.p1 {
        0x00 => By::AnyIdentifier,
        0x01 => By::DirectoryIdentifier,
        0x02 => By::FileIdentifier,
        0x04 => By::Name,
        _ => return Err(StatusWord::WRONG_PARAMETERS),
    };
    let is_silent = match tpdu.header.p2 {
        0x00 => false,
        0x0C => true,
        _ => return Err(StatusWord::WRONG_PARAMETERS),
    };
    let data = tpdu.incoming()?;
    // The card manager has no files; the way out of it is a name, or a reset.
    if session.directory == Directory::CardManager && !matches!(by, By::Name) {
        return Err(StatusWord::FILE_NOT_FOUND);
    }

    let found = match by {
        By::Name => by_name(data)?,
        By::AnyIdentifier if data.is_empty() => Found::Directory(Directory::Master),
        By::AnyIdentifier => {
            let identifier = identifier(data)?;
            directory(identifier)
                .map(Found::Directory)
                .or_else(|| session.directory.file(identifier).map(Found::File))
                .ok_or(StatusWord::FILE_NOT_FOUND)?
        }
        By::DirectoryIdentifier => {
            let identifier = identifier(data)?;
            match directory(identifier) {
                Some(directory) => Found::Directory(directory),
                None if session.directory.file(identifier).is_some() => {
                    return Err(StatusWord::INCOMPATIBLE_FILE);
                }
                None => return Err(StatusWord::FILE_NOT_FOUND),
            }
        }
        By::FileIdentifier => session
            .directory
            .file(identifier(data)?)
            .map(Found::File)
            .ok_or(StatusWord::FILE_NOT_FOUND)?,
    };

    //= CD-08
    if matches!(by, By::Name) {
        session.verified = None;
    }
    let template = match found {
        Found::Directory(directory) => {
            session.directory = directory;
            session.file = None;
            directory.template()
        }
        Found::File(file) => {
            session.file = Some(file);
            file.template()
        }
    };
    if is_silent {
        return Ok(StatusWord::OK.into());
    }
    session.pending = Some(Pending::all_of(template));
    Ok(StatusWord::more_data(TEMPLATE_BYTES).into())
}

/// The whole name or its begin, of the applet before the card manager; no name at all is the card manager.
fn by_name(name: &[u8]) -> Result<Found, StatusWord> {
    if name.len() > NAME_BYTES_MAX {
        return Err(StatusWord::WRONG_LENGTH);
    }
    if !name.is_empty() && mpcos::APPLET.starts_with(name) {
        Ok(Found::Directory(Directory::Applet))
    } else if mpcos::CARD_MANAGER.starts_with(name) {
        Ok(Found::Directory(Directory::CardManager))
    } else {
        Err(StatusWord::FILE_NOT_FOUND)
    }
}

fn identifier(data: &[u8]) -> Result<[u8; 2], StatusWord> {
    data.try_into().map_err(|_| StatusWord::WRONG_LENGTH)
}

fn directory(identifier: [u8; 2]) -> Option<Directory> {
    match identifier {
        mpcos::MASTER_FILE => Some(Directory::Master),
        mpcos::APPLET_DIRECTORY => Some(Directory::Applet),
        _ => None,
    }
}
