//! GET INFO: serial number, lock byte and status of the card. Needs no PIN and tells no secret.
//!
//! Reading list: `80 C0 02 A1` and `A4` as in the GPK driver of `OpenSC` until 2023 (`src/libopensc/card-gpk.c`).
//! Ours: the filling of `A4`, and `E0` (card status) and `E1` (all of the serial number).

use apdu::{CardStatus, LifeCycle, ResponseApdu, StatusWord};

use crate::{image::CardImage, session::Session, tpdu::Tpdu};

/// P1 of GET INFO; it shares class and instruction with GET RESPONSE of class 80.
pub(super) const P1: u8 = 0x02;

pub(super) fn run(session: &Session, image: &CardImage, tpdu: &Tpdu<'_>) -> Result<ResponseApdu, StatusWord> {
    let csn = image.csn().0;
    let data = match tpdu.header.p2 {
        0xA1 => csn[..8].to_vec(),
        0xA4 => [&csn[..5], &[0x00, 0xFF, 0x00], &[0; 4], &[image.lock1()]].concat(),
        0xE0 => status(session, image).to_bytes().to_vec(),
        //= CD-02
        0xE1 => csn.to_vec(),
        _ => return Err(StatusWord::WRONG_PARAMETERS),
    };
    let len = u16::try_from(data.len()).expect("the longest has 24 bytes");
    if tpdu.outgoing()?.get() != len {
        return Err(StatusWord::wrong_le(len));
    }
    Ok(ResponseApdu {
        data,
        status: StatusWord::OK,
    })
}

fn status(session: &Session, image: &CardImage) -> CardStatus {
    let life_cycle = image.life_cycle();
    CardStatus {
        life_cycle,
        is_blocked: image.is_blocked(),
        lock1: image.lock1(),
        lock2: image.lock2(),
        try_counter: image.try_counter(),
        presentations_max: image.presentations_max(),
        pin_changes_left: match life_cycle {
            LifeCycle::PostFormat => 1,
            LifeCycle::Virgin | LifeCycle::Sealed => 0,
        },
        product: image.product(),
        card_type: image.card_type(),
        //= CD-07
        label_len: session
            .verified
            .map_or(0, |verified| u16::from(image.label_len(verified))),
        shadow_len: u16::from(image.shadow_len()),
        // The card does not look into its shadow.
        share: [0; 3],
        is_verified: session.verified.is_some(),
    }
}
