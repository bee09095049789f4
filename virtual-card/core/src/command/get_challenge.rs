//! GET CHALLENGE: eight bytes that nobody can foresee who does not know what the driver lent. Remembers none.
//!
//! Reading list: ISO/IEC 7816-4, GET CHALLENGE; the GPK driver of `OpenSC` until 2023 (`src/libopensc/card-gpk.c`) for the
//! length of 8.

use apdu::{ResponseApdu, StatusWord};

use crate::{randomness::Randomness, tpdu::Tpdu};

const CHALLENGE_BYTES: usize = 8;

pub(super) fn run(randomness: &mut Randomness, tpdu: &Tpdu<'_>) -> Result<ResponseApdu, StatusWord> {
    if (tpdu.header.p1, tpdu.header.p2) != (0, 0) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    if usize::from(tpdu.outgoing()?.get()) != CHALLENGE_BYTES {
        return Err(StatusWord::wrong_le(8));
    }
    let challenge: [u8; CHALLENGE_BYTES] = randomness.draw().ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
    Ok(ResponseApdu {
        data: challenge.to_vec(),
        status: StatusWord::OK,
    })
}
