//! GET RESPONSE: hands over what an earlier 61xx promised. Makes nothing of its own.
//!
//! Reading list: ISO/IEC 7816-4, GET RESPONSE; ISO/IEC 7816-3 clause 12. Class 80 is answered too, because
//! `javax.smartcardio` repeats the class of the command that went before.

use apdu::{ResponseApdu, StatusWord};

use crate::{session::Session, tpdu::Tpdu};

//= CD-01
pub(super) fn run(
    session: &mut Session,
    pending: Option<Vec<u8>>,
    tpdu: &Tpdu<'_>,
) -> Result<ResponseApdu, StatusWord> {
    if (tpdu.header.p1, tpdu.header.p2) != (0, 0) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    let le = usize::from(tpdu.outgoing()?.get());
    let mut data = pending.ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
    if le > data.len() {
        let status = StatusWord::wrong_le(len(&data));
        session.pending = Some(data);
        return Err(status);
    }
    let rest = data.split_off(le);
    if rest.is_empty() {
        return Ok(ResponseApdu {
            data,
            status: StatusWord::OK,
        });
    }
    let status = StatusWord::more_data(len(&rest));
    session.pending = Some(rest);
    Ok(ResponseApdu { data, status })
}

fn len(data: &[u8]) -> u16 {
    u16::try_from(data.len()).expect("what waits is at most 256 bytes")
}
