//! One command by T=0 from the program's side: follows 61xx with GET RESPONSE and 6Cxx with the right Le. Owns no
//! reader and knows no instruction but GET RESPONSE. See ISO/IEC 7816-3, clause 12.

use core::fmt;

use crate::{CommandApdu, Le, ResponseApdu, SecretBytes, StatusWord, mpcos, response::RESPONSE_BYTES_MAX};

/// The most TPDUs spent on one command. A card needs three (command, right Le, GET RESPONSE); one that asks for more
/// than this would hold the reader for ever.
const ROUNDS_MAX: u8 = 8;

/// One command under way. Told each answer, hands out each TPDU, ends with the whole response.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The command whose answer is awaited: ours, or the GET RESPONSE that follows it.
    command: CommandApdu,
    /// What earlier rounds have collected.
    collected: SecretBytes,
    rounds: u8,
    output: Option<ExchangeOutput>,
}

/// What an exchange asks of its driver, or ends with.
#[derive(Clone, PartialEq, Eq)]
pub enum ExchangeOutput {
    /// Send these bytes to the card and tell the exchange its answer, unchanged.
    Transmit(Vec<u8>),
    /// The command is over; nothing comes after this.
    Finished(Result<ResponseApdu, ExchangeError>),
}

/// A card that does not end an exchange as T=0 says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeError {
    /// It asked for more rounds than the 8 that are granted.
    Rounds,
    /// It answered more than 256 bytes in all.
    Length,
}

impl Exchange {
    /// Begins: the first output is the command itself.
    pub fn new(command: CommandApdu) -> Self {
        let output = Some(ExchangeOutput::Transmit(command.to_tpdu()));
        Self {
            command,
            collected: SecretBytes::default(),
            rounds: 1,
            output,
        }
    }

    /// The card answered the last TPDU.
    pub fn handle_response(&mut self, response: ResponseApdu) {
        if self.collected.len() + response.data.len() > RESPONSE_BYTES_MAX {
            return self.finish(Err(ExchangeError::Length));
        }
        self.collected.append(response.data);

        let again = if let Some(bytes) = response.status.bytes_available() {
            CommandApdu::expecting(mpcos::COLLECT, le_of(bytes))
        } else if let Some(le) = response.status.correct_le()
            && self.command.data().is_empty()
        {
            CommandApdu::expecting(self.command.header(), le_of(le))
        } else {
            return self.finish_with(response.status);
        };
        if self.rounds == ROUNDS_MAX {
            return self.finish(Err(ExchangeError::Rounds));
        }
        self.rounds += 1;
        self.output = Some(ExchangeOutput::Transmit(again.to_tpdu()));
        self.command = again;
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<ExchangeOutput> {
        self.output.take()
    }

    fn finish_with(&mut self, status: StatusWord) {
        let data = self.collected.take();
        self.finish(Ok(ResponseApdu { data, status }));
    }

    fn finish(&mut self, result: Result<ResponseApdu, ExchangeError>) {
        self.output = Some(ExchangeOutput::Finished(result));
    }
}

/// The byte of a status word, 1..=256, as the Le of the next command.
const fn le_of(bytes: u16) -> Le {
    Le::from_byte(bytes.to_be_bytes()[1])
}

impl fmt::Debug for ExchangeOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit(tpdu) => crate::reader::fmt_tpdu(tpdu, f),
            Self::Finished(result) => f.debug_tuple("Finished").field(result).finish(),
        }
    }
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rounds => {
                write!(
                    f,
                    "exchange with card: expected an end within {ROUNDS_MAX} rounds, got none"
                )
            }
            Self::Length => {
                write!(
                    f,
                    "exchange with card: expected at most {RESPONSE_BYTES_MAX} bytes in all, got more"
                )
            }
        }
    }
}

