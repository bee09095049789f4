//! GET DATA: the card production life cycle, for programs that look at an Open Platform card. Tells nothing else, and
//! nothing of a real card.
//!
//! Reading list: the Open Platform card specification 2.0.1', GET DATA and tag 9F7F; the fields' order and the values of
//! fabricator, type and operating system as the public profile of a card with our ATR has them (crocs-muni/JCAlgTest).
//! Ours: serial, batch and module are the first eight bytes of the card's serial number, and the rest is 00.

use apdu::{ResponseApdu, StatusWord};

use crate::{image::CardImage, tpdu::Tpdu};

const LEN: usize = 45;
/// Tag and length of what follows.
const TAG: [u8; 3] = [0x9F, 0x7F, 0x2A];
/// Fabricator, type, operating system, its date and its level, two bytes each.
const CHIP: [u8; 10] = [0x40, 0x70, 0x50, 0x72, 0x12, 0x91, 0x51, 0x81, 0x01, 0x00];
/// Tag, chip, and the date of fabrication.
const SERIAL_AT: usize = 15;

pub(super) fn run(image: &CardImage, tpdu: &Tpdu<'_>) -> Result<ResponseApdu, StatusWord> {
    if (tpdu.header.p1, tpdu.header.p2) != (0x9F, 0x7F) {
        return Err(StatusWord::DATA_NOT_FOUND);
    }
    if usize::from(tpdu.outgoing()?.get()) != LEN {
        return Err(StatusWord::wrong_le(45));
    }
    let mut data = vec![0; LEN];
    data[..3].copy_from_slice(&TAG);
    data[3..13].copy_from_slice(&CHIP);
    data[SERIAL_AT..SERIAL_AT + 8].copy_from_slice(&image.csn().0[..8]);
    Ok(ResponseApdu {
        data,
        status: StatusWord::OK,
    })
}
