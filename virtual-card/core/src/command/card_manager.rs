//! What the card manager says to card management: that it is not done here. Loads nothing and knows no key.
//!
//! Reading list: the Open Platform card specification 2.0.1', `INITIALIZE UPDATE` and the commands of an issuer. Ours: each
//! of them is refused alike, whatever its parameters.

use apdu::StatusWord;

use crate::tpdu::Tpdu;

/// DELETE, STORE DATA, INSTALL, LOAD, SET STATUS, GET STATUS, PUT KEY, INITIALIZE UPDATE, EXTERNAL AUTHENTICATE.
const MANAGEMENT: [u8; 9] = [0xE4, 0xE2, 0xE6, 0xE8, 0xF0, 0xF2, 0xD8, 0x50, 0x82];

pub(super) fn refusal(tpdu: &Tpdu<'_>) -> StatusWord {
    match (tpdu.header.class, tpdu.header.instruction) {
        (0x80 | 0x84, instruction) if MANAGEMENT.contains(&instruction) => {
            StatusWord::CONDITIONS_NOT_SATISFIED
        }
        (0x00 | 0x80 | 0x84, _) => StatusWord::UNKNOWN_INSTRUCTION,
        (_, _) => StatusWord::UNKNOWN_CLASS,
    }
}
