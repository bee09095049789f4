//! One T=0 command as it comes, in whatever length. Checks lengths only when it is asked to, because class,
//! instruction and parameters are judged first. See ISO/IEC 7816-3, clause 12.

use apdu::{Header, Le, StatusWord};

/// A header, the fifth byte, and what followed it.
pub(crate) struct Tpdu<'a> {
    pub(crate) header: Header,
    p3: u8,
    rest: &'a [u8],
}

impl<'a> Tpdu<'a> {
    /// Four bytes are a command: some programs send a bare header, and it stands for P3 = 00.
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, StatusWord> {
        let (header, rest) = bytes.split_first_chunk::<4>().ok_or(StatusWord::WRONG_LENGTH)?;
        let (p3, rest) = rest.split_first().map_or((0, rest), |(p3, rest)| (*p3, rest));
        Ok(Self {
            header: Header::from(*header),
            p3,
            rest,
        })
    }

    /// P3 as the length that is expected, for a command that carries nothing.
    pub(crate) fn outgoing(&self) -> Result<Le, StatusWord> {
        if self.rest.is_empty() {
            Ok(Le::from_byte(self.p3))
        } else {
            Err(StatusWord::WRONG_LENGTH)
        }
    }

    /// P3 as the length of the data that follow. One byte more is the Le of a program that does not know T=0, and is
    /// ignored; P3 = 00 with anything behind it would be the extended form.
    pub(crate) fn incoming(&self) -> Result<&'a [u8], StatusWord> {
        let lc = usize::from(self.p3);
        match (lc, self.rest.len()) {
            (0, 0) => Ok(&[]),
            (1.., len) if len == lc || len == lc + 1 => Ok(&self.rest[..lc]),
            _ => Err(StatusWord::WRONG_LENGTH),
        }
    }
}
