//! What a card is asked by its reader. Answers nothing.

use core::fmt;

/// A message from vpcd to vicc. Only [`Self::Atr`] and [`Self::Transmit`] are answered, each by one message; an answer
/// without a byte says that the card is gone.
#[derive(Clone, PartialEq, Eq)]
pub enum Request {
    /// `00`: the power goes.
    PowerOff,
    /// `01`: the power comes.
    PowerOn,
    /// `02`: reset without loss of power.
    Reset,
    /// `04`: say the answer to reset. Also asked of a card without power, to see that it is there.
    Atr,
    /// Two bytes or more: a command for the card. May carry a PIN: `Debug` shows its length only.
    Transmit(Vec<u8>),
    /// A single byte that nobody defined. It is not answered.
    Unknown(u8),
    /// A message without a byte. It is not answered.
    Empty,
}

pub(crate) const POWER_OFF: u8 = 0x00;
pub(crate) const POWER_ON: u8 = 0x01;
pub(crate) const RESET: u8 = 0x02;
pub(crate) const ATR: u8 = 0x04;

impl From<Vec<u8>> for Request {
    fn from(message: Vec<u8>) -> Self {
        match message[..] {
            [] => Self::Empty,
            [POWER_OFF] => Self::PowerOff,
            [POWER_ON] => Self::PowerOn,
            [RESET] => Self::Reset,
            [ATR] => Self::Atr,
            [control] => Self::Unknown(control),
            [_, _, ..] => Self::Transmit(message),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerOff => f.write_str("PowerOff"),
            Self::PowerOn => f.write_str("PowerOn"),
            Self::Reset => f.write_str("Reset"),
            Self::Atr => f.write_str("Atr"),
            Self::Transmit(command) => write!(f, "Transmit({} bytes)", command.len()),
            Self::Unknown(control) => write!(f, "Unknown({control:02X})"),
            Self::Empty => f.write_str("Empty"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_byte_is_a_control_and_two_are_a_command() {
        let read = |message: &[u8]| Request::from(message.to_vec());
        assert_eq!(read(&[]), Request::Empty);
        assert_eq!(read(&[0]), Request::PowerOff);
        assert_eq!(read(&[1]), Request::PowerOn);
        assert_eq!(read(&[2]), Request::Reset);
        assert_eq!(read(&[3]), Request::Unknown(3));
        assert_eq!(read(&[4]), Request::Atr);
        assert_eq!(read(&[5]), Request::Unknown(5));
        assert_eq!(read(&[4, 4]), Request::Transmit(vec![4, 4]));
    }

    #[test]
    fn debug_never_shows_a_pin() {
        let verify = Request::from(b"\x00\x20\x00\x00\x0812345678".to_vec());
        assert_eq!(format!("{verify:?}"), "Transmit(13 bytes)");
    }
}
