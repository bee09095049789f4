//! UPDATE BINARY: writes label or shadow after a right PIN. Never writes the secret codes, and does not look into what
//! it writes.
//!
//! Reading list: ISO/IEC 7816-4, UPDATE BINARY and short EF identifiers; offsets in units of 4 bytes as in READ BINARY.
//! Ours: what is written is where the file ends, so that a shorter label leaves nothing of a longer one.

use apdu::{StatusWord, mpcos};

use super::read_binary::Place;
use crate::{
    cell::{Cell, CellWrite},
    file::File,
    image::CardImage,
    plan::Plan,
    session::Session,
    tpdu::Tpdu,
};

//= SC-11
pub(super) fn run(session: &mut Session, image: &CardImage, tpdu: &Tpdu<'_>) -> Result<Plan, StatusWord> {
    let place = Place::of(tpdu.header)?;
    let data = tpdu.incoming()?;
    if data.is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    let file = place.file(session)?;
    //= CD-07
    let verified = session
        .verified
        .ok_or(StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
    let (len_cell, cell, present, len_max) = match file {
        File::SecretCodes => return Err(StatusWord::SECURITY_STATUS_NOT_SATISFIED),
        File::Label => (
            Cell::LabelLen,
            Cell::Label,
            image.label(verified).len(),
            mpcos::LABEL_BYTES_MAX,
        ),
        File::Shadow => (
            Cell::ShadowLen,
            Cell::Shadow,
            image.shadow(verified).len(),
            mpcos::SHADOW_BYTES_MAX,
        ),
    };
    if image.is_data_sealed() {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    //= CD-12
    if place.offset > present {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    let len = place.offset + data.len();
    if len > len_max {
        return Err(StatusWord::NO_ROOM);
    }
    let byte = |len: usize| u8::try_from(len).expect("no file has more than 255 bytes");
    session.file = Some(file);
    // The length goes first and comes back last: a file that was cut off in between is empty, and never a mixture.
    let writes = [
        CellWrite::byte(len_cell, 0),
        CellWrite::bytes_at(cell, byte(place.offset), data.to_vec()),
        CellWrite::byte(len_cell, byte(len)),
    ];
    Ok(Plan::new(writes, Some(verified)))
}
