//! GET RESPONSE: hands over what an earlier 61xx promised. Makes nothing of its own.
//!
//! Reading list: ISO/IEC 7816-4, GET RESPONSE; ISO/IEC 7816-3 clause 12. Class 80 is answered too, because
//! `javax.smartcardio` repeats the class of the command that went before.

use apdu::{ResponseApdu, StatusWord};

use crate::{
    session::{Pending, Session},
    tpdu::Tpdu,
};

//= CD-01
pub(super) fn run(
    session: &mut Session,
    pending: Option<Pending>,
    tpdu: &Tpdu<'_>,
) -> Result<ResponseApdu, StatusWord> {
    if (tpdu.header.p1, tpdu.header.p2) != (0, 0) {
        return Err(StatusWord::WRONG_PARAMETERS);
    }
    let le = usize::from(tpdu.outgoing()?.get());
    let pending = pending.ok_or(StatusWord::CONDITIONS_NOT_SATISFIED)?;
    let Some(data) = pending.rest().get(..le) else {
        session.pending = Some(pending);
        return Err(StatusWord::wrong_le(len(pending.rest())));
    };
    let data = data.to_vec();
    session.pending = pending.after(le);
    let status = match &session.pending {
        Some(pending) => StatusWord::more_data(len(pending.rest())),
        None => StatusWord::OK,
    };
    Ok(ResponseApdu { data, status })
}

fn len(data: &[u8]) -> u16 {
    u16::try_from(data.len()).expect("what waits is at most a template")
}
