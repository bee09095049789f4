//! ERASE: wipes shadow and label, after the PIN. Never touches the seal of a card that keeps it, and revives nothing.
//!
//! Reading list: the bytes `DB DE 00` of sample cards in the GPK driver of `OpenSC` until 2023
//! (`src/libopensc/card-gpk.c`). Ours: everything else, see `docs/card.md`.

use apdu::{LifeCycle, StatusWord};

use crate::{
    cell::{Cell, CellWrite},
    image::{CardImage, LOCK_INITIALISED},
    plan::Plan,
    session::Session,
    tpdu::Tpdu,
};

/// CLA of ERASE; it has no other command.
pub(super) const CLASS: u8 = 0xDB;

//= SC-05
pub(super) fn run(session: &Session, image: &CardImage, tpdu: &Tpdu<'_>) -> Result<Plan, StatusWord> {
    if (tpdu.header.p1, tpdu.header.p2) != (0, 0) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    if !tpdu.incoming()?.is_empty() {
        return Err(StatusWord::WRONG_LENGTH);
    }
    if image.life_cycle() == LifeCycle::Virgin {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    //= CD-05
    if image.is_blocked() {
        return Err(StatusWord::BLOCKED);
    }
    let verified = session
        .verified
        .ok_or(StatusWord::SECURITY_STATUS_NOT_SATISFIED)?;
    if image.erase_keeps_seal() && image.is_data_sealed() {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }

    // The key first: whatever is cut off, no part of it can be read any more. SCR is 0, for the PIN was right.
    let mut writes = Vec::with_capacity(8);
    writes.push(CellWrite::byte(Cell::ShadowLen, 0));
    writes.extend(wiped(Cell::Shadow, image.shadow_area_len(verified)));
    writes.push(CellWrite::byte(Cell::LabelLen, 0));
    writes.extend(wiped(Cell::Label, image.label_area_len(verified)));
    if !image.erase_keeps_seal() {
        // One bit of LOCK1 makes the PIN of the format count again, so the changed one is wiped after it.
        writes.push(CellWrite::erasing(Cell::Lock2, LOCK_INITIALISED));
        writes.push(CellWrite::erasing(Cell::Lock1, LOCK_INITIALISED));
        writes.extend(wiped(Cell::ChangedPin, 8));
    }
    Ok(Plan::new(writes, None))
}

fn wiped(cell: Cell, len: usize) -> Option<CellWrite> {
    (len > 0).then(|| CellWrite::bytes_at(cell, 0, vec![0; len]))
}
