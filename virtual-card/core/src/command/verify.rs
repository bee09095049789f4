//! VERIFY: presents the PIN, or asks how it stands. Compares nothing; the card does, once the try is written down.
//!
//! Reading list: ISO/IEC 7816-4, VERIFY (`63Cx`, `6983`, and the form without data that asks); the GPK driver of
//! `OpenSC` until 2023 (`src/libopensc/card-gpk.c`) for the eight bytes. Ours: one secret code, number 0, also as P2 = 80.

use apdu::{LifeCycle, StatusWord};

use super::Outcome;
use crate::{
    image::CardImage,
    pin::{ExpectCounted, PhysicalPin, Presented},
    session::Session,
    tpdu::Tpdu,
};

pub(super) fn run(session: &mut Session, image: &CardImage, tpdu: &Tpdu<'_>) -> Result<Outcome, StatusWord> {
    if tpdu.header.p1 != 0 || ![0x00, 0x80].contains(&tpdu.header.p2) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    let data = tpdu.incoming()?;
    if data.is_empty() {
        return Ok(query(session, image).into());
    }
    // A wrong length is no presentation: nothing is counted and nothing verified is lost.
    let characters = <[u8; 8]>::try_from(data).map_err(|_| StatusWord::WRONG_LENGTH)?;
    if image.life_cycle() == LifeCycle::Virgin {
        return Err(StatusWord::CONDITIONS_NOT_SATISFIED);
    }
    //= CD-05
    if image.is_blocked() {
        return Err(StatusWord::BLOCKED);
    }
    //= CD-08
    session.verified = None;
    Ok(Outcome::CountTry(Presented {
        candidate: ExpectCounted::new(PhysicalPin::of_characters(characters)),
        change_to: None,
    }))
}

//= CD-03
fn query(session: &Session, image: &CardImage) -> StatusWord {
    if image.life_cycle() == LifeCycle::Virgin {
        StatusWord::CONDITIONS_NOT_SATISFIED
    } else if image.is_blocked() {
        StatusWord::BLOCKED
    } else if session.verified.is_some() {
        StatusWord::OK
    } else {
        StatusWord::wrong_pin(image.tries_left())
    }
}
