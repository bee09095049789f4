//! The words that every reader of the rig speaks: the device's own, the client's by PC/SC, and a card image in a
//! reader. Drives none of them. The codes are those of PC/SC Lite, `winscard`.

use core::fmt;

use crate::{Atr, ResponseApdu};

/// What is asked of a reader.
#[derive(Clone, PartialEq, Eq)]
pub enum ReaderCommand {
    /// Reset the card and take it for a dialog. PC/SC: `SCardConnect` exclusive with T=0, `SCardBeginTransaction`.
    PowerOn,
    /// Send one T=0 command as it stands. PC/SC: `SCardTransmit`. May carry a PIN: `Debug` shows the header only.
    Transmit(Vec<u8>),
    /// End the dialog and reset the card. PC/SC: `SCardDisconnect` with `SCARD_RESET_CARD`.
    PowerOff,
}

/// What a reader answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderAnswer {
    /// The card was reset and is ours.
    Atr(Atr),
    /// The card answered; 61xx and 6Cxx are not resolved.
    Response(ResponseApdu),
    /// The dialog is over.
    PoweredOff,
    /// The reader has no card. PC/SC: `SCARD_E_NO_SMARTCARD`.
    CardAbsent,
    /// The card was taken out during the dialog. PC/SC: `SCARD_W_REMOVED_CARD`, or success with fewer than two bytes.
    CardRemoved,
    /// The card is there and does not answer in time, or not in its right form. PC/SC: `SCARD_W_UNRESPONSIVE_CARD`.
    CardMute,
    /// There is no reader, no service, or somebody else holds it. PC/SC: `SCARD_E_READER_UNAVAILABLE`,
    /// `SCARD_E_UNKNOWN_READER`, `SCARD_E_NO_SERVICE`, `SCARD_E_SHARING_VIOLATION`.
    ReaderUnavailable,
}

impl ReaderAnswer {
    /// What bytes that a reader handed over with success mean: too few are a card that was taken out (stock PC/SC
    /// answers so), too many are no answer of a T=0 card.
    pub fn from_received(bytes: &[u8]) -> Self {
        match ResponseApdu::try_from(bytes) {
            Ok(response) => Self::Response(response),
            Err(invalid) if invalid.len < 2 => Self::CardRemoved,
            Err(_) => Self::CardMute,
        }
    }
}

impl fmt::Debug for ReaderCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOn => f.write_str("PowerOn"),
            Self::Transmit(tpdu) => fmt_tpdu(tpdu, f),
            Self::PowerOff => f.write_str("PowerOff"),
        }
    }
}

/// Shows the header and the length of a TPDU, never its data.
pub(crate) fn fmt_tpdu(tpdu: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match tpdu.first_chunk::<4>() {
        Some(&header) => write!(
            f,
            "Transmit({}, {} bytes)",
            crate::Header::from(header),
            tpdu.len()
        ),
        None => write!(f, "Transmit({} bytes)", tpdu.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StatusWord;

    #[test]
    fn success_with_fewer_than_two_bytes_is_a_card_taken_out() {
        assert_eq!(ReaderAnswer::from_received(&[]), ReaderAnswer::CardRemoved);
        assert_eq!(ReaderAnswer::from_received(&[0x90]), ReaderAnswer::CardRemoved);
        assert_eq!(
            ReaderAnswer::from_received(&[0x90, 0]),
            ReaderAnswer::Response(StatusWord::OK.into())
        );
        assert_eq!(ReaderAnswer::from_received(&[0; 259]), ReaderAnswer::CardMute);
    }

    #[test]
    fn debug_never_shows_a_pin() {
        let verify = ReaderCommand::Transmit(b"\x00\x20\x00\x00\x0812345678".to_vec());
        assert_eq!(format!("{verify:?}"), "Transmit(00 20 00 00, 13 bytes)");
        assert_eq!(
            format!("{:?}", ReaderCommand::Transmit(b"123".to_vec())),
            "Transmit(3 bytes)"
        );
    }
}