impl core::error::Error for ExchangeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Header, hex};

    /// Each row: what must go out, what the card answers. Returns the end.
    fn check_trace(command: &str, trace: &[(&str, &str)]) -> Result<ResponseApdu, ExchangeError> {
        let command = CommandApdu::try_from(&bytes(command)[..]).expect("the test writes a command");
        let mut exchange = Exchange::new(command);
        for (sent, answer) in trace {
            assert_eq!(
                exchange.poll_output(),
                Some(ExchangeOutput::Transmit(bytes(sent))),
                "expected {sent}"
            );
            assert_eq!(exchange.poll_output(), None);
            exchange.handle_response(response(answer));
        }
        match exchange.poll_output() {
            Some(ExchangeOutput::Finished(result)) => result,
            other => panic!("expected the end, got {other:?}"),
        }
    }

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(&text.replace(' ', "")).expect("the test writes hex")
    }

    fn response(text: &str) -> ResponseApdu {
        ResponseApdu::try_from(&bytes(text)[..]).expect("an answer")
    }

    //= CD-01
    #[test]
    fn waiting_bytes_are_collected_with_class_00() {
        let end = check_trace(
            "80 24 00 00 01 FF 00",
            &[("80 24 00 00 01 FF", "61 02"), ("00 C0 00 00 02", "AABB 9000")],
        );
        assert_eq!(end, Ok(response("AABB 9000")));
    }

    //= CD-01
    #[test]
    fn a_wrong_le_is_asked_again() {
        let end = check_trace(
            "80 C0 02 E1 00",
            &[("80 C0 02 E1 00", "6C 02"), ("80 C0 02 E1 02", "AABB 9000")],
        );
        assert_eq!(end, Ok(response("AABB 9000")));
    }

    #[test]
    fn bytes_that_come_in_pieces_are_joined() {
        let end = check_trace(
            "00 A4 04 00 01 A0",
            &[
                ("00 A4 04 00 01 A0", "61 00"),
                ("00 C0 00 00 00", "6C 03"),
                ("00 C0 00 00 03", "AA 61 02"),
                ("00 C0 00 00 02", "BBCC 6282"),
            ],
        );
        assert_eq!(end, Ok(response("AABBCC 6282")));
    }

    #[test]
    fn a_right_le_for_a_command_with_data_makes_no_sense_and_is_handed_up() {
        assert_eq!(
            check_trace("00 A4 04 00 01 A0", &[("00 A4 04 00 01 A0", "6C 05")]),
            Ok(response("6C05"))
        );
    }

    #[test]
    fn a_card_that_never_ends_is_left_after_the_last_round() {
        let mut trace = vec![("00 C0 00 00 01", "61 01"); usize::from(ROUNDS_MAX)];
        trace[0] = ("00 A4 00 00 00", "61 01");
        assert_eq!(check_trace("00 A4 00 00", &trace), Err(ExchangeError::Rounds));
        trace[usize::from(ROUNDS_MAX) - 1].1 = "9000";
        assert_eq!(check_trace("00 A4 00 00", &trace), Ok(response("9000")));
    }

    #[test]
    fn a_card_that_answers_too_much_is_left() {
        let full = format!("{}6101", "AA".repeat(256));
        let more = [("00 A4 00 00 00", full.as_str()), ("00 C0 00 00 01", "BB9000")];
        assert_eq!(check_trace("00 A4 00 00", &more), Err(ExchangeError::Length));
        let none = [("00 A4 00 00 00", full.as_str()), ("00 C0 00 00 01", "9000")];
        assert_eq!(
            check_trace("00 A4 00 00", &none).map(|response| response.data.len()),
            Ok(256)
        );
    }

    #[test]
    fn debug_never_shows_a_pin() {
        let verify = CommandApdu::with_data(Header::new(0, 0x20, 0, 0), b"12345678").expect("8 bytes fit");
        let shown = format!("{:?}", Exchange::new(verify));
        assert!(shown.contains("Transmit(00 20 00 00, 13 bytes)"), "{shown}");
        assert!(!shown.contains("49"), "{shown}");
    }
}
