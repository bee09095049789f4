//! READ BINARY: reads label or shadow after a right PIN. Never reads the secret codes.
//!
//! Reading list: ISO/IEC 7816-4, READ BINARY and short EF identifiers; ISO/IEC 7816-3 clause 12 for 6Cxx; the units of
//! 4 bytes are those that the ATR announces (historical byte `43`, ISO/IEC 7816-4, data coding byte).

use apdu::{Header, ResponseApdu, StatusWord, mpcos};

use crate::{file::File, image::CardImage, session::Session, tpdu::Tpdu};

/// Which bytes of which file P1 and P2 mean.
pub(super) struct Place {
    short_identifier: Option<u8>,
    /// In bytes.
    pub(super) offset: usize,
}

impl Place {
    //= CD-12
    pub(super) fn of(header: Header) -> Result<Self, StatusWord> {
        let (short_identifier, units) = match (header.p1, header.p2) {
            (p1 @ 0x00..=0x7F, p2) => (None, u16::from_be_bytes([p1, p2])),
            (p1 @ 0x80..=0x9F, p2) => (Some(p1 & 0x1F), u16::from(p2)),
            (0xA0..=0xFF, _) => return Err(StatusWord::WRONG_PARAMETERS),
        };
        Ok(Self {
            short_identifier,
            offset: usize::from(units) * mpcos::UNIT_BYTES,
        })
    }

    pub(super) fn file(&self, session: &Session) -> Result<File, StatusWord> {
        match self.short_identifier {
            Some(short) => session
                .directory
                .file_by_short_identifier(short)
                .ok_or(StatusWord::FILE_NOT_FOUND),
            None => session.file.ok_or(StatusWord::NO_CURRENT_FILE),
        }
    }
}

pub(super) fn run(
    session: &mut Session,
    image: &CardImage,
    tpdu: &Tpdu<'_>,
) -> Result<ResponseApdu, StatusWord> {
    let place = Place::of(tpdu.header)?;
    let le = usize::from(tpdu.outgoing()?.get());
    let file = place.file(session)?;

    //= CD-07
    let verified = session
        .verified
        .ok_or(StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
    let content = match file {
        File::SecretCodes => return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
        File::Label => image.label(verified),
        File::Shadow => image.shadow(verified),
    };

    //= CD-12
    let offset = place.offset;
    // An empty file has no byte at its begin either, but reading it from there is no mistake.
    if offset > 0 && offset >= content.len() {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    session.file = Some(file);
    let available = &content[offset..];
    if le == 256 && !available.is_empty() {
        return Err(StatusWord::wrong_le(
            u16::try_from(available.len()).expect("a file has at most 255 bytes"),
        ));
    }
    if le > available.len() {
        return Ok(ResponseApdu {
            data: available.to_vec(),
            status: StatusWord::END_OF_FILE,
        });
    }
    Ok(ResponseApdu {
        data: available[..le].to_vec(),
        status: StatusWord::OK,
    })
}
