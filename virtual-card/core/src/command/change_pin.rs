//! CHANGE PIN: once, and then never again. Compares nothing; the card does, once the try is written down.
//!
//! Reading list: ISO/IEC 7816-4, CHANGE REFERENCE DATA; SET SECRET CODE of the GPK driver of `OpenSC` until 2023
//! (`src/libopensc/card-gpk.c`) for class 80 with packed digits and for the form that unblocks. Ours: the seal, and that
//! nothing unblocks.

use apdu::{LifeCycle, StatusWord};

use super::Outcome;
use crate::{
    image::CardImage,
    pin::{ExpectCounted, PhysicalPin, Presented},
    session::Session,
    tpdu::Tpdu,
};

/// P1 of the form that would unblock.
const UNBLOCK: u8 = 0x01;

pub(super) fn run(session: &mut Session, image: &CardImage, tpdu: &Tpdu<'_>) -> Result<Outcome, StatusWord> {
    let is_packed = tpdu.header.class == 0x80;
    let may_be = tpdu.header.p1 == 0 || (is_packed && tpdu.header.p1 == UNBLOCK);
    if !may_be || ![0x00, 0x80].contains(&tpdu.header.p2) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    let data = tpdu.incoming()?;
    //= CD-05
    if tpdu.header.p1 == UNBLOCK {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    let (old, new) = if is_packed { packed(data)? } else { typed(data)? };
    if image.life_cycle() == LifeCycle::Virgin {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    //= CD-05
    if image.is_blocked() {
        return Err(StatusWord::BLOCKED);
    }
    //= CD-06
    if image.life_cycle() == LifeCycle::Sealed {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    //= PN-02
    let change_to = new.ok_or(StatusWord::WRONG_DATA)?;
    //= CD-08
    session.verified = None;
    Ok(Outcome::CountTry(Presented {
        candidate: ExpectCounted::new(old),
        change_to: Some(change_to),
    }))
}

/// Four bytes each; the new PIN is `None` if it has another nibble than a digit.
fn packed(data: &[u8]) -> Result<(PhysicalPin, Option<PhysicalPin>), StatusWord> {
    let (old, new) = data.split_first_chunk().ok_or(StatusWord::WRONG_LENGTH)?;
    let new = PhysicalPin::of_packed(new.try_into().map_err(|_| StatusWord::WRONG_LENGTH)?);
    Ok((PhysicalPin::of_packed(*old), new.is_digits().then_some(new)))
}

/// Eight characters each; the new PIN is `None` if it has another character than a digit.
fn typed(data: &[u8]) -> Result<(PhysicalPin, Option<PhysicalPin>), StatusWord> {
    let (old, new) = data.split_first_chunk().ok_or(StatusWord::WRONG_LENGTH)?;
    let new = new.try_into().map_err(|_| StatusWord::WRONG_LENGTH)?;
    Ok((
        PhysicalPin::of_characters(*old),
        PhysicalPin::of_typed_digits(new),
    ))
}
