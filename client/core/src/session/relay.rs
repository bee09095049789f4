//! What a station lets through to a card. The only maker of [`Relayable`] and [`PinRequested`]; holds no card.

use apdu::{PinEntry, ReaderCommand};

/// A command that may go to the card as it stands. What is not one of the four never becomes a value of this type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Relayable(Vec<u8>);

impl Relayable {
    /// The T=0 command, unchanged: 5..=260 bytes.
    pub(super) fn into_tpdu(self) -> Vec<u8> {
        self.0
    }
}

/// The device asks for anything else: it is refused, and nothing is sent to the card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

//= AU-22
impl TryFrom<Vec<u8>> for Relayable {
    type Error = Refused;

    fn try_from(tpdu: Vec<u8>) -> Result<Self, Refused> {
        if is_one_of_the_four(&tpdu) {
            Ok(Self(tpdu))
        } else {
            Err(Refused)
        }
    }
}

/// Whether this is SELECT, GET INFO, READ BINARY or GET RESPONSE as one T=0 command, and nothing behind it.
fn is_one_of_the_four(tpdu: &[u8]) -> bool {
    let [class, instruction, p1, p2, p3, data @ ..] = tpdu else {
        return false;
    };
    match (class, instruction, p1, p2) {
        // SELECT is the only one that carries data: P3 bytes of them, no more and no less.
        (0x00, 0xA4, _, _) => data.len() == usize::from(*p3),
        // GET INFO and GET RESPONSE share an instruction; P1 and P2 tell them apart.
        (0x80, 0xC0, 0x02, _) | (0x00, 0xB0, _, _) | (0x00 | 0x80, 0xC0, 0x00, 0x00) => data.is_empty(),
        _ => false,
    }
}

/// The device asks for the PIN to be presented in the one way that a station allows: `00 20 00 00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PinRequested(());

/// The one command that carries a PIN. There is no way here but by a request that was checked.
pub(super) fn present_pin(entry: &PinEntry, _: &PinRequested) -> ReaderCommand {
    ReaderCommand::Transmit(entry.to_verify().to_tpdu())
}

//= AU-22
impl TryFrom<&[u8]> for PinRequested {
    type Error = Refused;

    fn try_from(header: &[u8]) -> Result<Self, Refused> {
        if header == [0x00, 0x20, 0x00, 0x00] {
            Ok(Self(()))
        } else {
            Err(Refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The four of AU-22, written a second time.
    fn is_expected(class: u8, instruction: u8, p1: u8, p2: u8) -> bool {
        let select = class == 0x00 && instruction == 0xA4;
        let get_info = class == 0x80 && instruction == 0xC0 && p1 == 0x02;
        let read_binary = class == 0x00 && instruction == 0xB0;
        let get_response =
            (class == 0x00 || class == 0x80) && instruction == 0xC0 && p1 == 0x00 && p2 == 0x00;
        select || get_info || read_binary || get_response
    }

    fn check_header(class: u8, instruction: u8, p1: u8, p2: u8) {
        let passes = is_one_of_the_four(&[class, instruction, p1, p2, 0]);
        let expected = is_expected(class, instruction, p1, p2);
        assert_eq!(
            passes, expected,
            "{class:02X} {instruction:02X} {p1:02X} {p2:02X}"
        );
    }

    //= AU-22
    #[test]
    fn of_every_class_instruction_and_first_parameter_only_the_four_pass() {
        for class in 0..=255 {
            for instruction in 0..=255 {
                (0..=255).for_each(|p1| check_header(class, instruction, p1, 0x00));
            }
            for p1 in 0..=255 {
                (0..=255).for_each(|p2| check_header(class, 0xC0, p1, p2));
            }
        }
    }

    fn check_refused(tpdu: &[u8]) {
        assert_eq!(Relayable::try_from(tpdu.to_vec()), Err(Refused), "{tpdu:02X?}");
    }

    fn check_passes_unchanged(tpdu: &[u8]) {
        let relayable = Relayable::try_from(tpdu.to_vec()).expect("one of the four");
        assert_eq!(relayable.into_tpdu(), tpdu);
    }

    #[test]
    fn a_second_command_cannot_hide_behind_an_allowed_one() {
        check_passes_unchanged(&[0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00]);
        check_refused(&[0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F]);
        check_refused(&[0x00, 0xA4, 0x00, 0x00, 0x02, 0x3F, 0x00, 0x00]);
        check_refused(&[0x00, 0xA4, 0x00, 0x00]);
        check_passes_unchanged(&[0x00, 0xB0, 0x00, 0x00, 0x40]);
        check_refused(&[0x00, 0xB0, 0x00, 0x00, 0x01, 0x00]);
        check_passes_unchanged(&[0x80, 0xC0, 0x02, 0xE0, 0x18]);
        check_refused(&[0x80, 0xC0, 0x02, 0xE0, 0x01, 0x00]);
        check_passes_unchanged(&[0x80, 0xC0, 0x00, 0x00, 0x00]);
        check_refused(&[]);
    }

    #[test]
    fn the_longest_select_passes() {
        let mut select = vec![0x00, 0xA4, 0x04, 0x00, 0xFF];
        select.resize(260, 0xA0);
        check_passes_unchanged(&select);
        select.push(0xA0);
        check_refused(&select);
    }

    //= AU-22
    #[test]
    fn a_pin_goes_into_one_header_and_no_other() {
        assert!(PinRequested::try_from(&[0x00, 0x20, 0x00, 0x00][..]).is_ok());
        for position in 0..4 {
            for byte in 1..=255 {
                let mut header = [0x00, 0x20, 0x00, 0x00];
                header[position] ^= byte;
                assert_eq!(PinRequested::try_from(&header[..]), Err(Refused));
            }
        }
        for header in [&[][..], &[0x00, 0x20, 0x00], &[0x00, 0x20, 0x00, 0x00, 0x08]] {
            assert_eq!(PinRequested::try_from(header), Err(Refused));
        }
    }
}
