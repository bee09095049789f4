//! FORMAT: makes a virgin card one with a PIN. Does so once in the life of a card; a serial number is never written.
//!
//! Reading list: none, the command is ours. Its data are version 01, MMPN, the PIN as four packed bytes, the card type.

use apdu::{LifeCycle, StatusWord};

use crate::{
    cell::{Cell, CellWrite},
    image::{CardImage, LOCK_INITIALISED, PRESENTATIONS_MAX_LIMIT, is_card_type},
    pin::PhysicalPin,
    plan::Plan,
    tpdu::Tpdu,
};

/// The one layout of its data.
const VERSION: u8 = 0x01;

//= CD-11
pub(super) fn run(image: &CardImage, tpdu: &Tpdu<'_>) -> Result<Plan, StatusWord> {
    if (tpdu.header.p1, tpdu.header.p2) != (0, 0) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    let data = <&[u8; 10]>::try_from(tpdu.incoming()?).map_err(|_| StatusWord::WRONG_LENGTH)?;
    let [version, presentations_max, a, b, c, d, card_type @ ..] = *data;
    //= CD-05
    if image.life_cycle() != LifeCycle::Virgin || image.is_blocked() {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    let pin = PhysicalPin::of_packed([a, b, c, d]);
    let is_valid = version == VERSION
        && (1..=PRESENTATIONS_MAX_LIMIT).contains(&presentations_max)
        && pin.is_digits()
        && is_card_type(&card_type);
    if !is_valid {
        return Err(StatusWord::WRONG_DATA);
    }
    // LOCK1 last: until its bit is set the card is virgin, and can be formatted again.
    let writes = [
        CellWrite::byte(Cell::TryCounter, 0),
        CellWrite::byte(Cell::PresentationsMax, presentations_max),
        CellWrite::bytes_at(Cell::CardType, 0, card_type.to_vec()),
        CellWrite::pin(Cell::FormatPin, pin),
        CellWrite::byte(Cell::LabelLen, 0),
        CellWrite::byte(Cell::ShadowLen, 0),
        CellWrite::byte(Cell::Lock2, LOCK_INITIALISED),
        CellWrite::byte(Cell::Lock1, LOCK_INITIALISED),
    ];
    Ok(Plan::new(writes, None))
}
